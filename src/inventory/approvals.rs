//! What somebody answers for: approved administrative use, waivers of findings, answers to controls that no rule can
//! give. As written, and as meant.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::message::{Errors, InventoryErrors};
use super::{Inventory, resolve};
use crate::ids::InstanceId;

/// The first field of a file of waivers and attestations.
pub const WAIVERS_SCHEMA: &str = "mssql-posture/waivers/v1";

/// The longest that a waiver or an attestation holds where the file says nothing: a leap year.
const LONGEST_DAYS: i64 = 366;

/// A file of waivers and attestations.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenFile {
    /// Always `mssql-posture/waivers/v1`.
    #[schemars(with = "String")]
    pub schema: Spanned<String>,
    /// The longest that one may hold, in days; 366 if absent.
    #[schemars(with = "Option<i64>")]
    pub longest_days: Option<Spanned<i64>>,
    /// Findings that somebody accepts.
    #[serde(default)]
    pub waiver: Vec<WrittenWaiver>,
    /// Answers to controls.
    #[serde(default)]
    pub attestation: Vec<WrittenAttestation>,
}

/// A waiver as written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenWaiver {
    /// How reports name it; unique.
    #[schemars(with = "String")]
    pub id: Spanned<String>,
    /// The rule, by id or slug.
    #[schemars(with = "String")]
    pub rule: Spanned<String>,
    /// What the finding is about, as the report names it; `*` and `?` stand for any text and any character.
    pub subject: Option<String>,
    /// Its database, likewise.
    pub database: Option<String>,
    /// `*`, a target, `group:NAME` or `tag=value`; all targets if absent.
    #[schemars(with = "Option<Vec<String>>")]
    pub targets: Option<Spanned<Vec<Spanned<String>>>>,
    /// Who answers for it.
    #[schemars(with = "String")]
    pub owner: Spanned<String>,
    /// Who approved it.
    #[schemars(with = "String")]
    pub approver: Spanned<String>,
    /// Why.
    #[schemars(with = "String")]
    pub reason: Spanned<String>,
    /// Where that was decided.
    #[schemars(with = "String")]
    pub ticket: Spanned<String>,
    /// YYYY-MM-DD.
    #[schemars(with = "String")]
    pub created: Spanned<String>,
    /// The last day it holds, YYYY-MM-DD.
    #[schemars(with = "String")]
    pub expires: Spanned<String>,
    /// Holds only while the subject has this hash, as `audit --learn` prints it.
    pub hash: Option<String>,
}

/// An answer to a control as written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenAttestation {
    /// `framework:control`.
    #[schemars(with = "String")]
    pub control: Spanned<String>,
    /// `*`, a target, `group:NAME` or `tag=value`; all targets if absent.
    #[schemars(with = "Option<Vec<String>>")]
    pub targets: Option<Spanned<Vec<Spanned<String>>>>,
    /// `met`, `not_met` or `not_applicable`.
    #[schemars(with = "String")]
    pub answer: Spanned<String>,
    /// Who answers.
    #[schemars(with = "String")]
    pub by: Spanned<String>,
    /// When, YYYY-MM-DD.
    #[schemars(with = "String")]
    pub on: Spanned<String>,
    /// The last day it holds, YYYY-MM-DD.
    #[schemars(with = "String")]
    pub expires: Spanned<String>,
    /// A file that shows it, relative to the file that names it; its SHA-256 is recorded.
    pub evidence: Option<String>,
    /// What was looked at; for people.
    pub comment: Option<String>,
}

/// A waiver: a finding that somebody accepts until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// How reports name it.
    pub id: String,
    /// The rule, as written: an id or a slug.
    pub rule: String,
    /// Pattern of the subject's name; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Pattern of its database; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Targets; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeSet<InstanceId>>,
    /// Who answers for it.
    pub owner: String,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// Where that was decided.
    pub ticket: String,
    /// YYYY-MM-DD.
    pub created: String,
    /// The last day it holds, YYYY-MM-DD.
    pub expires: String,
    /// Holds only while the subject has this hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Where it is written, `path:line:column`; for messages.
    #[serde(skip)]
    pub place: String,
}

