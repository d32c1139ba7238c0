//! How much module text is kept is a choice; what is concluded is not.

use std::collections::BTreeMap;
use std::path::Path;

use mssql_posture::snapshot::{Snapshot, sha256_hex};
use serde_json::{Value, json};

use crate::support::cli::{Cli, Ran};
use crate::support::estate::Estate;
use crate::support::instance::Instance;
use crate::support::recording::{Base, Recording};
use crate::support::tds_server::Options;
use crate::support::truth;

const CHOICES: [&str; 3] = ["all", "flagged", "none"];
const QUIET: &[&str] = &[
    "--allow-partial",
    "--fail-on",
    "never",
    "--format",
    "table,json,html,md",
];
/// Stands in comments alone, where no line of a finding shows it.
const MARKER: &str = "marker-7c1d";

/// Those of the demo with the most code, the most that is accepted, and the most that is hidden.
fn demo(args: &[&str]) -> Ran {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory/demo.toml");
    let mut base = Cli::new(&["audit", demo.to_str().unwrap(), "-o", "out"]);
    for target in ["portal-2022", "billing-2016", "legal-2022"] {
        base = base.args(&["--only", target]);
    }
    base.args(QUIET).args(args).run().code(0)
}

/// An instance with a module that is found, one that leads to it, one that is clean, and secrets.
fn recording() -> Recording {
    let mut r = Recording::new(Base::windows("shop", 16));
    r.add_database("App", "sa");
    r.add_database("Tools", "sa");
    let module = |name: &str, body: &str| {
        format!("CREATE PROCEDURE {name} @c nvarchar(200) = N'' AS\n-- {MARKER}\n{body}\n")
    };
    for (database, name, body) in [
        ("App", "dbo.clean", "SELECT 1"),
        (
            "App",
            "dbo.lists",
            "SELECT * FROM OPENQUERY(far, 'SELECT 1')",
        ),
        ("App", "dbo.calls", "EXEC Tools.dbo.runs @c"),
        (
            "App",
            "dbo.passes",
            "EXEC dbo.stores N'EXEC xp_cmdshell ''dir'''",
        ),
        ("App", "dbo.stores", "INSERT dbo.log VALUES (@c)"),
        ("Tools", "dbo.runs", "EXEC master..xp_cmdshell @c"),
        ("Tools", "dbo.unread", "EXEC (@c)"),
    ] {
        r.add_module(database, name, "P", &module(name, body));
    }
    r
}

/// An audit of a recording beside an inventory of its own.
fn audit(recording: &Recording, lines: &str, args: &[&str]) -> Ran {
    let recorded = recording.finish();
    let inventory = format!(
        "schema = \"mssql-posture/inventory/v1\"\nas_of = \"2026-01-01\"\n\
         [[target]]\nname = \"shop\"\nsnapshot = \"shop.snapshot.json\"\n{lines}\n"
    );
    Cli::new(&["audit", "estate.toml", "-o", "out"])
        .file("estate.toml", inventory)
        .file("shop.snapshot.json", recorded.snapshot.render().unwrap())
        .file("shop.modules.jsonl", recorded.module_text)
        .args(QUIET)
        .args(args)
        .run()
        .code(0)
}

/// Which modules' text a run kept, as `database.name in text`.
fn kept(ran: &Ran, target: &str) -> Vec<String> {
    let text = ran.read(&format!("out/snapshots/{target}.modules.jsonl"));
    let lines = text
        .lines()
        .map(|line| -> Value { serde_json::from_str(line).unwrap() });
    let modules = lines.filter(|line| line["part"].is_null());
    let names = modules.map(|line| {
        let definition = line["definition"].as_str().unwrap();
        let name = definition.split_whitespace().nth(2).unwrap().to_owned();
        format!("{}.{name}", line["database"].as_str().unwrap_or_default())
    });
    names.collect()
}

/// All that a run concluded: what it printed and every file but the snapshots, how they came to be, and their hashes.
fn concluded(ran: &Ran) -> BTreeMap<String, String> {
    let files = ran.files("out").into_iter();
    let files = files.filter(|f| !f.starts_with("snapshots/") && !f.starts_with("evidence/"));
    let files = files.filter(|f| !matches!(f.as_str(), "manifest.json" | "SHA256SUMS"));
    let mut all: BTreeMap<_, _> = files
        .map(|file| (file.clone(), ran.read(&format!("out/{file}"))))
        .collect();
    all.insert("stdout".to_owned(), ran.stdout.clone());
    all
}

#[track_caller]
fn assert_same(runs: &[Ran]) {
    let all: Vec<_> = runs.iter().map(concluded).collect();
    for other in &all[1..] {
        assert_eq!(
            other.keys().collect::<Vec<_>>(),
            all[0].keys().collect::<Vec<_>>()
        );
        for (file, text) in other {
            assert!(*text == all[0][file], "{file} differs");
        }
    }
}

