//! Judges snapshot files and writes what follows: assessment, reports, exit code. `audit` and `assess`
//! meet here, so that the same snapshots and inputs give the same bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::args::{Format, Judging};
use super::{Exit, output, print};
use crate::evidence::Bundle;
use crate::graph::{Estate, Group, Groups};
use crate::ids::{Criticality, InstanceId};
use crate::inventory::{Meant, MeantTarget, TagValue};
use crate::report::{self, Assessment, Judged};
use crate::rules::{self, Case, Observations, Severity};
use crate::score;
use crate::snapshot::{Connection, Encryption, ModuleTexts, Outcome, Snapshot, Stage, Trouble};

/// The first field of judgement.json.
pub const SCHEMA: &str = "mssql-posture/judgement/v1";

/// inputs/judgement.json: all that verdicts depend on besides snapshots.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// `mssql-posture/judgement/v1`.
    pub schema: String,
    /// The day to judge as of.
    pub as_of: String,
    /// From which severity on findings change the exit code.
    pub fail_on: Option<Severity>,
    /// Program version whose rules judged.
    pub rules: String,
    /// The inventory as meant, without hosts and credentials.
    pub inventory: Meant,
}

impl Inputs {
    /// What this version judges by.
    pub fn new(as_of: String, fail_on: Option<Severity>, inventory: Meant) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            as_of,
            fail_on,
            rules: env!("CARGO_PKG_VERSION").to_owned(),
            inventory,
        }
    }
}

/// One snapshot to judge, and the files that hold its module text or what was observed in it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The snapshot file.
    pub snapshot: PathBuf,
    /// Its module-text file.
    pub modules: PathBuf,
    /// Its observations file, if module text was left out.
    pub observations: PathBuf,
}

/// What a source holds.
pub struct Given {
    /// The facts.
    pub snapshot: Snapshot,
    /// The module text that is there.
    pub texts: ModuleTexts,
    /// What was observed before text was left out.
    pub observations: Option<Observations>,
}

impl Source {
    /// The others stand beside the snapshot: `x.snapshot.json`, `x.modules.jsonl` and `x.observations.json`.
    pub fn beside(snapshot: &Path) -> Self {
        let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(".snapshot.json").unwrap_or(&name);
        Self {
            snapshot: snapshot.to_owned(),
            modules: snapshot.with_file_name(format!("{stem}.modules.jsonl")),
            observations: snapshot.with_file_name(format!("{stem}.observations.json")),
        }
    }

    /// Reads the files. Modules of which there is neither text nor observation are unknown to the rules; files that do
    /// not belong to the snapshot are refused.
    pub fn read(&self) -> anyhow::Result<Given> {
        let place = || self.snapshot.display().to_string();
        let text = std::fs::read_to_string(&self.snapshot)
            .with_context(|| format!("cannot read {}", place()))?;
        let snapshot = Snapshot::from_json(&text).with_context(place)?;
        let file = &snapshot.module_text;
        let texts = read_if_there(&self.modules)?
            .map(|text| ModuleTexts::from_jsonl(&text, &file.sha256))
            .transpose()
            .with_context(|| self.modules.display().to_string())?;
        let observations = match &file.observations {
            Some(sha256) => read_if_there(&self.observations)?
                .map(|text| Observations::from_json(&text, sha256))
                .transpose()
                .with_context(|| self.observations.display().to_string())?,
            None => None,
        };
        Ok(Given {
            texts: texts.unwrap_or_default(),
            observations,
            snapshot,
        })
    }
}

