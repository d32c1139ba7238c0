//! What stands there now is held against the event, as far as the event says what it did; and an event that does not say
//! it leaves open who made the change.

use mssql_posture::drift::{Attributed, Blind, InstanceDiff};
use mssql_posture::snapshot::LinkedServer;
use serde_json::{Value, json};

use super::{File, assert_blind, attributed, audited, of, planted, register, traced};
use crate::support::recording::{Recording, rows};

const TICKET: &str = "[[approved]]\nticket = \"C\"\nfrom = \"2026-11-12T08:00:00Z\"\nuntil = \"2026-11-12T10:00:00Z\"\nidentity = \"CORP\\\\jdoe\"\n";

/// What `make` changes of what `given` left there, held to a ticket of CORP\jdoe.
pub(super) fn held(
    given: impl Fn(&mut Recording),
    make: impl Fn(&mut Recording),
    events: Vec<Value>,
) -> InstanceDiff {
    let (mut before, _) = planted();
    given(&mut before);
    let mut after = before.clone();
    super::collected(&mut after, "2026-11-16T05:00:00Z");
    after.at("2026-11-12T10:00:00.200");
    make(&mut after);
    let file = File::of(events).read();
    attributed(&(before, after), &[file], Some(&register(TICKET)))
}

pub(super) fn at(time: &str, action: &str, kind: &str, object: &str, statement: &str) -> Value {
    let moment = format!("2026-11-12T{time}.1000000Z");
    audited(&moment, action, kind, object, Some(statement))
}

/// A record of an execution.
fn ran(time: &str, (database, schema): (&str, &str), procedure: &str, statement: &str) -> Value {
    let mut event = at(time, "EX", "P", procedure, statement);
    event["on"]["database"] = json!(database);
    event["on"]["schema"] = json!(schema);
    event
}

const SYS: (&str, &str) = ("master", "sys");
const AGENT: (&str, &str) = ("msdb", "dbo");

fn by(who: &str, mut event: Value) -> Value {
    event["who"]["session_login"] = json!(who);
    event
}

pub(super) fn outcome(diff: &InstanceDiff, fact: &str) -> Attributed {
    of(diff, fact).outcome
}

const HARMLESS: &str = "EXEC dbo.usp_purge";
const EVIL: &str = "EXEC xp_cmdshell 'x'";

fn nightly(r: &mut Recording) {
    r.add_job_step("nightly", "ERP", "SELECT 1");
}

fn step(r: &mut Recording, command: &str) {
    let id = {
        let mut other = Recording::clone(r);
        other.add_job_step("other", "ERP", command);
        rows(&mut other.snapshot.server.job_steps)
            .last()
            .unwrap()
            .command
            .clone()
    };
    let steps = rows(&mut r.snapshot.server.job_steps);
    let own = steps
        .iter_mut()
        .find(|own| own.job_id == "nightly")
        .unwrap();
    own.command = id;
}

fn update(time: &str, arguments: &str) -> Value {
    let text = format!("EXEC msdb.dbo.sp_update_jobstep {arguments}");
    ran(time, AGENT, "sp_update_jobstep", &text)
}

fn named(rest: &str) -> String {
    format!("@job_name = N'job nightly', @step_id = 1, @step_name = N'step 1'{rest}")
}

#[test]
fn a_steps_command_must_be_the_one_that_was_recorded() {
    for (set, due) in [
        (", @command = N'EXEC xp_cmdshell ''x'''", true),
        (", @command = N'EXEC dbo.usp_purge'", false),
        (", @command = N'***'", false),
        (", @command = @x", false),
        (", @command = NULL", false),
        (", @database_name = N'ERP'", false),
        ("", false),
    ] {
        let events = vec![update("09:00:00", &named(set))];
        let diff = held(nightly, |r| step(r, EVIL), events);
        let is_approved = outcome(&diff, "job_steps") == Attributed::Approved;
        assert_eq!(is_approved, due, "{set}: {:#?}", diff.changes);
    }
    // What sets it last counts; what sets something else sets it not.
    let evil = named(", @command = N'EXEC xp_cmdshell ''x'''");
    let events = vec![
        update("09:00:00", &named(", @command = N'EXEC dbo.usp_purge'")),
        update("09:10:00", &evil),
        update("09:20:00", &named(", @output_file_name = N'c:\\x'")),
    ];
    let own = held(nightly, |r| step(r, EVIL), events.clone());
    assert_eq!(outcome(&own, "job_steps"), Attributed::Approved);
    let own = held(nightly, |r| step(r, HARMLESS), events);
    assert_blind(
        of(&own, "job_steps"),
        Blind::ChangedLater,
        "the command that the last event sets",
    );
}

