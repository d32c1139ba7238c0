//! What follows from what a preflight saw. Pure: nothing is asked here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{IN_DATABASE, Seen, Times, fix};
use crate::collect::grants::{self, Grant, Right, ServerRight};
use crate::collect::plan::TargetPlan;
use crate::collect::query::{self, Query, Scope, Sight};
use crate::collect::sight;
use crate::collect::sight::TableDoubt;
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{
    DatabaseFacts, Denial, EntryState, Estimate, Observed, PUBLIC_LOGIN, PUBLIC_USER, Permission,
    Preflight, PreflightDatabase, PreflightGap, PreflightLogin, PreflightRight, RightState,
    ServerFacts, SessionIdentity, TokenRow, Trouble,
};

/// Securable class of a whole database.
const WHOLE_DATABASE: i32 = 0;
/// No collection is promised to be faster, in milliseconds.
const FLOOR_MS: u32 = 100;

/// Concludes from what was seen, and from what ended it early.
pub fn conclude(mut seen: Seen, plan: &TargetPlan, trouble: Option<Trouble>) -> Preflight {
    let mut found = Preflight::unseen(plan.id.clone(), plan.connection());
    found.trouble = trouble;
    if let Some((identity, session, version)) = seen.identity.take() {
        let known = Known {
            session: &session,
            version,
            exempt: session.is_sysadmin == Some(true),
        };
        found.login = Some(login_of(&session));
        found.tls = seen.tls.clone();
        found.rights = known.rights(&seen);
        found.beyond = known.beyond();
        let mut gaps = Gaps::default();
        found.denials = known.denials(&seen, &mut gaps);
        known.of_server(&mut seen.server, &seen.tls, &found.denials, &mut gaps);
        known.of_databases(&seen.inside, &found.denials, &mut gaps);
        found.gaps = gaps.into_list();
        if found.trouble.is_none() {
            found.estimate = Some(estimate(&seen.times, &seen, plan, version));
        }
        not_tried(&mut seen, found.trouble.as_ref());
        found.fix = fix::statements(
            &found,
            &seen.databases,
            &seen.server.login_token,
            &session,
            &identity,
            version,
        );
        found.server = Some(identity);
        found.databases = seen.databases;
    }
    found.conclude();
    found
}

/// Databases that trouble kept from being tried.
fn not_tried(seen: &mut Seen, trouble: Option<&Trouble>) {
    let Some(trouble) = trouble else {
        return;
    };
    let tried: BTreeSet<i32> = seen.databases.iter().map(|d| d.database_id).collect();
    let left = seen.server.databases.seen().iter();
    let left = left.filter(|row| !tried.contains(&row.database_id));
    seen.databases.extend(left.map(|row| PreflightDatabase {
        database_id: row.database_id,
        name: DatabaseName::new(row.name.clone()),
        state: EntryState::Unknown,
        why: Some(format!("not tried: {}", trouble.why)),
        auto_close: row.is_auto_close_on == Some(true),
    }));
}

fn login_of(session: &SessionIdentity) -> PreflightLogin {
    PreflightLogin {
        original_login: session.original_login.clone(),
        login: session.login.clone(),
        auth_scheme: session.auth_scheme.clone(),
        net_transport: session.net_transport.clone(),
        is_sysadmin: session.is_sysadmin,
    }
}

