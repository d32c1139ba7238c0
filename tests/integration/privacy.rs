//! What must not be told: secrets in no output of any kind, and, for others' eyes, no name of a principal or host.

use std::collections::BTreeSet;

use mssql_posture::collect;

use crate::support::cli::{Cli, Ran};
use crate::support::estate::{Estate, closed_port};
use crate::support::instance::{Account, Instance};
use crate::support::recording::{Base, Recording};
use crate::support::tds_server::Options;
use crate::support::truth;
use crate::support::zip;

mod redacted;

/// Every format that audits write.
const FORMATS: &str =
    "table,json,html,md,csv,jsonl,xlsx,junit,sarif,ocsf,prom,summary,cklb,oscal,opengraph";

/// All that a run told: stdout, stderr, and every file with its name, those inside of workbooks too. In lower case.
struct Told(Vec<(String, String)>);

impl Told {
    fn of(ran: &Ran) -> Self {
        let mut told = Self(Vec::new());
        told.enter("stdout", ran.stdout.as_bytes());
        told.enter("stderr", ran.stderr.as_bytes());
        if ran.path("out").is_dir() {
            for file in ran.files("out") {
                let bytes = std::fs::read(ran.path("out").join(&file)).unwrap();
                told.enter(&file, &bytes);
                if bytes.starts_with(b"PK\x03\x04") {
                    for (part, bytes) in zip::files(&bytes) {
                        told.enter(&format!("{file}/{part}"), &bytes);
                    }
                }
            }
        }
        told
    }

    fn enter(&mut self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        // What is ASCII in UTF-16 is the same without the zeroes between.
        let text = text.replace('\0', "");
        self.0.push((place.to_owned(), text));
    }

    /// Where a text stands, in whatever case and as UTF-8 or UTF-16.
    fn places(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let holds = |(place, told): &&(String, String)| {
            place.to_lowercase().contains(&text) || told.contains(&text)
        };
        let found = self.0.iter().filter(holds);
        found.map(|(place, _)| place.clone()).collect()
    }
}

fn places(ran: &Ran, text: &str) -> Vec<String> {
    Told::of(ran).places(text)
}

#[test]
fn every_format_is_looked_into() {
    let refused = Cli::new(&["audit", "x", "--format", "none"]).run().code(2);
    let (_, formats) = refused.stderr.split_once("[possible values: ").unwrap();
    let formats = formats.split(']').next().unwrap();
    let formats = formats.split(',').map(str::trim);
    let looked_into: BTreeSet<&str> = FORMATS.split(',').collect();
    assert_eq!(formats.collect::<BTreeSet<_>>(), looked_into);
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
            let told = Told::of(&ran);
            for canary in OF_CREDENTIALS {
                assert_eq!(told.places(canary), Vec::<String>::new(), "{canary}");
            }
            let line = secret.lines().nth(1).unwrap();
            assert_eq!(told.places(line), Vec::<String>::new(), "the key itself");
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
                     [[target]]\nname = \"shop\"\nsnapshot = \"shop.snapshot.json\"\n\
                     [[expectation]]\nsysadmin = [\"sa\"]\nreason = \"nobody else\"\n";
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

const WAIVER: &str = "schema = \"mssql-posture/waivers/v1\"\n[[waiver]]\nid = \"W-1\"\nrule = \"SURF-001\"\ntargets = [\"shop\"]\nowner = \"zqowner\"\n\
    approver = \"ZQDOM\\\\zqalice\"\nreason = \"zqplain needs it\"\nticket = \"T-1\"\ncreated = \"2025-12-01\"\n\
    expires = \"2026-02-01\"\n";
