//! What `history` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `history`.
#[derive(Debug, Args)]
pub struct History {
    /// Folders that `audit` or `assess` wrote, or assessment.json files of such. Their order is that of the days as of which
    /// they were judged.
    #[arg(required = true, value_name = "BUNDLE")]
    pub bundles: Vec<PathBuf>,
    /// A public key that may have signed them: a file, or the key itself. May be repeated. A bundle that none of them signed
    /// counts for nothing.
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// Form of the result.
    #[arg(long, default_value = "table")]
    pub format: HistoryFormat,
    /// File to write, which must not be there yet [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Do not exit with 3 because it could not be seen what became of a finding.
    #[arg(long)]
    pub allow_partial: bool,
    /// A folder of templates of one's own: history.html.hbs, history.md.hbs and their parts.
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
}

/// Forms of `history`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// Tables.
    Table,
    /// mssql-posture/history/v1, with every finding.
    Json,
    /// Markdown.
    Md,
    /// A page that loads nothing.
    Html,
}
