//! What a register makes of who did it: every outcome, and what is remarked.

use mssql_posture::drift::Attributed;
use serde_json::json;

use super::{File, attributed, audited, of, planted, planted_is, register, the_event, traced};

fn approved(lines: &str) -> String {
    format!(
        "[[approved]]\nticket = \"CHG-1042\"\nfrom = \"2026-11-12T08:00:00Z\"\nuntil = \"2026-11-12T10:00:00Z\"\n{lines}\n"
    )
}

#[test]
fn a_ticket_approves_what_it_names_when_and_by_whom_it_says() {
    use Attributed::{Approved, OutsideWindow, Unapproved, UnusualHost};
    let whole = "instance = \"erp-*\"\nobject = \"ERP.dbo.usp_*\"\nidentity = \"corp\\\\JDOE\"";
    for (text, due, says) in [
        (approved(whole), Approved, ""),
        (approved(""), Approved, ""),
        (String::new(), Unapproved, "no ticket is for it"),
        (approved("instance = \"hr-*\""), Unapproved, "no ticket"),
        (approved("object = \"dbo.usp_x\""), Unapproved, "no ticket"),
        (approved("object = \"ERP.hr.*\""), Unapproved, "no ticket"),
        // The login that connected counts, not the one that it ran as.
        (approved("identity = \"sa\""), Unapproved, "no ticket"),
        (
            approved(whole).replace("T10:00", "T08:59"),
            OutsideWindow,
            "ticket CHG-1042 is for 2026-11-12 08:00 UTC to 2026-11-12 08:59 UTC",
        ),
        (
            format!("administration_hosts = [\"JUMP-*\"]\n{}", approved(whole)),
            UnusualHost,
            "none of administration_hosts",
        ),
        (
            format!("administration_hosts = [\"ws-1??\"]\n{}", approved(whole)),
            Approved,
            "",
        ),
        (
            format!("administration_hosts = [\"10.0.0.*\"]\n{}", approved(whole)),
            Approved,
            "",
        ),
        // The best of several tickets counts.
        (
            approved(whole).replace("T10:00", "T08:59") + &approved(whole),
            Approved,
            "",
        ),
    ] {
        let own = planted_is(
            &[File::of(vec![the_event()]).read()],
            Some(&register(&text)),
        );
        assert_eq!(own.outcome, due, "{text}: {own:#?}");
        assert!(own.because.iter().any(|why| why.contains(says)), "{own:#?}");
        assert_eq!(own.ticket.is_some(), due != Unapproved);
    }
}

#[test]
fn one_event_that_nobody_approved_is_enough() {
    let mut other = the_event();
    other["moment"] = json!("2026-11-11T09:00:00.0000000Z");
    let file = File::of(vec![the_event(), other]).read();
    let own = planted_is(&[file], Some(&register(&approved(""))));
    assert_eq!(own.outcome, Attributed::OutsideWindow);
    assert_eq!(own.events.len(), 2);
}

#[test]
fn a_host_that_is_not_recorded_decides_nothing() {
    let mut event = the_event();
    event["from"] = json!({ "host": null, "application": null, "client_ip": null });
    let text = format!("administration_hosts = [\"*\"]\n{}", approved(""));
    let own = planted_is(&[File::of(vec![event]).read()], Some(&register(&text)));
    assert_eq!(own.outcome, Attributed::Undecided);
    assert!(own.is_unseen());
}

const VIENNA: &str = "\n[[site]]\nname = \"Vienna\"\ntargets = [\"erp-*\"]\ntime_zone = \"Europe/Vienna\"\nhours = { days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"], from = \"02:40\", until = \"19:00\" }\n";

#[test]
fn times_of_the_trace_decide_only_what_their_zone_lets_them() {
    let file = || File::of(vec![traced("2026-11-12T10:00:00", "164", 1)]).read();
    // Without a zone it was from 08:00 to 10:00 UTC.
    let narrow = approved("").replace("T08:00", "T08:30");
    for (text, due) in [
        (approved(""), Attributed::Approved),
        (narrow.clone(), Attributed::Undecided),
        (narrow + VIENNA, Attributed::Approved),
    ] {
        let own = planted_is(&[file()], Some(&register(&text)));
        assert_eq!(own.outcome, due, "{text}: {own:#?}");
        assert_eq!(own.is_unseen(), due == Attributed::Undecided);
    }
}

