//! A login that may only connect: everything but what is open to public says that it was not seen, and which right
//! would show it.

use mssql_posture::collect::{Query, Scope, Sight, queries};
use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{DatabaseFacts, Fact, Observed, SessionIdentity, Snapshot};
use serde_json::Value;

use crate::support::estate::Estate;
use crate::support::instance::{Instance, Recording};
use crate::support::recording::{Hidden, hide};
use crate::support::tds_server::Options;
use crate::support::truth;

/// What public shows whole of the instance, and why.
const PUBLIC: &[(Fact, &str)] = &[
    (Fact::ServerIdentity, "SERVERPROPERTY answers everybody"),
    (Fact::Session, "one's own rights"),
    (Fact::ServerTls, "of the connection, before any login"),
    (Fact::LoginToken, "one's own token"),
    (Fact::Host, "SELECT on it is granted to public"),
    (Fact::Configurations, "public since 2005"),
    (Fact::ServerProperties, "SERVERPROPERTY answers everybody"),
];

/// What public shows whole of a database that guest can enter.
const PUBLIC_IN_DATABASE: &[(Fact, &str)] = &[
    (Fact::DatabaseSession, "one's own rights"),
    (Fact::UserToken, "one's own token"),
    (Fact::Schemas, "schemas have no metadata protection"),
    (
        Fact::ScopedConfigurations,
        "SELECT on it is granted to public",
    ),
];

/// Where guest can connect: setup leaves it so.
const OPEN_TO_GUEST: [&str; 3] = ["master", "tempdb", "msdb"];

/// What the login sees of the list of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    /// VIEW ANY DATABASE, which setup grants to public.
    Whole,
    /// It was taken from public.
    Short,
}

/// The instance as it shows itself to a login without any grant.
fn locked(version: u16, list: List) -> Recording {
    let mut recording = truth::complete(version, "LOCKED");
    let snapshot = &mut recording.snapshot;
    if let Observed::Known { value } = &mut snapshot.server.session {
        take_rights(value, list);
    }
    if let Observed::Known { value } = &mut snapshot.server.databases {
        for row in value.iter_mut() {
            row.has_access = Some(OPEN_TO_GUEST.contains(&row.name.as_str()));
        }
        // Without the right: master and tempdb, and what one owns.
        value
            .retain(|row| list == List::Whole || ["master", "tempdb"].contains(&row.name.as_str()));
    }
    let listed: Vec<i32> = snapshot
        .server
        .databases
        .seen()
        .iter()
        .map(|row| row.database_id)
        .collect();
    snapshot
        .databases
        .retain(|d| listed.contains(&d.database_id));
    for facts in &mut snapshot.databases {
        if let Observed::Known { value } = &mut facts.database_session {
            value.view_definition = Some(false);
            value.view_security_definition = value.view_security_definition.map(|_| false);
        }
    }
    for query in queries().iter().filter(|q| q.versions.contains(&version)) {
        withhold(snapshot, query);
    }
    recording
}

fn take_rights(session: &mut SessionIdentity, list: List) {
    session.view_any_database = Some(list == List::Whole);
    session.view_any_definition = Some(false);
    session.view_server_state = Some(false);
    for right in [
        &mut session.view_any_security_definition,
        &mut session.view_server_security_state,
        &mut session.view_server_performance_state,
        &mut session.connect_any_database,
    ] {
        *right = right.map(|_| false);
    }
}

/// What the server gives to who lacks the right: nothing, an error, or the rows of one's own.
fn withhold(snapshot: &mut Snapshot, query: &Query) {
    let fact = Fact::ALL.iter().find(|fact| fact.name() == query.name);
    let Some(fact) = fact.copied() else {
        return;
    };
    let refused = |number: u32| Hidden::Denied(vec![format!("scripted (error {number})")]);
    match (query.scope, query.sight) {
        (_, Sight::ServerState | Sight::ServerPerformanceState) => {
            hide(snapshot, fact, None, &refused(300));
        }
        (Scope::Msdb, Sight::Select) => hide(snapshot, fact, None, &refused(229)),
        // A view of one row, and not one of its rows is shown.
        (Scope::Server, Sight::ServerDefinition) if fact == Fact::ResourceGovernor => {
            snapshot.server.resource_governor = Observed::Unsupported {
                since: 10,
                why: Some("no rows".to_owned()),
            };
        }
        (Scope::Server, Sight::ServerDefinition | Sight::ServerSecurityDefinition) => match fact {
            Fact::ServerPrincipals => own_principals(snapshot),
            fact => hide(snapshot, fact, None, &Hidden::Partial(vec![false])),
        },
        (Scope::Database, Sight::DatabaseDefinition) => {
            let names: Vec<String> = snapshot
                .databases
                .iter()
                .map(|d| d.name.to_string())
                .collect();
            for name in names {
                hide(snapshot, fact, Some(&name), &Hidden::Partial(vec![false]));
            }
        }
        _ => {}
    }
}

/// sa, the roles, and oneself.
fn own_principals(snapshot: &mut Snapshot) {
    if let Observed::Known { value } = &mut snapshot.server.server_principals {
        value.retain(|login| {
            login.principal_id < PrincipalId(259) || login.principal_id == PrincipalId(267)
        });
    }
}

