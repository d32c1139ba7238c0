//! `verify`: whether a folder is as it was, who signed it, and whether its verdicts follow from what it holds.

use std::path::Path;

use anyhow::Context;

use super::args::Verify;
use super::assess::{find, ordered, read_inputs};
use super::judge;
use super::{Exit, print};
use crate::evidence::{self, CREATED_BY, Intact, Signed, VerifyError, VerifyingKey};
use crate::report;

pub(super) fn verify(args: &Verify) -> anyhow::Result<Exit> {
    let key = args.key.as_deref().map(read_key).transpose()?;
    let intact = match evidence::verify(&args.bundle, key.as_ref()) {
        Ok(intact) => intact,
        Err(error @ VerifyError::NotABundle { .. }) => return Err(error.into()),
        Err(error @ VerifyError::Altered { .. }) => return off(&error.to_string()),
    };
    let followed = match follows(&args.bundle, &intact) {
        Ok(followed) => followed,
        Err(error) => return off(&format!("{error:#}")),
    };
    print(&format!(
        "intact, {}\n{} files, {} bytes, finished {} by {}\n{followed}\n",
        signed(&intact.signed),
        intact.files,
        intact.bytes,
        report::visible(&intact.created),
        report::visible(&intact.created_by),
    ))?;
    Ok(Exit::Clean)
}

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
fn follows(root: &Path, intact: &Intact) -> anyhow::Result<String> {
    let inputs = root.join(INPUTS);
    if !inputs.is_file() {
        return Ok("no verdicts: snapshots alone".to_owned());
    }
    if intact.created_by != CREATED_BY {
        return Ok(format!(
            "not judged again: the verdicts are those of {}, and this is {CREATED_BY}",
            report::visible(&intact.created_by)
        ));
    }
    let inputs = read_inputs(&inputs)?;
    let files = find(&[root.to_owned()])?;
    let sources = ordered(files, &inputs.inventory)?;
    let sources: Vec<_> = sources.into_iter().map(|(_, source)| source).collect();
    let assessment = judge::assess(&sources, &inputs, None)?;
    let mut compared = vec![same(root, "assessment.json", &judge::json(&assessment)?)?];
    for report in judge::REPORTS {
        if root.join(report.path).is_file() {
            compared.push(same(root, report.path, &(report.render)(&assessment)?)?);
        }
    }
    Ok(format!(
        "judged again from the snapshots: {} follow to the byte",
        compared.join(", ")
    ))
}

fn same<'p>(root: &Path, path: &'p str, due: &[u8]) -> anyhow::Result<&'p str> {
    let is = std::fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    if is != due {
        anyhow::bail!("{path}: it does not follow from the snapshots and {INPUTS}");
    }
    Ok(path)
}
