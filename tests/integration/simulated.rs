//! The simulated instance: what it serves is what was recorded, and it fails as a server fails. Read
//! through the driver alone, so that no mistake of the collector can hide one of the simulation.

mod read_back;

use mssql_posture::collect::{SESSION_SETTINGS, Scope, queries, use_database};
use mssql_posture::snapshot::{Observed, ServerError};

use read_back::rows_of;

use crate::support::driver::{Driver, Reply, config};
use crate::support::instance::{
    Account, Break, Fault, Instance, PASSWORD, Recording, RunningInstance, USER, error, sample,
};
use crate::support::tds_server::Options;

fn start(recording: Recording) -> RunningInstance {
    Instance::new(recording).start(Options::default())
}

fn driver(server: &RunningInstance) -> Driver {
    Driver::connect(&config(server.port(), server.ca_pem(), USER, PASSWORD)).unwrap()
}

#[test]
fn one_batch_holds_settings_a_switch_and_many_queries() {
    let server = start(sample::recording_with_control(16));
    let mut driver = driver(&server);
    let texts: Vec<&str> = queries()
        .iter()
        .filter(|q| q.scope == Scope::Database && q.versions.contains(&16))
        .map(|q| q.text)
        .collect();
    let batch = format!(
        "{SESSION_SETTINGS};\n{};\n{};",
        use_database("erp"),
        texts.join(";\n")
    );
    let reply = driver.batch(&batch);
    assert!(reply.error.is_none(), "{:?}", reply.error);
    assert_eq!(reply.sets.len(), texts.len());
    assert_eq!(server.round_trips(), 1);
    let statements = server.statements();
    assert_eq!(statements.len(), 5 + 1 + texts.len());
    assert_eq!(statements[5], "USE [erp]");
    assert!(
        texts
            .iter()
            .all(|text| statements.iter().any(|s| s == text))
    );
    // The switch outlives its batch.
    let reply = driver.batch("SELECT 1 AS q_x, DB_NAME() AS name");
    assert_eq!(rows_of(&reply.sets[0]), [r#"{"name":"erp"}"#]);
    server.assert_clean();
}

#[test]
fn a_name_that_leads_nowhere_fails_the_whole_batch() {
    let server = start(sample::recording(13));
    let mut driver = driver(&server);
    let cases = [
        ("SELECT 1 AS a, object_ids FROM sys.objects", 207),
        ("SELECT 1 AS a, sha2_512 FROM sys.assembly_files", 207),
        ("SELECT 1 AS a, host_platform FROM sys.dm_os_host_info", 208),
        ("SELECT 1 AS a, name FROM sys.nothing", 208),
        (
            "SELECT 1 AS a, name FROM sys.objects AS o JOIN sys.schemas AS s ON o.schema_id = s.schema_id",
            209,
        ),
        ("SELECT 1 AS a, x.name FROM sys.objects", 4104),
        ("SELECT 1 AS a, OBJECT_NAME(1) AS b", 195),
        ("SELECT 1 AS a, name FROM sys.schemas WHERE nme = 'x'", 207),
    ];
    for (bad, number) in cases {
        let reply = driver.batch(&format!("SELECT 1 AS first;\nUSE [erp];\n{bad}"));
        assert!(reply.sets.is_empty(), "{bad}");
        assert_eq!(reply.error_number(), Some(number), "{bad}");
    }
    let reply = driver.batch("SELECT 1 AS q_x, DB_NAME() AS name");
    assert_eq!(
        rows_of(&reply.sets[0]),
        [r#"{"name":"master"}"#],
        "the USE must not have run"
    );
    server.assert_clean();
}

#[test]
fn what_is_not_understood_is_refused_and_told() {
    let server = start(sample::recording(16));
    let mut driver = driver(&server);
    for text in [
        "EXEC xp_cmdshell 'dir'",
        "SELECT name FROM sys.objects WHERE object_id > 1",
        "SELECT * FROM t",
    ] {
        let reply = driver.batch(text);
        assert_eq!(reply.error_number(), Some(102), "{text}");
        assert!(reply.sets.is_empty());
    }
    assert_eq!(server.faults().len(), 3);
    assert!(server.faults()[0].contains("xp_cmdshell"));
}

#[test]
fn databases_that_cannot_be_used_end_the_batch() {
    let mut recording = sample::recording(16);
    let rows = recording.snapshot.server.databases.seen_mut();
    rows.iter_mut()
        .find(|d| d.name == "msdb")
        .unwrap()
        .has_access = Some(false);
    rows.iter_mut().find(|d| d.name == "model").unwrap().state = Some(1);
    let server = start(recording);
    let mut driver = driver(&server);
    for (name, number) in [
        ("nowhere", 911),
        ("archive", 942),
        ("msdb", 916),
        ("model", 927),
    ] {
        let reply = driver.batch(&format!(
            "SELECT 1 AS a;\n{};\nSELECT 2 AS b;",
            use_database(name)
        ));
        assert_eq!(reply.error_number(), Some(number), "{name}");
        assert_eq!(reply.sets.len(), 1, "{name}: what follows USE must not run");
    }
    server.assert_clean();
}

#[test]
fn results_have_the_types_a_server_gives_them() {
    let server = start(sample::recording(16));
    let mut driver = driver(&server);
    let types = |reply: &Reply| -> Vec<String> {
        assert!(reply.error.is_none(), "{:?}", reply.error);
        reply.sets[0]
            .columns
            .iter()
            .map(|(_, ty)| ty.clone())
            .collect()
    };
    let reply = driver.batch(
        "SELECT 1 AS a, object_id, CAST(object_id AS int) AS b, is_ms_shipped, type, name, create_date, \
         CAST(object_id AS bigint) AS c, principal_id FROM sys.objects",
    );
    assert_eq!(
        types(&reply),
        [
            "Int4", "Int4", "Int4", "Bit", "BigChar", "NVarchar", "Datetime", "Int8", "Int4"
        ]
    );
    let reply = driver.batch(
        "USE [erp]; SELECT 1 AS a, HASHBYTES(N'SHA2_512', content) AS b, DATALENGTH(content) AS c, \
         CAST(name AS nvarchar(max)) AS d FROM sys.assembly_files",
    );
    assert_eq!(types(&reply), ["Int4", "BigVarBin", "Int8", "NVarchar"]);
    let reply = driver.batch("SELECT 1 AS a, value_in_use FROM sys.configurations");
    assert_eq!(types(&reply), ["Int4", "SSVariant"]);
    server.assert_clean();
}

#[test]
fn joins_narrowing_and_counts_are_evaluated() {
    let server = start(sample::recording(16));
    let mut driver = driver(&server);
    let mut ask = |text: &str| {
        let reply = driver.batch(&format!("USE [erp]; {text}"));
        assert!(reply.error.is_none(), "{text}: {:?}", reply.error);
        rows_of(&reply.sets[0])
    };
    assert_eq!(
        ask(
            "SELECT 1 AS t, o.name AS object, a.name AS assembly FROM sys.objects AS o \
             INNER JOIN sys.assembly_modules AS m ON m.object_id = o.object_id \
             JOIN sys.assemblies AS a ON a.assembly_id = m.assembly_id"
        ),
        [r#"{"assembly":"geo","object":"geo_distance"}"#]
    );
    assert_eq!(
        ask("SELECT 1 AS t, t.name, o.object_id FROM sys.triggers AS t \
             LEFT JOIN sys.objects AS o ON o.object_id = t.object_id"),
        [
            r#"{"name":"ddl_guard","object_id":null}"#,
            r#"{"name":"orders_guard","object_id":50005}"#
        ]
    );
    assert_eq!(
        ask("SELECT 1 AS t, name FROM sys.objects WHERE type IN ('U', 'sn') AND name <> 'orders'"),
        [r#"{"name":"old_name"}"#],
        "padding and case of a code do not count"
    );
    assert_eq!(
        ask("SELECT 1 AS t, COUNT(*) AS n FROM sys.objects WHERE type = 'U'"),
        [r#"{"n":1}"#]
    );
    assert_eq!(
        ask("SELECT 1 AS t, principal_id FROM sys.objects WHERE principal_id <> 5"),
        Vec::<String>::new(),
        "NULL is not unequal"
    );
    assert_eq!(
        ask("SET ROWCOUNT 1; SELECT 1 AS t, schema_id FROM sys.schemas").len(),
        1
    );
    server.assert_clean();
}

#[test]
fn casts_that_fail_come_after_the_rows_before_them() {
    let server = start(sample::recording(16));
    let mut driver = driver(&server);
    let reply = driver
        .batch("SELECT 1 AS t, CAST(configuration_id AS tinyint) AS n FROM sys.configurations");
    assert_eq!(reply.error_number(), Some(220));
    assert_eq!(reply.sets.len(), 1);
    let reply = driver.batch("SELECT 1 AS t, CAST(name AS int) AS n FROM sys.configurations");
    assert_eq!(reply.error_number(), Some(245));
    let reply =
        driver.batch("SELECT 1 AS t, CAST(name AS varbinary(9)) AS n FROM sys.configurations");
    assert_eq!(reply.error_number(), Some(529));
    let reply = driver.batch("SELECT 1 AS t, CAST(name AS nvarchar(3)) AS n FROM sys.configurations WHERE configuration_id = 16390");
    assert_eq!(rows_of(&reply.sets[0]), [r#"{"n":"xp_"}"#]);
    server.assert_clean();
}

#[test]
fn hashing_fails_beyond_8000_bytes_before_2016() {
    let mut recording = sample::recording(12);
    recording.snapshot.databases[4].assembly_files.seen_mut()[1].size = Some("8000".to_owned());
    let server = start(recording);
    let mut driver = driver(&server);
    let reply = driver.batch(
        "USE [erp]; SELECT 1 AS a, HASHBYTES('SHA2_512', content) AS b FROM sys.assembly_files",
    );
    assert_eq!(reply.error_number(), Some(8152));
    server.assert_clean();
}

#[test]
fn refused_facts_are_refused_and_gaps_are_told() {
    let mut recording = sample::recording(16);
    let server_facts = &mut recording.snapshot.server;
    server_facts.trusted_assemblies = Observed::Denied {
        needs: vec!["VIEW SERVER STATE (error 300)".to_owned()],
    };
    server_facts.host = Observed::Failed {
        error: ServerError::new(1222, "Lock request time out period exceeded."),
    };
    server_facts.server_triggers = Observed::NotCollected {
        why: "a gap".to_owned(),
    };
    let principals = server_facts.server_principals.known().unwrap().clone();
    server_facts.server_principals = Observed::Partial {
        value: principals[..2].to_vec(),
        needs: Vec::new(),
    };
    let server = start(recording);
    let mut driver = driver(&server);
    let reply = driver
        .batch("SELECT 1 AS a; SELECT 1 AS b, hash FROM sys.trusted_assemblies; SELECT 1 AS c");
    assert_eq!(reply.error_number(), Some(300));
    assert_eq!(reply.sets.len(), 2, "the statements around it run");
    let reply = driver.batch("SELECT 1 AS b, host_platform FROM sys.dm_os_host_info");
    assert_eq!(reply.error_number(), Some(1222));
    let reply = driver.batch("SELECT 1 AS b, principal_id FROM sys.server_principals");
    assert_eq!(reply.sets[0].rows.len(), 2);
    server.assert_clean();
    let reply = driver.batch("SELECT 1 AS b, object_id FROM sys.server_triggers");
    assert_eq!(reply.error_number(), Some(50000));
    assert!(
        server.faults()[0].contains("a gap"),
        "{:?}",
        server.faults()
    );
}

#[test]
fn logins_end_as_their_account_says() {
    let accounts = [
        ("expired", Account::Expired, 18487),
        ("change", Account::MustChange, 18488),
        ("locked", Account::LockedOut, 18486),
        ("disabled", Account::Disabled, 18470),
        (
            "other",
            Account::Refused(error(18452, 14, "untrusted domain")),
            18452,
        ),
    ];
    let mut instance =
        Instance::new(sample::recording(16)).account("good", "right", Account::Accepted);
    for (user, outcome, _) in &accounts {
        instance = instance.account(user, "right", outcome.clone());
    }
    let server = instance.start(Options::default());
    let attempt = |user: &str, password: &str, database: Option<&str>| {
        let mut config = config(server.port(), server.ca_pem(), user, password);
        if let Some(database) = database {
            config.database(database);
        }
        match Driver::connect(&config) {
            Ok(_) => None,
            Err(tiberius::error::Error::Server(token)) => Some(token.code()),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(attempt("good", "right", None), None);
    assert_eq!(attempt("GOOD", "right", Some("erp")), None);
    assert_eq!(attempt("good", "Right", None), Some(18456));
    assert_eq!(attempt("nobody", "right", None), Some(18456));
    assert_eq!(attempt("good", "right", Some("nowhere")), Some(4060));
    for (user, _, number) in &accounts {
        assert_eq!(attempt(user, "right", None), Some(*number), "{user}");
        assert_eq!(attempt(user, "wrong", None), Some(18456), "{user}");
    }
    assert_eq!(server.logins_attempted(), 5 + 2 * accounts.len());
    server.assert_clean();
}

const OBJECTS: &str = "SELECT 1 AS q_objects, object_id FROM sys.objects";

#[test]
fn faults_strike_where_and_as_often_as_the_script_says() {
    let server = Instance::new(sample::recording(16))
        .fault_times(
            1,
            Fault::Read {
                view: "sys.objects",
                database: Some("erp"),
                after_rows: Some(2),
                error: error(1205, 13, "deadlock victim"),
            },
        )
        .fault(Fault::Use {
            database: "erp",
            from: 3,
            error: error(942, 14, "offline"),
        })
        .fault(Fault::Missing {
            view: "sys.synonyms",
        })
        .start(Options::default());
    let mut driver = driver(&server);
    let batch = format!("{};\n{OBJECTS}", use_database("erp"));
    let first = driver.batch(&batch);
    assert_eq!(
        (first.error_number(), first.sets[0].rows.len()),
        (Some(1205), 2)
    );
    let second = driver.batch(&batch);
    assert!(second.error.is_none() && second.sets[0].rows.len() > 2);
    assert_eq!(driver.batch(&batch).error_number(), Some(942));
    assert_eq!(
        driver
            .batch("SELECT 1 AS a, object_id FROM sys.synonyms")
            .error_number(),
        Some(208)
    );
    server.assert_clean();
}

#[test]
fn connections_break_where_the_script_says() {
    let row = Fault::BreakRow {
        view: "sys.objects",
        database: None,
        after_rows: 1,
        how: Break::Close,
    };
    let request = Fault::BreakRequest {
        session: Some(2),
        request: 1,
        how: Break::Stall,
    };
    let server = Instance::new(sample::recording(16))
        .fault(row)
        .fault(request)
        .start(Options::default());
    let mut first = driver(&server);
    let cut = first.batch(&format!("USE [erp]; {OBJECTS}"));
    assert_eq!(cut.sets[0].rows.len(), 1);
    assert!(cut.error.is_some() && cut.error_number().is_none());
    let mut second = driver(&server);
    let short = std::time::Duration::from_millis(200);
    assert!(second.batch_within("SELECT 1 AS a", short).is_some());
    assert!(second.batch_within("SELECT 1 AS a", short).is_none());
    server.assert_clean();
}

#[test]
fn a_late_answer_is_the_one_before() {
    let server = Instance::new(sample::recording(16))
        .fault(Fault::LateAnswers { from: 1 })
        .start(Options::default());
    let mut driver = driver(&server);
    let names: Vec<Option<String>> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| {
            let reply = driver.batch(&format!("SELECT 1 AS {name}"));
            reply.sets.first().map(|set| set.columns[0].0.clone())
        })
        .collect();
    let due = [Some("a"), None, Some("b"), Some("c")];
    assert_eq!(names, due.map(|name| name.map(str::to_owned)));
    server.assert_clean();
}

#[test]
fn sessions_have_numbers_of_their_own_and_may_claim_another_server() {
    let server = Instance::new(sample::recording(16))
        .fault(Fault::OtherServer { from_session: 2 })
        .start(Options::default());
    let ask =
        "SELECT 1 AS a, CAST(@@SPID AS int) AS spid, CAST(@@SERVERNAME AS nvarchar(128)) AS name";
    let mut first = driver(&server);
    let mut second = driver(&server);
    assert_eq!(
        rows_of(&first.batch(ask).sets[0]),
        [r#"{"name":"WS1\\ERP","spid":58}"#]
    );
    assert_eq!(
        rows_of(&second.batch(ask).sets[0]),
        [r#"{"name":"WS1\\ERP-OTHER","spid":59}"#]
    );
    server.assert_clean();
}

#[test]
fn a_statement_may_come_as_a_procedure_call() {
    let server = start(sample::recording(16));
    let mut driver = driver(&server);
    let reply = driver.rpc("SELECT 1 AS a, DB_NAME() AS name");
    assert_eq!(rows_of(&reply.sets[0]), [r#"{"name":"master"}"#]);
    assert_eq!(server.statements(), ["SELECT 1 AS a, DB_NAME() AS name"]);
    server.assert_clean();
}