/// Judges a run's folder again.
fn again(ran: &Ran) -> Cli {
    let (folder, inputs) = (ran.path("out"), ran.path("out/inputs/judgement.json"));
    let (folder, inputs) = (folder.to_str().unwrap(), inputs.to_str().unwrap());
    Cli::new(&["assess", folder, "--inputs", inputs, "-o", "out"]).args(QUIET)
}

#[test]
fn verdicts_do_not_depend_on_how_much_text_is_kept() {
    let runs = CHOICES.map(|choice| demo(&["--definitions", choice]));
    assert_same(&runs);
    let judged_again: Vec<Ran> = runs.iter().map(|ran| again(ran).run().code(0)).collect();
    assert_same(&judged_again);
    let first = runs[0].read("out/assessment.json");
    assert!(judged_again[0].read("out/assessment.json") == first);
    assert!(first.contains("\"excerpt\""));
}

#[test]
fn files_are_named_by_the_hash_of_what_was_written() {
    for choice in CHOICES {
        let ran = demo(&["--definitions", choice]);
        let snapshots = ran.files("out/snapshots");
        let snapshots = snapshots
            .iter()
            .filter_map(|f| f.strip_suffix(".snapshot.json"));
        for target in snapshots {
            let read = |file: &str| ran.read(&format!("out/snapshots/{target}.{file}"));
            let snapshot = Snapshot::from_json(&read("snapshot.json")).unwrap();
            let named = snapshot.module_text;
            let modules = read("modules.jsonl");
            assert_eq!(
                named.sha256,
                sha256_hex(modules.as_bytes()),
                "{choice} {target}"
            );
            assert_eq!(named.modules as usize, modules.lines().count());
            let observations = ran.path(&format!("out/snapshots/{target}.observations.json"));
            assert_eq!(observations.exists(), choice != "all", "{target}");
            let hash = observations
                .exists()
                .then(|| sha256_hex(read("observations.json").as_bytes()));
            assert_eq!(named.observations, hash, "{choice} {target}");
        }
    }
}

#[test]
fn text_that_is_held_back_is_nowhere() {
    let flagged = ["App.dbo.calls", "Tools.dbo.runs", "Tools.dbo.unread"];
    for (choice, expected) in [("flagged", &flagged[..]), ("none", &[])] {
        let ran = audit(&recording(), "", &["--definitions", choice]);
        assert_eq!(kept(&ran, "shop"), expected, "{choice}");
        for file in ran.files("out") {
            let holds = ran.read(&format!("out/{file}")).contains(MARKER);
            let may = choice == "flagged" && file == "snapshots/shop.modules.jsonl";
            assert_eq!(holds, may, "{choice}: {file}");
        }
        assert!(!ran.stdout.contains(MARKER) && !ran.stderr.contains(MARKER));
    }
    let ran = audit(&recording(), "", &[]);
    assert!(kept(&ran, "shop").len() > flagged.len() + 3);
}

