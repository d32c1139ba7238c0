#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const HEAD: &str = "schema = \"mssql-posture/inventory/v1\"\n";
const AUTH: &str = "auth = { kind = \"sql\", user = \"audit\", password = { env = \"PW\" } }\n";

fn parse(body: &str) -> Result<Inventory, String> {
    Inventory::parse(&format!("{HEAD}{body}"), "estate.toml").map_err(|e| e.to_string())
}

fn target(lines: &str) -> String {
    format!("[[target]]\nname = \"a\"\nhost = \"h\"\n{AUTH}{lines}\n")
}

fn server(inventory: &Inventory, index: usize) -> &ServerTarget {
    match &inventory.targets[index].reach {
        Reach::Server(server) => server,
        Reach::Snapshot(_) => panic!("not a server"),
    }
}

#[test]
fn a_whole_inventory_means_what_it_says() {
    let inventory = parse(
        r#"
as_of = "2026-11-01"
[defaults]
auth = { kind = "sql", user = "audit", password = { command = ["vault", "read", "-field=pw"] } }
tls = { mode = "required", ca_file = "corp.pem" }
timeouts = { query_seconds = 30 }
tags = { environment = "production" }
[[target]]
name = "erp"
host = "sql01.corp.example"
instance = "ERP"
tls = { mode = "strict" }
tags = { criticality = "high", regulated = true }
exclude_databases = ["Scratch"]
[[target]]
name = "air-gapped"
snapshot = "air.snapshot.json"
tags = { environment = "lab" }
[[group]]
name = "regulated"
match = { regulated = true }
[[expectation]]
targets = ["regulated"]
sysadmin = ['CORP\DBA']
reason = "the DBA team"
[[expectation]]
sysadmin = ["break-glass"]
"#,
    )
    .unwrap();
    let erp = server(&inventory, 0);
    assert_eq!(erp.endpoint.to_string(), r"sql01.corp.example\ERP");
    assert_eq!(erp.tls.mode, TlsMode::Strict);
    assert_eq!(erp.tls.ca_file.as_deref(), Some("corp.pem"));
    assert_eq!(erp.timeouts.query, Duration::from_secs(30));
    assert_eq!(erp.timeouts.login, Duration::from_secs(15));
    let meant = inventory.as_meant();
    let expected = |index: usize| meant.targets[index].expected_sysadmins.clone().unwrap();
    assert_eq!(expected(0), [r"CORP\DBA", "break-glass"]);
    assert_eq!(expected(1), ["break-glass"]);
    assert_eq!(
        inventory.targets[1].tags["environment"],
        TagValue::Text("lab".into())
    );
    assert!(inventory.targets[0].groups.contains("regulated"));
    let json = serde_json::to_string(&meant).unwrap();
    for secret in ["vault", "sql01", "audit", "corp.pem"] {
        assert!(
            !json.contains(secret),
            "judgement.json must not hold {secret}"
        );
    }
}

/// What is wrong, where it must be pointed at, and what the message must say.
const FAULTS: &[(&str, &str, &str)] = &[
    ("", ":1:1", "no target"),
    (
        "[[target]]\nname = \"a\"\n",
        ":3:8",
        "neither host nor snapshot",
    ),
    (
        "[[target]]\nname = \"a\"\nhost = \"h\"\n",
        ":3:8",
        "no auth",
    ),
    (
        "[[target]]\nname = \"a\"\nhots = \"h\"\n",
        ":4:1",
        "did you mean host?",
    ),
    (
        "[[target]]\nname = \"a\"\nsnapshot = \"s\"\nport = 1\n",
        ":5:8",
        "no meaning for a recorded",
    ),
    (
        "[[target]]\nname = \"\"\nsnapshot = \"s\"\n",
        ":3:8",
        "1 to 128 characters",
    ),
    (
        "[[targett]]\nname = \"a\"\n",
        ":2:3",
        "did you mean target?",
    ),
    (
        "as_of = \"2026-02-30\"\n[[target]]\nname = \"a\"\nsnapshot = \"s\"\n",
        ":2:9",
        "not a date",
    ),
    (
        "[[target]]\nname = \"a\"\nhost = \"h,1433\"\n",
        ":4:8",
        "use port",
    ),
    (
        "[[target]]\nname = \"a\"\nhost = \"h\\\\X\"\n",
        ":4:8",
        "use instance",
    ),
];

#[test]
fn faults_are_pointed_at_and_explained() {
    for (body, place, says) in FAULTS {
        let error = parse(body).unwrap_err();
        assert!(
            error.contains(&format!("estate.toml{place}")),
            "{body}\n{error}"
        );
        assert!(error.contains(says), "{body}\n{error}");
    }
}

