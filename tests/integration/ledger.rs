//! evidence/: where each listing comes from, by which question, as whom, when, how many rows, and what is not in it.

use std::collections::BTreeSet;

use mssql_posture::collect;
use mssql_posture::snapshot::sha256_hex;
use serde_json::{Value, json};

use crate::evidence::{forged, resealed, stock, verify};
use crate::support::cli::{Cli, Ran};
use crate::support::estate::{Estate, closed_port};
use crate::support::instance::{Instance, USER};
use crate::support::tds_server::Options;
use crate::support::truth;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");

fn demo(args: &[&str]) -> Ran {
    let audit = ["audit", DEMO, "-o", "out", "--format", "json"];
    Cli::new(&[&audit, args].concat()).run()
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn every_listing_says_where_it_comes_from() {
    let ran = demo(&[]).code(3);
    for instance in list(&ran.assessment(), "instances") {
        let id = instance["id"].as_str().unwrap();
        let path = format!("evidence/{id}.evidence.json");
        let evidence = ran.json(&format!("out/{path}"));
        assert_eq!(evidence["schema"], "mssql-posture/evidence/v1");
        let place = format!("snapshots/{id}.snapshot.json");
        let text = ran.read(&format!("out/{place}"));
        let snapshot: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            evidence["snapshot"],
            json!({"path": place, "sha256": sha256_hex(text.as_bytes())})
        );
        assert_eq!(evidence["source"]["reported"], instance["reported"]);
        let coverage = &instance["coverage"];
        let databases = &evidence["completeness"]["databases"];
        for (here, there) in [("listed", "databases"), ("read", "databases_read")] {
            assert_eq!(databases[here], coverage[there], "{id}: {here}");
        }
        assert_eq!(
            databases["excluded"], coverage["databases_excluded"],
            "{id}"
        );
        let unsettled = list(&evidence["completeness"], "unsettled");
        for missing in list(coverage, "missing") {
            assert!(unsettled.contains(missing), "{id}: {missing}");
        }

        let queries = list(&evidence, "queries");
        assert_eq!(queries.len(), list(&snapshot, "queries").len());
        let mut pointers = BTreeSet::new();
        for query in queries {
            let text = ran.read(&format!(
                "out/evidence/queries/{}.sql",
                query["sha256"].as_str().unwrap()
            ));
            let own = collect::queries().iter().find(|own| own.text == text);
            assert_eq!(own.unwrap().name, query["query"]);
            let result = &query["result"];
            let pointer = result["pointer"].as_str().unwrap();
            let held = snapshot.pointer(pointer).unwrap();
            assert_eq!(held["state"], result["state"], "{id}: {pointer}");
            if query["outcome"] == "answered" {
                assert_eq!(query["rows"], result["rows"], "{id}: {pointer}");
            }
            assert!(query["by_server_clock"][0].as_str() < query["by_server_clock"][1].as_str());
            pointers.insert(pointer.to_owned());
        }
        assert_eq!(pointers.len(), queries.len(), "{id}: each result once");
    }
    let finance = ran.json("out/evidence/finance-2019.evidence.json");
    let databases = &finance["completeness"]["databases"];
    assert_eq!(databases["excluded"], json!(["Scratch"]));
    let legal = ran.json("out/evidence/legal-2022.evidence.json");
    let facts = &legal["completeness"]["facts"];
    assert!(
        facts["partial"].as_u64() > Some(0) && facts["denied"].as_u64() > Some(0),
        "{facts}"
    );
    let refused = list(&legal, "queries")
        .iter()
        .filter(|q| q["outcome"] == "failed");
    for query in refused {
        assert!(
            query["error"]["text"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{query}"
        );
    }
}

#[test]
fn a_run_says_what_it_was_and_what_it_reached() {
    let server = Instance::new(truth::complete(16, "SRV")).start(Options::default());
    let estate = Estate::new()
        .with("a", &server)
        .with("again", &server)
        .at("gone", closed_port(), "")
        .at("later", closed_port(), "");
    let ran = estate.audit(&["--exclude", "later"]).run().code(3);
    let run = ran.json("out/evidence/run.json");
    let inventory = ran.read("estate.toml");
    assert_eq!(
        run["inventory"],
        json!({"path": "estate.toml", "sha256": sha256_hex(inventory.as_bytes())})
    );
    let binary = std::fs::read(env!("CARGO_BIN_EXE_mssql-posture")).unwrap();
    assert_eq!(run["tool"]["binary_sha256"], sha256_hex(&binary));
    assert_eq!(run["run_id"].as_str().unwrap().len(), 36);
    assert!(
        run["operator"].is_string() && run["os"].is_string(),
        "{run}"
    );
    let whole = &run["completeness"];
    for (state, due) in [
        ("in_scope", 3),
        ("finished", 1),
        ("same_as", 1),
        ("unreached", 1),
    ] {
        assert_eq!(whole[state], due, "{state}: {whole}");
    }
    assert_eq!(whole["not_selected"], json!(["later"]));
    let gone = list(whole, "targets")
        .iter()
        .find(|t| t["target"] == "gone");
    assert!(gone.unwrap()["outcome"]["why"].is_string(), "{whole}");
    let again = estate.audit(&["--exclude", "later"]).run().code(3);
    assert_ne!(again.json("out/evidence/run.json")["run_id"], run["run_id"]);

    let evidence = ran.json("out/evidence/a.evidence.json");
    assert_eq!(
        evidence["login"]["session"]["value"]["original_login"],
        USER
    );
    assert_eq!(evidence["method"], "connection");
    // The recording's clock has a day of its own, a second later with each session.
    let clock = &evidence["source"]["reported"]["clock"];
    let said = clock["server"].as_str().unwrap();
    assert!(said.starts_with("2026-05-06T07:08:"), "{said}");
    assert!(clock["skew_least_ms"].as_i64() <= clock["skew_most_ms"].as_i64());
    let asked_again = list(&evidence, "queries").iter();
    let sessions: Vec<&Value> = asked_again.filter(|q| q["query"] == "session").collect();
    assert!(sessions.len() > 1, "greeted and asked again");
    assert!(sessions[0]["result"].is_object());
    assert!(sessions[1..].iter().all(|q| q["result"].is_null()));
    let said = verify(&ran.path("out"), None).code(0);
    assert!(
        said.stdout.contains("files of evidence/ follow"),
        "{}",
        said.stdout
    );
}

#[test]
fn what_was_only_collected_or_imported_has_its_evidence_too() {
    let server = Instance::new(truth::complete(16, "SRV")).start(Options::default());
    let estate = Estate::new().with_lines("a", &server, "exclude_databases = [\"model\"]");
    let ran = estate.collect(&["--allow-partial"]).run().code(0);
    let said = verify(&ran.path("out"), None).code(0).stdout;
    assert!(
        said.contains("no verdicts: ") && said.contains("follow from the snapshots"),
        "{said}"
    );
    let evidence = ran.json("out/evidence/a.evidence.json");
    assert_eq!(
        evidence["completeness"]["databases"]["excluded"],
        json!(["model"])
    );

    let printed = server.messages(&collect::offline::script().text).join("\n") + "\n";
    let ran = Cli::new(&["import", "out.txt", "-o", "out", "--allow-partial"])
        .file("out.txt", printed)
        .run()
        .code(0);
    let evidence = ran.json("out/evidence/SRV.evidence.json");
    assert_eq!(
        (&evidence["method"], &evidence["clock"]),
        (&json!("script"), &json!("server"))
    );
    assert_eq!(evidence["offline"]["login"], USER);
    assert!(evidence["source"]["reported"]["clock"].is_null());
    assert_eq!(ran.json("out/evidence/run.json")["command"], "import");
    verify(&ran.path("out"), None).code(0);
}

#[test]
fn evidence_that_does_not_follow_is_named() {
    let ran = demo(&["--only", "crm-2012", "--only", "finance-2019"]).code(1);
    let out = ran.path("out");
    verify(&out, None).code(0);
    let of_statement = |files: &[String]| {
        let mut files = files.iter();
        files
            .find(|file| file.starts_with("evidence/queries/"))
            .unwrap()
            .clone()
    };
    let statement = of_statement(&ran.files("out"));
    let named = |number: usize, path: &str, change: &dyn Fn(String) -> String| {
        let to = ran.path(&format!("forged-{number}"));
        forged(&out, &to, path, change);
        let said = verify(&to, None).code(1).stdout;
        assert!(
            said.starts_with(&format!("NOT AS IT WAS: {path}")),
            "{path}: {said}"
        );
    };
    let login = |text: String| text.replacen("\"is_sysadmin\": false", "\"is_sysadmin\": true", 1);
    named(1, "evidence/crm-2012.evidence.json", &login);
    let left_out = |text: String| text.replacen("\"Scratch\"", "\"Ledger\"", 1);
    named(2, "evidence/finance-2019.evidence.json", &left_out);
    named(3, &statement, &|text| text + " WHERE 1 = 0");
    let reached = |text: String| text.replacen("\"in_scope\": 2", "\"in_scope\": 3", 1);
    named(4, "evidence/run.json", &reached);
    named(5, "evidence/run.json", &|text| {
        text.replacen("\"not_selected\": [", "\"not_chosen\": [", 1)
    });

    // One file more.
    resealed(&out, &ran.path("more"), |files| {
        files.insert("evidence/x.evidence.json".to_owned(), b"{}\n".into());
    });
    let said = verify(&ran.path("more"), None).code(1).stdout;
    assert!(
        said.starts_with("NOT AS IT WAS: evidence/x.evidence.json"),
        "{said}"
    );
}

/// Anybody can hash what the file points at: with no tool of ours.
const CHECK_RESULTS: &str = "
import hashlib, json, sys
evidence = json.load(open(sys.argv[1], encoding='utf-8'))
snapshot = json.load(open(evidence['snapshot']['path'], encoding='utf-8'))
checked = 0
for query in evidence['queries']:
    value = snapshot
    for part in query['result']['pointer'].split('/')[1:]:
        value = value[int(part)] if isinstance(value, list) else value[part]
    text = json.dumps(value, ensure_ascii=False, separators=(',', ':'))
    assert hashlib.sha256(text.encode()).hexdigest() == query['result']['sha256'], query
    checked += 1
assert checked > 50, checked
";

#[test]
fn stock_python_finds_the_same_hashes_of_results() {
    let ran = demo(&["--only", "portal-2022"]).code(1);
    let out = ran.path("out");
    stock(
        "python3",
        &out,
        &["-c", CHECK_RESULTS, "evidence/portal-2022.evidence.json"],
    );
}
