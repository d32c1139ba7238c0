//! `history`: opens bundles, says what vouches for each, and prints what became of the estate.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::args::{History as Args, HistoryFormat};
use super::verify::read_key;
use super::{Exit, json, keys, ledger, output, print, reports};
use crate::drift::{Assessed, Given, History, RuleSetUsed, Seal, Signature, Trend};
use crate::evidence::Bundle;
use crate::evidence::{self, Intact, Signed, VerifyError, VerifyingKey};
use crate::report::{self, Assessment, Templates};
use crate::snapshot::sha256_hex;

const ASSESSMENT: &str = "assessment.json";
/// What is written last into a folder.
pub(super) const SUMS: &str = "SHA256SUMS";

pub(super) fn history(args: &Args) -> anyhow::Result<Exit> {
    let keys = args.key.iter().map(|key| read_key(key));
    let keys = keys.collect::<anyhow::Result<Vec<VerifyingKey>>>()?;
    let templates = match &args.templates {
        Some(folder) => reports::templates(folder)?,
        None => Templates::default(),
    };
    let given = args.bundles.iter().map(|path| read(path, &keys));
    let history = History::new(given.collect::<anyhow::Result<Vec<Given>>>()?)?;
    let text = match args.format {
        HistoryFormat::Table => {
            report::history_table(&history, output::Terminal::of_stdout().width)
        }
        HistoryFormat::Json => String::from_utf8(json::bytes(&history)?)?,
        HistoryFormat::Md => report::history_markdown(&history, &templates)?,
        HistoryFormat::Html => report::history_html(&history, &templates)?,
    };
    match &args.output {
        Some(path) => keys::write_new(path, &text)?,
        None => print(&text)?,
    }
    Ok(if history.has_altered() {
        Exit::Findings
    } else if history.is_incomplete() && !args.allow_partial {
        Exit::Incomplete
    } else {
        Exit::Clean
    })
}

/// The folder that vouches for what was named, if there is one.
fn folder_of(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let folder = path.parent().filter(|_| path.ends_with(ASSESSMENT))?;
    folder.join(SUMS).is_file().then(|| folder.to_owned())
}

fn read(path: &Path, keys: &[VerifyingKey]) -> anyhow::Result<Given> {
    let shown = path.display().to_string();
    let Some(folder) = folder_of(path) else {
        return loose(path, shown, keys);
    };
    let intact = match sealed(&folder, keys) {
        Ok(intact) => intact,
        Err(error @ VerifyError::NotABundle { .. }) => return Err(error.into()),
        Err(error @ VerifyError::Altered { .. }) => {
            return Ok(altered(shown, error.to_string()));
        }
    };
    let Some(hash) = intact.files.get(ASSESSMENT) else {
        bail!("{shown} holds no {ASSESSMENT}: judge its snapshots first, with `assess`");
    };
    let bytes = read_file(&folder.join(ASSESSMENT))?;
    if sha256_hex(&bytes) != *hash {
        return Ok(altered(
            shown,
            format!("{ASSESSMENT}: it changed while it was read"),
        ));
    }
    let assessed = Assessed::from_json(&bytes).context(shown.clone())?;
    Ok(Given {
        sha256: hash.clone(),
        finished: intact.created.clone(),
        rule_set: rule_set(&folder, &intact),
        seal: Seal::Intact {
            signature: signature(&intact.signed),
        },
        assessed: Some(assessed),
        path: shown,
    })
}

/// With the first key that fits; where none does, what is off is told of the last.
fn sealed(folder: &Path, keys: &[VerifyingKey]) -> Result<Intact, VerifyError> {
    let Some((last, others)) = keys.split_last() else {
        return evidence::verify(folder, None);
    };
    // A folder is read once where it is not signed by the first key but altered.
    let fitting = others
        .iter()
        .find_map(|key| evidence::verify(folder, Some(key)).ok());
    match fitting {
        Some(intact) => Ok(intact),
        None => evidence::verify(folder, Some(last)),
    }
}

fn signature(signed: &Signed) -> Signature {
    match signed {
        Signed::No => Signature::None,
        Signed::Unchecked { key } => Signature::Unchecked { key: key.clone() },
        Signed::By { key, .. } => Signature::By { key: key.clone() },
    }
}

