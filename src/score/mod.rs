//! Exposure: how far an instance is open to operating-system command execution, from 0 to 100. An interval: `low` is
//! made of what was seen, `high` adds what the unseen could hold.

mod answer;
mod fix;
mod method;
mod rank;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::graph::{Assumed, Gap, Graph, Limits, Route, State, Surveyed};
use crate::ids::DatabaseName;
use crate::rules::{Outcome, Verdict};

pub use answer::{Answer, Asked, Claim, Concluded, Holds, Word};
pub use fix::{Fix, Judge, fix_first};
pub use method::{EXPLANATION, Width};
pub use rank::rank;

/// An instance's exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// With every unseen fact at its best.
    pub low: u32,
    /// With every unseen fact at its worst.
    pub high: u32,
    /// Lines that sum up to both.
    pub breakdown: Vec<Points>,
    /// What lies between: each fact that was not seen and could add something, largest first. Sums up to `high` less
    /// `low`, as far as facts and not groups of unknown size or unknown verdicts make it.
    pub unsettled: Vec<Unsettled>,
}

/// One line of an exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Points {
    /// `channel`, `further_channels`, `account`, `planted` or `detection`.
    pub line: String,
    /// The line in one sentence.
    pub sentence: String,
    /// Points at best; negative for detection.
    pub low: i32,
    /// Points at worst.
    pub high: i32,
}

/// A fact that was not seen, and the points it could add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsettled {
    /// The query's name.
    pub fact: String,
    /// Database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// What would settle it.
    pub needs: Vec<String>,
    /// Points, those of facts further up already counted.
    pub points: u32,
}

/// So many gaps are told apart; what more there are is counted together with the last.
const MOST_GAPS: usize = 24;

/// An instance's exposure, and the routes that it is made of.
pub fn exposure(graph: &mut Graph<'_>, verdicts: &[Verdict]) -> (Exposure, Vec<Route>) {
    let others = Others {
        verdicts,
        detection: graph.records_changes(),
    };
    let low = graph.survey(Limits::default());
    let gaps = graph.gaps();
    let lines = if gaps.is_empty() {
        others.lines(&low, &low)
    } else {
        others.lines(&low, &survey_with(graph, &gaps))
    };
    let (at_best, at_worst) = (sum(&lines, |p| p.low), sum(&lines, |p| p.high));
    let unsettled = if gaps.is_empty() {
        Vec::new()
    } else {
        between(graph, &gaps, &others, &low)
    };
    let exposure = Exposure {
        low: at_best,
        high: at_worst,
        breakdown: lines
            .into_iter()
            .filter(|p| p.low != 0 || p.high != 0)
            .collect(),
        unsettled,
    };
    (exposure, low.into_iter().map(|s| s.route).collect())
}

/// What an exposure is made of besides verdicts: the graph as it is, and as it would be at worst.
struct Surveys {
    low: Vec<Surveyed>,
    /// `None` where everything was seen.
    high: Option<Vec<Surveyed>>,
    detection: Option<bool>,
}

impl Surveys {
    fn of(graph: &mut Graph<'_>) -> Self {
        let low = graph.survey(NO_PATHS);
        let gaps = graph.gaps();
        Self {
            low,
            high: (!gaps.is_empty()).then(|| survey_with(graph, &gaps)),
            detection: graph.records_changes(),
        }
    }

    /// Low and high alone.
    fn exposure(&self, verdicts: &[Verdict]) -> (u32, u32) {
        let others = Others {
            verdicts,
            detection: self.detection,
        };
        let lines = others.lines(&self.low, self.high.as_ref().unwrap_or(&self.low));
        (sum(&lines, |p| p.low), sum(&lines, |p| p.high))
    }
}

/// The exposure of an instance of which nothing was seen.
pub fn unseen() -> Exposure {
    Exposure {
        low: 0,
        high: method::MOST,
        breakdown: Vec::new(),
        unsettled: Vec::new(),
    }
}

fn survey_with(graph: &mut Graph<'_>, gaps: &[Gap]) -> Vec<Surveyed> {
    graph.assume(Assumed::of(gaps));
    let surveyed = graph.survey(NO_PATHS);
    graph.assume(Assumed::default());
    surveyed
}

const NO_PATHS: Limits = Limits {
    paths: 0,
    steps: usize::MAX,
};

