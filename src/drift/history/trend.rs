//! What an audit tells of the audits before it, on its first page: counted once, from whole bundles, and kept in the
//! folder, so that its reports can be made again without those bundles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::track::Step;
use super::{Given, History, HistoryError, Point, Seal, Tracked, order, refuse};

/// The first field of `inputs/trend.json`.
pub const TREND_SCHEMA: &str = "mssql-posture/trend/v1";

/// So many findings are told of those that opened, of those that were closed, and of those that nobody sees any more.
const MOST_TOLD: usize = 10;

/// Earlier audits of an estate, and the one that tells of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    /// `mssql-posture/trend/v1`.
    pub schema: String,
    /// In their order; the last is the audit itself.
    pub bundles: Vec<TrendBundle>,
    /// The estate, one for each.
    pub fleet: Vec<Point>,
    /// Findings that opened since the one before, the worst first, and no more than ten: `fleet` counts them all.
    pub opened: Vec<Tracked>,
    /// The same of those that were closed.
    pub closed: Vec<Tracked>,
    /// The same of those that stood and that nobody could see.
    pub not_seen: Vec<Tracked>,
}

/// An audit of a trend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrendBundle {
    /// Its day, with the time where two are of one day.
    pub label: String,
    /// SHA-256 of its `assessment.json`.
    pub sha256: String,
    /// What vouches for it; nothing does yet for the audit itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
    /// In what it was not judged as the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
}

/// Why there is no trend.
#[derive(Debug, thiserror::Error)]
pub enum TrendError {
    /// See there.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// It is no evidence.
    #[error("{path} is not as it was, so nothing is counted from it: {what}")]
    Altered {
        /// As named.
        path: String,
        /// What is off.
        what: String,
    },
    /// It comes after.
    #[error(
        "{path} is of {day} and comes after this audit, which is as of {own}: a trend ends with the audit that tells it"
    )]
    Later {
        /// As named.
        path: String,
        /// Its day.
        day: String,
        /// The audit's.
        own: String,
    },
}

fn day(given: &Given) -> &str {
    let assessed = given.assessed.as_ref();
    assessed.map_or("", |own| own.as_of.as_str())
}

fn later(given: &Given, own: &str) -> TrendError {
    TrendError::Later {
        path: given.path.clone(),
        day: day(given).to_owned(),
        own: own.to_owned(),
    }
}

impl Trend {
    /// Whether earlier audits may be told of by one as of a day: said before anybody is asked for anything.
    ///
    /// # Errors
    /// See [`TrendError`].
    pub fn admit(earlier: &[Given], own: &str) -> Result<(), TrendError> {
        for given in earlier {
            if let Seal::Altered { what } = &given.seal {
                return Err(TrendError::Altered {
                    path: given.path.clone(),
                    what: what.clone(),
                });
            }
            if day(given) > own {
                return Err(later(given, own));
            }
        }
        Ok(refuse(earlier)?)
    }

    /// Counts. `own` is the audit itself.
    ///
    /// # Errors
    /// See [`TrendError`].
    pub fn new(earlier: Vec<Given>, mut own: Given) -> Result<Self, TrendError> {
        // Of two that were judged as of one day by one collection, it is the later one: it is not finished yet.
        own.finished = char::MAX.to_string();
        Self::admit(&earlier, day(&own))?;
        let own_sha256 = own.sha256.clone();
        if let Some(given) = earlier.iter().find(|given| order(given) > order(&own)) {
            return Err(later(given, day(&own)));
        }
        let mut hashes: Vec<String> = Vec::new();
        let all: Vec<Given> = earlier.into_iter().chain([own]).collect();
        let history = History::in_order(all, &mut hashes)?;
        let last = hashes.len().saturating_sub(1);
        let told = |step: Step| -> Vec<Tracked> {
            let mut own: Vec<&Tracked> = history
                .findings
                .iter()
                .filter(|own| own.step(last) == Some(step))
                .collect();
            own.sort_by_key(|own| std::cmp::Reverse(own.severity));
            own.into_iter().take(MOST_TOLD).cloned().collect()
        };
        let bundles = history.bundles.iter().zip(&hashes);
        let bundles = bundles.map(|(bundle, sha256)| TrendBundle {
            label: bundle.label.clone(),
            seal: (*sha256 != own_sha256).then(|| bundle.seal.clone()),
            sha256: sha256.clone(),
            differs: bundle.differs.clone(),
        });
        Ok(Self {
            schema: TREND_SCHEMA.to_owned(),
            bundles: bundles.collect(),
            opened: told(Step::Opened),
            closed: told(Step::Closed),
            not_seen: told(Step::NotSeen),
            fleet: history.fleet,
        })
    }

    /// Whether its last point is this audit's: what does not hang on the others.
    pub fn ends_with(&self, own: &Given) -> bool {
        let Ok(alone) = History::new(vec![own.clone()]) else {
            return false;
        };
        let (Some(told), Some(due)) = (self.fleet.last(), alone.fleet.last()) else {
            return false;
        };
        let bundle = self.bundles.last();
        let told = Point {
            moves: due.moves,
            ..told.clone()
        };
        told == *due && bundle.is_some_and(|bundle| bundle.sha256 == own.sha256)
    }
}
