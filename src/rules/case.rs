//! What a rule judges: one snapshot, its module text, and what the inventory expects.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::analysis::Analysis;
use super::{Evidence, Judgement, Missing, Observations, Subject, named};
use crate::graph::{Code, FactRef, Graph, Groups};
use crate::ids::PrincipalId;
use crate::inventory::AuditNeeds;
use crate::snapshot::{
    Configuration, DatabaseFacts, ModuleTexts, RoleMember, ServerPrincipal, Snapshot, SqlLogin,
};

/// One instance to judge.
pub struct Case<'a> {
    /// Its facts.
    pub snapshot: &'a Snapshot,
    /// Its module text.
    pub texts: &'a ModuleTexts,
    /// What was observed in its modules when the text was at hand; goes before the text, which may be a part of it.
    pub observations: Option<&'a Observations>,
    /// Who is expected in sysadmin; `None` if the inventory does not say.
    pub expected_sysadmins: Option<&'a [String]>,
    /// The day as of which is judged, YYYY-MM-DD.
    as_of: &'a str,
    /// What the inventory says of Windows and Entra groups.
    groups: Groups,
    /// What the inventory wants of audits.
    audit_needs: AuditNeeds,
    /// What the modules do, read when somebody asks.
    analysis: OnceCell<Rc<Analysis<'a>>>,
    /// Who reaches what, made when somebody asks.
    graph: OnceCell<Graph<'a>>,
}

/// `sa`, whatever it is called now.
pub const SA: PrincipalId = PrincipalId(1);
/// The fixed server role `sysadmin`.
pub const SYSADMIN: PrincipalId = PrincipalId(3);

/// Sids of SQL logins and of Entra accounts are 16 bytes, those of Windows accounts longer; in hexadecimal digits.
pub const SHORT_SID: usize = 2 + 2 * 16;
/// The id of master.
pub const MASTER: i32 = 1;
/// The id of msdb.
pub const MSDB: i32 = 4;
/// `EngineEdition` of SQL Database, Synapse, Managed Instance, Synapse serverless and Fabric.
const AZURE_EDITIONS: &[i32] = &[5, 6, 8, 11, 12];

impl<'a> Case<'a> {
    /// Nothing observed yet.
    pub fn new(
        snapshot: &'a Snapshot,
        texts: &'a ModuleTexts,
        expected_sysadmins: Option<&'a [String]>,
    ) -> Self {
        Self {
            snapshot,
            texts,
            observations: None,
            expected_sysadmins,
            as_of: "",
            groups: Groups::default(),
            audit_needs: AuditNeeds::default(),
            analysis: OnceCell::new(),
            graph: OnceCell::new(),
        }
    }

    /// The same with what the inventory says of groups.
    #[must_use]
    pub fn with_groups(self, groups: Groups) -> Self {
        Self { groups, ..self }
    }

    /// The same with what the inventory wants of audits.
    #[must_use]
    pub fn with_audit_needs(self, audit_needs: AuditNeeds) -> Self {
        Self {
            audit_needs,
            ..self
        }
    }

    /// What the inventory wants of audits.
    pub fn audit_needs(&self) -> AuditNeeds {
        self.audit_needs
    }

    /// The same, judged as of a day.
    #[must_use]
    pub fn as_of(self, as_of: &'a str) -> Self {
        Self { as_of, ..self }
    }

    /// Days from the day as of which is judged to another; negative once it has passed; `None` without such a day.
    pub fn days_until(&self, day: &str) -> Option<i64> {
        crate::inventory::days_between(self.as_of, day)
    }

    /// The same with what was observed when all module text was at hand.
    #[must_use]
    pub fn with_observations(self, observations: Option<&'a Observations>) -> Self {
        Self {
            observations,
            ..self
        }
    }

    /// The same for questions that no text answers: every module whose text was collected counts as one that does
    /// nothing.
    #[must_use]
    pub fn without_reading(self) -> Self {
        let analysis = OnceCell::from(Rc::new(Analysis::blank(self.snapshot)));
        Self { analysis, ..self }
    }

