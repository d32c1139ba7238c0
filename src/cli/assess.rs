//! `assess`: judges snapshots that were collected before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::args::{Assess, FailOn, Judging};
use super::judge::{self, Inputs, SCHEMA, Source};
use super::targets::{self, Estate};
use super::{Exit, history, output};
use crate::evidence::Bundle;
use crate::ids::InstanceId;
use crate::inventory::{Meant, MeantTarget};
use crate::rules::OwnRule;

pub(super) fn assess(args: &Assess) -> anyhow::Result<Exit> {
    let files = find(&args.snapshots)?;
    let (sources, inputs) = match (&args.inputs, &args.inventory) {
        (Some(path), _) => {
            let inputs = read_inputs(path)?;
            let sources = ordered(files, &inputs.inventory)?;
            known(&sources, &inputs.inventory, path)?;
            (sources, inputs)
        }
        (None, Some(path)) => {
            let Estate {
                inventory,
                frameworks,
                rules,
                ..
            } = Estate::read(path, &[], &[])?;
            let mut meant = inventory.as_meant();
            let sources = ordered(files, &meant)?;
            known(&sources, &meant, path)?;
            // The snapshots are the scope; what else the inventory holds is not asked for.
            meant
                .targets
                .retain(|t| sources.iter().any(|(name, _)| *name == t.name));
            let as_of = targets::as_of(None, inventory.as_of.as_deref())?;
            let inputs = Inputs::new(as_of, FailOn::High.severity(), meant);
            (sources, inputs.with(frameworks, rules, &[])?)
        }
        (None, None) => {
            let sources = ordered(files, &Meant::default())?;
            let targets = sources
                .iter()
                .map(|(name, _)| MeantTarget::bare(name.clone()));
            let meant = Meant {
                targets: targets.collect(),
                ..Meant::default()
            };
            let as_of = targets::as_of(None, None)?;
            (sources, Inputs::new(as_of, FailOn::High.severity(), meant))
        }
    };
    let inputs = overridden(inputs, &args.judging)?;
    let sources: Vec<Source> = sources.into_iter().map(|(_, source)| source).collect();
    let signer = args.judging.signing.key()?;
    history::earlier(&args.judging.history, &inputs.as_of)?;
    let bundle = Bundle::create(&output::folder(args.output.as_ref()))?;
    judge::conclude(bundle, &sources, &inputs, &args.judging, signer.as_ref())
}

/// What the arguments say goes before what was recorded.
fn overridden(inputs: Inputs, judging: &Judging) -> anyhow::Result<Inputs> {
    let as_of = targets::as_of(judging.as_of.as_deref(), Some(&inputs.as_of))?;
    let fail_on = judging.fail_on.map_or(inputs.fail_on, FailOn::severity);
    let mut now = Inputs::new(as_of, fail_on, inputs.inventory);
    now.templates = inputs.templates;
    let now = now.with(inputs.frameworks, inputs.own_rules, &judging.framework)?;
    let now = now.with_templates(judging.templates.as_deref())?;
    if now.rules != inputs.rules {
        output::note(&format!(
            "the recorded judgement was made by version {}, this is {}: verdicts may differ",
            inputs.rules, now.rules
        ));
    }
    Ok(now)
}

/// A snapshot of a target that nobody named would be judged without what is expected of it.
fn known(sources: &[(InstanceId, Source)], inventory: &Meant, path: &Path) -> anyhow::Result<()> {
    for (target, source) in sources {
        if !inventory.targets.iter().any(|t| t.name == *target) {
            bail!(
                "{}: its target {target} is not in {}, so nothing is known of what is expected of it",
                source.snapshot.display(),
                path.display()
            );
        }
    }
    Ok(())
}

pub(super) fn read_inputs(path: &Path) -> anyhow::Result<Inputs> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut inputs: Inputs = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a judgement.json of this version", path.display()))?;
    if inputs.schema != SCHEMA {
        bail!(
            "{}: the first field must be \"schema\": \"{SCHEMA}\"",
            path.display()
        );
    }
    inputs.made = inputs.own_rules.iter().map(OwnRule::as_rule).collect();
    Ok(inputs)
}

/// Files as given, and what stands in folders: an evidence folder's snapshots, or *.snapshot.json.
pub(super) fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
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
pub(super) fn ordered(
    files: Vec<PathBuf>,
    inventory: &Meant,
) -> anyhow::Result<Vec<(InstanceId, Source)>> {
    let mut by_target: BTreeMap<(usize, InstanceId), Source> = BTreeMap::new();
    for file in files {
        let source = Source::beside(&file);
        let target = source.read()?.snapshot.target;
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
    let sorted = by_target.into_iter();
    Ok(sorted
        .map(|((_, target), source)| (target, source))
        .collect())
}
