//! The tables, on targets made up for them.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::{
    Connection, Encryption, PreflightGap, PreflightLogin, ServerIdentity, ServerTls, Stage, Trouble,
};

fn target(id: &str) -> Preflight {
    let connection = Connection {
        endpoint: "sql01,1433".to_owned(),
        encryption: Encryption::Required,
        trust_server_certificate: false,
        authentication: "sql".to_owned(),
        user: None,
    };
    Preflight::unseen(InstanceId::new(id), connection)
}

fn server(version: &str) -> ServerIdentity {
    let mut identity = json!({ "product_version": version });
    for field in [
        "product_level",
        "product_update_level",
        "edition",
        "engine_edition",
        "server_name",
        "machine_name",
        "instance_name",
        "physical_name",
        "is_clustered",
        "is_hadr_enabled",
        "is_integrated_security_only",
        "collation",
    ] {
        identity[field] = serde_json::Value::Null;
    }
    serde_json::from_value(identity).unwrap()
}

fn tls(refusal: Option<&str>) -> Observed<ServerTls> {
    let value = serde_json::from_value(json!({
        "encryption": "on",
        "session": {
            "protocol": "TLSv1.3", "cipher_suite": "", "certificates_sent": 1,
            "certificate": {
                "subject": "", "issuer": "", "serial": "", "not_before": "",
                "not_after": "2027-03-04T05:06:07Z", "sha256": "", "dns_names": [], "ip_addresses": [],
                "key_algorithm": "", "key_bits": null, "signature_algorithm": "", "self_signed": false
            },
            "not_trusted_because": refusal
        }
    }));
    Observed::Known {
        value: value.unwrap(),
    }
}

fn database(id: i32, name: &str, state: EntryState, why: Option<&str>) -> PreflightDatabase {
    PreflightDatabase {
        database_id: id,
        name: DatabaseName::new(name),
        state,
        why: why.map(str::to_owned),
        auto_close: id == 5,
    }
}

fn right(name: &str, state: RightState, shows: &[&'static str]) -> PreflightRight {
    PreflightRight {
        right: name.to_owned(),
        state,
        why: None,
        shows: shows.to_vec(),
    }
}

fn reached(id: &str, version: &str, name: &str) -> Preflight {
    Preflight {
        server: Some(server(version)),
        login: Some(PreflightLogin {
            original_login: Some(name.to_owned()),
            login: Some(name.to_owned()),
            auth_scheme: Some("SQL".to_owned()),
            net_transport: Some("TCP".to_owned()),
            is_sysadmin: Some(id == "erp-prod"),
        }),
        tls: tls(None),
        databases: vec![database(1, "master", EntryState::Entered, None)],
        estimate: Some(Estimate {
            requests: 10,
            round_trip_ms: 20,
            least_ms: 400,
            most_ms: 1000,
            limit_ms: 900_000,
        }),
        ..target(id)
    }
}

fn limited() -> Preflight {
    let mut found = reached("crm-prod", "16.0.4135.4", "CORP\\a\u{202e}b c");
    found.tls = tls(Some("the issuer is not known"));
    found.rights = vec![
        right("CONNECT ANY DATABASE", RightState::Missing, &["modules"]),
        right("VIEW ANY DEFINITION", RightState::Held, &["credentials"]),
        right(
            "VIEW SERVER SECURITY STATE",
            RightState::Missing,
            &[
                "trusted_assemblies",
                "audit_status",
                "services",
                "availability_replicas",
                "more",
            ],
        ),
        right(
            "SELECT on dbo.sysjobs in msdb",
            RightState::Unknown,
            &["jobs"],
        ),
    ];
    found.rights[3].why = Some("msdb was not entered: error 942".to_owned());
    found.databases.extend([
        database(5, "self closing", EntryState::Entered, None),
        database(6, "sales\r\n", EntryState::NoAccess, None),
        database(7, "<b>hr", EntryState::NoAccess, None),
        database(
            8,
            "archive",
            EntryState::Closed,
            Some("the database is OFFLINE"),
        ),
        database(9, "scratch", EntryState::Excluded, None),
    ]);
    found.denials = vec![Denial {
        database: Some(DatabaseName::new("erp")),
        permission: "VIEW DEFINITION".to_owned(),
        class: 0,
        major_id: 0,
        principal_id: 0,
        principal: Some("public".to_owned()),
    }];
    found.gaps = vec![PreflightGap {
        database: None,
        need: "error 1222: Lock request time out".to_owned(),
        facts: vec!["services"],
    }];
    found.estimate = Some(Estimate {
        most_ms: 1_000_000,
        ..found.estimate.unwrap()
    });
    found.fix = Some("GRANT x TO [y];\n".to_owned());
    found
}

fn report() -> PreflightReport {
    let mut unreached = target("dmz");
    unreached.trouble = Some(Trouble {
        stage: Stage::Tls,
        why: "the certificate is for another name".to_owned(),
        remedy: "set hostname_in_certificate".to_owned(),
    });
    let mut targets = vec![
        reached("erp-prod", "15.0.4345.5", "posture_audit"),
        limited(),
        unreached,
    ];
    for target in &mut targets {
        target.conclude();
    }
    PreflightReport::new(targets)
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(report().table(80));
}

#[test]
fn at_200_columns() {
    insta::assert_snapshot!(report().table(200));
}

#[test]
fn lines_fit_and_are_visible() {
    for width in [80, 120, 200] {
        for line in report().table(width).lines() {
            assert!(line.chars().count() <= usize::from(width), "{line}");
            assert_eq!(visible(line), line);
        }
    }
}

#[test]
fn what_is_granted_and_what_is_not_reached_stand_in_the_fix() {
    assert_eq!(
        report().fix(),
        "GRANT x TO [y];\nGO\n\n-- dmz: not reached, so nothing is known of its rights\n"
    );
    let whole = report().targets.swap_remove(0);
    assert!(PreflightReport::new(vec![whole.clone()]).full_sight);
    assert_eq!(
        PreflightReport::new(vec![whole]).fix(),
        "-- No right is missing.\n"
    );
}
