//! Names and texts that a server's owner chose to hurt whoever reads them.

use mssql_posture::snapshot::{Observed, Snapshot};

use crate::support::cli::Cli;
use crate::support::estate::Estate;
use crate::support::instance::{Instance, Recording, RunningInstance, sample};
use crate::support::tds_server::Options;
use crate::support::truth;

mod exports;
mod formats;

const QUIET: &[&str] = &[
    "--format",
    "table,html,md",
    "--allow-partial",
    "--fail-on",
    "never",
];

/// Characters that a terminal or a browser acts on instead of showing.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{061c}' | '\u{ad}' | '\u{feff}')
}

#[track_caller]
fn assert_harmless(text: &str, what: &str) {
    if let Some(c) = text.chars().find(|c| acts(*c)) {
        panic!("{what} holds {c:?}");
    }
}

/// The sample with every module calling xp_cmdshell, so that every name is shown.
fn planted() -> Recording {
    let mut recording = truth::complete(16, "SRV");
    let name = Some("erp");
    let erp = recording
        .snapshot
        .databases
        .iter_mut()
        .find(|d| d.name.as_str() == "erp")
        .unwrap();
    let procedures: Vec<i32> = erp
        .objects
        .seen()
        .iter()
        .filter(|o| o.r#type == "P" && o.object_id >= 100_000)
        .map(|o| o.object_id)
        .collect();
    if let Observed::Known { value } = &mut erp.modules {
        value.retain(|m| !procedures.contains(&m.object_id));
        recording
            .modules
            .retain(|m| !procedures.contains(&m.object_id));
        for id in procedures {
            let text = "CREATE PROC p AS EXEC xp_cmdshell 'whoami'";
            value.push(sample::module(name, id, text, &mut recording.modules));
        }
        value.sort();
    }
    recording
}

#[test]
fn hostile_names_are_collected_whole_and_shown_harmless() {
    let server = Instance::new(planted()).start(Options::default());
    let ran = Estate::new().with("a", &server).audit(QUIET).run().code(0);
    let read = ran.read("out/snapshots/a.snapshot.json");
    truth::assert_whole(&Snapshot::from_json(&read).unwrap(), &server);

    assert_harmless(&ran.stdout, "the table");
    assert_harmless(&ran.stderr, "the notes");
    let html = ran.read("out/reports/report.html");
    assert_harmless(&html, "the page");
    assert!(!html.contains("<script>alert"), "a name became an element");
    let markdown = ran.read("out/reports/report.md");
    assert_harmless(&markdown, "the Markdown");
    assert!(
        !markdown.contains("<script>alert"),
        "a name became an element"
    );
    for name in sample::HOSTILE_NAMES {
        let findings = ran.assessment()["instances"][0]["verdicts"].to_string();
        let shown = serde_json::to_string(name).unwrap();
        let inner = shown.trim_matches('"');
        assert!(
            findings.contains(inner),
            "{name:?} is not among the findings"
        );
    }
}

#[test]
fn hostile_code_is_shown_harmless() {
    let mut recording = truth::complete(16, "SRV");
    let code = "CREATE PROC nightly AS EXEC xp_cmdshell 'a\u{1b}[2J\u{202e}b </pre><script>alert(7)</script> ```` | {{x}}'";
    recording.modules.retain(|m| m.object_id != 50_001);
    let module = sample::module(Some("erp"), 50_001, code, &mut recording.modules);
    let mut databases = recording.snapshot.databases.iter_mut();
    let erp = databases.find(|d| d.name.as_str() == "erp").unwrap();
    let modules = erp.modules.seen_mut();
    *modules.iter_mut().find(|m| m.object_id == 50_001).unwrap() = module;
    let server = Instance::new(recording).start(Options::default());
    let ran = Estate::new().with("a", &server).audit(QUIET).run().code(0);
    assert_harmless(&ran.stdout, "the table");
    let html = ran.read("out/reports/report.html");
    assert_harmless(&html, "the page");
    assert!(html.contains(
        "<mark dir=\"ltr\">xp_cmdshell</mark> &#x27;a\\u{1b}[2J\\u{202e}b &lt;/pre&gt;&lt;script&gt;alert(7)"
    ));
    assert_eq!(html.matches("<script").count(), 1, "code became an element");
    let markdown = ran.read("out/reports/report.md");
    assert_harmless(&markdown, "the Markdown");
    let lines: Vec<&str> = markdown.lines().collect();
    let found: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].contains("<script"))
        .collect();
    assert!(!found.is_empty(), "the line is shown");
    for at in found {
        let around = (lines[at - 1].trim(), lines[at + 1].trim());
        assert_eq!(around, ("`````sql", "`````"), "{}", lines[at]);
    }
}