fn collected(version: u16, list: List) -> Snapshot {
    let server = Instance::new(locked(version, list)).start(Options::default());
    let ran = Estate::new()
        .with("locked", &server)
        .audit(&[])
        .run()
        .code(3);
    server.assert_clean();
    Snapshot::from_json(&ran.read("out/snapshots/locked.snapshot.json")).unwrap()
}

fn is_in(list: &[(Fact, &str)], fact: Fact) -> bool {
    list.iter().any(|(public, _)| *public == fact)
}

fn query_of(fact: Fact, version: u16) -> Option<&'static Query> {
    let mut queries = queries().iter();
    queries.find(|q| q.name == fact.name() && q.versions.contains(&version))
}

/// The state is one of a login that lacks a right, and the right is named.
#[track_caller]
fn assert_unseen(value: &Value, fact: Fact, version: u16, place: &str) {
    let what = format!("{} of {place}, version {version}: {value}", fact.name());
    let state = value["state"].as_str().unwrap();
    let Some(query) = query_of(fact, version) else {
        assert_eq!(state, "unsupported", "{what}");
        return;
    };
    if query.sight.is_beyond_least() {
        assert_eq!(state, "not_collected", "{what}");
        assert_eq!(value["why"], query.permission, "{what}");
        return;
    }
    assert!(matches!(state, "partial" | "denied"), "{what}");
    let right = match query.sight {
        Sight::AnyDatabase => "VIEW ANY DATABASE",
        Sight::ServerDefinition | Sight::ServerSecurityDefinition => "VIEW ANY DEFINITION",
        Sight::ServerState | Sight::ServerPerformanceState => "VIEW SERVER STATE",
        Sight::Select => "SELECT on",
        _ => "VIEW DEFINITION",
    };
    let needs = value["needs"].as_array().unwrap();
    let named = needs
        .iter()
        .any(|need| need.as_str().unwrap().contains(right));
    assert!(named, "{what} does not name {right}");
}

#[track_caller]
fn assert_database(facts: &DatabaseFacts, version: u16) {
    let json = serde_json::to_value(facts).unwrap();
    let name = facts.name.as_str();
    for fact in Fact::OF_DATABASE.iter().copied() {
        let value = &json[fact.name()];
        let what = format!("{} of {name}, version {version}: {value}", fact.name());
        let asked = query_of(fact, version).is_some_and(|q| !q.sight.is_beyond_least());
        if asked && !OPEN_TO_GUEST.contains(&name) {
            assert_eq!(value["state"], "denied", "{what}");
            let need = value["needs"][0].as_str().unwrap();
            assert!(
                need.contains("CONNECT ANY DATABASE") && need.contains("916"),
                "{what}"
            );
        } else if asked && is_in(PUBLIC_IN_DATABASE, fact) {
            assert_eq!(value["state"], "known", "{what}");
        } else {
            assert_unseen(value, fact, version, name);
        }
    }
}

#[test]
fn a_login_that_may_only_connect_sees_what_public_sees_and_is_told_the_rest() {
    for version in [11, 13, 16, 17] {
        let read = collected(version, List::Whole);
        assert_eq!(read.databases.len(), read.server.databases.seen().len());
        let closed = read.databases.iter();
        let closed = closed.filter(|d| !OPEN_TO_GUEST.contains(&d.name.as_str()));
        assert_eq!(
            (read.databases.len(), closed.count()),
            (6, 3),
            "open and closed databases"
        );
        for facts in &read.databases {
            assert_database(facts, version);
        }
        let server = serde_json::to_value(&read.server).unwrap();
        for fact in Fact::OF_SERVER.iter().copied() {
            let value = &server[fact.name()];
            let has = query_of(fact, version).is_some() || fact == Fact::ServerTls;
            // VIEW ANY DATABASE is public's unless it was taken away.
            if has && (is_in(PUBLIC, fact) || fact == Fact::Databases) {
                assert_eq!(value["state"], "known", "{}: {value}", fact.name());
            } else {
                assert_unseen(value, fact, version, "the instance");
            }
        }
    }
}

/// What nobody lists nobody enters: then msdb is not read, and says so.
#[test]
fn a_login_that_may_not_even_list_databases_is_told_so() {
    for version in [11, 13, 16, 17] {
        let read = collected(version, List::Short);
        assert_eq!(read.databases.len(), 2);
        for facts in &read.databases {
            assert_database(facts, version);
        }
        let server = serde_json::to_value(&read.server).unwrap();
        for fact in Fact::OF_SERVER.iter().copied() {
            let value = &server[fact.name()];
            let query = query_of(fact, version);
            let has = query.is_some() || fact == Fact::ServerTls;
            if query.is_some_and(|q| q.scope == Scope::Msdb) {
                assert_eq!(value["state"], "not_collected", "{}: {value}", fact.name());
                assert!(value["why"].as_str().unwrap().contains("msdb"), "{value}");
            } else if has && is_in(PUBLIC, fact) {
                assert_eq!(value["state"], "known", "{}: {value}", fact.name());
            } else {
                assert_unseen(value, fact, version, "the instance");
            }
        }
    }
}
