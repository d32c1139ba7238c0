//! Whether an event that matters would be noticed. Every event in every situation stands in `telemetry.rs` beside this
//! folder; here is what the rule makes of it.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{
    AuditSpecification, AuditSpecificationDetail, Fact, FileAudit, Observed, Trace,
};

use super::{Fixture, denied, linux, of, partly, windows};
use crate::support::recording::{Recording, rows};

/// All that a server specification takes to record every event.
const EVERYTHING: &[&str] = &[
    "AUDIT_CHANGE_GROUP",
    "DATABASE_OBJECT_CHANGE_GROUP",
    "DATABASE_OBJECT_PERMISSION_CHANGE_GROUP",
    "DATABASE_PERMISSION_CHANGE_GROUP",
    "DATABASE_PRINCIPAL_IMPERSONATION_GROUP",
    "DATABASE_ROLE_MEMBER_CHANGE_GROUP",
    "SCHEMA_OBJECT_ACCESS_GROUP",
    "SCHEMA_OBJECT_CHANGE_GROUP",
    "SCHEMA_OBJECT_PERMISSION_CHANGE_GROUP",
    "SERVER_OBJECT_CHANGE_GROUP",
    "SERVER_OBJECT_PERMISSION_CHANGE_GROUP",
    "SERVER_OPERATION_GROUP",
    "SERVER_PERMISSION_CHANGE_GROUP",
    "SERVER_PRINCIPAL_CHANGE_GROUP",
    "SERVER_PRINCIPAL_IMPERSONATION_GROUP",
    "SERVER_ROLE_MEMBER_CHANGE_GROUP",
    "TRACE_CHANGE_GROUP",
];

fn without(r: &mut Recording, left_out: &[&str]) {
    let groups = EVERYTHING.iter().copied();
    let groups: Vec<&str> = groups.filter(|group| !left_out.contains(group)).collect();
    r.add_audit("Sentinel", &groups);
}

/// The audit writes so many files of 100 MB.
fn to_files(r: &mut Recording, files: i32) {
    for audit in r.snapshot.server.server_audits.seen_mut() {
        audit.type_desc = Some("FILE".to_owned());
    }
    rows(&mut r.snapshot.server.server_file_audits).push(FileAudit {
        audit_id: 65_536,
        log_file_path: Some("E:\\Audit\\".to_owned()),
        log_file_name: Some("Sentinel.sqlaudit".to_owned()),
        max_file_size: Some("100".to_owned()),
        max_rollover_files: Some(files),
        max_files: Some(0),
    });
}

/// The default trace was seen to run.
fn traced(r: &mut Recording) {
    let own = Trace {
        id: 1,
        status: 1,
        path: None,
        is_default: Some(true),
        is_rowset: Some(false),
        max_size: Some("20".to_owned()),
        max_files: Some(5),
        start_time: None,
    };
    r.snapshot.server.traces = Observed::Known { value: vec![own] };
}

/// A specification in one database.
fn specify(r: &mut Recording, database: &str, action: &str, class: i32, major_id: i32) {
    let facts = r.database(database);
    rows(&mut facts.database_audit_specifications).push(AuditSpecification {
        specification_id: 65_537,
        name: "Here".to_owned(),
        audit_guid: Some("3F2504E0-4F89-11D3-9A0C-0305E82C3301".to_owned()),
        is_state_enabled: Some(true),
        create_date: None,
        modify_date: None,
    });
    rows(&mut facts.database_audit_specification_details).push(AuditSpecificationDetail {
        specification_id: 65_537,
        audit_action_name: Some(action.to_owned()),
        class,
        major_id,
        audited_principal_id: PrincipalId(0),
        audited_result: Some("SUCCESS AND FAILURE".to_owned()),
        is_group: Some(class == 0 && action.ends_with("_GROUP")),
    });
}

const OPTION: &[&str] = &["fail medium event option_change", "pass"];
const CALLS: &[&str] = &[
    "fail medium event agent_job_change",
    "fail low event clr_run",
    "fail medium event external_script_run",
    "fail medium event ole_automation_run",
    "fail medium event trusted_assembly_change",
    "fail medium event xp_cmdshell_run",
    "pass",
];

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    GAPS.iter().chain(KEPT).chain(UNSEEN).collect()
}

