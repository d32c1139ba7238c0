//! What formats for programs tell.

use std::collections::BTreeMap;

use serde_json::Value;

use super::damage::{Files, Sheet};
use super::tally::{ADMINISTRATOR, ALL, ESTATE, Tally, add, word};

pub const SARIF: &str = "reports/results.sarif";
pub const OSCAL: &str = "reports/oscal-assessment-results.json";
pub const OPENGRAPH: &str = "reports/opengraph.json";
/// A node of a graph at which a command is run.
pub const COMMAND: &str = "MSSQLPosture_Command";

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// One of each key.
pub fn counted(keys: impl Iterator<Item = [String; 3]>) -> Tally {
    keys.fold(Tally::new(), |mut tally, key| {
        *tally.entry(key).or_default() += 1;
        tally
    })
}

pub fn fleet(files: &Files) -> Tally {
    let fleet = &files.json("assessment.json")["fleet"];
    let mut tally = Tally::new();
    for (outcome, number) in fleet["verdicts"].as_object().unwrap() {
        add(&mut tally, [ALL, outcome, ALL], as_number(number));
    }
    for (severity, number) in fleet["findings"].as_object().unwrap() {
        add(&mut tally, [ALL, "fail", severity], as_number(number));
    }
    tally
}

fn as_number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

pub fn jsonl(files: &Files) -> Tally {
    let lines = files.json_lines("reports/verdicts.jsonl").into_iter();
    counted(lines.map(|line| ["instance", "outcome", "severity"].map(|field| word(&line[field]))))
}

/// Rows by the names of their columns.
pub fn named(mut rows: Sheet) -> Vec<BTreeMap<String, String>> {
    let headings = rows.remove(0);
    let row = |cells: Vec<String>| headings.iter().cloned().zip(cells).collect();
    rows.into_iter().map(row).collect()
}

pub fn csv_rows(files: &Files) -> Vec<BTreeMap<String, String>> {
    let text = files.text("reports/verdicts.csv");
    let mut form = csv::ReaderBuilder::new();
    let mut rows = form.has_headers(false).from_reader(text.as_bytes());
    let rows = rows
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    named(rows.collect())
}

pub fn csv(files: &Files) -> Tally {
    let rows = csv_rows(files).into_iter();
    counted(rows.map(|row| ["instance", "outcome", "severity"].map(|column| row[column].clone())))
}

pub fn sheet(files: &Files, name: &str) -> Sheet {
    let mut sheets = files.sheets().into_iter();
    sheets.find(|(own, _)| own == name).unwrap().1
}

pub fn findings(files: &Files) -> Tally {
    let rows = named(sheet(files, "Findings")).into_iter();
    counted(rows.map(|row| ["Instance", "Outcome", "Severity"].map(|column| row[column].clone())))
}

pub fn summary_sheet(files: &Files) -> Tally {
    let mut tally = Tally::new();
    for row in sheet(files, "Summary") {
        let Some((what, which)) = row[0].split_once(": ") else {
            continue;
        };
        let number = row[1].parse().unwrap();
        match what {
            "Verdicts" => add(&mut tally, [ALL, which, ALL], number),
            _ => add(&mut tally, [ALL, "fail", which], number),
        }
    }
    tally
}

pub fn sarif_results(files: &Files) -> Vec<Value> {
    list(&files.json(SARIF)["runs"][0]["results"]).to_vec()
}

/// By what GitHub and others look at, kind and suppression, which must say the same as our own property.
pub fn sarif(files: &Files) -> Tally {
    let results = sarif_results(files).into_iter();
    counted(results.map(|result| {
        let own = &result["properties"];
        let is_accepted = !list(&result["suppressions"]).is_empty();
        let outcome = match (word(&result["kind"]).as_str(), is_accepted) {
            ("fail", true) => "accepted",
            ("fail", false) => "fail",
            ("open", false) => "unknown",
            ("notApplicable", false) => "not_applicable",
            ("pass", false) => "pass",
            other => panic!("{other:?}"),
        };
        assert_eq!(own["outcome"], outcome);
        [
            word(&own["instance"]),
            outcome.to_owned(),
            word(&own["severity"]),
        ]
    }))
}

