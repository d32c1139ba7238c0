//! `import`: from what the collector script printed to snapshots, in the form and by the measure of `collect`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, bail};

use super::args::Import;
use super::audit::store;
use super::definitions::Files;
use super::judge;
use super::ledger::{Ledger, Run};
use super::{Exit, output};
use crate::collect::Collected;
use crate::collect::offline::{LARGEST_OUTPUT, Output};
use crate::evidence::Bundle;
use crate::ids::InstanceId;
use crate::inventory::Meant;

/// Longest name of a target, as in an inventory.
const LONGEST_NAME: usize = 128;

pub(super) fn import(args: &Import) -> anyhow::Result<Exit> {
    if args.name.is_some() && args.files.len() > 1 {
        bail!("--name is for one file; without it each target has its server's own name");
    }
    // All are read before anything is written: what is refused leaves nothing behind.
    let mut imported: Vec<Collected> = Vec::new();
    let mut names = BTreeMap::new();
    for path in &args.files {
        let collected = one(path, args.name.as_deref())
            .with_context(|| format!("cannot import {}", path.display()))?;
        let target = &collected.snapshot.target;
        // Files are named after targets, and some platforms take `ERP` and `erp` for one.
        if let Some(first) = names.insert(target.as_str().to_lowercase(), path) {
            bail!(
                "{} and {} are both of {target}: import them one by one, each with a --name and a folder of its own",
                first.display(),
                path.display()
            );
        }
        imported.push(collected);
    }
    let bundle = Bundle::create(&output::folder(args.output.as_ref()))?;
    Ok(output::incomplete_on_error(|| {
        let unseen = write(bundle, imported)?;
        Ok(if unseen && !args.allow_partial {
            Exit::Incomplete
        } else {
            Exit::Clean
        })
    }))
}

/// Writes the folder that `collect` would; whether something was not seen.
fn write(mut bundle: Bundle, imported: Vec<Collected>) -> anyhow::Result<bool> {
    let meant = Meant::default();
    let mut unseen = false;
    let mut ledger = Ledger::open();
    for collected in imported {
        let files = Files::from(collected);
        unseen |= judge::is_incomplete(&files.snapshot, &meant);
        store(&mut bundle, &mut ledger, &files, &[])?;
    }
    let run = Run {
        command: "import",
        inventory: None,
        not_selected: Vec::new(),
        frameworks: &[],
        own_rules: 0,
    };
    ledger.close(&mut bundle, run)?;
    let root = bundle.root().to_owned();
    bundle.finish(&jiff::Timestamp::now().to_string(), None)?;
    output::note(&format!("written to {}", root.display()));
    Ok(unseen)
}

fn one(path: &Path, name: Option<&str>) -> anyhow::Result<Collected> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    // One more than is allowed, so that it shows; a pipe has no length to ask for.
    file.take(LARGEST_OUTPUT + 1).read_to_end(&mut bytes)?;
    let read = Output::read(&bytes)?;
    drop(bytes);
    let own = read.server_name().unwrap_or_default();
    let name = name.unwrap_or(own);
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        bail!(
            "the target needs a --name of 1 to {LONGEST_NAME} characters, none of them a control character"
        );
    }
    let target = InstanceId::new(name);
    Ok(read.into_collected(target)?)
}
