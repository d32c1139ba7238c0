//! `detections`: what a SOC takes from a judged estate, written into a folder of its own.

use std::path::Path;

use anyhow::{Context, bail};

use super::args::Detections;
use super::assess::{find, ordered};
use super::diff::inputs;
use super::judge::{self, Source};
use super::{Exit, keys, output};
use crate::report;

pub(super) fn detections(args: &Detections) -> anyhow::Result<Exit> {
    let inputs = inputs(
        &args.judged,
        args.inventory.as_deref(),
        args.as_of.as_deref(),
    )?;
    let inputs = inputs.with_templates(args.templates.as_deref())?;
    let sources = ordered(find(std::slice::from_ref(&args.judged))?, &inputs.inventory)?;
    let sources: Vec<Source> = sources.into_iter().map(|(_, source)| source).collect();
    let assessment = judge::assess(&sources, &inputs, None)?.assessment;
    let files = report::detections(&assessment, &inputs.templates)?;
    write(&args.output, &files)?;
    for id in report::nameless(&assessment) {
        output::note(&format!(
            "{id} is in no rule: neither the name of its computer nor that of its node was seen"
        ));
    }
    output::note(&format!(
        "{} files written to {}",
        files.len(),
        args.output.display()
    ));
    Ok(if assessment.is_incomplete() && !args.allow_partial {
        Exit::Incomplete
    } else {
        Exit::Clean
    })
}

/// Into a folder that is empty or not there: a rule that nobody needs any more would stay.
fn write(folder: &Path, files: &[report::DetectionFile]) -> anyhow::Result<()> {
    let place = || format!("cannot write {}", folder.display());
    if folder.is_dir()
        && std::fs::read_dir(folder)
            .with_context(place)?
            .next()
            .is_some()
    {
        bail!(
            "{} is not empty: give a folder of its own",
            folder.display()
        );
    }
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(place)?;
        }
        keys::write_new(&path, &file.text)?;
    }
    Ok(())
}
