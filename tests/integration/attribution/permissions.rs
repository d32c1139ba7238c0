//! Which permission it was, on what, and what became of it.

use mssql_posture::drift::{Attributed, Blind};
use serde_json::{Value, json};

use super::held::{at, held, outcome};
use super::{assert_blind, of};
use crate::support::recording::{On, Recording, rows};

#[test]
fn a_permission_is_made_by_the_event_that_leaves_its_state() {
    let event = |action: &str, statement: &str| {
        let mut event = at("09:00:00", action, "SR", "SQL01", statement);
        event["on"]["database"] = Value::Null;
        event["on"]["schema"] = Value::Null;
        event["on"]["login"] = json!("CORP\\jdoe");
        event
    };
    let (deny, grant) = (
        "DENY CONTROL SERVER TO [CORP\\jdoe]",
        "GRANT CONTROL SERVER TO [CORP\\jdoe]",
    );
    let to_grant = "GRANT CONTROL SERVER TO [CORP\\jdoe] WITH GRANT OPTION";
    let no_more = "REVOKE GRANT OPTION FOR CONTROL SERVER FROM [CORP\\jdoe] CASCADE";
    for (action, statement, state, due) in [
        ("G", grant, "G", true),
        ("D", deny, "G", false),
        ("DWC", deny, "G", false),
        ("D", deny, "D", true),
        ("G", grant, "D", false),
        ("G", grant, "W", false),
        ("GWG", to_grant, "W", true),
        ("G", to_grant, "W", true),
        ("G", to_grant, "G", false),
        ("RWG", no_more, "G", false), // it makes no row
        // The record is of another statement than the one that it holds.
        ("G", deny, "G", false),
    ] {
        let make = |r: &mut Recording| {
            r.grant_server("CONTROL SERVER", "CORP\\jdoe");
            let own = rows(&mut r.snapshot.server.server_permissions)
                .last_mut()
                .unwrap();
            state.clone_into(&mut own.state);
        };
        let diff = held(|_| {}, make, vec![event(action, statement)]);
        let is_approved = outcome(&diff, "server_permissions") == Attributed::Approved;
        assert_eq!(is_approved, due, "{action} {statement}: {state}");
    }
    let diff = held(
        |_| {},
        |r| {
            r.grant_server("CONTROL SERVER", "CORP\\jdoe");
        },
        vec![event("D", deny)],
    );
    let own = of(&diff, "server_permissions");
    assert_blind(
        own,
        Blind::ChangedLater,
        "the last event sets DENY, and GRANT stands there",
    );
}

#[test]
fn a_permission_on_something_else_of_that_name_is_another() {
    let given = |r: &mut Recording| {
        let owner = r.add_user("ERP", "app", None);
        r.add_schema("ERP", "usp_x", owner);
        r.add_schema("ERP", "stage", owner);
    };
    let of_object = |r: &mut Recording| {
        r.grant("ERP", On::Object("dbo.usp_x"), "EXECUTE", "app");
    };
    let of_schema = |r: &mut Recording| {
        r.grant("ERP", On::Schema("usp_x"), "EXECUTE", "app");
    };
    let of_database = |r: &mut Recording| {
        r.grant("ERP", On::Database, "EXECUTE", "app");
    };
    let makes: [&dyn Fn(&mut Recording); 3] = [&of_object, &of_schema, &of_database];
    for (statement, schema, due) in [
        (
            "GRANT EXECUTE ON dbo.usp_x TO app",
            "",
            [true, false, false],
        ),
        (
            "GRANT EXECUTE ON OBJECT::dbo.usp_x TO app",
            "",
            [true, false, false],
        ),
        ("GRANT EXECUTE ON usp_x TO app", "dbo", [true, false, false]),
        ("GRANT EXECUTE ON usp_x TO app", "stage", [false; 3]),
        ("GRANT EXECUTE ON usp_x TO app", "", [false; 3]),
        ("GRANT EXECUTE ON stage.usp_x TO app", "stage", [false; 3]),
        (
            "GRANT EXECUTE ON SCHEMA::usp_x TO app",
            "",
            [false, true, false],
        ),
        ("GRANT EXECUTE ON TYPE::dbo.usp_x TO app", "", [false; 3]),
        ("GRANT EXECUTE (a) ON dbo.usp_x TO app", "", [false; 3]),
        ("GRANT EXECUTE TO app", "", [false, false, true]),
        (
            "GRANT EXECUTE ON DATABASE::ERP TO app",
            "",
            [false, false, true],
        ),
    ] {
        for (make, due) in makes.iter().zip(due) {
            let mut event = at("09:00:00", "G", "P", "usp_x", statement);
            event["on"]["user"] = json!("app");
            let schema = Some(schema).filter(|own| !own.is_empty());
            event["on"]["schema"] = json!(schema);
            let diff = held(given, make, vec![event]);
            let is_approved = outcome(&diff, "database_permissions") == Attributed::Approved;
            assert_eq!(
                is_approved, due,
                "{statement} by {schema:?}: {:#?}",
                diff.changes
            );
        }
    }
}
