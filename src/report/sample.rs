//! The assessment that all reports are tested on: one instance of each kind of trouble, and names as
//! an attacker would choose them.

#![allow(clippy::unwrap_used)]

mod breached;
mod noticed;

use serde_json::{Value, json};

use breached::breached;

use super::assessment::{Assessment, Coverage, Instance, MissingFact, VerdictEntry, answer};
use super::provenance::{self, Clock, Reported};
use crate::ids::{Criticality, DatabaseName, InstanceId};
use crate::rules::{Evidence, Excerpt, Missing, Place, Population, Rule, Severity, Subject};
use crate::score::{self, Exposure, Fix, Points, Unsettled};
use crate::snapshot::{
    CitedRow, Connection, Encryption, QueryOutcome, QueryRecord, Stage, Trouble, sha256_hex,
};

/// A database's name with everything that breaks out of a quotation.
pub const HOSTILE_DATABASE: &str = "a]b'c\"d`|e\r\n# f";
/// A procedure's name that a browser, a terminal or Markdown would obey.
pub const HOSTILE_MODULE: &str = "dbo.<script>alert(1)</script>\u{1b}[31m[x](http://evil.example)";
/// A login's name that reads backwards.
pub const HOSTILE_LOGIN: &str = "CORP\\\u{202e}nimda\u{200f}";
/// An assembly's name that a spreadsheet would run.
pub const HOSTILE_ASSEMBLY: &str =
    "=cmd|' /C calc'!A0 *b* _i_ <!-- www.evil.example me@evil.example";

/// The longest name a server allows, in UTF-16 units, with every second one half a character.
pub fn longest_name() -> String {
    "x😀".repeat(42) + "yz"
}

/// All of it.
pub fn assessment() -> Assessment {
    let mut assessment = Assessment::new("2026-09-30".to_owned());
    for instance in [
        clean(),
        breached(),
        partly_read(),
        unreached(),
        alias(),
        lab(),
    ] {
        let queries = queries(&instance);
        assessment.instances.push(Instance {
            queries,
            ..instance
        });
    }
    assessment.close()
}

/// The same with verdicts about the estate, one of each outcome.
pub fn with_estate() -> Assessment {
    let mut assessment = assessment();
    let name = Subject::server("waiver", HOSTILE_MODULE);
    let subject = || name.clone();
    let mut accepted = entry("CHANGE-003", "accepted", subject(), "it accepts everything");
    accepted.waiver = Some("CHG-2000".to_owned());
    assessment.estate = vec![
        fail(
            "CHANGE-001",
            Severity::Medium,
            subject(),
            "it is over",
            Vec::new(),
        ),
        unknown("CHANGE-002", subject(), "modules", DEFINITION),
        accepted,
        pass("CHANGE-003", 2, 2),
        not_applicable("CHANGE-005", "fewer than two instances were read"),
    ];
    assessment.close()
}

/// The record of each query that the instance cites.
fn queries(instance: &Instance) -> Vec<QueryRecord> {
    let cited = provenance::cited(&instance.verdicts, &instance.routes);
    let asked = cited.into_iter().filter(|(query, _)| query != "server_tls");
    asked
        .map(|(query, database)| QueryRecord {
            sha256: sha256_hex(query.as_bytes()),
            query,
            database,
            started: "2026-09-30T02:00:05.250Z".to_owned(),
            duration_ms: 12,
            rows: 345,
            outcome: QueryOutcome::Answered,
            error: None,
        })
        .collect()
}

/// A server that calls itself what it likes.
fn reported() -> Reported {
    Reported {
        server_name: Some("WEB-EDGE\\<b>".to_owned()),
        machine_name: Some("WEB-EDGE".to_owned()),
        instance_name: Some("<b>".to_owned()),
        physical_name: Some("NODE\u{202e}1".to_owned()),
        started: Some("2026-09-01T03:04:05.670Z".to_owned()),
        availability_roles: vec!["PRIMARY".to_owned()],
        login: Some("posture_audit".to_owned()),
        auth_scheme: Some("SQL".to_owned()),
        net_transport: Some("TCP".to_owned()),
        clock: Some(Clock {
            server: "2026-09-30T02:00:04.120Z".to_owned(),
            skew_least_ms: -31,
            skew_most_ms: 12,
        }),
    }
}

/// One instance with this many findings at high.
pub fn crowded(findings: usize) -> Assessment {
    let mut instance = clean();
    instance.verdicts = (0..findings)
        .map(|n| {
            let subject = Subject::within(
                "module",
                &DatabaseName::new("Sales"),
                format!("dbo.p{n:03}"),
            );
            fail(
                "CODE-002",
                Severity::High,
                subject,
                "it calls xp_cmdshell (line 1)",
                Vec::new(),
            )
        })
        .collect();
    let mut assessment = Assessment::new("2026-09-30".to_owned());
    assessment.instances.push(instance);
    assessment.close()
}

