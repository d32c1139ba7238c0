//! Who acts as dbo of a database, or has a power of its own there, as findings: for the rules on databases in which that
//! gains something beyond.

use std::collections::BTreeSet;

use super::reached::{Reached, Whom, is_by_permission};
use super::{Case, Evidence, Judgement, Subject};
use crate::graph::{Edge, Index, Node, Scope};
use crate::snapshot::DatabaseFacts;

/// Who gets to a place by a right in a database, by the last step each; administrators left out, and fixed roles without
/// members.
pub(super) struct Dbo<'c, 'a> {
    pub(super) case: &'c Case<'a>,
    pub(super) place: Node,
    /// What is within reach, as the beginning of the sentence.
    pub(super) what: &'static str,
    /// What is gained there, as the last part of the sentence, with its rows; `None` where the last step says it.
    pub(super) gain: Option<(String, Vec<Evidence>)>,
    pub(super) database: &'a DatabaseFacts,
    /// Whether whoever cannot come in is a finding nevertheless.
    pub(super) counts_nobody: bool,
}

impl Dbo<'_, '_> {
    /// Returns whether there are findings.
    pub(super) fn judge(&self, judgement: &mut Judgement) -> bool {
        self.judge_by(judgement, |edge| is_by_permission(edge.step))
    }

    /// The same of the steps that are meant.
    pub(super) fn judge_by(
        &self,
        judgement: &mut Judgement,
        is_meant: impl Fn(&Edge) -> bool,
    ) -> bool {
        let graph = self.case.graph();
        let (mut seen, mut found) = (BTreeSet::new(), false);
        for edge in graph.leading_to(self.place) {
            if is_meant(&edge) && seen.insert(edge.from) && !self.is_owner(&edge) {
                found |= self.report(&edge, judgement);
            }
        }
        found
    }

    /// An owner with the power of sysadmin gains nothing by being dbo.
    fn is_owner(&self, edge: &Edge) -> bool {
        let graph = self.case.graph();
        match edge.from {
            Node::Principal(Scope::Server, id) => graph.is_privileged(id).is_some(),
            _ => false,
        }
    }

    /// Returns whether it is a finding.
    fn report(&self, edge: &Edge, judgement: &mut Judgement) -> bool {
        let graph = self.case.graph();
        let Some(reached) = Reached::of(self.case, edge.from) else {
            return false;
        };
        let is_fixed = match edge.from {
            Node::Principal(Scope::Database(_), id) | Node::Joins(Scope::Database(_), id) => {
                Index::is_fixed_database_role(id)
            }
            _ => false,
        };
        if (is_fixed || !self.counts_nobody) && reached.whom == Whom::Nobody {
            return false;
        }
        let last = graph.told(&[(edge, self.place)]);
        let mut said = reached.chain.clone();
        said.extend(last.iter().map(|step| step.sentence.clone()));
        said.extend(self.gain.iter().map(|(says, _)| says.clone()));
        let who = reached.who(graph);
        let message = format!("{} within reach of {who}: {}", self.what, said.join("; "));
        let mut evidence = reached.evidence.clone();
        let rows = last.into_iter().flat_map(|step| step.evidence);
        Evidence::extend(&mut evidence, rows.map(Evidence::from));
        Evidence::extend(
            &mut evidence,
            self.gain.iter().flat_map(|(_, rows)| rows).cloned(),
        );
        let name = graph.place(edge.from).name;
        let subject = Subject::within("principal", &self.database.name, name);
        judgement.fail_at(reached.severity(), subject, message, evidence);
        true
    }
}