/// A human's answer to a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// `framework:control`.
    pub control: String,
    /// Selectors as written; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// `met`, `not_met` or `not_applicable`.
    pub answer: String,
    /// Who answers.
    pub by: String,
    /// When, YYYY-MM-DD.
    pub on: String,
    /// The last day it holds, YYYY-MM-DD.
    pub expires: String,
    /// A file that shows it, relative to the file that names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// SHA-256 of that file when the inventory was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Where it is written; for messages.
    #[serde(skip)]
    pub place: String,
}

/// What kind of thing is approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovedKind {
    /// A procedure, function, trigger or view, by its hash.
    Module,
    /// An assembly, by its hash.
    Assembly,
    /// An Agent job, by its hash.
    Job,
    /// A configuration option, by its value.
    Option,
}

impl ApprovedKind {
    /// The word of a finding's subject.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Assembly => "assembly",
            Self::Job => "job",
            Self::Option => "option",
        }
    }
}

/// Approved administrative use: something that may be there as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// What.
    pub kind: ApprovedKind,
    /// Its database; none of jobs and options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Its name, as reports have it.
    pub name: String,
    /// The hash as `audit --learn` prints it; of options none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The value of an option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i32>,
    /// Targets; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeSet<InstanceId>>,
    /// Who answers for it.
    pub owner: String,
    /// Where that was decided.
    pub ticket: String,
    /// Why.
    pub reason: String,
}

/// Days from one day to another, both YYYY-MM-DD; `None` if one is no day.
pub fn days_between(from: &str, to: &str) -> Option<i64> {
    let (from, to) = (Date::from_str(from).ok()?, Date::from_str(to).ok()?);
    let span = from.until((jiff::Unit::Day, to)).ok()?;
    Some(i64::from(span.get_days()))
}

impl Inventory {
    /// Adds the waivers and attestations of a file; `path` is for messages. To be called before a selection, which
    /// leaves out targets that they may name.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with place and remedy.
    pub fn add_waivers(&mut self, text: &str, path: &str) -> Result<(), InventoryErrors> {
        let mut errors = Errors::new(path, text);
        let written: WrittenFile = match toml::from_str(text) {
            Ok(written) => written,
            Err(error) => {
                errors.push_toml(&error);
                return Err(errors.into_error());
            }
        };
        if written.schema.get_ref() != WAIVERS_SCHEMA {
            errors.push(
                &written.schema.span(),
                format!("unknown schema {:?}", written.schema.get_ref()),
                format!("this version reads schema = \"{WAIVERS_SCHEMA}\""),
            );
        }
        let longest = longest(written.longest_days.as_ref(), &mut errors);
        for waiver in &written.waiver {
            let meant = self.waiver(waiver, longest, &mut errors);
            self.waivers.push(meant);
        }
        for attestation in &written.attestation {
            let meant = self.attestation(attestation, longest, &mut errors);
            self.attestations.push(meant);
        }
        errors.finish()
    }

    fn waiver(&self, written: &WrittenWaiver, longest: i64, errors: &mut Errors<'_>) -> Waiver {
        let told = [&written.id, &written.owner, &written.approver];
        let told = told.into_iter().chain([&written.reason, &written.ticket]);
        for text in told {
            said(text, errors);
        }
        if self.waivers.iter().any(|w| w.id == *written.id.get_ref()) {
            errors.push(
                &written.id.span(),
                format!("a waiver {:?} stands above already", written.id.get_ref()),
                "give each waiver an id of its own",
            );
        }
        if written.owner.get_ref() == written.approver.get_ref() {
            errors.push(
                &written.approver.span(),
                "who answers for a waiver does not approve it himself",
                "name another approver",
            );
        }
        lifetime(&written.created, &written.expires, longest, errors);
        Waiver {
            id: written.id.get_ref().clone(),
            rule: written.rule.get_ref().clone(),
            subject: written.subject.clone(),
            database: written.database.clone(),
            targets: self.chosen(written.targets.as_ref(), errors),
            owner: written.owner.get_ref().clone(),
            approver: written.approver.get_ref().clone(),
            reason: written.reason.get_ref().clone(),
            ticket: written.ticket.get_ref().clone(),
            created: written.created.get_ref().clone(),
            expires: written.expires.get_ref().clone(),
            hash: written.hash.clone(),
            place: errors.place(&written.rule.span()),
        }
    }

