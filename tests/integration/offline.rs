//! Collection without a connection: the script for a DBA, run on the simulated instance, and `import` of what it
//! printed, which must give what `collect` gives on the same instance.

mod damage;
mod interpreter;
mod script;

use std::collections::BTreeSet;

use mssql_posture::collect::offline;
use mssql_posture::ids::InstanceId;
use mssql_posture::rules::Rule;
use mssql_posture::snapshot::{Observed, Permission, Snapshot};
use serde_json::Value;

use super::foreign_client;
use crate::support::cli::{Cli, but_statements};
use crate::support::contract::VERSIONS;
use crate::support::estate::Estate;
use crate::support::instance::{Fault, Instance, Recording, RunningInstance, error, sample};
use crate::support::tds_server::Options;
use crate::support::truth;

/// What sqlcmd or SSMS would save of the script's run.
fn saved(server: &RunningInstance) -> String {
    server.messages(&offline::script().text).join("\r\n") + "\r\n"
}

fn imported(output: &[u8]) -> (Snapshot, Vec<u8>) {
    let read = offline::Output::read(output).unwrap_or_else(|e| panic!("{e}"));
    let collected = read.into_collected(InstanceId::new("a"));
    let collected = collected.unwrap_or_else(|e| panic!("{e}"));
    (collected.snapshot, collected.module_text.bytes().unwrap())
}

/// The same instance over a connection.
fn collected(server: &RunningInstance) -> (Snapshot, Vec<u8>) {
    let estate = Estate::new().with("a", server);
    let ran = estate
        .command("collect", &["--allow-partial"])
        .run()
        .code(0);
    let snapshot = ran.read("out/snapshots/a.snapshot.json");
    let texts = ran.read("out/snapshots/a.modules.jsonl");
    (Snapshot::from_json(&snapshot).unwrap(), texts.into_bytes())
}

/// A snapshot without what must differ: carrier, times, the session's own, and the number of the one error of which
/// a server sends two messages. A client reads the first of them, 300; CATCH has the last, 297.
fn comparable(mut snapshot: Snapshot) -> Value {
    if let Observed::Known { value } = &mut snapshot.server.session {
        *value = value.standing();
    }
    let text = serde_json::to_string(&snapshot).unwrap();
    let mut value: Value =
        serde_json::from_str(&text.replace("(error 297)", "(error 300)")).unwrap();
    let fields = value.as_object_mut().unwrap();
    for carrier in ["connection", "offline", "started", "ended", "queries"] {
        fields.remove(carrier);
    }
    value
}

/// Query, text, database and rows of each that was answered, once: each session of a connection asks who it is, and
/// after an error a connection asks again.
fn answered(snapshot: &Snapshot) -> BTreeSet<String> {
    let answered = snapshot.queries.iter().filter(|q| q.error.is_none());
    answered
        .map(|q| format!("{} {} {:?} {}", q.query, q.sha256, q.database, q.rows))
        .collect()
}

#[track_caller]
fn assert_same(connected: &(Snapshot, Vec<u8>), imported: &(Snapshot, Vec<u8>)) {
    let (connected, texts) = connected;
    let (imported, imported_texts) = imported;
    assert_eq!(imported.server.server_tls.state(), "not_collected");
    let mut connected = connected.clone();
    connected.server.server_tls = imported.server.server_tls.clone();
    let (due, found) = (comparable(connected.clone()), comparable(imported.clone()));
    for (part, due) in due.as_object().unwrap() {
        for (fact, due) in due.as_object().into_iter().flatten() {
            assert_eq!(&found[part][fact], due, "{part}.{fact}");
        }
    }
    assert_eq!(found, due);
    assert_eq!(imported_texts, texts);
}

/// Both carriers over instances that are alike, down to their faults.
#[track_caller]
fn assert_alike(make: impl Fn() -> Instance) -> Snapshot {
    let (wired, scripted) = (
        make().start(Options::default()),
        make().start(Options::default()),
    );
    let connected = collected(&wired);
    let imported = imported(saved(&scripted).as_bytes());
    wired.assert_clean();
    scripted.assert_clean();
    assert_same(&connected, &imported);
    imported.0
}

#[test]
fn offline_collection_of_every_version_is_what_a_connection_collects() {
    for version in VERSIONS {
        let server = Instance::new(sample::recording(version)).start(Options::default());
        let connected = collected(&server);
        let imported = imported(saved(&server).as_bytes());
        server.assert_clean();
        assert_same(&connected, &imported);
        assert_eq!(answered(&imported.0), answered(&connected.0), "{version}");
        // The sample holds hostile names, encrypted and hidden modules, and a database that is offline.
        let names = serde_json::to_string(&imported.0.databases).unwrap();
        for name in sample::HOSTILE_NAMES {
            let quoted = serde_json::to_string(name).unwrap();
            assert!(names.contains(&quoted), "{version}: {name:?}");
        }
        assert!(names.contains("the module is encrypted"), "{version}");
        assert!(names.contains("the database is OFFLINE"), "{version}");
    }
}

