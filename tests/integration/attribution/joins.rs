//! Each kind of change with the event that makes it, by either source; and what happens without leaving drift.

use mssql_posture::drift::{Attributed, Blind, InstanceDiff};
use serde_json::{Value, json};

use super::{File, assert_blind, attributed, audited, of, planted, register, traced};
use crate::support::recording::{On, Recording};

const AT: &str = "2026-11-12T09:00:00.1000000Z";

/// The drift that a change makes, attributed by these events.
fn made(make: impl Fn(&mut Recording), events: Vec<Value>) -> InstanceDiff {
    let (before, _) = planted();
    let mut after = before.clone();
    super::collected(&mut after, "2026-11-16T05:00:00Z");
    after.at("2026-11-12T10:00:00.200");
    make(&mut after);
    attributed(&(before, after), &[File::of(events).read()], None)
}

/// An audit's record without a database.
fn of_server(action: &str, kind: &str, object: &str, statement: Option<&str>) -> Value {
    let mut event = audited(AT, action, kind, object, statement);
    event["on"]["database"] = Value::Null;
    event["on"]["schema"] = Value::Null;
    event
}

/// A message of the trace.
fn configured(text: &str) -> Value {
    let mut event = traced("2026-11-12T10:00:00", "22", 0);
    event["error"] = json!(15457);
    event["on"]["object"] = Value::Null;
    event["on"]["database"] = json!("master");
    event["statement"] = json!({ "text": text, "sha256": "0" });
    event
}

fn member(kind: &str, role: &str, login: Option<&str>, user: Option<&str>) -> Value {
    let mut event = audited(AT, "APRL", kind, role, None);
    event["on"]["login"] = json!(login);
    event["on"]["user"] = json!(user);
    event
}

fn granted(statement: Option<&str>, login: Option<&str>) -> Value {
    let mut event = of_server("G", "SR", "SQL01", statement);
    event["on"]["login"] = json!(login);
    event
}

