//! What `detections` takes.

use std::path::PathBuf;

use clap::Args;

/// `detections`.
#[derive(Debug, Args)]
pub struct Detections {
    /// An output folder of `audit`, a snapshot file, or a folder that holds *.snapshot.json.
    #[arg(value_name = "BUNDLE|SNAPSHOT")]
    pub judged: PathBuf,
    /// Inventory whose expectations, waivers and exclusions apply [default: those recorded in the folder].
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// The day as of which to judge, YYYY-MM-DD [default: the folder's, the inventory's, else today (UTC)].
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// A folder of templates of one's own (sigma.yml.hbs, playbook.md.hbs; `schema sigma`, `schema playbook`).
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// Do not exit with 3 because something could not be seen.
    #[arg(long)]
    pub allow_partial: bool,
    /// Folder to write: sigma/*.yml and playbooks/*.md. Must be empty or not there.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}
