//! Every place in every format where verdicts are counted or listed: how finely, how it is read, and a change in it
//! that must be noticed.

use std::fmt;

use serde_json::Value;

use super::damage::{Damage, Files};
use super::tally::{Due, Grain, Tally, Whose};
use super::{documents, pages, rows};

use Damage::{Item, Line, Number, Row, Text};
use Due::{Channels, Steps, Verdicts};

/// Something in a format that can be counted.
pub struct Account {
    pub format: &'static str,
    pub of: &'static str,
    /// Whether it names what it counts.
    pub lists: bool,
    pub due: Due,
    pub read: fn(&Files) -> Tally,
    pub damage: Damage,
}

impl fmt::Display for Account {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.format, self.of)
    }
}

const OUTCOMES: &[&str] = &["accepted", "fail", "not_applicable", "pass", "unknown"];
const FAIL: &[&str] = &["fail"];

const fn grain(
    whose: Whose,
    outcomes: &'static [&'static str],
    each: bool,
    severity: bool,
) -> Grain {
    Grain {
        whose,
        outcomes,
        each,
        severity,
    }
}

/// All that a verdict is counted by.
const WHOLE: Due = Verdicts(&[grain(Whose::All, OUTCOMES, true, true)]);
const FAILS_OF_ALL: Grain = grain(Whose::All, FAIL, false, true);
const OUTCOMES_OF_ALL: Grain = grain(Whose::All, OUTCOMES, false, false);
const HEADLINE: Due = Verdicts(&[
    FAILS_OF_ALL,
    grain(Whose::All, &["unknown", "accepted"], false, false),
]);
const PER_INSTANCE: Due = Verdicts(&[
    grain(Whose::Instances, FAIL, true, true),
    grain(Whose::Instances, &["unknown"], true, false),
]);
/// What a report for people lists one by one: what is unknown stands there by what would settle it.
const LISTED: Due = Verdicts(&[
    grain(Whose::All, FAIL, true, true),
    grain(Whose::Instances, &["accepted"], true, true),
    grain(Whose::Instances, &["pass", "not_applicable"], true, false),
]);

const fn counted(
    format: &'static str,
    of: &'static str,
    due: Due,
    read: fn(&Files) -> Tally,
    damage: Damage,
) -> Account {
    Account {
        format,
        of,
        lists: false,
        due,
        read,
        damage,
    }
}

const fn listed(
    format: &'static str,
    of: &'static str,
    due: Due,
    read: fn(&Files) -> Tally,
    damage: Damage,
) -> Account {
    Account {
        format,
        of,
        lists: true,
        due,
        read,
        damage,
    }
}

fn fails(verdict: &Value) -> bool {
    let props = verdict["props"].as_array().into_iter().flatten();
    let mut outcomes = props.filter(|prop| prop["name"] == "outcome");
    verdict["properties"]["outcome"] == "fail" || outcomes.any(|prop| prop["value"] == "fail")
}

fn is_command(node: &Value) -> bool {
    node["kinds"][0] == rows::COMMAND
}

fn owns(edge: &Value) -> bool {
    edge["properties"]["step"] == "database_owner"
}

