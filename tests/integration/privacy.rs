//! What must not be told: secrets in no output of any kind, and, for others' eyes, no name of a principal or host.

use std::collections::BTreeSet;
use std::path::Path;

use mssql_posture::collect;
use serde_json::Value;

use crate::evidence::verify;
use crate::support::cli::{Cli, Ran};
use crate::support::estate::{Estate, closed_port};
use crate::support::instance::{Account, Instance};
use crate::support::recording::{Base, Recording, rows};
use crate::support::tds_server::Options;
use crate::support::truth;

/// Every format that audits write as text.
const FORMATS: &str =
    "table,json,html,md,csv,jsonl,junit,sarif,ocsf,prom,summary,cklb,oscal,opengraph";

/// Where a run holds a text: stdout, stderr, or a file, in whatever case and as UTF-8 or UTF-16.
fn places(ran: &Ran, text: &str) -> Vec<String> {
    let wide: Vec<u8> = text
        .to_lowercase()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let holds = |bytes: &[u8]| {
        let lower = String::from_utf8_lossy(bytes).to_lowercase();
        lower.contains(&text.to_lowercase()) || bytes.windows(wide.len()).any(|part| part == wide)
    };
    let mut found = Vec::new();
    for (name, said) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        if holds(said.as_bytes()) {
            found.push(name.to_owned());
        }
    }
    if ran.path("out").is_dir() {
        for file in ran.files("out") {
            if file.to_lowercase().contains(&text.to_lowercase())
                || holds(&std::fs::read(ran.path("out").join(&file)).unwrap())
            {
                found.push(file);
            }
        }
    }
    found
}

/// Passwords of credentials: from the environment, a file and a command, of logins that are refused, of a server that
/// is not there, and of the signing key.
const OF_CREDENTIALS: [&str; 6] = [
    "canary-Env-1f",
    "canary-File-2e",
    "canary-Command-3d",
    "canary-Refused-4c",
    "canary-Gone-5b",
    "canary-Key-6a",
];

fn password(reference: &str, user: &str) -> String {
    format!("auth = {{ kind = \"sql\", user = \"{user}\", password = {{ {reference} }} }}")
}

#[test]
fn no_secret_of_a_credential_is_told_anywhere() {
    let [env, file, command, refused, gone, key] = OF_CREDENTIALS;
    let start = |name: &str, user: &str, password: &str| {
        let instance = Instance::new(truth::complete(16, name));
        let account = instance.account(user, password, Account::Accepted);
        account.start(Options::default())
    };
    let (one, two) = (start("ONE", "u1", env), start("TWO", "u2", file));
    let (three, four) = (
        start("THREE", "u3", command),
        start("FOUR", "u4", "another"),
    );
    let keys = Cli::new(&["keygen", "-o", "key", "--key-password-env", "K"]);
    let keys = keys.env("K", key).run().code(0);
    let secret = keys.read("key");
    let estate = Estate::new()
        .with_lines("one", &one, &password("env = \"ONE\"", "u1"))
        .with_lines("two", &two, &password("file = \"two.txt\"", "u2"))
        .with_lines(
            "three",
            &three,
            &password("command = [\"cat\", \"three.txt\"]", "u3"),
        )
        .with_lines("four", &four, &password("env = \"FOUR\"", "u4"))
        .at("five", closed_port(), &password("env = \"FIVE\"", "u5"))
        .with_lines(
            "six",
            &four,
            &password(
                "command = [\"sh\", \"-c\", \"cat three.txt >&2; exit 3\"]",
                "u6",
            ),
        );
    // No level of any logger that somebody may be used to makes it talk.
    for level in ["", "trace"] {
        for definitions in ["all", "none"] {
            let audit = ["--format", FORMATS, "--definitions", definitions];
            let ran = estate
                .audit(&audit)
                .args(&["--sign-key", "key", "--key-password-env", "K"])
                .file("key", &secret)
                .file("two.txt", file)
                .file("three.txt", command)
                .env("ONE", env)
                .env("FOUR", refused)
                .env("FIVE", gone)
                .env("K", key)
                .env("RUST_LOG", level)
                .env("RUST_BACKTRACE", "full")
                .run()
                .code(3);
            let reached = ran.json("out/evidence/run.json")["completeness"]["finished"].clone();
            assert_eq!(reached, 3, "{}", ran.stderr);
            for canary in OF_CREDENTIALS {
                assert_eq!(places(&ran, canary), Vec::<String>::new(), "{canary}");
            }
            let line = secret.lines().nth(1).unwrap();
            assert_eq!(places(&ran, line), Vec::<String>::new(), "the key itself");
        }
    }
    for command in ["preflight", "collect"] {
        let ran = match command {
            "collect" => estate.collect(&["--allow-partial"]),
            other => estate.look(other, &["--format", "json"]),
        };
        let ran = ran
            .file("two.txt", file)
            .file("three.txt", OF_CREDENTIALS[2])
            .env("ONE", env)
            .env("FOUR", refused)
            .env("FIVE", gone)
            .run();
        for canary in OF_CREDENTIALS {
            assert_eq!(
                places(&ran, canary),
                Vec::<String>::new(),
                "{command}: {canary}"
            );
        }
    }
}