/// Reasons, each with the facts that it concerns.
#[derive(Default)]
struct Gaps(BTreeMap<(Option<DatabaseName>, String), Vec<&'static str>>);

impl Gaps {
    fn add(&mut self, database: Option<&DatabaseName>, need: &str, facts: &[&'static str]) {
        let key = (database.cloned(), need.to_owned());
        self.0.entry(key).or_default().extend(facts);
    }

    fn into_list(self) -> Vec<PreflightGap> {
        let gap = |((database, need), facts)| PreflightGap {
            database,
            need,
            facts,
        };
        self.0.into_iter().map(gap).collect()
    }
}

/// What is known of the session.
struct Known<'a> {
    session: &'a SessionIdentity,
    version: u16,
    /// sysadmin sees everything, whatever is denied.
    exempt: bool,
}

impl Known<'_> {
    fn holds(&self, right: ServerRight) -> bool {
        self.exempt || right.is_held(self.session)
    }

    fn rights(&self, seen: &Seen) -> Vec<PreflightRight> {
        let grants = grants::least(self.version);
        grants.iter().map(|grant| self.right(grant, seen)).collect()
    }

    fn right(&self, grant: &Grant, seen: &Seen) -> PreflightRight {
        let (state, why) = match grant.right {
            Right::Server(right) if self.holds(right) => (RightState::Held, None),
            right if right == grants::entry(self.version) => entry_state(right, seen),
            Right::Server(_) => self.replaced(&grant.queries),
            Right::Select(_) | Right::User => select_state(&grant.queries, seen),
        };
        PreflightRight {
            right: grant.right.text(),
            state,
            why,
            shows: grant.queries.iter().map(|query| query.name).collect(),
        }
    }

    /// Whether a wider right does for everything that needs this one.
    fn replaced(&self, queries: &[&Query]) -> (RightState, Option<String>) {
        let instead = |query: &&Query| {
            let mut rights = grants::showing(query.sight).iter();
            rights.find(|right| self.holds(**right)).copied()
        };
        let held: Vec<_> = queries.iter().map(instead).collect();
        match held.first() {
            Some(Some(right)) if held.iter().all(Option::is_some) => {
                let why = format!("{} is held", right.name());
                (RightState::NotNeeded, Some(why))
            }
            _ => (RightState::Missing, None),
        }
    }

    fn beyond(&self) -> Vec<PreflightRight> {
        let grants = grants::beyond(self.version).into_iter();
        let right = |grant: Grant| {
            let held = match grant.right {
                Right::Server(right) => self.holds(right),
                Right::User | Right::Select(_) => false,
            };
            PreflightRight {
                right: grant.right.text(),
                state: if held {
                    RightState::Held
                } else {
                    RightState::NotNeeded
                },
                why: (!held).then(|| "more than an auditor should hold".to_owned()),
                shows: grant.queries.iter().map(|query| query.name).collect(),
            }
        };
        grants.map(right).collect()
    }

    /// DENY rows that bind the login; where they could not be read, that is a gap.
    fn denials(&self, seen: &Seen, gaps: &mut Gaps) -> Vec<Denial> {
        if self.exempt {
            return Vec::new();
        }
        let server = &seen.server;
        let rows = server.hiding_denials();
        // Where they were not read the server's facts say so themselves.
        let mut found: Vec<Denial> = rows
            .iter()
            .flatten()
            .map(|row| denial(None, row, server.login_token.seen()))
            .collect();
        for facts in &seen.inside {
            match facts.hiding_denials() {
                Some(rows) => {
                    let token = facts.user_token.seen();
                    found.extend(rows.iter().map(|row| denial(Some(&facts.name), row, token)));
                }
                None => gaps.add(
                    Some(&facts.name),
                    "the permissions and the auditor's own principals, to know which DENY binds it",
                    IN_DATABASE,
                ),
            }
        }
        found.sort();
        found
    }

    /// Facts of the instance that are not whole for another reason than a right of the list or a DENY.
    fn of_server(
        &self,
        server: &mut ServerFacts,
        tls: &Observed<crate::snapshot::ServerTls>,
        denials: &[Denial],
        gaps: &mut Gaps,
    ) {
        let removals: Vec<String> = denials
            .iter()
            .filter(|denial| denial.database.is_none())
            .map(removal)
            .collect();
        let asked = query::of(Scope::Server).filter(|q| q.versions.contains(&self.version));
        for query in asked.filter(|q| !q.sight.is_beyond_least()) {
            let missing = sight::server_need(self.session, query.sight);
            let Some(fact) = server.named_mut(query.name) else {
                continue;
            };
            // A refusal is what a missing right looks like.
            if missing.is_some() && fact.state() == "denied" {
                continue;
            }
            for need in fact.needs() {
                if missing.as_ref() != Some(&need) && !removals.contains(&need) {
                    gaps.add(None, &need, &[query.name]);
                }
            }
        }
        for need in tls.needs() {
            gaps.add(None, &need, &["server_tls"]);
        }
    }

    /// The same for the databases that were entered.
    fn of_databases(&self, inside: &[DatabaseFacts], denials: &[Denial], gaps: &mut Gaps) {
        for facts in inside {
            self.definitions(facts, denials, gaps);
            if facts.name.as_str() == "msdb" && facts.objects.known().is_some() {
                for query in query::of(Scope::Msdb) {
                    if let Some(TableDoubt::Doubted(why)) = sight::doubt_about(facts, query) {
                        gaps.add(Some(&facts.name), &why, &[query.name]);
                    }
                }
            } else if facts.name.as_str() == "msdb" {
                for need in facts.objects.needs() {
                    gaps.add(Some(&facts.name), &need, &["objects"]);
                }
            }
        }
    }

    /// VIEW DEFINITION inside, which the server right gives unless something takes it back.
    fn definitions(&self, facts: &DatabaseFacts, denials: &[Denial], gaps: &mut Gaps) {
        let Some(session) = facts.database_session.known() else {
            for need in facts.database_session.needs() {
                gaps.add(Some(&facts.name), &need, &["database_session"]);
            }
            return;
        };
        let held = session.view_definition == Some(true);
        let explained = !self.holds(ServerRight::ViewAnyDefinition)
            || denials.iter().any(|denial| {
                denial
                    .database
                    .as_ref()
                    .is_none_or(|name| *name == facts.name)
                    && (denial.database.is_none() || denial.class == WHOLE_DATABASE)
            });
        if !held && !self.exempt && !explained {
            let of_definition: Vec<_> = query::of(Scope::Database)
                .filter(|q| q.versions.contains(&self.version))
                .filter(|q| q.sight == Sight::DatabaseDefinition)
                .map(|q| q.name)
                .collect();
            gaps.add(
                Some(&facts.name),
                "VIEW DEFINITION in the database",
                &of_definition,
            );
        }
    }
}