#[test]
fn an_event_that_names_nothing_leaves_open_who_made_the_change() {
    let ours = update("09:00:00", &named(", @command = N'EXEC xp_cmdshell ''x'''"));
    let hidden = update("09:30:00", "@job_id = @id, @step_id = 1, @command = @x");
    let other = update(
        "09:30:00",
        "@job_id = @id, @step_id = 1, @output_file_name = N'c:\\x'",
    );
    let (john, mallory) = ("CORP\\jdoe", "CORP\\mallory");
    for (rival, due) in [
        (by(john, hidden.clone()), Attributed::Approved),
        (by(mallory, hidden.clone()), Attributed::Undecided),
        // It says what it set, and that is nothing that changed.
        (by(mallory, other), Attributed::Approved),
    ] {
        let diff = held(
            nightly,
            |r| step(r, EVIL),
            vec![ours.clone(), rival.clone()],
        );
        let own = of(&diff, "job_steps");
        assert_eq!(own.outcome, due, "{rival}: {own:#?}");
        assert_eq!(diff_is_finding(&diff), due == Attributed::Undecided);
    }
    // One that is known, and not approved, is not made better by another.
    let events = vec![by(mallory, ours), by(mallory, hidden)];
    let diff = held(nightly, |r| step(r, EVIL), events);
    assert_eq!(outcome(&diff, "job_steps"), Attributed::Unapproved);
}

/// Whether a step's change is one that somebody has to answer for, and no other look could settle.
fn diff_is_finding(diff: &InstanceDiff) -> bool {
    let own = of(diff, "job_steps");
    own.outcome != Attributed::Approved && !own.is_unseen()
}

fn linked(r: &mut Recording) {
    let own = rows(&mut r.snapshot.server.linked_servers);
    own.push(LinkedServer {
        server_id: 9,
        name: "LS".to_owned(),
        product: None,
        provider: Some("MSOLEDBSQL".to_owned()),
        data_source: Some("good.example".to_owned()),
        location: None,
        catalog: None,
        is_linked: true,
        is_remote_login_enabled: false,
        is_rpc_out_enabled: false,
        is_data_access_enabled: true,
        is_system: false,
        modify_date: None,
    });
}

fn rpc_out(r: &mut Recording) {
    let own = rows(&mut r.snapshot.server.linked_servers);
    own.last_mut().unwrap().is_rpc_out_enabled = true;
}

fn option(time: &str, arguments: &str) -> Value {
    let text = format!("EXEC sp_serveroption {arguments}");
    ran(time, SYS, "sp_serveroption", &text)
}

#[test]
fn an_event_for_another_option_does_not_explain_this_one() {
    let mallory = |arguments: &str| by("CORP\\mallory", option("09:30:00", arguments));
    let rpc = || option("09:00:00", "N'LS', N'rpc out', N'true'");
    let hidden = || mallory("@server = @s, @optname = N'rpc out', @optvalue = N'true'");
    for (events, due) in [
        (vec![rpc()], Attributed::Approved),
        (
            vec![option("09:00:00", "N'LS', N'rpc out', N'false'")],
            Attributed::Unattributable,
        ),
        (
            vec![option(
                "09:00:00",
                "N'LS', N'collation compatible', N'true'",
            )],
            Attributed::Unattributable,
        ),
        (
            vec![option("09:00:00", "N'LS', @o, N'true'")],
            Attributed::Unattributable,
        ),
        (vec![rpc(), hidden()], Attributed::Undecided),
        (
            vec![
                rpc(),
                mallory("@server = @s, @optname = @o, @optvalue = N'true'"),
            ],
            Attributed::Undecided,
        ),
        (
            vec![
                rpc(),
                mallory("@server = @s, @optname = N'rpc', @optvalue = N'true'"),
            ],
            Attributed::Approved,
        ),
    ] {
        let diff = held(linked, rpc_out, events.clone());
        assert_eq!(outcome(&diff, "linked_servers"), due, "{events:#?}");
    }
    // What no call sets has changed as well.
    let both = |r: &mut Recording| {
        rpc_out(r);
        let own = rows(&mut r.snapshot.server.linked_servers);
        own.last_mut().unwrap().data_source = Some("evil.example".to_owned());
    };
    let own = held(linked, both, vec![rpc()]);
    assert_blind(
        of(&own, "linked_servers"),
        Blind::FitsInPart,
        "no event is known to have changed data_source",
    );
}