/// Secrets that authors left in code, where they are told apart as such.
const IN_CODE: [(&str, &str); 7] = [
    ("canary-Login-1", "CREATE LOGIN x WITH PASSWORD = '{}'"),
    (
        "canary-Sqlcmd-2",
        "EXEC master..xp_cmdshell 'sqlcmd -S h -U u -P {} -Q \"x\"'",
    ),
    (
        "canary-Net-3",
        "EXEC master..xp_cmdshell 'net use \\\\h\\s /user:u {}'",
    ),
    (
        "canary-String-4",
        "DECLARE @c nvarchar(99) = 'Server=h;User Id=u;Password={};'",
    ),
    (
        "canary-Rowset-5",
        "SELECT * FROM OPENROWSET('SQLNCLI', 'h';'u';'{}', 'SELECT 1')",
    ),
    (
        "canary-Link-6",
        "EXEC sp_addlinkedsrvlogin @rmtsrvname = 'h', @rmtuser = 'u', @rmtpassword = '{}'",
    ),
    (
        "canary-Build-7",
        "DECLARE @k nvarchar(99) = N'net use \\\\h\\s /user:u {}' EXEC master..xp_cmdshell @k",
    ),
];
/// In a comment, which no finding shows.
const COMMENT: &str = "canary-Comment-8";

fn with_secrets() -> Recording {
    let mut r = Recording::new(Base::windows("shop", 16));
    r.add_database("App", "sa");
    for (index, (canary, code)) in IN_CODE.iter().enumerate() {
        let code = code.replace("{}", canary);
        let text = format!("CREATE PROCEDURE dbo.p{index} AS\n-- {COMMENT}\n{code}\n");
        r.add_module("App", &format!("dbo.p{index}"), "P", &text);
        r.add_job_step("J1", "App", &format!("-- {COMMENT}\n{code}"));
    }
    r.add_server_trigger(
        "t",
        &format!("CREATE TRIGGER t ON ALL SERVER FOR LOGON AS -- {COMMENT}\nEXEC App.dbo.p1"),
    );
    r
}

fn audit(recording: &Recording, args: &[&str]) -> Ran {
    let recorded = recording.finish();
    let inventory = "schema = \"mssql-posture/inventory/v1\"\nas_of = \"2026-01-01\"\nwaivers = \"waivers.toml\"\n\
                     [[target]]\nname = \"shop\"\nsnapshot = \"shop.snapshot.json\"\n";
    Cli::new(&["audit", "estate.toml", "-o", "out", "--format", FORMATS])
        .file("estate.toml", inventory)
        .file("waivers.toml", WAIVER)
        .file("shop.snapshot.json", recorded.snapshot.render().unwrap())
        .file("shop.modules.jsonl", recorded.module_text)
        .args(&["--allow-partial", "--fail-on", "never"])
        .args(args)
        .run()
        .code(0)
}

#[test]
fn secrets_in_code_are_told_by_module_text_alone() {
    let recording = with_secrets();
    let whole = audit(&recording, &[]);
    let none = audit(&recording, &["--definitions", "none"]);
    let canaries = IN_CODE.iter().map(|(canary, _)| *canary);
    for canary in canaries.chain([COMMENT]) {
        assert_eq!(
            places(&whole, canary),
            ["snapshots/shop.modules.jsonl"],
            "{canary}"
        );
        assert_eq!(places(&none, canary), Vec::<String>::new(), "{canary}");
    }
    assert!(
        whole.read("out/assessment.json").contains("***"),
        "findings show the lines"
    );
}

