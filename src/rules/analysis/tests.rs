//! What modules and job steps call, on an instance of two databases and master.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::ids::InstanceId;
use crate::rules::ObservedCall;
use crate::snapshot::{
    Connection, DatabaseFacts, Encryption, ModuleLine, Observed, Outcome, sha256_hex,
};

/// Job that every step is of.
const JOB: &str = "3F2504E0-4F89-11D3-9A0C-0305E82C3301";

fn known<T: serde::de::DeserializeOwned>(rows: Vec<Value>) -> Observed<Vec<T>> {
    let value = serde_json::from_value(Value::Array(rows)).unwrap();
    Observed::Known { value }
}

fn hash(text: &str) -> Value {
    json!({"sha256": sha256_hex(text.as_bytes()), "utf16_units": text.encode_utf16().count()})
}

/// An object: its database, schema, name, type, and the text of a module or the target of a synonym.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip] // a table
const OBJECTS: &[Row] = &[
    ("master", "dbo", "sp_tool", "P", "CREATE PROC sp_tool AS PRINT 1"),
    ("master", "dbo", "xp_own", "X", ""),
    ("App", "dbo", "shell", "P", "CREATE PROC shell AS EXEC xp_cmdshell 'dir'"),
    ("App", "dbo", "hidden", "P", ""),
    ("App", "dbo", "clr", "PC", ""),
    ("App", "dbo", "scalar", "FN", "CREATE FUNCTION scalar() RETURNS int AS BEGIN RETURN 1 END"),
    ("App", "dbo", "rows", "TF", ""),
    ("App", "dbo", "same", "P", ""),
    ("App", "x", "same", "P", ""),
    ("App", "dbo", "tab", "U", ""),
    ("App", "dbo", "fires", "TR", "CREATE TRIGGER fires ON tab FOR INSERT AS EXEC hidden"),
    ("App", "dbo", "s", "SN", "[Tools].[dbo].[far]"),
    ("App", "dbo", "sf", "SN", "dbo.scalar"),
    ("App", "x", "main", "P",
     "CREATE PROC x.main @c nvarchar(9) AS\n\
      EXEC same; EXEC dbo.same; EXEC hidden; EXEC clr\n\
      EXEC s; EXEC sp_tool; EXEC master..xp_own; EXEC fires; EXEC tab; EXEC nowhere\n\
      SELECT dbo.scalar(), dbo.sf() FROM dbo.rows(1); INSERT dbo.tab (a) VALUES (1)\n\
      EXEC hidden; EXEC srv.App.dbo.shell; EXEC ('EXEC shell') AT srv\n\
      EXEC (N'EXEC s; EXEC hidden; EXEC dbo.shell'); DECLARE @n sysname = N'shell' EXEC @n"),
    ("Tools", "dbo", "far", "P", "CREATE PROC far @c nvarchar(99) AS EXEC (@c)"),
    ("Tools", "dbo", "back", "P", "CREATE PROC back AS\nEXEC app.DBO.shell\nEXEC App.dbo.s"),
];

/// Number of a database's first object; the others follow in the order of the table.
fn object_id(database: &str, name: &str) -> i32 {
    let place = OBJECTS
        .iter()
        .position(|o| o.0 == database && format!("{}.{}", o.1, o.2) == name);
    i32::try_from(place.unwrap()).unwrap() + 100
}

fn name_of(call: &ObservedCall) -> String {
    let at = usize::try_from(call.object_id - 100).unwrap();
    let (database, schema, name, ..) = OBJECTS[at];
    assert_eq!(database, call.database.as_str());
    let how = if call.dynamic { " dynamic" } else { "" };
    format!("{database}.{schema}.{name}{how} {}", call.line)
}

