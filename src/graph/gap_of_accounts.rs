//! Windows and Entra accounts without a login of their own: they come in through the login of a group, and who is in a
//! group the catalog does not say.

use std::collections::BTreeSet;

use super::build::Graph;
use super::gap::{Assumption, Gap};
use super::index::{Db, Scope};
use super::node::Node;
use crate::ids::{DatabaseName, PrincipalId, named};
use crate::snapshot::{DatabaseFacts, Fact, FactState};

/// A sid longer than a SQL login's 16 bytes is a Windows or Entra account's.
fn is_of_windows(sid: &str) -> bool {
    const SHORT_SID: usize = 2 + 2 * 16;
    sid.len() > SHORT_SID
}

impl Graph<'_> {
    /// Whom groups could hold: users of databases, owners of databases, owners of jobs.
    pub(super) fn of_accounts(&self) -> Vec<Gap> {
        let people = self.index.people(Scope::Server).into_iter();
        let is_group = |id: &PrincipalId| {
            matches!(self.index.kind(Scope::Server, *id), Some("G" | "X"))
                && self.index.logs_in(*id)
        };
        let groups: Vec<PrincipalId> = people.filter(is_group).collect();
        let principals = &self.index.snapshot.server.server_principals;
        let Some(first) = groups.first().filter(|_| principals.is_settled()) else {
            return Vec::new();
        };
        let group = self.index.login(*first).map_or("?", |login| &login.name);
        let others = match groups.len() {
            1 => String::new(),
            count => format!(" or {} others", count - 1),
        };
        let shown = format!("the group {}{others}", named(group));
        let entries: BTreeSet<Node> = self.entries().into_iter().map(|e| e.node).collect();
        let mut gaps = Vec::new();
        for (db, facts) in self.index.databases() {
            gaps.extend(self.of_users(db, facts, &groups, (&shown, &entries)));
            gaps.extend(self.of_owner(db, &groups, &shown));
        }
        gaps.extend(self.of_job_owners());
        gaps
    }

    /// Users without a login: docs, CREATE USER, "connect through Windows group logins".
    fn of_users(
        &self,
        db: Db,
        facts: &DatabaseFacts,
        groups: &[PrincipalId],
        (shown, entries): (&str, &BTreeSet<Node>),
    ) -> Option<Gap> {
        let users = facts.database_principals.seen().iter();
        let users = users.filter(|user| {
            self.is_account_without_login(user)
                && !entries.contains(&Node::user(db, user.principal_id))
                && self.index.user_connects(db, user.principal_id)
        });
        let mut steps = Vec::new();
        let mut first = None;
        for user in users {
            first.get_or_insert(user.name.as_str());
            let to = Node::user(db, user.principal_id);
            steps.extend(groups.iter().map(|group| in_group(*group, to)));
        }
        let state = FactState {
            fact: Fact::DatabasePrincipals.name(),
            database: Some(facts.name.clone()),
            state: "partial",
            needs: vec![format!("whether {} is in {shown}", named(first?))],
        };
        Some(Gap::of(state, steps))
    }

    fn of_owner(&self, db: Db, groups: &[PrincipalId], shown: &str) -> Option<Gap> {
        let (row, _) = self.index.database_row(db)?;
        let sid = row.owner_sid.as_deref().filter(|sid| is_of_windows(sid))?;
        if self.login_of_sid(sid).is_some() {
            return None;
        }
        let state = FactState {
            fact: Fact::Databases.name(),
            database: Some(DatabaseName::new(&row.name)),
            state: "partial",
            needs: vec![format!("whether the owner is in {shown}")],
        };
        let steps = groups.iter().map(|group| in_group(*group, Node::Owner(db)));
        Some(Gap::of(state, steps.collect()))
    }

    /// A job whose owner has no login runs with the rights of the groups that he is in, a privileged one among them
    /// perhaps: what it calls is taken to run so.
    fn of_job_owners(&self) -> Option<Gap> {
        let group = self.privileged_group(None)?;
        let jobs = self.index.snapshot.server.jobs.seen().iter();
        let jobs = jobs.filter(|job| {
            let sid = job.owner_sid.as_deref().filter(|sid| is_of_windows(sid));
            self.index.is_run(job) && sid.is_some_and(|sid| self.login_of_sid(sid).is_none())
        });
        let ids: BTreeSet<&str> = jobs.map(|job| job.job_id.as_str()).collect();
        let steps = self.code.steps.iter();
        let steps = steps.filter(|step| ids.contains(step.job_id.as_str()));
        let mut assumed = Vec::new();
        for call in steps.flat_map(|step| &step.calls) {
            let db = self.index.database_named(call.database.as_str());
            assumed.extend(db.map(|db| Assumption {
                from: Node::Alters(db, call.object_id),
                to: Node::Sysadmin,
                waits: true,
            }));
        }
        if assumed.is_empty() {
            return None;
        }
        let state = FactState {
            fact: Fact::Jobs.name(),
            database: None,
            state: "partial",
            needs: vec![format!(
                "whether a job's owner is in the group {}",
                named(&group)
            )],
        };
        Some(Gap::of(state, assumed))
    }
}

fn in_group(group: PrincipalId, to: Node) -> Assumption {
    Assumption {
        from: Node::login(group),
        to,
        waits: false,
    }
}
