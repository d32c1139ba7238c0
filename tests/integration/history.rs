//! Quarters side by side: what opened, what closed, what nobody could see, and which bundles count.

use serde_json::Value;

use crate::acceptance::{Estate, planted};
use crate::evidence::{forged, verify};
use crate::support::cli::{Cli, Ran};
use crate::support::recording::Recording;

const NEW: &str = "CREATE PROCEDURE dbo.usp_New AS EXEC master.dbo.xp_cmdshell N'whoami';\n";
const CALM: &str = "CREATE PROCEDURE dbo.usp_Run AS SELECT 1;\n";
const MODULE: &str = "CODE-002";

fn quarter(erp: Recording, as_of: &str, args: &[&str]) -> Ran {
    let args = [&["--as-of", as_of][..], args].concat();
    Estate::of(vec![erp]).audit(&args)
}

fn with_new() -> Recording {
    let mut erp = planted("erp", "tools 1");
    erp.add_module("App", "dbo.usp_New", "P", NEW);
    erp
}

/// The first quarter has one module that runs commands, the second two, and in the third the first is mended and the text
/// of the second cannot be seen.
fn quarters() -> [Ran; 3] {
    let mut last = crate::acceptance::planted_as("erp", "tools 1", CALM);
    let id = last.add_module("App", "dbo.usp_New", "P", NEW);
    last.hide_definition("App", id);
    [
        quarter(planted("erp", "tools 1"), "2026-03-31", &[]),
        quarter(with_new(), "2026-06-30", &[]),
        quarter(last, "2026-09-30", &[]),
    ]
}

fn history(bundles: &[&Ran], args: &[&str]) -> Ran {
    let paths: Vec<_> = bundles.iter().map(|ran| ran.path("out")).collect();
    let mut cli = Cli::new(&["history"]);
    for path in &paths {
        cli = cli.arg(path.to_str().unwrap());
    }
    cli.args(args).run()
}

/// Arguments that name bundles.
fn naming(option: &str, bundles: &[&Ran]) -> Vec<String> {
    let named = bundles.iter().flat_map(|ran| {
        let path = ran.path("out").to_str().unwrap().to_owned();
        [option.to_owned(), path]
    });
    named.collect()
}

fn verified(ran: &Ran, args: &[String]) -> Ran {
    let out = ran.path("out");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Cli::new(&["verify", out.to_str().unwrap()])
        .args(&args)
        .run()
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

fn found<'v>(history: &'v Value, rule: &str, name: &str) -> &'v Value {
    let all = history["findings"].as_array().unwrap();
    let mut own = all
        .iter()
        .filter(|f| f["rule"] == rule && f["subject"]["name"] == name);
    own.next().unwrap()
}