fn database(id: i32, name: &str) -> DatabaseFacts {
    let mut facts = DatabaseFacts::unseen(id, name, "not asked");
    let schema = |id: i32, name: &str| json!({"schema_id": id, "name": name, "principal_id": 1});
    facts.schemas = known(vec![schema(1, "dbo"), schema(5, "x")]);
    let own: Vec<(i32, &Row)> = (100..).zip(OBJECTS).filter(|(_, o)| o.0 == name).collect();
    let object = |(id, o): &(i32, &Row)| {
        json!({"object_id": id, "name": o.2, "schema_id": if o.1 == "x" { 5 } else { 1 },
               "parent_object_id": 0, "type": o.3})
    };
    facts.objects = known(own.iter().map(object).collect());
    let of_code = own.iter().filter(|(_, o)| o.3 != "SN" && o.3 != "U");
    let module = |(id, o): &(i32, &Row)| {
        let definition = match o.4 {
            "" => json!({"state": "not_collected", "why": "the module is encrypted"}),
            text => json!({"state": "known", "value": hash(text)}),
        };
        json!({"object_id": id, "definition": definition, "uses_quoted_identifier": true})
    };
    facts.modules = known(of_code.map(module).collect());
    let synonyms = own.iter().filter(|(_, o)| o.3 == "SN");
    let synonym = |(id, o): &(i32, &Row)| json!({"object_id": id, "base_object_name": o.4});
    facts.synonyms = known(synonyms.map(synonym).collect());
    facts
}

/// The instance with these steps of one job: subsystem, database, command.
fn instance(steps: &[(&str, Option<&str>, &str)]) -> (Snapshot, ModuleTexts) {
    let connection = Connection {
        endpoint: "test".to_owned(),
        encryption: Encryption::Required,
        trust_server_certificate: false,
        authentication: "sql".to_owned(),
        user: None,
    };
    let (target, at) = (InstanceId::new("test"), "2026-01-01T00:00:00Z");
    let mut snapshot = Snapshot::unseen(target, Outcome::Finished, connection, at);
    let names = ["master", "App", "Tools"];
    snapshot.databases = [1, 7, 8]
        .iter()
        .zip(names)
        .map(|(id, n)| database(*id, n))
        .collect();
    let rows = (1..)
        .zip(steps)
        .map(|(id, (subsystem, database, command))| {
            json!({"job_id": JOB, "step_id": id, "step_name": "s", "subsystem": subsystem,
               "command": hash(command), "database_name": database})
        });
    snapshot.server.job_steps = known(rows.collect());
    let commands = steps.iter().map(|(_, _, command)| *command);
    let texts = OBJECTS.iter().map(|o| o.4).chain(commands);
    let line = |text: &str| ModuleLine {
        database: None,
        object_id: 0,
        part: None,
        sha256: sha256_hex(text.as_bytes()),
        definition: text.to_owned(),
    };
    (snapshot, ModuleTexts::from_lines(texts.map(line)))
}

fn calls_of(analysis: &Analysis, database: &str, name: &str) -> Vec<String> {
    let id = object_id(database, name);
    let module = analysis.of_object(&DatabaseName::new(database), id);
    module.unwrap().calls.iter().map(name_of).collect()
}

fn calls_of_step(analysis: &Analysis, step: i32) -> Vec<String> {
    let step = analysis.job_step(JOB, step).unwrap();
    step.calls.iter().map(name_of).collect()
}

#[test]
fn calls_lead_to_objects_of_the_catalog() {
    let (snapshot, texts) = instance(&[]);
    let analysis = Analysis::new(&snapshot, &texts);
    assert_eq!(
        calls_of(&analysis, "App", "x.main"),
        [
            "App.dbo.shell 6",
            "App.dbo.shell dynamic 6",
            "App.dbo.hidden 2",
            "App.dbo.hidden dynamic 6",
            "App.dbo.clr 2",
            "App.dbo.scalar 4",
            "App.dbo.rows 4",
            "App.dbo.same 2",
            "App.x.same 2",
            "Tools.dbo.far 3",
            "Tools.dbo.far dynamic 6",
            "master.dbo.sp_tool 3",
            "master.dbo.xp_own 3",
        ]
    );
    assert_eq!(
        calls_of(&analysis, "App", "dbo.fires"),
        ["App.dbo.hidden 1"]
    );
    assert_eq!(
        calls_of(&analysis, "Tools", "dbo.back"),
        ["App.dbo.shell 2", "Tools.dbo.far 3"]
    );
}

#[test]
fn an_excluded_database_is_not_called() {
    let (mut snapshot, texts) = instance(&[]);
    snapshot.databases[1].excluded = true;
    let analysis = Analysis::new(&snapshot, &texts);
    assert_eq!(calls_of(&analysis, "Tools", "dbo.back"), [""; 0]);
}

