//! What it checks: who besides sysadmin may execute xp_cmdshell: EXECUTE or CONTROL in master on the procedure, on the
//! schema sys or on the whole database, given to users, to roles (with their members, through any nesting), to public
//! or guest, and membership of db_owner, which covers it. A DENY on any of these, to the grantee, to a role it is in or
//! to public, takes a grant back, with one exception: whoever holds CONTROL on master as a database, or is in db_owner,
//! can act as dbo, whom no DENY binds, so only a DENY of CONTROL on the database counts for them. Nothing is taken back
//! from sysadmin and dbo, and nothing they hold is a finding. CONTROL SERVER covers it too: see control-server-granted.
//! Principals of certificates and keys do not count, since nobody connects as one (setup itself gives EXECUTE in
//! master to ##MS_AgentSigningCertificate##). What is seen to be granted is a finding unless something seen takes it
//! back. public and guest are critical, also where guest is a member of the role; a role without members is low. A
//! grantee whose name is hidden is unknown. Linux and Azure SQL Managed Instance do not have xp_cmdshell: not applicable
//! there.
//!
//! Why it matters: sysadmin does not need the grant. Whoever has it runs commands as the proxy account as soon as
//! xp_cmdshell runs and the proxy credential exists.
//!
//! How to fix: REVOKE EXECUTE ON xp_cmdshell FROM [name]; in master. ALTER ROLE [role] DROP MEMBER [name]; where that is
//! the way.
//!
//! When it is fine: an application account that needs one command; better give it a signed procedure or an Agent job.
//!
//! References: docs: xp_cmdshell, GRANT system object permissions, permissions (algorithm); Microsoft VA1017

use std::collections::{BTreeMap, BTreeSet};

use super::case::{can_connect, members_of, roles_of};
use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, named};
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{
    DatabaseFacts, DatabasePrincipal, Fact, Observed, Permission, RoleMember,
    SystemExtendedProcedure,
};

pub(super) static RULE: Rule = Rule {
    id: "PRIV-002",
    slug: "xp-cmdshell-granted",
    title: "xp_cmdshell may be executed without being sysadmin",
    severity: Severity::Critical,
    facts: &[Fact::Host, Fact::ServerPrincipals, Fact::ServerRoleMembers],
    master_facts: &[
        Fact::SystemExtendedProcedures,
        Fact::DatabasePermissions,
        Fact::DatabasePrincipals,
        Fact::DatabaseRoleMembers,
    ],
    msdb_facts: &[],
    controls: &["nist-800-53r5:AC-6(10)", "ms-va:VA1017"],
    attack: &["T1505.001", "T1059.003"],
    source: include_str!("xp_cmdshell_granted.rs"),
    check,
};

const PUBLIC: PrincipalId = PrincipalId(0);
const DBO: PrincipalId = PrincipalId(1);
const GUEST: PrincipalId = PrincipalId(2);
const DB_OWNER: PrincipalId = PrincipalId(16384);
const SYS_SCHEMA: i32 = 4;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.without_xp_cmdshell(judgement) {
        return;
    }
    if case.master_is_excluded(judgement) {
        return;
    }
    let Some(master) = case.master() else {
        return;
    };
    let grants = InMaster::new(case, master);
    let mut missing = Vec::new();
    grants.judge(&mut missing, judgement);
    let procedures = &case.snapshot.server.system_extended_procedures;
    if procedures.is_settled() && grants.xp_cmdshell.is_none() {
        missing.push(Missing::new(
            "system_extended_procedures",
            Some(&master.name),
            "the row of xp_cmdshell",
        ));
    }
    if !missing.is_empty() {
        judgement.unknown(Subject::instance(), missing);
    }
    judgement.pass_unless_open();
}

fn is_grant(permission: &Permission) -> bool {
    matches!(permission.state.as_str(), "G" | "W")
}

const GUESTS: &str = ": that is every login without a user of its own in master";

/// Whom a grant reaches.
enum Reach {
    Everybody,
    Guests,
    Grantee,
    Members(Vec<PrincipalId>),
    /// A role's members, of whom guest is one.
    MembersAndGuests(Vec<PrincipalId>),
    /// A role that has none.
    NoMembers,
    /// A role of which nobody was seen that the grant helps, and not all members were seen.
    HiddenMembers,
}

impl Reach {
    fn severity(&self) -> Severity {
        match self {
            Self::Everybody | Self::Guests | Self::MembersAndGuests(_) => Severity::Critical,
            Self::Grantee | Self::Members(_) | Self::HiddenMembers => Severity::High,
            Self::NoMembers => Severity::Low,
        }
    }

    /// The members that a message names.
    fn members(&self) -> &[PrincipalId] {
        match self {
            Self::Members(ids) | Self::MembersAndGuests(ids) => ids,
            _ => &[],
        }
    }

