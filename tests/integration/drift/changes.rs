//! Each kind of change, and how much it matters.

use mssql_posture::drift::{ChangeKind, InstanceDiff};
use mssql_posture::ids::PrincipalId;
use mssql_posture::rules::Severity::{self, High, Info, Low, Medium};
use mssql_posture::snapshot::{Fact, Observed};

use super::{drift, told};
use crate::support::recording::{Hidden, On, Recording, hide};

type Step = fn(&mut Recording);
/// Fact, kind, name, severity of the worst change.
type Due = (&'static str, &'static str, &'static str, Severity);

fn nothing(_: &mut Recording) {}

fn audited(r: &mut Recording) {
    r.add_audit("Trail", &["SERVER_ROLE_MEMBER_CHANGE_GROUP"]);
}

/// What is there before, what is done, what is told of it first.
const CASES: &[(Step, Step, Due)] = &[
    (
        nothing,
        |r| _ = r.set_option("xp_cmdshell", 1, 1),
        ("configurations", "changed", "xp_cmdshell", High),
    ),
    (
        |r| _ = r.set_option("xp_cmdshell", 1, 1),
        |r| _ = r.set_option("xp_cmdshell", 0, 0),
        ("configurations", "changed", "xp_cmdshell", Info),
    ),
    (
        nothing,
        |r| _ = r.set_option("clr strict security", 0, 0),
        ("configurations", "changed", "clr strict security", High),
    ),
    (
        nothing,
        |r| _ = r.set_option("max degree of parallelism", 7, 7),
        (
            "configurations",
            "changed",
            "max degree of parallelism",
            Low,
        ),
    ),
    (
        nothing,
        |r| _ = r.add_server_member("sysadmin", "CORP\\jdoe"),
        (
            "server_role_members",
            "added",
            "CORP\\jdoe in sysadmin",
            High,
        ),
    ),
    (
        |r| _ = r.add_server_member("sysadmin", "CORP\\jdoe"),
        |r| {
            r.snapshot.server.server_role_members =
                without_last(&r.snapshot.server.server_role_members);
        },
        (
            "server_role_members",
            "removed",
            "CORP\\jdoe in sysadmin",
            Low,
        ),
    ),
    (
        nothing,
        |r| _ = r.grant_server("CONTROL SERVER", "app"),
        (
            "server_permissions",
            "added",
            "CONTROL SERVER on (all) for app",
            High,
        ),
    ),
    (
        nothing,
        |r| _ = r.deny("ERP", On::Database, "VIEW DEFINITION", "app"),
        (
            "database_permissions",
            "added",
            "DENY VIEW DEFINITION on (all) for app",
            High,
        ),
    ),
    (
        nothing,
        |r| _ = r.add_member("ERP", "db_owner", "app"),
        ("database_role_members", "added", "app in db_owner", High),
    ),
    (
        nothing,
        |r| r.database_row("ERP").is_trustworthy_on = Some(true),
        ("databases", "changed", "ERP", High),
    ),
    (
        nothing,
        |r| _ = r.add_assembly("ERP", "Shell", 3, "x"),
        ("assemblies", "added", "Shell", High),
    ),
    (
        |r| _ = r.add_assembly("ERP", "Shell", 1, "x"),
        |r| assembly(r).permission_set = Some(3),
        ("assemblies", "changed", "Shell", High),
    ),
    (
        |r| _ = r.add_assembly("ERP", "Shell", 3, "x"),
        |r| assembly(r).permission_set = Some(1),
        ("assemblies", "changed", "Shell", Medium),
    ),
    (
        nothing,
        |r| _ = r.trust_assembly("x", "Shell, Version=1", "CORP\\jdoe"),
        ("trusted_assemblies", "added", "", High),
    ),
    (
        nothing,
        |r| _ = r.add_extended_procedure("dbo.xp_evil", "c:\\evil.dll"),
        ("extended_procedures", "added", "dbo.xp_evil", High),
    ),
    (
        audited,
        |r| audit(r).is_state_enabled = Some(false),
        ("server_audits", "changed", "Trail", High),
    ),
    (
        audited,
        |r| audit(r).predicate = Some("([server_principal_name]<>'evil')".into()),
        ("server_audits", "changed", "Trail", High),
    ),
    (
        audited,
        |r| r.snapshot.server.server_audit_specification_details = none(),
        ("server_audit_specification_details", "removed", "", High),
    ),
    (
        nothing,
        |r| {
            _ = r.add_module(
                "ERP",
                "dbo.p",
                "P",
                "CREATE PROC dbo.p AS EXEC xp_cmdshell 'dir'",
            );
        },
        ("modules", "added", "dbo.p", High),
    ),
    (
        nothing,
        |r| _ = r.add_module("ERP", "dbo.p", "P", "CREATE PROC dbo.p AS SELECT 1"),
        ("modules", "added", "dbo.p", Low),
    ),
    (
        |r| _ = r.add_module("ERP", "dbo.p", "P", "CREATE PROC dbo.p AS SELECT 1"),
        run_as_owner,
        ("modules", "changed", "dbo.p", Medium),
    ),
];

fn run_as_owner(r: &mut Recording) {
    let id = r.object_id("ERP", "dbo.p");
    r.module("ERP", id).execute_as_principal_id = Some(PrincipalId(-2));
}

fn without_last<T: Clone>(list: &Observed<Vec<T>>) -> Observed<Vec<T>> {
    let value = list.seen();
    Observed::Known {
        value: value[..value.len() - 1].to_vec(),
    }
}

fn none<T>() -> Observed<Vec<T>> {
    Observed::Known { value: Vec::new() }
}

fn assembly(r: &mut Recording) -> &mut mssql_posture::snapshot::Assembly {
    r.database("ERP")
        .assemblies
        .seen_mut()
        .iter_mut()
        .find(|a| a.name == "Shell")
        .unwrap()
}

fn audit(r: &mut Recording) -> &mut mssql_posture::snapshot::ServerAudit {
    &mut r.snapshot.server.server_audits.seen_mut()[0]
}

#[test]
fn each_change_is_told_with_its_severity() {
    for (prepare, change, (fact, kind, name, severity)) in CASES {
        let found = drift(prepare, change);
        let of_fact = found.changes.iter().find(|one| one.fact == *fact);
        let first = of_fact
            .or(found.changes.first())
            .unwrap_or_else(|| panic!("{fact} {name}: nothing is told"));
        let (is_fact, is_kind, is_name, is_severity) = told(first);
        assert_eq!(
            (is_fact, is_kind, is_severity),
            (*fact, *kind, *severity),
            "{found:#?}"
        );
        assert!(name.is_empty() || is_name == *name, "{is_name}");
        assert!(!found.is_incomplete(), "{:?}", found.not_comparable);
    }
}

#[test]
fn the_same_change_the_other_way_round_is_another() {
    // What is good when it comes must not be told as bad, nor the reverse.
    for (prepare, change, (fact, _, _, severity)) in CASES.iter().take(2) {
        let mut before = super::instance();
        prepare(&mut before);
        let mut after = before.clone();
        change(&mut after);
        let (before, after) = (before.finish(), after.finish());
        let texts = (before.texts(), after.texts());
        let back = super::compared((&after.snapshot, &texts.1), (&before.snapshot, &texts.0));
        assert_eq!(back.changes[0].fact, *fact);
        assert_ne!(back.changes[0].severity, *severity, "{fact}");
    }
}

const TEXT: &str =
    "CREATE PROCEDURE dbo.p @a int\nAS\n-- pay\nSELECT Total FROM dbo.Pay WHERE Id = @a";

fn module(text: &'static str) -> InstanceDiff {
    drift(
        |r| _ = r.add_module("ERP", "dbo.p", "P", TEXT),
        |r| {
            let id = r.object_id("ERP", "dbo.p");
            r.set_text("ERP", id, text);
        },
    )
}

#[test]
fn a_module_that_was_only_reformatted_is_cosmetic() {
    let found = module(
        "create  procedure dbo.p @a int as /* pay, as ever */ select Total\nfrom dbo.Pay where Id=@a\n",
    );
    let [change] = &found.changes[..] else {
        panic!("{found:#?}")
    };
    let text = change.text.as_ref().unwrap();
    assert_eq!(
        (change.severity, text.class.as_deref()),
        (Info, Some("cosmetic"))
    );
    assert!(text.lines.is_empty());
}

#[test]
fn one_token_is_code_and_its_lines_are_shown() {
    let found = module(
        "CREATE PROCEDURE dbo.p @a int\nAS\n-- pay\nSELECT Total FROM dbo.Pay WHERE Id <> @a",
    );
    let [change] = &found.changes[..] else {
        panic!("{found:#?}")
    };
    let text = change.text.as_ref().unwrap();
    assert_eq!(
        (change.severity, text.class.as_deref()),
        (Low, Some("code"))
    );
    assert!(
        text.lines
            .contains(&"+SELECT Total FROM dbo.Pay WHERE Id <> @a".to_owned()),
        "{:?}",
        text.lines
    );
}

#[test]
fn a_module_that_reaches_a_channel_now_is_high() {
    let found = module("CREATE PROCEDURE dbo.p @a int\nAS\nEXEC xp_cmdshell 'dir'");
    let [change] = &found.changes[..] else {
        panic!("{found:#?}")
    };
    assert_eq!(
        (
            change.severity,
            &change.text.as_ref().unwrap().sinks_gained[..]
        ),
        (High, &["xp_cmdshell".to_owned()][..])
    );
}

#[test]
fn an_encrypted_module_is_never_unchanged() {
    let found = drift(|r| _ = r.add_encrypted_module("ERP", "dbo.secret"), nothing);
    assert!(found.changes.is_empty());
    let gap = found
        .not_comparable
        .iter()
        .find(|gap| gap.facts == ["modules"])
        .unwrap();
    assert_eq!(
        (&gap.rows[..], gap.row_count, gap.incomplete),
        (&["dbo.secret".to_owned()][..], 1, true)
    );
    assert!(found.is_incomplete());
}

#[test]
fn a_definition_that_is_hidden_now_is_told_as_a_change() {
    let found = drift(
        |r| _ = r.add_module("ERP", "dbo.p", "P", TEXT),
        |r| {
            let id = r.object_id("ERP", "dbo.p");
            r.hide_definition("ERP", id);
        },
    );
    let change = found.changes.iter().find(|c| c.fact == "modules").unwrap();
    assert_eq!(
        (
            change.severity,
            change.text.as_ref().unwrap().class.as_deref()
        ),
        (Medium, Some("unknown"))
    );
    assert!(found.is_incomplete());
}

#[test]
fn code_that_comes_with_a_text_that_nobody_read_says_so() {
    let hidden = drift(nothing, |r| {
        let id = r.add_module("ERP", "dbo.p", "P", TEXT);
        r.hide_definition("ERP", id);
    });
    let encrypted = drift(nothing, |r| _ = r.add_encrypted_module("ERP", "dbo.p"));
    let left_out = {
        let before = super::instance().finish();
        let mut after = super::instance();
        after.add_module("ERP", "dbo.p", "P", TEXT);
        let after = after.finish();
        let none = mssql_posture::snapshot::ModuleTexts::default();
        super::compared((&before.snapshot, &none), (&after.snapshot, &none))
    };
    for (found, severity, due) in [
        (hidden, Medium, "its text is denied"),
        (encrypted, Medium, "its text is not_collected"),
        (left_out, Low, "its text was left out"),
    ] {
        let change = found.changes.iter().find(|c| c.fact == "modules").unwrap();
        let text = change.text.as_ref().unwrap();
        assert_eq!(
            (change.severity, text.class.as_deref()),
            (severity, Some("unknown"))
        );
        assert!(text.note.as_ref().unwrap().contains(due), "{text:?}");
        assert!(found.is_incomplete());
    }
}

#[test]
fn a_secret_in_a_name_is_masked() {
    let found = drift(nothing, |r| {
        r.add_job_step("Nightly", "ERP", "SELECT 1");
        let steps = crate::support::recording::rows(&mut r.snapshot.server.job_steps);
        steps.last_mut().unwrap().step_name = "x PASSWORD = 'hunter2'".to_owned();
    });
    let step = found
        .changes
        .iter()
        .find(|c| c.fact == "job_steps")
        .unwrap();
    assert_eq!(step.name, "x PASSWORD = '***' of job Nightly");
}

#[test]
fn the_same_hash_proves_a_text_unchanged_without_the_text() {
    let prepare: Step = |r| _ = r.add_module("ERP", "dbo.p", "P", TEXT);
    let mut before = super::instance();
    prepare(&mut before);
    let recorded = before.finish();
    let none = mssql_posture::snapshot::ModuleTexts::default();
    let found = super::compared((&recorded.snapshot, &none), (&recorded.snapshot, &none));
    assert!(
        found.changes.is_empty() && !found.is_incomplete(),
        "{found:#?}"
    );
}

#[test]
fn the_seen_part_of_a_list_is_compared_and_the_rest_is_not_concluded() {
    let partial = |r: &mut Recording| {
        let how = Hidden::Partial(vec![true]);
        hide(&mut r.snapshot, Fact::ServerRoleMembers, None, &how);
    };
    let join = |r: &mut Recording| _ = r.add_server_member("sysadmin", "CORP\\jdoe");
    let found = drift(partial, join);
    let [change] = &found.changes[..] else {
        panic!("{found:#?}")
    };
    assert_eq!(
        (change.kind, change.severity),
        (ChangeKind::NewOrNewlySeen, High)
    );
    let leave = |r: &mut Recording| {
        join(r);
        partial(r);
    };
    let found = drift(leave, |r| {
        let list = &mut r.snapshot.server.server_role_members;
        if let Observed::Partial { value, .. } = list {
            value.pop();
        }
    });
    let [change] = &found.changes[..] else {
        panic!("{found:#?}")
    };
    assert_eq!(
        (change.kind, change.severity),
        (ChangeKind::NotSeenAfter, Info)
    );
    assert!(found.is_incomplete());
}

#[test]
fn what_comes_with_a_new_database_is_counted_and_what_is_dangerous_in_it_told() {
    let found = drift(nothing, |r| {
        r.add_database("New", "sa");
        r.add_module("New", "dbo.quiet", "P", "CREATE PROC dbo.quiet AS SELECT 1");
        r.add_module(
            "New",
            "dbo.loud",
            "P",
            "CREATE PROC dbo.loud AS EXEC xp_cmdshell 'dir'",
        );
    });
    let names: Vec<_> = found.changes.iter().map(told).collect();
    assert!(
        names.contains(&("modules", "added", "dbo.loud", High)),
        "{names:?}"
    );
    assert!(
        names
            .iter()
            .any(|(fact, _, name, _)| (*fact, *name) == ("databases", "New"))
    );
    assert!(
        names.contains(&("modules", "added", "dbo.quiet", Low)),
        "code comes with no database by itself: {names:?}"
    );
    assert!(
        !names.iter().any(|(fact, ..)| *fact == "schemas"),
        "{names:?}"
    );
    assert!(found.came_with_their_owner > 1);
}

#[test]
fn a_database_that_the_other_side_did_not_read_is_not_new() {
    let found = drift(
        |r| {
            r.add_module("ERP", "dbo.p", "P", TEXT);
        },
        nothing,
    );
    assert!(found.changes.is_empty() && !found.is_incomplete());
    let unread = drift(|r| _ = r.take_offline("ERP"), nothing);
    assert!(
        unread.changes.is_empty() && unread.is_incomplete(),
        "{unread:#?}"
    );
    let excluded = drift(|r| _ = r.exclude("ERP"), nothing);
    assert!(excluded.changes.is_empty(), "{:?}", excluded.changes);
    let gaps = excluded
        .not_comparable
        .iter()
        .filter(|gap| gap.database.is_some() && gap.incomplete);
    assert_eq!(gaps.count(), 0, "both inventories leave it out");
    let now = drift(nothing, |r| _ = r.exclude("ERP"));
    assert!(now.is_incomplete(), "it was compared before");
}

#[test]
fn what_is_staged_is_named_apart() {
    let found = drift(nothing, |r| _ = r.set_option("xp_cmdshell", 1, 0));
    let [staged] = &found.pending[..] else {
        panic!("{:?}", found.pending)
    };
    assert_eq!(
        (staged.by.as_str(), staged.before, staged.severity),
        ("RECONFIGURE", Some(false), High)
    );
    let before: Step = |r| _ = r.set_option("xp_cmdshell", 1, 0);
    let found = drift(before, nothing);
    assert_eq!(found.pending[0].before, Some(true));
    assert_eq!(
        found.severities().count(),
        0,
        "what was staged before is no change"
    );
}

#[test]
fn another_server_a_restart_and_an_upgrade_are_said_first() {
    let found = drift(nothing, |r| {
        r.database_row("tempdb").create_date = Some("2026-11-20T01:00:00.000".into());
        if let Observed::Known { value } = &mut r.snapshot.server.server_identity {
            value.server_name = Some("OTHER".into());
            value.product_version = "16.0.9999.1".into();
        }
    });
    for said in ["@@SERVERNAME was", "was started anew", "the version was"] {
        assert!(
            found.remarks.iter().any(|remark| remark.contains(said)),
            "{said}: {:?}",
            found.remarks
        );
    }
    assert!(
        !found.changes.iter().any(|c| c.fact == "databases"),
        "tempdb is made anew at every start"
    );
}
