//! Waivers: what they match, how long they hold, when they are findings themselves, and what they never hide.

use super::{DAY, Estate, RUNS, planted_as, said, said_of_estate, waiver, waiver_for, waiver_of};
use crate::support::recording::{Base, Recording};
use mssql_posture::snapshot::{Observed, sha256_hex};

const SLUG: &str = "module-invokes-command-channel";
const FOUND: &[&str] = &["fail dbo.usp_Run", "pass all"];
const ACCEPTED: &[&str] = &["accepted dbo.usp_Run", "pass all"];

#[test]
fn a_waiver_accepts_what_its_patterns_match() {
    let pinned = format!("hash = \"{}\"", sha256_hex(RUNS.as_bytes()));
    let other = format!("hash = \"{}\"", sha256_hex(b"something else"));
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        ("by name", "subject = \"dbo.usp_Run\"", ACCEPTED, ACCEPTED),
        ("by pattern", "subject = \"dbo.usp_*\"", ACCEPTED, ACCEPTED),
        (
            "one character",
            "subject = \"dbo.usp_?un\"",
            ACCEPTED,
            ACCEPTED,
        ),
        (
            "not in other case",
            "subject = \"DBO.USP_RUN\"",
            FOUND,
            FOUND,
        ),
        (
            "not a part of the name",
            "subject = \"usp_Run\"",
            FOUND,
            FOUND,
        ),
        (
            "brackets are no pattern",
            "subject = \"dbo.usp_[QR]un\"",
            FOUND,
            FOUND,
        ),
        (
            "in its database",
            "subject = \"*\"\ndatabase = \"A?p\"",
            ACCEPTED,
            ACCEPTED,
        ),
        (
            "in another",
            "subject = \"*\"\ndatabase = \"Application\"",
            FOUND,
            FOUND,
        ),
        ("on one target", "targets = [\"erp\"]", ACCEPTED, FOUND),
        (
            "on a group",
            "targets = [\"group:business\"]",
            ACCEPTED,
            FOUND,
        ),
        (
            "by a tag",
            "targets = [\"owner=crm team\"]",
            FOUND,
            ACCEPTED,
        ),
        ("by its hash", &pinned, ACCEPTED, ACCEPTED),
        ("another text", &other, FOUND, FOUND),
        ("a hash of anything is none", "hash = \"*\"", FOUND, FOUND),
    ];
    for (about, lines, erp, crm) in cases {
        let ran = Estate::new().waiving(&waiver(lines)).audit(&[]);
        assert_eq!(said(&ran, "erp", SLUG), *erp, "{about}");
        assert_eq!(said(&ran, "crm", SLUG), *crm, "{about}");
    }
    let ran = Estate::new().waiving(&waiver_of("CODE-005", "")).audit(&[]);
    assert_eq!(said(&ran, "erp", SLUG), FOUND, "another rule");
    let ran = Estate::new().waiving(&waiver_of("CODE-002", "")).audit(&[]);
    assert_eq!(said(&ran, "erp", SLUG), ACCEPTED, "by the rule's id");
}

#[test]
fn a_pinned_waiver_ends_with_the_text_that_it_was_for() {
    let pinned = format!("hash = \"{}\"", sha256_hex(RUNS.as_bytes()));
    let mut estate = Estate::new().waiving(&waiver(&pinned));
    let ran = estate.audit(&[]);
    assert_eq!(said(&ran, "erp", SLUG), ACCEPTED);
    estate.recordings[0] = planted_as("erp", "tools 1", &RUNS.replace("dir", "del"));
    let ran = estate.audit(&[]);
    assert_eq!(said(&ran, "erp", SLUG), FOUND);
    assert_eq!(said(&ran, "crm", SLUG), ACCEPTED);
    // A text that was not seen has no hash, and is no finding to accept.
    hide_modules(&mut estate.recordings[0]);
    assert_eq!(said(&estate.audit(&[]), "erp", SLUG), ["unknown all"]);
}

