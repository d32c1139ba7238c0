//! Would anyone notice: every event of the matrix in every situation that decides it. The table of what is due is
//! written here by hand, not taken from the program.

mod calls;
mod kept;
mod proposals;
mod unproven;

use mssql_posture::ids::{DatabaseName, PrincipalId};
use mssql_posture::inventory::AuditNeeds;
use mssql_posture::rules::Case;
use mssql_posture::rules::telemetry::{EVENTS, EventState, Keeps, Recorded, Running, Telemetry};
use mssql_posture::snapshot::{
    AuditSpecification, AuditSpecificationDetail, FileAudit, Observed, Trace,
};

use crate::support::recording::{Base, Recorded as Finished, Recording, rows};

/// Where a database specification can stand in for one of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Server,
    AnyDatabase,
    Only(&'static str),
}
use Level::{AnyDatabase, Only, Server};

/// What is due of an event: its groups, where it happens, whether the default trace holds something of it.
struct Due(&'static str, &'static [&'static str], Level, bool);

const ACCESS: &[&str] = &["SCHEMA_OBJECT_ACCESS_GROUP"];
const SCHEMA_OBJECTS: &[&str] = &["SCHEMA_OBJECT_CHANGE_GROUP"];
const DATABASE_OBJECTS: &[&str] = &["DATABASE_OBJECT_CHANGE_GROUP"];
const SERVER_OBJECTS: &[&str] = &["SERVER_OBJECT_CHANGE_GROUP"];

const DUE: &[Due] = &[
    Due("procedure_change", SCHEMA_OBJECTS, AnyDatabase, true),
    Due("function_change", SCHEMA_OBJECTS, AnyDatabase, true),
    Due("trigger_change", SCHEMA_OBJECTS, AnyDatabase, true),
    Due(
        "database_trigger_change",
        DATABASE_OBJECTS,
        AnyDatabase,
        true,
    ),
    Due("server_trigger_change", SERVER_OBJECTS, Server, true),
    Due("assembly_change", DATABASE_OBJECTS, AnyDatabase, false),
    Due("trusted_assembly_change", ACCESS, AnyDatabase, false),
    Due("option_change", &["SERVER_OPERATION_GROUP"], Server, true),
    Due(
        "server_role_change",
        &["SERVER_ROLE_MEMBER_CHANGE_GROUP"],
        Server,
        true,
    ),
    Due(
        "database_role_change",
        &["DATABASE_ROLE_MEMBER_CHANGE_GROUP"],
        AnyDatabase,
        true,
    ),
    Due(
        "server_permission_change",
        &[
            "SERVER_PERMISSION_CHANGE_GROUP",
            "SERVER_OBJECT_PERMISSION_CHANGE_GROUP",
        ],
        Server,
        false,
    ),
    Due(
        "database_permission_change",
        &[
            "DATABASE_PERMISSION_CHANGE_GROUP",
            "DATABASE_OBJECT_PERMISSION_CHANGE_GROUP",
            "SCHEMA_OBJECT_PERMISSION_CHANGE_GROUP",
        ],
        AnyDatabase,
        true,
    ),
    Due(
        "server_principal_change",
        &["SERVER_PRINCIPAL_CHANGE_GROUP"],
        Server,
        true,
    ),
    Due(
        "login_impersonation",
        &["SERVER_PRINCIPAL_IMPERSONATION_GROUP"],
        Server,
        false,
    ),
    Due(
        "user_impersonation",
        &["DATABASE_PRINCIPAL_IMPERSONATION_GROUP"],
        AnyDatabase,
        false,
    ),
    Due("xp_cmdshell_run", ACCESS, Only("master"), false),
    Due("ole_automation_run", ACCESS, AnyDatabase, false),
    Due("external_script_run", ACCESS, AnyDatabase, false),
    Due("clr_run", ACCESS, AnyDatabase, false),
    Due("audit_change", &["AUDIT_CHANGE_GROUP"], Server, false),
    Due("trace_change", &["TRACE_CHANGE_GROUP"], Server, true),
    Due("agent_job_change", ACCESS, Only("msdb"), false),
    Due("linked_server_change", SERVER_OBJECTS, Server, false),
];

impl Due {
    /// What is left where no audit records it.
    fn without_audit(&self) -> Recorded {
        if self.3 {
            Recorded::DefaultTraceOnly
        } else {
            Recorded::NotRecorded
        }
    }

    /// The same where an audit runs all the same: it records that it is switched on or off.
    fn beside_another(&self) -> Recorded {
        if self.0 == "audit_change" {
            Recorded::InPart
        } else {
            self.without_audit()
        }
    }
}

const GUID: &str = "3F2504E0-4F89-11D3-9A0C-0305E82C3301";
const NEEDS: AuditNeeds = AuditNeeds {
    retention_days: Some(90),
    mb_per_day: Some(10),
};
const NO_NEEDS: AuditNeeds = AuditNeeds {
    retention_days: None,
    mb_per_day: None,
};

fn instance() -> Recording {
    let mut r = Recording::new(Base::windows("fixture", 16));
    r.add_database("Sales", "sa");
    r.add_database("Scratch", "sa");
    r.snapshot.server.traces = Observed::Known {
        value: vec![Trace {
            max_size: Some("20".to_owned()),
            max_files: Some(5),
            ..trace(1)
        }],
    };
    r
}

/// An audit to files with the groups of an event, and its limits.
fn audit_of(due: &Due, r: &mut Recording, limits: (&str, i32, i32)) {
    r.add_audit("Sentinel", due.1);
    let server = &mut r.snapshot.server;
    for audit in server.server_audits.seen_mut() {
        audit.type_desc = Some("FILE".to_owned());
    }
    rows(&mut server.server_file_audits).push(FileAudit {
        audit_id: 65_536,
        log_file_path: Some("E:\\Audit\\".to_owned()),
        log_file_name: Some("Sentinel.sqlaudit".to_owned()),
        max_file_size: Some(limits.0.to_owned()),
        max_rollover_files: Some(limits.1),
        max_files: Some(limits.2),
    });
}

const AMPLE: (&str, i32, i32) = ("100", 10, 0);

/// A specification with the groups of an event in one database alone.
fn in_database(due: &Due, r: &mut Recording, database: &str) {
    audit_of(due, r, AMPLE);
    rows(&mut r.snapshot.server.server_audit_specifications).clear();
    rows(&mut r.snapshot.server.server_audit_specification_details).clear();
    let groups: Vec<_> = due
        .1
        .iter()
        .map(|group| detail(group, true, 0, 0))
        .collect();
    specify(r, database, groups);
}

fn detail(action: &str, is_group: bool, class: i32, major_id: i32) -> AuditSpecificationDetail {
    AuditSpecificationDetail {
        specification_id: 65_537,
        audit_action_name: Some(action.to_owned()),
        class,
        major_id,
        audited_principal_id: PrincipalId(0),
        audited_result: Some("SUCCESS AND FAILURE".to_owned()),
        is_group: Some(is_group),
    }
}

fn specify(r: &mut Recording, database: &str, details: Vec<AuditSpecificationDetail>) {
    let facts = r.database(database);
    rows(&mut facts.database_audit_specifications).push(AuditSpecification {
        specification_id: 65_537,
        name: "Here".to_owned(),
        audit_guid: Some(GUID.to_owned()),
        is_state_enabled: Some(true),
        create_date: None,
        modify_date: None,
    });
    rows(&mut facts.database_audit_specification_details).extend(details);
}

fn judged(r: &Recording, needs: AuditNeeds) -> (Finished, Telemetry) {
    let recorded = r.finish();
    let texts = recorded.texts();
    let telemetry =
        Telemetry::of(&Case::new(&recorded.snapshot, &texts, None).with_audit_needs(needs));
    (recorded, telemetry)
}

fn state(due: &Due, change: impl FnOnce(&mut Recording), needs: AuditNeeds) -> EventState {
    let mut r = instance();
    change(&mut r);
    let (_, telemetry) = judged(&r, needs);
    let mut events = telemetry.events.into_iter();
    events.find(|event| event.event == due.0).unwrap()
}

fn said(state: &EventState) -> String {
    state.because.join("; ")
}

/// Checks one situation of every event: what is due, and a part of what is said.
fn every(
    about: &str,
    change: impl Fn(&Due, &mut Recording),
    needs: AuditNeeds,
    due: impl Fn(&Due) -> Recorded,
    says: &str,
) {
    for event in DUE {
        let state = state(event, |r| change(event, r), needs);
        assert_eq!(
            state.outcome,
            due(event),
            "{about}: {}: {}",
            event.0,
            said(&state)
        );
        assert!(
            said(&state).contains(says),
            "{about}: {}: {}",
            event.0,
            said(&state)
        );
    }
}

#[test]
fn the_table_here_names_every_event() {
    let here: Vec<&str> = DUE.iter().map(|due| due.0).collect();
    let there: Vec<&str> = EVENTS.iter().map(|event| event.id).collect();
    assert_eq!(here, there);
    for event in EVENTS {
        assert!(!event.source.is_empty() && !event.title.is_empty());
    }
}

#[test]
fn recorded_whole_and_kept_long_enough() {
    let audit = |due: &Due, r: &mut Recording| audit_of(due, r, AMPLE);
    let whole = |_: &Due| Recorded::Recorded;
    every("all is well", audit, NEEDS, whole, "100 days");
    every(
        "nothing is asked",
        audit,
        NO_NEEDS,
        whole,
        "by audit Sentinel",
    );
    let unlimited = |due: &Due, r: &mut Recording| audit_of(due, r, ("0", i32::MAX, 0));
    every(
        "nothing is deleted",
        unlimited,
        NEEDS,
        whole,
        "the disk is the limit",
    );
    for due in DUE {
        let state = state(due, |r| audit_of(due, r, AMPLE), NEEDS);
        assert!(
            state.holds.is_some_and(|holds| !holds.is_empty()),
            "{}",
            due.0
        );
        assert_eq!(state.by.len(), due.1.len(), "{}", due.0);
    }
}

#[test]
fn a_group_that_is_missing_leaves_an_event_in_part_or_not_recorded() {
    for due in DUE {
        for group in due.1 {
            let others: Vec<&str> = due.1.iter().copied().filter(|one| one != group).collect();
            let state = state(due, |r| _ = r.add_audit("Sentinel", &others), NO_NEEDS);
            let expected = if others.is_empty() {
                due.beside_another()
            } else {
                Recorded::InPart
            };
            assert_eq!(state.outcome, expected, "{} without {group}", due.0);
            assert!(said(&state).contains(group), "{}", said(&state));
        }
    }
}

#[test]
fn a_specification_that_is_off_records_nothing() {
    let change = |due: &Due, r: &mut Recording| {
        audit_of(due, r, AMPLE);
        for row in r.snapshot.server.server_audit_specifications.seen_mut() {
            row.is_state_enabled = Some(false);
        }
    };
    every(
        "off",
        change,
        NEEDS,
        Due::beside_another,
        "specification Sentinel is off",
    );
}

#[test]
fn an_audit_that_does_not_run_records_nothing() {
    for (status, words) in [
        (0, "NOT_STARTED"),
        (2, "RUNTIME_FAIL"),
        (3, "TARGET_CREATION_FAILED"),
    ] {
        let change = |due: &Due, r: &mut Recording| {
            audit_of(due, r, AMPLE);
            for row in r.snapshot.server.audit_status.seen_mut() {
                row.status = status;
                words.clone_into(&mut row.status_desc);
            }
        };
        every(words, change, NEEDS, Due::without_audit, words);
    }
    let change = |due: &Due, r: &mut Recording| {
        audit_of(due, r, AMPLE);
        for row in r.snapshot.server.server_audits.seen_mut() {
            row.is_state_enabled = Some(false);
        }
    };
    every(
        "configured off",
        change,
        NEEDS,
        Due::without_audit,
        "configured off",
    );
}

#[test]
fn a_specification_without_its_audit_records_nothing() {
    let change = |due: &Due, r: &mut Recording| {
        audit_of(due, r, AMPLE);
        for row in r.snapshot.server.server_audits.seen_mut() {
            row.audit_guid = Some("another".to_owned());
        }
    };
    every(
        "unlinked",
        change,
        NEEDS,
        Due::beside_another,
        "belongs to no audit",
    );
}

#[test]
fn a_predicate_leaves_it_unproven() {
    let change = |due: &Due, r: &mut Recording| {
        audit_of(due, r, AMPLE);
        for row in r.snapshot.server.server_audits.seen_mut() {
            row.predicate = Some("([server_principal_name]<>'mallory')".to_owned());
        }
    };
    every("narrowed", change, NEEDS, |_| Recorded::Narrowed, "mallory");
}

#[test]
fn half_of_the_results_is_no_whole_record() {
    let result = |word: &'static str| {
        move |due: &Due, r: &mut Recording| {
            audit_of(due, r, AMPLE);
            let rows = r
                .snapshot
                .server
                .server_audit_specification_details
                .seen_mut();
            for row in rows {
                row.audited_result = Some(word.to_owned());
            }
        }
    };
    every(
        "failures",
        result("FAILURE"),
        NEEDS,
        Due::beside_another,
        "only what fails",
    );
    every(
        "successes",
        result("SUCCESS"),
        NEEDS,
        |_| Recorded::InPart,
        "only what succeeds",
    );
}

#[test]
fn a_database_specification_covers_its_database_alone() {
    let elsewhere = |due: &Due, r: &mut Recording| in_database(due, r, "Sales");
    for due in DUE {
        let state = state(due, |r| elsewhere(due, r), NEEDS);
        let expected = match due.2 {
            AnyDatabase => Recorded::InPart,
            Server | Only(_) => due.beside_another(),
        };
        assert_eq!(state.outcome, expected, "{}: {}", due.0, said(&state));
        if due.2 == AnyDatabase {
            assert_eq!(
                state.databases_covered,
                [DatabaseName::new("Sales")],
                "{}",
                due.0
            );
            let others = &state.databases_not_covered;
            assert!(others.contains(&DatabaseName::new("Scratch")), "{}", due.0);
            assert!(said(&state).contains("databases made later are not covered"));
        }
        if let Only(name) = due.2 {
            let there = self::state(due, |r| in_database(due, r, name), NEEDS);
            assert_eq!(
                there.outcome,
                Recorded::Recorded,
                "{}: {}",
                due.0,
                said(&there)
            );
        }
    }
}

#[test]
fn without_an_audit_the_default_trace_holds_what_it_holds() {
    every(
        "no audit",
        |_, _| {},
        NEEDS,
        Due::without_audit,
        "the default trace",
    );
    for due in DUE.iter().filter(|due| due.3) {
        let state = state(due, |_| {}, NEEDS);
        assert!(
            said(&state).contains("5 files of 20 MB"),
            "{}",
            said(&state)
        );
        assert!(said(&state).contains("hours not known"), "{}", said(&state));
    }
    let off = |_: &Due, r: &mut Recording| _ = r.set_option("default trace enabled", 0, 0);
    every(
        "nothing at all",
        off,
        NEEDS,
        |_| Recorded::NotRecorded,
        "default trace",
    );
    let seen = |status: i32| {
        move |_: &Due, r: &mut Recording| {
            r.snapshot.server.traces = Observed::Known {
                value: vec![trace(status)],
            };
        }
    };
    let stopped = |_: &Due| Recorded::NotRecorded;
    every("stopped by hand", seen(0), NEEDS, stopped, "default trace");
    let state = state(&DUE[0], |r| seen(1)(&DUE[0], r), NEEDS);
    assert!(said(&state).contains("7 files of 9 MB"), "{}", said(&state));
}

fn trace(status: i32) -> Trace {
    Trace {
        id: 1,
        status,
        path: None,
        is_default: Some(true),
        is_rowset: Some(false),
        max_size: Some("9".to_owned()),
        max_files: Some(7),
        start_time: Some("2026-11-01T00:00:00".to_owned()),
    }
}

fn deny<T>(fact: &mut Observed<T>) {
    let needs = vec!["VIEW ANY DEFINITION".to_owned()];
    *fact = Observed::Denied { needs };
}

#[test]
fn what_was_not_seen_is_neither_recorded_nor_unrecorded() {
    type Hide = fn(&mut Recording);
    let hidden: [(&str, Hide); 4] = [
        ("audits", |r| deny(&mut r.snapshot.server.server_audits)),
        ("status", |r| deny(&mut r.snapshot.server.audit_status)),
        ("specifications", |r| {
            deny(&mut r.snapshot.server.server_audit_specifications);
        }),
        ("details", |r| {
            deny(&mut r.snapshot.server.server_audit_specification_details);
        }),
    ];
    for (about, hide) in hidden {
        for due in DUE {
            let state = state(
                due,
                |r| {
                    audit_of(due, r, AMPLE);
                    hide(r);
                },
                NEEDS,
            );
            assert_eq!(state.outcome, Recorded::NotSeen, "{about}: {}", due.0);
            let needs = state.missing.iter().flat_map(|missing| &missing.needs);
            assert!(
                needs.into_iter().any(|need| need == "VIEW ANY DEFINITION"),
                "{about}"
            );
        }
    }
    // What was seen to be recorded is recorded, whatever else there may be.
    let partly = |due: &Due, r: &mut Recording| {
        audit_of(due, r, AMPLE);
        r.snapshot.server.server_audits.limit("a right");
    };
    every("partial", partly, NEEDS, |_| Recorded::Recorded, "Sentinel");
    let nothing = |_: &Due, r: &mut Recording| r.snapshot.server.server_audits.limit("a right");
    every("nothing in part", nothing, NEEDS, |_| Recorded::NotSeen, "");
    let nulls = |due: &Due, r: &mut Recording| {
        audit_of(due, r, AMPLE);
        for row in r.snapshot.server.server_audit_specifications.seen_mut() {
            row.is_state_enabled = None;
        }
    };
    every("a NULL is not off", nulls, NEEDS, |_| Recorded::NotSeen, "");
}

#[test]
fn databases_whose_specifications_were_not_seen_are_named() {
    for due in DUE.iter().filter(|due| due.2 == AnyDatabase) {
        let hide =
            |r: &mut Recording| deny(&mut r.database("Scratch").database_audit_specifications);
        let state = state(
            due,
            |r| {
                in_database(due, r, "Sales");
                hide(r);
            },
            NEEDS,
        );
        assert_eq!(
            state.databases_not_seen,
            [DatabaseName::new("Scratch")],
            "{}",
            due.0
        );
        assert!(
            !state
                .databases_not_covered
                .contains(&DatabaseName::new("Scratch"))
        );
    }
    for due in DUE {
        let Only(name) = due.2 else { continue };
        let hide = |r: &mut Recording| deny(&mut r.database(name).database_audit_specifications);
        let state = state(due, hide, NEEDS);
        assert_eq!(state.outcome, Recorded::NotSeen, "{}", due.0);
    }
    let excluded = state(&DUE[21], |r| _ = r.exclude("msdb"), NEEDS);
    assert_eq!(excluded.outcome, Recorded::NotSeen);
    assert_eq!(
        excluded.missing[0].needs,
        ["the inventory excludes this database"]
    );
}
