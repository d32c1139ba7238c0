//! `assess`: judges snapshots that were collected before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::args::Assess;
use super::judge::{self, Inputs, SCHEMA, Source};
use super::targets::{self, Estate};
use super::{Exit, output};
use crate::evidence::Bundle;
use crate::ids::InstanceId;
use crate::inventory::Meant;

pub(super) fn assess(args: &Assess) -> anyhow::Result<Exit> {
    let inputs = inputs(args)?;
    let sources = ordered(find(&args.snapshots)?, &inputs.inventory)?;
    let bundle = Bundle::create(&output::folder(args.output.as_ref()))?;
    judge::conclude(bundle, &sources, &inputs, &args.judging)
}

/// From an inventory, from an earlier audit's judgement.json, or with nothing expected.
fn inputs(args: &Assess) -> anyhow::Result<Inputs> {
    let (recorded, inventory) = match (&args.inputs, &args.inventory) {
        (Some(path), _) => {
            let inputs = read_inputs(path)?;
            (Some(inputs.as_of), inputs.inventory)
        }
        (None, Some(path)) => {
            let estate = Estate::read(path, &[], &[])?;
            (estate.inventory.as_of.clone(), estate.inventory.as_meant())
        }
        (None, None) => (None, Meant::default()),
    };
    let as_of = targets::as_of(args.judging.as_of.as_deref(), recorded.as_deref())?;
    Ok(Inputs::new(as_of, args.judging.fail_on, inventory))
}

fn read_inputs(path: &Path) -> anyhow::Result<Inputs> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let inputs: Inputs = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a judgement.json of this version", path.display()))?;
    if inputs.schema != SCHEMA {
        bail!(
            "{}: the first field must be \"schema\": \"{SCHEMA}\"",
            path.display()
        );
    }
    Ok(inputs)
}

/// Files as given, and what stands in folders: an evidence folder's snapshots, or *.snapshot.json.
fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let inner = path.join("snapshots");
        let folder = if inner.is_dir() { inner } else { path.clone() };
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        let before = files.len();
        for entry in entries {
            let file = entry
                .with_context(|| format!("cannot read {}", folder.display()))?
                .path();
            if file.to_string_lossy().ends_with(".snapshot.json") {
                files.push(file);
            }
        }
        if files.len() == before {
            bail!("{} holds no *.snapshot.json", folder.display());
        }
    }
    Ok(files)
}

/// In the order of the inventory, what it does not name after that, by name: as the audit had them.
fn ordered(files: Vec<PathBuf>, inventory: &Meant) -> anyhow::Result<Vec<Source>> {
    let mut by_target: BTreeMap<(usize, InstanceId), Source> = BTreeMap::new();
    for file in files {
        let source = Source::beside(&file);
        let target = source.read()?.0.target;
        let place = inventory.targets.iter().position(|t| t.name == target);
        let key = (place.unwrap_or(usize::MAX), target);
        if let Some(other) = by_target.get(&key) {
            bail!(
                "{} and {} are both snapshots of target {}: give one of them",
                other.snapshot.display(),
                file.display(),
                key.1
            );
        }
        by_target.insert(key, source);
    }
    Ok(by_target.into_values().collect())
}