#[test]
fn offline_collection_reads_the_truth() {
    let server = Instance::new(truth::complete(16, "SRV")).start(Options::default());
    let (snapshot, _) = imported(saved(&server).as_bytes());
    truth::assert_whole(&snapshot, &server);
    let offline = snapshot.offline.unwrap();
    assert_eq!(offline.script_sha256, offline::script().sha256);
    assert_eq!(offline.login.as_deref(), Some("posture_audit"));
    assert_eq!(offline.host.as_deref(), Some("ADMIN-PC"));
    assert_eq!(offline.application.as_deref(), Some("SQLCMD"));
    assert_eq!(snapshot.connection.authentication, "offline");
    assert_eq!(snapshot.connection.endpoint, "SRV");
}

/// Database names that try to end their quotes, and databases that nobody enters.
fn hostile_databases() -> Recording {
    let mut recording = sample::recording(15);
    let names = [
        "a]; DROP TABLE t--",
        "o'brien \"]]\"\r\n",
        "\u{1f512}\u{202e}",
    ];
    let snapshot = &mut recording.snapshot;
    let rows = snapshot.server.databases.seen_mut();
    for ((row, facts), name) in rows
        .iter_mut()
        .skip(4)
        .zip(&mut snapshot.databases[4..])
        .zip(names)
    {
        assert_eq!(row.database_id, facts.database_id);
        let old = std::mem::replace(&mut row.name, name.to_owned());
        facts.name = mssql_posture::ids::DatabaseName::new(name);
        for line in &mut recording.modules {
            if line.database.as_deref() == Some(&old) {
                line.database = Some(name.to_owned());
            }
        }
    }
    recording
}

#[test]
fn offline_collection_enters_databases_of_any_name() {
    let snapshot = assert_alike(|| Instance::new(hostile_databases()));
    assert!(
        snapshot
            .databases
            .iter()
            .any(|d| d.name.as_str().starts_with("a];"))
    );
}

#[test]
fn offline_collection_leaves_out_databases_as_a_connection_does() {
    let snapshot = assert_alike(|| {
        let mut recording = sample::recording(16);
        let mut rows = recording.snapshot.server.databases.seen_mut().iter_mut();
        let mut row = |name: &str| rows.find(|row| row.name == name).unwrap();
        row("model").user_access = Some(1);
        row("msdb").has_access = Some(false);
        Instance::new(recording).fault(Fault::Use {
            database: "erp",
            from: 1,
            error: error(911, 16, "Database 'erp' does not exist."),
        })
    });
    let states: Vec<_> = snapshot
        .databases
        .iter()
        .map(|d| (d.name.as_str(), d.objects.state()))
        .collect();
    for due in [
        ("model", "not_collected"),
        ("msdb", "denied"),
        ("erp", "failed"),
    ] {
        assert!(states.contains(&due), "{due:?} in {states:?}");
    }
}

#[test]
fn offline_collection_is_refused_and_fails_where_a_connection_is() {
    for version in [12, 16] {
        let denied = || Observed::Denied {
            needs: vec!["VIEW SERVER STATE (error 300)".to_owned()],
        };
        let snapshot = assert_alike(|| {
            let mut recording = sample::recording(version);
            if version >= 14 {
                recording.snapshot.server.trusted_assemblies = denied();
            }
            if let Observed::Known { value } = &mut recording.snapshot.server.session {
                value.view_any_definition = Some(false);
                value.view_server_state = Some(false);
                value.view_server_security_state = Some(false);
            }
            let erp = recording.snapshot.databases.iter_mut();
            let erp = erp.last().unwrap();
            if let Observed::Known { value } = &mut erp.database_permissions {
                value.push(deny_definition());
                value.sort();
            }
            Instance::new(recording)
                .fault(Fault::Read {
                    view: "sys.synonyms",
                    database: Some("msdb"),
                    after_rows: None,
                    error: error(229, 14, "The SELECT permission was denied on 'synonyms'."),
                })
                .fault(Fault::Read {
                    view: "sys.objects",
                    database: Some("model"),
                    after_rows: Some(1),
                    error: error(1222, 16, "Lock request time out period exceeded."),
                })
                .fault(Fault::Missing {
                    view: "sys.parameters",
                })
        });
        let all = serde_json::to_string(&snapshot).unwrap();
        for due in ["partial", "denied", "failed"] {
            assert!(
                all.contains(&format!("\"state\":\"{due}\"")),
                "{version}: {due}"
            );
        }
        let failed = snapshot
            .queries
            .iter()
            .filter(|q| q.error.is_some())
            .count();
        assert!(failed > 5, "{failed}");
    }
}

fn deny_definition() -> Permission {
    use mssql_posture::ids::PrincipalId;
    Permission {
        class: 1,
        major_id: 50_001,
        minor_id: 0,
        grantee_principal_id: PrincipalId(0),
        grantor_principal_id: PrincipalId(1),
        r#type: "VW".to_owned(),
        permission_name: Some("VIEW DEFINITION".to_owned()),
        state: "D".to_owned(),
    }
}