/// What never leaves a server cannot be told.
#[test]
fn no_statement_reads_what_is_secret() {
    for query in collect::queries().iter().chain(collect::event_queries()) {
        let text = query.text.to_lowercase();
        for secret in [
            "provider_string",
            "password_hash",
            "loginproperty",
            "sys.sysxlogins",
            "key_value",
        ] {
            assert!(!text.contains(secret), "{} reads {secret}", query.name);
        }
    }
}

/// Names that nobody has by chance, wherever names stand.
fn with_names() -> Recording {
    let mut r = Recording::new(Base::windows("zqhost", 16));
    let server = &mut r.snapshot.server;
    if let mssql_posture::snapshot::Observed::Known { value } = &mut server.server_identity {
        value.machine_name = Some("ZQMACHINE".to_owned());
        value.physical_name = Some("zqnode7".to_owned());
    }
    for link in rows(&mut server.linked_servers) {
        link.data_source = Some("zqlocal.zqforest.example".to_owned());
    }
    "zqhost01.zqforest.example,1433".clone_into(&mut r.snapshot.connection.endpoint);
    r.add_login("ZQDOM\\zqalice", "U");
    r.add_login("ZQDOM\\zq admins of all", "G");
    r.add_login("zqbob@zqtenant.example", "E");
    r.add_login("zqplain", "S");
    r.add_login("zq'quoted]", "S");
    r.add_server_member("sysadmin", "ZQDOM\\zqalice");
    r.add_server_member("sysadmin", "ZQDOM\\zq admins of all");
    r.grant_server("CONTROL SERVER", "zqplain");
    r.add_server_member("securityadmin", "zq'quoted]");
    r.add_database("App", "zqplain");
    r.database_row("App").is_trustworthy_on = Some(true);
    r.set_option("xp_cmdshell", 1, 1);
    r.add_user("App", "zquser", Some("zqplain"));
    r.add_role("App", "zqrole");
    r.add_member("App", "db_owner", "zquser");
    r.add_member("App", "zqrole", "zquser");
    for (name, code) in [
        (
            "dbo.asks",
            "EXEC master..xp_cmdshell 'dir \\\\zqnode7\\c$'; EXECUTE AS LOGIN = 'ZQDOM\\ZQALICE'",
        ),
        (
            "dbo.more",
            "EXEC master..xp_cmdshell 'net user zqplain'; EXECUTE AS USER = N'ZqUser'",
        ),
    ] {
        r.add_module(
            "App",
            name,
            "P",
            &format!("CREATE PROCEDURE {name} AS {code}\n"),
        );
    }
    r.add_job_step(
        "J1",
        "App",
        "EXEC master..xp_cmdshell 'whoami /user zqplain'",
    );
    let jobs = rows(&mut r.snapshot.server.jobs);
    jobs[0].owner_sid =
        Some("0x010500000000000515000000deadbeefdeadbeefdeadbeef51040000".to_owned());
    r
}

const NAMES_GONE: [&str; 18] = [
    "zqhost",
    "zqmachine",
    "zqnode7",
    "zqlocal",
    "zqforest",
    "zqdom",
    "zqalice",
    "zq admins",
    "zqbob",
    "zqtenant",
    "zqplain",
    "zq'quoted",
    "zq''quoted",
    "zq&#x27;quoted",
    "zquser",
    "zqrole",
    "zqowner",
    "deadbeef",
];

const WAIVER: &str = "schema = \"mssql-posture/waivers/v1\"\n[[waiver]]\nid = \"W-1\"\nrule = \"SURF-001\"\ntargets = [\"shop\"]\nowner = \"zqowner\"\n\
    approver = \"ZQDOM\\\\zqalice\"\nreason = \"zqplain needs it\"\nticket = \"T-1\"\ncreated = \"2025-12-01\"\n\
    expires = \"2026-02-01\"\n";