static GAPS: &[Fixture] = {
    of!("telemetry-gap");
    &[
        one("everything is recorded", |r| without(r, &[]), &["pass"]),
        one(
            "of options the default trace holds something",
            |r| {
                without(r, &["SERVER_OPERATION_GROUP"]);
                traced(r);
            },
            OPTION,
        )
        .saying("is held by the default trace alone"),
        one(
            "and perhaps nothing where nobody saw it run",
            |r| without(r, &["SERVER_OPERATION_GROUP"]),
            OPTION,
        )
        .saying("is recorded by no audit"),
        one(
            "and nothing where it is off",
            |r| {
                without(r, &["SERVER_OPERATION_GROUP"]);
                r.set_option("default trace enabled", 0, 0);
            },
            &["fail medium event option_change", "pass"],
        )
        .saying("is not recorded"),
        one(
            "calls need the largest group",
            |r| without(r, &["SCHEMA_OBJECT_ACCESS_GROUP"]),
            CALLS,
        ),
        Fixture::new(
            "telemetry-gap",
            "what does not exist on Linux cannot happen there",
            linux(16),
            |r| without(r, &["SCHEMA_OBJECT_ACCESS_GROUP"]),
            &[
                "fail medium event agent_job_change",
                "fail low event clr_run",
                "fail medium event external_script_run",
                "fail medium event trusted_assembly_change",
                "pass",
            ],
        ),
        one(
            "one call is recorded in master by its own action",
            |r| {
                without(r, &["SCHEMA_OBJECT_ACCESS_GROUP"]);
                let rows = r.snapshot.server.system_extended_procedures.seen().iter();
                let mut rows = rows.filter(|row| row.name == "xp_cmdshell");
                let shell = rows.next().map_or(0, |row| row.object_id);
                specify(r, "master", "EXECUTE", 1, shell);
            },
            &[
                "fail medium event agent_job_change",
                "fail low event clr_run",
                "fail medium event external_script_run",
                "fail medium event ole_automation_run",
                "fail medium event trusted_assembly_change",
                "pass",
            ],
        ),
        one(
            "a database's own specification covers that database",
            |r| {
                r.add_database("Sales", "sa");
                without(r, &["DATABASE_ROLE_MEMBER_CHANGE_GROUP"]);
                specify(r, "Sales", "DATABASE_ROLE_MEMBER_CHANGE_GROUP", 0, 0);
            },
            &["fail low event database_role_change", "pass"],
        )
        .saying("database specifications cover Sales; databases made later are not covered"),
        one(
            "a specification that is off",
            |r| {
                r.add_audit("Sentinel", &["SERVER_OPERATION_GROUP"]);
                without(r, &["SERVER_OPERATION_GROUP"]);
                let server = &mut r.snapshot.server;
                rows(&mut server.server_audits).truncate(1);
                rows(&mut server.audit_status).truncate(1);
                for row in server.server_audit_specification_details.seen_mut() {
                    let is_off = row.audit_action_name.as_deref() == Some("SERVER_OPERATION_GROUP");
                    row.specification_id += i32::from(!is_off);
                }
                let specifications = rows(&mut server.server_audit_specifications);
                specifications[0].is_state_enabled = Some(false);
                specifications[1].specification_id += 1;
            },
            OPTION,
        )
        .saying("specification Sentinel is off"),
        one(
            "what a predicate drops is for audit-narrowed",
            |r| {
                without(r, &[]);
                for row in r.snapshot.server.server_audits.seen_mut() {
                    row.predicate = Some("([database_name]<>'Scratch')".to_owned());
                }
            },
            &["not_applicable: what a predicate drops is a finding of audit-narrowed"],
        ),
        one(
            "that no audit runs is for no-audit-running",
            |_| {},
            &["not_applicable: no audit runs, which is a finding of no-audit-running"],
        ),
    ]
};

static KEPT: &[Fixture] = {
    of!("telemetry-gap");
    &[
        one(
            "files are kept for fewer days than the inventory wants",
            |r| {
                without(r, &[]);
                to_files(r, 8);
            },
            &["fail medium audit Sentinel", "pass"],
        )
        .keeping(90, 10)
        .saying("8 files of 100 MB are kept besides the one in use: 80 days"),
        one(
            "and for as many",
            |r| {
                without(r, &[]);
                to_files(r, 9);
            },
            &["pass"],
        )
        .keeping(90, 10),
        one(
            "how long a Windows log keeps them is not known",
            |r| without(r, &[]),
            &["unknown audit Sentinel", "pass"],
        )
        .keeping(90, 10)
        .saying("audit_retention_days = 0"),
        one(
            "how long an idle file lasted says nothing of the next",
            |r| {
                without(r, &[]);
                to_files(r, 100);
                for row in r.snapshot.server.audit_status.seen_mut() {
                    // 2026-01-01.
                    row.audit_file_path =
                        Some("E:\\Audit\\Sentinel_0_134117280000000000.sqlaudit".to_owned());
                }
            },
            &["unknown audit Sentinel", "pass"],
        )
        .keeping(365, 0),
        one(
            "recording ends with its files, whatever is asked",
            |r| {
                without(r, &[]);
                to_files(r, 0);
                for row in r.snapshot.server.server_file_audits.seen_mut() {
                    row.max_files = Some(100);
                }
            },
            &["fail medium audit Sentinel", "pass"],
        )
        .keeping(90, 10)
        .saying("records until its files are full"),
        one("0 days ask for nothing", |r| without(r, &[]), &["pass"]).keeping(0, 10),
    ]
};

static UNSEEN: &[Fixture] = {
    of!("telemetry-gap");
    const UNKNOWN: &[&str] = &["unknown instance"];
    &[
        one(
            "the groups were not seen whole",
            |r| {
                without(r, &["SERVER_OPERATION_GROUP"]);
                partly(&mut r.snapshot.server.server_audit_specification_details);
            },
            UNKNOWN,
        )
        .saying("a right"),
        one(
            "whether the audit runs was not seen",
            |r| {
                without(r, &[]);
                denied(&mut r.snapshot.server.audit_status);
            },
            UNKNOWN,
        ),
        one(
            "a NULL is not off",
            |r| {
                without(r, &[]);
                for row in r.snapshot.server.server_audit_specifications.seen_mut() {
                    row.is_state_enabled = None;
                }
            },
            UNKNOWN,
        )
        .saying("whether it is on"),
        one(
            "an empty list that may not be whole",
            |r| {
                r.snapshot.server.server_audits = Observed::Known { value: Vec::new() };
                partly(&mut r.snapshot.server.server_audits);
            },
            UNKNOWN,
        ),
        one(
            "specifications of a database not seen",
            |r| {
                r.add_database("Sales", "sa");
                without(r, &["DATABASE_ROLE_MEMBER_CHANGE_GROUP"]);
            },
            &[
                "fail low event database_role_change",
                "unknown database Sales",
            ],
        )
        .without(Fact::DatabaseAuditSpecifications, Some("Sales")),
    ]
};
