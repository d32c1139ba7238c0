//! `diff`, and `audit --against`: two sides, judged by this program with the same inputs, and what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::args::{self, DiffFormat, FailOn};
use super::assess::{find, ordered, read_inputs};
use super::history;
use super::host::{HostEvents, Names};
use super::judge::{self, Given, Inputs, Source};
use super::targets::{self, Estate};
use super::{Exit, attribution, json, output, print};
use crate::drift::{
    self, ChangeRecord, Diff, HostInput, HostTimeline, InstanceDiff, Judged, JudgedVerdict,
    Pairing, RecordOutcome, Side, Sight,
};
use crate::evidence::{self, Bundle};
use crate::ids::{DatabaseName, InstanceId};
use crate::inventory::Meant;
use crate::report::{self, Assessment, Instance, Templates};
use crate::rules::Severity;
use crate::snapshot::{ModuleTexts, Outcome, Snapshot, sha256_hex};

/// By what a folder was judged.
const JUDGEMENT: &str = "inputs/judgement.json";

pub(super) fn diff(args: &args::Diff) -> anyhow::Result<Exit> {
    let record = args.change.as_deref().map(record).transpose()?;
    let witnesses = attribution::Read::of(args)?;
    // Both sides are judged by the same.
    let inputs = inputs(
        &args.after,
        args.inventory.as_deref(),
        args.as_of.as_deref(),
    )?;
    let before = EstateSide::read(&args.before, &inputs)?;
    let after = EstateSide::read(&args.after, &inputs)?;
    let held = record.as_ref();
    let mut found = compare((&before, &after), &inputs, held, witnesses.as_ref())?;
    if let Some(events) = HostEvents::of(args.host_events.as_deref(), witnesses.as_ref())? {
        on_hosts(&mut found, (&before, &after), events, args.host_window)?;
    }
    if let Some(record) = &record {
        found.hold_to(record)?;
    }
    print(&rendered(&found, args.format, &inputs.templates)?)?;
    let is_finding = |severity| is_finding(&found, witnesses.as_ref(), severity);
    Ok(if found.is_incomplete() && !args.allow_partial {
        Exit::Incomplete
    } else if args.fail_on.severity().is_some_and(is_finding) {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

/// Planned changes are no findings: what was not planned is, whatever its severity. Nor are approved ones. What happened
/// on a host is neither planned nor approved.
fn is_finding(found: &Diff, witnesses: Option<&attribution::Read>, severity: Severity) -> bool {
    let is_kept = found.record.as_ref().map(RecordOutcome::is_kept);
    let is_held = witnesses.is_some_and(attribution::Read::has_register);
    let is_approved = is_held.then(|| !found.has_unapproved(severity));
    let is_drift = match (is_kept, is_approved) {
        (None, None) => found.has_changes(severity),
        (kept, approved) => kept == Some(false) || approved == Some(false),
    };
    let is_passed = !is_held && found.has_passed(severity);
    is_drift || is_passed || found.has_host_events(severity)
}

fn record(path: &Path) -> anyhow::Result<ChangeRecord> {
    let place = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", place()))?;
    ChangeRecord::parse(&text).with_context(place)
}

fn rendered(diff: &Diff, format: DiffFormat, templates: &Templates) -> anyhow::Result<String> {
    Ok(match format {
        DiffFormat::Table => report::diff_table(diff, output::Terminal::of_stdout().width),
        DiffFormat::Json => report::diff_json(diff)?,
        DiffFormat::Md => report::diff_markdown(diff, templates)?,
        DiffFormat::Html => report::diff_html(diff, templates)?,
    })
}

/// Joins what happened on hosts to what changed. An instance without an event and an event without an instance are results
/// too: neither is proof that nothing happened.
fn on_hosts(
    diff: &mut Diff,
    (before, after): (&EstateSide, &EstateSide),
    mut events: HostEvents,
    window: u32,
) -> anyhow::Result<()> {
    for one in &mut diff.instances {
        let mut names = Names::of(&one.id);
        let read = |side: &EstateSide| side.sources.get(&one.id).map(Source::read).transpose();
        let (old, new) = (read(before)?, read(after)?);
        for given in [&old, &new].into_iter().flatten() {
            names.add(&given.snapshot);
        }
        let own = events.named(&names);
        if own.host.is_empty() && one.pairing != Pairing::Compared {
            continue;
        }
        let routes = [before, after].map(|side| {
            let instance = side.instance(&one.id);
            instance.map_or(&[][..], |instance| instance.routes.as_slice())
        });
        let input = HostInput {
            diff: one,
            sides: old
                .as_ref()
                .zip(new.as_ref())
                .map(|(old, new)| [old, new].map(|given| (&given.snapshot, &given.texts))),
            utc_offset_minutes: own.utc_offset_minutes,
            routes,
            events: &own.events,
            host: &own.host,
            unseen: &own.unseen,
        };
        let timeline = HostTimeline::new(&input, window);
        one.host = Some(timeline);
    }
    let (left, others) = events.left();
    diff.unplaced = left;
    for name in others {
        output::note(&format!(
            "events of {} belong to no instance of either side",
            report::visible(name)
        ));
    }
    Ok(())
}

/// What is judged by: what an inventory says, else what is recorded where `judged` stands, else nothing.
pub(super) fn inputs(
    judged: &Path,
    inventory: Option<&Path>,
    as_of: Option<&str>,
) -> anyhow::Result<Inputs> {
    let recorded = judged.join(JUDGEMENT);
    if let Some(path) = inventory {
        let estate = Estate::read(path, &[], &[])?;
        let as_of = targets::as_of(as_of, estate.inventory.as_of.as_deref())?;
        let meant = estate.inventory.as_meant();
        let inputs = Inputs::new(as_of, FailOn::High.severity(), meant);
        return inputs.with(estate.frameworks, estate.rules, &[]);
    }
    if recorded.is_file() {
        let recorded = read_inputs(&recorded)?;
        let as_of = targets::as_of(as_of, Some(&recorded.as_of))?;
        let mut inputs = Inputs::new(as_of, recorded.fail_on, recorded.inventory);
        inputs.templates = recorded.templates;
        return inputs.with(recorded.frameworks, recorded.own_rules, &[]);
    }
    let as_of = targets::as_of(as_of, None)?;
    Ok(Inputs::new(
        as_of,
        FailOn::High.severity(),
        Meant::default(),
    ))
}

/// One side: its snapshots, and what this program concludes of them.
pub(super) struct EstateSide {
    sources: BTreeMap<InstanceId, Source>,
    assessment: Assessment,
}

impl EstateSide {
    /// Judges what a path holds.
    pub(super) fn read(path: &Path, inputs: &Inputs) -> anyhow::Result<Self> {
        let files = find(&[path.to_owned()])?;
        unaltered(&files)?;
        let sources = ordered(files, &inputs.inventory)?;
        let all: Vec<Source> = sources.iter().map(|(_, source)| source.clone()).collect();
        let assessment = judge::assess(&all, inputs, None)?.assessment;
        Ok(Self {
            sources: sources.into_iter().collect(),
            assessment,
        })
    }

    /// What was judged already.
    pub(super) fn judged(sources: &[Source], assessment: Assessment) -> anyhow::Result<Self> {
        let named = sources
            .iter()
            .map(|source| Ok((source.read()?.snapshot.target, source.clone())));
        Ok(Self {
            sources: named.collect::<anyhow::Result<_>>()?,
            assessment,
        })
    }

    fn instance(&self, id: &InstanceId) -> Option<&Instance> {
        self.assessment.instances.iter().find(|own| own.id == *id)
    }

    /// A target's snapshot, or that of the target which is the same instance, with that target's name.
    fn given(&self, id: &InstanceId, inputs: &Inputs) -> anyhow::Result<Option<(InstanceId, Own)>> {
        let Some(source) = self.sources.get(id) else {
            return Ok(None);
        };
        let own = Own::read(source, inputs)?;
        let Outcome::SameAs { target } = &own.given.snapshot.outcome else {
            return Ok(Some((id.clone(), own)));
        };
        Ok(Some(match self.sources.get(target) {
            Some(other) => (target.clone(), Own::read(other, inputs)?),
            None => (id.clone(), own),
        }))
    }
}

/// What a source holds, as the inventory means it.
struct Own {
    given: Given,
    /// Databases of which it has facts, and which only the inventory of today leaves out.
    left_out: BTreeSet<DatabaseName>,
}

impl Given {
    fn side(&self) -> (&Snapshot, &ModuleTexts) {
        (&self.snapshot, &self.texts)
    }
}

impl Own {
    fn read(source: &Source, inputs: &Inputs) -> anyhow::Result<Self> {
        let names = |given: &Given| -> BTreeSet<DatabaseName> {
            let all = given.snapshot.databases.iter().filter(|own| !own.excluded);
            all.map(|own| own.name.clone()).collect()
        };
        let given = source.read()?;
        let held = names(&given);
        let then = left_out_then(source, &given.snapshot);
        let given = given.meant(inputs);
        let left_out = &held - &names(&given);
        Ok(Self {
            left_out: &left_out - &then,
            given,
        })
    }
}

/// Databases that the inventory left out by which the folder of a source was judged. A folder that does not say by what left
/// out nothing.
fn left_out_then(source: &Source, snapshot: &Snapshot) -> BTreeSet<DatabaseName> {
    let folder = source.snapshot.parent().and_then(Path::parent);
    let recorded = folder.map(|folder| folder.join(JUDGEMENT));
    let recorded = recorded.filter(|path| path.is_file());
    let Some(judged) = recorded.and_then(|path| read_inputs(&path).ok()) else {
        return BTreeSet::new();
    };
    let mut then = snapshot.clone();
    if let Some(meant) = judged.target(&snapshot.target) {
        judge::exclude(&mut then, &meant.exclude_databases);
    }
    let excluded = then.databases.into_iter().filter(|own| own.excluded);
    excluded.map(|own| own.name).collect()
}

/// Checks the folders that files lie in against their own lists, where they have one: what was altered is not compared.
pub(super) fn unaltered(files: &[PathBuf]) -> anyhow::Result<()> {
    let folders = files.iter().filter_map(|file| {
        let file = std::path::absolute(file).ok()?;
        let own = file.parent()?;
        let is_inside = own.file_name().is_some_and(|name| name == "snapshots");
        Some(if is_inside { own.parent()? } else { own }.to_owned())
    });
    let folders: BTreeSet<PathBuf> = folders.collect();
    for folder in &folders {
        if folder.join(history::SUMS).is_file() {
            evidence::verify(folder, None).with_context(|| folder.display().to_string())?;
        }
    }
    Ok(())
}

fn judged(of: &Instance) -> Judged<'_> {
    let verdicts = of.verdicts.iter().map(|v| JudgedVerdict {
        rule: &v.rule,
        rule_slug: &v.rule_slug,
        title: &v.title,
        subject: &v.subject,
        outcome: &v.outcome,
        severity: v.severity,
        message: &v.message,
        missing: &v.missing,
    });
    let coverage = &of.coverage;
    let unsettled = coverage.missing.iter();
    let unsettled = unsettled.map(|own| (own.fact.as_str(), own.database.as_ref()));
    Judged {
        exposure: &of.exposure,
        routes: &of.routes,
        verdicts: verdicts.collect(),
        sight: Sight {
            excluded: &coverage.databases_excluded,
            unsettled: unsettled.collect(),
        },
    }
}

/// What differs, target by target, two snapshots at a time in memory.
pub(super) fn compare(
    (before, after): (&EstateSide, &EstateSide),
    inputs: &Inputs,
    record: Option<&ChangeRecord>,
    witnesses: Option<&attribution::Read>,
) -> anyhow::Result<Diff> {
    let ids: BTreeSet<&InstanceId> = before.sources.keys().chain(after.sources.keys()).collect();
    let mut instances = Vec::new();
    for id in ids {
        let is_left_out =
            inputs.inventory.not_selected.contains(id) && !after.sources.contains_key(id);
        instances.push(if is_left_out {
            let collected = [String::new(), String::new()];
            InstanceDiff::new(id.clone(), Pairing::NotSelected, collected)
        } else {
            instance(id, (before, after), inputs, record, witnesses)?
        });
    }
    let mut diff = Diff::new(inputs.as_of.clone(), instances);
    if let Some(witnesses) = witnesses {
        diff.sum_up_attribution(witnesses.has_register());
    }
    Ok(diff)
}

fn instance(
    id: &InstanceId,
    (before, after): (&EstateSide, &EstateSide),
    inputs: &Inputs,
    record: Option<&ChangeRecord>,
    witnesses: Option<&attribution::Read>,
) -> anyhow::Result<InstanceDiff> {
    let (old, new) = (before.given(id, inputs)?, after.given(id, inputs)?);
    let ((old_id, old), (new_id, new)) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (Some((_, one)), None) => return Ok(alone(id, &one.given, Pairing::OnlyBefore)),
        (None, Some((_, one))) => return Ok(alone(id, &one.given, Pairing::OnlyAfter)),
        // Its name came from one of the two.
        (None, None) => {
            let collected = [String::new(), String::new()];
            return Ok(InstanceDiff::new(
                id.clone(),
                Pairing::OnlyBefore,
                collected,
            ));
        }
    };
    if old_id == new_id && old_id != *id {
        let collected = [&old, &new].map(|own| own.given.snapshot.ended.clone());
        let mut same = InstanceDiff::new(id.clone(), Pairing::SameAs, collected);
        same.same_as = Some(new_id);
        return Ok(same);
    }
    let sides = (
        before.instance(&old_id).map(judged),
        after.instance(&new_id).map(judged),
    );
    let was = Side::new(old.given.side(), sides.0.as_ref()).leaving_out(old.left_out);
    let is = Side::new(new.given.side(), sides.1.as_ref()).leaving_out(new.left_out);
    let mut found = drift::compare_planned(id, &was, &is, record);
    if let Some(witnesses) = witnesses {
        let telemetry = [before.instance(&old_id), after.instance(&new_id)];
        let telemetry = telemetry.map(|own| own.and_then(|own| own.telemetry.as_ref()));
        witnesses.attribute(&mut found, (&was, &is), inputs, telemetry);
    }
    for (side, other) in [("BEFORE", old_id), ("AFTER", new_id)] {
        if other != *id {
            found
                .remarks
                .push(format!("{side} reached it as the same instance as {other}"));
        }
    }
    Ok(found)
}

fn alone(id: &InstanceId, given: &Given, pairing: Pairing) -> InstanceDiff {
    let mut found = drift::only_on_one_side(&given.snapshot, pairing);
    found.id = id.clone();
    found
}

/// What the drift was measured against: written before the reports, so that they are signed together.
const AGAINST: &str = "inputs/against.json";
const AGAINST_SCHEMA: &str = "mssql-posture/against/v1";
const DRIFT_JSON: &str = "reports/drift.json";
/// The files of drift.
const FILES: [&str; 3] = [DRIFT_JSON, "reports/drift.md", "reports/drift.html"];

/// Names a baseline by what it held.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Against {
    /// `mssql-posture/against/v1`.
    schema: String,
    /// Its snapshots, by target.
    snapshots: Vec<AgainstSnapshot>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgainstSnapshot {
    target: InstanceId,
    /// SHA-256 of the snapshot file, which names that of its module text.
    sha256: String,
}

impl Against {
    fn of(side: &EstateSide) -> anyhow::Result<Self> {
        let snapshots = side.sources.iter().map(|(target, source)| {
            let bytes = std::fs::read(&source.snapshot)?;
            let (target, sha256) = (target.clone(), sha256_hex(&bytes));
            Ok(AgainstSnapshot { target, sha256 })
        });
        Ok(Self {
            schema: AGAINST_SCHEMA.to_owned(),
            snapshots: snapshots.collect::<anyhow::Result<_>>()?,
        })
    }
}

/// What changed since a baseline, if one is given; notes in the folder which it was.
pub(super) fn against(
    baseline: Option<&Path>,
    bundle: &mut Bundle,
    sources: &[Source],
    (assessment, inputs): (&Assessment, &Inputs),
) -> anyhow::Result<Option<Diff>> {
    let Some(baseline) = baseline else {
        return Ok(None);
    };
    let before = EstateSide::read(baseline, inputs)?;
    let after = EstateSide::judged(sources, assessment.clone())?;
    bundle.write(AGAINST, &json::bytes(&Against::of(&before)?)?)?;
    Ok(Some(compare((&before, &after), inputs, None, None)?))
}

/// Drift in every form that stands in a folder.
pub(super) fn forms(
    diff: &Diff,
    templates: &Templates,
) -> anyhow::Result<[(&'static str, Vec<u8>); 3]> {
    let [json, markdown, html] = FILES;
    Ok([
        (json, report::diff_json(diff)?.into_bytes()),
        (
            markdown,
            report::diff_markdown(diff, templates)?.into_bytes(),
        ),
        (html, report::diff_html(diff, templates)?.into_bytes()),
    ])
}

/// Whether a file of the folder is one of drift's.
pub(super) fn owns(path: &str) -> bool {
    path == AGAINST || FILES.contains(&path)
}

/// The drift that a folder holds.
pub(super) fn held(root: &Path, held: &BTreeSet<&str>) -> anyhow::Result<Option<Diff>> {
    held.contains(DRIFT_JSON)
        .then(|| read(root, DRIFT_JSON))
        .transpose()
}

/// Whether the files of drift follow from each other and, where the baseline is given, from it and the folder. In words,
/// what was compared.
pub(super) fn follows(
    root: &Path,
    held: &BTreeSet<&str>,
    baseline: Option<&Path>,
    (sources, assessment, inputs): (&[Source], &Assessment, &Inputs),
) -> anyhow::Result<Option<String>> {
    if !FILES.iter().any(|path| held.contains(path)) {
        if held.contains(AGAINST) {
            bail!("{AGAINST}: there is no drift that was measured against it");
        }
        return Ok(None);
    }
    let recorded: Against = read(root, AGAINST)?;
    let diff: Diff = read(root, DRIFT_JSON)?;
    for (path, due) in forms(&diff, &inputs.templates)? {
        same(
            root,
            path,
            &due,
            "it does not follow from reports/drift.json",
        )?;
    }
    let told = "drift.json, drift.md and drift.html with each other";
    let Some(baseline) = baseline else {
        return Ok(Some(format!(
            "{told} (give the baseline with --against to compare it again)"
        )));
    };
    let before = EstateSide::read(baseline, inputs)?;
    if Against::of(&before)?.snapshots != recorded.snapshots {
        bail!("{AGAINST}: the baseline that was given is another");
    }
    let after = EstateSide::judged(sources, assessment.clone())?;
    let again = compare((&before, &after), inputs, None, None)?;
    let due = report::diff_json(&again)?.into_bytes();
    same(
        root,
        DRIFT_JSON,
        &due,
        "it does not follow from the baseline and the snapshots",
    )?;
    Ok(Some(format!("{told} and from the baseline")))
}

fn read<T: serde::de::DeserializeOwned>(root: &Path, path: &str) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    serde_json::from_str(&text).with_context(|| path.to_owned())
}

fn same(root: &Path, path: &str, due: &[u8], why: &str) -> anyhow::Result<()> {
    let is = std::fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    if is != due {
        bail!("{path}: {why}");
    }
    Ok(())
}