    /// What the modules do.
    pub fn analysis(&self) -> &Analysis<'a> {
        self.shared_analysis()
    }

    fn shared_analysis(&self) -> &Rc<Analysis<'a>> {
        self.analysis.get_or_init(|| {
            Rc::new(match self.observations {
                Some(observations) => Analysis::from_observations(self.snapshot, observations),
                None => Analysis::new(self.snapshot, self.texts),
            })
        })
    }

    /// The same instance after a change of anything but its code, which is not read again.
    pub fn after<'s>(&self, snapshot: &'s Snapshot) -> Case<'s>
    where
        'a: 's,
    {
        Case {
            snapshot,
            texts: self.texts,
            observations: self.observations,
            expected_sysadmins: self.expected_sysadmins,
            as_of: self.as_of,
            groups: self.groups.clone(),
            audit_needs: self.audit_needs,
            analysis: OnceCell::from(Rc::clone(self.shared_analysis())),
            graph: OnceCell::new(),
        }
    }

    /// Who can make the instance run a command, by which steps.
    pub fn graph(&self) -> &Graph<'a> {
        self.graph.get_or_init(|| {
            let code = self.analysis().code();
            Graph::new(self.snapshot, code, &self.groups)
        })
    }

    /// The same, to assume things in.
    pub fn into_graph(self) -> Graph<'a> {
        self.graph();
        self.graph
            .into_inner()
            .unwrap_or_else(|| Graph::new(self.snapshot, Code::default(), &self.groups))
    }

    /// A configuration option. Absent from a whole list is not the same as off.
    pub fn option(&self, name: &str) -> Option<&'a Configuration> {
        self.snapshot
            .server
            .configurations
            .seen()
            .iter()
            .find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Judges an option that must be off: what is said where it runs, and where it is only configured to.
    pub fn must_be_off(
        &self,
        judgement: &mut Judgement,
        name: &str,
        since: u16,
        runs: &'static str,
        staged: &'static str,
    ) {
        self.judge_option(judgement, name, since, |option| match Switch::of(option) {
            Switch::On => Ruling::Bad(runs),
            Switch::Staged => Ruling::Bad(staged),
            Switch::Off => Ruling::Good,
            Switch::Unseen => Ruling::Unseen,
        });
    }

    /// Judges one option. A version before `since` does not have it. A row or value that is missing
    /// where it should be is unknown, never off.
    pub fn judge_option(
        &self,
        judgement: &mut Judgement,
        name: &str,
        since: u16,
        ruling: impl FnOnce(&Configuration) -> Ruling,
    ) {
        let Some(option) = self.option(name) else {
            if self.snapshot.server.configurations.is_settled() && self.predates(since) {
                return judgement.not_applicable("this version has no such option");
            }
            return self.option_unseen(judgement, name);
        };
        let evidence = vec![Evidence::row("configurations", None, option)];
        match ruling(option) {
            Ruling::Bad(message) => {
                judgement.fail(Subject::option(&option.name), message, evidence);
                judgement.is_answered();
            }
            Ruling::Good => judgement.pass_with(evidence),
            Ruling::Unseen => self.option_unseen(judgement, name),
        }
    }

    /// Says unknown for an option whose row or values were not seen.
    pub fn option_unseen(&self, judgement: &mut Judgement, name: &str) {
        let configurations = &self.snapshot.server.configurations;
        let needs = if configurations.is_settled() {
            vec![format!("the row of {name} with both its values")]
        } else {
            configurations.needs()
        };
        let missing = Missing {
            fact: "configurations".to_owned(),
            database: None,
            needs,
        };
        judgement.unknown(Subject::option(name), vec![missing]);
    }

    /// Whether the server is known to be older than a major version. Azure's services number their
    /// versions apart (a managed instance says 12), so of them nothing follows.
    pub fn predates(&self, since: u16) -> bool {
        let identity = self.snapshot.server.server_identity.known();
        let boxed = identity.is_some_and(|i| {
            i.engine_edition
                .is_some_and(|e| !AZURE_EDITIONS.contains(&e))
        });
        boxed && self.snapshot.major_version().is_some_and(|v| v < since)
    }

    /// Whether the server is known to run on Linux.
    pub fn is_on_linux(&self) -> bool {
        let host = self.snapshot.server.host.known();
        host.is_some_and(|h| h.platform.eq_ignore_ascii_case("Linux"))
    }

    /// Whether it is known to be Azure SQL Managed Instance.
    pub fn is_managed_instance(&self) -> bool {
        let identity = self.snapshot.server.server_identity.known();
        identity.is_some_and(crate::snapshot::ServerIdentity::is_managed_instance)
    }

    /// Says not applicable on Linux, where this channel does not exist. Returns whether it did. A
    /// platform that was not seen is judged as Windows, and nothing passes on it.
    pub fn not_on_linux(&self, judgement: &mut Judgement) -> bool {
        let linux = self.is_on_linux();
        if linux {
            judgement.does_not_arise("SQL Server on Linux does not have it");
        }
        linux
    }

    /// The same for `xp_cmdshell`, which a managed instance does not have either.
    pub fn without_xp_cmdshell(&self, judgement: &mut Judgement) -> bool {
        if self.is_managed_instance() {
            judgement.does_not_arise("Azure SQL Managed Instance does not have it");
            return true;
        }
        self.not_on_linux(judgement)
    }

    /// Whether the inventory leaves a database out.
    pub fn is_excluded(&self, database_id: i32) -> bool {
        let mut facts = self.snapshot.databases.iter();
        facts.any(|d| d.excluded && d.database_id == database_id)
    }

    /// Databases that the inventory does not exclude.
    pub fn databases(&self) -> impl Iterator<Item = &'a DatabaseFacts> {
        self.snapshot.databases.iter().filter(|d| !d.excluded)
    }

    /// The facts of master, unless the inventory excludes it.
    pub fn master(&self) -> Option<&'a DatabaseFacts> {
        self.databases().find(|d| d.database_id == MASTER)
    }

    /// Says not applicable where the inventory excludes master, and with it what is read there.
    /// Returns whether it did.
    pub fn master_is_excluded(&self, judgement: &mut Judgement) -> bool {
        let excluded = self.is_excluded(MASTER);
        if excluded {
            judgement.does_not_arise("the inventory excludes master");
        }
        excluded
    }

    /// The server principal with this id, if it is visible.
    pub fn login(&self, id: PrincipalId) -> Option<&'a ServerPrincipal> {
        let principals = self.snapshot.server.server_principals.seen();
        principals.iter().find(|p| p.principal_id == id)
    }

    /// A login's name as a subject, or its number when it is not visible.
    pub fn login_name(&self, id: PrincipalId) -> String {
        self.login(id)
            .map_or_else(|| format!("server principal {id}"), |p| p.name.clone())
    }

    /// A login of which only the number is visible, as a subject, and what is missing of it.
    pub fn hidden_login(&self, id: PrincipalId) -> (Subject, Missing) {
        let name = self.login_name(id);
        let list = &self.snapshot.server.server_principals;
        let missing = Missing::of(
            "server_principals",
            None,
            list,
            format!("the name of {name}"),
        );
        (Subject::server("principal", name), missing)
    }

    /// SQL logins that are not disabled, each with how its password is checked. Says unknown for one of which either
    /// was not seen, and not applicable for those that are disabled.
    pub fn enabled_sql_logins(
        &self,
        judgement: &mut Judgement,
    ) -> Vec<(&'a ServerPrincipal, &'a SqlLogin)> {
        let server = &self.snapshot.server;
        let rows = server.sql_logins.seen().iter();
        let mut rows: BTreeMap<PrincipalId, &SqlLogin> =
            rows.map(|row| (row.principal_id, row)).collect();
        let mut enabled = Vec::new();
        let principals = server.server_principals.seen().iter();
        for login in principals.filter(|p| p.r#type == "S") {
            let row = rows.remove(&login.principal_id);
            match row {
                _ if login.is_disabled == Some(true) => judgement.not_applicable("disabled"),
                Some(row) => enabled.push((login, row)),
                None => {
                    let need = format!("the row of {}", named(&login.name));
                    let missing = Missing::of("sql_logins", None, &server.sql_logins, need);
                    judgement.unknown(Subject::server("principal", &login.name), vec![missing]);
                }
            }
        }
        for id in rows.into_keys() {
            let (subject, missing) = self.hidden_login(id);
            judgement.unknown(subject, vec![missing]);
        }
        enabled
    }

    /// A login's name for a message.
    pub fn login_named(&self, id: PrincipalId) -> String {
        self.login(id)
            .map_or_else(|| format!("server principal {id}"), |p| named(&p.name))
    }

    /// The server principal with this sid.
    pub fn login_with_sid(&self, sid: &str) -> Option<&'a ServerPrincipal> {
        let principals = self.snapshot.server.server_principals.seen();
        principals.iter().find(|p| p.sid.as_deref() == Some(sid))
    }

    /// Rows of the graph as evidence, each once.
    pub fn cited<'f>(&self, facts: impl IntoIterator<Item = &'f FactRef>) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        let rows = facts.into_iter().map(|fact| self.graph().cite(*fact));
        Evidence::extend(&mut evidence, rows.map(Evidence::from));
        evidence
    }

    /// The rows of these server principals, as far as visible.
    pub fn login_rows(&self, ids: &BTreeSet<PrincipalId>) -> Vec<Evidence> {
        let principals = self.snapshot.server.server_principals.seen().iter();
        principals
            .filter(|p| ids.contains(&p.principal_id))
            .map(|p| Evidence::row("server_principals", None, p))
            .collect()
    }

    /// Everyone who is in sysadmin, directly or through nested roles, as far as visible; sa always.
    pub fn sysadmins(&self) -> BTreeSet<PrincipalId> {
        let mut members = members_of(self.snapshot.server.server_role_members.seen(), SYSADMIN);
        members.insert(SA);
        members
    }
}