#[test]
fn offline_collection_without_the_list_of_databases_enters_none() {
    let snapshot = assert_alike(|| {
        Instance::new(sample::recording(13)).fault(Fault::Read {
            view: "sys.databases",
            database: None,
            after_rows: None,
            error: error(1222, 16, "Lock request time out period exceeded."),
        })
    });
    assert_eq!(snapshot.server.databases.state(), "failed");
    assert!(snapshot.databases.is_empty());
}

#[test]
fn import_writes_what_collect_writes_and_exits_by_its_measure() {
    let server = Instance::new(truth::complete(16, "SRV")).start(Options::default());
    let whole = saved(&server);
    let import = |args: &[&str]| Cli::new(&["import", "out.txt", "-o", "out"]).args(args);
    let ran = import(&[]).file("out.txt", &whole).run().code(0);
    assert_eq!(
        but_statements(ran.files("out")),
        [
            "SHA256SUMS",
            "evidence/SRV.evidence.json",
            "evidence/run.json",
            "manifest.json",
            "snapshots/SRV.modules.jsonl",
            "snapshots/SRV.snapshot.json"
        ]
    );
    assert!(
        ran.read("out/manifest.json")
            .contains("\"sensitive\": true")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &str| {
            std::fs::metadata(ran.path(path))
                .unwrap()
                .permissions()
                .mode()
        };
        assert_eq!(mode("out") & 0o777, 0o700);
        assert_eq!(mode("out/snapshots/SRV.snapshot.json") & 0o777, 0o600);
    }
    // A folder with something in it is refused.
    let again = Cli::new(&["import", "out.txt", "-o", "."]).file("out.txt", &whole);
    again.run().code(2).says("is not empty");

    let server = Instance::new(sample::recording(16)).start(Options::default());
    let partial = saved(&server);
    import(&[]).file("out.txt", &partial).run().code(3);
    import(&["--allow-partial"])
        .file("out.txt", &partial)
        .run()
        .code(0);
}

#[test]
fn import_writes_a_snapshot_like_any_other() {
    let server = Instance::new(truth::complete(16, "SRV")).start(Options::default());
    let whole = saved(&server);
    let import = |args: &[&str]| Cli::new(&["import", "out.txt", "-o", "out"]).args(args);
    let ran = import(&["--name", "erp-prod"])
        .file("out.txt", &whole)
        .run()
        .code(0);
    let inventory = "schema = \"mssql-posture/inventory/v1\"\nas_of = \"2026-01-01\"\n[[target]]\nname = \"erp\"\n\
                     snapshot = \"erp.snapshot.json\"\n";
    let audited = Cli::new(&["audit", "estate.toml", "-o", "out", "--fail-on", "never"])
        .file("estate.toml", inventory)
        .file(
            "erp.snapshot.json",
            ran.read("out/snapshots/erp-prod.snapshot.json"),
        )
        .file(
            "erp.modules.jsonl",
            ran.read("out/snapshots/erp-prod.modules.jsonl"),
        )
        .run()
        .code(0);
    assert_eq!(
        audited.instance("erp")["coverage"]["connection"]["authentication"],
        "offline"
    );
    let page = audited.read("out/reports/report.html");
    let titles = ["connection-not-encrypted", "audit-connection-unverified"];
    let titles = titles.map(|slug| Rule::find(slug).unwrap().title);
    let page = titles
        .iter()
        .fold(page, |page, title| page.replace(title, ""));
    assert!(page.contains("its output was imported") && !page.contains("not encrypted"));
}

#[test]
fn import_of_several_files_needs_several_servers() {
    let one = Instance::new(truth::complete(16, "ONE")).start(Options::default());
    let two = Instance::new(truth::complete(16, "TWO\\ERP")).start(Options::default());
    let import = |files: &[&str]| {
        Cli::new(&["import", "-o", "out"])
            .args(files)
            .file("one.txt", saved(&one))
            .file("two.txt", saved(&two))
            .file("three.txt", saved(&one))
    };
    let ran = import(&["one.txt", "two.txt"]).run().code(0);
    assert_eq!(but_statements(ran.files("out")).len(), 9);
    let twice = import(&["one.txt", "two.txt", "three.txt"]).run().code(2);
    assert!(!twice.says("are both of ONE").path("out").exists());
    import(&["one.txt", "two.txt", "--name", "x"])
        .run()
        .code(2)
        .says("--name is for one file");
    import(&["missing.txt"])
        .run()
        .code(2)
        .says("cannot import missing.txt");
}

/// The script over the wire, through a client that shares no code with ours: its messages are what a DBA saves.
#[test]
#[ignore = "needs freetds; run by .ci/run"]
fn foreign_client_freetds_runs_the_collector_script() {
    for version in [11, 14, 17] {
        let server = Instance::new(sample::recording(version)).start(Options::default());
        let due = collected(&server);
        let script = offline::script().text.clone();
        let (output, messages) = foreign_client::tsql(&server, "require", &[script]);
        server.assert_clean();
        assert_eq!(output.trim(), "", "the script brings no result set");
        assert_same(&due, &imported(messages.as_bytes()));
    }
}
