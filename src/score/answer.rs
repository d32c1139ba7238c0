//! The question that MITRE ATT&CK's AN0511 comes down to, answered for one instance: is the running of operating-system
//! commands from SQL disabled, tightly governed, monitored, or none of these? Each word is a claim that holds, does not
//! hold, or was not seen well enough; the answer is the first that holds, and it never rests on what was not seen.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Exposure;
use crate::graph::{Channel, Route, State};

/// The answer for an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The first word whose claim holds.
    pub word: Word,
    /// The claims, in the order in which they are tried.
    pub claims: Vec<Claim>,
}

/// What can be answered.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// No channel that an option switches is on or about to be, no code and no job of others runs commands, and nobody
    /// besides administrators can change that. What no option switches off stays theirs: Agent job steps, extended
    /// procedures.
    Disabled,
    /// Administrators alone run commands, each of them is expected, and no code runs commands unaccepted.
    TightlyGoverned,
    /// An audit runs and records what opens a channel.
    Monitored,
    /// All was seen, and no claim holds.
    NoneOfThese,
    /// No claim holds, and some could with what was not seen.
    NotSeen,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// `disabled`, `tightly_governed` or `monitored`.
    pub word: Word,
    /// Whether it holds.
    pub holds: Holds,
    /// What it rests on or fails by, a sentence each.
    pub because: Vec<String>,
}

/// Whether a claim holds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It does.
    Yes,
    /// It could; not all that it takes was seen.
    NotSeen,
    /// It does not.
    No,
}

/// What one rule concluded of a subject on the instance. Findings of low and of no severity are slight: rules use them
/// for what could be bad and was not shown to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concluded {
    /// The question does not arise.
    NotApplicable,
    /// Good.
    Passed,
    /// Slight, and accepted.
    SlightAccepted,
    /// Slight.
    Slight,
    /// Bad, and accepted.
    Accepted,
    /// Not seen.
    Unknown,
    /// Bad.
    Failed,
}

/// What an answer is made from.
pub struct Asked<'a> {
    /// Every channel; none if nothing is known of them.
    pub routes: &'a [Route],
    /// The exposure, whose interval says what was not seen.
    pub exposure: &'a Exposure,
    /// What each rule concluded of its subjects; a rule that is absent concluded nothing.
    pub concluded: BTreeMap<&'a str, BTreeSet<Concluded>>,
    /// Databases that the inventory leaves out: what stands in them was not asked for.
    pub excluded: usize,
}

/// What a claim takes of one rule.
struct Condition {
    rule: &'static str,
    /// What is said where the rule found nothing.
    clean: &'static str,
    /// What is said where it found something.
    otherwise: &'static str,
    slight: Slight,
}

