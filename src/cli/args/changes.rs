//! What `changes` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Targets;

/// `changes`.
#[derive(Debug, Args)]
#[command(mut_arg("inventory", |inventory| inventory.required_unless_present_any(["server", "from_files"])))]
pub struct Changes {
    /// Which targets.
    #[command(flatten)]
    pub targets: Targets,
    /// Exported files in place of servers: rows of sys.fn_get_audit_file and sys.fn_trace_gettable as CSV, JSON or JSON
    /// Lines, and Windows logs as EVTX, or as CSV, JSON or JSON Lines of Get-WinEvent, evtx_dump, winlogbeat and the like.
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["inventory", "server", "only", "exclude"])]
    pub from_files: Vec<PathBuf>,
    /// Whose all of these files are [default: the instance or computer that each record names].
    #[arg(long, value_name = "NAME", requires = "from_files")]
    pub target: Option<String>,
    /// Offset from UTC of times in these files that do not say theirs, as those of a trace: +02:00, -03:30.
    #[arg(
        long,
        value_name = "±HH:MM",
        requires = "from_files",
        allow_hyphen_values = true
    )]
    pub utc_offset: Option<String>,
    /// First moment, UTC; needed unless there are --from-files.
    #[arg(
        long,
        value_name = "YYYY-MM-DD[THH:MM]",
        required_unless_present = "from_files"
    )]
    pub since: Option<String>,
    /// The moment before which, UTC [default: all there are].
    #[arg(long, value_name = "YYYY-MM-DD[THH:MM]")]
    pub until: Option<String>,
    /// Most records from each target. Long audited statements take several.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub max_events: u32,
    /// Form of the result.
    #[arg(long, default_value = "table")]
    pub format: EventsFormat,
    /// File to write, which must not be there yet [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Forms of `changes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventsFormat {
    /// The newest events of each target, with the beginnings of statements.
    Table,
    /// One JSON object a line (`schema events`), with whole statements. Recognised secrets are masked.
    Jsonl,
}
