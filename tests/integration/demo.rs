//! README's first command: the demo estate, with no server and no network.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::cli::Cli;

fn inventory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory")
}

fn audit(args: &[&str]) -> Cli {
    let demo = inventory().join("demo.toml");
    Cli::new(&["audit", demo.to_str().unwrap(), "-o", "out"]).args(args)
}

fn outcomes(instance: &Value, outcome: &str) -> usize {
    let verdicts = instance["verdicts"].as_array().unwrap();
    verdicts.iter().filter(|v| v["outcome"] == outcome).count()
}

#[test]
fn the_demo_shows_what_the_program_tells_apart() {
    let ran = audit(&[]).run().code(3);
    let assessment = ran.assessment();
    let instances = assessment["instances"].as_array().unwrap();
    assert!(instances.len() >= 6, "{}", instances.len());
    for instance in instances {
        let synthetic = instance["synthetic"].as_str().unwrap_or_default();
        assert!(
            !synthetic.is_empty(),
            "{} does not say that it is made up",
            instance["id"]
        );
    }
    let hardened = ran.instance("vault-2022");
    assert_eq!(
        (outcomes(&hardened, "fail"), outcomes(&hardened, "unknown")),
        (0, 0)
    );
    // What members of sysadmin have by design, as Agent runs their job steps, less what its audit takes off.
    assert_eq!(hardened["exposure"]["high"], 3);
    let verdicts = hardened["verdicts"].as_array().unwrap();
    let off = verdicts.iter().find(|v| v["rule"] == "SURF-001").unwrap();
    assert_eq!(off["message"], "1 passed, 0 not applicable");
    assert_eq!(off["evidence"][0]["row"]["name"], "xp_cmdshell");
    let breached = ran.instance("portal-2022");
    assert!(outcomes(&breached, "fail") > 10);
    assert!(breached["exposure"]["low"].as_u64().unwrap() >= 50);
    let unread = ran.instance("legal-2022");
    assert!(outcomes(&unread, "unknown") > 5);
    assert_ne!(unread["exposure"]["low"], unread["exposure"]["high"]);
    assert!(
        ran.stdout.contains("Synthetic recordings"),
        "{}",
        ran.stdout
    );
}