/// How an option that switches something on stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It runs, whatever is configured.
    On,
    /// It is configured to run, but not seen running.
    Staged,
    /// Neither.
    Off,
    /// A value that matters was not seen.
    Unseen,
}

impl Switch {
    /// Reads both values; everything but 0 counts as on.
    pub fn of(option: &Configuration) -> Self {
        match (option.value, option.value_in_use) {
            (_, Some(running)) if running != 0 => Self::On,
            (Some(set), _) if set != 0 => Self::Staged,
            (Some(_), Some(_)) => Self::Off,
            _ => Self::Unseen,
        }
    }
}

/// What an option's values say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// As it should be.
    Good,
    /// Bad, in one sentence.
    Bad(&'static str),
    /// A value that matters was not seen.
    Unseen,
}

/// Certificates and keys have principals so that signed modules gain rights; nobody connects as one.
pub fn can_connect(principal_type: &str) -> bool {
    !matches!(principal_type, "C" | "K")
}

/// All roles that a principal is in, through any nesting.
pub fn roles_of(rows: &[RoleMember], member: PrincipalId) -> BTreeSet<PrincipalId> {
    let upward: Vec<RoleMember> = rows
        .iter()
        .map(|row| RoleMember {
            role_principal_id: row.member_principal_id,
            member_principal_id: row.role_principal_id,
        })
        .collect();
    members_of(&upward, member)
}

/// The membership rows on every way from a member up to a role, in the order of the list.
pub fn rows_between(
    rows: &[RoleMember],
    member: PrincipalId,
    role: PrincipalId,
) -> Vec<&RoleMember> {
    let mut above = roles_of(rows, member);
    above.insert(member);
    let mut below = members_of(rows, role);
    below.insert(role);
    rows.iter()
        .filter(|row| above.contains(&row.member_principal_id))
        .filter(|row| below.contains(&row.role_principal_id))
        .collect()
}

/// All members of a role through any nesting, without the role itself.
pub fn members_of(rows: &[RoleMember], role: PrincipalId) -> BTreeSet<PrincipalId> {
    let mut children: BTreeMap<PrincipalId, Vec<PrincipalId>> = BTreeMap::new();
    for row in rows {
        children
            .entry(row.role_principal_id)
            .or_default()
            .push(row.member_principal_id);
    }
    let mut found = BTreeSet::new();
    let mut open = vec![role];
    while let Some(role) = open.pop() {
        for member in children.get(&role).into_iter().flatten() {
            if found.insert(*member) {
                open.push(*member);
            }
        }
    }
    found
}
