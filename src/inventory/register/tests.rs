#![allow(clippy::unwrap_used)]

use super::*;

const REGISTER: &str = r#"schema = "mssql-posture/register/v1"
changes = "changes.csv"
privileged = ["CORP\\dba-*"]
administration_hosts = ["JUMP-*"]
invocation_threshold = 10

[[approved]]
ticket = "CHG-1"
from = "2026-11-20T20:00:00Z"
until = "2026-11-20T23:00:00+01:00"
object = "ERP.dbo.*"

[[site]]
name = "Vienna"
targets = ["erp-*"]
time_zone = "Europe/Vienna"
hours = { days = ["mon", "tue"], from = "07:00", until = "19:30" }
holidays = ["2026-12-25"]

[[site]]
name = "elsewhere"
targets = ["site=pune"]
utc_offset = "+05:30"

[[assembly]]
name = "Tools"
"#;

#[test]
fn a_register_is_read_as_written() {
    let register = Register::parse(REGISTER, "r.toml").unwrap();
    assert_eq!(register.changes_file.as_deref(), Some("changes.csv"));
    let own = register.approved.first().unwrap();
    assert_eq!(own.until.to_string(), "2026-11-20T22:00:00Z");
    assert_eq!(own.object.as_deref(), Some("ERP.dbo.*"));
    assert_eq!(
        (own.instance.as_deref(), own.identity.as_deref()),
        (None, None)
    );
    let [vienna, pune] = &register.sites[..] else {
        unreachable!("two sites")
    };
    assert_eq!(vienna.zone.iana_name(), Some("Europe/Vienna"));
    let hours = vienna.hours.as_ref().unwrap();
    assert_eq!(hours.days, [Weekday::Monday, Weekday::Tuesday]);
    assert_eq!(hours.until.to_string(), "19:30:00");
    let offset = pune.zone.to_offset(Timestamp::UNIX_EPOCH);
    assert_eq!(offset.seconds(), 19_800);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (from, to, line, due) in [
        ("register/v1", "register/v7", 1, "unknown schema"),
        (
            "threshold = 10",
            "threshold = 0",
            5,
            "no number of executions",
        ),
        ("\"CHG-1\"", "\" \"", 8, "has no ticket"),
        (
            "2026-11-20T20:00:00Z",
            "2026-11-20 20:00",
            9,
            "is no moment",
        ),
        (
            "23:00:00+01:00",
            "20:30:00+01:00",
            10,
            "ends before it begins",
        ),
        ("[\"erp-*\"]", "[]", 15, "a site without targets"),
        ("Europe/Vienna", "Europe/Wien", 16, "is no time zone"),
        ("\"tue\"", "\"die\"", 17, "is no day"),
        ("\"07:00\"", "\"7\"", 17, "is no time of day"),
        ("\"19:30\"", "\"06:00\"", 17, "end before they begin"),
        ("2026-12-25", "2026-12-32", 18, "is not a date"),
        ("+05:30", "5.5", 23, "is no offset"),
        (
            "utc_offset = \"+05:30\"",
            "",
            22,
            "a time_zone, or a utc_offset",
        ),
        ("name = \"Tools\"", "hash = \"ABC\"", 25, "the hash is none"),
        ("name = \"Tools\"", "", 25, "any assembly is allowed"),
        ("privileged =", "privileges =", 3, "unknown key"),
    ] {
        let text = REGISTER.replacen(from, to, 1);
        assert_ne!(text, REGISTER, "{from}");
        let error = Register::parse(&text, "r.toml").unwrap_err().to_string();
        let place = format!("r.toml:{line}:");
        assert!(error.contains(due) && error.contains(&place), "{error}");
    }
}

#[test]
fn a_csv_file_adds_what_it_approves() {
    let mut register = Register::default();
    let text = "from,until,ticket,object\n2026-11-20T20:00:00Z,2026-11-20T23:00:00Z,CHG-2,\"ERP.dbo.a,b\"\n2026-11-21T20:00:00Z,2026-11-21T23:00:00Z,CHG-3,\n";
    register.add_changes(text, "c.csv").unwrap();
    let told = register.approved.iter();
    let told: Vec<_> = told
        .map(|own| (own.ticket.as_str(), own.object.as_deref()))
        .collect();
    assert_eq!(told, [("CHG-2", Some("ERP.dbo.a,b")), ("CHG-3", None)]);
    for (from, to, place, due) in [
        ("ticket", "tickt", "c.csv:1:", "did you mean ticket?"),
        ("object", "who", "c.csv:1:", "unknown column"),
        ("CHG-3", "", "c.csv:3:", "has no ticket"),
        ("CHG-3,", "CHG-3", "c.csv:3:", "another number of columns"),
        (
            "2026-11-21T23",
            "2026-11-21T19",
            "c.csv:3:",
            "ends before it begins",
        ),
    ] {
        let text = text.replacen(from, to, 1);
        let error = Register::default().add_changes(&text, "c.csv").unwrap_err();
        let error = error.to_string();
        assert!(error.contains(due) && error.contains(place), "{error}");
    }
}
