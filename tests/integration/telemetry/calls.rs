//! Calls of channels, and what cannot happen on some instances.

use super::*;

#[test]
fn calls_are_recorded_by_actions_where_they_reach_all() {
    let find = |id: &str| DUE.iter().find(|due| due.0 == id).unwrap();
    let with = |id: &str, database: &'static str, details: Vec<AuditSpecificationDetail>| {
        let due = find(id);
        let change = |r: &mut Recording| {
            in_database(due, r, database);
            rows(&mut r.database(database).database_audit_specifications).clear();
            rows(&mut r.database(database).database_audit_specification_details).clear();
            specify(r, database, details);
        };
        state(due, change, NEEDS)
    };
    let execute = |class, id| vec![detail("EXECUTE", false, class, id)];
    assert_eq!(
        with("xp_cmdshell_run", "master", execute(0, 0)).outcome,
        Recorded::Recorded
    );
    assert_eq!(
        with("xp_cmdshell_run", "master", execute(3, 4)).outcome,
        Recorded::Recorded
    );
    assert_eq!(
        with("xp_cmdshell_run", "master", execute(3, 1)).outcome,
        Recorded::NotRecorded
    );
    assert_eq!(
        with("xp_cmdshell_run", "master", execute(1, 7)).outcome,
        Recorded::NotRecorded
    );
    let mut by_one = execute(0, 0);
    by_one[0].audited_principal_id = PrincipalId(5);
    assert_eq!(
        with("xp_cmdshell_run", "master", by_one).outcome,
        Recorded::InPart
    );
    let shell = {
        let recorded = instance().finish();
        let rows = recorded
            .snapshot
            .server
            .system_extended_procedures
            .seen()
            .iter();
        rows.clone()
            .find(|row| row.name == "xp_cmdshell")
            .map(|row| row.object_id)
    };
    let shell = shell.expect("the recording has xp_cmdshell");
    assert_eq!(
        with("xp_cmdshell_run", "master", execute(1, shell)).outcome,
        Recorded::Recorded
    );
    assert_eq!(
        with("ole_automation_run", "master", execute(0, 0)).outcome,
        Recorded::InPart
    );
    assert_eq!(
        with("clr_run", "Sales", execute(0, 0)).outcome,
        Recorded::InPart
    );
    assert_eq!(
        with("agent_job_change", "msdb", execute(0, 0)).outcome,
        Recorded::InPart
    );
    let all = ["DELETE", "EXECUTE", "INSERT", "UPDATE"];
    let all = all.map(|action| detail(action, false, 3, 1)).to_vec();
    assert_eq!(
        with("agent_job_change", "msdb", all).outcome,
        Recorded::Recorded
    );
}

#[test]
fn batches_record_the_text_and_no_more() {
    for due in DUE
        .iter()
        .filter(|due| due.1 == ACCESS || due.0 == "option_change")
    {
        let batches = |r: &mut Recording| _ = r.add_audit("Sentinel", &["BATCH_COMPLETED_GROUP"]);
        let state = state(due, batches, NO_NEEDS);
        assert_eq!(state.outcome, Recorded::InPart, "{}", due.0);
        assert!(
            said(&state).contains("the text of batches"),
            "{}",
            said(&state)
        );
    }
}

#[test]
fn what_cannot_happen_here_is_said_not_to() {
    let outcome = |base: Base, id: &str| {
        let (_, telemetry) = judged(&Recording::new(base), NO_NEEDS);
        let mut events = telemetry.events.into_iter();
        events.find(|event| event.event == id).unwrap().outcome
    };
    let never = Recorded::NotApplicable;
    assert_eq!(outcome(Base::linux("l", 15), "xp_cmdshell_run"), never);
    assert_eq!(outcome(Base::linux("l", 15), "ole_automation_run"), never);
    assert_eq!(
        outcome(Base::windows("w", 12), "external_script_run"),
        never
    );
    assert_eq!(
        outcome(Base::windows("w", 13), "trusted_assembly_change"),
        never
    );
    let express = Base {
        engine_edition: 4,
        edition: "Express Edition",
        ..Base::windows("e", 16)
    };
    assert_eq!(outcome(express, "agent_job_change"), never);
    for id in [
        "xp_cmdshell_run",
        "external_script_run",
        "trusted_assembly_change",
        "agent_job_change",
    ] {
        assert_ne!(outcome(Base::windows("w", 16), id), never, "{id}");
    }
}