/// An observation's properties, with `instance` by the component that it is about.
pub fn observations(files: &Files) -> Vec<BTreeMap<String, String>> {
    let document = files.json(OSCAL);
    let result = &document["assessment-results"]["results"][0];
    let components = list(&result["local-definitions"]["components"]).iter();
    let titles: BTreeMap<String, String> = components
        .map(|one| (word(&one["uuid"]), word(&one["title"])))
        .collect();
    let observations = list(&result["observations"]).iter().map(|one| {
        let props = list(&one["props"]).iter();
        let mut props: BTreeMap<String, String> = props
            .map(|prop| (word(&prop["name"]), word(&prop["value"])))
            .collect();
        let title = &titles[&word(&one["subjects"][0]["subject-uuid"])];
        let instance = if title == "Estate" { ESTATE } else { title };
        props.insert("instance".to_owned(), instance.to_owned());
        props
    });
    // A human's answer to a control is an observation without an outcome.
    observations
        .filter(|props| props.contains_key("outcome"))
        .collect()
}

pub fn oscal(files: &Files) -> Tally {
    let all = observations(files).into_iter();
    counted(all.map(|props| ["instance", "outcome", "severity"].map(|name| props[name].clone())))
}

pub fn events(files: &Files) -> Vec<Value> {
    files.json_lines("reports/ocsf.jsonl")
}

pub fn ocsf(files: &Files) -> Tally {
    let events = events(files).into_iter();
    counted(events.map(|event| {
        let place = &event["resources"][0];
        let is_estate = place["type"] == "SQL Server estate";
        let instance = if is_estate {
            ESTATE.to_owned()
        } else {
            word(&place["uid"])
        };
        let outcome = word(&event["status_code"]);
        assert_eq!(event["compliance"]["status_code"], outcome.as_str());
        [instance, outcome, word(&event["unmapped"]["rule_severity"])]
    }))
}

/// `…; verdicts: fail 48, unknown 0, accepted 0, pass 62, not_applicable 14`.
pub fn cklb(files: &Files) -> Tally {
    let mut tally = Tally::new();
    let paths = files
        .0
        .keys()
        .filter(|path| path.ends_with(".instance.cklb"));
    for path in paths {
        let about = &files.json(path)["target_data"];
        let said = word(&about["comments"]);
        let numbers = said.split_once("verdicts: ").unwrap().1;
        for number in numbers.split(", ") {
            let (outcome, number) = number.split_once(' ').unwrap();
            let instance = word(&about["web_db_instance"]);
            add(
                &mut tally,
                [&instance, outcome, ALL],
                number.parse().unwrap(),
            );
        }
    }
    tally
}

/// `posture:command:xp_cmdshell@sqlportal01:1433`.
pub fn channels(files: &Files) -> Tally {
    let graph = files.json(OPENGRAPH);
    let nodes = list(&graph["graph"]["nodes"]).iter();
    let commands = nodes.filter(|node| node["kinds"][0] == COMMAND);
    counted(commands.map(|node| {
        let id = word(&node["id"]);
        let channel = id.strip_prefix("posture:command:").unwrap();
        let channel = channel.split('@').next().unwrap().to_owned();
        [
            word(&node["properties"]["instance"]),
            "reached".to_owned(),
            channel,
        ]
    }))
}

/// Several edges may stand for one step, so each sentence counts once.
pub fn steps(files: &Files) -> Tally {
    let graph = files.json(OPENGRAPH);
    let nodes = list(&graph["graph"]["nodes"]).iter();
    let places: BTreeMap<String, String> = nodes
        .map(|node| (word(&node["id"]), word(&node["properties"]["instance"])))
        .collect();
    let edges = list(&graph["graph"]["edges"]).iter();
    let steps = edges.filter(|edge| {
        let step = &edge["properties"]["step"];
        step.is_string() && *step != ADMINISTRATOR
    });
    let steps = steps.map(|edge| {
        let instance = places[&word(&edge["start"]["value"])].clone();
        [
            instance,
            "step".to_owned(),
            word(&edge["properties"]["sentence"]),
        ]
    });
    let steps: std::collections::BTreeSet<_> = steps.collect();
    counted(steps.into_iter())
}