#[test]
fn a_statement_that_is_the_code_proves_nothing_else() {
    const TEXT: &str = "CREATE TRIGGER dbo.guard ON dbo.t AFTER INSERT AS SELECT 1";
    let given = |r: &mut Recording| {
        r.add_object("ERP", "dbo.t", "U");
        r.add_trigger("ERP", "dbo.guard", Some("dbo.t"), TEXT);
    };
    let disabled_at = |local: &'static str| {
        move |r: &mut Recording| {
            for own in rows(&mut r.database("ERP").triggers) {
                own.is_disabled = true;
                own.modify_date = Some(local.to_owned());
            }
            for own in rows(&mut r.database("ERP").objects) {
                if own.name == "guard" {
                    own.modify_date = Some(local.to_owned());
                }
            }
        }
    };
    let altered = at(
        "09:00:00",
        "AL",
        "TR",
        "guard",
        &TEXT.replace("CREATE", "ALTER"),
    );
    let diff = held(given, disabled_at("2026-11-12T11:28:00"), vec![altered]);
    assert_blind(
        of(&diff, "triggers"),
        Blind::ChangedLater,
        "changed again after the last event",
    );
    let disable = at(
        "09:50:00",
        "AL",
        "TR",
        "guard",
        "ALTER TABLE dbo.t DISABLE TRIGGER guard",
    );
    let diff = held(given, disabled_at("2026-11-12T10:50:00.100"), vec![disable]);
    assert_eq!(outcome(&diff, "triggers"), Attributed::Approved);
}

/// What becomes of code that the catalog dates so, with no statement that would be it, of servers with these offsets.
fn dated(
    local: &str,
    event: Value,
    offsets: [Option<i32>; 2],
    zone: bool,
) -> super::ChangeAttribution {
    let (mut before, mut after) = planted();
    super::modified(&mut after, local);
    for (own, offset) in [&mut before, &mut after].into_iter().zip(offsets) {
        let session = serde_json::to_value(&own.snapshot.server.session).unwrap();
        let mut session = session;
        session["value"]["utc_offset_minutes"] = json!(offset);
        own.snapshot.server.session = serde_json::from_value(session).unwrap();
    }
    let site = "[[site]]\nname = \"Vienna\"\ntargets = [\"*\"]\ntime_zone = \"Europe/Vienna\"\n";
    let text = if zone {
        format!("{TICKET}{site}")
    } else {
        TICKET.to_owned()
    };
    let diff = attributed(
        &(before, after),
        &[File::of(vec![event]).read()],
        Some(&register(&text)),
    );
    of(&diff, "modules").clone()
}

#[test]
fn an_hour_is_forgiven_where_the_clock_was_changed_and_there_it_decides_nothing() {
    let masked = || {
        at(
            "09:00:00",
            "AL",
            "P",
            "usp_x",
            "ALTER PROCEDURE dbo.usp_x AS SELECT '***'",
        )
    };
    let (same, later) = ("2026-11-12T10:00:00.500", "2026-11-12T11:00:00.500");
    let winter = [Some(60), Some(60)];
    assert_eq!(
        dated(same, masked(), winter, false).outcome,
        Attributed::Approved
    );
    let own = dated(later, masked(), winter, false);
    assert_blind(
        &own,
        Blind::ChangedLater,
        "changed again after the last event",
    );
    for offsets in [[Some(120), Some(60)], [Some(60), Some(120)]] {
        let own = dated(later, masked(), offsets, false);
        assert_blind(&own, Blind::Moment, "give its time zone in a [[site]]");
        // The zone tells.
        let own = dated(later, masked(), offsets, true);
        assert_blind(&own, Blind::ChangedLater, "changed again");
        assert_eq!(
            dated(same, masked(), offsets, true).outcome,
            Attributed::Approved
        );
    }
    let own = dated(same, masked(), [None, None], false);
    assert_blind(&own, Blind::Moment, "which offset the server had");
    // The trace has local times as the catalog has: the offset does not matter, and no hour is forgiven.
    let event = || traced("2026-11-12T10:00:00", "164", 1);
    let own = dated(same, event(), [Some(120), Some(60)], false);
    assert_ne!(own.outcome, Attributed::Unattributable, "{own:#?}");
    let own = dated(later, event(), winter, false);
    assert_blind(
        &own,
        Blind::ChangedLater,
        "changed again after the last event",
    );
}

fn of_database(action: &str) -> Value {
    let mut event = at("09:00:00", action, "DB", "ERP", "x");
    event["on"]["schema"] = Value::Null;
    event
}

