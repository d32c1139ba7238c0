//! Commands that explain the program itself: queries, rules, explain, schema, completions.

use std::fmt::Write as _;

use anyhow::bail;
use clap::CommandFactory;

use super::args::{Cli, Queries, QueriesFormat, SchemaName};
use super::{Exit, print};
use crate::collect::{self, PROBE_SETTING, Query, SESSION_SETTINGS, use_database};
use crate::compliance::Framework;
use crate::drift::{ChangeRecord, Diff, History, Trend};
use crate::inventory;
use crate::report::{
    Assessment, DriftView, InstancePage, PathsReport, PreflightReport, RunRecord, TargetEvidence,
    VerdictLine, View,
};
use crate::rules::telemetry::Telemetry;
use crate::rules::{Observations, OwnRules};
use crate::snapshot::{EventsLine, Snapshot};

pub(super) fn queries(args: &Queries) -> anyhow::Result<Exit> {
    let version = |q: &&Query| {
        args.version
            .is_none_or(|version| q.versions.contains(&version))
    };
    let name = |q: &&Query| args.name.as_deref().is_none_or(|name| q.name == name);
    let chosen: Vec<&Query> = collect::queries()
        .iter()
        .chain(collect::event_queries())
        .filter(version)
        .filter(name)
        .collect();
    if chosen.is_empty() {
        bail!("no such query; `mssql-posture queries` lists all");
    }
    print(&match args.format {
        QueriesFormat::Text => statements(&chosen, args.name.is_none()),
        QueriesFormat::Md => query_table(&chosen),
        QueriesFormat::Rights => collect::grants::table(),
    })?;
    Ok(Exit::Clean)
}

fn statements(queries: &[&Query], with_session: bool) -> String {
    let mut text = String::new();
    if with_session {
        let _ = write!(
            text,
            "-- session settings, once per session\n{SESSION_SETTINGS};\n\n"
        ); // writing to a String cannot fail
        let _ = write!(
            text,
            "-- before and after each database's queries comes q_context\n{};\n\n",
            use_database("database")
        );
        let _ = write!(
            text,
            "-- preflight alone: before it asks for msdb's tables, to learn whether they may be read\n{PROBE_SETTING};\n\n"
        );
    }
    for query in queries {
        let _ = write!(
            text,
            "-- {}: {}\n-- versions {}; permission: {}; narrowing: {}\n{};\n\n",
            query.name,
            query.purpose,
            versions(query),
            query.permission,
            query.narrowing,
            query.text
        );
    }
    text
}

fn versions(query: &Query) -> String {
    let name = |version: u16| match version {
        11 => "2012",
        12 => "2014",
        13 => "2016",
        14 => "2017",
        15 => "2019",
        16 => "2022",
        _ => "2025",
    };
    let (first, last) = (*query.versions.start(), *query.versions.end());
    if last == u16::MAX {
        format!("{} and later", name(first))
    } else {
        format!("{} to {}", name(first), name(last))
    }
}

/// The README's table; a test keeps the two the same.
fn query_table(queries: &[&Query]) -> String {
    let mut text = String::from(
        "| query | reads | why | versions | permission for all rows |\n| --- | --- | --- | --- | --- |\n",
    );
    for query in queries {
        let reads = if query.views == "none" {
            "functions only"
        } else {
            query.views
        };
        let _ = writeln!(
            text,
            "| `{}` | {reads} | {} | {} | {} |",
            query.name,
            query.purpose,
            versions(query),
            query.permission
        );
    }
    text
}

pub(super) fn schema(name: SchemaName) -> anyhow::Result<Exit> {
    let schema = match name {
        SchemaName::Inventory => inventory::schema(),
        SchemaName::Waivers => inventory::waivers_schema(),
        SchemaName::Rules => schemars::schema_for!(OwnRules).to_value(),
        SchemaName::Framework => schemars::schema_for!(Framework).to_value(),
        SchemaName::Snapshot => schemars::schema_for!(Snapshot).to_value(),
        SchemaName::Observations => schemars::schema_for!(Observations).to_value(),
        SchemaName::Evidence => schemars::schema_for!(TargetEvidence).to_value(),
        SchemaName::Run => schemars::schema_for!(RunRecord).to_value(),
        SchemaName::Verdict => schemars::schema_for!(VerdictLine).to_value(),
        SchemaName::View => schemars::schema_for!(View).to_value(),
        SchemaName::InstanceView => schemars::schema_for!(InstancePage<'static>).to_value(),
        SchemaName::Paths => schemars::schema_for!(PathsReport).to_value(),
        SchemaName::Diff => schemars::schema_for!(Diff).to_value(),
        SchemaName::Change => schemars::schema_for!(ChangeRecord).to_value(),
        SchemaName::Register => inventory::register_schema(),
        SchemaName::DriftView => schemars::schema_for!(DriftView).to_value(),
        SchemaName::Preflight => schemars::schema_for!(PreflightReport).to_value(),
        SchemaName::Events => schemars::schema_for!(EventsLine).to_value(),
        SchemaName::Telemetry => schemars::schema_for!(Telemetry).to_value(),
        SchemaName::History => schemars::schema_for!(History).to_value(),
        SchemaName::Trend => schemars::schema_for!(Trend).to_value(),
        SchemaName::Baseline => inventory::baseline_schema(),
        SchemaName::Assessment => schemars::schema_for!(Assessment).to_value(),
    };
    print(&(serde_json::to_string_pretty(&schema)? + "\n"))?;
    Ok(Exit::Clean)
}

pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mssql-posture", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}
