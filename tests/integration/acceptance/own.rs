//! Rules and frameworks of one's own: judged, reported and waived like those that are shipped.

use mssql_posture::snapshot::Observed;
use serde_json::Value;

use super::{Estate, said, said_of_estate, waiver_of};
use crate::support::cli::{Cli, Ran};

/// A rule of one's own with this question.
fn rule(check: &str) -> String {
    rule_for("OWN-001", "own-question", check, "")
}

fn rule_for(id: &str, slug: &str, check: &str, lines: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nslug = \"{slug}\"\ntitle = \"A question of ours\"\n\
         severity = \"medium\"\nwhy = \"we say so\"\nfix = \"mend it\"\n{lines}\
         [rule.check.{check}\n"
    )
}

const OPTION: &str = "option]\nname = \"remote access\"\nmust_be = 0";
const ROLE: &str = "role]\nname = \"sysadmin\"\nonly = [\"sa\", \"posture_audit\"]";
const NO_MODULE: &str = "no_module]\nsinks = [\"xp_cmdshell\"]\ndatabase = \"App\"";
const EMPTY: &str = "empty]\nfact = \"assemblies\"\ndatabase = \"App\"\nwhere = { permission_set = 3, is_user_defined = true }";

#[test]
fn each_kind_of_question_fails_and_passes() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("an option that is on", OPTION, &["fail remote access"]),
        (
            "an option as it must be",
            "option]\nname = \"xp_cmdshell\"\nmust_be = 1",
            &["pass all"],
        ),
        (
            "an option that this version does not have",
            "option]\nname = \"no such option\"\nmust_be = 1",
            &["unknown no such option"],
        ),
        (
            "somebody in a role",
            "role]\nname = \"SYSADMIN\"\nonly = []",
            &[
                "fail NT SERVICE\\MSSQLSERVER",
                "fail NT SERVICE\\SQLSERVERAGENT",
                "fail NT SERVICE\\SQLWriter",
                "fail NT SERVICE\\Winmgmt",
                "fail sa",
            ],
        ),
        (
            "nobody in a role of a database",
            "role]\nname = \"db_owner\"\ndatabase = \"App\"\nonly = [\"dbo\"]",
            &["pass all"],
        ),
        (
            "no such role",
            "role]\nname = \"db_king\"\ndatabase = \"App\"\nonly = []",
            &["not_applicable all"],
        ),
        ("a module with the sink", NO_MODULE, &["fail dbo.usp_Run"]),
        (
            "another sink",
            "no_module]\nsinks = [\"ole_automation\"]\ndatabase = \"App\"",
            &["pass all"],
        ),
        ("a row that must not be there", EMPTY, &["fail Tools"]),
        (
            "no row with this value",
            "empty]\nfact = \"assemblies\"\ndatabase = \"App\"\nwhere = { permission_set = 2 }",
            &["pass all"],
        ),
        (
            "no row at all",
            "empty]\nfact = \"credentials\"",
            &["pass all"],
        ),
    ];
    for (about, check, due) in cases {
        let ran = Estate::new().asking(&rule(check)).audit(&["--only", "erp"]);
        assert_eq!(said(&ran, "erp", "own-question"), *due, "{about}");
    }
}

#[test]
fn no_question_passes_on_what_was_not_seen() {
    type Hide = fn(&mut mssql_posture::snapshot::Snapshot);
    fn denied<T>(fact: &mut Observed<T>) {
        let needs = vec!["a right".to_owned()];
        *fact = Observed::Denied { needs };
    }
    fn app(
        s: &mut mssql_posture::snapshot::Snapshot,
    ) -> &mut mssql_posture::snapshot::DatabaseFacts {
        s.databases.last_mut().unwrap()
    }
    let cases: &[(&str, Hide)] = &[
        (OPTION, |s| denied(&mut s.server.configurations)),
        (ROLE, |s| denied(&mut s.server.server_role_members)),
        (ROLE, |s| denied(&mut s.server.server_principals)),
        (NO_MODULE, |s| denied(&mut app(s).modules)),
        ("no_module]\nsinks = [\"ole_automation\"]", |s| {
            denied(&mut app(s).modules);
        }),
        (EMPTY, |s| denied(&mut app(s).assemblies)),
        ("empty]\nfact = \"linked_servers\"", |s| {
            denied(&mut s.server.linked_servers);
        }),
        ("empty]\nfact = \"synonyms\"\ndatabase = \"App\"", |s| {
            app(s).synonyms.limit("a right");
        }),
        ("empty]\nfact = \"synonyms\"\ndatabase = \"App\"", |s| {
            s.databases.pop();
        }),
    ];
    for (check, change) in cases {
        let mut estate = Estate::new().asking(&rule(check));
        let mut hidden = estate.recordings[0].clone();
        hidden.forget_texts("App");
        change(&mut hidden.snapshot);
        estate.recordings[0] = hidden;
        let ran = estate.audit(&["--only", "erp"]);
        let said = said(&ran, "erp", "own-question");
        let unknown = said.iter().any(|line| line.starts_with("unknown"));
        assert!(
            unknown && !said.contains(&"pass all".to_owned()),
            "{check}: {said:?}"
        );
    }
}

