//! Judges snapshot files and writes what follows: assessment, reports, exit code. `audit` and `assess`
//! meet here, so that the same snapshots and inputs give the same bytes.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::args::{Format, Judging};
use super::{Exit, output, print};
use crate::evidence::Bundle;
use crate::inventory::{Meant, MeantTarget};
use crate::report::{self, Assessment, Judged};
use crate::rules::{self, Case, Severity};
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

/// One snapshot to judge, and the file that holds its module text.
#[derive(Clone, Debug)]
pub struct Source {
    /// The snapshot file.
    pub snapshot: PathBuf,
    /// Its module-text file.
    pub modules: PathBuf,
}

impl Source {
    /// The module text stands beside the snapshot: `x.snapshot.json` and `x.modules.jsonl`.
    pub fn beside(snapshot: &Path) -> Self {
        let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(".snapshot.json").unwrap_or(&name);
        Self {
            snapshot: snapshot.to_owned(),
            modules: snapshot.with_file_name(format!("{stem}.modules.jsonl")),
        }
    }

    /// Reads both files. Module text that is not there is unknown to the rules; text that does not
    /// belong to the snapshot is refused.
    pub fn read(&self) -> anyhow::Result<(Snapshot, ModuleTexts)> {
        let place = || self.snapshot.display().to_string();
        let text = std::fs::read_to_string(&self.snapshot)
            .with_context(|| format!("cannot read {}", place()))?;
        let snapshot = Snapshot::from_json(&text).with_context(place)?;
        let texts = match std::fs::read_to_string(&self.modules) {
            Ok(text) => ModuleTexts::from_jsonl(&text, &snapshot.module_text.sha256)
                .with_context(|| self.modules.display().to_string())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => ModuleTexts::default(),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot read {}", self.modules.display()));
            }
        };
        Ok((snapshot, texts))
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
        let (mut snapshot, texts) = source.read()?;
        missing.retain(|meant| meant.name != snapshot.target);
        let mut targets = inputs.inventory.targets.iter();
        let meant = targets.find(|t| t.name == snapshot.target);
        if let Some(meant) = meant {
            exclude(&mut snapshot, &meant.exclude_databases);
        }
        let expected = meant.and_then(|meant| meant.expected_sysadmins.as_deref());
        let case = Case::new(&snapshot, &texts, expected);
        assessment.enter(judge(&case));
    }
    for meant in missing {
        let snapshot = not_given(meant);
        let texts = ModuleTexts::default();
        assessment.enter(judge(&Case::new(&snapshot, &texts, None)));
    }
    Ok(assessment.close())
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

fn judge<'a>(case: &Case<'a>) -> Judged<'a> {
    let snapshot = case.snapshot;
    let verdicts = rules::judge(case);
    let exposure = match snapshot.outcome {
        Outcome::Unreached(_) | Outcome::SameAs { .. } => score::unseen(),
        _ => score::exposure(&verdicts),
    };
    Judged {
        snapshot,
        exposure,
        missing: rules::unsettled(snapshot),
        modules_with_unread_dynamic_sql: u32::try_from(case.analysis().unread())
            .unwrap_or(u32::MAX),
        verdicts,
    }
}

/// A recording may hold databases that this inventory leaves out.
fn exclude(snapshot: &mut Snapshot, names: &[String]) {
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
