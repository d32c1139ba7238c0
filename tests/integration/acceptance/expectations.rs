//! Expectations that approve a thing as it is, what `--learn` proposes, and answers to controls that no rule can give.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Estate, RUNS, planted, planted_as, said, said_of_estate, waiver_of};
use crate::support::cli::Ran;
use crate::support::recording::On;
use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::sha256_hex;

const MODULE: &str = "module-invokes-command-channel";
const ASSEMBLY: &str = "unsafe-assembly";
const OPTION: &str = "xp-cmdshell-enabled";

/// What `--learn` proposes of an estate, signed by somebody.
fn signed(estate: &Estate) -> String {
    let proposed = proposed(&estate.audit(&["--learn"]).code(1));
    let signed = proposed.replace("owner = \"\"", "owner = \"ERP team\"");
    let signed = signed.replace("ticket = \"\"", "ticket = \"CHG-7\"");
    signed.replace("reason = \"\"", "reason = \"nightly export\"")
}

fn proposed(ran: &Ran) -> String {
    ran.read("out/proposed-expectations.toml")
}

#[test]
fn learning_proposes_and_never_approves() {
    let estate = Estate::new();
    let ran = estate.audit(&["--learn"]).code(1);
    let proposed = proposed(&ran);
    assert!(proposed.contains("Nothing here is approved"), "{proposed}");
    let hash = sha256_hex(RUNS.as_bytes());
    assert!(proposed.contains(&hash), "{proposed}");
    assert_eq!(said(&ran, "erp", MODULE), ["fail dbo.usp_Run", "pass all"]);
    assert_eq!(ran.assessment()["fleet"]["verdicts"]["accepted"], 0);
    let unsigned = Estate::new().with(&proposed).refused();
    assert!(
        unsigned.contains("nobody answers for \"dbo.usp_Run\""),
        "{unsigned}"
    );
    let place = unsigned
        .lines()
        .find(|line| line.contains("nobody answers for \"dbo"));
    let place = place.unwrap().split_whitespace().next().unwrap_or_default();
    assert!(unsigned.contains("estate.toml:"), "{place}: {unsigned}");
    let plain = estate.audit(&[]);
    assert!(
        !plain
            .files("out")
            .iter()
            .any(|file| file.contains("proposed"))
    );
    assert_eq!(
        plain.read("out/assessment.json"),
        ran.read("out/assessment.json"),
        "learning changes no verdict"
    );
}

#[test]
fn what_is_approved_as_it_is_is_accepted() {
    let estate = Estate::new();
    let signed = signed(&estate);
    let ran = Estate::new().with(&signed).audit(&[]);
    for instance in ["erp", "crm"] {
        assert_eq!(
            said(&ran, instance, MODULE),
            ["accepted dbo.usp_Run", "pass all"]
        );
        assert_eq!(said(&ran, instance, ASSEMBLY)[0], "accepted Tools");
        assert_eq!(said(&ran, instance, OPTION), ["accepted xp_cmdshell"]);
    }
    let instance = ran.instance("erp");
    let verdicts = instance["verdicts"].as_array().unwrap();
    let accepted = verdicts.iter().filter(|v| v["outcome"] == "accepted");
    for verdict in accepted {
        assert_eq!(verdict["waiver"], "CHG-7", "{verdict}");
    }
    let nothing_new = proposed(&Estate::new().with(&signed).audit(&["--learn"]));
    assert!(
        !nothing_new.contains("hash ="),
        "what is approved is not proposed: {nothing_new}"
    );
}

#[test]
fn a_change_of_what_was_approved_is_a_finding_again() {
    let signed = signed(&Estate::new());
    let changed = |change: &dyn Fn() -> crate::support::recording::Recording| {
        let mut estate = Estate::new().with(&signed);
        estate.recordings[0] = change();
        estate.audit(&[]).code(1)
    };
    let ran = changed(&|| planted_as("erp", "tools 1", &RUNS.replace("dir C:", "dir D:")));
    assert_eq!(
        said(&ran, "erp", MODULE),
        ["fail dbo.usp_Run", "pass all"],
        "a text"
    );
    assert_eq!(
        said(&ran, "crm", MODULE),
        ["accepted dbo.usp_Run", "pass all"]
    );
    assert_eq!(said(&ran, "erp", ASSEMBLY)[0], "accepted Tools");
    let ran = changed(&|| planted("erp", "tools 2"));
    assert_eq!(said(&ran, "erp", ASSEMBLY)[0], "fail Tools", "a file");
    let ran = changed(&|| {
        let mut r = planted("erp", "tools 1");
        r.set_option("xp_cmdshell", 0, 1);
        r
    });
    assert_eq!(said(&ran, "erp", OPTION), ["fail xp_cmdshell"], "a value");
    let ran = changed(&|| {
        let mut r = planted("erp", "tools 1");
        r.add_database("Copy", "sa");
        r.add_module("Copy", "dbo.usp_Run", "P", RUNS);
        r
    });
    let said = said(&ran, "erp", MODULE);
    assert_eq!(
        said[..2],
        ["accepted dbo.usp_Run", "fail dbo.usp_Run"],
        "another database"
    );
}

