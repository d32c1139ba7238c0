//! Findings that somebody accepts: by a waiver, or since the inventory approves what they are about. Only a finding is
//! ever accepted; what was not seen stays unknown.

use std::collections::BTreeSet;

use glob::{MatchOptions, Pattern};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::published::{AtHand, Compared, Instance, Library};
use super::verdict::{Acceptance, Outcome, Verdict};
use super::{Judgement, Missing, Pins, Rule, Subject, named};
use super::{waiver_expired, waiver_too_broad, waiver_unused};
use crate::ids::InstanceId;
use crate::inventory::{Approval, ApprovedKind, Meant, Waiver, days_between};
use crate::snapshot::{self, Snapshot};

/// More findings than anybody has looked at one by one.
const MANY: u32 = 25;

/// Families of findings that an approval of a thing answers: what it is, not who reaches it.
const ANSWERED: &[(ApprovedKind, &[&str])] = &[
    (ApprovedKind::Module, &["CODE"]),
    (ApprovedKind::Assembly, &["CLR", "CHANGE"]),
    (ApprovedKind::Job, &["AGENT", "CODE"]),
    (
        ApprovedKind::Option,
        &["SURF", "CLR", "TRUST", "LINK", "AUDIT"],
    ),
];

/// Why waivers cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum AcceptanceError {
    /// Names no rule.
    #[error(
        "{place}: waiver {}: there is no rule {rule:?}; `mssql-posture rules` lists all",
        named(id)
    )]
    NoSuchRule {
        /// Where it is written.
        place: String,
        /// The waiver.
        id: String,
        /// As written.
        rule: String,
    },
}

/// A waiver, ready to match.
struct Ready<'a> {
    waiver: &'a Waiver,
    rule: &'a str,
    subject: Option<Pattern>,
    database: Option<Pattern>,
    /// Findings that it accepts.
    accepts: u32,
    /// Findings that it would accept if it had not expired.
    missed: u32,
    /// Not all that it could match was seen, so that without a match it is not surely unused.
    is_unseen: bool,
}

/// How a waiver stands on the day as of which is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverState {
    /// It accepts findings.
    InForce,
    /// Its first day is yet to come.
    NotYet,
    /// Its last day has passed.
    Expired,
    /// It matches nothing.
    Unused,
}

impl WaiverState {
    /// In a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::NotYet => "not yet",
            Self::Expired => "expired",
            Self::Unused => "unused",
        }
    }
}

/// A waiver and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaiverEntry {
    /// How it is called.
    pub id: String,
    /// The rule's id.
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
    /// The last day it holds.
    pub expires: String,
    /// Days from the day as of which is judged to its last day; negative once it has passed.
    pub days_left: i64,
    /// The hash that its subject must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Findings that it accepts; absent where nothing was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepts: Option<u32>,
    /// How it stands.
    pub state: WaiverState,
}

/// Waivers and approvals, and what they have accepted so far.
pub struct Acceptances<'a> {
    waivers: Vec<Ready<'a>>,
    approvals: &'a [Approval],
    library: Library<'a>,
    as_of: &'a str,
    judged: BTreeSet<InstanceId>,
}

impl<'a> Acceptances<'a> {
    /// What the inventory says, on a day. `find` gives a rule's id by id or slug.
    ///
    /// # Errors
    /// A waiver names no rule.
    pub fn new(
        meant: &'a Meant,
        as_of: &'a str,
        find: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, AcceptanceError> {
        let ready = |waiver: &'a Waiver| {
            let rule = find(&waiver.rule).ok_or_else(|| AcceptanceError::NoSuchRule {
                place: waiver.place.clone(),
                id: waiver.id.clone(),
                rule: waiver.rule.clone(),
            })?;
            Ok(Ready {
                waiver,
                rule,
                subject: waiver.subject.as_deref().map(pattern),
                database: waiver.database.as_deref().map(pattern),
                accepts: 0,
                missed: 0,
                is_unseen: waiver.targets.is_none() && !meant.not_selected.is_empty(),
            })
        };
        Ok(Self {
            waivers: meant.waivers.iter().map(ready).collect::<Result<_, _>>()?,
            approvals: &meant.approvals,
            library: Library::new(&meant.baselines),
            as_of,
            judged: BTreeSet::new(),
        })
    }

    /// Turns findings that somebody accepts into accepted ones, and says of what is called as something published and is
    /// not that how it is.
    pub fn apply(&mut self, snapshot: &Snapshot, at_hand: AtHand<'_>, verdicts: &mut [Verdict]) {
        self.judged.insert(snapshot.target.clone());
        self.note_unseen(snapshot, verdicts);
        let pins = Pins::new(snapshot);
        let instance = Instance::new(snapshot, &pins, at_hand);
        for verdict in verdicts {
            let Outcome::Fail(finding) = &mut verdict.outcome else {
                continue;
            };
            let compared = self.library.compare(
                (verdict.rule, &verdict.subject),
                &finding.evidence,
                &instance,
            );
            if let Compared::Differs(how) = &compared {
                finding.message += "; ";
                finding.message += how;
            }
            let approval = self.approvals.iter().find(|approval| {
                approves(approval, snapshot, &pins, verdict.rule, &verdict.subject)
            });
            let accepted = match (approval, compared) {
                (Some(approval), _) => Some(Acceptance {
                    by: "expectation".to_owned(),
                    reference: approval.ticket.clone(),
                    owner: approval.owner.clone(),
                    expires: None,
                }),
                (None, Compared::Same(baseline)) => Some(Acceptance {
                    by: "baseline".to_owned(),
                    reference: baseline.title(),
                    owner: baseline.file.clone(),
                    expires: None,
                }),
                (None, _) => self.waive(snapshot, &pins, verdict.rule, &verdict.subject),
            };
            if let Some(acceptance) = accepted {
                verdict.outcome = Outcome::Accepted(finding.clone(), acceptance);
            }
        }
    }

