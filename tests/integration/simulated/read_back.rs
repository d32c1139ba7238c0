//! What a recording holds comes back: through each query alone, and through the whole collector.

use std::path::Path;

use mssql_posture::collect::{Collected, Query, Scope, queries, use_database};
use mssql_posture::snapshot::{
    AssemblyFile, DatabaseFacts, Module, Observed, Outcome, Snapshot, render_module_lines,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tiberius::ColumnData;

use super::{driver, start};
use crate::support::contract::VERSIONS;
use crate::support::driver::{Reply, Set};
use crate::support::in_process::{collected, plan};
use crate::support::instance::{Account, Instance, PASSWORD, Recording, USER, sample};
use crate::support::tds_server::Options;

fn json_of(data: &ColumnData<'static>) -> Value {
    match data {
        ColumnData::U8(n) => json!(n),
        ColumnData::I16(n) => json!(n),
        ColumnData::I32(n) => json!(n),
        ColumnData::I64(n) => json!(n),
        ColumnData::Bit(flag) => json!(flag.map(i32::from)),
        ColumnData::String(text) => {
            json!(text.as_ref().map(|t| t.trim_end_matches(' ').to_owned()))
        }
        ColumnData::Binary(bytes) => json!(bytes.as_ref().map(|b| hex(b))),
        other => panic!("a query of ours returned {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("0x".to_owned(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

/// Rows as JSON objects without their tag, sorted.
pub(super) fn rows_of(set: &Set) -> Vec<String> {
    let row = |row: &Vec<ColumnData<'static>>| {
        let cells = set.columns.iter().zip(row).skip(1);
        let object: Map<String, Value> = cells
            .map(|((name, _), data)| match (name.as_str(), json_of(data)) {
                // char(n) codes come padded with spaces.
                ("type", Value::String(code)) => (name.clone(), json!(code.trim_end_matches(' '))),
                (_, value) => (name.clone(), value),
            })
            .collect();
        Value::Object(object).to_string()
    };
    let mut rows: Vec<String> = set.rows.iter().map(row).collect();
    rows.sort();
    rows
}

/// Recorded rows in the same form: truth values are numbers on the wire.
fn recorded(fact: Value) -> Vec<String> {
    let rows = match fact {
        Value::Array(rows) => rows,
        row => vec![row],
    };
    let plain = |value: Value| match value {
        Value::Bool(flag) => json!(i32::from(flag)),
        other => other,
    };
    let mut rows: Vec<String> = rows
        .into_iter()
        .map(|row| match row {
            Value::Object(fields) => {
                let fields: Map<String, Value> = fields
                    .into_iter()
                    .map(|(name, value)| (name, plain(value)))
                    .collect();
                Value::Object(fields).to_string()
            }
            other => panic!("{other} is not a row"),
        })
        .collect();
    rows.sort();
    rows
}

/// The value of a fact by its query's name.
fn fact(facts: &impl Serialize, name: &str) -> Value {
    let facts = serde_json::to_value(facts).unwrap();
    facts[name]["value"].clone()
}

/// What the query of a module list brings: the text itself, and no hash.
fn modules(recording: &Recording, list: &Observed<Vec<Module>>, encryption: bool) -> Value {
    let row = |module: &Module| {
        let text = module.definition.known().map(|hash| {
            let line = recording
                .modules
                .iter()
                .find(|line| line.sha256 == hash.sha256);
            line.unwrap().definition.clone()
        });
        let mut row = json!({
            "object_id": module.object_id,
            "definition": text,
            "uses_quoted_identifier": module.uses_quoted_identifier,
            "execute_as_principal_id": module.execute_as_principal_id,
        });
        if encryption {
            row["is_encrypted"] = json!(text.is_none());
        }
        row
    };
    list.seen().iter().map(row).collect()
}

fn assembly_files(list: &Observed<Vec<AssemblyFile>>) -> Value {
    let row = |file: &AssemblyFile| {
        json!({
            "assembly_id": file.assembly_id,
            "file_id": file.file_id,
            "name": file.name,
            "size": file.size.as_deref().map(|s| s.parse::<i64>().unwrap()),
            "sha2_512": file.sha2_512.known(),
        })
    };
    list.seen().iter().map(row).collect()
}

/// Rows with the texts that their hashes name.
fn with_texts(recording: &Recording, mut rows: Value) -> Value {
    let text = |hash: &Value| {
        let hash = hash["sha256"]
            .as_str()
            .or(hash["value"]["sha256"].as_str())?;
        let line = recording.modules.iter().find(|line| line.sha256 == hash)?;
        Some(json!(line.definition))
    };
    let columns = rows.as_array_mut().into_iter().flatten();
    for cell in columns.flat_map(|row| row.as_object_mut().unwrap().values_mut()) {
        if let Some(text) = text(cell) {
            *cell = text;
        }
    }
    rows
}

fn due(recording: &Recording, query: &Query, database: Option<&DatabaseFacts>) -> Value {
    let snapshot: &Snapshot = &recording.snapshot;
    match (query.name, database) {
        ("server_modules", _) => modules(recording, &snapshot.server.server_modules, false),
        ("modules", Some(facts)) => modules(recording, &facts.modules, true),
        ("assembly_files", Some(facts)) => assembly_files(&facts.assembly_files),
        ("context", Some(facts)) => json!({
            "database_id": facts.database_id,
            "database_name": facts.name,
            "session_id": snapshot.server.session.known().unwrap().session_id,
        }),
        ("numbered_procedures", Some(facts)) => {
            let mut rows = with_texts(recording, fact(facts, "numbered_procedures"));
            for row in rows.as_array_mut().unwrap() {
                row["is_encrypted"] = json!(false);
            }
            rows
        }
        (name, Some(facts)) if query.scope == Scope::Database => fact(facts, name),
        (name, _) => with_texts(recording, fact(&snapshot.server, name)),
    }
}

/// Sends the bytes of `to_hash` through SHA2-512, as the collector does.
fn hashed(mut set: Set) -> Set {
    use sha2::Digest as _;
    if set
        .columns
        .last()
        .is_some_and(|(name, _)| name == "to_hash")
    {
        "sha2_512".clone_into(&mut set.columns.last_mut().unwrap().0);
        for row in &mut set.rows {
            if let Some(ColumnData::Binary(Some(bytes))) = row.last_mut() {
                *bytes = sha2::Sha512::digest(&bytes).to_vec().into();
            }
        }
    }
    set
}

fn compare(recording: &Recording, query: &Query, database: Option<&DatabaseFacts>, reply: Reply) {
    assert!(reply.error.is_none(), "{}: {:?}", query.name, reply.error);
    let [set] = <[Set; 1]>::try_from(reply.sets).unwrap();
    assert_eq!(set.columns[0].0, format!("q_{}", query.name));
    assert_eq!(
        rows_of(&hashed(set)),
        recorded(due(recording, query, database)),
        "{} in {:?}",
        query.name,
        database.map(|d| d.name.as_str())
    );
}

#[test]
fn every_query_of_every_version_reads_back_what_was_recorded() {
    for version in VERSIONS {
        let server = start(sample::recording_with_control(version));
        let recording = server.recording();
        let mut driver = driver(&server);
        let asked: Vec<&Query> = queries()
            .iter()
            .filter(|q| q.versions.contains(&version))
            .collect();
        for query in asked
            .iter()
            .filter(|q| matches!(q.scope, Scope::Session | Scope::Server))
        {
            compare(recording, query, None, driver.batch(query.text));
        }
        for facts in recording
            .snapshot
            .databases
            .iter()
            .filter(|d| d.objects.is_settled())
        {
            assert!(
                driver
                    .batch(&use_database(facts.name.as_str()))
                    .error
                    .is_none()
            );
            let here = asked.iter().filter(|q| match q.scope {
                Scope::Database | Scope::Context => true,
                Scope::Master => facts.name.as_str() == "master",
                Scope::Msdb => facts.name.as_str() == "msdb",
                Scope::Session | Scope::Server | Scope::Events => false,
            });
            for query in here {
                compare(recording, query, Some(facts), driver.batch(query.text));
            }
        }
        server.assert_clean();
    }
}

/// Where two sets of facts differ: the fact, and both sides of it.
fn differences(of: &str, found: &impl Serialize, due: &impl Serialize) -> Vec<String> {
    let (found, due) = (json!(found), json!(due));
    let names = due.as_object().unwrap().keys();
    names
        // TLS is of the connection, not of the catalog.
        .filter(|name| **name != "server_tls" && found[*name] != due[*name])
        .map(|name| {
            format!(
                "{of}, {name}:\n  collected {}\n  recorded  {}",
                found[name], due[name]
            )
        })
        .collect()
}

fn assert_same(done: &Collected, recording: &Recording, name: &str) {
    let mut due = recording.snapshot.clone();
    sort(&mut due);
    assert_eq!(done.snapshot.outcome, Outcome::Finished, "{name}");
    let mut differences_found = differences(name, &done.snapshot.server, &due.server);
    for (found, due) in done.snapshot.databases.iter().zip(&due.databases) {
        differences_found.extend(differences(&format!("{name}, {}", due.name), found, due));
    }
    assert!(
        differences_found.is_empty(),
        "{}",
        differences_found.join("\n")
    );
    assert_eq!(done.snapshot.databases.len(), due.databases.len(), "{name}");
    let (bytes, _) = render_module_lines(recording.modules.clone()).unwrap();
    assert_eq!(done.module_text.bytes().unwrap(), bytes, "{name}");
}

/// What the collector makes of a recording is the recording.
#[test]
fn the_collector_reads_back_every_fact_of_every_version() {
    for version in VERSIONS {
        let server = start(sample::recording(version));
        let done = collected(plan(&server));
        server.assert_clean();
        assert_same(&done, server.recording(), &format!("version {version}"));
    }
}

#[test]
fn the_collector_reads_back_the_demo() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory/recordings");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".snapshot.json") {
            continue;
        }
        let mut recording = Recording::load(&path);
        if recording.snapshot.major_version().unwrap() < 13 {
            recording.invent_assembly_contents();
        }
        let server = Instance::new(recording)
            .account(USER, PASSWORD, Account::Accepted)
            .start(Options::default());
        let done = collected(plan(&server));
        server.assert_clean();
        assert_same(&done, server.recording(), &path.to_string_lossy());
    }
}

/// Lists of a snapshot are sorted; those of the sample stand as they are best read.
fn sort(snapshot: &mut Snapshot) {
    macro_rules! sort {
        ($from:expr, $($fact:ident)*) => { $($from.$fact.seen_mut().sort();)* };
    }
    sort!(snapshot.server, login_token configurations databases server_principals server_role_members
          server_permissions server_triggers server_modules trusted_assemblies
          system_extended_procedures startup_procedures);
    for database in &mut snapshot.databases {
        sort!(database, user_token database_principals database_role_members database_permissions
              schemas objects modules triggers parameters synonyms assemblies assembly_files
              assembly_modules extended_procedures);
    }
}

/// A sample in which a query finds nothing would prove nothing about that query.
#[test]
fn the_sample_has_rows_for_every_query() {
    for version in VERSIONS {
        let recording = sample::recording(version);
        for query in queries().iter().filter(|q| q.versions.contains(&version)) {
            let databases = recording.snapshot.databases.iter().map(Some);
            let found = databases.chain([None]).any(|d| {
                due(&recording, query, d)
                    .as_array()
                    .is_none_or(|rows| !rows.is_empty())
            });
            assert!(found, "{} of version {version}", query.name);
        }
    }
}