#[test]
fn what_has_no_date_did_not_come_with_its_database_for_sure() {
    let given = |r: &mut Recording| {
        r.add_user("ERP", "app", None);
    };
    let owner = |r: &mut Recording| {
        r.add_member("ERP", "db_owner", "app");
    };
    let diff = held(given, owner, vec![of_database("RS")]);
    let own = of(&diff, "database_role_members");
    assert_blind(
        own,
        Blind::FitsInPart,
        "has no date of its own to be held to that",
    );
    // The database was there before, and is the same.
    let diff = held(given, owner, vec![of_database("CR")]);
    let own = of(&diff, "database_role_members");
    assert_eq!(own.outcome, Attributed::Unattributable);
    assert!(own.events.is_empty(), "{own:#?}");
    let code = |r: &mut Recording| {
        r.add_module("ERP", "dbo.new", "P", "CREATE PROC dbo.new AS SELECT 1");
    };
    for (action, due) in [
        ("RS", Attributed::Approved),
        ("CR", Attributed::Unattributable),
    ] {
        let diff = held(given, code, vec![of_database(action)]);
        assert_eq!(outcome(&diff, "modules"), due, "{action}");
    }
}

#[test]
fn a_procedure_of_the_systems_name_elsewhere_changes_nothing() {
    let on = |r: &mut Recording| {
        r.set_option("xp_cmdshell", 1, 1);
    };
    let text = "EXEC sp_configure 'xp_cmdshell', 1";
    for (home, text, due) in [
        (SYS, text, Attributed::Approved),
        (("ERP", "sys"), text, Attributed::Approved),
        (("ERP", "x"), text, Attributed::Unattributable),
        (("ERP", "dbo"), text, Attributed::Unattributable),
        (
            SYS,
            "EXEC x.sp_configure 'xp_cmdshell', 1",
            Attributed::Unattributable,
        ),
    ] {
        let diff = held(
            |_| {},
            on,
            vec![ran("09:00:00", home, "sp_configure", text)],
        );
        assert_eq!(outcome(&diff, "configurations"), due, "{home:?} {text}");
    }
    let mut event = ran("09:00:00", SYS, "sp_configure", text);
    event["on"]["schema"] = Value::Null;
    let diff = held(|_| {}, on, vec![event]);
    assert_blind(of(&diff, "configurations"), Blind::FitsInPart, "");
    let text = &named(", @command = N'EXEC xp_cmdshell ''x'''");
    for (home, due) in [
        (AGENT, Attributed::Approved),
        (("ERP", "dbo"), Attributed::Unattributable),
        (("msdb", "x"), Attributed::Unattributable),
    ] {
        let text = format!("EXEC sp_update_jobstep {text}");
        let events = vec![ran("09:00:00", home, "sp_update_jobstep", &text)];
        let diff = held(nightly, |r| step(r, EVIL), events);
        assert_eq!(outcome(&diff, "job_steps"), due, "{home:?}");
    }
}

/// What is told to have been made and ended.
fn gone(events: Vec<Value>) -> Vec<String> {
    let diff = held(|_| {}, |_| {}, events);
    let passed = &diff.attribution.as_ref().unwrap().passed;
    let told = passed.iter().map(|own| own.what.clone());
    told.filter(|own| own.contains("made and ended")).collect()
}

#[test]
fn what_was_made_and_ended_is_one_thing_whatever_its_case_and_the_current_database() {
    let linked = |time: &str, procedure: &str, name: &str| {
        ran(time, SYS, procedure, &format!("EXEC {procedure} '{name}'"))
    };
    for name in ["evil", "EVIL"] {
        let told = gone(vec![
            linked("09:00:00", "sp_addlinkedserver", "evil"),
            linked("09:10:00", "sp_dropserver", name),
        ]);
        assert_eq!(told, ["evil made and ended in between"], "{name}");
        let told = gone(vec![
            at(
                "09:00:00",
                "CR",
                "P",
                "tmp",
                "CREATE PROC dbo.tmp AS SELECT 1",
            ),
            at(
                "09:10:00",
                "DR",
                "P",
                if name == "evil" { "tmp" } else { "TMP" },
                "DROP PROC dbo.tmp",
            ),
        ]);
        assert_eq!(told, ["ERP.tmp made and ended in between"], "{name}");
    }
    let member = |local: &str, subclass: i32, database: &str| {
        let mut event = traced(local, "108", subclass);
        event["on"]["database"] = json!(database);
        event["on"]["role"] = json!("sysadmin");
        event["on"]["login"] = json!("evil");
        event
    };
    let added = || member("2026-11-12T10:00:00", 1, "master");
    for database in ["master", "tempdb"] {
        let told = gone(vec![added(), member("2026-11-12T10:10:00", 2, database)]);
        assert_eq!(
            told,
            ["\"evil in sysadmin\" made and ended in between"],
            "{database}"
        );
    }
    // A database's own thing of that name in another is another.
    let mut elsewhere = at("09:10:00", "DR", "P", "tmp", "DROP PROC dbo.tmp");
    elsewhere["on"]["database"] = json!("HR");
    let made = at(
        "09:00:00",
        "CR",
        "P",
        "tmp",
        "CREATE PROC dbo.tmp AS SELECT 1",
    );
    assert_eq!(gone(vec![made, elsewhere]), [""; 0]);
}
