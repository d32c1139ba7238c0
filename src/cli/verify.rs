//! `verify`: whether a folder is as it was, who signed it, and whether its verdicts follow from what it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;

use super::args::Verify;
use super::assess::{find, ordered, read_inputs};
use super::judge::{self, Inputs};
use super::learn::{PROPOSALS, Proposals};
use super::ledger::{self, RUN};
use super::reports::{REPORTS, Report};
use super::{Exit, diff, history, json, print};
use crate::evidence::{self, CREATED_BY, Intact, Signed, VerifyError, VerifyingKey};
use crate::report::{self, Earlier, Judgement};

pub(super) fn verify(args: &Verify) -> anyhow::Result<Exit> {
    let key = args.key.as_deref().map(read_key).transpose()?;
    let intact = match evidence::verify(&args.bundle, key.as_ref()) {
        Ok(intact) => intact,
        Err(error @ VerifyError::NotABundle { .. }) => return Err(error.into()),
        Err(error @ VerifyError::Altered { .. }) => return off(&error.to_string()),
    };
    let followed = match follows(args, &intact) {
        Ok(followed) => followed,
        Err(error) => return off(&format!("{error:#}")),
    };
    let run = intact.files.contains_key(RUN);
    print(&format!(
        "intact, {}\n{}{}{} files, {} bytes, finished {} by {}\n{followed}\n",
        signed(&intact.signed),
        if intact.stamped { STAMPED } else { "" },
        if run {
            ran(&intact.signed)
        } else {
            String::new()
        },
        intact.files.len(),
        intact.bytes,
        report::visible(&intact.created),
        report::visible(&intact.created_by),
    ))?;
    Ok(Exit::Clean)
}

/// Whom to trust with time is the reader's choice, and no authority is built in.
const STAMPED: &str = "SHA256SUMS.tsr: a time stamp of this SHA256SUMS, it says: not checked; `openssl ts -verify` does it\n";