#[test]
fn every_waiver_ends_within_a_year() {
    let days = |created: &str, expires: &str| {
        let days = format!("created = \"{created}\"\nexpires = \"{expires}\"\n");
        waiver_for("SURF-001", &days, "")
    };
    let sound = days("2026-01-01", "2026-12-31");
    let without = |key: &str| -> String {
        let lines = sound.lines().filter(|line| !line.starts_with(key));
        lines.flat_map(|line| [line, "\n"]).collect()
    };
    let cases = [
        ("no end", without("expires"), ":2:1: ", "expires"),
        ("no owner", without("owner"), ":2:1: ", "owner"),
        ("no approver", without("approver"), ":2:1: ", "approver"),
        ("no reason", without("reason"), ":2:1: ", "reason"),
        ("no ticket", without("ticket"), ":2:1: ", "ticket"),
        (
            "more than a year",
            days("2026-01-01", "2027-01-03"),
            ":10:11: ",
            "it holds 367 days",
        ),
        (
            "a shorter year of one's own",
            format!("longest_days = 90\n{}", days("2026-01-01", "2026-04-02")),
            ":11:11: ",
            "at most 90 days",
        ),
        (
            "a longer one",
            format!("longest_days = 400\n{sound}"),
            ":2:16: ",
            "within a year",
        ),
        (
            "it ends before it begins",
            days("2026-02-01", "2026-01-01"),
            ":10:11: ",
            "ends before it begins",
        ),
        (
            "no day",
            days("2026-01-01", "31.12.2026"),
            ":10:11: ",
            "31.12.2026",
        ),
        (
            "no such day",
            days("2026-01-01", "2026-02-30"),
            ":10:11: ",
            "2026-02-30",
        ),
        (
            "he approves himself",
            sound.replace("\"CISO\"", "\"ERP team\""),
            ":6:12: ",
            "does not approve it himself",
        ),
        (
            "an empty reason",
            sound.replace("nightly export", " "),
            ":7:10: ",
            "nothing is said here",
        ),
        (
            "two of one name",
            format!("{sound}{sound}"),
            ":13:6: ",
            "stands above already",
        ),
        (
            "no such rule",
            sound.replace("SURF-001", "SURF-999"),
            ":4:8: ",
            "there is no rule \"SURF-999\"",
        ),
        (
            "no such target",
            format!("{sound}targets = [\"erq\"]\n"),
            ":12:12: ",
            "erq",
        ),
        (
            "a word that is not known",
            format!("{sound}until = \"2030-01-01\"\n"),
            ":12:1: ",
            "until",
        ),
    ];
    for (about, lines, place, says) in cases {
        let stderr = Estate::new().waiving(&lines).refused();
        let place = format!("waivers.toml{place}");
        assert!(stderr.contains(&place), "{about}: no {place}in\n{stderr}");
        assert!(stderr.contains(says), "{about}: no {says:?} in\n{stderr}");
    }
    Estate::new()
        .waiving(&days("2026-01-01", "2027-01-02"))
        .audit(&[])
        .code(1);
}

#[test]
fn the_first_and_the_last_day_belong_to_a_waiver() {
    let days = "created = \"2026-03-01\"\nexpires = \"2026-06-30\"\n";
    let estate = Estate::new().waiving(&waiver_for(SLUG, days, ""));
    for (day, due) in [
        ("2026-02-28", FOUND),
        ("2026-03-01", ACCEPTED),
        ("2026-06-30", ACCEPTED),
        ("2026-07-01", FOUND),
    ] {
        let ran = estate.audit(&["--as-of", day]);
        assert_eq!(said(&ran, "erp", SLUG), due, "{day}");
        let ended: &[&str] = if day == "2026-07-01" {
            &["fail W-1"]
        } else {
            &["pass all"]
        };
        assert_eq!(said_of_estate(&ran, "waiver-expired"), ended, "{day}");
    }
}

#[test]
fn an_expired_waiver_says_how_many_findings_stand() {
    let days = "created = \"2026-01-01\"\nexpires = \"2026-03-31\"\n";
    let cases = [
        ("", "and 2 findings that it was for stand"),
        (
            "targets = [\"erp\"]",
            "and the finding that it was for stands",
        ),
        (
            "subject = \"dbo.gone\"",
            "and nothing it was for is found any more",
        ),
    ];
    for (lines, says) in cases {
        let ran = Estate::new()
            .waiving(&waiver_for(SLUG, days, lines))
            .audit(&[])
            .code(1);
        let assessment = ran.assessment();
        let verdicts = assessment["estate"].as_array().unwrap();
        let expired = verdicts
            .iter()
            .find(|v| v["rule_slug"] == "waiver-expired")
            .unwrap();
        let message = expired["message"].as_str().unwrap();
        assert_eq!(
            message,
            format!("waiver W-1 of \"ERP team\" expired on 2026-03-31, {says}")
        );
    }
}

