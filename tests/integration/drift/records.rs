//! Change records: what counts as planned, as having happened, and as seen at all.

use mssql_posture::drift::{ChangeRecord, Diff, InstanceDiff, Pairing};
use mssql_posture::ids::PrincipalId;
use serde_json::{Value, json};

use super::commands::WithSides;
use super::instance;
use crate::support::cli::{Cli, Ran};
use crate::support::recording::{On, Recording, rows};

const WINDOW: [&str; 2] = ["2026-11-17T20:00:00Z", "2026-11-17T23:00:00Z"];

fn record([from, until]: [&str; 2], planned: &str) -> String {
    format!(
        "schema = \"mssql-posture/change/v1\"\nid = \"CHG-7\"\nfrom = \"{from}\"\nuntil = \"{until}\"\n{planned}"
    )
}

fn plan(fact: &str, name: &str, change: &str) -> String {
    format!("[[planned]]\nfact = \"{fact}\"\nname = \"{name}\"\nchange = \"{change}\"\n")
}

/// BEFORE as it is, AFTER two days later, held to a record.
fn held(before: &Recording, after: &Recording, record: &str, args: &[&str]) -> Ran {
    let mut after = after.clone();
    "2026-11-18T05:00:00Z".clone_into(&mut after.snapshot.started);
    let fixed = ["diff", "before", "after", "--as-of", "2026-11-18"];
    let cli = Cli::new(&fixed).args(&["--change", "change.toml"]);
    cli.args(args)
        .file("change.toml", record)
        .side("before", before)
        .side("after", &after)
        .run()
}

fn outcome(ran: &Ran) -> Value {
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    found["record"].clone()
}

fn changes(ran: &Ran) -> Vec<(String, String, bool)> {
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let all = found["instances"][0]["changes"].as_array().unwrap().iter();
    let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    let told = all.map(|c| {
        (
            text(c, "fact"),
            text(c, "name"),
            c["planned"] == json!(true),
        )
    });
    told.collect()
}

const JSON: &[&str] = &["--format", "json"];

#[test]
fn a_plan_for_one_class_of_securable_is_not_kept_by_another() {
    let before = instance();
    let mut after = before.clone();
    after.grant("ERP", On::Schema("dbo"), "CONTROL", "app");
    let planned = plan(
        "database_permissions",
        "CONTROL on SCHEMA::dbo for app",
        "added",
    );
    let record = record(WINDOW, &planned);
    held(&before, &after, &record, &[]).code(0).says("");
    let mut both = after.clone();
    let mut on_user = rows(&mut both.database("ERP").database_permissions)
        .last()
        .unwrap()
        .clone();
    (on_user.class, on_user.major_id) = (4, 1);
    rows(&mut both.database("ERP").database_permissions).push(on_user);
    let ran = held(&before, &both, &record, JSON).code(1);
    assert_eq!(outcome(&ran)["unplanned"], 1);
    let unplanned = changes(&ran).into_iter().filter(|(.., is)| !is);
    assert_eq!(
        unplanned.map(|(_, name, _)| name).collect::<Vec<_>>(),
        ["CONTROL on USER::dbo for app"]
    );
    // Nor by another state of it, nor by a column.
    for (state, column, due) in [
        ("D", 0, "DENY CONTROL on SCHEMA::dbo for app"),
        ("W", 0, "CONTROL WITH GRANT OPTION on SCHEMA::dbo for app"),
        ("G", 2, "CONTROL on SCHEMA::dbo(#2) for app"),
    ] {
        let mut other = after.clone();
        let granted = rows(&mut other.database("ERP").database_permissions);
        let own = granted.last_mut().unwrap();
        (own.state, own.minor_id) = (state.to_owned(), column);
        let ran = held(&before, &other, &record, JSON).code(1);
        assert_eq!(outcome(&ran)["planned"][0]["outcome"], "not_happened");
        assert!(
            changes(&ran).iter().any(|(_, name, _)| name == due),
            "{due}"
        );
    }
}

#[test]
fn a_record_is_not_known_to_be_kept_where_the_sides_do_not_stand_around_its_window() {
    let before = instance();
    let mut after = before.clone();
    after.add_schema("ERP", "stage", PrincipalId(1));
    let planned = plan("schemas", "stage", "added");
    let ran = held(&before, &after, &record(WINDOW, &planned), JSON).code(0);
    assert_eq!(outcome(&ran)["uncovered"], Value::Null);
    for window in [
        // BEFORE was collected in it, and AFTER began before its end.
        ["2026-11-16T04:00:00Z", "2026-11-16T20:00:00Z"],
        ["2026-11-17T20:00:00Z", "2026-11-18T05:00:00.100Z"],
    ] {
        let record = record(window, &planned);
        let ran = held(&before, &after, &record, JSON).code(3);
        assert_eq!(outcome(&ran)["uncovered"], true, "{window:?}");
        assert_eq!(outcome(&ran)["planned"][0]["outcome"], "happened");
        let told = held(&before, &after, &record, &[]).code(3);
        assert!(
            told.stdout.contains("not known whether it was kept"),
            "{}",
            told.stdout
        );
        held(&before, &after, &record, &["--allow-partial"]).code(1);
    }
}

