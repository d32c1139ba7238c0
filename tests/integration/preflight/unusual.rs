//! What is rarer: rights that are taken back where nobody says why, sysadmins, servers that change midway.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{Observed, TokenRow};
use serde_json::json;

use super::granted::{grants, recording};
use super::{looked, printed_fix, rights_in, script, start};
use crate::support::cli::Cli;
use crate::support::estate::Estate;
use crate::support::instance::{Break, Fault, Instance, sample};
use crate::support::tds_server::Options;
use crate::support::truth;

#[test]
fn a_right_that_is_taken_back_in_a_database_is_a_gap_although_no_deny_shows() {
    let mut recording = truth::complete(16, "SRV");
    for database in &mut recording.snapshot.databases {
        if let Observed::Known { value } = &mut database.database_session
            && database.name.as_str() == "erp"
        {
            value.view_definition = Some(false);
        }
    }
    let target = looked(&start(recording), 3);
    assert_eq!(target["gaps"][0]["database"], "erp");
    assert_eq!(target["gaps"][0]["need"], "VIEW DEFINITION in the database");
    assert!(rights_in(&target, "missing").is_empty());
}

#[test]
fn a_database_that_refuses_a_login_which_may_enter_any_is_left_to_a_dba() {
    let mut recording = recording(16, "SRV", &grants(&script(16)));
    for row in recording.snapshot.server.databases.seen_mut() {
        row.has_access = Some(row.name != "erp");
    }
    let server = start(recording);
    let target = looked(&server, 3);
    assert_eq!(target["databases"][4]["state"], "no_access");
    assert!(rights_in(&target, "missing").is_empty());
    let fix = printed_fix(&server);
    assert!(
        grants(&fix).is_empty() && fix.contains("look for DENY CONNECT"),
        "{fix}"
    );
}

#[test]
fn a_sysadmin_sees_everything_and_is_said_to_be_one() {
    let mut recording = sample::recording_with_control(16);
    if let Observed::Known { value } = &mut recording.snapshot.server.session {
        value.is_sysadmin = Some(true);
        value.view_any_definition = Some(false);
    }
    let server = start(recording);
    // One database of this sample is offline.
    let estate = Estate::new().with_lines("a", &server, "exclude_databases = [\"archive\"]");
    let table = estate.look("preflight", &[]).run().code(0).stdout;
    assert!(
        table.contains("the login is sysadmin, which is more"),
        "{table}"
    );
    assert!(table.contains("Full sight of 1 of 1 target."), "{table}");
}

#[test]
fn a_server_that_changes_midway_leaves_the_rest_untried() {
    let once = Fault::BreakRequest {
        session: Some(1),
        request: 4,
        how: Break::Close,
    };
    let server = Instance::new(truth::complete(16, "SRV"))
        .fault_times(1, once)
        .fault(Fault::OtherServer { from_session: 2 })
        .start(Options::default());
    let target = looked(&server, 3);
    assert_eq!(target["sight"], "limited");
    assert_eq!(target["trouble"]["stage"], "session");
    let databases = target["databases"].as_array().unwrap();
    assert_eq!(databases.len(), 6);
    let untried = databases.iter().filter(|d| d["state"] == "unknown");
    assert!(untried.clone().count() > 0);
    for database in untried {
        assert!(database["why"].as_str().unwrap().starts_with("not tried: "));
    }
    assert_eq!(target.get("estimate"), None);
    let unknown = rights_in(&target, "unknown");
    assert!(
        unknown.iter().all(|right| right.starts_with("SELECT on ")),
        "{unknown:?}"
    );
    assert!(!unknown.is_empty());
}

#[test]
fn a_windows_login_is_granted_as_itself_or_as_its_one_group() {
    let granted = |rows: &[(i32, &str, &str)]| {
        let mut recording = recording(16, "SRV", &[]);
        let server = &mut recording.snapshot.server;
        if let Observed::Known { value } = &mut server.session {
            value.original_login = Some("CORP\\me".to_owned());
        }
        let row = |(id, name, kind): &(i32, &str, &str)| TokenRow {
            principal_id: Some(PrincipalId(*id)),
            name: Some((*name).to_owned()),
            r#type: Some((*kind).to_owned()),
            usage: Some("GRANT OR DENY".to_owned()),
        };
        server.login_token = Observed::Known {
            value: rows.iter().map(row).collect(),
        };
        let fix = printed_fix(&start(recording));
        let to = fix
            .lines()
            .find_map(|line| line.strip_prefix("GRANT VIEW ANY DEFINITION TO "));
        to.map(str::to_owned)
    };
    let (own, group) = ("WINDOWS LOGIN", "WINDOWS GROUP");
    assert_eq!(
        granted(&[(300, "CORP\\me", own), (301, "CORP\\audit", group)]).as_deref(),
        Some("[CORP\\me];")
    );
    assert_eq!(
        granted(&[(0, "CORP\\me", own), (301, "CORP\\audit", group)]).as_deref(),
        Some("[CORP\\audit];")
    );
    assert_eq!(
        granted(&[(301, "CORP\\audit", group), (302, "CORP\\dba", group)]),
        None
    );
}

#[test]
fn its_schema_is_printed() {
    let printed = Cli::new(&["schema", "preflight"]).run().code(0).stdout;
    let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(schema["title"], "PreflightReport");
    let required = schema["required"].as_array().unwrap();
    assert!(required.contains(&json!("full_sight")));
    for args in [
        ["--fix", "--format", "json"].as_slice(),
        &["--fix", "--fix"],
    ] {
        Cli::new(&["preflight", "x.toml"]).args(args).run().code(2);
    }
}
