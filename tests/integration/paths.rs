//! `paths`: the demo estate's chains in every form, from recordings, bundles and inventories.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::cli::{Cli, Ran};
use crate::support::estate::Estate;
use crate::support::instance::Instance;
use crate::support::tds_server::Options;
use crate::support::truth;

fn at(relative: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(relative).to_str().unwrap().to_owned()
}

fn demo(args: &[&str]) -> Cli {
    Cli::new(&["paths", &at("inventory/demo.toml")]).args(args)
}

fn recording(name: &str, args: &[&str]) -> Cli {
    let file = at(&format!("inventory/recordings/{name}.snapshot.json"));
    Cli::new(&["paths", &file]).args(args)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Instance, channel and path of every way.
fn ways(report: &Value) -> Vec<(&str, &str, &Value)> {
    let instances = report["instances"].as_array().unwrap().iter();
    let mut ways = Vec::new();
    for instance in instances {
        for route in instance["routes"].as_array().unwrap() {
            for path in route["paths"].as_array().unwrap() {
                let channel = route["channel"].as_str().unwrap();
                ways.push((instance["id"].as_str().unwrap(), channel, path));
            }
        }
    }
    ways
}

#[test]
fn the_top_paths_of_the_demo_are_those_written_by_hand() {
    let ran = demo(&[]).env("COLUMNS", "200").run().code(3);
    let sections = ran.stdout.split("\n\n");
    let chains = sections.filter(|s| s.lines().nth(1).is_some_and(|l| l.starts_with("  1.")));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = words(&chains.collect::<Vec<_>>().join("\n"));
    let expected = std::fs::read_to_string(at("tests/fixtures/paths_demo.txt")).unwrap();
    let expected = expected.lines().filter(|line| !line.starts_with('#'));
    let expected = words(&expected.collect::<Vec<_>>().join("\n"));
    assert_eq!(told, expected, "{}", ran.stdout);
}

#[test]
fn two_runs_give_the_same_bytes_in_every_form() {
    for format in ["table", "tree", "json", "dot", "opengraph"] {
        let run = || demo(&["--format", format]).run().code(3).stdout;
        let first = run();
        assert!(!first.is_empty() && first.ends_with('\n') && !first.contains('\u{1b}'));
        assert_eq!(first, run(), "{format}");
    }
}

#[test]
fn what_was_not_seen_is_said_and_ends_with_3() {
    let ran = demo(&[]).run().code(3);
    let line = ran
        .stdout
        .lines()
        .find(|l| l.starts_with("legal-2022: not seen:"));
    assert!(line.is_some(), "{}", ran.stdout);
    let gaps = |ran: &Ran, at: usize| json(ran)["instances"][at]["gaps"].as_array().unwrap().len();
    let ran = recording("legal-2022", &["--format", "json"]).run().code(3);
    assert!(gaps(&ran, 0) > 3);
    let ran = recording("vault-2022", &["--format", "json"]).run().code(0);
    assert_eq!(gaps(&ran, 0), 0);
    recording("vault-2022", &[]).run().code(0);
}

#[test]
fn a_bundle_and_its_inventory_tell_the_same() {
    let inventory = demo(&["--format", "json"]).run().code(3);
    let bundle = Cli::new(&["audit", &at("inventory/demo.toml"), "-o", "out"]).run();
    let paths = |input: &str| {
        let input = bundle.path(input);
        Cli::new(&["paths", input.to_str().unwrap(), "--format", "json"])
            .run()
            .code(3)
            .stdout
    };
    assert_eq!(paths("out"), inventory.stdout);
    // A folder of snapshots says nothing of what is left out, so that finance-2019's Scratch is looked at too.
    let snapshots = paths("out/snapshots");
    assert!(snapshots.contains("\"crm_app\"") && snapshots.len() >= inventory.stdout.len());
    let lost = bundle.path("out/snapshots/vault-2022.snapshot.json");
    std::fs::remove_file(lost).unwrap();
    assert!(paths("out").contains("there is no snapshot of it among those given"));
}

#[test]
fn filters_leave_what_was_asked_for() {
    let ran = demo(&[
        "--format",
        "json",
        "--channel",
        "clr",
        "--channel",
        "xp_cmdshell",
    ])
    .run();
    let report = json(&ran.code(3));
    let channels: BTreeSet<&str> = ways(&report).iter().map(|way| way.1).collect();
    assert_eq!(channels, BTreeSet::from(["clr", "xp_cmdshell"]));

    let report = json(
        &demo(&["--format", "json", "--max-steps", "3"])
            .run()
            .code(3),
    );
    let lengths: Vec<usize> = ways(&report)
        .iter()
        .map(|(.., path)| {
            let arming = path["arming"].as_array().map_or(0, Vec::len);
            path["steps"].as_array().unwrap().len() + arming
        })
        .collect();
    assert!(!lengths.is_empty() && lengths.iter().all(|steps| *steps <= 3));

    for name in ["portal_app", "PORTAL_APP"] {
        let ran = demo(&["--format", "json", "--from", name]).run().code(3);
        let report = json(&ran);
        let who: BTreeSet<(&str, &str)> = ways(&report)
            .iter()
            .map(|(id, _, path)| (*id, path["principal"]["name"].as_str().unwrap()))
            .collect();
        assert_eq!(who, BTreeSet::from([("portal-2022", "portal_app")]));
    }
}

#[test]
fn an_administrator_is_told_when_he_is_asked_for() {
    let all = json(
        &recording("portal-2022", &["--format", "json"])
            .run()
            .code(0),
    );
    assert!(
        ways(&all)
            .iter()
            .all(|(.., p)| p["principal"]["name"] != "svc_backup2")
    );
    let args = ["--format", "json", "--from", "svc_backup2"];
    let asked = json(&recording("portal-2022", &args).run().code(0));
    let steps = ways(&asked)[0].2["steps"].clone();
    assert_eq!(steps[0]["kind"], "member");
    assert_eq!(steps[0]["to"]["kind"], "sysadmin");
    assert_eq!(
        asked["instances"][0]["routes"][0]["reached_by"],
        all["instances"][0]["routes"][0]["reached_by"]
    );
}

#[test]
fn ways_lead_to_places_too() {
    for (to, kind) in [
        ("sysadmin", "sysadmin"),
        ("dbo of Portal", "dbo"),
        ("Portal.dbo", "dbo"),
        ("Portal.db_owner", "database_role"),
        ("sa", "login"),
    ] {
        let args = ["--format", "json", "--to", to, "--from", "portal_app"];
        let report = json(&recording("portal-2022", &args).run().code(0));
        let goal = &report["instances"][0]["goals"][0];
        assert_eq!(goal["to"]["kind"], kind, "{to}");
        let path = &goal["paths"][0];
        assert_eq!(path["state"], "open", "{to}: {goal}");
        assert_eq!(
            path["steps"].as_array().unwrap().last().unwrap()["to"],
            goal["to"]
        );
        assert!(
            report["instances"][0]["routes"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
    let table = recording("portal-2022", &["--to", "sysadmin"])
        .run()
        .code(0)
        .stdout;
    assert!(
        table.contains("portal_app on portal-2022: open, 5 steps to sysadmin"),
        "{table}"
    );
}

#[test]
fn mistakes_end_with_2_and_say_what_is_meant() {
    for (args, says) in [
        (&["--from", "portl_app"][..], "Is portal_app meant?"),
        (&["--to", "Portal.nobody_of_that_name"], "Db.user"),
        (&["--channel", "xp_cmdshel"], "possible values"),
        (&["--format", "svg"], "possible values"),
        (&["--max-steps", "0"], "--max-steps"),
        (&["--to", "sa", "--channel", "clr"], "cannot be used with"),
    ] {
        let ran = demo(args).run().code(2).says(says);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    let both = [&at("inventory/demo.toml"), &at("inventory/recordings")];
    Cli::new(&["paths", both[0], both[1]])
        .run()
        .code(2)
        .says("an inventory is given alone");
    Cli::new(&["paths", "missing.toml"])
        .run()
        .code(2)
        .says("cannot read the inventory missing.toml");
    Cli::new(&["paths"]).run().code(2).says("required");
}

#[test]
fn a_target_that_was_not_reached_is_named() {
    let ran = Cli::new(&["paths", "estate.toml"])
        .file(
            "estate.toml",
            "schema = \"mssql-posture/inventory/v1\"\n[[target]]\nname = \"gone\"\nsnapshot = \"gone.snapshot.json\"\n",
        )
        .run()
        .code(3);
    assert!(ran.stdout.contains("gone: not seen: "), "{}", ran.stdout);
    assert_eq!(ran.files(""), ["estate.toml"], "nothing is left behind");
}

#[test]
fn servers_are_asked_as_audit_asks_them_and_nothing_is_left_behind() {
    let recording = truth::complete(16, "SRV1");
    let server = Instance::new(recording).start(Options::default());
    let estate = Estate::new().with("live", &server);
    let collected = estate.collect(&[]).run();
    let snapshots = collected.path("out/snapshots");
    let args = ["paths", snapshots.to_str().unwrap(), "--format", "json"];
    let recorded = Cli::new(&args).run();
    let live = estate
        .look("paths", &["--format", "json"])
        .env("TMPDIR", ".")
        .run()
        .code(recorded.code);
    assert_eq!(live.stdout, recorded.stdout);
    assert!(json(&live)["instances"][0].get("not_reached").is_none());
    assert_eq!(live.files(""), ["ca.pem", "estate.toml"]);

    let nobody = estate.at("nobody", 1, "");
    let ran = nobody.look("paths", &[]).run().code(3);
    assert!(ran.stdout.contains("nobody: not seen: "), "{}", ran.stdout);
}

#[test]
fn opengraph_of_the_demo_is_whole_and_leads_wherever_the_ways_lead() {
    let graph = json(&demo(&["--format", "opengraph"]).run().code(3));
    assert_eq!(graph["metadata"]["source_kind"], "MSSQL");
    let nodes = graph["graph"]["nodes"].as_array().unwrap();
    let ids: BTreeSet<&str> = nodes
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), nodes.len());
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in graph["graph"]["edges"].as_array().unwrap() {
        let end = |name: &str| edge[name]["value"].as_str().unwrap();
        assert!(
            ids.contains(end("start")) && ids.contains(end("end")),
            "{edge}"
        );
        next.entry(end("start")).or_default().push(end("end"));
    }
    let reached = |from: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = ids.get(from).into_iter().copied().collect();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(next.get(id).into_iter().flatten());
            }
        }
        seen
    };
    // The server's id is the machine's name and, where it is a named instance, its name.
    let servers = BTreeMap::from([
        ("crm-2012", "crm-pc7:SQLEXPRESS"),
        ("billing-2016", "sqlbill01:BILLING"),
        ("portal-2022", "sqlportal01:1433"),
    ]);
    let report = json(&demo(&["--format", "json"]).run().code(3));
    let mut checked = 0;
    for (instance, channel, path) in ways(&report) {
        let Some(server) = servers.get(instance) else {
            continue;
        };
        let name = path["principal"]["name"].as_str().unwrap();
        let goal = format!("posture:command:{channel}@{server}");
        let seen = reached(&format!("{name}@{server}"));
        assert!(seen.contains(goal.as_str()), "{name} does not reach {goal}");
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn dot_is_read_by_graphviz() {
    let text = demo(&["--format", "dot"]).run().code(3).stdout;
    assert_eq!(text.matches('{').count(), text.matches('}').count());
    let dot = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut dot) = dot else {
        #[allow(clippy::print_stdout)] // says that nothing was checked
        {
            println!("skipped: Graphviz (dot) is not installed");
        }
        return;
    };
    dot.stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = dot.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("</svg>"));
}

#[test]
fn the_tree_begins_shared_chains_once() {
    let text = recording("portal-2022", &["--format", "tree"])
        .run()
        .code(0)
        .stdout;
    assert_eq!(
        text.matches("portal_app enters as user portal_app").count(),
        1,
        "{text}"
    );
    assert!(text.contains("open: sysadmin may run xp_cmdshell"));
}

#[test]
fn lines_of_the_table_fit() {
    for width in [80_usize, 200] {
        let ran = demo(&["--all"]).env("COLUMNS", &width.to_string()).run();
        for line in ran.stdout.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn its_schema_is_printed() {
    let schema = json(&Cli::new(&["schema", "paths"]).run().code(0));
    assert_eq!(schema["title"], "PathsReport");
    let report = json(&recording("vault-2022", &["--format", "json"]).run().code(0));
    assert_eq!(report["schema"], "mssql-posture/paths/v1");
    for field in report.as_object().unwrap().keys() {
        assert!(schema["properties"][field].is_object(), "{field}");
    }
}