#[test]
fn hostile_database_names_do_not_end_their_quotes() {
    let mut recording = truth::complete(16, "SRV");
    for (name, row) in sample::HOSTILE_NAMES.iter().zip(
        recording
            .snapshot
            .server
            .databases
            .seen_mut()
            .iter_mut()
            .filter(|d| d.database_id > 4),
    ) {
        (*name).clone_into(&mut row.name);
        let id = row.database_id;
        let facts = recording
            .snapshot
            .databases
            .iter_mut()
            .find(|d| d.database_id == id)
            .unwrap();
        let old = facts.name.clone();
        facts.name = mssql_posture::ids::DatabaseName::new(*name);
        for line in recording
            .modules
            .iter_mut()
            .filter(|l| l.database.as_deref() == Some(old.as_str()))
        {
            line.database = Some((*name).to_owned());
        }
    }
    let server = Instance::new(recording).start(Options::default());
    let ran = Estate::new().with("a", &server).audit(QUIET).run().code(0);
    server.assert_clean();
    let read = ran.read("out/snapshots/a.snapshot.json");
    truth::assert_whole(&Snapshot::from_json(&read).unwrap(), &server);
    assert_harmless(&ran.stdout, "the table");
}

#[test]
fn a_hostile_error_message_and_server_name_are_shown_harmless() {
    use crate::support::instance::{Account, PASSWORD, USER, error};
    let text = "no\u{1b}[2J\r\n\u{202e}way<script>".to_owned();
    let account = Account::Refused(error(18456, 14, text));
    let server = Instance::new(truth::complete(16, "SRV"))
        .account(USER, PASSWORD, account)
        .start(Options::default());
    let ran = Estate::new()
        .with("a", &server)
        .audit(&["--format", "table,html,md"])
        .run()
        .code(3);
    assert_harmless(&ran.stdout, "the table");
    assert_harmless(&ran.stderr, "the notes");
    assert_harmless(&ran.read("out/reports/report.html"), "the page");
}

#[test]
fn a_module_of_twenty_megabytes_is_collected_whole() {
    let mut recording = truth::complete(16, "SRV");
    let mut text = String::from("CREATE PROC nightly AS\n");
    while text.len() < 20 << 20 {
        text += "PRINT 'xp_cmdshell is only named here, with ünïcödé and ''quotes''' -- exec xp_cmdshell\n";
    }
    text += "EXEC master..xp_cmdshell 'dir'";
    let erp = recording
        .snapshot
        .databases
        .iter_mut()
        .find(|d| d.name.as_str() == "erp")
        .unwrap();
    recording.modules.retain(|m| m.object_id != 50_001);
    let large = sample::module(Some("erp"), 50_001, &text, &mut recording.modules);
    let modules = erp.modules.seen_mut();
    *modules.iter_mut().find(|m| m.object_id == 50_001).unwrap() = large;
    let server: RunningInstance = Instance::new(recording).start(Options::default());
    let ran = Estate::with_defaults("")
        .with("a", &server)
        .audit(QUIET)
        .run()
        .code(0);
    assert!(ran.read("out/snapshots/a.modules.jsonl").len() > 20 << 20);
    let assessment = ran.assessment().to_string();
    let last = text.lines().count();
    assert!(
        assessment.contains(&format!("(line {last})")),
        "the call on the last line is found"
    );
}

#[test]
fn file_names_made_from_target_names_stay_in_their_folder() {
    let server = Instance::new(truth::complete(16, "SRV")).start(Options::default());
    let name = "..\\\\..\\\\CON/x: \\\"<é>";
    let estate = Estate::new().with(name, &server);
    let ran = estate
        .audit(&["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    for file in ran.files("out/snapshots") {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-~".contains(c);
        assert!(file.chars().all(plain), "{file}");
    }
    let folder = ran.path("out");
    Cli::new(&[
        "assess",
        folder.to_str().unwrap(),
        "-o",
        "out",
        "--allow-partial",
        "--fail-on",
        "never",
    ])
    .run()
    .code(0);
}