/// What nothing in the folder vouches for: it is written by whoever wrote the folder, and signed with the rest.
fn ran(signed: &Signed) -> String {
    let signature = match signed {
        Signed::No => ", and there is none",
        Signed::Unchecked { .. } => ", which was not checked",
        Signed::By { .. } => "",
    };
    format!(
        "{RUN}: operator, host, program and times are what it says itself: only as good as the signature{signature}\n"
    )
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
pub(super) fn read_key(given: &str) -> anyhow::Result<VerifyingKey> {
    let path = Path::new(given);
    let text = if path.is_file() {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {given}"))?
    } else {
        given.to_owned()
    };
    // Not repeated: a secret half may have been given by mistake.
    VerifyingKey::read(&text).context("--key")
}

const ASSESSMENT: &str = "assessment.json";
const INPUTS: &str = "inputs/judgement.json";

/// Where files stand besides reports: their paths, or folders with what the names in them end in.
const PLACES: &[(&str, &[&str])] = &[
    ("manifest.json", &[]),
    (ASSESSMENT, &[]),
    (INPUTS, &[]),
    (PROPOSALS, &[]),
    (
        "snapshots/",
        &[".snapshot.json", ".modules.jsonl", ".observations.json"],
    ),
    ("evidence/queries/", &[".sql"]),
    ("evidence/", &["run.json", ".evidence.json"]),
];

/// What is there only together: where files of the first stand, the second is there, or this is said of it.
const TOGETHER: &[(&str, &str, &str)] = &[
    ("reports/", ASSESSMENT, "it is gone, and there are reports"),
    (
        INPUTS,
        ASSESSMENT,
        "it is gone, and there is what it was judged by",
    ),
    (
        PROPOSALS,
        INPUTS,
        "it is gone, and there is what was proposed",
    ),
    (ASSESSMENT, INPUTS, "it is gone, and there are verdicts"),
    (
        "evidence/",
        "snapshots/",
        "they are gone, and there is evidence of them",
    ),
];

/// Judges again what the folder holds, where this is the version that judged it. In words, whether that was done.
fn follows(args: &Verify, intact: &Intact) -> anyhow::Result<String> {
    let root = args.bundle.as_path();
    ledger::statements_are_named_by_hash(&intact.files)?;
    if intact.created_by != CREATED_BY {
        return Ok(format!(
            "not judged again: it is the work of {}, and this is {CREATED_BY}",
            report::visible(&intact.created_by)
        ));
    }
    let is_redacted = is_redacted(root)?;
    is_one_of_ours(&intact.files, is_redacted)?;
    if is_redacted {
        let why = "principals and hosts stand under pseudonyms, and what was judged is not here";
        return Ok(format!("not judged again: {why}"));
    }
    let inputs = root.join(INPUTS);
    let inputs = inputs.is_file().then(|| read_inputs(&inputs));
    let inputs = inputs.transpose().context(INPUTS)?;
    let said = match &inputs {
        _ if !holds(&intact.files, "snapshots/") => {
            "not judged again: it holds no snapshots".to_owned()
        }
        Some(inputs) => judged_again(args, intact, inputs)?,
        None => match ledger::follows(root, &intact.files, None)? {
            Some(told) => format!("no verdicts: {told} follow from the snapshots"),
            None => "no verdicts: snapshots alone".to_owned(),
        },
    };
    let templates = inputs.and_then(|inputs| rendered_by(&inputs, &intact.files));
    Ok(said + &templates.unwrap_or_default())
}

/// Makes everything again that follows from the snapshots. In words, what that is.
fn judged_again(args: &Verify, intact: &Intact, inputs: &Inputs) -> anyhow::Result<String> {
    let root = args.bundle.as_path();
    let evidence = ledger::follows(root, &intact.files, Some(inputs))?;
    let files = find(&[root.to_owned()])?;
    let sources = ordered(files, &inputs.inventory)?;
    let sources: Vec<_> = sources.into_iter().map(|(_, source)| source).collect();
    let mut proposals = Proposals::default();
    let proposed = holds(&intact.files, PROPOSALS);
    let concluded = judge::assess(&sources, inputs, proposed.then_some(&mut proposals))?;
    same(root, ASSESSMENT, &json::bytes(&concluded.assessment)?)?;
    let mut compared = vec![ASSESSMENT.to_owned()];
    if proposed {
        same(root, PROPOSALS, proposals.render().as_bytes())?;
        compared.push(PROPOSALS.to_owned());
    }
    let files = intact.files.iter();
    let files = files.map(|(path, hash)| (path.clone(), hash.clone()));
    let held: BTreeSet<&str> = intact.files.keys().map(String::as_str).collect();
    let drift = diff::held(root, &held)?;
    let trend = history::follows(root, &args.history, &concluded.assessment)?;
    let mut judgement = inputs.judgement(&concluded, files);
    judgement.earlier = Earlier {
        trend: trend.as_ref().map(|(trend, _)| trend),
        drift: drift.as_ref(),
    };
    for report in REPORTS {
        compared.extend(rendered_again(root, intact, report, &judgement)?);
    }
    let judged = (sources.as_slice(), &concluded.assessment, inputs);
    let followed = diff::follows(root, &held, args.against.as_deref(), judged)?;
    compared.extend(evidence);
    compared.extend(followed);
    compared.extend(trend.map(|(_, told)| told));
    Ok(format!(
        "judged again from the snapshots: {} follow to the byte",
        compared.join(", ")
    ))
}

/// Reports by other templates than those of this version say what these say, and follow to the byte all the same.
fn rendered_by(inputs: &Inputs, files: &Files) -> Option<String> {
    let mut reports = REPORTS.iter().filter(|report| report.has_templates);
    let is_there = reports.any(|report| files.keys().any(|path| report.owns(path)));
    let own = inputs.templates.own();
    if own.is_empty() || !is_there {
        return None;
    }
    let word = if own.len() == 1 {
        "template"
    } else {
        "templates"
    };
    Some(format!(
        "\nreports rendered with {} {word} of its own: {}",
        own.len(),
        report::visible(&own.join(", "))
    ))
}

type Files = BTreeMap<String, String>;

fn holds(files: &Files, place: &str) -> bool {
    files.keys().any(|path| path.starts_with(place))
}

/// Whether the folder has the files of one that this program writes: none that it would not write, and none without
/// what it comes from. Otherwise the rest could be looked at as if it were a smaller folder.
fn is_one_of_ours(files: &Files, is_redacted: bool) -> anyhow::Result<()> {
    if let Some(path) = files.keys().find(|path| is_nobodys(path)) {
        anyhow::bail!("{path}: no file of this program");
    }
    if is_redacted {
        let mut others = ["inputs/", "snapshots/", "evidence/", PROPOSALS].into_iter();
        return match others.find(|place| holds(files, place)) {
            Some(place) => anyhow::bail!(
                "{ASSESSMENT}: it says that it is for others' eyes, and beside it stands {place}"
            ),
            None => Ok(()),
        };
    }
    let mut parts = TOGETHER.iter();
    match parts.find(|(has, needs, _)| holds(files, has) && !holds(files, needs)) {
        Some((_, gone, why)) => anyhow::bail!("{gone}: {why}"),
        None => Ok(()),
    }
}

/// Whether neither a format nor anything else writes a file there.
fn is_nobodys(path: &str) -> bool {
    let ours = PLACES.iter().any(|(place, ends)| {
        let Some(name) = path.strip_prefix(place) else {
            return false;
        };
        name.is_empty() || !name.contains('/') && ends.iter().any(|end| name.ends_with(end))
    });
    !ours
        && !diff::owns(path)
        && !history::owns(path)
        && !REPORTS.iter().any(|report| report.owns(path))
}

/// Whether the folder is for others' eyes.
fn is_redacted(root: &Path) -> anyhow::Result<bool> {
    let path = root.join(ASSESSMENT);
    if !path.is_file() {
        return Ok(false);
    }
    let text = std::fs::read_to_string(path).context(ASSESSMENT)?;
    let assessment: serde_json::Value = serde_json::from_str(&text).context(ASSESSMENT)?;
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
    let is = std::fs::read(root.join(path)).with_context(|| path.to_owned())?;
    if is != due {
        anyhow::bail!("{path}: {}", not_following());
    }
    Ok(())
}

fn not_following() -> String {
    format!("it does not follow from the snapshots and {INPUTS}")
}
