//! What holds of every fact: no change is passed over, what says nothing is no change, and what was not seen concludes
//! nothing.

use std::collections::BTreeSet;

use mssql_posture::drift::{COMPARED, Compared, InstanceDiff, NOT_COMPARED};
use mssql_posture::ids::DatabaseName;
use mssql_posture::snapshot::{Fact, ModuleTexts, Snapshot};
use serde_json::Value;

use super::compared;
use crate::rules::fixture_snapshots;
use crate::support::cli::Cli;
use crate::support::recording::{
    Hidden, Recorded, Recording, estate, hide, is_of_database, mutations, put, rows_of,
};

/// Steps that are tried of one fact at one place.
const MOST: usize = 8;

#[test]
fn every_fact_is_compared_or_says_why_not() {
    let compared: BTreeSet<Fact> = COMPARED.iter().map(|c| c.fact).collect();
    let not: BTreeSet<Fact> = NOT_COMPARED.iter().map(|(fact, _)| *fact).collect();
    assert_eq!(compared.len(), COMPARED.len(), "a fact stands twice");
    assert!(compared.is_disjoint(&not));
    let all: BTreeSet<Fact> = Fact::ALL.iter().copied().collect();
    assert_eq!(&compared | &not, all);
    assert!(NOT_COMPARED.iter().all(|(_, why)| !why.is_empty()));
}

fn recorded() -> Vec<Recorded> {
    estate::all()
        .into_iter()
        .map(|recording| recording.finish())
        .collect()
}

fn places(fact: Fact, snapshot: &Snapshot) -> Vec<Option<usize>> {
    if is_of_database(fact) {
        (0..snapshot.databases.len()).map(Some).collect()
    } else {
        vec![None]
    }
}

/// The names of all that a fact's schema reaches.
fn columns(schema: &Value, of: &Value, found: &mut BTreeSet<String>, depth: usize) {
    if depth > 8 {
        return;
    }
    match of {
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                let own = schema.pointer(name.trim_start_matches('#')).unwrap();
                columns(schema, own, found, depth + 1);
            }
            if let Some(Value::Object(properties)) = fields.get("properties") {
                found.extend(properties.keys().cloned());
            }
            fields
                .values()
                .for_each(|inner| columns(schema, inner, found, depth));
        }
        Value::Array(all) => all
            .iter()
            .for_each(|inner| columns(schema, inner, found, depth)),
        _ => {}
    }
}

#[test]
fn every_column_that_the_table_names_is_one() {
    let schema = Cli::new(&["schema", "snapshot"]).run().code(0).stdout;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    for compared in COMPARED {
        let name = compared.fact.name();
        let holder = if is_of_database(compared.fact) {
            "DatabaseFacts"
        } else {
            "ServerFacts"
        };
        let of = &schema["$defs"][holder]["properties"][name];
        assert!(of.is_object(), "{name}");
        let mut known = BTreeSet::new();
        columns(&schema, of, &mut known, 0);
        let named = compared
            .identity
            .iter()
            .chain(compared.silent)
            .chain(&compared.text)
            .chain(&compared.owner);
        for column in named.chain(compared.references.iter().map(|(column, _)| column)) {
            assert!(known.contains(*column), "{name}: no column {column}");
        }
        for column in compared
            .words
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
        {
            assert!(known.contains(column), "{name}: no column {column}");
        }
    }
}

/// What a change of a row must be told as, or may be passed over for.
fn is_told(found: &InstanceDiff, compared: &Compared) -> bool {
    found.came_with_their_owner > 0
        || !found.changes.is_empty()
        || found.not_comparable.iter().any(|gap| {
            gap.facts.iter().any(|fact| fact == compared.fact.name()) && gap.row_count > 0
        })
}

/// Whether two lists of rows differ in columns that say something.
fn differ(compared: &Compared, one: &[Value], other: &[Value]) -> bool {
    let telling = |rows: &[Value]| {
        let mut rows: Vec<String> = rows
            .iter()
            .map(|row| {
                let mut row = row.as_object().unwrap().clone();
                row.retain(|column, _| !compared.silent.contains(&column.as_str()));
                if compared.fact == Fact::Databases && row["name"] == "tempdb" {
                    row.remove("create_date");
                }
                // A DDL trigger's id is named by its own row: under another it is the same one, dropped and made again.
                if compared.fact == Fact::Triggers && row["parent_class"] == 0 {
                    row.remove("object_id");
                }
                serde_json::to_string(&row).unwrap()
            })
            .collect();
        rows.sort();
        rows
    };
    telling(one) != telling(other)
}