pub const ACCOUNTS: &[Account] = &[
    counted(
        "table",
        "the row of each instance",
        PER_INSTANCE,
        documents::table_instances,
        Number("stdout", &["portal-2022 ", "critical "]),
    ),
    counted(
        "table",
        "the last line",
        HEADLINE,
        documents::table_closing,
        Number("stdout", &["Found: "]),
    ),
    counted(
        "json",
        "the fleet",
        Verdicts(&[FAILS_OF_ALL, OUTCOMES_OF_ALL]),
        rows::fleet,
        Number(
            "assessment.json",
            &["\"fleet\": {", "\"findings\": {", "\"high\": "],
        ),
    ),
    listed(
        "jsonl",
        "lines",
        WHOLE,
        rows::jsonl,
        Line("reports/verdicts.jsonl", &["\"outcome\":\"fail\""]),
    ),
    listed(
        "csv",
        "rows",
        WHOLE,
        rows::csv,
        Line("reports/verdicts.csv", &["\"fail\",\"high\""]),
    ),
    listed(
        "xlsx",
        "the sheet Findings",
        WHOLE,
        rows::findings,
        Row("Findings", "fail"),
    ),
    counted(
        "xlsx",
        "the sheet Summary",
        Verdicts(&[FAILS_OF_ALL, OUTCOMES_OF_ALL]),
        rows::summary_sheet,
        Row("Summary", "Findings: high"),
    ),
    listed(
        "sarif",
        "results",
        WHOLE,
        rows::sarif,
        Item(rows::SARIF, "/runs/0/results", fails),
    ),
    listed(
        "oscal",
        "observations",
        WHOLE,
        rows::oscal,
        Item(
            rows::OSCAL,
            "/assessment-results/results/0/observations",
            fails,
        ),
    ),
    listed(
        "ocsf",
        "events",
        WHOLE,
        rows::ocsf,
        Line("reports/ocsf.jsonl", &["\"status_code\":\"fail\""]),
    ),
    counted(
        "junit",
        "tests",
        Verdicts(&[
            grain(
                Whose::All,
                &["accepted", "not_applicable", "pass", "unknown"],
                true,
                false,
            ),
            grain(Whose::All, FAIL, true, true),
        ]),
        pages::junit_cases,
        Text(
            pages::JUNIT,
            "<failure type=\"high\"",
            "<failure type=\"low\"",
        ),
    ),
    counted(
        "junit",
        "the numbers of each suite",
        Verdicts(&[grain(Whose::All, FAIL, true, false)]),
        pages::junit_suites,
        Number(pages::JUNIT, &["failures=\""]),
    ),
    counted(
        "cklb",
        "the comment of each instance's checklist",
        Verdicts(&[grain(Whose::Of2022, OUTCOMES, true, false)]),
        rows::cklb,
        Number(
            "reports/stig/portal-2022.instance.cklb",
            &["verdicts: fail "],
        ),
    ),
    counted(
        "prom",
        "findings",
        Verdicts(&[grain(Whose::All, FAIL, true, true)]),
        documents::prom_findings,
        Number(
            documents::PROM,
            &["mssql_posture_findings{target=\"portal-2022\",severity=\"high\"} "],
        ),
    ),
    counted(
        "prom",
        "verdicts",
        Verdicts(&[grain(Whose::All, OUTCOMES, true, false)]),
        documents::prom_verdicts,
        Number(
            documents::PROM,
            &["mssql_posture_verdicts{target=\"portal-2022\",outcome=\"fail\"} "],
        ),
    ),
    counted(
        "opengraph",
        "channels that somebody reaches",
        Channels,
        rows::channels,
        Item(rows::OPENGRAPH, "/graph/nodes", is_command),
    ),
    counted(
        "opengraph",
        "steps to them",
        Steps,
        rows::steps,
        Item(rows::OPENGRAPH, "/graph/edges", owns),
    ),
    counted(
        "html",
        "the numbers on top",
        HEADLINE,
        pages::html_headline,
        Number(pages::HTML, &["<ul class=\"counts\">", "<b>"]),
    ),
    counted(
        "html",
        "the row of each instance",
        PER_INSTANCE,
        pages::html_instances,
        Number(
            pages::HTML,
            &[
                "<table class=\"glance",
                ">portal-2022<",
                "<td class=\"number",
            ],
        ),
    ),
    counted(
        "html",
        "the findings by rule",
        Verdicts(&[FAILS_OF_INSTANCES]),
        pages::html_listing,
        Number(pages::HTML, &["id=\"listing\"", "<td class=\"number\">"]),
    ),
    listed(
        "html",
        "what is listed",
        LISTED,
        pages::html_lists,
        Text(pages::HTML, "<p class=\"about\">", "<p>"),
    ),
    counted(
        "md",
        "the line of findings",
        HEADLINE,
        documents::markdown_headline,
        Number(documents::MARKDOWN, &["- Findings: ", "critical, "]),
    ),
    counted(
        "md",
        "the row of each instance",
        PER_INSTANCE,
        documents::markdown_instances,
        Number(
            documents::MARKDOWN,
            &["| portal-2022 |", "| critical |", " | "],
        ),
    ),
    counted(
        "md",
        "what is listed",
        LISTED,
        documents::markdown_lists,
        Line(documents::MARKDOWN, &["  - ", "calls xp\\_cmdshell"]),
    ),
    counted(
        "summary",
        "the numbers on top",
        Verdicts(&[FAILS_OF_ALL, OUTCOMES_OF_ALL]),
        documents::summary_headline,
        Number(documents::SUMMARY, &["| that stand |"]),
    ),
    counted(
        "summary",
        "the row of each instance",
        PER_INSTANCE,
        documents::summary_instances,
        Number(documents::SUMMARY, &["| portal-2022 |", " | "]),
    ),
];

const FAILS_OF_INSTANCES: Grain = grain(Whose::Instances, FAIL, false, true);
