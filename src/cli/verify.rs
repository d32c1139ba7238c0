//! `verify`: whether a folder is as it was, who signed it, and whether its verdicts follow from what it holds.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use super::args::Verify;
use super::assess::{find, ordered, read_inputs};
use super::judge;
use super::ledger;
use super::reports::{REPORTS, Report};
use super::{Exit, diff, print};
use crate::evidence::{self, CREATED_BY, Intact, Signed, VerifyError, VerifyingKey};
use crate::report::{self, Judgement};

pub(super) fn verify(args: &Verify) -> anyhow::Result<Exit> {
    let key = args.key.as_deref().map(read_key).transpose()?;
    let intact = match evidence::verify(&args.bundle, key.as_ref()) {
        Ok(intact) => intact,
        Err(error @ VerifyError::NotABundle { .. }) => return Err(error.into()),
        Err(error @ VerifyError::Altered { .. }) => return off(&error.to_string()),
    };
    let followed = match follows(&args.bundle, &intact, args.against.as_deref()) {
        Ok(followed) => followed,
        Err(error) => return off(&format!("{error:#}")),
    };
    print(&format!(
        "intact, {}\n{}{} files, {} bytes, finished {} by {}\n{followed}\n",
        signed(&intact.signed),
        if intact.stamped { STAMPED } else { "" },
        intact.files.len(),
        intact.bytes,
        report::visible(&intact.created),
        report::visible(&intact.created_by),
    ))?;
    Ok(Exit::Clean)
}

/// Whom to trust with time is the reader's choice, and no authority is built in.
const STAMPED: &str = "SHA256SUMS.tsr: a time stamp of this SHA256SUMS, it says: not checked; `openssl ts -verify` does it\n";

/// The first thing that is off.
fn off(what: &str) -> anyhow::Result<Exit> {
    print(&format!("NOT AS IT WAS: {}\n", report::visible(what)))?;
    Ok(Exit::Findings)
}

fn signed(signed: &Signed) -> String {
    match signed {
        Signed::No => "unsigned".to_owned(),
        Signed::Unchecked { key } => {
            format!("signed, it says, by key {key}: not checked; give its public half with --key")
        }
        Signed::By { key, comment } => {
            format!("signed by key {key} ({})", report::visible(comment))
        }
    }
}

/// A public key: a file that holds it, or the key itself.
fn read_key(given: &str) -> anyhow::Result<VerifyingKey> {
    let path = Path::new(given);
    let text = if path.is_file() {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {given}"))?
    } else {
        given.to_owned()
    };
    // Not repeated: a secret half may have been given by mistake.
    VerifyingKey::read(&text).context("--key")
}

const INPUTS: &str = "inputs/judgement.json";

/// Judges again what the folder holds, where this is the version that judged it. In words, whether that was done.
fn follows(root: &Path, intact: &Intact, against: Option<&Path>) -> anyhow::Result<String> {
    ledger::statements_are_named_by_hash(&intact.files)?;
    let inputs = root.join(INPUTS);
    let has_verdicts = inputs.is_file();
    if intact.created_by != CREATED_BY {
        return Ok(format!(
            "not judged again: it is the work of {}, and this is {CREATED_BY}",
            report::visible(&intact.created_by)
        ));
    }
    let holds = |folder: &str| intact.files.keys().any(|path| path.starts_with(folder));
    let holds_snapshots = holds("snapshots/");
    if !has_verdicts && holds_snapshots && (holds("reports/") || holds("assessment.json")) {
        anyhow::bail!("{INPUTS}: it is gone, and there are verdicts");
    }
    if let Some(path) = intact.files.keys().find(|path| is_nobodys(path)) {
        anyhow::bail!("{path}: no report of this program");
    }
    if is_redacted(root)? && !has_verdicts && !holds_snapshots && !holds("evidence/") {
        let why = "principals and hosts stand under pseudonyms, and what was judged is not here";
        return Ok(format!("not judged again: {why}"));
    }
    if !holds_snapshots {
        return Ok("not judged again: it holds no snapshots".to_owned());
    }
    let inputs = has_verdicts.then(|| read_inputs(&inputs)).transpose()?;
    let evidence = ledger::follows(root, &intact.files, inputs.as_ref())?;
    let Some(inputs) = inputs else {
        return Ok(match evidence {
            Some(told) => format!("no verdicts: {told} follow from the snapshots"),
            None => "no verdicts: snapshots alone".to_owned(),
        });
    };
    let files = find(&[root.to_owned()])?;
    let sources = ordered(files, &inputs.inventory)?;
    let sources: Vec<_> = sources.into_iter().map(|(_, source)| source).collect();
    let concluded = judge::assess(&sources, &inputs, None)?;
    same(
        root,
        "assessment.json",
        &judge::json(&concluded.assessment)?,
    )?;
    let files = intact.files.iter();
    let files = files.map(|(path, hash)| (path.clone(), hash.clone()));
    let judgement = inputs.judgement(&concluded, files);
    let mut compared = vec!["assessment.json".to_owned()];
    for report in REPORTS {
        compared.extend(rendered_again(root, intact, report, &judgement)?);
    }
    let held: BTreeSet<&str> = intact.files.keys().map(String::as_str).collect();
    let judged = (sources.as_slice(), &concluded.assessment, &inputs);
    let drift = diff::follows(root, &held, against, judged)?;
    compared.extend(evidence);
    compared.extend(drift);
    Ok(format!(
        "judged again from the snapshots: {} follow to the byte",
        compared.join(", ")
    ))
}

/// Whether a file stands among the reports that no format writes.
fn is_nobodys(path: &str) -> bool {
    path.starts_with("reports/")
        && !diff::owns(path)
        && !REPORTS.iter().any(|report| report.owns(path))
}

/// Whether the folder is for others' eyes.
fn is_redacted(root: &Path) -> anyhow::Result<bool> {
    let path = root.join("assessment.json");
    if !path.is_file() {
        return Ok(false);
    }
    let assessment: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    Ok(assessment["redacted"] == true)
}

/// Compares a format's files, if the folder has any, and says in words which they are.
fn rendered_again(
    root: &Path,
    intact: &Intact,
    report: &Report,
    judgement: &Judgement<'_>,
) -> anyhow::Result<Option<String>> {
    let mut held: BTreeSet<&str> = intact.files.keys().map(String::as_str).collect();
    held.retain(|path| report.owns(path));
    let Some(first) = held.first().copied() else {
        return Ok(None);
    };
    let said = match held.len() {
        1 => first.to_owned(),
        more => format!("{more} files of {}", report.places.join(" and ")),
    };
    for file in (report.render)(judgement)? {
        let file = file?;
        same(root, &file.path, &file.bytes)?;
        held.remove(file.path.as_str());
    }
    match held.first() {
        Some(path) => anyhow::bail!("{path}: {}", not_following()),
        None => Ok(Some(said)),
    }
}

fn same(root: &Path, path: &str, due: &[u8]) -> anyhow::Result<()> {
    let is = std::fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    if is != due {
        anyhow::bail!("{path}: {}", not_following());
    }
    Ok(())
}

fn not_following() -> String {
    format!("it does not follow from the snapshots and {INPUTS}")
}
