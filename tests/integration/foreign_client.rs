//! Clients that share no code with the driver or with the test server read from a simulated instance
//! what was recorded: FreeTDS' `tsql`, and python-tds where `FOREIGN_CLIENT_PYTHON` names a Python
//! that has it. A misreading of MS-TDS that server and driver share would show here.

use std::io::Write as _;
use std::process::{Command, Stdio};

use mssql_posture::collect::{SESSION_SETTINGS, Scope, queries, use_database};
use serde_json::{Value, json};
use tiberius::ColumnData;

use crate::support::driver::{Driver, config};
use crate::support::instance::{Fault, Instance, PASSWORD, RunningInstance, USER, error, sample};
use crate::support::tds_server::{Encryption, Options};

/// Of one session and one moment, and so differs between clients.
const OF_THE_SESSION: [&str; 2] = ["session_id", "utc_now"];

/// What one client read of one question.
#[derive(Debug, PartialEq)]
struct Read {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Read {
    fn without_session(mut self) -> Self {
        for own in OF_THE_SESSION {
            if let Some(at) = self.columns.iter().position(|name| name == own) {
                self.columns.remove(at);
                for row in &mut self.rows {
                    row.remove(at);
                }
            }
        }
        self
    }
}

/// Every query of ours in its database, and one over types that no query of ours returns.
fn questions() -> Vec<String> {
    let of_version = queries().iter().filter(|q| q.versions.contains(&16));
    let ours = of_version.map(|query| {
        let database = match query.scope {
            Scope::Session | Scope::Server | Scope::Master | Scope::Events => "master",
            Scope::Msdb => "msdb",
            Scope::Context | Scope::Database => "erp",
        };
        format!("{};\n{}", use_database(database), query.text)
    });
    let raw = "USE [erp]; SELECT 1 AS q_raw, type, is_ms_shipped, principal_id FROM sys.objects";
    let variant = "SELECT 1 AS q_variant, value_in_use, is_dynamic FROM sys.configurations";
    ours.chain([raw.to_owned(), variant.to_owned()]).collect()
}

fn start(encryption: Encryption) -> RunningInstance {
    let options = Options {
        encryption,
        ..Options::default()
    };
    Instance::new(sample::recording_with_control(16))
        .fault(Fault::Read {
            view: "sys.synonyms",
            database: Some("msdb"),
            after_rows: None,
            error: error(
                229,
                14,
                "The SELECT permission was denied on the object 'synonyms'.",
            ),
        })
        .start(options)
}

const REFUSED: &str = "USE [msdb]; SELECT 1 AS q_refused, object_id FROM sys.synonyms";

fn plain(value: &ColumnData<'static>) -> Value {
    match value {
        ColumnData::I32(n) => json!(n),
        ColumnData::I64(n) => json!(n),
        ColumnData::Bit(flag) => json!(flag.map(i32::from)),
        ColumnData::String(text) => json!(text),
        ColumnData::Binary(bytes) => json!(bytes.as_ref().map(|bytes| hex(bytes))),
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The questions through the collector's driver.
fn through_our_driver() -> Vec<Read> {
    let server = start(Encryption::On);
    let config = config(server.port(), server.ca_pem(), USER, PASSWORD);
    let mut driver = Driver::connect(&config).unwrap();
    let read = questions().into_iter().map(|batch| {
        let reply = driver.batch(&batch);
        assert!(reply.error.is_none(), "{batch}: {:?}", reply.error);
        let set = &reply.sets[0];
        let rows = set.rows.iter();
        let read = Read {
            columns: set.columns.iter().map(|(name, _)| name.clone()).collect(),
            rows: rows.map(|row| row.iter().map(plain).collect()).collect(),
        };
        read.without_session()
    });
    let read: Vec<Read> = read.collect();
    assert!(
        read.iter().map(|read| read.rows.len()).sum::<usize>() > 60,
        "nothing to compare"
    );
    read
}

fn run(command: &mut Command, input: &str) -> (String, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

// --- FreeTDS ---

/// Between columns and between rows, as no name of the sample has them.
const COLUMN_END: char = '\u{1f}';
const ROW_END: char = '\u{1e}';

pub fn tsql(server: &RunningInstance, encryption: &str, batches: &[String]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("freetds.conf");
    let text = format!(
        "[simulated]\nhost = 127.0.0.1\nport = {}\ntds version = 7.4\nencryption = {encryption}\n\
         client charset = UTF-8\ntext size = 2147483647\n",
        server.port()
    );
    std::fs::write(&settings, text).unwrap();
    let program = std::env::var_os("FOREIGN_CLIENT_TSQL").unwrap_or_else(|| "tsql".into());
    let ends = [COLUMN_END.to_string(), ROW_END.to_string()];
    let mut command = Command::new(program);
    command
        .args(["-S", "simulated", "-U", USER, "-P", PASSWORD, "-o", "q"])
        .args(["-t", &ends[0], "-r", &ends[1]])
        .env("FREETDSCONF", &settings)
        .env("LC_ALL", "C.UTF-8");
    let input: Vec<String> = batches
        .iter()
        .map(|batch| format!("{batch}\ngo\n"))
        .collect();
    run(&mut command, &input.concat())
}

/// `tsql` writes each set as its column names and its rows; ours begin with the tag's name.
fn sets_of(output: &str) -> Vec<Read> {
    let mut sets: Vec<Read> = Vec::new();
    for line in output.split_terminator(ROW_END) {
        let cells: Vec<&str> = line.split(COLUMN_END).collect();
        if cells[0].starts_with("q_") {
            sets.push(Read {
                columns: cells.into_iter().map(str::to_owned).collect(),
                rows: Vec::new(),
            });
        } else {
            let set = sets.last_mut().expect("column names before rows");
            set.rows.push(cells.into_iter().map(Value::from).collect());
        }
    }
    sets
}

/// A value as `tsql` prints it.
fn printed(value: Value) -> Value {
    match value {
        Value::Null => json!("NULL"),
        Value::Number(number) => json!(number.to_string()),
        Value::String(text) => json!(text.strip_prefix("0x").unwrap_or(&text)),
        other => other,
    }
}

#[test]
#[ignore = "needs freetds or python-tds; run by .ci/run"]
fn foreign_client_freetds_reads_the_same_rows() {
    let due: Vec<Read> = through_our_driver()
        .into_iter()
        .map(|mut read| {
            for value in read.rows.iter_mut().flatten() {
                *value = printed(value.take());
            }
            read
        })
        .collect();
    for (policy, encryption) in [
        (Encryption::NotSupported, "off"),
        (Encryption::Off, "request"),
        (Encryption::Off, "off"),
        (Encryption::On, "require"),
    ] {
        let server = start(policy);
        let mut batches = questions();
        batches.insert(0, SESSION_SETTINGS.to_owned());
        batches.push(REFUSED.to_owned());
        let (output, messages) = tsql(&server, encryption, &batches);
        server.assert_clean();
        let read: Vec<Read> = sets_of(&output)
            .into_iter()
            .map(Read::without_session)
            .collect();
        let names = |reads: &[Read]| {
            reads
                .iter()
                .map(|r| r.columns[0].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&read), names(&due), "{policy:?}: {messages}");
        for (read, due) in read.iter().zip(&due) {
            assert_eq!(read, due, "{policy:?}");
        }
        assert!(messages.contains("Msg 229"), "{policy:?}: {messages}");
    }
}

#[test]
#[ignore = "needs freetds or python-tds; run by .ci/run"]
fn foreign_client_freetds_is_refused_with_a_wrong_password() {
    let server = Instance::new(sample::recording_with_control(16))
        .account(
            "somebody",
            "else",
            crate::support::instance::Account::Accepted,
        )
        .start(Options::default());
    let (output, messages) = tsql(&server, "require", &["SELECT 1 AS q_x".to_owned()]);
    assert!(
        messages.contains("Msg 18456") && sets_of(&output).is_empty(),
        "{messages}"
    );
    server.assert_clean();
}

// --- python-tds ---

fn python(server: &RunningInstance, tls: bool, login_only: bool, batches: &[String]) -> Vec<Value> {
    let python = std::env::var_os("FOREIGN_CLIENT_PYTHON").expect("asked for by the caller");
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, server.ca_pem()).unwrap();
    let asked = json!({
        "port": server.port(),
        "user": USER,
        "password": PASSWORD,
        "cafile": tls.then_some(authority),
        "login_only": login_only,
        "batches": batches,
    });
    let mut command = Command::new(python);
    command
        .args(["-c", include_str!("../fixtures/python_tds.py")])
        .env("PYTHONUTF8", "1");
    let (output, errors) = run(&mut command, &asked.to_string());
    serde_json::from_str(&output).unwrap_or_else(|e| panic!("{e}: {output}\n{errors}"))
}

#[test]
#[ignore = "needs freetds or python-tds; run by .ci/run"]
#[allow(clippy::print_stderr)] // a test that did not run must not look like one that did
fn foreign_client_python_reads_the_same_rows() {
    if std::env::var_os("FOREIGN_CLIENT_PYTHON").is_none() {
        eprintln!("skipped: FOREIGN_CLIENT_PYTHON names no Python with python-tds");
        return;
    }
    let due = through_our_driver();
    for (policy, tls, login_only) in [
        (Encryption::NotSupported, false, false),
        (Encryption::Off, true, true),
        (Encryption::On, true, false),
    ] {
        let server = start(policy);
        let mut batches = questions();
        batches.push(REFUSED.to_owned());
        let answers = python(&server, tls, login_only, &batches);
        server.assert_clean();
        assert_eq!(answers.len(), due.len() + 1);
        for (answer, due) in answers.iter().zip(&due) {
            let read = Read {
                columns: serde_json::from_value(answer["columns"].clone()).unwrap(),
                rows: serde_json::from_value(answer["rows"].clone()).unwrap(),
            };
            assert_eq!(read.without_session(), *due, "{policy:?}");
        }
        assert_eq!(answers.last().unwrap()["error"], 229, "{policy:?}");
    }
}
