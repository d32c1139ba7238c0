//! What the commands take that explain the program itself.

use clap::{Args, ValueEnum};

/// Schemas by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaName {
    /// What an inventory may hold.
    Inventory,
    /// A file of waivers and of answers to controls.
    Waivers,
    /// A file of rules of one's own.
    Rules,
    /// A compliance framework of one's own.
    Framework,
    /// One instance's collected facts.
    Snapshot,
    /// What modules do, where their text was left out.
    Observations,
    /// What was concluded.
    Assessment,
    /// How one target's snapshot came to be: evidence/*.evidence.json.
    Evidence,
    /// What a run was: evidence/run.json.
    Run,
    /// One line of verdicts.jsonl.
    Verdict,
    /// What templates of the report are given.
    View,
    /// What instance.html.hbs, the page of one instance, is given.
    InstanceView,
    /// What `paths --format json` prints.
    Paths,
    /// What `diff --format json` prints, and reports/drift.json.
    Diff,
    /// A change record for `diff --change`.
    Change,
    /// A register of approved changes for `diff --register`.
    Register,
    /// What templates of drift are given.
    DriftView,
    /// What `preflight --format json` prints.
    Preflight,
    /// One line of what `changes` writes.
    Events,
    /// Which events would be noticed on an instance: `telemetry` of the assessment.
    Telemetry,
    /// What `history --format json` prints.
    History,
    /// What an audit keeps of those before it: inputs/trend.json.
    Trend,
    /// A file of hashes of approved code.
    Baseline,
}

/// `queries`.
#[derive(Debug, Args)]
pub struct Queries {
    /// Only those for a major version (11 = 2012 … 17 = 2025).
    #[arg(long)]
    pub version: Option<u16>,
    /// Only this query.
    pub name: Option<String>,
    /// text, or one of the README's tables (md, rights).
    #[arg(long, default_value = "text")]
    pub format: QueriesFormat,
}

/// Forms of `queries`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueriesFormat {
    /// Statements.
    Text,
    /// A Markdown table.
    Md,
    /// A Markdown table of the rights that they need, by version.
    Rights,
}