#[test]
fn a_side_whose_time_cannot_be_read_covers_no_window() {
    let id = instance().snapshot.target;
    let collected = ["yesterday".to_owned(), String::new()];
    let one = InstanceDiff::new(id, Pairing::Compared, collected);
    let mut found = Diff::new("2026-11-18".to_owned(), vec![one]);
    let planned = record(WINDOW, &plan("schemas", "stage", "added"));
    found
        .hold_to(&ChangeRecord::parse(&planned).unwrap())
        .unwrap();
    let own = found.record.unwrap();
    assert!(own.uncovered && own.is_incomplete() && !own.is_kept());
}

#[test]
fn what_is_not_seen_after_is_nothing_planned_that_happened() {
    let mut before = instance();
    before.add_module("ERP", "dbo.p", "P", "CREATE PROC dbo.p AS SELECT 1");
    let mut after = before.clone();
    let needs = vec!["VIEW ANY DEFINITION".to_owned()];
    after.database("ERP").modules = mssql_posture::snapshot::Observed::Partial {
        value: Vec::new(),
        needs,
    };
    let any = "[[planned]]\nfact = \"modules\"\nname = \"dbo.p\"\n";
    for planned in [any.to_owned(), plan("modules", "dbo.p", "removed")] {
        let ran = held(&before, &after, &record(WINDOW, &planned), JSON).code(3);
        let own = &outcome(&ran)["planned"][0];
        assert_eq!(
            (&own["outcome"], &own["changes"]),
            (&"not_seen".into(), &0.into())
        );
    }
    let told = held(&before, &after, &record(WINDOW, any), &[]).code(3);
    assert!(!told.stdout.contains(": kept"), "{}", told.stdout);
    // The other way round it may have been there before.
    let ran = held(
        &after,
        &before,
        &record(WINDOW, &plan("modules", "dbo.p", "added")),
        JSON,
    );
    assert_eq!(outcome(&ran.code(3))["planned"][0]["outcome"], "not_seen");
    let refused = record(WINDOW, &plan("modules", "dbo.p", "new_or_newly_seen"));
    held(&before, &after, &refused, &[]).code(2).says("line 6");
}

/// A database, and the assembly of the server that every one has and that is told wherever it comes.
const DATABASE: &str = "[[planned]]\nfact = \"databases\"\nname = \"New\"\nchange = \"added\"\n\
    [[planned]]\nfact = \"assemblies\"\nname = \"Microsoft.SqlServer.Types\"\n";

#[test]
fn code_that_comes_with_a_planned_database_is_held_to_the_record() {
    let before = instance();
    let mut after = before.clone();
    after.add_database("New", "sa");
    // What every database has is nobody's doing.
    held(&before, &after, &record(WINDOW, DATABASE), &[]).code(0);
    let id = after.add_module(
        "New",
        "dbo.backdoor",
        "P",
        "CREATE PROC dbo.backdoor AS SELECT 1",
    );
    after.module("New", id).execute_as_principal_id = Some(PrincipalId(-2));
    after.add_user("New", "app", Some("app"));
    after.grant("New", On::Object("dbo.backdoor"), "EXECUTE", "public");
    let ran = held(&before, &after, &record(WINDOW, DATABASE), JSON).code(1);
    let unplanned = changes(&ran).into_iter().filter(|(.., is)| !is);
    let mut names: Vec<_> = unplanned.map(|(_, name, _)| name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "CONNECT on (all) for app",
            "EXECUTE on dbo.backdoor for public",
            "app",
            "dbo.backdoor"
        ]
    );
    let all = format!(
        "{DATABASE}{}{}{}{}",
        plan("modules", "dbo.backdoor", "added"),
        plan("database_permissions", "*", "added"),
        plan("database_principals", "app", "added"),
        // A row that is only counted happened too.
        plan("schemas", "dbo", "added"),
    );
    let ran = held(&before, &after, &record(WINDOW, &all), JSON).code(0);
    assert_eq!(outcome(&ran)["unplanned"], 0);
}

#[test]
fn of_many_modules_of_a_new_database_the_rest_is_counted_and_held() {
    let before = instance();
    let mut after = before.clone();
    after.add_database("New", "sa");
    for at in 0..1_050 {
        let name = format!("dbo.p{at:04}");
        after.add_module("New", &name, "P", "CREATE PROC dbo.p AS SELECT 1");
    }
    let ran = held(&before, &after, &record(WINDOW, DATABASE), JSON).code(1);
    assert_eq!(outcome(&ran)["unplanned"], 1_050);
    let told = changes(&ran)
        .into_iter()
        .filter(|(fact, ..)| fact == "modules");
    assert_eq!(told.count(), 1_000);
    let planned = format!("{DATABASE}{}", plan("modules", "dbo.p*", "added"));
    let ran = held(&before, &after, &record(WINDOW, &planned), JSON).code(0);
    assert_eq!(outcome(&ran)["planned"][2]["changes"], 1_050);
}