fn entry(rule: &str, outcome: &str, subject: Subject, message: &str) -> VerdictEntry {
    let rule = Rule::find(rule).unwrap();
    VerdictEntry {
        rule: rule.id.to_owned(),
        rule_slug: rule.slug.to_owned(),
        title: rule.title.to_owned(),
        subject,
        outcome: outcome.to_owned(),
        severity: rule.severity,
        message: message.to_owned(),
        evidence: Vec::new(),
        missing: Vec::new(),
        population: None,
        controls: rule.controls.iter().map(|&c| c.to_owned()).collect(),
        waiver: None,
    }
}

fn fail(
    rule: &str,
    severity: Severity,
    subject: Subject,
    message: &str,
    evidence: Vec<Evidence>,
) -> VerdictEntry {
    VerdictEntry {
        severity,
        evidence,
        ..entry(rule, "fail", subject, message)
    }
}

fn pass(rule: &str, passed: u32, subjects: u32) -> VerdictEntry {
    let not_applicable = 0;
    VerdictEntry {
        population: Some(Population {
            subjects,
            passed,
            not_applicable,
        }),
        ..entry(
            rule,
            "pass",
            Subject::instance(),
            &format!("{passed} of {subjects} pass"),
        )
    }
}

fn not_applicable(rule: &str, reason: &str) -> VerdictEntry {
    VerdictEntry {
        population: Some(Population {
            subjects: 1,
            passed: 0,
            not_applicable: 1,
        }),
        ..entry(rule, "not_applicable", Subject::instance(), reason)
    }
}

fn unknown(rule: &str, subject: Subject, fact: &str, needs: &[&str]) -> VerdictEntry {
    let missing = vec![Missing {
        fact: fact.to_owned(),
        database: subject.database.clone(),
        needs: needs.iter().map(|&n| n.to_owned()).collect(),
    }];
    let message = format!("{fact} not seen: {}", needs.join(", "));
    VerdictEntry {
        missing,
        ..entry(rule, "unknown", subject, &message)
    }
}

fn missing(fact: &str, database: Option<&str>, state: &str, needs: &[&str]) -> MissingFact {
    MissingFact {
        fact: fact.to_owned(),
        database: database.map(DatabaseName::new),
        state: state.to_owned(),
        needs: needs.iter().map(|&n| n.to_owned()).collect(),
    }
}

fn row(fact: &str, database: Option<&str>, row: Value) -> Evidence {
    Evidence {
        fact: fact.to_owned(),
        database: database.map(DatabaseName::new),
        row: CitedRow::from(row),
        place: None,
    }
}

fn exposure(points: &[(&str, i32, i32)], unsettled: &[(&str, Option<&str>, u32)]) -> Exposure {
    let breakdown = points.iter().map(|&(line, low, high)| Points {
        line: line.to_owned(),
        sentence: format!("A sentence about the {}.", line.replace('_', " ")),
        low,
        high,
    });
    let unsettled = unsettled.iter().map(|&(fact, database, points)| Unsettled {
        fact: fact.to_owned(),
        database: database.map(DatabaseName::new),
        needs: vec!["VIEW ANY DEFINITION".to_owned()],
        points,
    });
    let sum = |points: i32| u32::try_from(points).unwrap();
    Exposure {
        low: sum(points.iter().map(|p| p.1).sum()),
        high: sum(points.iter().map(|p| p.2).sum()),
        breakdown: breakdown.collect(),
        unsettled: unsettled.collect(),
    }
}

fn clean() -> Instance {
    Instance {
        id: InstanceId::new("web-edge"),
        target: "web-edge.corp.example,1433".to_owned(),
        same_as: None,
        synthetic: None,
        product_version: Some("16.0.4135.4".to_owned()),
        edition: Some("Standard Edition (64-bit)".to_owned()),
        platform: Some("Linux".to_owned()),
        reported: Some(reported()),
        collected: [
            "2026-09-30T02:00:04Z".to_owned(),
            "2026-09-30T02:00:09Z".to_owned(),
        ],
        criticality: None,
        command_execution: answer(&[], &score::unseen(), &[], 0),
        exposure: exposure(&[], &[]),
        coverage: Coverage {
            finished: true,
            trouble: None,
            login: Some("posture_audit".to_owned()),
            connection: Connection {
                endpoint: "web-edge.corp.example,1433".to_owned(),
                encryption: Encryption::Strict,
                trust_server_certificate: false,
                authentication: "sql".to_owned(),
                user: Some("posture_audit".to_owned()),
            },
            databases: 6,
            databases_read: 6,
            databases_excluded: Vec::new(),
            missing: Vec::new(),
            modules_with_unread_dynamic_sql: 0,
        },
        routes: Vec::new(),
        fix_first: Vec::new(),
        telemetry: Some(noticed::all_recorded()),
        verdicts: vec![
            pass("SIGHT-001", 6, 6),
            pass("CODE-002", 214, 214),
            not_applicable("SURF-001", "SQL Server on Linux does not have it"),
            not_applicable(
                "PRIV-001",
                "the inventory does not say who is expected in sysadmin",
            ),
        ],
        queries: Vec::new(),
    }
}

const DEFINITION: &[&str] = &["VIEW ANY DEFINITION"];
const WAY_IN: &[&str] = &["CONNECT ANY DATABASE, or a user in Payroll"];