/// What is done, by which record, and in which fact it shows.
type Made = (fn(&mut Recording), fn() -> Value, &'static str);

const MADE: &[Made] = &[
    (
        |r| {
            r.add_module("ERP", "dbo.new", "P", "CREATE PROC dbo.new AS SELECT 1");
        },
        || {
            audited(
                AT,
                "CR",
                "P",
                "new",
                Some("create proc dbo.new AS -- new\n SELECT 1"),
            )
        },
        "modules",
    ),
    (
        |r| {
            r.add_module("ERP", "dbo.new", "P", "CREATE PROC dbo.new AS SELECT 1");
        },
        || {
            let mut event = traced("2026-11-12T10:00:00", "46", 1);
            event["on"]["object"] = json!("NEW"); // its collation folds case
            event
        },
        "modules",
    ),
    (
        |r| {
            r.add_assembly("ERP", "Tools", 3, "bytes");
        },
        || {
            audited(
                AT,
                "CR",
                "AS",
                "Tools",
                Some("CREATE ASSEMBLY Tools FROM 0x4D"),
            )
        },
        "assemblies",
    ),
    (
        |r| {
            r.set_option("xp_cmdshell", 1, 1);
        },
        || {
            of_server(
                "ALST",
                "SR",
                "SQL01",
                Some("EXEC sp_configure 'xp_cmdshell', 1"),
            )
        },
        "configurations",
    ),
    (
        |r| {
            r.set_option("xp_cmdshell", 1, 1);
        },
        || {
            configured(
                "Configuration option 'xp_cmdshell' changed from 0 to 1. Run the RECONFIGURE statement to install.",
            )
        },
        "configurations",
    ),
    (
        |r| {
            r.set_option("xp_cmdshell", 1, 1);
        },
        || configured("Die Konfigurationsoption \"xp_cmdshell\" wurde von 0 in 1 ge\u{e4}ndert."),
        "configurations",
    ),
    (
        |r| {
            r.add_server_member("sysadmin", "CORP\\jdoe");
        },
        || member("SG", "sysadmin", Some("CORP\\jdoe"), None),
        "server_role_members",
    ),
    (
        |r| {
            r.add_server_member("sysadmin", "CORP\\jdoe");
        },
        || {
            let mut event = traced("2026-11-12T10:00:00", "108", 1);
            event["on"]["role"] = json!("sysadmin");
            event["on"]["login"] = json!("corp\\jdoe");
            event
        },
        "server_role_members",
    ),
    (
        |r| {
            r.grant_server("CONTROL SERVER", "CORP\\jdoe");
        },
        || {
            granted(
                Some("GRANT CONTROL SERVER TO [CORP\\jdoe]"),
                Some("CORP\\jdoe"),
            )
        },
        "server_permissions",
    ),
    (
        |r| {
            r.add_login("newcomer", "S");
        },
        || of_server("CR", "SL", "newcomer", None),
        "server_principals",
    ),
    (
        |r| {
            r.trust_assembly("bytes", "tools", "sa");
        },
        || {
            let hash = crate::support::recording::sha2_512("bytes");
            let text =
                format!("EXEC sys.sp_add_trusted_assembly @hash = {hash}, @description = N'tools'");
            let mut event = audited(AT, "EX", "X", "sp_add_trusted_assembly", Some(&text));
            event["on"]["database"] = json!("master");
            event["on"]["schema"] = json!("sys");
            event
        },
        "trusted_assemblies",
    ),
    (
        |r| {
            r.add_job_step("nightly", "ERP", "EXEC dbo.usp_x");
        },
        || {
            let text = "EXEC msdb.dbo.sp_add_job @job_name = N'job nightly', @job_id = @id OUTPUT";
            let mut event = audited(AT, "EX", "P", "sp_add_job", Some(text));
            event["on"]["database"] = json!("msdb");
            event
        },
        "jobs",
    ),
];

#[test]
fn each_kind_of_change_is_attributed_by_its_event_and_by_no_other() {
    for (make, event, fact) in MADE {
        let diff = made(make, vec![event()]);
        let own = of(&diff, fact);
        assert_eq!(own.outcome, Attributed::Attributed, "{fact}: {own:#?}");
        assert_eq!(own.events.len(), 1);
        // The events of all the others do not.
        let others = MADE.iter().filter(|(.., other)| other != fact);
        let others = others.map(|(_, event, _)| event()).collect();
        let diff = made(make, others);
        let own = of(&diff, fact);
        assert_eq!(own.outcome, Attributed::Unattributable, "{fact}: {own:#?}");
    }
}

fn switch_on(r: &mut Recording) {
    r.set_option("xp_cmdshell", 1, 1);
}

fn grant_control(r: &mut Recording) {
    r.grant_server("CONTROL SERVER", "CORP\\jdoe");
}

/// A record of a statement of this action.
fn ran(action: &str, statement: &str) -> Value {
    of_server(action, "SR", "SQL01", Some(statement))
}

#[test]
fn records_that_do_not_say_enough_attribute_nothing() {
    let doubted: &[Made] = &[
        // A batch that names it, of which nobody knows what ran.
        (
            switch_on,
            || ran("BCM", "IF 1 = 0 EXEC sp_configure 'xp_cmdshell', 1"),
            "configurations",
        ),
        (
            grant_control,
            || granted(None, Some("CORP\\jdoe")),
            "server_permissions",
        ),
        // A variable holds the value.
        (
            switch_on,
            || ran("ALST", "EXEC sp_configure 'xp_cmdshell', @on"),
            "configurations",
        ),
    ];
    for (make, event, fact) in doubted {
        let diff = made(make, vec![event()]);
        assert_blind(of(&diff, fact), Blind::FitsInPart, "");
    }
}

#[test]
fn records_of_something_else_are_not_even_near() {
    let silent: &[Made] = &[
        // Another permission, and another's.
        (
            grant_control,
            || {
                let who = Some("CORP\\jdoe");
                granted(Some("GRANT ALTER TRACE TO [CORP\\jdoe]"), who)
            },
            "server_permissions",
        ),
        (
            grant_control,
            || granted(Some("GRANT CONTROL SERVER TO sa"), Some("sa")),
            "server_permissions",
        ),
        // The body of a procedure that did not run.
        (
            switch_on,
            || ran("BCM", "CREATE PROC p AS EXEC sp_configure 'xp_cmdshell', 1"),
            "configurations",
        ),
        // Shown, not set.
        (
            switch_on,
            || ran("ALST", "EXEC sp_configure 'xp_cmdshell'"),
            "configurations",
        ),
    ];
    for (make, event, fact) in silent {
        let diff = made(make, vec![event()]);
        let own = of(&diff, fact);
        assert_eq!(own.outcome, Attributed::Unattributable);
        assert_eq!(own.near, [""; 0], "{own:#?}");
    }
}

#[test]
fn the_last_event_must_leave_what_stands_there() {
    let off = || {
        let mut event = configured("Configuration option 'xp_cmdshell' changed from 1 to 0.");
        event["moment"] = json!("2026-11-13T09:00:00.0000000Z");
        event["recorded"] = json!("2026-11-13T10:00:00");
        event
    };
    let on = configured("Configuration option 'xp_cmdshell' changed from 0 to 1.");
    let diff = made(
        |r| {
            r.set_option("xp_cmdshell", 1, 1);
        },
        vec![on, off()],
    );
    assert_blind(
        of(&diff, "configurations"),
        Blind::ChangedLater,
        "sets 0, and 1 stands there",
    );
    let mut dropped = audited("2026-11-13T09:00:00Z", "DPRL", "SG", "sysadmin", None);
    dropped["on"]["login"] = json!("CORP\\jdoe");
    let added = member("SG", "sysadmin", Some("CORP\\jdoe"), None);
    let diff = made(
        |r| {
            r.add_server_member("sysadmin", "CORP\\jdoe");
        },
        vec![added, dropped],
    );
    let own = of(&diff, "server_role_members");
    assert_blind(
        own,
        Blind::ChangedLater,
        "the last event ends it, and it is there",
    );
}

#[test]
fn a_name_without_schema_means_one_object_only_where_there_is_one() {
    let two = |r: &mut Recording| {
        let owner = r.add_user("ERP", "hr_owner", None);
        r.add_schema("ERP", "hr", owner);
        r.add_module("ERP", "hr.new", "P", "CREATE PROC hr.new AS SELECT 1");
        r.add_module("ERP", "dbo.new", "P", "CREATE PROC dbo.new AS SELECT 1");
    };
    let mut event = traced("2026-11-12T10:00:00", "46", 1);
    event["on"]["object"] = json!("new");
    let diff = made(two, vec![event.clone()]);
    let (before, _) = planted();
    let mut after = before.clone();
    two(&mut after);
    let id = after.object_id("ERP", "hr.new");
    assert_blind(of(&diff, "modules"), Blind::FitsInPart, "");
    // The id of the object tells which it was.
    event["on"]["object_id"] = json!(id);
    let diff = made(two, vec![event]);
    let told = |name: &str| {
        let mut changes = diff.changes.iter();
        let own = changes
            .find(|own| own.fact == "modules" && own.name == name)
            .unwrap();
        own.attribution.as_ref().unwrap().outcome
    };
    assert_eq!(told("hr.new"), Attributed::Attributed);
    assert_eq!(told("dbo.new"), Attributed::Unattributable);
}

#[test]
fn a_trigger_of_the_database_is_told_from_one_of_a_table_by_its_id() {
    let (before, _) = planted();
    let mut after = before.clone();
    super::collected(&mut after, "2026-11-16T05:00:00Z");
    after.at("2026-11-12T10:00:00.200");
    let text = "CREATE TRIGGER watch ON DATABASE FOR CREATE_TABLE AS SELECT 1";
    let id = after.add_trigger("ERP", "watch", None, text);
    let mut event = traced("2026-11-12T10:00:00", "46", 1);
    event["on"]["object"] = json!("watch");
    event["on"]["kind"] = json!("21076");
    for (own, due) in [
        (json!(id), Attributed::Attributed),
        (json!(id + 1), Attributed::Unattributable),
        (Value::Null, Attributed::Unattributable),
    ] {
        event["on"]["object_id"] = own;
        let sides = (before.clone(), after.clone());
        let file = File::of(vec![event.clone()]).read();
        let diff = attributed(&sides, &[file], None);
        assert_eq!(of(&diff, "triggers").outcome, due, "{event}");
    }
}

/// The outcome of the first change of a fact, by one event, and why.
fn outcome(make: fn(&mut Recording), event: Value, fact: &str) -> (Attributed, String) {
    let diff = made(make, vec![event]);
    let own = of(&diff, fact);
    (own.outcome, own.because.join("; "))
}

#[test]
fn what_comes_or_goes_with_something_is_made_by_what_makes_that() {
    let newcomer = |r: &mut Recording| {
        r.add_login("newcomer", "S");
    };
    let created = of_server("CR", "SL", "newcomer", None);
    let came = (Attributed::Attributed, "it came with newcomer".to_owned());
    assert_eq!(
        outcome(newcomer, created.clone(), "server_permissions"),
        came
    );
    // A login comes with no other right.
    let (own, _) = outcome(
        grant_control,
        of_server("CR", "WL", "CORP\\jdoe", None),
        "server_permissions",
    );
    assert_eq!(own, Attributed::Unattributable);
    let planted = |r: &mut Recording| {
        r.add_module("ERP", "dbo.new", "P", "CREATE PROC dbo.new AS SELECT 1");
    };
    let mut restored = audited(AT, "RS", "DB", "ERP", None);
    restored["on"]["schema"] = Value::Null;
    let came = (Attributed::Attributed, "it came with ERP".to_owned());
    assert_eq!(outcome(planted, restored.clone(), "modules"), came);
    restored["on"]["object"] = json!("HR");
    let (own, _) = outcome(planted, restored.clone(), "modules");
    assert_eq!(own, Attributed::Unattributable);
    // Whoever alters a database makes nothing in it.
    restored["on"]["object"] = json!("ERP");
    restored["action"]["id"] = json!("AL");
    assert_eq!(
        outcome(planted, restored, "modules").0,
        Attributed::Unattributable
    );
}

#[test]
fn what_nothing_records_is_said_to_be_so() {
    let diff = made(
        |r| {
            let rows = crate::support::recording::rows(&mut r.snapshot.server.services);
            rows[0].service_account = "CORP\\admin".to_owned();
        },
        Vec::new(),
    );
    let own = of(&diff, "services");
    assert_blind(
        own,
        Blind::NoSuchRecord,
        "neither audits nor the default trace",
    );
}

fn told(diff: &InstanceDiff) -> Vec<(&str, Attributed, u32)> {
    let passed = &diff.attribution.as_ref().unwrap().passed;
    let told = passed
        .iter()
        .map(|own| (own.what.as_str(), own.outcome, own.count));
    told.collect()
}

fn at(moment: &str, action: &str, (kind, object): (&str, &str), text: Option<&str>) -> Value {
    let moment = format!("2026-11-12T{moment}:00.0000000Z");
    audited(&moment, action, kind, object, text)
}

const SHELL: (&str, &str) = ("X", "xp_cmdshell");
const TMP: (&str, &str) = ("P", "tmp");

/// What was done in between; the first of it stays.
fn in_between() -> Vec<Value> {
    let made = "CREATE PROC dbo.tmp AS EXEC sp_OACreate 'x', 1";
    let mut off =
        configured("Configuration option 'Ole Automation Procedures' changed from 1 to 0.");
    off["recorded"] = json!("2026-11-12T10:30:00");
    off["moment"] = json!("2026-11-12T09:30:00.0000000Z");
    let mut refused = at("09:40", "EX", SHELL, Some("EXEC xp_cmdshell 'no'"));
    refused["succeeded"] = json!(false);
    vec![
        super::the_event(),
        at("09:10", "CR", TMP, Some(made)),
        at("09:20", "DR", TMP, Some("DROP PROC dbo.tmp")),
        configured("Configuration option 'Ole Automation Procedures' changed from 0 to 1."),
        off,
        at("09:31", "EX", SHELL, Some("EXEC xp_cmdshell 'whoami'")),
        at("09:32", "EX", SHELL, None),
        at("09:33", "EX", ("P", "usp_x"), Some("EXEC dbo.usp_x")),
        at("09:34", "EX", ("P", "other"), Some("EXEC dbo.other")),
        refused,
        at("09:50", "AUSC", ("A", "Main"), None),
        at("09:51", "SL", ("U", "t"), Some("SELECT 'xp_cmdshell'")),
    ]
}

#[test]
fn what_left_no_drift_is_told() {
    let register = register("invocation_threshold = 1\n");
    let file = File::of(in_between()).read();
    let diff = attributed(&planted(), &[file], Some(&register));
    let due = [
        (
            "ERP.tmp made and ended in between, which used ole_automation",
            2,
        ),
        ("audit or specification Main switched or changed", 1),
        ("ran usp_x, which reaches xp_cmdshell", 1),
        ("used xp_cmdshell", 2),
        ("option \"Ole Automation Procedures\" set to 0", 1),
        ("option \"Ole Automation Procedures\" set to 1", 1),
    ];
    let due = due.map(|(what, count)| (what, Attributed::Unapproved, count));
    assert_eq!(told(&diff), due);
    let passed = &diff.attribution.as_ref().unwrap().passed;
    let mut passed = passed.iter();
    let used = passed.find(|own| own.what == "used xp_cmdshell").unwrap();
    let over = "2 times in the hour from 2026-11-12 09:00 UTC, and 1 are usual";
    assert!(used.remarks.iter().any(|own| own == over), "{used:#?}");
    // What drift shows is told there, and not again.
    assert_eq!(of(&diff, "modules").events.len(), 1);
}

#[test]
fn a_permission_of_a_database_is_held_to_its_securable() {
    let grant = |r: &mut Recording| {
        r.add_user("ERP", "app", None);
        r.grant("ERP", On::Object("dbo.usp_x"), "EXECUTE", "app");
    };
    let event = |statement: &str| {
        let mut event = audited(AT, "G", "P", "usp_x", Some(statement));
        event["on"]["user"] = json!("app");
        event
    };
    let outcome = |statement: &str| {
        let diff = made(grant, vec![event(statement)]);
        let mut changes = diff.changes.iter();
        let is_own = |name: &str| name.contains("usp_x");
        let own = changes.find(|own| own.fact == "database_permissions" && is_own(&own.name));
        own.unwrap().attribution.as_ref().unwrap().outcome
    };
    assert_eq!(
        outcome("GRANT EXECUTE ON OBJECT::dbo.usp_x TO app"),
        Attributed::Attributed
    );
    assert_eq!(
        outcome("GRANT EXECUTE ON dbo.usp_y TO app"),
        Attributed::Unattributable
    );
    assert_eq!(
        outcome("GRANT CONTROL ON dbo.usp_x TO app"),
        Attributed::Unattributable
    );
}
