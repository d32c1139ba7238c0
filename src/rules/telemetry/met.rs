//! What lines of specifications record, taken together.

use std::collections::BTreeSet;

use super::events::{Actions, Event};
use super::reading::Reading;
use super::{Keeps, RecordedBy};
use crate::rules::{Evidence, named};
use crate::snapshot::AuditSpecificationDetail;

/// The principal by whom everybody is meant.
const PUBLIC: i32 = 0;

/// What may be concluded of a record: the more, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    Not,
    InPart,
    Narrowed,
    Whole,
}

/// One action of one specification, and what becomes of it.
pub(super) struct Line<'a> {
    pub detail: &'a AuditSpecificationDetail,
    pub by: RecordedBy,
    pub grade: Grade,
    /// Why it is less than whole.
    pub fault: Option<String>,
    pub keeps: Keeps,
    pub evidence: Vec<Evidence>,
}

/// What a group of lines records of something.
pub(super) struct Met {
    pub grade: Grade,
    pub keeps: Keeps,
    pub by: BTreeSet<RecordedBy>,
    pub faults: BTreeSet<String>,
    pub evidence: Vec<Evidence>,
}

impl Met {
    pub fn nothing() -> Self {
        Self {
            grade: Grade::Not,
            keeps: Keeps::Enough,
            by: BTreeSet::new(),
            faults: BTreeSet::new(),
            evidence: Vec::new(),
        }
    }

    pub fn enter(&mut self, line: &Line<'_>) {
        self.by.insert(line.by.clone());
        self.faults.extend(line.fault.clone());
        self.keeps = self.keeps.min(line.keeps);
        Evidence::extend(&mut self.evidence, line.evidence.iter().cloned());
    }
}

impl Reading<'_, '_> {
    /// What these lines record of the groups, all of them, or of the actions in one database.
    pub(super) fn met(&self, event: &Event, lines: &[&Line<'_>]) -> Met {
        let by_groups = met_by_groups(event, lines);
        match event.actions {
            Some(actions) if by_groups.grade < Grade::Whole => {
                let by_actions = self.met_by_actions(actions, lines);
                if by_actions.grade > by_groups.grade {
                    by_actions
                } else {
                    by_groups
                }
            }
            _ => by_groups,
        }
    }

    fn met_by_actions(&self, actions: &Actions, lines: &[&Line<'_>]) -> Met {
        let mut met = Met::nothing();
        let mut grades = Vec::new();
        for name in actions.names {
            let own = lines.iter().filter(|line| line.by.action == *name);
            let own: Vec<(Grade, &&Line<'_>)> = own
                .map(|line| (line.grade.min(self.reach(actions, line)), line))
                .collect();
            let best = own
                .into_iter()
                .max_by_key(|(grade, line)| (*grade, line.keeps));
            grades.push(best.as_ref().map_or(Grade::Not, |(grade, _)| *grade));
            if let Some((grade, line)) = best.filter(|(grade, _)| *grade > Grade::Not) {
                met.enter(line);
                if grade < line.grade {
                    let own = named(&line.by.specification);
                    met.faults.insert(format!(
                        "specification {own} records {name} of some principals or objects"
                    ));
                }
            } else {
                met.faults.insert(format!("{name} is not recorded"));
            }
        }
        met.grade = combined(grades.into_iter());
        met
    }

    /// Whether an action is recorded on all that matters, by everybody. What is recorded of other objects is nothing.
    fn reach(&self, actions: &Actions, line: &Line<'_>) -> Grade {
        const DATABASE: i32 = 0;
        const OBJECT: i32 = 1;
        const SCHEMA: i32 = 3;
        let detail = line.detail;
        // Of calls of anything, some are recorded by any such action.
        let other = match actions.schema_id {
            None => Grade::InPart,
            Some(_) => Grade::Not,
        };
        let grade = match detail.class {
            DATABASE => Grade::Whole,
            SCHEMA if actions.schema_id == Some(detail.major_id) => Grade::Whole,
            OBJECT if self.is_one_of(actions.procedures, detail.major_id) => {
                match actions.procedures {
                    [_] => Grade::Whole,
                    _ => Grade::InPart,
                }
            }
            _ => other,
        };
        match detail.audited_principal_id.0 {
            PUBLIC => grade,
            _ => grade.min(Grade::InPart),
        }
    }

    /// Whether an object is an extended procedure of one of these names.
    fn is_one_of(&self, names: &[&str], object_id: i32) -> bool {
        let rows = self.case.snapshot.server.system_extended_procedures.seen();
        let mut own = rows.iter().filter(|row| row.object_id == object_id);
        own.any(|row| names.contains(&row.name.as_str()))
    }
}

fn met_by_groups(event: &Event, lines: &[&Line<'_>]) -> Met {
    let all: Vec<(&str, Option<&&Line<'_>>)> = event
        .groups
        .iter()
        .map(|group| {
            let own = lines.iter().filter(|line| line.by.action == *group);
            (*group, own.max_by_key(|line| (line.grade, line.keeps)))
        })
        .collect();
    let mut met = Met::nothing();
    let grades = all
        .iter()
        .map(|(_, line)| line.map_or(Grade::Not, |line| line.grade));
    met.grade = combined(grades);
    for (group, line) in all {
        match line {
            Some(line) if line.grade > Grade::Not => met.enter(line),
            Some(line) => met.faults.extend(line.fault.clone()),
            None => met
                .faults
                .extend([format!("no specification that was seen has {group}")]),
        }
    }
    met
}

/// All of several things: as good as the worst of them, but some is more than nothing.
fn combined(grades: impl Iterator<Item = Grade>) -> Grade {
    let grades: BTreeSet<Grade> = grades.collect();
    match (grades.first(), grades.last()) {
        (Some(Grade::Not), Some(best)) if *best > Grade::Not => Grade::InPart,
        (Some(worst), _) => *worst,
        (None, _) => Grade::Not,
    }
}
