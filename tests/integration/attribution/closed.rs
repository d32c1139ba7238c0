//! Fail closed: what a ticket does not cover beyond doubt is not approved, and what may be missing is said.

use mssql_posture::drift::{Attributed, Blind};
use serde_json::{Value, json};

use super::{
    File, assert_blind, attributed, audited, of, planted, planted_is, register, the_event, traced,
};
use crate::support::recording::rows;

const TICKET: &str = "[[approved]]\nticket = \"C\"\nfrom = \"2026-11-12T08:00:00Z\"\nuntil = \"2026-11-12T10:00:00Z\"\n";

/// A record of the trace, whose statement proves nothing.
fn unproven() -> Vec<Value> {
    vec![traced("2026-11-12T10:00:00", "164", 1)]
}

fn first_at(first: &str) -> Value {
    json!({ "state": "partial", "value": { "events": 0, "first": first }, "needs": ["older files"] })
}

#[test]
fn nothing_is_approved_where_a_later_event_may_be_missing() {
    let whole = || File::of(unproven());
    let mut short = whole();
    short.header["until"] = json!("2026-11-15T00:00:00.0000000Z");
    let mut cut = whole();
    cut.target["outcome"] =
        json!({ "state": "interrupted", "stage": "server", "why": "broke", "remedy": "again" });
    let denied = whole().source(2, json!({ "state": "denied", "needs": ["CONTROL SERVER"] }));
    let failed = whole().source(2, json!({ "state": "not_collected", "why": "x" }));
    let rolled = whole().source(2, first_at("2026-11-11T00:00:00Z"));
    let register = register(TICKET);
    let own = planted_is(&[whole().read()], Some(&register));
    assert_eq!(own.outcome, Attributed::Approved, "{own:#?}");
    for (file, says) in [
        (short, "not of all the time"),
        (cut, "broke"),
        (denied, "not permitted"),
        (failed, "audit Main"),
        (rolled, "does not reach back"),
    ] {
        let diff = attributed(&planted(), &[file.read()], Some(&register));
        let own = of(&diff, "modules");
        assert_eq!(own.outcome, Attributed::Undecided, "{says}: {own:#?}");
        assert!(own.because.iter().any(|why| why.contains(says)), "{own:#?}");
        assert!(diff.is_incomplete(), "{says}");
    }
}

#[test]
fn an_audit_that_was_switched_approves_only_what_its_statement_proves() {
    let mut sides = planted();
    let status = rows(&mut sides.1.snapshot.server.audit_status);
    status[0].status_time = Some("2026-11-12T12:00:00".to_owned());
    let register = register(TICKET);
    for (events, due) in [
        (unproven(), Attributed::Undecided),
        (vec![the_event()], Attributed::Approved),
    ] {
        let diff = attributed(&sides, &[File::of(events).read()], Some(&register));
        assert_eq!(of(&diff, "modules").outcome, due);
    }
}

#[test]
fn a_gap_is_incomplete_though_nothing_changed() {
    let (_, after) = planted();
    let mut later = after.clone();
    super::collected(&mut later, "2026-11-16T06:00:00Z");
    let sides = (after, later);
    let whole = File::of(Vec::new());
    assert!(!attributed(&sides, &[whole.read()], None).is_incomplete());
    let denied = whole.source(2, json!({ "state": "denied", "needs": ["CONTROL SERVER"] }));
    assert!(attributed(&sides, &[denied.read()], None).is_incomplete());
}

#[test]
fn events_of_another_server_attribute_nothing() {
    let mut file = File::of(vec![the_event()]);
    file.target["server_name"] = json!("OTHER\\X");
    let own = planted_is(&[file.read()], Some(&register(TICKET)));
    assert_blind(&own, Blind::OtherServer, "are of server OTHER\\X");
    // The name of the machine and the instance is what audits write.
    file.target["server_name"] = json!("sql01");
    let own = planted_is(&[file.read()], Some(&register(TICKET)));
    assert_eq!(own.outcome, Attributed::Approved, "{own:#?}");
}

#[test]
fn only_the_login_that_connected_is_the_tickets() {
    let mut event = the_event();
    event["who"]["session_login"] = Value::Null;
    let ticket = format!("{TICKET}identity = \"sa\"\n");
    let own = planted_is(&[File::of(vec![event]).read()], Some(&register(&ticket)));
    assert_eq!(own.outcome, Attributed::Undecided, "{own:#?}");
    let says = "does not say which login connected";
    assert!(own.because.iter().any(|why| why.contains(says)), "{own:#?}");
}