/// Points between low and high by gap: each with what it adds to those further up.
fn between(
    graph: &mut Graph<'_>,
    gaps: &[Gap],
    others: &Others<'_>,
    low: &[Surveyed],
) -> Vec<Unsettled> {
    let mut alone: Vec<(u32, usize)> = Vec::new();
    let worst = |graph: &mut Graph<'_>, gaps: &[Gap]| {
        let surveyed = survey_with(graph, gaps);
        sum(&others.lines(low, &surveyed), |p| p.high)
    };
    for (at, gap) in gaps.iter().take(MOST_GAPS).enumerate() {
        alone.push((worst(graph, std::slice::from_ref(gap)), at));
    }
    alone.sort_by_key(|(points, at)| (std::cmp::Reverse(*points), *at));
    let mut order: Vec<&Gap> = alone.iter().filter_map(|(_, at)| gaps.get(*at)).collect();
    order.extend(gaps.iter().skip(MOST_GAPS));
    let mut before = sum(&others.lines(low, low), |p| p.high);
    let mut taken: Vec<Gap> = Vec::new();
    let mut found = Vec::new();
    for (at, gap) in order.iter().enumerate() {
        taken.push((*gap).clone());
        let is_last_apart = at + 1 >= MOST_GAPS && at + 1 < order.len();
        if is_last_apart && at + 1 > MOST_GAPS {
            continue;
        }
        let now = worst(graph, &taken);
        let points = now.saturating_sub(before);
        before = now;
        if points > 0 {
            found.push(Unsettled {
                fact: gap.state.fact.to_owned(),
                database: gap.state.database.clone(),
                needs: gap.state.needs.clone(),
                points,
            });
        }
    }
    found.sort_by_key(|u| std::cmp::Reverse(u.points));
    found
}

fn sum(lines: &[Points], points: fn(&Points) -> i32) -> u32 {
    let sum: i32 = lines.iter().map(points).sum();
    u32::try_from(sum).unwrap_or(0).min(method::MOST)
}

/// What an exposure is made of besides routes.
struct Others<'v> {
    verdicts: &'v [Verdict],
    /// Whether changes are recorded; `None` where that was not seen.
    detection: Option<bool>,
}

impl Others<'_> {
    fn lines(&self, low: &[Surveyed], high: &[Surveyed]) -> Vec<Points> {
        let mut lines = vec![
            widest(low, high),
            further(low, high),
            account(low, high),
            self.planted(),
        ];
        lines.push(self.detected(&lines));
        lines
    }

    fn planted(&self) -> Points {
        let (mut low, mut high, mut worst) = (0, 0, None);
        for verdict in self.verdicts {
            if !method::PLANTED.contains(&verdict.rule.slug) {
                continue;
            }
            match &verdict.outcome {
                // Exposure is what is so; that somebody accepts it changes nothing.
                Outcome::Fail(finding) | Outcome::Accepted(finding, _) => {
                    let points = method::planted(finding.severity);
                    if points > low {
                        worst = Some(verdict.rule.title);
                    }
                    (low, high) = (low.max(points), high.max(points));
                }
                Outcome::Unknown(_) => high = high.max(method::planted(verdict.rule.severity)),
                Outcome::Pass | Outcome::NotApplicable(_) => {}
            }
        }
        let sentence = match worst {
            Some(title) => format!("Something is there to stay, the worst of it: {title}."),
            None => "Whether something is there to stay was not seen whole.".to_owned(),
        };
        points("planted", sentence, low, high)
    }

    /// A credit never takes more than there is.
    fn detected(&self, lines: &[Points]) -> Points {
        let credit = |points: fn(&Points) -> i32, recorded: bool| {
            let before = sum(lines, points);
            let credit = if recorded { method::DETECTION } else { 0 };
            -i32::try_from(credit.min(before)).unwrap_or(0)
        };
        Points {
            line: "detection".to_owned(),
            sentence: match self.detection {
                Some(true) => "A running audit records changes of configuration or permissions.",
                Some(false) => "No running audit records changes of configuration or permissions.",
                None => "Whether an audit records changes was not seen whole.",
            }
            .to_owned(),
            low: credit(|p| p.low, self.detection != Some(false)),
            high: credit(|p| p.high, self.detection == Some(true)),
        }
    }
}

