//! What a simulated server holds, and whether what was read of it is true.

use mssql_posture::snapshot::{Configuration, Observed, Snapshot};
use serde_json::Value;

use super::instance::{Recording, RunningInstance, sample};

/// A sample in which everything can be seen whole, and that cannot be taken for another by its name.
pub fn complete(version: u16, server_name: &str) -> Recording {
    completed(sample::recording(version), server_name)
}

/// The same made of another sample.
pub fn completed(mut recording: Recording, server_name: &str) -> Recording {
    let version = recording.snapshot.major_version().unwrap();
    let snapshot = &mut recording.snapshot;
    if let Observed::Known { value } = &mut snapshot.server.server_identity {
        value.server_name = Some(server_name.to_owned());
    }
    if let Observed::Known { value } = &mut snapshot.server.databases {
        value.retain(|row| row.state == Some(0));
        let online: Vec<i32> = value.iter().map(|row| row.database_id).collect();
        snapshot
            .databases
            .retain(|d| online.contains(&d.database_id));
    }
    let options = [
        (1587, "clr strict security", 14),
        (1586, "external scripts enabled", 13),
    ];
    if let Observed::Known { value } = &mut snapshot.server.configurations {
        let due = options.into_iter().filter(|(.., since)| *since <= version);
        value.extend(due.map(|(configuration_id, name, _)| Configuration {
            configuration_id,
            name: name.to_owned(),
            value: Some(1),
            value_in_use: Some(1),
            is_dynamic: true,
            is_advanced: true,
        }));
    }
    for database in &mut snapshot.databases {
        if let Observed::Known { value } = &mut database.modules {
            value.retain(|module| module.definition.is_settled());
        }
    }
    recording
}

/// Facts without the order of their lists, which a server does not promise.
fn unordered(value: &impl serde::Serialize) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(items) => {
                items.iter_mut().for_each(sort);
                items.sort_by_cached_key(ToString::to_string);
            }
            Value::Object(fields) => fields.values_mut().for_each(sort),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(value).unwrap();
    sort(&mut value);
    value
}

/// Fails unless everything was read as the server has it.
#[track_caller]
pub fn assert_whole(read: &Snapshot, server: &RunningInstance) {
    let truth = &server.recording().snapshot;
    let (server, databases) = (unordered(&read.server), unordered(&read.databases));
    for (fact, value) in server.as_object().unwrap() {
        // Of the connection, not of the catalog: no recording has it, and offline there is none.
        if fact == "server_tls" {
            let due = if read.offline.is_some() {
                "not_collected"
            } else {
                "known"
            };
            assert_eq!(value["state"], due, "{}", read.target);
            continue;
        }
        assert_eq!(
            value,
            &unordered(&truth.server)[fact],
            "{}: {fact}",
            read.target
        );
    }
    assert_eq!(databases, unordered(&truth.databases), "{}", read.target);
}

/// Fails unless everything that counts as seen is what the server has: never another question's answer.
#[track_caller]
pub fn assert_nothing_false(read: &Snapshot, server: &RunningInstance) {
    let truth = &server.recording().snapshot;
    compare(
        &unordered(&read.server),
        &unordered(&truth.server),
        "server",
    );
    for database in &read.databases {
        let own = truth
            .databases
            .iter()
            .find(|d| d.name == database.name)
            .unwrap();
        compare(
            &unordered(database),
            &unordered(own),
            database.name.as_str(),
        );
    }
}

#[track_caller]
fn compare(read: &Value, truth: &Value, place: &str) {
    let facts = read.as_object().unwrap().iter();
    for (fact, value) in facts.filter(|(fact, _)| *fact != "server_tls") {
        if matches!(value["state"].as_str(), Some("known" | "partial")) {
            assert_eq!(value["value"], truth[fact]["value"], "{place}: {fact}");
        }
    }
}