/// What a slight finding of a rule says about the claim.
#[derive(Clone, Copy)]
enum Slight {
    /// As much as any other.
    Against,
    /// Nothing for sure: it could be bad, as this says.
    Unseen(&'static str),
    /// Nothing against it, as this says.
    Harmless(&'static str),
}

const fn condition(rule: &'static str, clean: &'static str, otherwise: &'static str) -> Condition {
    Condition {
        rule,
        clean,
        otherwise,
        slight: Slight::Against,
    }
}

impl Condition {
    const fn but(self, slight: Slight) -> Self {
        Self { slight, ..self }
    }
}

/// Options that are about to be other than they run.
const PENDING: &[Condition] = &[
    condition(
        "SURF-002",
        "xp_cmdshell is configured as it runs",
        "xp_cmdshell is configured otherwise than it runs",
    ),
    condition(
        "CHANGE-004",
        "no option is about to open something",
        "an option is about to open something",
    ),
];

/// It is clean where nobody is expected, and then nobody said so.
const EXPECTED: Condition = condition(
    "PRIV-001",
    "every member of sysadmin is expected",
    "a member of sysadmin is not expected",
);

/// Who is expected, and what runs commands besides them.
const GOVERNED: &[Condition] = &[EXPECTED];

/// Code and jobs that run commands.
const PLANTED: &[Condition] = &[
    condition(
        "CODE-002",
        "no module runs commands",
        "a module runs commands",
    )
    .but(Slight::Unseen(
        "modules execute text that could not be read, or stand in msdb under names of Microsoft's",
    )),
    condition(
        "AGENT-001",
        "no job of others runs commands",
        "a job of somebody without sysadmin runs commands",
    )
    .but(Slight::Harmless(
        "job steps of somebody without sysadmin are refused as they stand",
    )),
    condition(
        "AGENT-004",
        "no T-SQL job step reaches a channel",
        "a T-SQL job step reaches a channel",
    ),
    condition(
        "CLR-002",
        "no assembly may leave the sandbox",
        "an assembly may leave the sandbox",
    ),
    condition(
        "SURF-005",
        "no extended procedure was added",
        "an extended procedure was added",
    ),
];

const MONITORED: &[Condition] = &[
    condition("AUDIT-002", "an audit runs", "no audit runs"),
    condition(
        "AUDIT-003",
        "it records changes that open a channel",
        "changes that open a channel are not recorded",
    ),
    condition(
        "AUDIT-005",
        "it leaves no records out",
        "an audit leaves records out",
    ),
    condition(
        "AUDIT-006",
        "every audit that is configured runs",
        "an audit that is configured on does not run",
    ),
    condition(
        "AUDIT-007",
        "every event that matters is recorded, and kept as long as it must be",
        "an event that matters would not be noticed",
    ),
];

impl Answer {
    /// Tries the claims in order.
    pub fn of(asked: &Asked<'_>) -> Self {
        let claims = vec![disabled(asked), governed(asked), monitored(asked)];
        let first = claims.iter().find(|claim| claim.holds == Holds::Yes);
        let is_open = claims.iter().any(|claim| claim.holds == Holds::NotSeen);
        let word = match first {
            Some(claim) => claim.word,
            None if is_open => Word::NotSeen,
            None => Word::NoneOfThese,
        };
        Self { word, claims }
    }
}

/// A claim in the making: reasons for it, reasons to doubt it, reasons against it.
#[derive(Default)]
struct Weighed {
    good: Vec<String>,
    unseen: Vec<String>,
    bad: Vec<String>,
}

impl Weighed {
    fn enter(&mut self, asked: &Asked<'_>, conditions: &[Condition], may_accept: bool) {
        for one in conditions {
            match asked.concluded.get(one.rule) {
                Some(all) if !all.is_empty() => {
                    let any_found = all.iter().any(|one| *one > Concluded::Passed);
                    for concluded in all
                        .iter()
                        .filter(|one| any_found == (**one > Concluded::Passed))
                    {
                        self.weigh(one, *concluded, may_accept);
                    }
                }
                _ => self.weigh(one, Concluded::Unknown, may_accept),
            }
        }
    }

    /// An accepted finding is no reason against the claim only where somebody may accept what the claim is about.
    fn weigh(&mut self, one: &Condition, concluded: Concluded, may_accept: bool) {
        let (clean, otherwise) = (one.clean, one.otherwise);
        let (side, said) = match (concluded, one.slight) {
            (Concluded::NotApplicable, _) if one.rule == EXPECTED.rule => (
                &mut self.bad,
                "the inventory does not say who is expected in sysadmin".to_owned(),
            ),
            (Concluded::NotApplicable | Concluded::Passed, _) => (&mut self.good, clean.to_owned()),
            (Concluded::SlightAccepted | Concluded::Slight, Slight::Harmless(said)) => {
                (&mut self.good, said.to_owned())
            }
            (Concluded::SlightAccepted, Slight::Unseen(said)) if may_accept => {
                (&mut self.good, format!("{said}, which is accepted"))
            }
            (Concluded::SlightAccepted | Concluded::Slight, Slight::Unseen(said)) => (
                &mut self.unseen,
                format!("not known whether {clean}: {said}"),
            ),
            (Concluded::Accepted | Concluded::SlightAccepted, _) => {
                let side = if may_accept {
                    &mut self.good
                } else {
                    &mut self.bad
                };
                (side, format!("{otherwise}, which is accepted"))
            }
            (Concluded::Failed | Concluded::Slight, _) => (&mut self.bad, otherwise.to_owned()),
            (Concluded::Unknown, _) => (&mut self.unseen, format!("not seen whether {clean}")),
        };
        side.push(format!("{said} ({})", one.rule));
    }

    /// Nobody besides administrators gets to a channel, now or by some way that waits for somebody.
    fn enter_reach(&mut self, asked: &Asked<'_>) {
        if asked.routes.is_empty() {
            self.unseen
                .push("nothing is known of the channels".to_owned());
            return;
        }
        let titles = |reaches: &dyn Fn(&Route) -> bool| {
            let routes = asked.routes.iter().filter(|route| reaches(route));
            routes
                .map(|route| route.channel.title())
                .collect::<Vec<_>>()
        };
        let reached =
            titles(&|r| r.reached_by.everyone || r.reached_by.open + r.reached_by.armable > 0);
        let waiting = titles(&|r| r.reached_by.waiting > 0);
        if reached.is_empty() && waiting.is_empty() {
            self.good
                .push("administrators alone reach a channel".to_owned());
        }
        if !reached.is_empty() {
            self.bad.push(format!(
                "others than administrators reach {}",
                some(&reached)
            ));
        }
        if !waiting.is_empty() {
            self.bad.push(format!(
                "others than administrators reach {} once somebody runs what they left",
                some(&waiting)
            ));
        }
        if asked.excluded > 0 {
            self.unseen.push(format!(
                "the inventory leaves out {} of its databases",
                asked.excluded
            ));
        }
        let open = open_reach(asked.exposure);
        if open > 0 {
            self.unseen.push(format!(
                "what was not seen may add {open} points to who reaches a channel"
            ));
        }
    }

    fn close(self, word: Word) -> Claim {
        let (holds, because) = if !self.bad.is_empty() {
            (Holds::No, self.bad)
        } else if !self.unseen.is_empty() {
            (Holds::NotSeen, self.unseen)
        } else {
            (Holds::Yes, self.good)
        };
        Claim {
            word,
            holds,
            because,
        }
    }
}

/// Points that may be added by channels that were not seen whole. What may be planted and whether it would be noticed have
/// rules of their own in the claims.
fn open_reach(exposure: &Exposure) -> i32 {
    const OF_CHANNELS: [&str; 2] = ["channel", "further_channels"];
    if exposure.breakdown.is_empty() {
        return i32::try_from(exposure.high.abs_diff(exposure.low)).unwrap_or(i32::MAX);
    }
    let lines = exposure.breakdown.iter();
    let of_channels = lines.filter(|line| OF_CHANNELS.contains(&line.line.as_str()));
    of_channels.map(|line| line.high - line.low).sum()
}

/// The first few of a list, and how many more there are.
fn some(titles: &[&str]) -> String {
    const MOST: usize = 3;
    let first = titles
        .iter()
        .take(MOST)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match titles.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn disabled(asked: &Asked<'_>) -> Claim {
    let mut weighed = Weighed::default();
    let of_option = |route: &&Route| route.channel.option().is_some();
    for route in asked.routes.iter().filter(of_option) {
        if route.state == State::Open {
            weighed.bad.push(format!("{} is on", route.channel.title()));
        }
    }
    if weighed.bad.is_empty() && !asked.routes.is_empty() {
        weighed
            .good
            .push("every channel that has an option is off; Agent job steps and extended procedures have none, and stay with administrators".to_owned());
    }
    let in_code =
        |route: &&Route| route.channel == Channel::ModuleCommand && route.state == State::Open;
    if asked.routes.iter().any(|route| in_code(&route)) {
        weighed
            .bad
            .push("a module runs commands for whoever may execute it".to_owned());
    }
    weighed.enter(asked, PENDING, false);
    weighed.enter(asked, PLANTED, false);
    weighed.enter_reach(asked);
    weighed.close(Word::Disabled)
}

fn governed(asked: &Asked<'_>) -> Claim {
    let mut weighed = Weighed::default();
    weighed.enter(asked, GOVERNED, true);
    weighed.enter(asked, PLANTED, true);
    weighed.enter_reach(asked);
    weighed.close(Word::TightlyGoverned)
}

fn monitored(asked: &Asked<'_>) -> Claim {
    let mut weighed = Weighed::default();
    weighed.enter(asked, MONITORED, false);
    weighed.close(Word::Monitored)
}

#[cfg(test)]
mod tests;