#[test]
fn a_hosts_name_is_no_address() {
    use Attributed::{Approved, Undecided, UnusualHost};
    let hosts = |hosts: &str| register(&format!("administration_hosts = [{hosts}]\n{TICKET}"));
    for (name, address, of, due) in [
        (
            Some("10.1.2.3"),
            Some("10.0.0.7"),
            "\"10.1.2.*\"",
            UnusualHost,
        ),
        (Some("10.1.2.3"), None, "\"10.1.2.*\"", Undecided),
        (Some("WS-1"), Some("10.1.2.3"), "\"10.1.2.*\"", Approved),
        (Some("JUMP-1"), None, "\"10.1.2.*\", \"JUMP-*\"", Approved),
        (Some("WS-1"), None, "\"10.1.2.*\", \"JUMP-*\"", Undecided),
        (None, Some("10.0.0.7"), "\"JUMP-*\"", Undecided),
        (Some("WS-1"), Some("fe80::1"), "\"FE80::*\"", Approved),
    ] {
        let mut event = the_event();
        event["from"] = json!({ "host": name, "application": null, "client_ip": address });
        let own = planted_is(&[File::of(vec![event]).read()], Some(&hosts(of)));
        assert_eq!(own.outcome, due, "{name:?} {address:?} {of}: {own:#?}");
    }
}

#[test]
fn a_ticket_for_a_procedure_is_not_for_a_login_that_reads_like_one() {
    use Attributed::{Approved, Unapproved};
    let (before, mut after) = planted();
    after.add_login("ERP.dbo.usp_y", "S");
    after.add_server_member("sysadmin", "ERP.dbo.usp_y");
    let mut made = audited("2026-11-12T09:10:00Z", "CR", "SL", "ERP.dbo.usp_y", None);
    let mut added = audited("2026-11-12T09:11:00Z", "APRL", "SG", "sysadmin", None);
    for event in [&mut made, &mut added] {
        event["on"]["database"] = json!("master");
        event["on"]["schema"] = Value::Null;
    }
    added["on"]["login"] = json!("ERP.dbo.usp_y");
    let events = vec![the_event(), made, added];
    let outcomes = |object: &str| {
        let ticket = register(&format!("{TICKET}object = '{object}'\n"));
        let sides = (before.clone(), after.clone());
        let diff = attributed(&sides, &[File::of(events.clone()).read()], Some(&ticket));
        ["modules", "server_principals", "server_role_members"].map(|fact| of(&diff, fact).outcome)
    };
    for (object, due) in [
        ("ERP.dbo.usp_*", [Approved, Unapproved, Unapproved]),
        ("[ERP.dbo.usp_*]", [Unapproved, Approved, Unapproved]),
        (
            "[ERP.dbo.usp_*] in sysadmin",
            [Unapproved, Unapproved, Approved],
        ),
        ("*", [Approved; 3]),
    ] {
        assert_eq!(outcomes(object), due, "{object}");
    }
}

#[test]
fn a_switched_option_is_the_tickets_by_its_own_name() {
    let message = |value: i32, from: i32| {
        let mut event = traced(&format!("2026-11-12T10:0{value}:00"), "22", 0);
        event["error"] = json!(15457);
        event["on"]["object"] = Value::Null;
        let text = format!(
            "Configuration option 'xp_cmdshell' changed from {from} to {value}. Run the RECONFIGURE statement to install."
        );
        event["statement"] = json!({ "text": text, "sha256": "0" });
        event
    };
    let events = vec![message(1, 0), message(0, 1)];
    let outcome = |object: &str| {
        let ticket = register(&format!("{TICKET}object = '{object}'\n"));
        let diff = attributed(
            &planted(),
            &[File::of(events.clone()).read()],
            Some(&ticket),
        );
        let passed = &diff.attribution.as_ref().unwrap().passed;
        let mut passed = passed.iter();
        passed
            .find(|own| own.what.contains("set to 0"))
            .unwrap()
            .outcome
    };
    assert_eq!(outcome("xp_cmdshell"), Attributed::Approved);
    assert_eq!(outcome("clr enabled"), Attributed::Unapproved);
}

#[test]
fn a_flood_of_what_was_approved_hides_nothing() {
    let mut events = Vec::new();
    for number in 0..250 {
        let name = format!("a{number:03}");
        for (action, minute) in [("CR", "09:10"), ("DR", "09:20")] {
            let text = (action == "CR").then_some("CREATE PROC x AS EXEC xp_cmdshell 'dir'");
            let moment = format!("2026-11-12T{minute}:00.0000000Z");
            events.push(audited(&moment, action, "P", &name, text));
        }
    }
    let mut evil = audited("2026-11-12T09:30:00Z", "EX", "X", "xp_cmdshell", None);
    evil["who"] = json!({ "login": "m", "session_login": "m", "database_user": "dbo" });
    events.push(evil);
    let ticket = register(&format!("{TICKET}identity = 'CORP\\jdoe'\n"));
    let diff = attributed(&planted(), &[File::of(events).read()], Some(&ticket));
    let own = diff.attribution.as_ref().unwrap();
    assert_eq!(
        (own.passed[0].what.as_str(), own.passed[0].outcome),
        ("used xp_cmdshell", Attributed::Unapproved)
    );
    let left: u32 = own.more_passed.iter().map(|own| own.changes).sum();
    assert_eq!(own.passed.len() + left as usize, 251);
}