fn points(line: &str, sentence: String, low: u32, high: u32) -> Points {
    Points {
        line: line.to_owned(),
        sentence,
        low: i32::try_from(low).unwrap_or(i32::MAX),
        high: i32::try_from(high).unwrap_or(i32::MAX),
    }
}

/// The channel with the most points; of equal ones the first.
fn best(surveyed: &[Surveyed], at_worst: bool) -> Option<(&Surveyed, method::Standing)> {
    let all = surveyed.iter().map(|s| (s, method::standing(s, at_worst)));
    let all = all.filter(|(_, standing)| standing.points > 0);
    all.reduce(|one, other| {
        if other.1.points > one.1.points {
            other
        } else {
            one
        }
    })
}

fn told(found: Option<(&Surveyed, method::Standing)>) -> Option<(String, u32)> {
    let (surveyed, standing) = found?;
    let (state, width) = standing.best?;
    let channel = surveyed.route.channel.title();
    if width == Width::Administrators {
        let more = match state {
            State::Open => format!("{channel} is open"),
            State::Armable => format!("{channel} can be switched on"),
            State::Waiting | State::Closed => format!("{channel} is within reach"),
        };
        let sentence = format!("nobody but administrators by design runs commands; to them {more}");
        return Some((sentence, standing.points));
    }
    let state = match state {
        State::Open => "open to",
        State::Armable => "armable by",
        State::Waiting | State::Closed => "within reach, after waiting, of",
    };
    Some((
        format!("{channel} is {state} {}", width.words()),
        standing.points,
    ))
}

fn widest(low: &[Surveyed], high: &[Surveyed]) -> Points {
    let (at_best, at_worst) = (told(best(low, false)), told(best(high, true)));
    let sentence = match (&at_best, &at_worst) {
        (Some((best, _)), Some((worst, _))) if best != worst => {
            format!("{}; at worst {worst}.", capital(best))
        }
        (Some((best, _)), _) => format!("{}.", capital(best)),
        (None, Some((worst, _))) => format!("At worst {worst}."),
        (None, None) => "No channel exists here.".to_owned(),
    };
    let points_of = |told: Option<(String, u32)>| told.map_or(0, |(_, points)| points);
    points("channel", sentence, points_of(at_best), points_of(at_worst))
}

/// A sentence begins with a capital, but for names that are written as they are.
fn capital(sentence: &str) -> String {
    match sentence.strip_prefix('n') {
        Some(rest) if sentence.starts_with("nobody") => format!("N{rest}"),
        _ => sentence.to_owned(),
    }
}

fn further(low: &[Surveyed], high: &[Surveyed]) -> Points {
    let others = |surveyed: &[Surveyed]| {
        let all = surveyed.iter().map(|s| s.open.with(&s.armable));
        let wide = all.filter(|breadth| breadth.everyone || breadth.count > 0);
        u32::try_from(wide.count().saturating_sub(1)).unwrap_or(u32::MAX)
    };
    let (at_best, at_worst) = (others(low), others(high));
    let (each, most) = method::FURTHER;
    points(
        "further_channels",
        format!(
            "{at_best} further channels let others than administrators through; at worst {at_worst}."
        ),
        at_best.saturating_mul(each).min(most),
        at_worst.saturating_mul(each).min(most),
    )
}

fn account(low: &[Surveyed], high: &[Surveyed]) -> Points {
    let strongest = |surveyed: &[Surveyed], at_worst| {
        let open = surveyed.iter().filter(|s| s.route.state > State::Closed);
        let all = open.map(|s| (method::identity(&s.route.runs_as.power, at_worst), &s.route));
        all.reduce(|one, other| if other.0 > one.0 { other } else { one })
            .map(|(points, route)| (points, route.runs_as.clone()))
    };
    let (at_best, at_worst) = (strongest(low, false), strongest(high, true));
    let named = at_best.as_ref().or(at_worst.as_ref());
    let account = named.and_then(|(_, runs_as)| runs_as.account.as_deref());
    let sentence = match account {
        Some(account) => format!(
            "The strongest account that commands run as is {}.",
            crate::ids::named(account)
        ),
        None => "As which account commands run was not seen.".to_owned(),
    };
    let points_of = |found: Option<(u32, _)>| found.map_or(0, |(points, _)| points);
    points("account", sentence, points_of(at_best), points_of(at_worst))
}