fn outcomes(assessment: &Value) -> Vec<String> {
    let instances = assessment["instances"].as_array().unwrap().iter();
    let of_instances = instances.flat_map(|own| own["verdicts"].as_array().unwrap());
    of_instances
        .map(|verdict| {
            format!(
                "{} {} {}",
                verdict["rule"], verdict["outcome"], verdict["severity"]
            )
        })
        .collect()
}

#[test]
fn a_folder_for_others_eyes_holds_no_name() {
    let recording = with_names();
    let open = audit(&recording, &[]);
    for name in [
        "zqhost", "zqnode7", "zqforest", "zqalice", "zqplain", "zquser", "zqowner",
    ] {
        let told = places(&open, name);
        assert!(
            told.contains(&"assessment.json".to_owned()),
            "planted in vain: {name}: {told:?}"
        );
    }
    let redacted = audit(&recording, &["--redact"]);
    for name in NAMES_GONE.into_iter().chain(["shop"]) {
        let mut told = places(&redacted, name);
        told.retain(|place| place != "stderr"); // its lines are for who runs it
        assert_eq!(told, Vec::<String>::new(), "{name}");
    }
    let files = redacted.files("out");
    let due: BTreeSet<&str> = ["SHA256SUMS", "assessment.json", "manifest.json"].into();
    for file in &files {
        assert!(
            due.contains(file.as_str()) || file.starts_with("reports/"),
            "{file}"
        );
    }
    let (before, after) = (open.assessment(), redacted.assessment());
    assert_eq!(outcomes(&before), outcomes(&after));
    for same in ["verdicts", "findings", "exposure", "targets"] {
        assert_eq!(before["fleet"][same], after["fleet"][same], "{same}");
    }
    let text = redacted.read("out/assessment.json");
    for kept in [
        "xp_cmdshell",
        "sysadmin",
        "dbo.asks",
        "\"App\"",
        "securityadmin",
    ] {
        assert!(text.contains(kept), "{kept}");
    }
    let said = verify(&redacted.path("out"), None).code(0).stdout;
    assert!(
        said.contains("not judged again: principals and hosts stand under pseudonyms"),
        "{said}"
    );

    // The same from what was audited before.
    let again = Cli::new(&[
        "assess",
        open.path("out").to_str().unwrap(),
        "-o",
        "out",
        "--format",
        FORMATS,
    ])
    .args(&[
        "--inputs",
        open.path("out/inputs/judgement.json").to_str().unwrap(),
    ])
    .args(&["--redact", "--allow-partial", "--fail-on", "never"])
    .run()
    .code(0);
    assert_eq!(again.read("out/assessment.json"), text);
    let learning = ["audit", "estate.toml", "--redact", "--learn"];
    Cli::new(&learning)
        .run()
        .code(2)
        .says("cannot be used with");
}

/// The demo's own names: those of its principals and hosts that are no words of ours.
#[test]
fn no_login_of_the_demo_is_in_its_redacted_reports() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory");
    let demo = folder.join("demo.toml");
    let base = [
        "audit",
        demo.to_str().unwrap(),
        "-o",
        "out",
        "--format",
        FORMATS,
        "--redact",
    ];
    let ran = Cli::new(&base).run().code(3);
    let mut looked_for = 0;
    for entry in std::fs::read_dir(folder.join("recordings")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".snapshot.json") {
            continue;
        }
        let snapshot: Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let host = snapshot["connection"]["endpoint"].as_str().unwrap();
        let host = host.split(['.', ',', '\\']).next().unwrap().to_owned();
        let principals = snapshot["server"]["server_principals"]["value"]
            .as_array()
            .unwrap();
        let logins = principals
            .iter()
            .filter(|p| ["U", "G"].contains(&p["type"].as_str().unwrap()));
        let logins = logins.map(|p| p["name"].as_str().unwrap());
        let corp = logins.filter(|name| name.starts_with("CORP\\"));
        for name in corp
            .map(|name| name.replacen("CORP\\", "", 1))
            .chain([host])
        {
            looked_for += 1;
            let mut told = places(&ran, &name);
            told.retain(|place| place != "stderr");
            assert_eq!(told, Vec::<String>::new(), "{name}");
        }
    }
    assert!(looked_for > 20, "{looked_for}");
    assert!(ran.stdout.contains("instance-1"), "{}", ran.stdout);
}