/// A file's text; `None` if there is no such file.
fn read_if_there(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Judges the sources in order, one at a time in memory, and says of what the inputs name and no source
/// holds that it was not reached. Instances that links lead to are read once more for the chains that arrive there.
pub fn assess(sources: &[Source], inputs: &Inputs) -> anyhow::Result<Assessment> {
    let mut assessment = Assessment::new(inputs.as_of.clone());
    assessment
        .not_selected
        .clone_from(&inputs.inventory.not_selected);
    let mut missing: Vec<&MeantTarget> = inputs.inventory.targets.iter().collect();
    let mut estate = Estate::default();
    let mut places: BTreeMap<InstanceId, &Source> = BTreeMap::new();
    for source in sources {
        let given = source.read()?.meant(inputs);
        note_older(&given.snapshot, given.observations.as_ref());
        let meant = inputs.target(&given.snapshot.target);
        missing.retain(|target| target.name != given.snapshot.target);
        assessment.enter(judge(given.case(inputs), &mut estate, meant));
        places.insert(given.snapshot.target.clone(), source);
    }
    for meant in missing {
        let snapshot = not_given(meant);
        let texts = ModuleTexts::default();
        let case = Case::new(&snapshot, &texts, None);
        assessment.enter(judge(case, &mut estate, Some(meant)));
    }
    for (target, logins) in estate.wanted() {
        if let Some(source) = places.get(&target) {
            let given = source.read()?.meant(inputs);
            estate.arrive(&given.case(inputs).into_graph(), &logins);
        }
    }
    assessment.fleet.paths = estate.paths(MOST_PATHS);
    Ok(assessment.close())
}

/// So many chains over several instances are told.
pub const MOST_PATHS: usize = 20;

/// What the inventory says of groups.
pub fn groups(inventory: &Meant) -> Groups {
    let groups = inventory.windows_groups.iter().map(|group| {
        let known = Group {
            members: group.members.clone(),
            count: group.count,
        };
        (group.name.clone(), known)
    });
    Groups(groups.collect())
}

impl Inputs {
    fn target(&self, name: &InstanceId) -> Option<&MeantTarget> {
        self.inventory.targets.iter().find(|t| t.name == *name)
    }
}

impl Given {
    /// Without the databases that the inventory leaves out.
    fn meant(mut self, inputs: &Inputs) -> Self {
        if let Some(meant) = inputs.target(&self.snapshot.target) {
            exclude(&mut self.snapshot, &meant.exclude_databases);
        }
        self
    }

    /// To be judged with what the inventory says.
    fn case<'a>(&'a self, inputs: &'a Inputs) -> Case<'a> {
        let meant = inputs.target(&self.snapshot.target);
        let expected = meant.and_then(|meant| meant.expected_sysadmins.as_deref());
        Case::new(&self.snapshot, &self.texts, expected)
            .with_observations(self.observations.as_ref())
            .with_groups(groups(&inputs.inventory))
    }
}

/// Whether anything in scope was not seen of one target, as its audit would say. No text is read for it.
pub fn is_incomplete(snapshot: &Snapshot, inputs: &Inputs) -> bool {
    let mut targets = inputs.inventory.targets.iter();
    if let Outcome::SameAs { target } = &snapshot.outcome {
        return !targets.any(|meant| meant.name == *target);
    }
    let meant = targets.find(|meant| meant.name == snapshot.target);
    let mut snapshot = Cow::Borrowed(snapshot);
    if let Some(meant) = meant.filter(|meant| !meant.exclude_databases.is_empty()) {
        exclude(snapshot.to_mut(), &meant.exclude_databases);
    }
    let texts = ModuleTexts::default();
    let expected = meant.and_then(|meant| meant.expected_sysadmins.as_deref());
    let case = Case::new(&snapshot, &texts, expected).without_reading();
    let mut assessment = Assessment::new(inputs.as_of.clone());
    assessment.enter(judge(case, &mut Estate::default(), None));
    assessment.close().is_incomplete()
}

/// Text that was left out cannot be read again by a better analyser.
pub fn note_older(snapshot: &Snapshot, observations: Option<&Observations>) {
    if let Some(observations) = observations.filter(|o| !o.is_of_this_version()) {
        output::note(&format!(
            "{}: module text was left out when {} had read it, so verdicts on code are by what that saw",
            snapshot.target, observations.analyser
        ));
    }
}

fn not_given(meant: &MeantTarget) -> Snapshot {
    let trouble = Trouble {
        stage: Stage::Recording,
        why: "there is no snapshot of it among those given".to_owned(),
        remedy: "give its snapshot too".to_owned(),
    };
    let connection = Connection {
        endpoint: String::new(),
        encryption: Encryption::Off,
        trust_server_certificate: false,
        authentication: String::new(),
        user: None,
    };
    Snapshot::unseen(
        meant.name.clone(),
        Outcome::Unreached(trouble),
        connection,
        "",
    )
}

fn judge<'a>(case: Case<'a>, estate: &mut Estate, meant: Option<&MeantTarget>) -> Judged<'a> {
    let snapshot = case.snapshot;
    let aliases = meant.map_or(&[][..], |meant| &meant.aliases);
    let verdicts = rules::judge(&case);
    let unread = u32::try_from(case.analysis().unread()).unwrap_or(u32::MAX);
    let mut judged = Judged {
        snapshot,
        criticality: meant.and_then(criticality),
        exposure: score::unseen(),
        routes: Vec::new(),
        fix_first: Vec::new(),
        missing: rules::unsettled(snapshot),
        modules_with_unread_dynamic_sql: unread,
        verdicts,
    };
    if !matches!(
        snapshot.outcome,
        Outcome::Unreached(_) | Outcome::SameAs { .. }
    ) {
        let again = case.after(snapshot);
        let judge = |after: &Snapshot| rules::judge(&again.after(after));
        let mut graph = case.into_graph();
        estate.enter(&graph, aliases);
        (judged.exposure, judged.routes) = score::exposure(&mut graph, &judged.verdicts);
        judged.fix_first = score::fix_first(&graph, &judge, &judged.verdicts, &judged.exposure);
    }
    judged
}

