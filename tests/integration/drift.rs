//! `diff`: what changed between two snapshots, what only looks so, and what cannot be told.

mod changes;
pub(crate) mod commands;
mod host;
mod host_told;
mod laws;
mod records;

use mssql_posture::drift::{Change, InstanceDiff, Side, compare};
use mssql_posture::ids::InstanceId;
use mssql_posture::rules::Severity;
use mssql_posture::snapshot::{ModuleTexts, Snapshot};

use crate::support::recording::{Base, Recording};

fn instance() -> Recording {
    let mut r = Recording::new(Base::windows("erp-prod", 16));
    r.add_login("CORP\\jdoe", "U");
    r.add_login("app", "S");
    r.add_database("ERP", "sa");
    r.add_user("ERP", "app", Some("app"));
    r
}

/// Facts alone, without what is judged.
fn compared(before: (&Snapshot, &ModuleTexts), after: (&Snapshot, &ModuleTexts)) -> InstanceDiff {
    let id = InstanceId::new("erp-prod");
    compare(&id, &Side::new(before, None), &Side::new(after, None))
}

/// What a change of a recording is found to be.
fn drift(prepare: impl Fn(&mut Recording), change: impl Fn(&mut Recording)) -> InstanceDiff {
    let mut before = instance();
    prepare(&mut before);
    let mut after = before.clone();
    change(&mut after);
    let (before, after) = (before.finish(), after.finish());
    let texts = (before.texts(), after.texts());
    compared((&before.snapshot, &texts.0), (&after.snapshot, &texts.1))
}

fn told(change: &Change) -> (&str, &str, &str, Severity) {
    (
        &change.fact,
        change.kind.words(),
        &change.name,
        change.severity,
    )
}