#[test]
fn an_unused_waiver_is_a_finding_once_all_it_could_match_was_seen() {
    let unused =
        |estate: Estate, args: &[&str]| said_of_estate(&estate.audit(args), "waiver-unused");
    let gone = waiver("subject = \"dbo.usp_Gone\"");
    assert_eq!(unused(Estate::new().waiving(&gone), &[]), ["fail W-1"]);
    assert_eq!(
        unused(Estate::new().waiving(&waiver("")), &[]),
        ["pass all"]
    );
    let early = "created = \"2026-07-01\"\nexpires = \"2026-12-31\"\n";
    let early = Estate::new().waiving(&waiver_for(SLUG, early, ""));
    assert!(unused(early, &[]).is_empty(), "it does not hold yet");
    let unknown = ["unknown W-1"];
    let elsewhere = Estate::new().waiving(&waiver("targets = [\"crm\"]"));
    assert_eq!(
        unused(elsewhere, &["--only", "erp"]),
        unknown,
        "crm was not judged"
    );
    let anywhere = Estate::new().waiving(&gone);
    assert_eq!(
        unused(anywhere, &["--only", "erp"]),
        unknown,
        "nor was all of the estate"
    );
    let mut hidden = Estate::new().waiving(&gone);
    hide_modules(&mut hidden.recordings[1]);
    assert_eq!(
        unused(hidden, &[]),
        unknown,
        "it may stand in what was not seen"
    );
    let mut hidden =
        Estate::new().waiving(&waiver("subject = \"dbo.usp_Gone\"\ntargets = [\"erp\"]"));
    hide_modules(&mut hidden.recordings[1]);
    assert_eq!(unused(hidden, &[]), ["fail W-1"], "crm is not its concern");
    let lost = Estate::new().waiving(&gone);
    let lost = lost.command(&["audit", "estate.toml", "-o", "out"]);
    let lost = lost.file("crm.snapshot.json", "{").run().code(3);
    assert_eq!(
        said_of_estate(&lost, "waiver-unused"),
        unknown,
        "crm was not reached"
    );
}

fn hide_modules(r: &mut Recording) {
    r.forget_texts("App");
    let needs = vec!["VIEW DEFINITION".to_owned()];
    r.database("App").modules = Observed::Denied { needs };
}

#[test]
fn a_waiver_that_nobody_can_have_looked_through_is_a_finding() {
    let broad = |estate: Estate| said_of_estate(&estate.audit(&[]), "waiver-too-broad");
    for lines in ["", "subject = \"*\"", "subject = \"**?\"\ndatabase = \"*\""] {
        assert_eq!(
            broad(Estate::new().waiving(&waiver(lines))),
            ["fail W-1"],
            "{lines}"
        );
    }
    for lines in [
        "targets = [\"*\"]",
        "subject = \"dbo.*\"",
        "database = \"App\"",
    ] {
        assert_eq!(
            broad(Estate::new().waiving(&waiver(lines))),
            ["pass all"],
            "{lines}"
        );
    }
    let many = |count: usize| {
        let mut r = Recording::new(Base::windows("erp", 16));
        r.add_database("App", "sa");
        for n in 0..count {
            let name = format!("dbo.usp_{n}");
            r.add_module("App", &name, "P", &RUNS.replace("dbo.usp_Run", &name));
        }
        Estate::of(vec![r]).waiving(&waiver("targets = [\"erp\"]"))
    };
    assert_eq!(broad(many(25)), ["pass all"]);
    assert_eq!(broad(many(26)), ["fail W-1"]);
}

#[test]
fn a_waiver_never_hides_what_was_not_seen() {
    let whole = Estate::new().waiving(&waiver("")).audit(&["--only", "crm"]);
    assert_eq!(said(&whole, "crm", SLUG), ACCEPTED);
    let mut estate = Estate::new().waiving(&waiver(""));
    hide_modules(&mut estate.recordings[1]);
    let ran = estate.audit(&[]).code(3);
    assert_eq!(said(&ran, "crm", SLUG), ["unknown all"]);
}