#[test]
fn quarters_are_put_in_order_and_findings_are_followed() {
    let [first, second, third] = quarters();
    let told = history(&[&third, &first, &second], &["--format", "json"]).code(3);
    let told = json(&told);
    assert_eq!(told["schema"], "mssql-posture/history/v1");
    let labels = told["bundles"].as_array().unwrap().iter();
    let labels: Vec<&Value> = labels.map(|own| &own["label"]).collect();
    assert_eq!(labels, ["2026-03-31", "2026-06-30", "2026-09-30"]);
    assert_eq!(told["bundles"][0]["seal"]["state"], "intact");
    assert_eq!(
        told["bundles"][1]["differs"],
        Value::Null,
        "one version judged both"
    );
    let run = found(&told, MODULE, "dbo.usp_Run");
    assert_eq!(
        (&run["state"], &run["closed"]),
        (&"closed".into(), &"2026-09-30".into())
    );
    assert_eq!(
        (&run["age_days"], &run["may_be_older"]),
        (&183.into(), &true.into())
    );
    let new = found(&told, MODULE, "dbo.usp_New");
    assert_eq!(
        (&new["state"], &new["first_seen"]),
        (&"not_seen".into(), &"2026-06-30".into())
    );
    assert_eq!(
        (&new["age_days"], &new["may_be_older"]),
        (&92.into(), &false.into())
    );
    let standings: Vec<&Value> = new["standings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["is"])
        .collect();
    assert_eq!(standings, ["gone", "open", "not_seen"]);
    let fleet = &told["fleet"];
    assert!(fleet[1]["moves"]["opened"].as_u64().unwrap() >= 1);
    assert!(fleet[2]["moves"]["closed"].as_u64().unwrap() >= 1);
    assert!(fleet[2]["moves"]["not_seen"].as_u64().unwrap() >= 1);
    let critical = &second.assessment()["fleet"]["findings"];
    assert_eq!(
        &fleet[1]["findings"], critical,
        "counts are the assessment's own"
    );
    assert_eq!(
        fleet[1]["exposure"],
        second.assessment()["fleet"]["exposure"]
    );
    let tally = &second.assessment()["frameworks"][0];
    let frameworks = told["frameworks"].as_array().unwrap();
    let own = frameworks
        .iter()
        .find(|own| own["id"] == tally["id"])
        .unwrap();
    assert_eq!(own["points"][1]["controls"], tally["tally"]);
    history(&[&first, &second, &third], &["--allow-partial"]).code(0);
}

#[test]
fn every_form_tells_the_same_and_again_the_same() {
    let [first, second, third] = quarters();
    let all = [&first, &second, &third];
    for (format, due) in [
        ("table", "Not seen: "),
        ("md", "### Not seen: "),
        ("html", "<h3>Not seen: "),
    ] {
        let told = history(&all, &["--format", format, "--allow-partial"])
            .code(0)
            .stdout;
        assert_eq!(
            told,
            history(&all, &["--format", format, "--allow-partial"]).stdout
        );
        for due in [
            due,
            "New in App",
            "2026-06-30, 92 days",
            "at least 183 days",
            "intact, unsigned",
        ] {
            assert!(told.contains(due), "{format}: {due}\n{told}");
        }
    }
    let page = history(
        &all,
        &["--format", "html", "--allow-partial", "-o", "trend.html"],
    );
    let page = page.code(0).read("trend.html");
    assert!(page.contains(
        "<svg class=\"spark\" role=\"img\" aria-label=\"Exposure of the estate, of 100: "
    ));
    assert!(page.contains("default-src 'none'"));
    for loads in ["<script", "<link", "<img", "src=\"", "url(", "href=\"http"] {
        assert!(!page.contains(loads), "{loads}");
    }
    for width in ["80", "200"] {
        let table = Cli::new(&["history"]).env("COLUMNS", width);
        let table = table.arg(first.path("out").to_str().unwrap());
        let table = table
            .arg(second.path("out").to_str().unwrap())
            .run()
            .code(0)
            .stdout;
        let longest = table
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap();
        assert!(
            longest <= width.parse().unwrap(),
            "{longest} at {width}:\n{table}"
        );
    }
}

#[test]
fn a_bundle_that_is_not_as_it_was_counts_for_nothing() {
    let [first, second, third] = quarters();
    let path = second.path("out/assessment.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("usp_New", "usp_Old")).unwrap();
    let told = history(&[&first, &second, &third], &["--format", "json"]).code(1);
    let told = json(&told);
    assert_eq!(told["bundles"][2]["seal"]["state"], "altered");
    assert_eq!(told["fleet"].as_array().unwrap().len(), 2);
    assert!(!told["findings"].to_string().contains("usp_Old"));
    let table = history(&[&first, &second], &[]).code(1).stdout;
    assert!(table.contains("NOT AS IT WAS"), "{table}");
}

#[test]
fn keys_decide_whose_bundles_count() {
    let keys = Cli::new(&["keygen", "-o", "key", "--no-password"])
        .run()
        .code(0);
    let secret = keys.path("key");
    let sign = ["--sign-key", secret.to_str().unwrap()];
    let first = quarter(planted("erp", "tools 1"), "2026-03-31", &sign);
    let second = quarter(planted("erp", "tools 1"), "2026-06-30", &[]);
    let public = keys.path("key.pub");
    let key = ["--key", public.to_str().unwrap(), "--format", "json"];
    let told = json(&history(&[&first], &key).code(0));
    assert_eq!(told["bundles"][0]["seal"]["signature"]["is"], "by");
    let other = Cli::new(&["keygen", "-o", "key", "--no-password"])
        .run()
        .code(0);
    let others = other.path("key.pub");
    let either = [&["--key", others.to_str().unwrap()][..], &key].concat();
    history(&[&first], &either).code(0);
    let told = json(&history(&[&first, &second], &key).code(1));
    assert_eq!(told["bundles"][1]["seal"]["state"], "altered");
    history(&[&first], &["--key", others.to_str().unwrap()]).code(1);
    let told = json(&history(&[&first, &second], &["--format", "json"]).code(0));
    let seals = told["bundles"].as_array().unwrap().iter();
    let seals: Vec<&Value> = seals.map(|own| &own["seal"]["signature"]["is"]).collect();
    assert_eq!(seals, ["unchecked", "none"]);
}

#[test]
fn what_is_no_bundle_is_told_or_refused() {
    let first = quarter(planted("erp", "tools 1"), "2026-03-31", &[]);
    let out = first.path("out");
    let alone = Cli::new(&["history", "assessment.json", "--format", "json"]);
    let alone = alone
        .file("assessment.json", first.read("out/assessment.json"))
        .run()
        .code(0);
    assert_eq!(json(&alone)["bundles"][0]["seal"]["state"], "loose");
    let inside = out.join("assessment.json");
    let inside = Cli::new(&["history", inside.to_str().unwrap(), "--format", "json"])
        .run()
        .code(0);
    assert_eq!(json(&inside)["bundles"][0]["seal"]["state"], "intact");
    history(&[&first, &first], &[])
        .code(2)
        .says("are the same bundle");
    Cli::new(&["history", "."])
        .run()
        .code(2)
        .says("no finished bundle");
    let snapshots = out.join("snapshots");
    Cli::new(&["history", snapshots.to_str().unwrap()])
        .run()
        .code(2);
    let other = Cli::new(&["history", "x.json"]).file("x.json", "{}").run();
    other.code(2).says("x.json: it is no assessment");
    let redacted = quarter(planted("erp", "tools 1"), "2026-06-30", &["--redact"]);
    history(&[&first, &redacted], &[])
        .code(2)
        .says("is a redacted copy");
}

/// The second quarter, told after the first: with all forms that show it.
fn told_after(first: &Ran, more: &[&str]) -> Ran {
    let history = naming("--history", &[first]);
    let history: Vec<&str> = history.iter().map(String::as_str).collect();
    let args = [&history[..], &["--format", "table,html,md,json"], more].concat();
    quarter(with_new(), "2026-06-30", &args)
}

#[test]
fn the_first_page_tells_what_changed_since_the_last_audit() {
    let first = quarter(planted("erp", "tools 1"), "2026-03-31", &[]);
    let second = told_after(&first, &[]);
    let plain = quarter(with_new(), "2026-06-30", &[]);
    let told = json(&history(&[&first, &plain], &["--format", "json"]).code(0));
    let moves = &told["fleet"][1]["moves"];
    assert_eq!(moves["opened"], 1);
    let sentence = format!(
        "Since 2026-03-31: 1 finding opened, {} closed, {} still open.",
        moves["closed"], moves["still_open"]
    );
    let page = second.read("out/reports/report.html");
    for text in [&page, &second.read("out/reports/report.md"), &second.stdout] {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for due in [&sentence, "dbo.usp_New", "Opened"] {
            assert!(text.contains(due), "{due}: {text}");
        }
    }
    let plain_page = plain.read("out/reports/report.html");
    assert!(!plain_page.contains("Since the last audit"));
    assert!(page.contains("<h3 id=\"trend\">Since the last audit</h3>"));
    let trend: Value = serde_json::from_str(&second.read("out/inputs/trend.json")).unwrap();
    assert_eq!(trend["schema"], "mssql-posture/trend/v1");
    assert_eq!(trend["fleet"], told["fleet"]);
    assert_eq!(trend["bundles"][0]["sha256"], told_hash(&first));
    assert!(
        !trend
            .to_string()
            .contains(first.path("out").to_str().unwrap())
    );
    for (args, due) in [
        (vec![], "the last point of inputs/trend.json"),
        (
            naming("--history", &[&first]),
            "inputs/trend.json from the earlier audits",
        ),
    ] {
        let told = verified(&second, &args).code(0).stdout;
        assert!(told.contains(due), "{told}");
    }
    verified(&second, &naming("--history", &[&plain])).code(1);
}

fn told_hash(ran: &Ran) -> Value {
    let manifest: Value = serde_json::from_str(&ran.read("out/manifest.json")).unwrap();
    let files = manifest["files"].as_array().unwrap();
    let mut own = files.iter().filter(|own| own["path"] == "assessment.json");
    own.next().unwrap()["sha256"].clone()
}

#[test]
fn a_trend_is_of_earlier_audits_that_vouch_for_themselves() {
    let first = quarter(planted("erp", "tools 1"), "2026-03-31", &[]);
    let later = quarter(planted("erp", "tools 1"), "2026-12-31", &[]);
    told_after(&later, &[])
        .code(2)
        .says("comes after this audit");
    let redacted = quarter(planted("erp", "tools 1"), "2026-03-31", &["--redact"]);
    told_after(&redacted, &[])
        .code(2)
        .says("is a redacted copy");
    told_after(&first, &["--redact"])
        .code(2)
        .says("cannot be used with");
    let twice = naming("--history", &[&first]);
    let twice: Vec<&str> = twice.iter().map(String::as_str).collect();
    told_after(&first, &twice)
        .code(2)
        .says("are the same bundle");
    let path = first.path("out/assessment.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("usp_Run", "usp_Ran")).unwrap();
    told_after(&first, &[]).code(2).says("is not as it was");
}

/// Whoever writes the folder can write what is told of others, but not of the folder itself.
#[test]
fn a_trend_that_ends_elsewhere_is_not_verified() {
    let first = quarter(planted("erp", "tools 1"), "2026-03-31", &[]);
    let second = told_after(&first, &[]);
    let to = second.path("forged");
    forged(&second.path("out"), &to, "inputs/trend.json", |text| {
        let mut trend: Value = serde_json::from_str(&text).unwrap();
        trend["fleet"][1]["findings"]["high"] = 0.into();
        serde_json::to_string_pretty(&trend).unwrap()
    });
    let told = verify(&to, None).code(1).stdout;
    assert!(told.contains("its last point does not follow"), "{told}");
}
