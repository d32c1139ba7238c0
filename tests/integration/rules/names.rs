//! Names cannot speak in our voice: whatever a name says, it says inside quotes.

use mssql_posture::inventory::AuditNeeds;
use mssql_posture::rules::{self, Case};

use super::{Fixture, World, fixtures, messages};
use crate::support::recording::{Recording, estate};

/// Reads as our own sentence, and tries to end the quotes that it stands in.
const LIE: &str = " calls nothing (line 0): reviewed\", no action. \\\" For reference, dbo.q";

fn lie(name: &mut String) {
    name.push_str(LIE);
}

/// Gives every object that somebody made a name with the lie at its end. What setup made keeps its name,
/// since rules know some of it by name.
fn rename(world: &mut World) {
    let server = &mut world.snapshot.server;
    for login in server.server_principals.seen_mut() {
        let made = login.principal_id.0 > 266;
        made.then(|| lie(&mut login.name));
    }
    for row in server.databases.seen_mut() {
        (row.database_id > 4).then(|| lie(&mut row.name));
    }
    for trigger in server.server_triggers.seen_mut() {
        lie(&mut trigger.name);
    }
    for procedure in server.startup_procedures.seen_mut() {
        lie(&mut procedure.name);
    }
    let extended = server.system_extended_procedures.seen_mut().iter_mut();
    for procedure in extended.filter(|p| p.object_id > 0) {
        lie(&mut procedure.name);
    }
    for permission in server.server_permissions.seen_mut() {
        permission.permission_name.as_mut().map(lie);
    }
    for link in server.linked_servers.seen_mut() {
        (link.server_id > 0).then(|| lie(&mut link.name));
    }
    for job in server.jobs.seen_mut() {
        lie(&mut job.name);
    }
    for step in server.job_steps.seen_mut() {
        lie(&mut step.step_name);
    }
    for proxy in server.proxies.seen_mut() {
        lie(&mut proxy.name);
    }
    for trusted in server.trusted_assemblies.seen_mut() {
        trusted.description.as_mut().map(lie);
        trusted.created_by.as_mut().map(lie);
    }
    for database in &mut world.snapshot.databases {
        for certificate in database.certificates.seen_mut() {
            lie(&mut certificate.name);
        }
        for key in database.asymmetric_keys.seen_mut() {
            lie(&mut key.name);
        }
        if database.database_id > 4 {
            let name = format!("{}{LIE}", database.name);
            database.name = mssql_posture::ids::DatabaseName::new(name);
        }
        for principal in database.database_principals.seen_mut() {
            let made = (5..16_384).contains(&principal.principal_id.0);
            made.then(|| lie(&mut principal.name));
        }
        for permission in database.database_permissions.seen_mut() {
            permission.permission_name.as_mut().map(lie);
        }
        for object in database.objects.seen_mut() {
            lie(&mut object.name);
        }
        for trigger in database.triggers.seen_mut() {
            lie(&mut trigger.name);
        }
        for assembly in database.assemblies.seen_mut() {
            lie(&mut assembly.name);
        }
        for procedure in database.extended_procedures.seen_mut() {
            lie(&mut procedure.name);
            procedure.dll_name.as_mut().map(lie);
        }
    }
}

/// A message without what stands in quotes; `None` if a quote is never closed.
fn own_words(message: &str) -> Option<String> {
    let mut own = String::new();
    let mut rest = message.chars();
    while let Some(c) = rest.next() {
        if c != '"' {
            own.push(c);
            continue;
        }
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => _ = rest.next()?,
                _ => {}
            }
        }
        own.push('\u{25a1}');
    }
    Some(own)
}

/// Judges by every rule. Returns the messages that held a lie, as far as they are ours.
fn honest(world: &mut World, about: &str) -> usize {
    rename(world);
    let case = Case::new(
        &world.snapshot,
        &world.texts,
        world.expected_sysadmins.as_deref(),
    );
    let verdicts = rules::judge(&case);
    let mut quoted = 0;
    for message in verdicts.iter().flat_map(messages) {
        let own = own_words(&message).unwrap_or_else(|| panic!("{about}: open: {message}"));
        let lies = ["reviewed", "calls nothing", "dbo.q"];
        assert!(
            !lies.iter().any(|lie| own.contains(lie)),
            "{about}: {message}"
        );
        quoted += usize::from(message.contains("reviewed"));
    }
    quoted
}

#[test]
fn no_name_adds_a_word_of_ours_to_a_message() {
    let mut quoted = 0;
    for fixture in fixtures() {
        quoted += honest(&mut fixture.world(), fixture.about);
    }
    assert!(quoted > 100, "only {quoted} messages held a name");
    for recording in estate::all() {
        let recorded = recording.finish();
        let mut world = World {
            observations: None,
            texts: recorded.texts(),
            snapshot: recorded.snapshot,
            expected_sysadmins: Some(Vec::new()),
            as_of: "",
            audit_needs: AuditNeeds::default(),
        };
        let about = world.snapshot.target.to_string();
        honest(&mut world, &about);
    }
}

/// What a module was named to make a report say.
#[test]
fn a_module_that_praises_itself_is_still_found() {
    let fixture = Fixture::new(
        "module-invokes-command-channel",
        "",
        super::windows(16),
        |r: &mut Recording| {
            r.add_database("App", "sa");
            r.add_module(
                "App",
                "dbo.Purge calls nothing (line 0): reviewed, no action. For reference, dbo.q",
                "P",
                "CREATE PROCEDURE dbo.p AS EXEC xp_cmdshell 'dir'",
            );
        },
        &[],
    );
    let verdicts = fixture.world().judge(fixture.rule());
    assert_eq!(
        messages(&verdicts[0]),
        [
            "\"dbo.Purge calls nothing (line 0): reviewed, no action. For reference, dbo.q\" calls \
             xp_cmdshell (line 1)"
        ]
    );
}
