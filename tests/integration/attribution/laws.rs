//! What holds whatever is given: an approval makes nothing worse, and a missing event makes nothing better.

use std::collections::BTreeMap;

use mssql_posture::drift::{Attributed, InstanceDiff};
use proptest::prelude::*;
use serde_json::Value;

use super::{File, attributed, audited, planted, register, the_event, traced};
use crate::support::recording::Recording;

/// Two sides with changes of several kinds.
fn sides() -> (Recording, Recording) {
    let (before, mut after) = planted();
    after.at("2026-11-12T10:00:00.200");
    after.add_login("newcomer", "S");
    after.add_server_member("sysadmin", "CORP\\jdoe");
    after.add_module("ERP", "dbo.new", "P", "CREATE PROC dbo.new AS SELECT 1");
    (before, after)
}

/// Events of which some made the changes, at two moments, by two people, from two sources.
fn events() -> Vec<Value> {
    let mut all = vec![the_event()];
    for moment in [
        "2026-11-11T22:00:00.0000000Z",
        "2026-11-12T09:00:00.1000000Z",
    ] {
        for who in ["CORP\\jdoe", "CORP\\mallory"] {
            for (action, kind, object) in [
                ("CR", "SL", "newcomer"),
                ("APRL", "SG", "sysadmin"),
                ("CR", "P", "new"),
                ("AL", "P", "usp_x"),
                ("EX", "X", "xp_cmdshell"),
            ] {
                let mut event = audited(moment, action, kind, object, None);
                event["who"]["session_login"] = who.into();
                event["on"]["login"] = "CORP\\jdoe".into();
                all.push(event);
            }
        }
    }
    let mut created = traced("2026-11-12T10:00:00", "46", 1);
    created["on"]["object"] = "new".into();
    all.push(created);
    all
}

const TICKETS: &[&str] = &[
    "from = \"2026-11-12T08:00:00Z\"\nuntil = \"2026-11-12T10:00:00Z\"\n",
    "from = \"2026-11-11T08:00:00Z\"\nuntil = \"2026-11-11T23:00:00Z\"\nidentity = \"CORP\\\\jdoe\"\n",
    "from = \"2026-11-01T00:00:00Z\"\nuntil = \"2026-11-30T00:00:00Z\"\nobject = \"ERP.dbo.*\"\n",
    "from = \"2026-11-12T08:59:00Z\"\nuntil = \"2026-11-12T09:30:00Z\"\nobject = \"ERP.dbo.new\"\n",
    "from = \"2026-11-01T00:00:00Z\"\nuntil = \"2026-11-30T00:00:00Z\"\n",
    "from = \"2020-01-01T00:00:00Z\"\nuntil = \"2020-01-02T00:00:00Z\"\n",
];

/// What becomes of each change.
fn outcomes(diff: &InstanceDiff) -> BTreeMap<(String, String), Attributed> {
    let told = diff.changes.iter().map(|change| {
        let own = change.attribution.as_ref().unwrap();
        ((change.fact.clone(), change.name.clone()), own.outcome)
    });
    told.collect()
}

fn held(tickets: &[bool], hosts: bool) -> mssql_posture::inventory::Register {
    let chosen = TICKETS.iter().zip(tickets).filter(|(_, chosen)| **chosen);
    let tickets = chosen.map(|(text, _)| format!("[[approved]]\nticket = \"C\"\n{text}"));
    let hosts = if hosts {
        "administration_hosts = [\"JUMP\"]\n"
    } else {
        ""
    };
    register(&format!("{hosts}{}", tickets.collect::<String>()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_ticket_makes_nothing_worse(
        tickets in proptest::collection::vec(any::<bool>(), TICKETS.len()),
        more in 0..TICKETS.len(),
        hosts in any::<bool>(),
    ) {
        let file = [File::of(events()).read()];
        let sides = sides();
        let without = outcomes(&attributed(&sides, &file, Some(&held(&tickets, hosts))));
        let mut with = tickets;
        with[more] = true;
        let with = outcomes(&attributed(&sides, &file, Some(&held(&with, hosts))));
        for (change, outcome) in &without {
            prop_assert!(with[change] <= *outcome, "{change:?}: {outcome:?} became {:?}", with[change]);
        }
    }

    #[test]
    fn events_that_are_taken_out_of_a_file_make_nothing_better(
        tickets in proptest::collection::vec(any::<bool>(), TICKETS.len()),
        kept in proptest::collection::vec(any::<bool>(), 22),
    ) {
        let sides = sides();
        let register = held(&tickets, false);
        let mut file = File::of(events());
        prop_assert_eq!(file.events.len(), 22);
        let whole = outcomes(&attributed(&sides, &[file.read()], Some(&register)));
        let mut place = 0;
        file.events.retain(|_| {
            place += 1;
            kept[place - 1]
        });
        let less = outcomes(&attributed(&sides, &[file.read()], Some(&register)));
        for (change, outcome) in &whole {
            prop_assert!(less[change] >= *outcome, "{change:?}: {outcome:?} became {:?}", less[change]);
        }
    }
}

#[test]
fn the_laws_are_tried_on_every_outcome_there_is() {
    let file = [File::of(events()).read()];
    let mut seen = std::collections::BTreeSet::new();
    for bits in 0_u32..64 {
        let tickets: Vec<bool> = (0..6).map(|bit| bits & (1 << bit) != 0).collect();
        for hosts in [false, true] {
            let diff = attributed(&sides(), &file, Some(&held(&tickets, hosts)));
            seen.extend(outcomes(&diff).into_values());
        }
    }
    for due in [
        Attributed::Approved,
        Attributed::UnusualHost,
        Attributed::OutsideWindow,
        Attributed::Unapproved,
    ] {
        assert!(seen.contains(&due), "{due:?}");
    }
}
