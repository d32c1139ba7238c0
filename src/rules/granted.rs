//! Rights that were given, as rules say them: to whom, whom that helps, how bad that is, with the rows that show it. A
//! right helps its grantee and who is in it; who can become one of these is a matter of `reached`.

use std::collections::BTreeSet;

use super::case::members_of;
use super::reached::Whom;
use super::{Case, Evidence, Judgement, Missing, Severity, Subject, named};
use crate::graph::{Granted, Index, Node, Scope};
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{Observed, RoleMember};

/// The last id of fixed server roles.
const LAST_FIXED_SERVER_ROLE: i32 = 20;

/// To whom a right was given, and whom it helps by that.
pub(super) struct Grantee<'a, 'c> {
    case: &'a Case<'c>,
    granted: &'a Granted,
    whom: Whom,
    /// Whether a role's members were not all seen, and none that it helps was.
    hidden_members: bool,
}

impl<'a, 'c> Grantee<'a, 'c> {
    /// Whom a right helps; `None` if that is nobody but administrators, or nobody could see whom.
    pub fn of(case: &'a Case<'c>, granted: &'a Granted) -> Option<Self> {
        let reaches = &granted.reaches;
        let is_role = case.graph().index().is_role(granted.scope, granted.grantee);
        let seen = members(case, granted.scope).is_settled();
        let mut hidden_members = false;
        let whom = if reaches.everybody || reaches.guests {
            Whom::Everybody
        } else if !reaches.people.is_empty() {
            Whom::Some
        } else if is_role && !seen && !is_fixed(granted) {
            hidden_members = true;
            Whom::Some
        } else if !reaches.asleep.is_empty() || (reaches.is_empty_role && !is_fixed(granted)) {
            Whom::Nobody
        } else {
            return None;
        };
        Some(Self {
            case,
            granted,
            whom,
            hidden_members,
        })
    }

    /// How bad that is.
    pub fn severity(&self) -> Severity {
        self.whom.severity()
    }

    /// The grantee as the subject of a verdict.
    pub fn subject(&self) -> Subject {
        let name = name(self.case, self.granted.scope, self.granted.grantee);
        match database(self.case, self.granted.scope) {
            Some(database) => Subject::within("principal", database, name),
            None => Subject::server("principal", name),
        }
    }

    /// The grantee in a sentence.
    pub fn named(&self) -> String {
        let scope = self.granted.scope;
        let shown = named(&name(self.case, scope, self.granted.grantee));
        match database(self.case, scope) {
            Some(database) => format!("{shown} of {}", named(database.as_str())),
            None => shown,
        }
    }

    /// Whom it helps besides, to follow what the grantee holds.
    pub fn through(&self) -> String {
        let (scope, reaches) = (self.granted.scope, &self.granted.reaches);
        if reaches.everybody {
            let is_closed = |db| self.case.graph().guest_entry(db).is_none();
            return match scope {
                Scope::Database(db) if is_closed(db) => ": that is every user of the database",
                _ => ": that is every login",
            }
            .to_owned();
        }
        let guests = ": that is every login without a user of its own there";
        let own = BTreeSet::from([self.granted.grantee]);
        if reaches.people == own || (reaches.guests && reaches.people.is_empty()) {
            let guests = reaches.guests.then_some(guests);
            return guests.unwrap_or_default().to_owned();
        }
        if reaches.asleep == own && reaches.people.is_empty() {
            return ", a login that is disabled".to_owned();
        }
        if self.hidden_members {
            return ", a role whose members were not all seen".to_owned();
        }
        let names = |ids: &BTreeSet<PrincipalId>| -> Vec<String> {
            let names = ids.iter().map(|id| named(&name(self.case, scope, *id)));
            names.collect()
        };
        let (people, asleep) = (names(&reaches.people), names(&reaches.asleep));
        match (people.is_empty(), asleep.is_empty()) {
            (true, true) => ", a role without members".to_owned(),
            (true, false) => format!(", and through it {}, disabled now", asleep.join(", ")),
            _ => {
                let guests = if reaches.guests { guests } else { "" };
                format!(", and through it {}{guests}", people.join(", "))
            }
        }
    }