#[test]
fn an_ambiguous_hour_is_neither_inside_nor_outside() {
    // Vienna repeats the hour from 02:00 on 25 October 2026.
    let (mut before, mut after) = planted();
    super::collected(&mut before, "2026-10-24T05:00:00Z");
    super::collected(&mut after, "2026-10-26T05:00:00Z");
    super::modified(&mut after, "2026-10-25T02:30:00");
    let mut file = File::of(vec![traced("2026-10-25T02:30:00", "164", 1)]);
    file.header["since"] = json!("2026-10-24T00:00:00.0000000Z");
    let ticket = |from: &str, until: &str| {
        let window =
            format!("from = \"2026-10-25T{from}:00Z\"\nuntil = \"2026-10-25T{until}:00Z\"");
        register(&format!("[[approved]]\nticket = \"C\"\n{window}\n{VIENNA}"))
    };
    for (from, until, due) in [
        ("00:00", "02:00", Attributed::Approved),
        ("00:00", "01:00", Attributed::Undecided),
        ("01:00", "02:00", Attributed::Undecided),
        ("02:00", "03:00", Attributed::OutsideWindow),
    ] {
        let own = ticket(from, until);
        let sides = (before.clone(), after.clone());
        let diff = attributed(&sides, &[file.read()], Some(&own));
        let own = of(&diff, "modules");
        assert_eq!(own.outcome, due, "{from}-{until}: {own:#?}");
        let event = own.events.first().unwrap();
        assert_eq!(event.moment, "2026-10-25T00:30:00.0000000Z");
        assert_eq!(event.until.as_deref(), Some("2026-10-25T01:30:00.0000000Z"));
        if due == Attributed::Undecided {
            assert!(
                own.because
                    .iter()
                    .any(|why| why.contains("daylight saving repeats"))
            );
        }
        // 02:30 is before working hours whichever it was.
        assert_eq!(own.remarks, ["outside the working hours of site Vienna"]);
    }
}

#[test]
fn identities_and_assemblies_are_remarked_on() {
    let remarks = |lines: &str| {
        let file = File::of(vec![the_event()]).read();
        let text = format!("{lines}\n{}", approved(""));
        planted_is(&[file], Some(&register(&text))).remarks
    };
    assert_eq!(remarks("privileged = [\"CORP\\\\jdoe\"]"), [""; 0]);
    assert_eq!(
        remarks("privileged = [\"CORP\\\\dba-*\"]"),
        ["by an identity that is neither privileged nor a service's"]
    );
    assert_eq!(
        remarks("service = [\"CORP\\\\j*\"]"),
        ["by a service's identity"]
    );
    let hash = crate::support::recording::sha2_512("bytes");
    let hash = hash.trim_start_matches("0x");
    let (before, mut after) = planted();
    after.add_assembly("ERP", "Tools", 3, "bytes");
    let event = audited("2026-11-12T09:00:00Z", "CR", "AS", "Tools", None);
    let file = File::of(vec![event]).read();
    for (list, says) in [
        ("name = \"Tools\"", "is in the register's list"),
        ("name = \"Others\"", "is not in the register's list"),
        (
            &format!("name = \"Tools\"\nhash = \"{}\"", "0".repeat(128)),
            "is not in",
        ),
        (&format!("hash = \"{hash}\""), "is in the register's list"),
    ] {
        let register = register(&format!("{}\n[[assembly]]\n{list}\n", approved("")));
        let sides = (before.clone(), after.clone());
        let diff = attributed(&sides, std::slice::from_ref(&file), Some(&register));
        let own = of(&diff, "assemblies");
        assert_eq!(own.outcome, Attributed::Approved, "{own:#?}");
        assert!(own.remarks.iter().any(|own| own.contains(says)), "{own:#?}");
    }
}