#[test]
fn an_own_rule_is_chosen_reported_and_waived_like_any_other() {
    let targets = "targets = [\"erp\"]\n";
    let asked = rule_for("OWN-001", "own-question", OPTION, targets);
    let ran = Estate::new()
        .asking(&asked)
        .audit(&["--format", "table,html,md,sarif"]);
    assert_eq!(said(&ran, "erp", "own-question"), ["fail remote access"]);
    assert_eq!(said(&ran, "crm", "own-question"), ["not_applicable all"]);
    for report in ["out/reports/report.html", "out/reports/report.md"] {
        assert!(ran.read(report).contains("OWN-001"), "{report}");
    }
    let sarif = ran.read("out/reports/results.sarif");
    assert!(
        sarif.contains("**How to fix:** mend it"),
        "by its own words"
    );
    assert!(
        sarif.contains("\"uri\": \"estate.toml\""),
        "as it was given"
    );
    let out = ran.path("out");
    let verify = ["verify", out.to_str().unwrap()];
    let verified = Cli::new(&verify).run().code(0);
    assert!(verified.stdout.contains("follow to the byte"));
    let waiver = waiver_of("own-question", "targets = [\"*\"]");
    let estate = Estate::new().asking(&asked).waiving(&waiver);
    let ran = estate.audit(&[]);
    assert_eq!(
        said(&ran, "erp", "own-question"),
        ["accepted remote access"]
    );
    assert_eq!(said_of_estate(&ran, "waiver-unused"), ["pass all"]);
    let listed = estate.command(&["waivers", "estate.toml"]).run().code(0);
    assert!(listed.stdout.contains("OWN-001"), "{}", listed.stdout);
    let (folder, inputs) = (ran.path("out"), ran.path("out/inputs/judgement.json"));
    let (folder, inputs) = (folder.to_str().unwrap(), inputs.to_str().unwrap());
    let args = ["assess", folder, "--inputs", inputs, "-o", "out"];
    let again = estate.command(&args).run();
    assert_eq!(
        again.read("out/assessment.json"),
        ran.read("out/assessment.json")
    );
}

#[test]
fn a_waiver_of_an_own_rule_is_not_unused_while_its_instance_was_not_reached() {
    let waiver = waiver_of("OWN-001", "targets = [\"crm\"]");
    let estate = Estate::new().asking(&rule(OPTION)).waiving(&waiver);
    let lost = estate.command(&["audit", "estate.toml", "-o", "out"]);
    let lost = lost.file("crm.snapshot.json", "{").run().code(3);
    assert_eq!(said_of_estate(&lost, "waiver-unused"), ["unknown W-1"]);
}

#[test]
fn a_rule_that_cannot_be_asked_is_refused() {
    let cases = [
        (
            "a family of ours",
            rule_for("SURF-001", "x", OPTION, ""),
            "is one of ours",
        ),
        (
            "a slug of ours",
            rule_for("OWN-001", "xp-cmdshell-enabled", OPTION, ""),
            "is one of ours",
        ),
        ("no id", rule_for("own-1", "x", OPTION, ""), "OWN-001"),
        (
            "twice",
            format!("{0}{0}", rule(OPTION)),
            "stands here twice",
        ),
        (
            "no sink",
            rule("no_module]\nsinks = [\"xp_cmdshel\"]"),
            "no sink \"xp_cmdshel\"",
        ),
        ("no sinks", rule("no_module]\nsinks = []"), "names no sink"),
        (
            "no fact",
            rule("empty]\nfact = \"tables\""),
            "no fact \"tables\"",
        ),
        (
            "a fact of the instance in a database",
            rule("empty]\nfact = \"jobs\"\ndatabase = \"msdb\""),
            "leave database out",
        ),
        ("no question", rule("regex]\ntext = \"x\""), "regex"),
        (
            "no such target",
            rule_for("OWN-001", "x", OPTION, "targets = [\"erq\"]\n"),
            "erq",
        ),
    ];
    for (about, text, says) in cases {
        let stderr = Estate::new().asking(&text).refused();
        assert!(stderr.contains("rules.toml"), "{about}: {stderr}");
        assert!(stderr.contains(says), "{about}: no {says:?} in\n{stderr}");
    }
}

const HOUSE: &str = "id = \"house\"\nname = \"House rules\"\npublisher = \"Us\"\nversion = \"3\"\nsource = \"intranet\"\n\
                     [[control]]\nid = \"H1\"\ntitle = \"No remote access\"\nscope = \"instance\"\nassessed = \"rule\"\nrules = [\"OWN-001\"]\n\
                     [[control]]\nid = \"H2\"\ntitle = \"No command shell\"\nscope = \"instance\"\nassessed = \"rule\"\nrules = [\"SURF-001\"]\n\
                     [[control]]\nid = \"H3\"\ntitle = \"Waivers are looked after\"\nscope = \"estate\"\nassessed = \"rule\"\nrules = [\"CHANGE-001\"]\n";

