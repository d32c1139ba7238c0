//! `audit` and `collect`: snapshots from servers and recordings into the output folder, each written as
//! soon as it is complete.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::args::{Audit, Collect, Definitions, FailOn};
use super::assess::{find, ordered};
use super::definitions::{Files, Text};
use super::judge::{self, Inputs, Source};
use super::ledger::{Ledger, Run};
use super::targets::{self, Estate};
use super::{Exit, history, output, progress, stop};
use crate::collect::{self, Completion, NewScratch, Progress, Scratch, TargetPlan};
use crate::evidence::Bundle;
use crate::ids::{InstanceId, file_name};
use crate::inventory::Reach;
use crate::snapshot::{
    Connection, Encryption, ModuleLine, Outcome, Snapshot, Stage, Trouble, render_module_lines,
};

pub(super) fn audit(args: &Audit) -> anyhow::Result<Exit> {
    let estate = Estate::from_args(&args.targets)?;
    let recorded = estate.inventory.as_of.as_deref();
    let as_of = targets::as_of(args.judging.as_of.as_deref(), recorded)?;
    let fail_on = args.judging.fail_on.unwrap_or(FailOn::High).severity();
    stop::listen();
    let inputs = Inputs::new(as_of, fail_on, estate.inventory.as_meant());
    let inputs = inputs.with(
        estate.frameworks.clone(),
        estate.rules.clone(),
        &args.judging.framework,
    )?;
    let inputs = inputs.with_templates(args.judging.templates.as_deref())?;
    let plans = estate.plans(args.targets.keep_trying)?;
    let signer = args.judging.signing.key()?;
    if let Some(baseline) = &args.judging.against {
        // A mistake in it is said before anybody is asked.
        let files = find(std::slice::from_ref(baseline))?;
        super::diff::unaltered(&files)?;
        ordered(files, &inputs.inventory)?;
    }
    history::earlier(&args.judging.history, &inputs.as_of)?;
    let out = Bundle::create(&output::folder(args.output.as_ref()))?;
    // What names anybody stays out of a folder for others' eyes.
    let aside = judging_aside(args)?;
    Ok(output::incomplete_on_error(|| {
        let (bundle, out) = match &aside {
            Some(folder) => (Bundle::create(&folder.path().join("aside"))?, Some(out)),
            None => (out, None),
        };
        let gathered = gather(
            &estate,
            plans,
            args.targets.concurrency,
            args.definitions,
            bundle,
            |_| {},
        )?;
        let stopped = gathered.completion == Completion::Stopped;
        let mut bundle = gathered.bundle;
        let run = Run {
            frameworks: &inputs.frameworks,
            ..estate.run("audit")
        };
        gathered.ledger.close(&mut bundle, run)?;
        let exit = judge::conclude(
            out.unwrap_or(bundle),
            &gathered.sources,
            &inputs,
            &args.judging,
            signer.as_ref(),
        )?;
        Ok(if stopped || stop::asked() {
            Exit::Incomplete
        } else {
            exit
        })
    }))
}

fn judging_aside(args: &Audit) -> anyhow::Result<Option<tempfile::TempDir>> {
    let folder = args.judging.redact.then(tempfile::TempDir::new);
    Ok(folder.transpose()?)
}

pub(super) fn collect(args: &Collect) -> anyhow::Result<Exit> {
    let estate = Estate::from_args(&args.targets)?;
    let meant = estate.inventory.as_meant();
    stop::listen();
    let plans = estate.plans(args.targets.keep_trying)?;
    let signer = args.signing.key()?;
    let bundle = Bundle::create(&output::folder(args.output.as_ref()))?;
    Ok(output::incomplete_on_error(|| {
        let mut unseen = BTreeMap::new();
        let note = |snapshot: &Snapshot| {
            let incomplete = judge::is_incomplete(snapshot, &meant);
            unseen.insert(snapshot.target.clone(), incomplete);
        };
        let gathered = gather(
            &estate,
            plans,
            args.targets.concurrency,
            args.definitions,
            bundle,
            note,
        )?;
        let unseen = unseen.values().any(|incomplete| *incomplete);
        let mut bundle = gathered.bundle;
        gathered.ledger.close(&mut bundle, estate.run("collect"))?;
        let root = bundle.root().to_owned();
        bundle.finish(&jiff::Timestamp::now().to_string(), signer.as_ref())?;
        output::note(&format!("written to {}", root.display()));
        let stopped = gathered.completion == Completion::Stopped;
        Ok(
            if stopped || stop::asked() || (unseen && !args.allow_partial) {
                Exit::Incomplete
            } else {
                Exit::Clean
            },
        )
    }))
}

/// What was collected, in an unfinished folder.
pub(super) struct Gathered {
    pub(super) bundle: Bundle,
    pub(super) ledger: Ledger,
    /// In the order of the inventory.
    pub(super) sources: Vec<Source>,
    pub(super) completion: Completion,
}

