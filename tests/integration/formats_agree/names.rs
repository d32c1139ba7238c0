//! Which finding is which, in each format that lists them: its rule, its instance, and what it is about.

use std::collections::BTreeMap;

use mssql_posture::report::visible;

use super::damage::Files;
use super::tally::{ESTATE, Verdict, word};
use super::{pages, rows};

/// A format that lists findings.
pub struct Named {
    pub format: &'static str,
    /// What it calls the findings that stand.
    read: fn(&Files) -> Vec<String>,
    /// What it should call one.
    due: fn(&Verdict) -> String,
}

impl Named {
    /// The first finding that is not there as often as it is due, if any.
    pub fn disagreement(&self, files: &Files, verdicts: &[Verdict]) -> Option<String> {
        let failing = verdicts.iter().filter(|verdict| verdict.outcome == "fail");
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for name in failing.map(self.due) {
            counts.entry(name).or_default().0 += 1;
        }
        for name in (self.read)(files) {
            counts.entry(name).or_default().1 += 1;
        }
        let mut off = counts.iter().filter(|(_, (due, told))| due != told);
        let (name, (due, told)) = off.next()?;
        Some(format!(
            "{name}: {told} times, but {due} in assessment.json"
        ))
    }
}

pub const NAMED: &[Named] = &[
    Named {
        format: "jsonl",
        read: jsonl,
        due: as_it_is,
    },
    Named {
        format: "csv",
        read: csv,
        due: as_columns,
    },
    Named {
        format: "xlsx",
        read: xlsx,
        due: as_columns,
    },
    Named {
        format: "oscal",
        read: oscal,
        due: as_columns,
    },
    Named {
        format: "sarif",
        read: sarif,
        due: as_path,
    },
    Named {
        format: "ocsf",
        read: ocsf,
        due: as_path,
    },
    Named {
        format: "html",
        read: html,
        due: as_sentence,
    },
];

fn columns(verdict: &Verdict) -> [&str; 5] {
    let database = verdict.database.as_deref().unwrap_or_default();
    let name = verdict.name.as_deref().unwrap_or_default();
    [
        &verdict.rule,
        &verdict.instance,
        &verdict.kind,
        database,
        name,
    ]
}

fn as_it_is(verdict: &Verdict) -> String {
    columns(verdict).join(" | ")
}

fn as_columns(verdict: &Verdict) -> String {
    columns(verdict).map(visible).join(" | ")
}

fn as_path(verdict: &Verdict) -> String {
    let place = if verdict.instance == ESTATE {
        "estate"
    } else {
        &verdict.instance
    };
    let parts = [
        Some(place),
        verdict.database.as_deref(),
        Some(&verdict.kind),
        verdict.name.as_deref(),
    ];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    format!("{} | {}", verdict.rule, visible(&parts.join("/")))
}

fn as_sentence(verdict: &Verdict) -> String {
    let kind = verdict.kind.replace('_', " ");
    let (name, database) = (verdict.name.as_deref(), verdict.database.as_deref());
    let about = match (name, database) {
        (Some(name), Some(database)) => format!("{kind} {name} in database {database}"),
        (Some(name), None) | (None, Some(name)) => format!("{kind} {name}"),
        (None, None) => kind,
    };
    format!(
        "{} | {} | {}",
        verdict.rule,
        verdict.instance,
        visible(&about)
    )
}

fn jsonl(files: &Files) -> Vec<String> {
    let lines = files.json_lines("reports/verdicts.jsonl").into_iter();
    let failing = lines.filter(|line| line["outcome"] == "fail");
    let name = |line: serde_json::Value| {
        let about = &line["subject"];
        let fields = [
            &line["rule"],
            &line["instance"],
            &about["kind"],
            &about["database"],
            &about["name"],
        ];
        fields.map(word).join(" | ")
    };
    failing.map(name).collect()
}

/// Where a formula would begin, at the start or behind a semicolon, stands an apostrophe more.
fn csv(files: &Files) -> Vec<String> {
    let begins = |part: &str| {
        let part = part.trim_start().trim_start_matches('"');
        part.starts_with(['=', '+', '-', '@', '|', '%'])
    };
    let bare = |part: &str| {
        let bare = part.strip_prefix('\'').filter(|rest| begins(rest));
        bare.unwrap_or(part).to_owned()
    };
    let whole = |cell: &str| cell.split(';').map(bare).collect::<Vec<_>>().join(";");
    let rows = rows::csv_rows(files).into_iter();
    let failing = rows.filter(|row| row["outcome"] == "fail");
    let columns = ["rule", "instance", "subject_kind", "database", "subject"];
    failing
        .map(|row| columns.map(|column| whole(&row[column])).join(" | "))
        .collect()
}

fn xlsx(files: &Files) -> Vec<String> {
    let rows = rows::named(rows::sheet(files, "Findings")).into_iter();
    let failing = rows.filter(|row| row["Outcome"] == "fail");
    let columns = ["Rule", "Instance", "Subject kind", "Database", "Subject"];
    failing
        .map(|row| columns.map(|column| row[column].clone()).join(" | "))
        .collect()
}

fn oscal(files: &Files) -> Vec<String> {
    let all = rows::observations(files).into_iter();
    let failing = all.filter(|props| props["outcome"] == "fail");
    let names = [
        "rule",
        "instance",
        "subject-kind",
        "subject-database",
        "subject",
    ];
    let name = |of: BTreeMap<String, String>| {
        names
            .map(|name| of.get(name).cloned().unwrap_or_default())
            .join(" | ")
    };
    failing.map(name).collect()
}

fn sarif(files: &Files) -> Vec<String> {
    let results = rows::sarif_results(files).into_iter();
    let failing = results.filter(|result| result["properties"]["outcome"] == "fail");
    let name = |result: serde_json::Value| {
        let place = &result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
        format!("{} | {}", word(&result["ruleId"]), word(place))
    };
    failing.map(name).collect()
}

/// An event about an instance as a whole has one resource, and does not say its kind.
fn ocsf(files: &Files) -> Vec<String> {
    let events = rows::events(files).into_iter();
    let failing = events.filter(|event| event["status_code"] == "fail");
    let name = |event: serde_json::Value| {
        let resources = event["resources"].as_array().unwrap();
        let uid = word(&resources.last().unwrap()["uid"]);
        let whole = if resources.len() == 1 {
            "/instance"
        } else {
            ""
        };
        format!("{} | {uid}{whole}", word(&event["metadata"]["event_code"]))
    };
    failing.map(name).collect()
}

fn html(files: &Files) -> Vec<String> {
    let listed = pages::html_findings(files).into_iter();
    let standing = listed.filter(|own| !own.is_accepted);
    standing
        .map(|own| format!("{} | {} | {}", own.rule, own.instance, own.about))
        .collect()
}