fn house(ran: &Ran) -> Vec<(String, String, u64, u64)> {
    let assessment: Value = ran.assessment();
    let frameworks = assessment["frameworks"].as_array().unwrap();
    let own = frameworks.iter().find(|own| own["id"] == "house").unwrap();
    let controls = own["controls"].as_array().unwrap().iter();
    let word = |control: &Value, key: &str| control[key].as_str().unwrap().to_owned();
    let number = |control: &Value, key: &str| control[key].as_u64().unwrap();
    controls
        .map(|c| {
            (
                word(c, "id"),
                word(c, "status"),
                number(c, "tested"),
                number(c, "failed"),
            )
        })
        .collect()
}

fn row(id: &str, status: &str, tested: u64, failed: u64) -> (String, String, u64, u64) {
    (id.to_owned(), status.to_owned(), tested, failed)
}

#[test]
fn an_own_framework_is_assessed_by_shipped_and_own_rules() {
    let estate = Estate::new()
        .asking(&rule(OPTION))
        .file("house.toml", HOUSE);
    let ran = estate.audit(&["--framework", "house.toml"]);
    let due = [row("H1", "not_met", 2, 2), row("H2", "not_met", 2, 2)];
    let found = house(&ran);
    assert_eq!(found[..2], due);
    assert_eq!(
        found[2],
        row("H3", "not_applicable", 0, 0),
        "there are no waivers"
    );
    let waiver = waiver_of("SURF-001", "targets = [\"*\"]");
    let estate = Estate::new()
        .asking(&rule(OPTION))
        .waiving(&waiver)
        .file("house.toml", HOUSE);
    let found = house(&estate.audit(&["--framework", "house.toml"]));
    assert_eq!(found[1], row("H2", "accepted", 2, 0));
    assert_eq!(found[2], row("H3", "met", 2, 0));
    let later = house(&estate.audit(&["--framework", "house.toml", "--as-of", "2027-01-01"]));
    assert_eq!(
        later[1],
        row("H2", "not_met", 2, 2),
        "the waiver has expired"
    );
    assert_eq!(
        later[2],
        row("H3", "not_met", 2, 2),
        "and is a finding itself"
    );
    let mut estate = Estate::new()
        .asking(&rule(OPTION))
        .file("house.toml", HOUSE);
    for recording in &mut estate.recordings {
        let needs = vec!["a right".to_owned()];
        recording.snapshot.server.configurations = Observed::Denied { needs };
    }
    let unseen = house(&estate.audit(&["--framework", "house.toml"]).code(3));
    assert_eq!(unseen[0], row("H1", "not_assessed", 0, 0));
}

#[test]
fn an_own_framework_that_says_nothing_is_refused_with_its_place() {
    let cases = [
        (
            "a word that is not known",
            "\"3\"\n",
            "\"3\"\neditor = \"x\"\n",
            ":5:1: ",
            "editor",
        ),
        (
            "one that is shipped",
            "\"house\"",
            "\"cis-2022\"",
            ":1:6: ",
            "is shipped",
        ),
        (
            "no such rule",
            "SURF-001",
            "SURF-999",
            ":13:6: ",
            "no rule \"SURF-999\"",
        ),
        (
            "two of one id",
            "\"H2\"",
            "\"H1\"",
            ":13:6: ",
            "stands here twice",
        ),
        (
            "a part without what a human looks at",
            "assessed = \"rule\"\nrules = [\"SURF-001\"]",
            "assessed = \"partly\"\nrules = [\"SURF-001\"]",
            ":13:6: ",
            "look_at",
        ),
        (
            "a rule that is not named",
            "rules = [\"SURF-001\"]\n",
            "",
            ":13:6: ",
            "without rules",
        ),
        ("no TOML", "id = \"house\"", "id = house", ":1:6: ", ""),
    ];
    for (about, from, to, place, says) in cases {
        assert!(HOUSE.contains(from), "{about}");
        let estate = Estate::new().asking(&rule(OPTION));
        let estate = estate.file("house.toml", &HOUSE.replace(from, to));
        let ran = estate.audit(&["--framework", "house.toml"]).code(2);
        let place = format!("house.toml{place}");
        assert!(
            ran.stderr.contains(&place),
            "{about}: no {place}in\n{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(says), "{about}: {}", ran.stderr);
    }
    let twice = ["--framework", "house.toml", "--framework", "house.toml"];
    let estate = Estate::new()
        .asking(&rule(OPTION))
        .file("house.toml", HOUSE);
    assert!(
        estate
            .audit(&twice)
            .code(2)
            .stderr
            .contains("two frameworks have the id")
    );
}

#[test]
fn the_rule_in_the_readme_is_one() {
    let readme = include_str!("../../../README.md");
    let (_, from) = readme
        .split_once("schema = \"mssql-posture/rules/v1\"\n")
        .unwrap();
    let (lines, _) = from.split_once("```").unwrap();
    let ran = Estate::new().asking(lines).audit(&["--only", "erp"]);
    assert_eq!(
        said(&ran, "erp", "backup-compression-on"),
        ["fail backup compression default"]
    );
}