fn entry_state(right: Right, seen: &Seen) -> (RightState, Option<String>) {
    let refused = |database: &&PreflightDatabase| database.state == EntryState::NoAccess;
    match (seen.databases.iter().filter(refused).count(), right) {
        (0, _) if seen.databases.is_empty() => (
            RightState::Unknown,
            Some("no database was tried".to_owned()),
        ),
        (0, Right::User) => (RightState::Held, None),
        (0, _) => (
            RightState::NotNeeded,
            Some("every database that was tried is open".to_owned()),
        ),
        (count, _) => (
            RightState::Missing,
            Some(format!(
                "databases that cannot be entered (error 916): {count}"
            )),
        ),
    }
}

/// Whether msdb's tables answered, by the queries themselves.
fn select_state(queries: &[&Query], seen: &Seen) -> (RightState, Option<String>) {
    let Some(probed) = &seen.probed else {
        let msdb = seen.databases.iter().find(|d| d.name.as_str() == "msdb");
        let why = msdb.and_then(|d| d.why.clone());
        let why = why.unwrap_or_else(|| "it was not reached".to_owned());
        return (
            RightState::Unknown,
            Some(format!("msdb was not entered: {why}")),
        );
    };
    let mut probed = probed.clone();
    for query in queries {
        let Some(fact) = probed.named_mut(query.name) else {
            continue;
        };
        let why = fact.needs().join(", ");
        match fact.state() {
            "known" => {}
            "denied" => return (RightState::Missing, Some(why)),
            _ => return (RightState::Unknown, Some(why)),
        }
    }
    (RightState::Held, None)
}

fn denial(database: Option<&DatabaseName>, row: &Permission, token: &[TokenRow]) -> Denial {
    let of_row = |t: &&TokenRow| t.principal_id == Some(row.grantee_principal_id);
    let public = [PUBLIC_LOGIN, PUBLIC_USER].contains(&row.grantee_principal_id);
    let named = token.iter().find(of_row).and_then(|t| t.name.clone());
    Denial {
        database: database.cloned(),
        permission: row
            .permission_name
            .clone()
            .unwrap_or_else(|| "?".to_owned()),
        class: row.class,
        major_id: row.major_id,
        principal_id: row.grantee_principal_id.0,
        principal: named.or_else(|| public.then(|| "public".to_owned())),
    }
}

/// What the sight of a fact says that this DENY asks for.
fn removal(denial: &Denial) -> String {
    sight::removal(&Permission {
        class: denial.class,
        major_id: denial.major_id,
        minor_id: 0,
        grantee_principal_id: PrincipalId(denial.principal_id),
        grantor_principal_id: PrincipalId(0),
        r#type: String::new(),
        permission_name: Some(denial.permission.clone()),
        state: "D".to_owned(),
    })
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn estimate(times: &Times, seen: &Seen, plan: &TargetPlan, version: u16) -> Estimate {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let databases = count(seen.inside.len());
    let sessions = count(plan.sessions).min(databases).max(1);
    let msdb = u32::from(seen.probed.is_some());
    let whole = query::of(Scope::Database).filter(|q| q.versions.contains(&version));
    // The two queries that prove the place go with each.
    let share = (whole.count() + 2).div_ceil(IN_DATABASE.len() + 2);
    let fastest = times
        .databases
        .iter()
        .min()
        .copied()
        .unwrap_or(times.server);
    let connections = times.tls * (sessions + 1);
    let all: Duration = times.databases.iter().sum();
    let least = times.tls * 2 + times.server + fastest * (databases.div_ceil(sessions) + msdb);
    let most = connections + times.server + all * (count(share) + msdb);
    let least_ms = millis(least).max(FLOOR_MS);
    Estimate {
        requests: sessions + 1 + databases + msdb,
        round_trip_ms: millis(fastest),
        least_ms,
        most_ms: millis(most).max(least_ms),
        limit_ms: millis(plan.target_limit),
    }
}