fn partly_read() -> Instance {
    Instance {
        id: InstanceId::new("hr"),
        target: "10.20.30.40,1433".to_owned(),
        product_version: Some("11.0.7507.2".to_owned()),
        edition: Some("Express Edition with Advanced Services (64-bit)".to_owned()),
        platform: Some("Windows".to_owned()),
        criticality: None,
        telemetry: Some(noticed::not_seen()),
        exposure: exposure(
            &[("channel", 12, 46), ("account", 0, 8)],
            &[
                ("modules", Some("Payroll"), 24),
                ("server_permissions", None, 10),
                ("assemblies", Some("Payroll"), 8),
            ],
        ),
        coverage: Coverage {
            connection: Connection {
                endpoint: "10.20.30.40,1433".to_owned(),
                encryption: Encryption::LoginOnly,
                trust_server_certificate: true,
                authentication: "integrated".to_owned(),
                user: None,
            },
            databases: 5,
            databases_read: 3,
            databases_excluded: vec![DatabaseName::new("Scratch")],
            missing: partly_missing(),
            ..clean().coverage
        },
        verdicts: partly_unknown(),
        ..clean()
    }
}

fn partly_missing() -> Vec<MissingFact> {
    vec![
        missing("modules", Some("Payroll"), "not_collected", WAY_IN),
        missing("assemblies", Some("Payroll"), "not_collected", WAY_IN),
        missing("objects", Some("Payroll"), "not_collected", WAY_IN),
        missing("schemas", Some("Payroll"), "not_collected", WAY_IN),
        missing("modules", Some("msdb"), "partial", DEFINITION),
        missing("modules", Some("master"), "partial", DEFINITION),
        missing("server_permissions", None, "partial", DEFINITION),
        missing(
            "startup_procedures",
            None,
            "failed",
            &["error 1222: Lock request time out period exceeded."],
        ),
    ]
}

fn partly_unknown() -> Vec<VerdictEntry> {
    let payroll = DatabaseName::new("Payroll");
    vec![
        unknown("CODE-002", Subject::database(&payroll), "modules", WAY_IN),
        unknown("CLR-002", Subject::database(&payroll), "assemblies", WAY_IN),
        unknown(
            "CODE-002",
            Subject::database(&DatabaseName::new("master")),
            "modules",
            DEFINITION,
        ),
        unknown(
            "CODE-002",
            Subject::within("module", &DatabaseName::new("msdb"), "dbo.sealed"),
            "modules",
            &["the text of an encrypted module"],
        ),
        fail(
            "SIGHT-001",
            Severity::Medium,
            Subject::database(&payroll),
            "4 kinds of facts of Payroll were not seen whole; objects: CONNECT ANY DATABASE, or a user in Payroll",
            vec![row(
                "databases",
                None,
                json!({ "database_id": 5, "name": "Payroll", "owner_sid": null }),
            )],
        ),
        pass("SURF-001", 1, 1),
    ]
}

fn unreached() -> Instance {
    let trouble = Trouble {
        stage: Stage::Login,
        why: "error 18456: Login failed for user 'posture_audit'.\u{7}".to_owned(),
        remedy: "check the password; it was tried once".to_owned(),
    };
    let why = trouble.to_string();
    let facts = ["configurations", "databases", "host", "server_principals"];
    Instance {
        id: InstanceId::new("dmz-01"),
        target: "dmz-01.corp.example,1433".to_owned(),
        product_version: None,
        edition: None,
        platform: None,
        reported: None,
        criticality: None,
        exposure: score::unseen(),
        telemetry: None,
        coverage: Coverage {
            finished: false,
            login: None,
            databases: 0,
            databases_read: 0,
            missing: facts
                .iter()
                .map(|fact| missing(fact, None, "not_collected", &[&why]))
                .collect(),
            trouble: Some(trouble),
            ..clean().coverage
        },
        verdicts: vec![unknown(
            "SURF-001",
            Subject::option("xp_cmdshell"),
            "configurations",
            &[&why],
        )],
        ..clean()
    }
}

fn alias() -> Instance {
    Instance {
        id: InstanceId::new("erp-listener"),
        telemetry: None,
        target: "erp.corp.example,1433".to_owned(),
        same_as: Some(InstanceId::new("erp-prod")),
        product_version: None,
        edition: None,
        platform: None,
        reported: None,
        coverage: Coverage {
            finished: false,
            databases: 0,
            databases_read: 0,
            missing: vec![missing(
                "host",
                None,
                "not_collected",
                &["same instance as target erp-prod"],
            )],
            ..clean().coverage
        },
        verdicts: Vec::new(),
        ..clean()
    }
}

fn lab() -> Instance {
    Instance {
        id: InstanceId::new("lab"),
        telemetry: None,
        target: "lab,1433".to_owned(),
        synthetic: Some("written by hand; no server made this".to_owned()),
        edition: Some("Developer Edition\u{202e} <b>(64-bit)</b>".to_owned()),
        collected: [
            "2026-09-29T22:15:00Z".to_owned(),
            "2026-09-29T22:15:01Z".to_owned(),
        ],
        ..clean()
    }
}
