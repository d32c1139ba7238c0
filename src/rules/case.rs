//! What a rule judges: one snapshot, its module text, and what the inventory expects.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judgement, Missing, Subject};
use crate::ids::PrincipalId;
use crate::snapshot::{Configuration, DatabaseFacts, Module, ModuleTexts, RoleMember, Snapshot};
use crate::tsql::{self, Channel};

/// One instance to judge.
pub struct Case<'a> {
    /// Its facts.
    pub snapshot: &'a Snapshot,
    /// Its module text.
    pub texts: &'a ModuleTexts,
    /// Who is expected in sysadmin; `None` if the inventory does not say.
    pub expected_sysadmins: Option<&'a [String]>,
}

/// `sysadmin`'s fixed id.
pub const SYSADMIN: PrincipalId = PrincipalId(3);

impl<'a> Case<'a> {
    /// A configuration option. Absent from a whole list is not the same as off.
    pub fn option(&self, name: &str) -> Option<&'a Configuration> {
        self.snapshot
            .server
            .configurations
            .seen()
            .iter()
            .find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Judges one option by its configured and its running value. Asks nothing of versions before
    /// `since`; a row or value that is missing where it should be is unknown, never off.
    pub fn judge_option(
        &self,
        judgement: &mut Judgement,
        name: &str,
        since: u16,
        mut judge: impl FnMut(&mut Judgement, &Configuration, i32, i32),
    ) {
        let configurations = &self.snapshot.server.configurations;
        let option = self.option(name);
        if let Some(option) = option
            && let (Some(set), Some(running)) = (option.value, option.value_in_use)
        {
            return judge(judgement, option, set, running);
        }
        if option.is_none()
            && configurations.is_settled()
            && self
                .snapshot
                .major_version()
                .is_some_and(|version| version < since)
        {
            return judgement.not_applicable("this version has no such option");
        }
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

    /// Says not applicable on Linux, where this channel does not exist. Returns whether it did. A
    /// platform that was not seen is judged as Windows.
    pub fn not_on_linux(&self, judgement: &mut Judgement) -> bool {
        let linux = self
            .snapshot
            .server
            .host
            .known()
            .is_some_and(|h| h.platform.eq_ignore_ascii_case("Linux"));
        if linux {
            judgement.not_applicable("SQL Server on Linux does not have it");
        }
        linux
    }

    /// Says unknown where databases may exist that are not listed.
    pub fn databases_are_known(&self, judgement: &mut Judgement) {
        judgement.unless_settled(
            Subject::instance(),
            "databases",
            None,
            &self.snapshot.server.databases,
        );
    }

    /// Databases that the inventory does not exclude.
    pub fn databases(&self) -> impl Iterator<Item = &'a DatabaseFacts> {
        self.snapshot.databases.iter().filter(|d| !d.excluded)
    }

    /// The facts of master, if they were read.
    pub fn master(&self) -> Option<&'a DatabaseFacts> {
        self.databases().find(|d| d.name.as_str() == "master")
    }

    /// A login's name, or its number when it is not visible.
    pub fn login_name(&self, id: PrincipalId) -> String {
        let principals = self.snapshot.server.server_principals.seen();
        principals
            .iter()
            .find(|p| p.principal_id == id)
            .map_or_else(|| format!("server principal {id}"), |p| p.name.clone())
    }

    /// The server principal with this sid.
    pub fn login_with_sid(&self, sid: &str) -> Option<PrincipalId> {
        let principals = self.snapshot.server.server_principals.seen();
        principals
            .iter()
            .find(|p| p.sid.as_deref() == Some(sid))
            .map(|p| p.principal_id)
    }

    /// Modules whose code executes text that could not be read.
    pub fn modules_with_unread_dynamic_sql(&self) -> u32 {
        let databases = self.databases().flat_map(|d| d.modules.seen());
        let modules = databases.chain(self.snapshot.server.server_modules.seen());
        let unread = |module: &&Module| {
            let hash = module.definition.known();
            let text = hash.and_then(|hash| self.texts.get(&hash.sha256));
            let quoted = module.uses_quoted_identifier != Some(false);
            text.is_some_and(|text| {
                let mut observations = tsql::observe(text, quoted).into_iter();
                observations.any(|o| o.channel == Channel::DynamicUnresolved)
            })
        };
        u32::try_from(modules.filter(unread).count()).unwrap_or(u32::MAX)
    }

    /// Everyone who is in sysadmin, directly or through nested roles, as far as visible.
    pub fn sysadmins(&self) -> BTreeSet<PrincipalId> {
        members_of(self.snapshot.server.server_role_members.seen(), SYSADMIN)
    }
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