    /// Notes of waivers that their rule did not see all of an instance.
    fn note_unseen(&mut self, snapshot: &Snapshot, verdicts: &[Verdict]) {
        // Another target carries its verdicts.
        if matches!(snapshot.outcome, snapshot::Outcome::SameAs { .. }) {
            return;
        }
        let unknown = verdicts
            .iter()
            .filter(|v| matches!(v.outcome, Outcome::Unknown(_)));
        let unknown: BTreeSet<&str> = unknown.map(|verdict| verdict.rule.id).collect();
        for ready in &mut self.waivers {
            ready.is_unseen |= ready.names(&snapshot.target) && unknown.contains(ready.rule);
        }
    }

    /// The waiver in force for a finding. Every one that matches is used.
    fn waive(
        &mut self,
        snapshot: &Snapshot,
        pins: &Pins<'_>,
        rule: &Rule,
        subject: &Subject,
    ) -> Option<Acceptance> {
        let mut found = None;
        for ready in &mut self.waivers {
            if ready.rule != rule.id || !ready.matches(&snapshot.target, pins, subject) {
                continue;
            }
            if is_in_force(ready.waiver, self.as_of) {
                ready.accepts += 1;
                found.get_or_insert(ready.waiver);
            } else {
                ready.missed += 1;
            }
        }
        found.map(|waiver| Acceptance {
            by: "waiver".to_owned(),
            reference: waiver.id.clone(),
            owner: waiver.owner.clone(),
            expires: Some(waiver.expires.clone()),
        })
    }

    /// Waivers that are findings themselves: of the estate, not of an instance.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let mut expired = Judgement::new(&waiver_expired::RULE);
        let mut unused = Judgement::new(&waiver_unused::RULE);
        let mut too_broad = Judgement::new(&waiver_too_broad::RULE);
        for ready in &self.waivers {
            let id = &ready.waiver.id;
            let subject = || Subject::server("waiver", id);
            match self.state(ready) {
                WaiverState::Expired => {
                    expired.fail(subject(), ready.expired(), Vec::new());
                    continue;
                }
                WaiverState::Unused => {
                    let message = format!("waiver {} matches no finding any more", named(id));
                    unused.fail(subject(), message, Vec::new());
                }
                WaiverState::NotYet => unused.not_applicable("its first day is yet to come"),
                WaiverState::InForce if ready.accepts > 0 => unused.pass(),
                WaiverState::InForce => {
                    let verdicts = format!("verdicts of {}", ready.rule);
                    let missing = Missing::new(&verdicts, None, "all of every instance it names");
                    unused.unknown(subject(), vec![missing]);
                }
            }
            expired.pass();
            match ready.breadth() {
                Some(why) => {
                    too_broad.fail(subject(), format!("waiver {} {why}", named(id)), Vec::new());
                }
                None => too_broad.pass(),
            }
        }
        let judgements = [expired, unused, too_broad].into_iter();
        let verdicts = judgements.flat_map(Judgement::finish_on_estate);
        verdicts
            .filter(|verdict| !matches!(verdict.outcome, Outcome::NotApplicable(_)))
            .collect()
    }

    /// All waivers with what became of them, by id.
    pub fn list(&self) -> Vec<WaiverEntry> {
        let mut list: Vec<WaiverEntry> = self
            .waivers
            .iter()
            .map(|ready| {
                let waiver = ready.waiver;
                WaiverEntry {
                    id: waiver.id.clone(),
                    rule: ready.rule.to_owned(),
                    subject: waiver.subject.clone(),
                    database: waiver.database.clone(),
                    targets: waiver.targets.clone(),
                    owner: waiver.owner.clone(),
                    approver: waiver.approver.clone(),
                    reason: waiver.reason.clone(),
                    ticket: waiver.ticket.clone(),
                    created: waiver.created.clone(),
                    expires: waiver.expires.clone(),
                    days_left: days_between(self.as_of, &waiver.expires).unwrap_or_default(),
                    hash: waiver.hash.clone(),
                    accepts: (!self.judged.is_empty()).then_some(ready.accepts),
                    state: self.state(ready),
                }
            })
            .collect();
        list.sort_by(|a, b| a.id.cmp(&b.id));
        list
    }

    fn state(&self, ready: &Ready<'_>) -> WaiverState {
        let waiver = ready.waiver;
        if waiver.expires.as_str() < self.as_of {
            WaiverState::Expired
        } else if waiver.created.as_str() > self.as_of {
            WaiverState::NotYet
        } else if ready.accepts == 0 && self.is_judged(ready) {
            WaiverState::Unused
        } else {
            WaiverState::InForce
        }
    }

    /// Whether everything that a waiver could match was seen, so that it surely matches nothing.
    fn is_judged(&self, ready: &Ready<'_>) -> bool {
        let targets = ready.waiver.targets.as_ref();
        !self.judged.is_empty()
            && !ready.is_unseen
            && targets.is_none_or(|targets| targets.is_subset(&self.judged))
    }
}