/// Lines that a target with host and credential must not have, and what the message must say.
const BAD_LINES: &[(&str, &str)] = &[
    ("port = 0", "out of range"),
    ("port = 70000", "out of range"),
    ("port = 0\ninstance = \"X\"", "out of range"),
    ("port = 1\ninstance = \"\"", "name is empty"),
    ("instance = \" \"", "name is empty"),
    ("retries = 11", "0 to 10"),
    ("audit_retention_days = 40000", "0 to 36500"),
    ("audit_mb_per_day = 0", "1 to 1000000"),
    ("sessions_per_target = 0", "1 to 16"),
    ("timeouts = { login_seconds = 0 }", "1 to 86400"),
    (
        "timeouts = { login_second = 1 }",
        "did you mean login_seconds?",
    ),
    ("tls = { mode = \"tls\" }", "one of required, strict"),
    (
        "tls = { trust_server_certificate = true, ca_file = \"x\" }",
        "would not be looked at",
    ),
    (
        "tls = { trust_server_certificate = true, mode = \"strict\" }",
        "always verifies",
    ),
    (
        "tls = { mode = \"off\", ca_file = \"x\" }",
        "has no certificate",
    ),
    (
        "tags = { criticality = \"hihg\" }",
        "one of low, medium, high, critical",
    ),
    ("listener = 1", "wrong type"),
    (
        "[[expectation]]\ntargets = []\nsysadmin = []",
        "for no target",
    ),
    ("[[group]]\nname = \"g\"", "has no members"),
    ("[[group]]\nname = \"a\"\ntargets = [\"a\"]", "taken"),
    (
        "[[group]]\nname = \"g\"\ntargets = [\"aa\"]",
        "did you mean a?",
    ),
    (
        "[[expectation]]\ntargets = [\"group:x\"]\nsysadmin = []",
        "names no target",
    ),
];

#[test]
fn settings_are_checked() {
    for (line, says) in BAD_LINES {
        let error = parse(&target(line)).unwrap_err();
        assert!(error.contains(says), "{line}\n{error}");
        assert!(error.contains("estate.toml:"), "{line}\n{error}");
    }
}

/// Credentials that are refused. None may be repeated in the message.
const BAD_AUTH: &[(&str, &str)] = &[
    (
        "kind = \"sql\", user = \"u\", password = \"hunter2\"",
        "a literal secret is refused",
    ),
    (
        "kind = \"sql\", user = \"u\", password = 123456",
        "a literal secret is refused",
    ),
    (
        "kind = \"sql\", user = \"u\", password = [\"hunter2\"]",
        "a literal secret is refused",
    ),
    (
        "kind = \"sql\", user = \"u\", password = { value = \"hunter2\" }",
        "unknown key value",
    ),
    (
        "kind = \"sql\", user = \"u\", password = { env = \"A\", file = \"B\" }",
        "exactly one place",
    ),
    (
        "kind = \"sql\", user = \"u\", password = { prompt = false }",
        "exactly one place",
    ),
    ("kind = \"sql\", user = \"u\"", "password is missing"),
    ("kind = \"sql\", password = { env = \"A\" }", "needs user"),
    ("kind = \"sqll\", user = \"u\"", "did you mean sql?"),
    ("kind = \"integrated\", user = \"u\"", "user has no meaning"),
    ("kind = \"entra-token\"", "token is missing"),
    (
        "kind = \"entra-token\", token = \"hunter2\"",
        "a literal secret is refused",
    ),
    (
        "kind = \"sql\", user = \"u\", pasword = \"hunter2\"",
        "did you mean password?",
    ),
];

#[test]
fn credentials_stand_by_reference_only_and_are_never_repeated() {
    for (auth, says) in BAD_AUTH {
        let body = format!("[[target]]\nname = \"a\"\nhost = \"h\"\nauth = {{ {auth} }}\n");
        let error = parse(&body).unwrap_err();
        assert!(error.contains(says), "{auth}\n{error}");
        for secret in ["hunter2", "123456"] {
            assert!(!error.contains(secret), "{auth}\n{error}");
        }
    }
}

#[test]
fn one_name_for_two_targets_names_both_lines() {
    let body = "[[target]]\nname = \"erp\"\nsnapshot = \"a\"\n[[target]]\nname = \"ERP\"\nsnapshot = \"b\"\n";
    let error = parse(body).unwrap_err();
    assert!(error.contains("estate.toml:6:8"), "{error}");
    assert!(error.contains("stands on line 3 already"), "{error}");
}

#[test]
fn all_faults_are_told_at_once_and_those_of_the_defaults_once() {
    let body = "[defaults]\ntls = { mode = \"x\" }\n".to_owned()
        + &target("port = 0")
        + &target("").replace("\"a\"", "\"b\"");
    let error = parse(&body).unwrap_err();
    assert_eq!(error.matches("unknown mode").count(), 1, "{error}");
    assert!(error.contains("port 0"), "{error}");
}