#[test]
fn exit_codes_rank_incomplete_over_findings_over_clean() {
    audit(&["--allow-partial"]).run().code(1);
    audit(&["--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    audit(&["--only", "vault-2022"]).run().code(0);
    audit(&["--only", "portal-2022"]).run().code(1);
    audit(&["--only", "portal-2022", "--fail-on", "critical"])
        .run()
        .code(1);
    audit(&["--only", "finance-2019", "--fail-on", "critical"])
        .run()
        .code(0);
    audit(&["--only", "legal-2022", "--fail-on", "never"])
        .run()
        .code(3);
}

#[test]
fn two_runs_differ_in_nothing_but_the_moment() {
    let (a, b) = (
        audit(&["--format", "html,md"]).run(),
        audit(&["--format", "html,md"]).run(),
    );
    assert_eq!(a.files("out"), b.files("out"));
    for file in a.files("out") {
        if !matches!(
            file.as_str(),
            "manifest.json" | "SHA256SUMS" | "evidence/run.json"
        ) {
            assert_eq!(
                a.read(&format!("out/{file}")),
                b.read(&format!("out/{file}")),
                "{file}"
            );
        }
    }
    assert_eq!(a.stdout, b.stdout);
}

#[test]
fn the_day_is_an_input() {
    let ran = audit(&["--as-of", "2031-05-06"]).run();
    assert_eq!(ran.assessment()["as_of"], "2031-05-06");
    assert_eq!(ran.json("out/inputs/judgement.json")["as_of"], "2031-05-06");
    audit(&["--as-of", "6.5.2031"])
        .run()
        .code(2)
        .says("YYYY-MM-DD");
}

#[test]
fn lines_of_the_table_fit_the_terminal() {
    for width in [80, 200] {
        let ran = audit(&[]).env("COLUMNS", &width.to_string()).run();
        for line in ran.stdout.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert!(
            !ran.stdout.contains('\u{1b}'),
            "colours only go to a terminal"
        );
    }
}

/// A recording beside an inventory of its own.
fn recording(change: impl Fn(&str, String) -> Option<String>) -> Cli {
    let mut cli = Cli::new(&["audit", "estate.toml", "-o", "out"]).file(
        "estate.toml",
        "schema = \"mssql-posture/inventory/v1\"\n\
         [[target]]\nname = \"good\"\nsnapshot = \"good.snapshot.json\"\n\
         [[target]]\nname = \"other\"\nsnapshot = \"other.snapshot.json\"\n",
    );
    for part in ["snapshot.json", "modules.jsonl"] {
        let text = inventory().join(format!("recordings/vault-2022.{part}"));
        let text = std::fs::read_to_string(text).unwrap();
        cli = cli.file(&format!("good.{part}"), &text);
        if let Some(changed) = change(part, text) {
            cli = cli.file(&format!("other.{part}"), changed);
        }
    }
    cli
}

#[test]
fn a_recording_that_is_not_as_it_was_collected_counts_as_not_reached() {
    type Change = fn(&str, String) -> Option<String>;
    let changes: [(&str, Change, &str); 5] = [
        ("no file", |_, _| None, "cannot read"),
        (
            "no module text",
            |part, text| (part == "snapshot.json").then_some(text),
            "cannot read",
        ),
        (
            "other module text",
            |part, text| {
                Some(if part == "modules.jsonl" {
                    text.replace("CREATE", "create")
                } else {
                    text
                })
            },
            "does not belong to this snapshot",
        ),
        (
            "half a snapshot",
            |part, text| {
                Some(if part == "snapshot.json" {
                    text[..text.len() / 2].to_owned()
                } else {
                    text
                })
            },
            "not a snapshot",
        ),
        (
            "another form",
            |_, text| Some(text.replace("mssql-posture/snapshot/v1", "mssql-posture/snapshot/v2")),
            "the first field must be",
        ),
    ];
    for (about, change, says) in changes {
        let ran = recording(change)
            .run()
            .code(3)
            .says("other: not reached: recorded snapshot:");
        assert!(ran.stderr.contains(says), "{about}: {}", ran.stderr);
        let coverage = |id: &str| ran.instance(id)["coverage"]["finished"].clone();
        assert_eq!(
            (coverage("good"), coverage("other")),
            (true.into(), false.into()),
            "{about}"
        );
        assert_eq!(ran.instance("other")["exposure"]["high"], 100, "{about}");
    }
}

#[test]
fn a_recording_takes_the_name_of_its_target() {
    let ran = recording(|_, text| Some(text)).run().code(0);
    assert_eq!(
        ran.json("out/snapshots/other.snapshot.json")["target"],
        "other"
    );
    assert_eq!(
        ran.read("out/snapshots/other.modules.jsonl"),
        ran.read("out/snapshots/good.modules.jsonl")
    );
}

#[test]
fn assess_takes_files_and_folders_and_refuses_two_of_one_target() {
    let ran = audit(&[]).run();
    let snapshot = ran.path("out/snapshots/vault-2022.snapshot.json");
    let folder = ran.path("out/snapshots");
    let (snapshot, folder) = (snapshot.to_str().unwrap(), folder.to_str().unwrap());
    Cli::new(&["assess", snapshot, "-o", "out"]).run().code(0);
    Cli::new(&["assess", snapshot, snapshot, "-o", "out"])
        .run()
        .code(2)
        .says("both snapshots of target vault-2022");
    let whole = Cli::new(&["assess", folder, "-o", "out"]).run().code(3);
    assert_eq!(
        whole.assessment()["fleet"]["targets"],
        ran.assessment()["fleet"]["targets"]
    );
    Cli::new(&["assess", ".", "-o", "out"])
        .run()
        .code(2)
        .says("holds no *.snapshot.json");
}

#[test]
fn a_bundle_that_lost_snapshots_is_not_clean() {
    let ran = audit(&[]).run();
    for file in ran.files("out/snapshots") {
        if !file.starts_with("vault-2022") {
            std::fs::remove_file(ran.path(&format!("out/snapshots/{file}"))).unwrap();
        }
    }
    let (folder, inputs) = (ran.path("out"), ran.path("out/inputs/judgement.json"));
    let args = [
        "assess",
        folder.to_str().unwrap(),
        "--inputs",
        inputs.to_str().unwrap(),
        "-o",
        "out",
    ];
    let again = Cli::new(&args).run().code(3);
    assert_eq!(again.assessment()["fleet"]["unreached"], 8);
    assert_eq!(again.instance("portal-2022")["exposure"]["high"], 100);
}

#[test]
fn a_snapshot_that_the_inventory_does_not_name_is_refused() {
    let ran = audit(&["--only", "finance-2019"]).run();
    let text = ran.read("out/snapshots/finance-2019.snapshot.json");
    let renamed = text.replace(
        "\"target\": \"finance-2019\"",
        "\"target\": \"finance-2019b\"",
    );
    let modules = ran.read("out/snapshots/finance-2019.modules.jsonl");
    let demo = inventory().join("demo.toml");
    Cli::new(&[
        "assess",
        "x.snapshot.json",
        "--inventory",
        demo.to_str().unwrap(),
        "-o",
        "out",
    ])
    .file("x.snapshot.json", renamed)
    .file("x.modules.jsonl", modules)
    .run()
    .code(2)
    .says("finance-2019b is not in");
}

#[test]
fn what_was_not_selected_is_said() {
    let ran = audit(&["--only", "vault-2022"]).run().code(0);
    assert!(
        ran.stdout
            .contains("8 more in the inventory were not selected"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        ran.assessment()["not_selected"].as_array().unwrap().len(),
        8
    );
}

#[test]
fn judging_again_keeps_the_recorded_threshold() {
    let ran = audit(&["--only", "portal-2022", "--fail-on", "never"])
        .run()
        .code(0);
    let (folder, inputs) = (ran.path("out"), ran.path("out/inputs/judgement.json"));
    let args = [
        "assess",
        folder.to_str().unwrap(),
        "--inputs",
        inputs.to_str().unwrap(),
        "-o",
        "out",
    ];
    let again = Cli::new(&args).run().code(0);
    assert_eq!(
        again.read("out/inputs/judgement.json"),
        ran.read("out/inputs/judgement.json")
    );
    Cli::new(&args).args(&["--fail-on", "high"]).run().code(1);
}

#[test]
fn a_hostile_file_is_quoted_harmlessly_in_errors() {
    let schema = "{\"schema\": \"\\u001b[2J\\u001b[31mclean\\u202e\"}";
    let ran = Cli::new(&["assess", "x.snapshot.json", "-o", "out"])
        .file("x.snapshot.json", schema)
        .run()
        .code(2);
    assert!(
        !ran.stderr.contains(['\u{1b}', '\u{202e}']),
        "{:?}",
        ran.stderr
    );
}

/// README's story of a quarter and of a change, and how each command ends.
const STORY: [(&str, i32); 6] = [
    ("audit inventory/demo-2026-q3.toml -o 2026-q3", 3),
    (
        "audit inventory/demo.toml --history 2026-q3 --against 2026-q3 -o 2026-q4",
        3,
    ),
    ("history 2026-q3 2026-q4", 0),
    (
        "changes --from-files inventory/change/exported/audit.jsonl inventory/change/exported/security.evtx --target vault-2022 --since 2026-11-18T18:00 --until 2026-11-18T23:00 --format jsonl -o events.jsonl",
        0,
    ),
    (
        "diff inventory/change/before inventory/change/after --change inventory/change/CHG-4251.toml --events events.jsonl --register inventory/change/register.toml",
        1,
    ),
    ("detections 2026-q4 -o soc", 3),
];

#[test]
fn the_story_of_readme_can_be_walked_through() {
    let readme = include_str!("../../README.md");
    let one_line = readme.replace(" \\\n    ", " ");
    let folder = tempfile::tempdir().unwrap();
    let place = |word: &str| match word.strip_prefix("inventory/") {
        Some(file) => inventory().join(file).to_str().unwrap().to_owned(),
        None if ["2026-q3", "2026-q4", "events.jsonl", "soc"].contains(&word) => {
            folder.path().join(word).to_str().unwrap().to_owned()
        }
        None => word.to_owned(),
    };
    let mut told = Vec::new();
    for (command, code) in STORY {
        let line = format!("mssql-posture {command}\n");
        assert!(one_line.contains(&line), "README does not have: {line}");
        let words: Vec<String> = command.split(' ').map(place).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        told.push(
            Cli::new(&words)
                .env("COLUMNS", "200")
                .run()
                .code(code)
                .stdout,
        );
    }
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (at, due) in [
        (1, "Since 2026-08-18: "),
        (1, "Drift against the baseline"),
        (2, "Closed: "),
        (4, "dbo.FindDocument"),
        (4, "approved"),
        (4, "unapproved"),
        (4, "CORP\\jdoe"),
        (4, "cmd.exe under sqlservr.exe"),
    ] {
        assert!(flat(&told[at]).contains(due), "{due}: {}", told[at]);
    }
    let playbook = std::fs::read_to_string(folder.path().join("soc/playbooks/vault-2022.md"));
    assert!(playbook.unwrap().contains("# Playbook: vault-2022"));
}