    fn through(&self, name_of: impl Fn(PrincipalId) -> String) -> String {
        match self {
            Self::Everybody => ": that is every login".to_owned(),
            Self::Guests => GUESTS.to_owned(),
            Self::Grantee => String::new(),
            Self::NoMembers => ", a role without members".to_owned(),
            Self::HiddenMembers => ", a role whose members were not all seen".to_owned(),
            Self::Members(ids) | Self::MembersAndGuests(ids) => {
                let names: Vec<String> = ids.iter().map(|id| name_of(*id)).collect();
                let guests = matches!(self, Self::MembersAndGuests(_)).then_some(GUESTS);
                let guests = guests.unwrap_or_default();
                format!(", and through it {}{guests}", names.join(", "))
            }
        }
    }

    /// Whom a grant to a role reaches; `None` if it helps nobody.
    fn of_role(
        role: PrincipalId,
        members: &Observed<Vec<RoleMember>>,
        is_role: impl Fn(PrincipalId) -> bool,
        is_open: impl Fn(PrincipalId) -> bool,
    ) -> Option<Self> {
        let inside = members_of(members.seen(), role).into_iter();
        let people: Vec<PrincipalId> = inside.filter(|id| !is_role(*id)).collect();
        let none = people.is_empty();
        let open: Vec<PrincipalId> = people.into_iter().filter(|id| is_open(*id)).collect();
        match (open.is_empty(), members.is_settled()) {
            (false, _) => Some(Self::Members(open)),
            (true, false) => Some(Self::HiddenMembers),
            (true, true) => none.then_some(Self::NoMembers),
        }
    }
}

/// The principals that a message names.
fn behind(grantee: PrincipalId, reach: &Reach) -> BTreeSet<PrincipalId> {
    let members = reach.members().iter().copied();
    members.chain([grantee]).collect()
}

/// The membership rows that lead from a role to its members.
fn member_rows(
    fact: &str,
    database: Option<&DatabaseName>,
    rows: &[RoleMember],
    role: PrincipalId,
) -> Vec<Evidence> {
    let mut roles = members_of(rows, role);
    roles.insert(role);
    rows.iter()
        .filter(|row| roles.contains(&row.role_principal_id))
        .map(|row| Evidence::row(fact, database, row))
        .collect()
}

/// What master says about xp_cmdshell.
struct InMaster<'a, 'c> {
    case: &'a Case<'c>,
    master: &'a DatabaseFacts,
    xp_cmdshell: Option<&'a SystemExtendedProcedure>,
    sysadmins: BTreeSet<PrincipalId>,
}

impl<'a, 'c> InMaster<'a, 'c> {
    fn new(case: &'a Case<'c>, master: &'a DatabaseFacts) -> Self {
        let server = &case.snapshot.server;
        let mut procedures = server.system_extended_procedures.seen().iter();
        let is_it = |p: &&SystemExtendedProcedure| {
            p.object_id < 0 && p.name.eq_ignore_ascii_case("xp_cmdshell")
        };
        Self {
            case,
            master,
            xp_cmdshell: procedures.find(is_it),
            sysadmins: case.sysadmins(),
        }
    }

    /// Of a grantee that is not visible nobody can say whether it is one of setup's certificates.
    fn judge(&self, missing: &mut Vec<Missing>, judgement: &mut Judgement) {
        let mut by_grantee: BTreeMap<PrincipalId, Vec<&Permission>> = BTreeMap::new();
        for permission in self.relevant().filter(|p| is_grant(p)) {
            let grantee = permission.grantee_principal_id;
            by_grantee.entry(grantee).or_default().push(permission);
        }
        self.db_owner(judgement);
        for (grantee, permissions) in by_grantee {
            if self.principal(grantee).is_none() && ![PUBLIC, DBO, GUEST].contains(&grantee) {
                let what = describe(&permissions);
                let holds = format!("database principal {grantee}, which holds {what}");
                let (master, list) = (&self.master.name, &self.master.database_principals);
                let unseen = Missing::of("database_principals", Some(master), list, holds);
                missing.push(unseen);
                continue;
            }
            let reaches = |p: &&Permission| self.reach(grantee, &[*p]).is_some();
            let open: Vec<&Permission> = permissions.into_iter().filter(reaches).collect();
            if let Some(reach) = self.reach(grantee, &open) {
                self.report(grantee, &open, &reach, judgement);
            }
        }
    }

    fn reach(&self, grantee: PrincipalId, permissions: &[&Permission]) -> Option<Reach> {
        let is_open = |id| {
            let mut grants = permissions.iter();
            !self.is_exempt(id) && grants.any(|p| !self.is_denied(id, is_control_of_master(p)))
        };
        if !is_open(grantee) {
            return None;
        }
        match grantee {
            PUBLIC => Some(Reach::Everybody),
            GUEST => Some(Reach::Guests),
            role if self.is_role(role) => self.reach_of_role(role, is_open),
            _ => Some(Reach::Grantee),
        }
    }

    fn reach_of_role(
        &self,
        role: PrincipalId,
        is_open: impl Fn(PrincipalId) -> bool,
    ) -> Option<Reach> {
        let members = &self.master.database_role_members;
        let reach = Reach::of_role(role, members, |id| self.is_role(id), is_open)?;
        Some(match reach {
            Reach::Members(ids) if ids.contains(&GUEST) => Reach::MembersAndGuests(ids),
            reach => reach,
        })
    }