/// What the tag says; the inventory knows no other words.
fn criticality(meant: &MeantTarget) -> Option<Criticality> {
    match meant.tags.get("criticality")? {
        TagValue::Text(word) => Criticality::from_word(word),
        TagValue::Flag(_) => None,
    }
}

/// A recording may hold databases that this inventory leaves out.
pub fn exclude(snapshot: &mut Snapshot, names: &[String]) {
    let Some(identity) = snapshot.server.server_identity.known() else {
        return;
    };
    for database in &mut snapshot.databases {
        let own = database.name.as_str();
        database.excluded |= names.iter().any(|name| identity.is_same_name(name, own));
    }
}

/// Writes inputs, assessment and reports into the folder, prints the table, and says how it ended.
/// SHA256SUMS comes last.
pub fn conclude(
    mut bundle: Bundle,
    sources: &[Source],
    inputs: &Inputs,
    judging: &Judging,
) -> anyhow::Result<Exit> {
    let assessment = assess(sources, inputs)?;
    bundle.write("inputs/judgement.json", &json(inputs)?)?;
    bundle.write("assessment.json", &json(&assessment)?)?;
    if judging.format.contains(&Format::Html) {
        bundle.write("reports/report.html", report::html(&assessment)?.as_bytes())?;
    }
    if judging.format.contains(&Format::Md) {
        bundle.write(
            "reports/report.md",
            report::markdown(&assessment)?.as_bytes(),
        )?;
    }
    let root = bundle.root().to_owned();
    bundle.finish(&jiff::Timestamp::now().to_string())?;
    if judging.format.contains(&Format::Table) {
        let terminal = output::Terminal::of_stdout();
        print(&report::table(&assessment, terminal.width, terminal.color))?;
    }
    output::note(&format!("written to {}", root.display()));
    Ok(exit(&assessment, inputs.fail_on, judging.allow_partial))
}

fn exit(assessment: &Assessment, fail_on: Option<Severity>, allow_partial: bool) -> Exit {
    if assessment.is_incomplete() && !allow_partial {
        Exit::Incomplete
    } else if fail_on.is_some_and(|severity| assessment.has_findings(severity)) {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

fn json(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