/// Snapshots of every target into the folder: recordings are copied, servers asked.
pub(super) fn gather(
    estate: &Estate,
    mut plans: Vec<TargetPlan>,
    concurrency: u16,
    definitions: Definitions,
    mut bundle: Bundle,
    mut stored: impl FnMut(&Snapshot),
) -> anyhow::Result<Gathered> {
    let root = bundle.root().to_owned();
    let progress = progress::for_stderr(estate.inventory.targets.len(), "collected");
    let mut ledger = Ledger::open();
    let mut store_one = |files: &Files| {
        let excluded = estate.excluded(&files.snapshot.target);
        store(&mut bundle, &mut ledger, files, excluded)?;
        stored(&files.snapshot);
        Ok::<_, anyhow::Error>(())
    };
    recordings(estate, definitions, &progress, &mut store_one)?;
    let completion = if plans.is_empty() {
        Completion::Whole
    } else {
        let root = root.clone();
        let scratch: NewScratch = Arc::new(move || {
            let file = tempfile::tempfile_in(&root)?;
            Ok(Box::new(file) as Box<dyn Scratch>)
        });
        for plan in &mut plans {
            plan.scratch = Arc::clone(&scratch);
        }
        let store_one = |collected| {
            let files = Files::from(collected).keeping(definitions, &[])?;
            store_one(&files)
        };
        collect::collect(
            plans,
            usize::from(concurrency),
            Arc::clone(&progress),
            stop::flag(),
            store_one,
        )?
    };
    let snapshots = root.join("snapshots");
    let targets = estate.inventory.targets.iter();
    let sources = targets
        .map(|t| Source::beside(&snapshots.join(snapshot_name(&t.name))))
        .collect();
    Ok(Gathered {
        bundle,
        ledger,
        sources,
        completion,
    })
}

pub(super) fn snapshot_name(target: &InstanceId) -> String {
    format!("{}.snapshot.json", file_name(target.as_str()))
}

pub(super) fn store(
    bundle: &mut Bundle,
    ledger: &mut Ledger,
    files: &Files,
    excluded: &[String],
) -> anyhow::Result<()> {
    let stem = file_name(files.snapshot.target.as_str());
    let path = format!("snapshots/{stem}.snapshot.json");
    let modules = format!("snapshots/{stem}.modules.jsonl");
    bundle.write_sensitive(&modules, &|to| files.module_text.write_to(to))?;
    if let Some(observations) = &files.observations {
        bundle.write(&format!("snapshots/{stem}.observations.json"), observations)?;
    }
    bundle.write_with(&path, &|to| files.snapshot.write_to(to))?;
    ledger.enter(bundle, &files.snapshot, excluded)
}

/// Copies recordings into the folder. One that cannot be read is a target that was not reached.
fn recordings(
    estate: &Estate,
    definitions: Definitions,
    progress: &Arc<dyn Progress>,
    store: &mut impl FnMut(&Files) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for target in &estate.inventory.targets {
        let Reach::Snapshot(file) = &target.reach else {
            continue;
        };
        let path = estate.folder.join(file);
        let files = recording(&path, &target.name)
            .unwrap_or_else(|error| unreadable(&target.name, file, &error))
            .keeping(definitions, &target.exclude_databases)?;
        store(&files)?;
        progress.finished(&target.name, &files.snapshot.outcome);
    }
    Ok(())
}

fn recording(path: &Path, name: &InstanceId) -> anyhow::Result<Files> {
    let source = Source::beside(path);
    let mut snapshot = source.read()?.snapshot;
    let module_text = std::fs::read(&source.modules)
        .with_context(|| format!("cannot read {}", source.modules.display()))?;
    let observations = match &snapshot.module_text.observations {
        Some(_) => Some(
            std::fs::read(&source.observations)
                .with_context(|| format!("cannot read {}", source.observations.display()))?,
        ),
        None => None,
    };
    snapshot.target = name.clone();
    Ok(Files {
        snapshot,
        module_text: Text::Bytes(module_text),
        observations,
    })
}

fn unreadable(name: &InstanceId, file: &str, error: &anyhow::Error) -> Files {
    let trouble = Trouble {
        stage: Stage::Recording,
        why: format!("{error:#}"),
        remedy: "give the snapshot file and its .modules.jsonl as they were collected".to_owned(),
    };
    let connection = Connection {
        endpoint: file.to_owned(),
        encryption: Encryption::Off,
        trust_server_certificate: false,
        authentication: "recording".to_owned(),
        user: None,
    };
    // Nothing was collected, so there is no time of it.
    let mut snapshot = Snapshot::unseen(name.clone(), Outcome::Unreached(trouble), connection, "");
    let none: Vec<ModuleLine> = Vec::new();
    let (module_text, file) = render_module_lines(none).unwrap_or_default();
    snapshot.module_text = file;
    Files {
        snapshot,
        module_text: Text::Bytes(module_text),
        observations: None,
    }
}