#[test]
fn steps_that_are_t_sql_are_read_where_they_run() {
    let (snapshot, texts) = instance(&[
        (
            "TSQL",
            Some("app"),
            "EXEC shell\nGO\nEXEC s N'EXEC xp_cmdshell ''x'''",
        ),
        ("tsql", None, "EXEC sp_tool EXEC shell"),
        ("CmdExec", Some("App"), "EXEC shell"),
        ("TSQL", Some("Tools"), "EXEC (\"EXEC back\")"),
        ("TSQL", Some("gone"), "EXEC sp_tool"),
    ]);
    let analysis = Analysis::new(&snapshot, &texts);
    assert_eq!(
        calls_of_step(&analysis, 1),
        ["App.dbo.shell 1", "Tools.dbo.far 3"]
    );
    assert_eq!(calls_of_step(&analysis, 2), ["master.dbo.sp_tool 1"]);
    assert_eq!(analysis.job_step(JOB, 3), None);
    assert_eq!(calls_of_step(&analysis, 4), ["Tools.dbo.back dynamic 1"]);
    assert_eq!(calls_of_step(&analysis, 5), ["master.dbo.sp_tool 1"]);
    let sinks = |step| {
        let sinks = analysis.job_step(JOB, step).unwrap().sinks.iter();
        let line = |s: &crate::rules::ObservedSink| {
            format!(
                "{} {} {} {}",
                s.name.as_str(),
                s.how.as_str(),
                s.line,
                s.dynamic
            )
        };
        sinks.map(line).collect::<Vec<_>>()
    };
    // The second batch passes text through a module that executes it.
    assert_eq!(
        sinks(1),
        [
            "xp_cmdshell via_module 1 false",
            "xp_cmdshell dynamic_literal 3 true"
        ]
    );
    assert_eq!(sinks(4), ["xp_cmdshell via_module 1 true"]);
}

#[test]
fn what_a_step_creates_is_no_callee_of_modules() {
    let creates = "CREATE PROC dbo.nowhere AS EXEC xp_cmdshell 'dir'";
    let (snapshot, texts) = instance(&[("TSQL", Some("App"), creates)]);
    let with = Analysis::new(&snapshot, &texts).modules;
    let (snapshot, texts) = instance(&[]);
    assert_eq!(with, Analysis::new(&snapshot, &texts).modules);
}

#[test]
fn observations_stand_in_for_texts_unless_they_are_of_others() {
    let steps = [
        ("TSQL", Some("App"), "EXEC shell"),
        ("TSQL", None, "PRINT 1"),
    ];
    let (snapshot, texts) = instance(&steps);
    let read = Analysis::new(&snapshot, &texts);
    let bytes = Analysis::new(&snapshot, &texts)
        .into_observations()
        .render()
        .unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let kept = Observations::from_json(&text, &sha256_hex(text.as_bytes())).unwrap();
    let again = Analysis::from_observations(&snapshot, &kept);
    assert_eq!(
        (&again.modules, &again.job_steps),
        (&read.modules, &read.job_steps)
    );
    assert_eq!(again.job_steps.len(), 2);

    let blank = Analysis::blank(&snapshot);
    let keys = |analysis: &Analysis| {
        analysis
            .modules
            .iter()
            .map(|m| (m.database.clone(), m.object_id, m.number))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&blank), keys(&read));
    assert!(blank.job_steps.keys().eq(read.job_steps.keys()));
    assert_eq!(calls_of_step(&blank, 1), [""; 0]);

    let (changed, _) = instance(&[("TSQL", Some("App"), "EXEC hidden"), steps[1]]);
    let again = Analysis::from_observations(&changed, &kept);
    assert_eq!(again.job_step(JOB, 1), None);
    assert!(again.job_step(JOB, 2).is_some());
    let mut excluded = snapshot;
    excluded.databases.push(database(4, "msdb"));
    excluded.databases[3].excluded = true;
    assert!(Analysis::new(&excluded, &texts).job_steps.is_empty());
    assert!(
        Analysis::from_observations(&excluded, &kept)
            .job_steps
            .is_empty()
    );
}
