//! What is proposed where something is not recorded.

use super::*;

/// The groups that a statement adds.
fn added(statement: &str) -> Vec<String> {
    let parts = statement.split("ADD (").skip(1);
    parts
        .filter_map(|part| Some(part.split_once(')')?.0.to_owned()))
        .collect()
}

#[test]
fn what_is_proposed_would_record_everything() {
    let recorded = |groups: &[String]| {
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let mut r = instance();
        r.add_audit("Sentinel", &groups);
        judged(&r, NO_NEEDS).1
    };
    let (_, before) = judged(&instance(), NO_NEEDS);
    let groups: Vec<String> = before
        .proposals
        .iter()
        .flat_map(|own| added(&own.statement))
        .collect();
    assert!(
        before.proposals[0]
            .statement
            .contains("CREATE SERVER AUDIT [mssql_posture]")
    );
    let after = recorded(&groups);
    for event in &after.events {
        assert_eq!(event.outcome, Recorded::Recorded, "{}", event.event);
    }
    assert!(after.proposals.is_empty());
    assert_eq!(after.counts(), (DUE.len(), DUE.len()));
    for left_out in &groups {
        let others: Vec<String> = groups
            .iter()
            .filter(|one| *one != left_out)
            .cloned()
            .collect();
        let less = recorded(&others);
        assert_eq!(less.proposals.len(), 1, "{left_out}");
        let statement = &less.proposals[0].statement;
        assert_eq!(added(statement), std::slice::from_ref(left_out));
        assert!(
            statement.contains("ALTER SERVER AUDIT SPECIFICATION [Sentinel] WITH (STATE = OFF)")
        );
        assert!(!statement.contains("CREATE"));
    }
}

#[test]
fn names_in_a_proposal_are_quoted_and_hostile_ones_left_to_hand() {
    let proposed = |name: &str| {
        let mut r = instance();
        r.add_audit(name, &["AUDIT_CHANGE_GROUP"]);
        judged(&r, NO_NEEDS).1.proposals
    };
    let statement = &proposed("a]; DROP LOGIN x --")[0].statement;
    assert!(statement.contains("[a]]; DROP LOGIN x --]"), "{statement}");
    let statement = &proposed("a\n; SHUTDOWN")[0].statement;
    assert!(
        !statement.contains("SHUTDOWN") && statement.contains("by hand"),
        "{statement}"
    );
    let mut r = instance();
    deny(&mut r.snapshot.server.server_audits);
    assert!(
        judged(&r, NO_NEEDS).1.proposals.is_empty(),
        "nothing is proposed on what was not seen"
    );
}
