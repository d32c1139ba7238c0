//! What every report is rendered from.

use std::collections::BTreeMap;

use super::{Assessment, Server, Templates};
use crate::compliance::Checklist;
use crate::drift::{Diff, Trend};
use crate::ids::InstanceId;
use crate::rules::Rule;

/// What the first page tells of what was there before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Earlier<'a> {
    /// Earlier audits and this one, where some were given.
    pub trend: Option<&'a Trend>,
    /// What changed since a baseline, where one was given.
    pub drift: Option<&'a Diff>,
}

/// A judgement and what it rests on.
pub struct Judgement<'a> {
    /// What was concluded.
    pub assessment: &'a Assessment,
    /// What was there before.
    pub earlier: Earlier<'a>,
    /// The files of the folder that reports may refer to, by path, with the SHA-256 of each: `assessment.json`, and
    /// what stands in `snapshots/`, `inputs/` and `evidence/`. A folder that `assess` wrote has no snapshots.
    pub files: BTreeMap<String, String>,
    /// Templates that stand in for those of this version.
    pub templates: &'a Templates,
    /// The inventory's file as it was given; `None` if there was none, or one that does not say.
    pub inventory: Option<String>,
    /// The line of that file that names an instance.
    pub lines: BTreeMap<InstanceId, u32>,
    /// Where in the folder an instance's snapshot stands; a folder that `assess` wrote has none.
    pub snapshots: BTreeMap<InstanceId, String>,
    /// Rules of one's own.
    pub own_rules: &'a [&'static Rule],
    /// Controls on single instances and databases, for the frameworks that want them so.
    pub checklists: &'a [Checklist],
    /// Each instance as others name it; absent where no snapshot of it was given.
    pub servers: &'a BTreeMap<InstanceId, Server>,
}

impl Judgement<'_> {
    /// The rule with this id.
    pub fn rule(&self, id: &str) -> Option<&'static Rule> {
        let mut own = self.own_rules.iter().copied();
        Rule::find(id).or_else(|| own.find(|rule| rule.id == id))
    }
}

#[cfg(test)]
impl<'a> Judgement<'a> {
    /// An assessment alone.
    pub fn of(assessment: &'a Assessment) -> Self {
        static NONE: BTreeMap<InstanceId, Server> = BTreeMap::new();
        Self {
            assessment,
            earlier: Earlier::default(),
            templates: Templates::SHIPPED,
            files: BTreeMap::new(),
            inventory: None,
            lines: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            own_rules: &[],
            checklists: &[],
            servers: &NONE,
        }
    }
}