fn altered(path: String, what: String) -> Given {
    Given {
        path,
        seal: Seal::Altered { what },
        sha256: String::new(),
        finished: String::new(),
        rule_set: None,
        assessed: None,
    }
}

/// An assessment alone. Where a key is asked for, it is not signed by one.
fn loose(path: &Path, shown: String, keys: &[VerifyingKey]) -> anyhow::Result<Given> {
    if !keys.is_empty() {
        let what = "a key was given, and a file without its folder carries no signature";
        return Ok(altered(shown, what.to_owned()));
    }
    let bytes = read_file(path)?;
    let assessed = Assessed::from_json(&bytes).context(shown.clone())?;
    Ok(Given {
        seal: Seal::Loose,
        sha256: sha256_hex(&bytes),
        finished: String::new(),
        rule_set: None,
        assessed: Some(assessed),
        path: shown,
    })
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The rules that the run says it judged by. A folder of `assess` does not say.
fn rule_set(folder: &Path, intact: &Intact) -> Option<RuleSetUsed> {
    const RUN: &str = "evidence/run.json";
    intact.files.get(RUN)?;
    let text = std::fs::read(folder.join(RUN)).ok()?;
    let run: serde_json::Value = serde_json::from_slice(&text).ok()?;
    serde_json::from_value(run.get("rule_set")?.clone()).ok()
}

/// What the first page tells of earlier audits: kept, so that it can be made again without them.
const TREND: &str = "inputs/trend.json";

/// Earlier audits, for one as of a day.
///
/// # Errors
/// One cannot be read, is no bundle, is altered, redacted or later, or is given twice.
pub(super) fn earlier(bundles: &[PathBuf], as_of: &str) -> anyhow::Result<Vec<Given>> {
    let given = bundles.iter().map(|path| read(path, &[]));
    let given = given.collect::<anyhow::Result<Vec<Given>>>()?;
    Trend::admit(&given, as_of).context("--history")?;
    Ok(given)
}

/// Counts what became of the estate since earlier audits, if any are given, and keeps it in the folder.
///
/// # Errors
/// One of them is of the same day and was collected later, or is this one.
pub(super) fn trend(
    earlier: Vec<Given>,
    assessment: &Assessment,
    bundle: &mut Bundle,
) -> anyhow::Result<Option<Trend>> {
    if earlier.is_empty() {
        return Ok(None);
    }
    let trend = Trend::new(earlier, own(assessment)?).context("--history")?;
    bundle.write(TREND, &json::bytes(&trend)?)?;
    Ok(Some(trend))
}

/// This audit as others will read it.
fn own(assessment: &Assessment) -> anyhow::Result<Given> {
    let bytes = json::bytes(assessment)?;
    let rules = ledger::rule_set(0);
    Ok(Given {
        path: "this audit".to_owned(),
        seal: Seal::Loose,
        sha256: sha256_hex(&bytes),
        finished: String::new(),
        rule_set: Some(RuleSetUsed {
            version: rules.version,
            sha256: rules.sha256,
        }),
        assessed: Some(Assessed::from_json(&bytes)?),
    })
}

/// Whether a file of the folder is the trend.
pub(super) fn owns(path: &str) -> bool {
    path == TREND
}

/// The trend that a folder holds, and in words how far it follows: from earlier audits where they are given, else only
/// its last point, from the folder's own verdicts.
pub(super) fn follows(
    root: &Path,
    bundles: &[PathBuf],
    assessment: &Assessment,
) -> anyhow::Result<Option<(Trend, String)>> {
    let Ok(bytes) = std::fs::read(root.join(TREND)) else {
        return Ok(None);
    };
    let trend: Trend = serde_json::from_slice(&bytes).context(TREND)?;
    let own = own(assessment)?;
    if bundles.is_empty() {
        if !trend.ends_with(&own) {
            bail!("{TREND}: its last point does not follow from the verdicts of this folder");
        }
        let told = format!(
            "the last point of {TREND} (give the earlier audits with --history to count again)"
        );
        return Ok(Some((trend, told)));
    }
    let again = Trend::new(earlier(bundles, &assessment.as_of)?, own).context("--history")?;
    if json::bytes(&again)? != bytes {
        bail!("{TREND}: it does not follow from the earlier audits that were given");
    }
    Ok(Some((trend, format!("{TREND} from the earlier audits"))))
}