    fn attestation(
        &self,
        written: &WrittenAttestation,
        longest: i64,
        errors: &mut Errors<'_>,
    ) -> Attestation {
        const ANSWERS: &[&str] = &["met", "not_met", "not_applicable"];
        said(&written.by, errors);
        if !ANSWERS.contains(&written.answer.get_ref().as_str()) {
            errors.push(
                &written.answer.span(),
                format!("{:?} is no answer", written.answer.get_ref()),
                format!("one of {}", ANSWERS.join(", ")),
            );
        }
        lifetime(&written.on, &written.expires, longest, errors);
        let _known = self.chosen(written.targets.as_ref(), errors);
        let targets = written.targets.iter().flat_map(Spanned::get_ref);
        Attestation {
            control: written.control.get_ref().clone(),
            targets: targets.map(|t| t.get_ref().clone()).collect(),
            answer: written.answer.get_ref().clone(),
            by: written.by.get_ref().clone(),
            on: written.on.get_ref().clone(),
            expires: written.expires.get_ref().clone(),
            evidence: written.evidence.clone(),
            sha256: None,
            comment: written.comment.clone(),
            place: errors.place(&written.control.span()),
        }
    }

    /// The targets that selectors name; `None` for all.
    pub(super) fn chosen(
        &self,
        selectors: Option<&Spanned<Vec<Spanned<String>>>>,
        errors: &mut Errors<'_>,
    ) -> Option<BTreeSet<InstanceId>> {
        let selectors = selectors?;
        if selectors.get_ref().is_empty() {
            errors.push(
                &selectors.span(),
                "for no target",
                "leave targets out for all",
            );
        }
        let mut chosen = BTreeSet::new();
        for selector in selectors.get_ref() {
            if !self.knows(selector.get_ref()) {
                resolve::unknown_target(selector, self, errors);
            }
            let named =
                |target: &&super::Target| super::select::matches(selector.get_ref(), target);
            let named = self.targets.iter().filter(named);
            chosen.extend(named.map(|target| target.name.clone()));
        }
        Some(chosen)
    }
}

fn longest(written: Option<&Spanned<i64>>, errors: &mut Errors<'_>) -> i64 {
    let Some(written) = written else {
        return LONGEST_DAYS;
    };
    if !(1..=LONGEST_DAYS).contains(written.get_ref()) {
        errors.push(
            &written.span(),
            format!("longest_days = {}", written.get_ref()),
            format!("1 to {LONGEST_DAYS}: who accepts something looks at it again within a year"),
        );
    }
    *written.get_ref()
}

/// Who, why and where must not be empty.
fn said(text: &Spanned<String>, errors: &mut Errors<'_>) {
    if text.get_ref().trim().is_empty() {
        errors.push(
            &text.span(),
            "nothing is said here",
            "a waiver names its owner, approver, reason and ticket",
        );
    }
}

fn lifetime(from: &Spanned<String>, to: &Spanned<String>, longest: i64, errors: &mut Errors<'_>) {
    for day in [from, to] {
        resolve::date(day, errors);
    }
    let Some(days) = days_between(from.get_ref(), to.get_ref()) else {
        return;
    };
    let message = match days {
        ..0 => "it ends before it begins".to_owned(),
        days if days > longest => format!("it holds {days} days"),
        _ => return,
    };
    errors.push(&to.span(), message, format!("at most {longest} days"));
}