#[test]
fn a_selection_knows_names_groups_and_tags() {
    let inventory = parse(
        "[[target]]\nname = \"a\"\nsnapshot = \"s\"\ntags = { regulated = true }\n\
         [[target]]\nname = \"b\"\nsnapshot = \"t\"\n[[group]]\nname = \"g\"\ntargets = [\"b\"]\n",
    )
    .unwrap();
    let select = |only: &[&str], exclude: &[&str]| {
        let own = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
        let mut inventory = inventory.clone();
        inventory.select(&own(only), &own(exclude))?;
        let chosen = inventory.targets;
        Ok::<_, SelectError>(
            chosen
                .iter()
                .map(|t| t.name.to_string())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(select(&[], &[]).unwrap(), ["a", "b"]);
    assert_eq!(select(&["group:g"], &[]).unwrap(), ["b"]);
    assert_eq!(select(&["g", "a"], &[]).unwrap(), ["a", "b"]);
    assert_eq!(select(&["regulated=true"], &[]).unwrap(), ["a"]);
    assert_eq!(select(&[], &["a"]).unwrap(), ["b"]);
    assert_eq!(select(&["a"], &["a"]), Err(SelectError::Empty));
    assert!(
        select(&["aa"], &[])
            .unwrap_err()
            .to_string()
            .contains("did you mean a?")
    );
}

#[test]
fn a_server_is_named_as_its_own_tools_name_it() {
    let named = |text: &str| parse_server(text).unwrap().0.to_string();
    assert_eq!(named("sql01"), "sql01");
    assert_eq!(named("tcp:sql01,1444"), "sql01,1444");
    assert_eq!(named(r"sql01\ERP"), r"sql01\ERP");
    assert_eq!(named("."), "localhost");
    assert_eq!(named("[::1],1433"), "::1,1433");
    for bad in ["", ",1433", "h,0", "h,x", r"h\", r"h\,1433", "a b"] {
        assert!(parse_server(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_port_wins_over_an_instance_and_this_is_said() {
    let (endpoint, note) = parse_server(r"sql01\ERP,1444").unwrap();
    assert_eq!(endpoint, Endpoint::Port("sql01".to_owned(), 1444));
    let note = note.unwrap();
    assert!(note.contains("port 1444 is used"), "{note}");
    assert_eq!(parse_server(r"sql01\ERP").unwrap().1, None);
    assert_eq!(parse_server("sql01,1444").unwrap().1, None);

    let inventory = parse(&target("port = 1444\ninstance = \"ERP\"")).unwrap();
    let Reach::Server(server) = &inventory.targets[0].reach else {
        panic!("a server")
    };
    assert!(matches!(&server.endpoint, Endpoint::Port(_, 1444)));
    let [note] = inventory.notes.as_slice() else {
        panic!("{:?}", inventory.notes)
    };
    assert!(note.starts_with("estate.toml:"), "{note}");
    assert!(note.contains("target \"a\": port 1444 is used"), "{note}");
    for line in ["port = 1444", "instance = \"ERP\""] {
        let quiet = parse(&target(line)).unwrap();
        assert_eq!(quiet.notes, [""; 0], "{line}");
    }
}

#[test]
fn the_schema_names_every_key() {
    let schema = schema().to_string();
    for key in [
        "sessions_per_target",
        "hostname_in_certificate",
        "exclude_databases",
        "prompt",
    ] {
        assert!(schema.contains(key), "{key}");
    }
}

#[test]
fn a_target_is_known_by_the_line_that_names_it() {
    let inventory = parse(&format!(
        "{}\n{}",
        target(""),
        target("").replace("\"a\"", "\"b\"")
    ))
    .unwrap();
    let targets = inventory.as_meant().targets;
    let lines: Vec<_> = targets.iter().map(|target| target.line).collect();
    let text = format!("{HEAD}{}\n{}", target(""), target(""));
    let named = text
        .lines()
        .zip(1_u32..)
        .filter(|(line, _)| line.starts_with("name"));
    let due: Vec<_> = named.map(|(_, number)| Some(number)).collect();
    assert_eq!(lines, due);
}

#[test]
fn what_was_meant_before_lines_were_kept_is_still_read() {
    let old = r#"{"targets":[{"name":"a","tags":{},"groups":[],"exclude_databases":[],"expected_sysadmins":null}]}"#;
    let meant: Meant = serde_json::from_str(old).unwrap();
    assert_eq!((meant.file, meant.targets[0].line), (None, None));
}

#[test]
fn what_audits_must_keep_is_the_targets_own_or_the_defaults() {
    let text = r#"
schema = "mssql-posture/inventory/v1"
[defaults]
audit_retention_days = 90
audit_mb_per_day = 20
[[target]]
name = "a"
snapshot = "a.json"
[[target]]
name = "b"
snapshot = "b.json"
audit_retention_days = 0
"#;
    let inventory = Inventory::parse(text, "estate.toml").unwrap();
    let meant = inventory.as_meant();
    let needs = |days| AuditNeeds {
        retention_days: Some(days),
        mb_per_day: Some(20),
    };
    assert_eq!(meant.targets[0].audit_needs, needs(90));
    assert_eq!(meant.targets[1].audit_needs, needs(0));
    // What is not said is not written, and what was written without it is read.
    let bare = MeantTarget::bare(InstanceId::new("a"));
    let json = serde_json::to_string(&bare).unwrap();
    assert!(!json.contains("audit_needs"), "{json}");
    assert_eq!(serde_json::from_str::<MeantTarget>(&json).unwrap(), bare);
}