    /// Rows about EXECUTE or CONTROL on the procedure or what contains it.
    fn relevant(&self) -> impl Iterator<Item = &'a Permission> {
        let xp_cmdshell = self.xp_cmdshell.map(|procedure| procedure.object_id);
        let rows = self.master.database_permissions.seen().iter();
        rows.filter(move |p| {
            let on_it = match p.class {
                0 => true,
                1 => Some(p.major_id) == xp_cmdshell,
                3 => p.major_id == SYS_SCHEMA,
                _ => false,
            };
            on_it && matches!(p.r#type.as_str(), "EX" | "CL")
        })
    }

    fn principal(&self, id: PrincipalId) -> Option<&'a DatabasePrincipal> {
        let principals = self.master.database_principals.seen();
        principals.iter().find(|p| p.principal_id == id)
    }

    fn name_of(&self, id: PrincipalId) -> String {
        self.principal(id)
            .map_or_else(|| format!("database principal {id}"), |p| p.name.clone())
    }

    fn named(&self, id: PrincipalId) -> String {
        self.principal(id)
            .map_or_else(|| format!("database principal {id}"), |p| named(&p.name))
    }

    fn is_role(&self, id: PrincipalId) -> bool {
        self.principal(id).is_some_and(|p| p.r#type == "R")
    }

    /// Nobody can connect as it, or no grant adds to what it has.
    fn is_exempt(&self, id: PrincipalId) -> bool {
        let Some(principal) = self.principal(id) else {
            return id == DBO;
        };
        let login = principal
            .sid
            .as_deref()
            .and_then(|sid| self.case.login_with_sid(sid));
        id == DBO
            || !can_connect(&principal.r#type)
            || login.is_some_and(|login| self.sysadmins.contains(&login.principal_id))
    }

    /// Any DENY on the way beats a grant. Who can act as dbo is bound only by what takes that away.
    fn is_denied(&self, id: PrincipalId, acts_as_dbo: bool) -> bool {
        let mut own = roles_of(self.master.database_role_members.seen(), id);
        own.extend([id, PUBLIC]);
        self.relevant()
            .filter(|p| p.state == "D" && (!acts_as_dbo || is_control_of_master(p)))
            .any(|p| own.contains(&p.grantee_principal_id))
    }

    fn report(
        &self,
        grantee: PrincipalId,
        permissions: &[&Permission],
        reach: &Reach,
        judgement: &mut Judgement,
    ) {
        let through = reach.through(|id| self.named(id));
        let holds = describe(permissions);
        let message = format!("{} holds {holds}{through}", self.named(grantee));
        let database = Some(&self.master.name);
        let rows = permissions.iter();
        let mut evidence: Vec<Evidence> = rows
            .map(|row| Evidence::row("database_permissions", database, row))
            .collect();
        if permissions.iter().any(|p| p.class == 1) {
            let row = self.xp_cmdshell.into_iter();
            evidence
                .extend(row.map(|row| Evidence::row("system_extended_procedures", database, row)));
        }
        evidence.extend(self.rows_behind(grantee, reach));
        let name = self.name_of(grantee);
        let subject = Subject::within("principal", &self.master.name, name);
        judgement.fail_at(reach.severity(), subject, message, evidence);
    }

    /// The rows that say who is in a role, and who the principals are that a message names.
    fn rows_behind(&self, grantee: PrincipalId, reach: &Reach) -> Vec<Evidence> {
        let database = Some(&self.master.name);
        let members = self.master.database_role_members.seen();
        let mut evidence = member_rows("database_role_members", database, members, grantee);
        let ids = behind(grantee, reach);
        let principals = self.master.database_principals.seen().iter();
        let rows = principals.filter(|p| ids.contains(&p.principal_id));
        evidence.extend(rows.map(|row| Evidence::row("database_principals", database, row)));
        evidence
    }

    /// db_owner has CONTROL by what it is, without a row that says so.
    fn db_owner(&self, judgement: &mut Judgement) {
        let is_open = |id| !self.is_exempt(id) && !self.is_denied(id, true);
        let Some(reach) = self.reach_of_role(DB_OWNER, is_open) else {
            return;
        };
        if reach.members().is_empty() {
            return;
        }
        let through = reach.through(|id| self.named(id));
        let message = format!("db_owner of master covers xp_cmdshell{through}");
        let evidence = self.rows_behind(DB_OWNER, &reach);
        let subject = Subject::within("principal", &self.master.name, "db_owner");
        judgement.fail_at(reach.severity(), subject, message, evidence);
    }
}

/// CONTROL on master as a database: with it one can act as dbo.
fn is_control_of_master(permission: &Permission) -> bool {
    permission.class == 0 && permission.r#type == "CL"
}

fn describe(permissions: &[&Permission]) -> String {
    let parts = permissions.iter().map(|permission| {
        let what = if permission.r#type == "CL" {
            "CONTROL"
        } else {
            "EXECUTE"
        };
        let on = match permission.class {
            0 => "everything in master",
            3 => "the schema sys of master",
            _ => "xp_cmdshell",
        };
        format!("{what} on {on}")
    });
    parts.collect::<Vec<_>>().join(" and ")
}