impl Ready<'_> {
    fn names(&self, target: &InstanceId) -> bool {
        let targets = self.waiver.targets.as_ref();
        targets.is_none_or(|targets| targets.contains(target))
    }

    fn matches(&self, target: &InstanceId, pins: &Pins<'_>, subject: &Subject) -> bool {
        let fits = |pattern: &Option<Pattern>, text: Option<&str>| match (pattern, text) {
            (None, _) => true,
            (Some(pattern), Some(text)) => pattern.matches_with(text, EXACT),
            (Some(_), None) => false,
        };
        let database = subject
            .database
            .as_ref()
            .map(super::super::ids::DatabaseName::as_str);
        self.names(target)
            && fits(&self.subject, subject.name.as_deref())
            && fits(&self.database, database)
            && self.is_pinned(pins, subject)
    }

    fn is_pinned(&self, pins: &Pins<'_>, subject: &Subject) -> bool {
        let Some(hash) = &self.waiver.hash else {
            return true;
        };
        let kinds = ANSWERED.iter().map(|(kind, _)| *kind);
        let kind = kinds.into_iter().find(|kind| kind.as_str() == subject.kind);
        let own = kind.and_then(|kind| pins.of(kind, subject));
        own.is_some_and(|own| own.eq_ignore_ascii_case(hash))
    }

    fn expired(&self) -> String {
        let waiver = self.waiver;
        let standing = match self.missed {
            0 => "and nothing it was for is found any more".to_owned(),
            1 => "and the finding that it was for stands".to_owned(),
            many => format!("and {many} findings that it was for stand"),
        };
        let (id, expires) = (named(&waiver.id), &waiver.expires);
        format!(
            "waiver {id} of {} expired on {expires}, {standing}",
            named(&waiver.owner)
        )
    }

    /// Why a waiver is too broad, if it is.
    fn breadth(&self) -> Option<String> {
        let waiver = self.waiver;
        let is_any = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or("*");
            text.chars().all(|c| matches!(c, '*' | '?'))
        };
        if is_any(&waiver.subject) && is_any(&waiver.database) && waiver.targets.is_none() {
            return Some("accepts every finding of its rule on every instance".to_owned());
        }
        let many = self.accepts > MANY;
        many.then(|| format!("accepts {} findings at once", self.accepts))
    }
}

const EXACT: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// `*` and `?` alone are wild; brackets stand in many names. Several stars in a row are one.
fn pattern(text: &str) -> Pattern {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '*' if escaped.ends_with('*') => {}
            '*' | '?' => escaped.push(c),
            other => escaped.push_str(&Pattern::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    Pattern::new(&escaped).unwrap_or_default()
}

fn is_in_force(waiver: &Waiver, as_of: &str) -> bool {
    waiver.created.as_str() <= as_of && as_of <= waiver.expires.as_str()
}

/// Whether an approval is about what a finding is about, as it is now.
fn approves(
    approval: &Approval,
    snapshot: &Snapshot,
    pins: &Pins<'_>,
    rule: &Rule,
    subject: &Subject,
) -> bool {
    let families = ANSWERED.iter().find(|(kind, _)| *kind == approval.kind);
    let answers = families.is_some_and(|(_, families)| families.contains(&rule.family()));
    let targets = approval.targets.as_ref();
    let is_about = subject.kind == approval.kind.as_str()
        && subject
            .database
            .as_ref()
            .map(super::super::ids::DatabaseName::as_str)
            == approval.database.as_deref()
        && targets.is_none_or(|targets| targets.contains(&snapshot.target));
    if !answers || !is_about {
        return false;
    }
    let name = subject.name.as_deref().unwrap_or_default();
    if approval.kind == ApprovedKind::Option {
        return name.eq_ignore_ascii_case(&approval.name) && has_value(snapshot, approval);
    }
    if name != approval.name {
        return false;
    }
    let own = pins.of(approval.kind, subject);
    let hash = approval.hash.as_deref().unwrap_or_default();
    own.is_some_and(|own| own.eq_ignore_ascii_case(hash))
}

/// Whether an option has the approved value, running and configured.
fn has_value(snapshot: &Snapshot, approval: &Approval) -> bool {
    let mut options = snapshot.server.configurations.seen().iter();
    let option = options.find(|option| option.name.eq_ignore_ascii_case(&approval.name));
    option.is_some_and(|option| {
        option.value == approval.value && option.value_in_use == approval.value
    })
}