#[test]
fn an_approval_of_a_thing_is_none_of_who_reaches_it() {
    let mut text = String::from("[[expectation]]\nowner = \"o\"\nticket = \"t\"\nreason = \"r\"\n");
    let hash = sha256_hex(RUNS.as_bytes());
    let _ = write!(
        text,
        "[[expectation.module]]\ndatabase = \"App\"\nname = \"dbo.usp_Run\"\nhash = \"{hash}\"\n"
    );
    let mut estate = Estate::new().with(&text);
    for r in &mut estate.recordings {
        r.database_row("App").is_trustworthy_on = Some(true);
        let id = r.object_id("App", "dbo.usp_Run");
        r.module("App", id).execute_as_principal_id = Some(PrincipalId(-2));
        r.grant("App", On::Database, "CONNECT", "guest");
        let on = On::Object("dbo.usp_Run");
        r.grant("App", on, "EXECUTE", "public");
    }
    let ran = estate.audit(&[]).code(1);
    assert_eq!(said(&ran, "erp", MODULE)[0], "accepted dbo.usp_Run");
    let reached = said(&ran, "erp", "public-can-execute-command-module");
    assert_eq!(reached[0], "fail dbo.usp_Run");
}

/// A control of a framework in an assessment.
fn control<'a>(assessment: &'a Value, framework: &str, id: &str) -> &'a Value {
    let frameworks = assessment["frameworks"].as_array().unwrap();
    let own = frameworks
        .iter()
        .find(|own| own["id"] == framework)
        .unwrap();
    let controls = own["controls"].as_array().unwrap();
    controls.iter().find(|own| own["id"] == id).unwrap()
}

const ATTESTED: &str = "[[attestation]]\ncontrol = \"cis-2022:1.2\"\nanswer = \"met\"\n\
                        by = \"A. Auditor\"\non = \"2026-05-01\"\nexpires = \"2026-06-29\"\n\
                        evidence = \"services.txt\"\n";

#[test]
fn an_answer_stands_apart_and_is_never_counted_as_tested() {
    let before = Estate::new().audit(&[]).assessment();
    let estate = Estate::new()
        .waiving(ATTESTED)
        .file("services.txt", "SQL Server\n");
    let ran = estate.audit(&["--as-of", "2026-06-29", "--format", "html,md"]);
    let assessment = ran.assessment();
    let plain = control(&before, "cis-2022", "1.2");
    let mut answered = control(&assessment, "cis-2022", "1.2").clone();
    let own = answered
        .as_object_mut()
        .unwrap()
        .remove("attestations")
        .unwrap();
    assert_eq!(answered, *plain, "all but the answer is as it was");
    assert_eq!(answered["status"], "manual");
    assert_eq!(answered["tested"], 0);
    let [answer] = own.as_array().unwrap().as_slice() else {
        panic!("{own}");
    };
    assert_eq!(answer["by"], "A. Auditor");
    assert_eq!(answer["is_expired"], false);
    assert_eq!(answer["sha256"], sha256_hex(b"SQL Server\n"));
    for report in ["out/reports/report.html", "out/reports/report.md"] {
        assert!(ran.read(report).contains("A. Auditor"), "{report}");
    }
    let later = estate.audit(&["--as-of", "2026-06-30"]).assessment();
    let answer = &control(&later, "cis-2022", "1.2")["attestations"][0];
    assert_eq!(answer["is_expired"], true);
}

#[test]
fn an_answer_that_says_nothing_is_refused_with_its_place() {
    let cases = [
        (
            "no such control",
            "cis-2022:1.2",
            "cis-2022:99.9",
            ":3:11: ",
            "no framework has",
        ),
        (
            "no answer",
            "\"met\"",
            "\"perhaps\"",
            ":4:10: ",
            "is no answer",
        ),
        ("nobody", "A. Auditor", "", ":5:6: ", "nothing is said"),
        (
            "too long",
            "2026-06-29",
            "2028-06-29",
            ":7:11: ",
            "at most 366 days",
        ),
        ("no file", "services.txt", "lost.txt", ":3:11: ", "lost.txt"),
    ];
    for (about, from, to, place, says) in cases {
        let lines = ATTESTED.replace(from, to);
        let estate = Estate::new().waiving(&lines).file("services.txt", "");
        let stderr = estate.refused();
        let place = format!("waivers.toml{place}");
        assert!(stderr.contains(&place), "{about}: no {place}in\n{stderr}");
        assert!(stderr.contains(says), "{about}: {stderr}");
    }
}

#[test]
fn an_assembly_that_one_instance_alone_has_is_approved_by_its_hash() {
    const RARE: &str = "rare-assembly";
    let three = || {
        let all = [("erp", "tools 1"), ("crm", "tools 1"), ("hr", "tools 2")];
        Estate::of(all.map(|(name, tools)| planted(name, tools)).into())
    };
    let ran = three().audit(&[]).code(1);
    assert_eq!(said(&ran, "erp", RARE), ["pass all"]);
    assert_eq!(said(&ran, "hr", RARE), ["fail Tools"]);
    let rules = ran.instance("hr")["verdicts"].as_array().unwrap().clone();
    let rules: Vec<&str> = rules.iter().map(|v| v["rule"].as_str().unwrap()).collect();
    assert!(rules.is_sorted(), "{rules:?}");
    let signed = signed(&three());
    let ran = three().with(&signed).audit(&[]);
    assert_eq!(said(&ran, "hr", RARE), ["accepted Tools"]);
    let waiver = waiver_of(RARE, "subject = \"Tools\"\ntargets = [\"hr\"]");
    let ran = three().waiving(&waiver).audit(&[]);
    assert_eq!(said(&ran, "hr", RARE), ["accepted Tools"]);
    assert_eq!(said_of_estate(&ran, "waiver-unused"), ["pass all"]);
    let few = three().audit(&["--only", "hr"]);
    assert_eq!(said(&few, "hr", RARE), ["not_applicable all"]);
}