#[test]
fn accepted_findings_stay_in_every_report_and_are_counted() {
    let found = Estate::new().audit(&[]).assessment();
    let estate = Estate::new().waiving(&waiver("targets = [\"*\"]"));
    let ran = estate.audit(&["--format", "table,json,html,md"]).code(1);
    let assessment = ran.assessment();
    let tally = |assessment: &serde_json::Value, outcome: &str| {
        assessment["fleet"]["verdicts"][outcome].as_u64().unwrap()
    };
    assert_eq!(tally(&assessment, "accepted"), 2);
    assert_eq!(tally(&assessment, "fail") + 2, tally(&found, "fail"));
    let instance = ran.instance("erp");
    let verdicts = instance["verdicts"].as_array().unwrap();
    let accepted = verdicts
        .iter()
        .find(|v| v["outcome"] == "accepted")
        .unwrap();
    assert_eq!(accepted["waiver"], "W-1");
    assert_eq!(accepted["severity"], "high");
    assert!(!accepted["evidence"].as_array().unwrap().is_empty());
    assert_eq!(assessment["waivers"][0]["accepts"], 2);
    for report in ["reports/report.html", "reports/report.md"] {
        let text = ran.read(&format!("out/{report}")).replace('\\', "");
        assert!(text.contains("W-1"), "{report}");
        assert!(text.to_lowercase().contains("accepted"), "{report}");
        assert!(text.contains("dbo.usp_Run"), "{report}");
    }
    assert!(
        ran.stdout.to_lowercase().contains("accepted"),
        "{}",
        ran.stdout
    );
    assert_eq!(assessment["as_of"], DAY);
}

#[test]
fn judging_again_accepts_the_same() {
    let estate = Estate::new().waiving(&waiver("subject = \"dbo.usp_*\""));
    let ran = estate.audit(&[]).code(1);
    let (folder, inputs) = (ran.path("out"), ran.path("out/inputs/judgement.json"));
    let (folder, inputs) = (folder.to_str().unwrap(), inputs.to_str().unwrap());
    let args = ["assess", folder, "--inputs", inputs, "-o", "out"];
    let again = estate.command(&args).run().code(1);
    assert_eq!(
        again.read("out/assessment.json"),
        ran.read("out/assessment.json")
    );
}

#[test]
fn waivers_are_listed_with_their_days_left() {
    let ended = "created = \"2026-01-01\"\nexpires = \"2026-06-29\"\n";
    let ended = waiver_for("SURF-001", ended, "").replace("W-1", "W-2");
    let early = "created = \"2026-07-01\"\nexpires = \"2026-07-31\"\n";
    let early = waiver_for("SURF-002", early, "targets = [\"erp\"]").replace("W-1", "W-3");
    let estate = Estate::new().waiving(&format!("{}{ended}{early}", waiver("subject = \"dbo.*\"")));
    let list = |args: &[&str]| {
        estate
            .command(&["waivers", "estate.toml"])
            .args(args)
            .run()
            .code(0)
    };
    let json: serde_json::Value =
        serde_json::from_str(&list(&["--format", "json"]).stdout).unwrap();
    let rows = json.as_array().unwrap().iter();
    let rows: Vec<(&str, i64, &str)> = rows
        .map(|row| {
            let word = |key: &str| row[key].as_str().unwrap();
            (
                word("id"),
                row["days_left"].as_i64().unwrap(),
                word("state"),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("W-1", 184, "in_force"),
            ("W-2", -1, "expired"),
            ("W-3", 31, "not_yet")
        ]
    );
    assert!(json[0].get("accepts").is_none(), "nothing was judged");
    let table = list(&[]).stdout;
    let place = |id: &str| table.find(id).unwrap();
    assert!(
        place("W-2") < place("W-3") && place("W-3") < place("W-1"),
        "{table}"
    );
    assert!(table.contains("Judged as of 2026-06-30."), "{table}");
    assert_eq!(table, list(&[]).stdout);
    let later = list(&["--as-of", "2026-12-31"]).stdout;
    assert!(
        later.contains("as of 2026-12-31") && later.contains("-153"),
        "{later}"
    );
    let none = Estate::new()
        .command(&["waivers", "estate.toml"])
        .run()
        .code(0);
    assert_eq!(none.stdout, "No waivers. Judged as of 2026-06-30.\n");
}