    /// The rows that give the right, those of membership on the way, and who the principals are that a message names.
    pub fn evidence(&self) -> Vec<Evidence> {
        let (scope, graph) = (self.granted.scope, self.case.graph());
        let mut evidence = self.case.cited(&self.granted.facts);
        let rows = members(self.case, scope).seen();
        let reaches = &self.granted.reaches;
        let mut behind = BTreeSet::from([self.granted.grantee]);
        if !reaches.everybody {
            let people = reaches.people.iter().chain(&reaches.asleep).copied();
            behind.extend(people);
        }
        let fact = match scope {
            Scope::Server => "server_role_members",
            Scope::Database(_) => "database_role_members",
        };
        let mut roles = members_of(rows, self.granted.grantee);
        roles.insert(self.granted.grantee);
        let within = rows
            .iter()
            .filter(|row| roles.contains(&row.role_principal_id));
        evidence.extend(within.map(|row| Evidence::row(fact, database(self.case, scope), row)));
        for id in behind {
            let row = graph.index().principal_fact(scope, id);
            Evidence::extend(&mut evidence, self.case.cited(&row));
        }
        evidence
    }
}

/// Judges rights of the server: each that helps somebody is a finding, in the words of `say`, which may have further
/// rows to show. Passes where there is none.
pub(super) fn judge_grants(
    case: &Case<'_>,
    judgement: &mut Judgement,
    grants: impl IntoIterator<Item = Granted>,
    say: impl Fn(&Granted, &Grantee<'_, '_>) -> (String, Vec<Evidence>),
) {
    let mut hidden = Vec::new();
    for granted in grants {
        if let Some(missing) = unseen_grantee(case, &granted) {
            hidden.push(missing);
            continue;
        }
        let Some(grantee) = Grantee::of(case, &granted) else {
            continue;
        };
        let (message, more) = say(&granted, &grantee);
        let mut evidence = grantee.evidence();
        Evidence::extend(&mut evidence, more);
        judgement.fail_at(grantee.severity(), grantee.subject(), message, evidence);
    }
    if !hidden.is_empty() {
        judgement.unknown(Subject::instance(), hidden);
    }
    judgement.pass_unless_open();
}

/// What is missing where the grantee is not visible: nobody can say whether it is an administrator or a key.
pub(super) fn unseen_grantee(case: &Case<'_>, granted: &Granted) -> Option<Missing> {
    unseen_holder(case, granted.scope, granted.grantee, &granted.right)
}

/// The same for whoever holds a right.
pub(super) fn unseen_holder(
    case: &Case<'_>,
    scope: Scope,
    id: PrincipalId,
    right: &str,
) -> Option<Missing> {
    let index = case.graph().index();
    if index.is_role(scope, id) || index.kind(scope, id).is_some() {
        return None;
    }
    let need = format!("{}, which holds {right}", name(case, scope, id));
    Some(match scope {
        Scope::Server => {
            let list = &case.snapshot.server.server_principals;
            Missing::of("server_principals", None, list, need)
        }
        Scope::Database(db) => {
            let facts = index.database(db)?;
            let list = &facts.database_principals;
            Missing::of("database_principals", Some(&facts.name), list, need)
        }
    })
}

fn is_fixed(granted: &Granted) -> bool {
    match granted.scope {
        Scope::Server => granted.grantee.0 <= LAST_FIXED_SERVER_ROLE,
        Scope::Database(_) => Index::is_fixed_database_role(granted.grantee),
    }
}

fn members<'a>(case: &'a Case<'_>, scope: Scope) -> &'a Observed<Vec<RoleMember>> {
    let server = &case.snapshot.server.server_role_members;
    match scope {
        Scope::Server => server,
        Scope::Database(db) => {
            let facts = case.graph().index().database(db);
            facts.map_or(server, |facts| &facts.database_role_members)
        }
    }
}

fn database<'a>(case: &'a Case<'_>, scope: Scope) -> Option<&'a DatabaseName> {
    match scope {
        Scope::Server => None,
        Scope::Database(db) => case.graph().index().database(db).map(|facts| &facts.name),
    }
}

fn name(case: &Case<'_>, scope: Scope, id: PrincipalId) -> String {
    case.graph().place(Node::principal(scope, id)).name
}