#[test]
fn observations_say_what_was_seen_and_by_whom() {
    let ran = audit(&recording(), "", &["--definitions", "none"]);
    let observations = ran.json("out/snapshots/shop.observations.json");
    assert_eq!(observations["schema"], "mssql-posture/observations/v1");
    let analyser = format!("mssql-posture {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(observations["analyser"], analyser.as_str());
    let modules = observations["modules"].as_array().unwrap();
    let with = |sink: &str| -> Vec<&Value> {
        let sinks = modules.iter().flat_map(|m| m["sinks"].as_array().unwrap());
        sinks.filter(|s| s["name"] == sink).collect()
    };
    let commands = with("xp_cmdshell");
    let via = commands.iter().find(|s| s["how"] == "via_module").unwrap();
    assert_eq!(via["via"][0], "dbo.runs");
    assert_eq!(via["excerpt"]["text"], "EXEC Tools.dbo.runs @c");
    // No finding cites it, so its line stays with its text.
    let linked = with("linked_exec");
    assert_eq!(linked.len(), 1);
    assert_eq!(
        (&linked[0]["excerpt"], &linked[0]["command"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(with("dynamic_unresolved").len(), 1);
}

#[test]
fn calls_and_job_steps_outlive_the_text() {
    const JOB: &str = "8C9E6679-7425-40DE-944B-E07FC1F90AE7";
    let mut planted = recording();
    let hidden = planted.add_encrypted_module("App", "dbo.hidden");
    let body = "EXEC dbo.hidden\nEXEC ('EXEC Tools.dbo.runs')";
    let text = format!("CREATE PROCEDURE dbo.above AS\n-- {MARKER}\n{body}\n");
    let above = planted.add_module("App", "dbo.above", "P", &text);
    let step = format!("-- {MARKER}\nEXEC dbo.calls N'dir'\nGO\nEXEC dbo.hidden");
    planted.add_job_step(JOB, "App", &step);
    planted.add_job_step(JOB, "Tools", "EXEC dbo.runs 'sqlcmd -P hunter2'");
    let recorded = planted.finish();
    let id = |database: &str, name: &str| {
        let databases = &recorded.snapshot.databases;
        let database = databases.iter().find(|d| d.name.as_str() == database);
        let mut objects = database.unwrap().objects.seen().iter();
        objects.find(|o| o.name == name).unwrap().object_id
    };
    let call = |database: &str, object_id: i32, dynamic: bool, line: u32| json!({"database": database, "object_id": object_id, "dynamic": dynamic, "line": line});

    let ran = audit(&planted, "", &["--definitions", "none"]);
    let observations = ran.json("out/snapshots/shop.observations.json");
    let modules = observations["modules"].as_array().unwrap();
    let module = modules.iter().find(|m| m["object_id"] == above).unwrap();
    let runs = id("Tools", "runs");
    let expected = [call("App", hidden, false, 3), call("Tools", runs, true, 4)];
    assert_eq!(module["calls"], Value::from(expected.to_vec()));

    let steps = observations["job_steps"].as_array().unwrap();
    let own: Vec<&Value> = steps.iter().filter(|step| step["job_id"] == JOB).collect();
    assert_eq!(own.len(), 2);
    let mut expected = [
        call("App", id("App", "calls"), false, 2),
        call("App", hidden, false, 4),
    ];
    expected.sort_by_key(|call| call["object_id"].as_i64());
    assert_eq!(own[0]["calls"], Value::from(expected.to_vec()));
    assert_eq!(own[0]["sha256"], sha256_hex(step.as_bytes()).as_str());
    let sink = &own[0]["sinks"][0];
    assert_eq!(
        (&sink["name"], &sink["line"]),
        (&json!("xp_cmdshell"), &json!(2))
    );
    assert_eq!(sink["via"], json!(["dbo.calls", "dbo.runs"]));
    assert_eq!(own[1]["calls"], json!([call("Tools", runs, false, 1)]));
    for file in ran.files("out") {
        let text = ran.read(&format!("out/{file}"));
        assert!(
            !text.contains(MARKER) && !text.contains("hunter2"),
            "{file}"
        );
    }
    assert_same(&[audit(&planted, "", &[]), ran]);
}

#[test]
fn what_an_inventory_excludes_is_excluded_whatever_is_kept() {
    let lines = "exclude_databases = [\"Tools\"]";
    let runs = CHOICES.map(|choice| audit(&recording(), lines, &["--definitions", choice]));
    assert_same(&runs);
    assert!(kept(&runs[1], "shop").is_empty());
    let findings = runs[0].assessment().to_string();
    assert!(
        !findings.contains("dbo.runs"),
        "a chain through what was left out"
    );
}

#[test]
fn a_recording_without_text_is_a_recording() {
    let first = audit(&recording(), "", &["--definitions", "none"]);
    let file = |name: &str| first.read(&format!("out/snapshots/shop.{name}"));
    let cli = |args: &[&str], observations: bool| {
        let inventory = "schema = \"mssql-posture/inventory/v1\"\nas_of = \"2026-01-01\"\n\
                         [[target]]\nname = \"shop\"\nsnapshot = \"shop.snapshot.json\"\n";
        let mut cli = Cli::new(&["audit", "estate.toml", "-o", "out"])
            .file("estate.toml", inventory)
            .file("shop.snapshot.json", file("snapshot.json"))
            .file("shop.modules.jsonl", file("modules.jsonl"));
        if observations {
            cli = cli.file("shop.observations.json", file("observations.json"));
        }
        cli.args(QUIET).args(args).run().code(0)
    };
    for choice in CHOICES {
        let ran = cli(&["--definitions", choice], true);
        assert_same(&[cli(&[], true), ran]);
    }
    assert!(cli(&[], true).read("out/assessment.json") == first.read("out/assessment.json"));
    let without = cli(&[], false);
    assert!(without.stderr.contains("cannot read"), "{}", without.stderr);
    assert_eq!(without.instance("shop")["coverage"]["finished"], false);
}

#[test]
fn observations_that_do_not_belong_are_refused_and_lost_ones_are_unknown() {
    let ran = audit(&recording(), "", &["--definitions", "none"]);
    let path = ran.path("out/snapshots/shop.observations.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("xp_cmdshell", "linked_exec")).unwrap();
    again(&ran)
        .run()
        .code(2)
        .says("do not belong to this snapshot");

    std::fs::remove_file(&path).unwrap();
    let lost = again(&ran).run().code(0);
    let verdicts = lost.instance("shop")["verdicts"].to_string();
    assert!(verdicts.contains("which is not among the files given"));
    assert!(!verdicts.contains("\"excerpt\""));

    // Of another analyser, and of another text than the snapshot's.
    let older = text.replace(env!("CARGO_PKG_VERSION"), "0.0.1");
    let hash = |text: &str| sha256_hex(text.as_bytes());
    let rewrite = |from: &str, to: &str| {
        let snapshot = ran.path("out/snapshots/shop.snapshot.json");
        let old = std::fs::read_to_string(&snapshot).unwrap();
        assert!(old.contains(&hash(from)));
        std::fs::write(&snapshot, old.replace(&hash(from), &hash(to))).unwrap();
        std::fs::write(&path, to).unwrap();
    };
    rewrite(&text, &older);
    again(&ran)
        .run()
        .code(0)
        .says("when mssql-posture 0.0.1 had read it");
    let first = text.split("\"sha256\": \"").nth(1).unwrap();
    let other = text.replace(&first[..64], &"0".repeat(64));
    rewrite(&older, &other);
    let unknown = again(&ran).run().code(0);
    let before = ran.assessment()["fleet"]["verdicts"]["unknown"]
        .as_u64()
        .unwrap();
    let now = unknown.assessment()["fleet"]["verdicts"]["unknown"]
        .as_u64()
        .unwrap();
    assert!(
        now > before,
        "an observation of another text counts for nothing"
    );
    let schema = other.replace("observations/v1", "observations/v2");
    rewrite(&other, &schema);
    again(&ran).run().code(2).says("the first field must be");
}

#[test]
fn what_is_collected_is_kept_by_the_same_choice() {
    let server = Instance::new(truth::complete(16, "SRV")).start(Options::default());
    let estate = Estate::new().with("a", &server);
    let runs = CHOICES.map(|choice| {
        let ran = estate.audit(QUIET).args(&["--definitions", choice]);
        ran.run().code(0)
    });
    let [all, flagged, none] = CHOICES.map(|choice| {
        let ran = estate.command("collect", &["--allow-partial", "--definitions", choice]);
        kept(&ran.run().code(0), "a").len()
    });
    assert!(
        all > flagged && flagged > 0 && none == 0,
        "{all} {flagged} {none}"
    );
    for (ran, count) in runs.iter().zip([all, flagged, none]) {
        assert_eq!(kept(ran, "a").len(), count);
    }
    // Nor does it matter how the server numbers sessions, which is as they come.
    let verdicts = |ran: &Ran| ran.instance("a")["verdicts"].as_array().unwrap().clone();
    let with_text = verdicts(&runs[0]);
    for ran in &runs[1..] {
        let without = verdicts(ran);
        for (one, other) in with_text.iter().zip(&without) {
            assert_eq!(one, other);
        }
        assert_eq!(with_text.len(), without.len());
    }
}

#[test]
fn secrets_in_code_leave_only_with_the_code() {
    let secrets = "OPEN SYMMETRIC KEY k DECRYPTION BY PASSWORD = 'hunter2'; EXEC xp_cmdshell @c;\n\
        DECLARE @s nvarchar(200) = N'sqlcmd -S s -U sa -P hunter2 -Q \"SELECT 1\"';\n\
        EXEC xp_cmdshell @s;\n\
        EXEC xp_cmdshell 'x.exe \"Server=s;User Id=sa;Password=hunter2;Database=d\"';\n\
        EXEC (N'xp_cmdshell ''sqlcmd -P ' + N'hunter2 -Q x''');\n\
        EXEC msdb.dbo.sp_add_jobstep @job_name = 'j', @subsystem = 'CmdExec', @command = 'net use z: \\\\s\\s hunter2 /user:u';\n\
        EXEC (@c + N' WITH PASSWORD = ''hunter2''')";
    for choice in CHOICES {
        let mut planted = recording();
        let text = format!("CREATE PROCEDURE dbo.leaks @c nvarchar(200) AS\n{secrets}\n");
        planted.add_module("App", "dbo.leaks", "P", &text);
        let calls = "CREATE PROCEDURE dbo.above AS EXEC dbo.leaks N'sqlcmd -P hunter2 -Q x'";
        planted.add_module("App", "dbo.above", "P", calls);
        let ran = audit(&planted, "", &["--definitions", choice]);
        let shown = ran.assessment().to_string();
        for part in [
            "-P ***",
            "Password=***",
            "BY PASSWORD = '***'",
            "dbo.above",
            "net use z: \\\\\\\\s\\\\s ***",
        ] {
            assert!(shown.contains(part), "{choice}: no {part} in {shown}");
        }
        for file in ran.files("out") {
            let holds = ran.read(&format!("out/{file}")).contains("hunter2");
            let may = file == "snapshots/shop.modules.jsonl" && choice != "none";
            assert_eq!(holds, may, "{choice}: {file}");
        }
        for said in [&ran.stdout, &ran.stderr] {
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
