//! The question that MITRE ATT&CK's AN0511 comes down to, answered for one instance: is the running of operating-system
//! commands from SQL disabled, tightly governed, monitored, or none of these? Each word is a claim that holds, does not
//! hold, or was not seen well enough; the answer is the first that holds, and it never rests on what was not seen.

use std::collections::BTreeMap;

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

/// What one rule concluded on the instance, all its subjects together, the worst of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concluded {
    /// The question does not arise.
    NotApplicable,
    /// Good.
    Passed,
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
    /// What each rule concluded; a rule that is absent concluded nothing.
    pub concluded: BTreeMap<&'a str, Concluded>,
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
}

const fn condition(rule: &'static str, clean: &'static str, otherwise: &'static str) -> Condition {
    Condition {
        rule,
        clean,
        otherwise,
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
    ),
    condition(
        "AGENT-001",
        "no job of others runs commands",
        "a job of somebody without sysadmin runs commands",
    ),
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
    /// An accepted finding is no reason against the claim only where somebody may accept what the claim is about.
    fn enter(&mut self, asked: &Asked<'_>, conditions: &[Condition], may_accept: bool) {
        for one in conditions {
            let Condition {
                rule,
                clean,
                otherwise,
            } = one;
            match asked.concluded.get(rule) {
                Some(Concluded::NotApplicable) if *rule == EXPECTED.rule => {
                    let silent = "the inventory does not say who is expected in sysadmin";
                    self.bad.push(format!("{silent} ({rule})"));
                }
                Some(Concluded::NotApplicable | Concluded::Passed) => {
                    self.good.push(format!("{clean} ({rule})"));
                }
                Some(Concluded::Accepted) => {
                    let said = format!("{otherwise}, which is accepted ({rule})");
                    let side = if may_accept {
                        &mut self.good
                    } else {
                        &mut self.bad
                    };
                    side.push(said);
                }
                Some(Concluded::Failed) => self.bad.push(format!("{otherwise} ({rule})")),
                Some(Concluded::Unknown) | None => {
                    self.unseen
                        .push(format!("not seen whether {clean} ({rule})"));
                }
            }
        }
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
        let open = asked.exposure.high.saturating_sub(asked.exposure.low);
        if open > 0 {
            self.unseen.push(format!(
                "what was not seen may add {open} points of exposure"
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
mod tests {
    use super::*;
    use crate::graph::{ReachedBy, RunsAs};

    fn route(channel: Channel, state: State, reached_by: ReachedBy) -> Route {
        Route {
            channel,
            state,
            why: String::new(),
            source: String::new(),
            runs_as: RunsAs {
                account: None,
                power: "unknown".to_owned(),
            },
            reached_by,
            evidence: Vec::new(),
            paths: Vec::new(),
        }
    }

    fn seen(high: u32) -> Exposure {
        Exposure {
            high,
            ..crate::score::unseen()
        }
    }

    /// Every rule that a claim takes is clean.
    fn clean() -> BTreeMap<&'static str, Concluded> {
        let conditions = [PENDING, GOVERNED, PLANTED, MONITORED];
        let conditions = conditions.into_iter().flatten();
        conditions
            .map(|one| (one.rule, Concluded::Passed))
            .collect()
    }

    fn word(routes: &[Route], high: u32, changes: &[(&'static str, Concluded)]) -> (Word, Answer) {
        let mut concluded = clean();
        concluded.extend(changes.iter().copied());
        let exposure = seen(high);
        let answer = Answer::of(&Asked {
            routes,
            exposure: &exposure,
            concluded,
            excluded: 0,
        });
        (answer.word, answer)
    }

    fn off() -> Vec<Route> {
        vec![
            route(Channel::XpCmdshell, State::Armable, ReachedBy::default()),
            route(
                Channel::ExtendedProcedure,
                State::Open,
                ReachedBy::default(),
            ),
        ]
    }

    #[test]
    fn the_first_word_that_holds_is_the_answer() {
        let failed = |rule| (rule, Concluded::Failed);
        let on = vec![route(
            Channel::XpCmdshell,
            State::Open,
            ReachedBy::default(),
        )];
        let by_others = ReachedBy {
            waiting: 1,
            ..ReachedBy::default()
        };
        let waiting = vec![route(Channel::RegistryAutorun, State::Open, by_others)];
        for (case, routes, changes, due) in [
            ("all off", off(), vec![], Word::Disabled),
            ("one is on", on.clone(), vec![], Word::TightlyGoverned),
            (
                "one is staged",
                off(),
                vec![failed("SURF-002")],
                Word::TightlyGoverned,
            ),
            ("others get there", waiting.clone(), vec![], Word::Monitored),
            (
                "a stranger",
                on.clone(),
                vec![failed("PRIV-001")],
                Word::Monitored,
            ),
            (
                "nobody said who is expected",
                on.clone(),
                vec![("PRIV-001", Concluded::NotApplicable)],
                Word::Monitored,
            ),
            (
                "code that was accepted",
                on,
                vec![("CODE-002", Concluded::Accepted)],
                Word::TightlyGoverned,
            ),
            (
                "code that was accepted is code",
                off(),
                vec![("CODE-002", Concluded::Accepted)],
                Word::TightlyGoverned,
            ),
            (
                "what is staged is staged, whoever accepts it",
                off(),
                vec![("SURF-002", Concluded::Accepted)],
                Word::TightlyGoverned,
            ),
            (
                "nobody is monitored by accepting that no audit runs",
                waiting.clone(),
                vec![("AUDIT-002", Concluded::Accepted)],
                Word::NoneOfThese,
            ),
            (
                "no audit",
                waiting,
                vec![failed("AUDIT-002")],
                Word::NoneOfThese,
            ),
        ] {
            assert_eq!(word(&routes, 0, &changes).0, due, "{case}");
        }
    }

    #[test]
    fn what_was_not_seen_never_makes_a_word_hold() {
        let unknown = |rule| (rule, Concluded::Unknown);
        let silent = [unknown("AUDIT-002")];
        assert_eq!(word(&[], 0, &silent).0, Word::NotSeen, "no routes");
        assert_eq!(
            word(&off(), 5, &silent).0,
            Word::NotSeen,
            "an open interval"
        );
        let (answer, whole) = word(&off(), 0, &[unknown("CHANGE-004")]);
        assert_eq!(answer, Word::TightlyGoverned);
        assert_eq!(whole.claims[0].holds, Holds::NotSeen);
        let mut concluded = clean();
        concluded.remove("AUDIT-003");
        let exposure = seen(5);
        let asked = Asked {
            routes: &off(),
            exposure: &exposure,
            concluded,
            excluded: 0,
        };
        assert_eq!(
            Answer::of(&asked).word,
            Word::NotSeen,
            "a rule that was not asked"
        );
    }

    #[test]
    fn a_database_that_is_left_out_was_not_seen() {
        let exposure = seen(0);
        let answer = Answer::of(&Asked {
            routes: &off(),
            exposure: &exposure,
            concluded: clean(),
            excluded: 1,
        });
        assert_eq!(answer.word, Word::Monitored);
        assert_eq!(answer.claims[0].holds, Holds::NotSeen);
        assert_eq!(answer.claims[1].holds, Holds::NotSeen);
    }

    #[test]
    fn every_rule_that_is_asked_exists() {
        for one in [PENDING, GOVERNED, PLANTED, MONITORED]
            .into_iter()
            .flatten()
        {
            assert!(crate::rules::Rule::find(one.rule).is_some(), "{}", one.rule);
        }
    }
}
