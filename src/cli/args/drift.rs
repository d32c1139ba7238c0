//! What `diff` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::FailOn;
use crate::drift::HOST_WINDOW_MINUTES;

/// `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// A snapshot file, a folder that holds *.snapshot.json, or an output folder of `audit`.
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The same, collected later.
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Inventory whose expectations, waivers and exclusions apply to both sides [default: those recorded in AFTER].
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// The day as of which to judge both sides, YYYY-MM-DD [default: AFTER's, the inventory's, else today (UTC)].
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// A change record written beforehand (TOML, `schema change`): exit with 1 if something planned did not happen, or
    /// anything else did.
    #[arg(long, value_name = "FILE")]
    pub change: Option<PathBuf>,
    /// Events of the time between the two sides, as `changes --format jsonl` writes them: who made each change. Several
    /// files add up.
    #[arg(long, value_name = "FILE")]
    pub events: Vec<PathBuf>,
    /// A register of approved changes, identities, hosts and hours (TOML, `schema register`) that attributed changes are
    /// held to: exit with 1 on what was not approved as it was made, or left no record, at or over --fail-on.
    #[arg(long, value_name = "FILE", requires = "events")]
    pub register: Option<PathBuf>,
    /// Events of hosts alone, as `changes --format jsonl` wrote them: says what was started and loaded on each host, and
    /// which change or event explains it, and attributes nothing [default: those among --events].
    #[arg(long, value_name = "FILE", conflicts_with = "events")]
    pub host_events: Option<PathBuf>,
    /// Minutes before and after an event of a host in which another may belong to it.
    #[arg(long, value_name = "MINUTES", default_value_t = HOST_WINDOW_MINUTES, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub host_window: u32,
    /// Form of the result on standard output.
    #[arg(long, default_value = "table")]
    pub format: DiffFormat,
    /// Exit with 1 on changes at or over this severity.
    #[arg(long, value_name = "SEVERITY", default_value = "high")]
    pub fail_on: FailOn,
    /// Do not exit with 3 because something was not seen on a side.
    #[arg(long)]
    pub allow_partial: bool,
}

/// Forms of `diff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// What changed of each instance, the worst first.
    Table,
    /// mssql-posture/diff/v1 (`schema diff`): every change.
    Json,
    /// For pull requests and tickets.
    Md,
    /// One page that loads nothing.
    Html,
}
