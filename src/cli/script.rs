//! `script`: T-SQL for a DBA to read and to run.

use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::Context;

use super::args::{Script, ScriptKind};
use super::{Exit, output, print};
use crate::collect::offline;

pub(super) fn script(args: &Script) -> anyhow::Result<Exit> {
    let ScriptKind::Collector = args.kind;
    let script = offline::script();
    let Some(path) = &args.output else {
        print(&script.text)?;
        return Ok(Exit::Clean);
    };
    // A file that is there may be another version's, which an output still needs.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(script.text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    output::note(&format!("written to {}", path.display()));
    Ok(Exit::Clean)
}
