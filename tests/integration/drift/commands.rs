//! The commands: forms, exit codes, folders that hold drift.

use serde_json::Value;

use super::instance;
use crate::support::cli::{Cli, Ran};
use crate::support::recording::{Hidden, Recorded, Recording, hide};
use mssql_posture::snapshot::Fact;

/// A run with the files of two recordings beside it.
pub(super) trait WithSides {
    fn side(self, folder: &str, recording: &Recording) -> Self;
}

/// `diff` of two recordings, with a file of events that `option` names.
pub(crate) fn diff_with(
    option: &str,
    events: &str,
    (before, after): &(Recording, Recording),
    args: &[&str],
) -> Cli {
    let fixed = ["diff", "before", "after", "--as-of", "2026-11-16"];
    Cli::new(&fixed)
        .args(&[option, "events.jsonl"])
        .args(args)
        .side("before", before)
        .side("after", after)
        .file("events.jsonl", events)
}

impl WithSides for Cli {
    fn side(self, folder: &str, recording: &Recording) -> Self {
        let Recorded {
            snapshot,
            module_text,
        } = recording.finish();
        let stem = format!("{folder}/{}", snapshot.target);
        self.file(&format!("{stem}.snapshot.json"), snapshot.render().unwrap())
            .file(&format!("{stem}.modules.jsonl"), module_text)
    }
}

fn changed() -> (Recording, Recording) {
    let mut before = instance();
    before.add_module("ERP", "dbo.p", "P", "CREATE PROC dbo.p AS\nSELECT 1");
    let mut after = before.clone();
    let id = after.object_id("ERP", "dbo.p");
    after.set_text("ERP", id, "CREATE PROC dbo.p AS\nEXEC xp_cmdshell 'dir'");
    after.set_option("xp_cmdshell", 1, 1);
    // Its row has columns that hold nothing.
    after.add_login("newcomer", "S");
    (before, after)
}