#[test]
fn no_change_of_any_fact_is_passed_over() {
    let none = ModuleTexts::default();
    let demo = recorded().into_iter().map(|own| own.snapshot);
    let all: Vec<Snapshot> = demo.chain(fixture_snapshots()).collect();
    let schema = Cli::new(&["schema", "snapshot"]).run().code(0).stdout;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    for compared_fact in COMPARED {
        let fact = compared_fact.fact;
        let places = all.iter().flat_map(|own| {
            let places = places(fact, own).into_iter();
            places.map(move |place| (own, place))
        });
        // The place with most to change.
        let of = |(own, place): &(&Snapshot, Option<usize>)| {
            let at = place.map(|place| u32::try_from(place).unwrap());
            let seen = fact.seen(own, at);
            seen.filter(|seen| seen.state == "known" && seen.rows < 400)
                .map_or(0, |seen| seen.rows)
        };
        let (own, place) = places.max_by_key(of).unwrap();
        let mut own = own.clone();
        if of(&(&own, place)) == 0 {
            let row = row_of(&schema, fact);
            assert!(put(&mut own, fact, place, &[row]), "{}", fact.name());
        }
        let own = &own;
        let rows = rows_of(own, fact, place);
        let mut snapshot = own.clone();
        let step = (mutations(&rows).count() / MOST).max(1);
        let mut tried = 0;
        for turned in mutations(&rows).step_by(step) {
            if differ(compared_fact, &rows, &turned) && put(&mut snapshot, fact, place, &turned) {
                let found = compared((own, &none), (&snapshot, &none));
                assert!(
                    is_told(&found, compared_fact),
                    "{}: {turned:?}",
                    fact.name()
                );
                tried += 1;
            }
            put_back(&mut snapshot, own, place);
        }
        assert!(tried > 0, "{}", fact.name());
    }
}

/// A row of a fact of which neither the demo estate nor any rule's fixture has one: something in every column.
fn row_of(schema: &Value, fact: Fact) -> Value {
    let holder = if is_of_database(fact) {
        "DatabaseFacts"
    } else {
        "ServerFacts"
    };
    let of = &schema["$defs"][holder]["properties"][fact.name()];
    let mut named = Vec::new();
    rows_named(schema, of, &mut named);
    filled(
        schema,
        &serde_json::json!({ "$ref": named.first().unwrap() }),
    )
}

/// The forms of rows that a fact's schema leads to.
fn rows_named(schema: &Value, of: &Value, named: &mut Vec<String>) {
    let Value::Object(fields) = of else {
        if let Value::Array(all) = of {
            for inner in all {
                rows_named(schema, inner, named);
            }
        }
        return;
    };
    match fields.get("$ref").and_then(Value::as_str) {
        Some(name) => {
            let own = schema.pointer(name.trim_start_matches('#')).unwrap();
            let is_row = own["type"] == "object" && own["properties"].is_object();
            if is_row && own["properties"].get("state").is_none() {
                named.push(name.to_owned());
            } else {
                rows_named(schema, own, named);
            }
        }
        None => fields
            .values()
            .for_each(|inner| rows_named(schema, inner, named)),
    }
}

