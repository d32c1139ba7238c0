//! One query and one fault: collect, judge, and compare with what is due.

use std::sync::Arc;
use std::time::Duration;

use mssql_posture::collect::{Collected, Scope, Sight};
use mssql_posture::ids::DatabaseName;
use mssql_posture::rules;
use mssql_posture::snapshot::{Fact, Outcome, QueryOutcome, Stage};
use serde_json::Value;

use super::due::{Due, Place, due, ends_before_databases, query_of};
use super::faults::{Effect, Kind, NO_ACCESS};
use super::judged::{Judgement, judged, rules_on};
use super::rows::{DATABASES, Row, Seen, Statement, Whole, facts, plain, plainly};
use crate::support::in_process::collected;
use crate::support::instance::{Instance, RunningInstance};
use crate::support::tds_server::Options;
use crate::support::truth;

/// A query may take so long where the server falls silent. Long enough for a busy machine to answer all others.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub row: Row,
    pub kind: Kind,
}

impl Cell {
    pub fn name(&self) -> String {
        let Row {
            statement,
            query,
            database,
            version,
        } = self.row;
        let what = match statement {
            Statement::Query => query.name.to_owned(),
            Statement::Use => "USE".to_owned(),
            Statement::Set(option) => format!("SET {option}"),
        };
        let place = database.unwrap_or("the instance");
        format!("{what} in {place} (version {version}), {:?}", self.kind)
    }

    pub fn server(&self, whole: &Whole, options: Options) -> RunningInstance {
        let instance = Instance::like(&whole.layout);
        let instance = match self.kind.fault(&self.row) {
            (fault, None) => instance.fault(fault),
            (fault, Some(times)) => instance.fault_times(times, fault),
        };
        instance.start(options)
    }

    /// Runs it, and fails unless everything is as it must be.
    pub fn check(&self) {
        let whole = self.row.instance();
        let server = self.server(&whole, plain());
        let mut plan = plainly(&server);
        plan.retries = u32::from(self.kind == Kind::CutOnce);
        if self.kind == Kind::Hang {
            plan.query_limit = PATIENCE;
        }
        let collected = collected(plan);
        // A second session has another number than the recorded one.
        if !(self.kind == Kind::CutOnce && self.row.query.scope == Scope::Session) {
            truth::assert_nothing_false(&collected.snapshot, &server);
        }
        server.assert_clean();
        let after = After {
            cell: self,
            judgement: judged(&collected),
            facts: facts(&collected),
            collected,
            whole,
        };
        after.ended();
        after.every_fact();
        after.recorded();
        after.concluded();
    }
}

/// What came of a cell.
struct After<'a> {
    cell: &'a Cell,
    whole: Arc<Whole>,
    collected: Collected,
    judgement: Judgement,
    facts: Vec<Seen>,
}

