//! What looks recorded and is not proven: some of a database's events, a trace that is only configured.

use super::*;

#[test]
fn a_database_that_is_recorded_in_part_is_not_covered() {
    let groups =
        |names: &[&str]| -> Vec<_> { names.iter().map(|own| detail(own, true, 0, 0)).collect() };
    let mut by_one = detail("EXECUTE", false, 1, 12_345);
    by_one.audited_principal_id = PrincipalId(7);
    for (id, details) in [
        (
            "database_permission_change",
            groups(&["DATABASE_PERMISSION_CHANGE_GROUP"]),
        ),
        ("clr_run", vec![by_one]),
    ] {
        let due = DUE.iter().find(|due| due.0 == id).unwrap();
        let change = |r: &mut Recording| {
            in_database(due, r, "Sales");
            let facts = r.database("Sales");
            rows(&mut facts.database_audit_specifications).clear();
            rows(&mut facts.database_audit_specification_details).clear();
            specify(r, "Sales", details.clone());
        };
        let state = state(due, change, NEEDS);
        assert_eq!(state.outcome, Recorded::InPart, "{id}");
        assert_eq!(state.databases_covered, [], "{id}: {}", said(&state));
        let sales = DatabaseName::new("Sales");
        assert_eq!(
            state.databases_in_part,
            std::slice::from_ref(&sales),
            "{id}"
        );
        assert!(!state.databases_not_covered.contains(&sales), "{id}");
        let told = said(&state);
        assert!(told.contains("record some of it in Sales"), "{told}");
        assert!(!told.contains("cover Sales"), "{told}");
        assert!(told.contains("not covered: "), "{told}");
    }
}

#[test]
fn an_option_that_is_on_is_no_trace_that_runs() {
    let unseen = |_: &Due, r: &mut Recording| {
        r.snapshot.server.traces = Observed::NotCollected {
            why: "ALTER TRACE".to_owned(),
        };
    };
    let due = |due: &Due| {
        if due.3 {
            Recorded::TraceNotSeen
        } else {
            Recorded::NotRecorded
        }
    };
    every("the option alone", unseen, NEEDS, due, "default trace");
    let mut r = instance();
    unseen(&DUE[0], &mut r);
    let (_, telemetry) = judged(&r, NEEDS);
    assert_eq!(telemetry.default_trace.state, Running::NotSeen);
    assert_eq!(
        telemetry.default_trace.why,
        "the default trace is configured on; whether it runs was not seen"
    );
    let off = |due: &Due, r: &mut Recording| {
        unseen(due, r);
        r.set_option("default trace enabled", 0, 0);
    };
    every(
        "off",
        off,
        NEEDS,
        |_| Recorded::NotRecorded,
        "default trace",
    );
}
