//! Questions about single principals and places: who is meant by a name, how these get to a command, who gets there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::Graph;
use super::entry::Entry;
use super::index::{Db, SYSADMIN, Scope};
use super::node::Node;
use super::route::{Path, ReachedBy, State};
use super::search::Reach;
use super::survey::Limits;
use super::wording::Place;

/// Who gets to a place that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Goal {
    /// The place.
    pub to: Place,
    /// Who gets there.
    pub reached_by: ReachedBy,
    /// The shortest chain of each principal that is not an administrator by design, or of those that were asked for.
    pub paths: Vec<Path>,
}

/// How `dbo of Db` begins.
const DBO_OF: &str = "dbo of ";

impl Graph<'_> {
    /// The places that a name stands for: `sysadmin`, `dbo of Db`, a login or server role, `Db.user`, or else every user
    /// and role of that name in any database.
    pub fn named(&self, name: &str) -> Vec<Node> {
        let database = name.strip_prefix(DBO_OF);
        if let Some(db) = database.and_then(|db| self.index.database_named(db)) {
            return vec![Node::Owner(db)];
        }
        if let Some(id) = self.index.login_named(name) {
            let is_sysadmin = id == SYSADMIN;
            return vec![if is_sysadmin {
                Node::Sysadmin
            } else {
                Node::login(id)
            }];
        }
        let within: Vec<Node> = name
            .match_indices('.')
            .filter_map(|(at, _)| {
                let db = self.index.database_named(name.get(..at)?)?;
                self.user_named(db, name.get(at + 1..)?)
            })
            .collect();
        if !within.is_empty() {
            return within;
        }
        let databases = self.index.databases();
        databases
            .filter_map(|(db, _)| self.user_named(db, name))
            .collect()
    }

    fn user_named(&self, db: Db, name: &str) -> Option<Node> {
        let identity = self.index.snapshot.server.server_identity.known();
        let same = |own: &str| match identity {
            Some(identity) => identity.is_same_name(own, name),
            None => own.eq_ignore_ascii_case(name),
        };
        let mut users = self.index.database(db)?.database_principals.seen().iter();
        let user = users.find(|user| same(&user.name))?;
        Some(Node::principal(Scope::Database(db), user.principal_id))
    }

    /// Names of logins and server roles, and of users as `Db.user`: what [`Graph::named`] would find.
    pub fn names(&self) -> Vec<String> {
        let logins = self.index.snapshot.server.server_principals.seen().iter();
        let mut names: Vec<String> = logins.map(|login| login.name.clone()).collect();
        for (_, facts) in self.index.databases() {
            let users = facts.database_principals.seen().iter();
            names.extend(users.map(|user| format!("{}.{}", facts.name, user.name)));
        }
        names
    }

    /// Who gets to a place: everybody who can come in, or only those that were asked for.
    pub fn goal(&self, to: Node, asked: Option<&[Node]>, limits: Limits) -> Goal {
        let reach = Reach::new(self, to, None);
        let entries = self.entries();
        let others = entries.iter().filter(|entry| !entry.is_administrator);
        let others = others.map(|entry| entry.node);
        let nodes: Vec<Node> = match asked {
            Some(asked) => asked.to_vec(),
            None => reach.everybody().into_iter().chain(others).collect(),
        };
        let ranked = nodes.into_iter().filter(|node| *node != to);
        let ranked = ranked.filter_map(|node| Some((reach.way(node)?.cost, node)));
        let mut ranked: Vec<(u32, Node)> = ranked.collect();
        ranked.sort_unstable();
        let told = ranked.into_iter().map(|(_, node)| Path {
            principal: self.place(node),
            state: state_of(&reach, node).unwrap_or(State::Waiting),
            steps: self.told(&reach.chain(node)),
            arming: Vec::new(),
        });
        let short = told.filter(|path| path.steps.len() <= limits.steps);
        Goal {
            to: self.place(to),
            reached_by: self.reached_by(&reach, &entries),
            paths: short.take(limits.paths).collect(),
        }
    }

    fn reached_by(&self, reach: &Reach, entries: &[Entry]) -> ReachedBy {
        let mut by = ReachedBy {
            everyone: reach.everybody().is_some(),
            ..ReachedBy::default()
        };
        for entry in entries {
            match (entry.is_administrator, state_of(reach, entry.node)) {
                (_, None) => continue,
                (true, _) => by.administrators += 1,
                (false, Some(State::Open)) => by.open += 1,
                (false, Some(_)) => by.waiting += 1,
            }
            if !entry.is_administrator && entry.group == Some(None) {
                let group = self.place(entry.node).name;
                by.groups_of_unknown_size.push(group);
            }
        }
        by
    }
}

fn state_of(reach: &Reach, node: Node) -> Option<State> {
    let waits = reach.way(node)?.waits();
    Some(if waits { State::Waiting } else { State::Open })
}