impl After<'_> {
    /// How the collection ended.
    fn ended(&self) {
        let Cell { row, kind } = *self.cell;
        let outcome = &self.collected.snapshot.outcome;
        let stage = match outcome {
            Outcome::Finished => None,
            Outcome::Interrupted(trouble) | Outcome::Unreached(trouble) => Some(trouble.stage),
            Outcome::SameAs { .. } => panic!("{outcome:?}"),
        };
        let due = match (row.query.scope, kind.effect()) {
            (_, Effect::None) => None,
            (Scope::Session, _) => Some(Stage::Session),
            (Scope::Server, Effect::Lost) => Some(Stage::Server),
            _ => None,
        };
        assert_eq!(stage, due, "{outcome:?}");
        if due.is_some() {
            assert!(outcome.why().contains(&kind.says()), "{outcome:?}");
        }
        let unreached = matches!(outcome, Outcome::Unreached(_));
        assert_eq!(unreached, due == Some(Stage::Session), "{outcome:?}");
        let read = self.collected.snapshot.databases.len();
        let none = ends_before_databases(&row, kind);
        assert_eq!(read, if none { 0 } else { DATABASES.len() }, "databases");
    }

    fn every_fact(&self) {
        let Cell { row, kind } = *self.cell;
        let none_read = ends_before_databases(&row, kind);
        let before = self.whole.facts.iter();
        let before: Vec<_> = before
            .filter(|seen| seen.database.is_none() || !none_read)
            .collect();
        assert_eq!(before.len(), self.facts.len());
        for (before, after) in before.into_iter().zip(&self.facts) {
            let Seen { fact, database, .. } = before;
            assert_eq!((fact, database), (&after.fact, &after.database));
            if *fact == "session" && row.query.scope == Scope::Session && kind == Kind::CutOnce {
                assert_eq!(after.state(), "known");
                continue;
            }
            // Of the connection, and another's: its certificate is the server's, and no query brings it.
            if *fact == "server_tls" && row.query.scope != Scope::Session {
                assert_eq!(after.state(), "known");
                continue;
            }
            let place = Place {
                fact,
                database: database.as_deref(),
                state: before.state(),
            };
            let due = due(&row, kind, place);
            self.fact(place, &due, &before.value, &after.value);
        }
    }

    fn fact(&self, place: Place<'_>, due: &Due, was: &Value, is: &Value) {
        match due {
            Due::Same => assert_eq!(is, was, "{place:?}"),
            Due::Partial => {
                assert_eq!(is["state"], "partial", "{place:?}: {is}");
                assert_eq!(is["value"], was["value"], "{place:?}");
                assert!(!is["needs"].as_array().unwrap().is_empty(), "{place:?}");
            }
            Due::Lost(reason) => {
                assert_eq!(is["state"], "not_collected", "{place:?}: {is}");
                let why = is["why"].as_str().unwrap();
                assert!(why.contains(reason), "{place:?}: {why:?}");
            }
            Due::Refused => self.refused(place, is),
        }
    }

    /// The server's number stands in the fact, and beside a denial what would help.
    fn refused(&self, place: Place<'_>, is: &Value) {
        let Cell { row, kind } = *self.cell;
        let number = kind.number().unwrap();
        if kind.effect() == Effect::Failed {
            assert_eq!(is["state"], "failed", "{place:?}: {is}");
            assert_eq!(is["error"]["number"], number, "{place:?}");
            return;
        }
        assert_eq!(is["state"], "denied", "{place:?}: {is}");
        let [need] = is["needs"].as_array().unwrap().as_slice() else {
            panic!("{place:?}: {is}");
        };
        let need = need.as_str().unwrap();
        let right = need.strip_suffix(&format!(" (error {number})"));
        let right = right.unwrap_or_else(|| panic!("{place:?}: {need:?}"));
        let query = query_of(place.fact, row.version).unwrap();
        if number == NO_ACCESS {
            assert!(
                right.contains("CONNECT ANY DATABASE"),
                "{place:?}: {need:?}"
            );
        } else if query.sight == Sight::Public {
            // What everybody may do is named too, or nobody knows what was taken away.
            let due = match query.views {
                "none" => "what everybody may ask by default".to_owned(),
                views => format!("SELECT on {views}, which public has by default"),
            };
            assert_eq!(right, due, "{place:?}");
        } else {
            assert_eq!(right, query.permission, "{place:?}");
        }
    }

    /// The query's record says how it ended.
    fn recorded(&self) {
        let Cell { row, kind } = *self.cell;
        let mut records = self.collected.snapshot.queries.iter().filter(|record| {
            record.query == row.query.name
                && record.database.as_ref().map(DatabaseName::as_str) == row.database
        });
        let failed = records.find(|record| record.outcome == QueryOutcome::Failed);
        let error = failed.and_then(|record| record.error.as_ref());
        let error = error.expect("a record of the failure");
        match kind.effect() {
            Effect::Denied | Effect::Failed => assert_eq!(Some(error.number), kind.number()),
            Effect::Lost | Effect::None => {
                assert_eq!(error.number, 0, "{error:?}");
                assert!(error.text.contains(&kind.says()), "{error:?}");
            }
        }
    }

    /// The rules see what is missing, and so does the exit code.
    fn concluded(&self) {
        let Cell { row, kind } = *self.cell;
        let name = row.query.name;
        let nobody_asks = Fact::BEYOND_LEAST.iter().any(|fact| fact.name() == name);
        let whole = kind.effect() == Effect::None || (nobody_asks && kind.effect() != Effect::Lost);
        assert_eq!(self.judgement.incomplete, !whole, "exit code 3");
        if whole {
            assert_eq!(rules::unsettled(&self.collected.snapshot), [].into());
            return;
        }
        let changed: Vec<_> = self.before_and_after().collect();
        let facts = changed.iter().filter(|(_, database)| database.is_none());
        let facts = facts.filter(|(fact, _)| !rules_on(fact, None).is_empty());
        let facts = facts.map(|(fact, _)| (*fact).to_owned()).collect();
        assert_eq!(self.judgement.unseen_facts(), facts, "SIGHT-002");
        let databases = changed.iter().filter_map(|(_, database)| database.clone());
        assert_eq!(
            self.judgement.unread_databases(),
            databases.collect(),
            "SIGHT-001"
        );
        let lists = changed.iter().any(|(fact, _)| *fact == "databases");
        assert_eq!(
            self.judgement.has_no_list_of_databases(),
            lists,
            "SIGHT-001"
        );
        for (fact, database) in &changed {
            for rule in rules_on(fact, database.as_deref()) {
                let passed = self.judgement.passed(rule);
                let about = format!("{} without {fact} of {database:?}", rule.id);
                assert_eq!(passed, 0, "{about} passes");
                let passed_before = self.whole.judgement.passed(rule) > 0;
                let says = self.judgement.is_open(rule);
                assert!(says || !passed_before, "{about} says nothing");
            }
        }
    }

    /// Facts that are no longer what they were.
    fn before_and_after(&self) -> impl Iterator<Item = (&'static str, Option<String>)> {
        let after = self.facts.iter().filter(|is| {
            let mut before = self.whole.facts.iter();
            let was = before.find(|was| was.fact == is.fact && was.database == is.database);
            is.fact != "server_tls" && was.is_none_or(|was| was.state() != is.state())
        });
        after.map(|seen| (seen.fact, seen.database.clone()))
    }
}