fn diff(before: &Recording, after: &Recording, args: &[&str]) -> Cli {
    let fixed = ["diff", "before", "after", "--as-of", "2026-11-16"];
    Cli::new(&fixed)
        .args(args)
        .side("before", before)
        .side("after", after)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn exit_codes_rank_unseen_over_changes_over_none() {
    let (before, after) = changed();
    diff(&before, &before, &[]).run().code(0);
    diff(&before, &after, &[]).run().code(1);
    diff(&before, &after, &["--fail-on", "never"]).run().code(0);
    diff(&before, &after, &["--fail-on", "critical"])
        .run()
        .code(0);
    diff(&after, &before, &[]).run().code(0); // all for the better
    diff(&after, &before, &["--fail-on", "info"]).run().code(1);
    let mut less = after.clone();
    let how = Hidden::Denied(vec!["a right".to_owned()]);
    hide(&mut less.snapshot, Fact::ServerPermissions, None, &how);
    diff(&before, &less, &[]).run().code(3);
    diff(&before, &less, &["--allow-partial"]).run().code(1);
    diff(&before, &less, &["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    Cli::new(&["diff", "nowhere", "either"])
        .run()
        .code(2)
        .says("cannot read nowhere");
}

#[test]
fn what_is_judged_drifts_too() {
    let (before, after) = changed();
    let found = json(&diff(&before, &after, &["--format", "json"]).run().code(1));
    assert_eq!(found["schema"], "mssql-posture/diff/v1");
    let own = &found["instances"][0];
    let verdicts = own["verdicts"].as_array().unwrap();
    let surface = verdicts.iter().find(|v| v["rule"] == "SURF-001").unwrap();
    assert_eq!(
        (&surface["drift"], &surface["after"]),
        (&"new".into(), &"fail".into())
    );
    let routes = own["routes"].as_array().unwrap();
    let shell = routes
        .iter()
        .find(|r| r["channel"] == "xp_cmdshell")
        .unwrap();
    assert!(
        shell["after"].as_str().unwrap().starts_with("open"),
        "{shell}"
    );
    assert!(own["exposure"]["after"]["low"].as_u64() > own["exposure"]["before"]["low"].as_u64());
    let back = json(&diff(&after, &before, &["--format", "json"]).run().code(0));
    let verdicts = back["instances"][0]["verdicts"].as_array().unwrap();
    assert!(
        verdicts
            .iter()
            .any(|v| v["rule"] == "SURF-001" && v["drift"] == "resolved")
    );
}

#[test]
fn every_form_tells_the_same_and_is_the_same_in_every_run() {
    let (before, after) = changed();
    for format in ["table", "json", "md", "html"] {
        let run = || {
            diff(&before, &after, &["--format", format])
                .run()
                .code(1)
                .stdout
        };
        let first = run();
        for told in ["xp_cmdshell", "dbo.p", "EXEC xp_cmdshell"] {
            assert!(first.contains(told), "{format}: {told}\n{first}");
        }
        assert_eq!(first, run(), "{format}");
    }
}

#[test]
fn the_table_keeps_to_its_width() {
    let (before, after) = changed();
    for (width, columns) in [(80, "80"), (200, "200")] {
        let ran = diff(&before, &after, &[])
            .env("COLUMNS", columns)
            .run()
            .code(1);
        let widest = ran.stdout.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(width), "{}", ran.stdout);
        insta::assert_snapshot!(format!("the_table_at_{columns}"), ran.stdout);
    }
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let (before, after) = changed();
    let page = diff(&before, &after, &["--format", "html"])
        .run()
        .code(1)
        .stdout;
    assert!(page.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'"));
    for loaded in ["<script", "src=", "http://", "https://", "url("] {
        assert!(!page.contains(loaded), "{loaded}");
    }
    assert_eq!(
        page.matches("<article>").count(),
        page.matches("</article>").count()
    );
}

#[test]
fn names_that_mean_harm_do_none_in_any_form() {
    let evil = "p\u{202e}\u{1b}[2J</td><script>alert(1)</script>|`x`\n# h";
    let mut before = instance();
    before.add_module("ERP", "dbo.q", "P", "CREATE PROC q AS SELECT 1");
    let mut after = before.clone();
    after.add_login(evil, "S");
    after.add_server_member("sysadmin", evil);
    let id = after.object_id("ERP", "dbo.q");
    after.set_text(
        "ERP",
        id,
        &format!("CREATE PROC q AS SELECT '{evil}'\n```\n</pre><script>alert(2)</script>"),
    );
    for format in ["table", "json", "md", "html"] {
        let shown = diff(&before, &after, &["--format", format])
            .run()
            .code(1)
            .stdout;
        let acts =
            |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!shown.chars().any(acts), "{format}");
        assert!(
            format == "json" || shown.contains("\\u{202e}"),
            "{format}: {shown}"
        );
        if format == "html" {
            assert!(!shown.contains("<script"), "{shown}");
        }
        if format == "md" {
            let outside = shown.split("````").step_by(2).collect::<String>();
            assert!(
                shown.contains("````diff") && !outside.contains("<script>"),
                "{shown}"
            );
            assert!(
                !shown.lines().any(|line| line.starts_with("# h")),
                "{shown}"
            );
        }
    }
}

#[test]
fn a_target_that_one_side_lacks_is_said() {
    let (before, after) = changed();
    let mut other = Recording::new(crate::support::recording::Base::windows("hr-prod", 16));
    other.set_option("xp_cmdshell", 1, 1);
    let run = |cli: Cli| json(&cli.args(&["--format", "json"]).run().code(3));
    let only_after = run(diff(&before, &after, &[]).side("after", &other));
    assert_eq!(only_after["instances"][1]["pairing"], "only_after");
    let only_before = run(diff(&before, &after, &[]).side("before", &other));
    assert_eq!(only_before["instances"][1]["pairing"], "only_before");
    assert_eq!(
        only_before["instances"][1]["changes"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

const INVENTORY: &str = "schema = \"mssql-posture/inventory/v1\"\nas_of = \"2026-11-16\"\n\n[[target]]\nname = \"erp-prod\"\nsnapshot = \"after/erp-prod.snapshot.json\"\n";

fn audit(args: &[&str]) -> Cli {
    let (before, after) = changed();
    let fixed = ["audit", "estate.toml", "-o", "out", "--against", "before"];
    let cli = Cli::new(&fixed).args(args).file("estate.toml", INVENTORY);
    cli.side("before", &before).side("after", &after)
}

fn verify(ran: &Ran, args: &[&str]) -> Ran {
    Cli::new(&["verify", ran.path("out").to_str().unwrap()])
        .args(args)
        .run()
}

#[test]
fn an_audit_against_a_baseline_holds_its_drift() {
    let ran = audit(&[]).run().code(1);
    assert!(
        ran.stdout.contains("Drift against the baseline"),
        "{}",
        ran.stdout
    );
    let files = ran.files("out");
    for file in [
        "inputs/against.json",
        "reports/drift.json",
        "reports/drift.md",
        "reports/drift.html",
    ] {
        assert!(files.contains(&file.to_owned()), "{files:?}");
        assert!(ran.read("out/SHA256SUMS").contains(file), "{file}");
    }
    let (before, after) = changed();
    let apart = diff(&before, &after, &["--format", "json"]).run().code(1);
    assert_eq!(ran.read("out/reports/drift.json"), apart.stdout);
    let said = verify(&ran, &[]).code(0).stdout;
    assert!(said.contains("drift.json"), "{said}");
    let baseline = ran.path("before");
    let said = verify(&ran, &["--against", baseline.to_str().unwrap()])
        .code(0)
        .stdout;
    assert!(said.contains("from the baseline"), "{said}");
    let another = ran.path("after");
    let said = verify(&ran, &["--against", another.to_str().unwrap()])
        .code(1)
        .stdout;
    assert!(said.contains("another"), "{said}");
}

/// The folder with other files, its sums made anew: as somebody would who means to deceive.
fn forge(ran: &Ran, path: &str, from: &str, to: &str) {
    use mssql_posture::snapshot::sha256_hex;
    let file = ran.path("out").join(path);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{path}");
    let forged = text.replace(from, to);
    std::fs::write(&file, &forged).unwrap();
    let (old, new) = (sha256_hex(text.as_bytes()), sha256_hex(forged.as_bytes()));
    let manifest = ran.path("out/manifest.json");
    let listed = std::fs::read_to_string(&manifest).unwrap();
    let mut json: Value = serde_json::from_str(&listed).unwrap();
    let entry = json["files"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|f| f["path"] == path)
        .unwrap();
    let bytes = entry["bytes"].as_u64().unwrap();
    let now = listed.replace(&old, &new).replace(
        &format!("\"sha256\": \"{new}\",\n      \"bytes\": {bytes}"),
        &format!("\"sha256\": \"{new}\",\n      \"bytes\": {}", forged.len()),
    );
    std::fs::write(&manifest, &now).unwrap();
    let sums = ran.path("out/SHA256SUMS");
    let text = std::fs::read_to_string(&sums).unwrap().replace(&old, &new);
    let text = text.replace(&sha256_hex(listed.as_bytes()), &sha256_hex(now.as_bytes()));
    std::fs::write(&sums, text).unwrap();
}

#[test]
fn drift_that_was_edited_does_not_verify() {
    let ran = audit(&[]).run().code(1);
    forge(
        &ran,
        "reports/drift.html",
        "EXEC xp_cmdshell",
        "EXEC nothing",
    );
    let said = verify(&ran, &[]).code(1).stdout;
    assert!(
        said.contains("reports/drift.html") && said.contains("drift.json"),
        "{said}"
    );
    let ran = audit(&[]).run().code(1);
    forge(
        &ran,
        "reports/drift.json",
        "\"severity\": \"high\"",
        "\"severity\": \"info\"",
    );
    verify(&ran, &[]).code(1);
}

#[test]
fn targets_that_the_audit_left_out_are_no_drift() {
    let mut other = Recording::new(crate::support::recording::Base::windows("hr-prod", 16));
    other.set_option("xp_cmdshell", 1, 1);
    let more = format!(
        "{INVENTORY}\n[[target]]\nname = \"hr-prod\"\nhost = \"nowhere.example\"\nauth = {{ kind = \"sql\", user = \"u\", password = {{ env = \"P\" }} }}\n"
    );
    let ran = audit(&["--only", "erp-prod"])
        .file("estate.toml", more)
        .side("before", &other)
        .run()
        .code(1);
    let drift = ran.json("out/reports/drift.json");
    assert_eq!(
        drift["instances"][1]["pairing"], "not_selected",
        "{}",
        drift["instances"][1]
    );
}

#[test]
fn a_baseline_that_is_not_there_is_said_before_anything_is_done() {
    let (before, after) = changed();
    let fixed = ["audit", "estate.toml", "-o", "out", "--against", "nowhere"];
    let cli = Cli::new(&fixed).file("estate.toml", INVENTORY);
    let ran = cli
        .side("before", &before)
        .side("after", &after)
        .run()
        .code(2);
    assert!(!ran.path("out").exists());
    audit(&["--redact"])
        .run()
        .code(2)
        .says("cannot be used with");
}

#[test]
fn an_inventory_that_leaves_out_what_before_saw_makes_the_comparison_incomplete() {
    let (before, _) = changed();
    let mut planted = before.clone();
    planted.add_module("ERP", "dbo.q", "P", "CREATE PROC dbo.q AS SELECT 1");
    let without = format!("{INVENTORY}exclude_databases = [\"ERP\"]\n");
    let run = |before: &Recording, after: &Recording| {
        diff(
            before,
            after,
            &["--format", "json", "--inventory", "estate.toml"],
        )
        .file("estate.toml", &without)
    };
    let found = json(&run(&before, &planted).run().code(3));
    let gaps = found["instances"][0]["not_comparable"].as_array().unwrap();
    let own: Vec<_> = gaps.iter().filter(|gap| gap["database"] == "ERP").collect();
    let modules = own.iter().find(|gap| {
        let facts = gap["facts"].as_array().unwrap();
        facts.iter().any(|fact| fact == "modules")
    });
    let modules = modules.unwrap();
    assert_eq!(
        modules["states"],
        serde_json::json!(["known", "not_collected"])
    );
    assert_eq!(modules["incomplete"], true);
    // Left out on both sides, by each its own inventory, it is no gap.
    let mut excluded = before.clone();
    excluded.exclude("ERP");
    run(&excluded, &planted).run().code(0);
    // The inventory of BEFORE's own audit counts as well.
    let audited = |inventory: &str| {
        let cli = Cli::new(&["audit", "estate.toml", "-o", "out", "--fail-on", "never"]);
        let cli = cli.file("estate.toml", inventory);
        cli.side("after", &before).run().code(0)
    };
    for (inventory, code) in [(without.as_str(), 0), (INVENTORY, 3)] {
        let folder = audited(inventory);
        let args = ["diff", folder.path("out").to_str().unwrap(), "after"].map(str::to_owned);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let cli = Cli::new(&args).args(&["--inventory", "estate.toml"]);
        let cli = cli.file("estate.toml", &without);
        cli.side("after", &planted).run().code(code);
    }
}

#[test]
fn targets_that_were_not_compared_are_named_and_not_counted() {
    let (before, _) = changed();
    let mut other = Recording::new(crate::support::recording::Base::windows("hr-prod", 16));
    other.set_option("xp_cmdshell", 1, 1);
    let ran = diff(&before, &before, &[]).side("after", &other).run();
    let told = ran.code(3).stdout;
    let due = "1 instance: no change in what was seen on both sides; not everything was seen on both sides; 1 not compared (hr-prod).";
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&told).contains(due), "{told}");
    let row = told
        .lines()
        .find(|line| line.starts_with("hr-prod"))
        .unwrap();
    assert!(row.contains('–') && !row.contains("the same"), "{row}");
}

#[test]
fn a_folder_that_was_altered_is_not_compared() {
    let (before, after) = changed();
    let folder = {
        let cli = Cli::new(&["audit", "estate.toml", "-o", "out", "--fail-on", "never"]);
        let cli = cli.file("estate.toml", INVENTORY);
        cli.side("after", &before).run().code(0)
    };
    let out = folder.path("out").to_str().unwrap().to_owned();
    let compare = |side: &str, code: i32| {
        let cli = Cli::new(&["diff", side, "after", "--fail-on", "never"]);
        cli.side("after", &after).run().code(code)
    };
    compare(&out, 0);
    let snapshot = folder.path("out/snapshots/erp-prod.snapshot.json");
    let text = std::fs::read_to_string(&snapshot).unwrap();
    let altered = text.replace("\"xp_cmdshell\"", "\"xp_cmdshelL\"");
    assert_ne!(text, altered);
    std::fs::write(&snapshot, altered).unwrap();
    let named = "snapshots/erp-prod.snapshot.json";
    compare(&out, 2).says(named);
    compare(snapshot.to_str().unwrap(), 2).says(named);
    let audit = Cli::new(&["audit", "estate.toml", "-o", "next", "--against", &out]);
    let audit = audit.file("estate.toml", INVENTORY).side("after", &after);
    let ran = audit.run().code(2).says(named);
    assert!(
        !ran.path("next").exists(),
        "it is said before anything is asked"
    );
}

fn record(planned: &str) -> String {
    format!(
        "schema = \"mssql-posture/change/v1\"\nid = \"CHG-1042\"\nfrom = \"2026-11-17T05:00:00Z\"\nuntil = \"2026-11-17T06:00:00Z\"\n{planned}"
    )
}

const PLANNED: &str = "
[[planned]]
fact = \"modules\"
database = \"ERP\"
name = \"dbo.*\"
change = \"changed\"
[[planned]]
fact = \"configurations\"
name = \"xp_cmdshell\"
[[planned]]
fact = \"server_principals\"
name = \"newcomer\"
[[planned]]
fact = \"server_permissions\"
name = \"CONNECT SQL on * for newcomer\"
";

#[test]
fn a_change_record_is_kept_only_if_all_of_it_happened_and_nothing_else() {
    let (before, mut after) = changed();
    after.snapshot.started = "2026-11-18T05:00:00Z".to_owned();
    let run = |planned: &str, after: &Recording, code: i32| {
        let args = ["--change", "change.toml", "--format", "json"];
        let cli = diff(&before, after, &args).file("change.toml", record(planned));
        json(&cli.run().code(code))
    };
    let kept = run(PLANNED, &after, 0);
    assert_eq!(
        kept["record"]["unplanned"], 0,
        "{}",
        kept["instances"][0]["changes"]
    );
    // Something else did.
    let mut more = after.clone();
    more.add_server_member("sysadmin", "newcomer");
    let found = run(PLANNED, &more, 1);
    assert_eq!(found["record"]["unplanned"], 1);
    let changes = found["instances"][0]["changes"].as_array().unwrap();
    let unplanned: Vec<_> = changes.iter().filter(|c| c["planned"] == false).collect();
    assert_eq!(unplanned[0]["name"], "newcomer in sysadmin");
    // Something planned did not.
    let promised = format!("{PLANNED}[[planned]]\nfact = \"synonyms\"\nname = \"dbo.s\"\n");
    let found = run(&promised, &after, 1);
    assert_eq!(found["record"]["planned"][4]["outcome"], "not_happened");
    // Or nobody could see whether it did.
    let mut less = after.clone();
    let how = Hidden::Denied(vec!["a right".to_owned()]);
    hide(&mut less.snapshot, Fact::Synonyms, Some("ERP"), &how);
    let found = run(&promised, &less, 3);
    assert_eq!(found["record"]["planned"][4]["outcome"], "not_seen");
    let args = ["--change", "change.toml"];
    let told = diff(&before, &more, &args)
        .file("change.toml", record(PLANNED))
        .run()
        .code(1);
    for said in ["Change CHG-1042", "NOT kept", "UNPLANNED"] {
        assert!(told.stdout.contains(said), "{said}: {}", told.stdout);
    }
    let wrong = diff(&before, &after, &args).file("change.toml", record("planned = 1"));
    wrong.run().code(2).says("not a change record");
}