/// A value of a schema.
fn filled(schema: &Value, of: &Value) -> Value {
    if let Some(name) = of.get("$ref").and_then(Value::as_str) {
        return filled(
            schema,
            schema.pointer(name.trim_start_matches('#')).unwrap(),
        );
    }
    if let Some(first) = of["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    let either = of["anyOf"].as_array().or_else(|| of["oneOf"].as_array());
    if let Some(first) = either.and_then(|all| all.first()) {
        return filled(schema, first);
    }
    let kind = of["type"].as_array().map_or(&of["type"], |kinds| &kinds[0]);
    match kind.as_str().unwrap_or_default() {
        "object" => {
            let columns = of["properties"].as_object().into_iter().flatten();
            columns
                .map(|(name, own)| (name.clone(), filled(schema, own)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        "integer" => 7.into(),
        "boolean" => true.into(),
        "array" => Value::Array(Vec::new()),
        // A 64-bit number is text too.
        _ => "7".into(),
    }
}

fn put_back(snapshot: &mut Snapshot, own: &Snapshot, place: Option<usize>) {
    match place {
        None => snapshot.server = own.server.clone(),
        Some(at) => snapshot.databases[at] = own.databases[at].clone(),
    }
}

#[test]
fn an_instance_is_unchanged_against_itself_in_any_order() {
    for own in recorded() {
        let texts = own.texts();
        let same = compared((&own.snapshot, &texts), (&own.snapshot, &texts));
        assert!(same.changes.is_empty(), "{:?}", same.changes);
        let turned = reversed(&own.snapshot);
        let found = compared((&own.snapshot, &texts), (&turned, &texts));
        assert!(found.changes.is_empty(), "{:#?}", found.changes);
        assert_eq!(found.not_comparable, same.not_comparable);
    }
}

/// Every list the other way round.
fn reversed(snapshot: &Snapshot) -> Snapshot {
    let mut json = serde_json::to_value(snapshot).unwrap();
    let turn = |facts: &mut Value| {
        for fact in facts.as_object_mut().unwrap().values_mut() {
            if let Some(Value::Array(rows)) = fact.get_mut("value") {
                rows.reverse();
            }
        }
    };
    turn(&mut json["server"]);
    json["databases"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(turn);
    serde_json::from_value(json).unwrap()
}

#[test]
fn ids_that_were_given_anew_are_no_change() {
    let build = |logins: [&str; 3], modules: [&str; 2]| {
        let mut r = super::instance();
        for login in logins {
            r.add_login(login, "S");
        }
        for login in ["a", "b", "c"] {
            r.add_user("ERP", login, Some(login));
            r.add_member("ERP", "db_datareader", login);
        }
        for name in modules {
            r.add_module("ERP", name, "P", "CREATE PROC p AS SELECT 1");
        }
        let permission = crate::support::recording::On::Object("dbo.one");
        r.grant("ERP", permission, "EXECUTE", "b");
        r.finish()
    };
    let one = build(["a", "b", "c"], ["dbo.one", "dbo.two"]);
    let other = build(["c", "a", "b"], ["dbo.two", "dbo.one"]);
    let texts = (one.texts(), other.texts());
    assert_ne!(
        one.snapshot.server.server_principals,
        other.snapshot.server.server_principals
    );
    let found = compared((&one.snapshot, &texts.0), (&other.snapshot, &texts.1));
    assert!(found.changes.is_empty(), "{:#?}", found.changes);
}

#[test]
fn names_that_could_be_taken_for_each_other_are_kept_apart() {
    let text = |word: &str| format!("CREATE PROC p AS SELECT '{word}'");
    let build = |one: &str, other: &str| {
        let mut r = super::instance();
        r.add_schema("ERP", "a.b", mssql_posture::ids::PrincipalId(1));
        r.add_schema("ERP", "a", mssql_posture::ids::PrincipalId(1));
        let first = r.add_module("ERP", "a.x", "P", &text(one));
        let second = r.add_module("ERP", "a.y", "P", &text(other));
        let schema = |r: &mut Recording, name: &str| {
            let mut schemas = r.database("ERP").schemas.seen().iter();
            schemas.find(|s| s.name == name).unwrap().schema_id
        };
        let dotted = schema(&mut r, "a.b");
        for object in r.database("ERP").objects.seen_mut() {
            if object.object_id == first {
                (object.schema_id, object.name) = (dotted, "c".to_owned());
            }
            if object.object_id == second {
                object.name = "b.c".to_owned();
            }
        }
        r.finish()
    };
    let (one, other) = (build("1", "2"), build("2", "1"));
    let texts = (one.texts(), other.texts());
    let found = compared((&one.snapshot, &texts.0), (&other.snapshot, &texts.1));
    let names: Vec<&str> = found.changes.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["[a.b].c", "a.[b.c]"], "each has the other's text");
}

#[test]
fn what_was_not_seen_is_never_unchanged_nor_changed() {
    let own = recorded().swap_remove(0);
    let texts = own.texts();
    let ways = [
        Hidden::Denied(vec!["a right".to_owned()]),
        Hidden::Failed,
        Hidden::NotCollected,
        Hidden::Partial(vec![false]),
    ];
    for compared_fact in COMPARED {
        let fact = compared_fact.fact;
        for place in places(fact, &own.snapshot).into_iter().rev().take(1) {
            let database = place.map(|at| own.snapshot.databases[at].name.as_str());
            let at = place.map(|place| u32::try_from(place).unwrap());
            let seen = fact.seen(&own.snapshot, at).unwrap();
            if seen.state != "known" {
                continue;
            }
            for how in &ways {
                let mut less = own.snapshot.clone();
                hide(&mut less, fact, database, how);
                for (before, after) in [
                    (&own.snapshot, &less),
                    (&less, &own.snapshot),
                    (&less, &less),
                ] {
                    let found = compared((before, &texts), (after, &texts));
                    let gap = found.not_comparable.iter().find(|gap| {
                        gap.facts.iter().any(|name| name == fact.name())
                            && gap.database.as_ref().map(DatabaseName::as_str) == database
                            && gap.row_count == 0
                    });
                    // Of the list of databases everything else hangs.
                    let gap = gap.unwrap_or_else(|| panic!("{} {how:?}: {found:#?}", fact.name()));
                    assert_eq!(
                        gap.incomplete,
                        !Fact::BEYOND_LEAST.contains(&fact),
                        "{}",
                        fact.name()
                    );
                    assert!(!gap.needs.is_empty());
                    let own_changes = found.changes.iter().filter(|c| c.fact == fact.name());
                    let concluded = own_changes
                        .filter(|c| matches!(c.kind.words(), "added" | "removed" | "changed"));
                    assert_eq!(concluded.count(), 0, "{} {how:?}: {found:#?}", fact.name());
                }
            }
        }
    }
}
