//! Judges snapshot files and writes what follows: assessment, reports, exit code. `audit` and `assess`
//! meet here, so that the same snapshots and inputs give the same bytes.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::args::{Format, Judging};
use super::{Exit, output, print};
use crate::evidence::Bundle;
use crate::inventory::{Meant, MeantTarget};
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
/// holds that it was not reached.
pub fn assess(sources: &[Source], inputs: &Inputs) -> anyhow::Result<Assessment> {
    let mut assessment = Assessment::new(inputs.as_of.clone());
    assessment
        .not_selected
        .clone_from(&inputs.inventory.not_selected);
    let mut missing: Vec<&MeantTarget> = inputs.inventory.targets.iter().collect();
    for source in sources {
        let Given {
            mut snapshot,
            texts,
            observations,
        } = source.read()?;
        note_older(&snapshot, observations.as_ref());
        missing.retain(|meant| meant.name != snapshot.target);
        let mut targets = inputs.inventory.targets.iter();
        let meant = targets.find(|t| t.name == snapshot.target);
        if let Some(meant) = meant {
            exclude(&mut snapshot, &meant.exclude_databases);
        }
        let expected = meant.and_then(|meant| meant.expected_sysadmins.as_deref());
        let case = Case::new(&snapshot, &texts, expected);
        assessment.enter(judge(case.with_observations(observations.as_ref())));
    }
    for meant in missing {
        let snapshot = not_given(meant);
        let texts = ModuleTexts::default();
        assessment.enter(judge(Case::new(&snapshot, &texts, None)));
    }
    Ok(assessment.close())
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
    assessment.enter(judge(case));
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

fn judge(case: Case<'_>) -> Judged<'_> {
    let snapshot = case.snapshot;
    let verdicts = rules::judge(&case);
    let unread = u32::try_from(case.analysis().unread()).unwrap_or(u32::MAX);
    let (exposure, routes) = match snapshot.outcome {
        Outcome::Unreached(_) | Outcome::SameAs { .. } => (score::unseen(), Vec::new()),
        _ => score::exposure(&mut case.into_graph(), &verdicts),
    };
    Judged {
        snapshot,
        exposure,
        routes,
        missing: rules::unsettled(snapshot),
        modules_with_unread_dynamic_sql: unread,
        verdicts,
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
