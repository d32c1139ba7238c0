#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Reader, Xlsx};
use serde_json::json;

use super::*;
use crate::ids::{InstanceId, named};
use crate::report::{
    Earlier, Instance, Judgement, Templates, html, markdown, sample, summary, table, xlsx,
};
use crate::snapshot::{Connection, Encryption, Outcome, Snapshot, Stage, Trouble};

fn names() -> Names {
    let mut names = Names::default();
    for name in [
        "CORP\\alice.h",
        "app",
        "x",
        "O'Brien",
        "DOM\\DBA Team",
        "İlker",
        "zoe@corp.example",
    ] {
        names.add_principal(name);
    }
    names.add_hosts("tcp:sql01.corp.example,1433\\ERP");
    names.add_hosts("10.1.2.3");
    names.add_sid("0x010500000000000515000000A065CF7E784B9B5F");
    names.add_sid("0x01");
    names
}

#[track_caller]
fn shows(names: &Names, cases: &[(&str, &str)]) {
    let redactor = Redactor::new(names).unwrap();
    for (text, due) in cases {
        assert_eq!(redactor.text(text), *due, "{text}");
    }
}

fn of_principals(all: &[&str]) -> Names {
    let mut names = Names::default();
    for name in all {
        names.add_principal(name);
    }
    names
}

fn of_hosts(all: &[&str]) -> Names {
    let mut names = Names::default();
    for name in all {
        names.add_hosts(name);
    }
    names
}

fn of_certificates(all: &[&str]) -> Names {
    let mut names = Names::default();
    for name in all {
        names.add_subject(name);
    }
    names
}

#[test]
fn a_name_is_replaced_wherever_it_stands_alone() {
    let cases = [
        (
            "corp\\ALICE.H may, application may not",
            "domain-1\\principal-1 may, application may not",
        ),
        (
            "app may; [app]; 'app'; app_log",
            "principal-2 may; [principal-2]; 'principal-2'; app_log",
        ),
        ("N'O''Brien'", "N'principal-4'"),
        (
            "\"DOM\\\\DBA Team\" is in",
            "\"domain-2\\principal-5\" is in",
        ),
        ("iLKER and İLKER", "iLKER and principal-6"),
        ("zoe@CORP.example", "principal-7@domain-1.domain-3"),
        (
            "at sql01.corp.example,1433 and SQL01, not sql012",
            "at host-1.domain-1.domain-3,1433 and host-1, not sql012",
        ),
        ("10.1.2.3 is not 10.1.2.34", "host-3 is not 10.1.2.34"),
        (
            "sid 0x010500000000000515000000a065cf7e784b9b5f",
            "sid sid-1",
        ),
        ("sa in public of dbo: 0x01", "sa in public of dbo: 0x01"),
    ];
    shows(&names(), &cases);
}

/// The last letter of a Greek word has a form of its own in lower case.
#[test]
fn names_are_folded_as_texts_are() {
    let cases = [("ΝΙΚΟΣ may, νικοσ may", "principal-1 may, principal-1 may")];
    shows(&of_principals(&["ΝΙΚΟΣ"]), &cases);
}

#[test]
fn a_short_name_is_replaced_where_marks_tell_it_apart() {
    let cases = [
        (
            "an x, [x], 'X' and \"x\"",
            "an x, [principal-1], 'principal-1' and \"principal-1\"",
        ),
        ("x", "principal-1"),
        ("CORP\\x of CORP", "CORP\\principal-1 of CORP"),
        ("x\\somebody", "principal-1\\somebody"),
        ("SQL Server (x)", "SQL Server (principal-1)"),
        ("NT SERVICE\\MSSQL$X", "NT SERVICE\\MSSQL$principal-1"),
        ("dbo.run as x", "dbo.run as principal-1"),
        ("dbo.run as App.x", "dbo.run as App.principal-1"),
        // Words, and parts of words and of calls.
        ("as x as you like", "as x as you like"),
        ("x = f(x, 1)", "x = f(x, 1)"),
        ("C:\\xy\\index.x", "C:\\xy\\index.x"),
        ("read of x", "read of x"),
    ];
    shows(&of_principals(&["x"]), &cases);
}

#[test]
fn a_number_is_a_name_where_marks_tell_it_apart() {
    let names = of_principals(&["CORP\\123456", "100234", "7@corp.example", "88\\9"]);
    let cases = [
        (
            "corp\\123456 is in sysadmin",
            "domain-1\\principal-1 is in sysadmin",
        ),
        ("100234", "principal-2"),
        ("[100234] '100234'", "[principal-2] 'principal-2'"),
        ("OTHER\\100234", "OTHER\\principal-2"),
        ("7@corp.example", "principal-3@domain-1.domain-2"),
        ("88\\9", "domain-3\\principal-4"),
        // Numbers.
        (
            "port 100234, 100234 rows (100234), $100234",
            "port 100234, 100234 rows (100234), $100234",
        ),
        (
            "sql01,123456 of 2026-7-7 at 16.0.7.9",
            "sql01,123456 of 2026-7-7 at 16.0.7.9",
        ),
        ("'1002345' \\1234567", "'1002345' \\1234567"),
    ];
    shows(&names, &cases);
    // Our sentences have marks for it.
    let sentence = format!("{} is in sysadmin", named("100234"));
    shows(&names, &[(&sentence, "\"principal-2\" is in sysadmin")]);
}

#[test]
fn names_that_every_server_has_stay() {
    let names = of_principals(&[
        "sa",
        "dbo",
        "NT SERVICE\\MSSQLSERVER",
        "NT SERVICE\\MSSQL$SQLEXPRESS",
        "BUILTIN\\Administrators",
        "##MS_x##",
        "db_owner",
        "SQLAgentUserRole",
        "db_ssisadmin",
        "ServerGroupReaderRole",
    ]);
    assert_eq!(names.terms, BTreeMap::new());
}

#[test]
fn names_that_begin_like_those_of_every_server_go() {
    let names = of_principals(&[
        "sqlagent_bob",
        "db_owner_mueller",
        "servergroup-x",
        "db_ssis",
        "NT SERVICE\\MSSQL$ERP",
    ]);
    let cases = [
        (
            "sqlagent_bob in SQLAgentUserRole, db_owner_mueller in db_owner",
            "principal-1 in SQLAgentUserRole, principal-2 in db_owner",
        ),
        ("servergroup-x, db_ssis", "principal-3, principal-4"),
        (
            "NT SERVICE\\MSSQL$ERP runs MSSQL16.ERP\\MSSQL",
            "NT SERVICE\\MSSQL$host-1 runs MSSQL16.host-1\\MSSQL",
        ),
        ("NT SERVICE\\MSSQLSERVER", "NT SERVICE\\MSSQLSERVER"),
    ];
    shows(&names, &cases);
}

#[test]
fn a_computers_account_is_called_like_the_computer() {
    let cases = [("CORP\\SQL07$ is of sql07", "domain-1\\host-1$ is of host-1")];
    shows(&of_principals(&["CORP\\SQL07$"]), &cases);
}

#[test]
fn short_hosts_are_hosts_and_drives_and_ports_are_none() {
    let names = of_hosts(&["h1\\AB", "tcp:q,1433", "D:\\data", "np:\\\\z9\\pipe", "2"]);
    let cases = [
        ("h1\\AB", "host-1\\host-2"),
        ("'q' [Z9] \\\\z9\\c$", "'host-3' [host-5] \\\\host-5\\c$"),
        (
            "MSSQL$ab, SQL Server (AB)",
            "MSSQL$host-2, SQL Server (host-2)",
        ),
        ("\"2\"", "\"host-7\""),
        // Words, a drive, a port, a protocol.
        ("h1 and q or ab", "h1 and q or ab"),
        ("D:\\D 'd' 1433 '1433' [np]", "D:\\D 'd' 1433 '1433' [np]"),
    ];
    shows(&names, &cases);
}

#[test]
fn addresses_are_hosts_however_they_are_written() {
    let names = of_hosts(&[
        "[2001:db8::7]:1433",
        "tcp:fd00::a%eth0,1433",
        "::ffff:10.9.8.7",
        "::1",
        "127.0.0.1",
        "0.0.0.0",
        "::",
    ]);
    let cases = [
        (
            "2001:DB8::7 or [2001:0db8:0000:0000:0000:0000:0000:0007]:1433",
            "host-1 or [host-1]:1433",
        ),
        ("2001:db8:0:0:0:0:0:7, 2001:db8::78", "host-1, 2001:db8::78"),
        ("fd00::a%eth0 and fd00::a%12", "host-2 and host-2%12"),
        ("::ffff:10.9.8.7 or 10.9.8.7", "host-3 or host-4"),
        (
            "::1, 127.0.0.1, 0.0.0.0, SCHEMA::dbo, 1433, db8",
            "::1, 127.0.0.1, 0.0.0.0, SCHEMA::dbo, 1433, db8",
        ),
    ];
    shows(&names, &cases);
}

#[test]
fn sids_of_accounts_and_services_go_known_or_not() {
    let mut names = Names::default();
    names.add_sid("0x010500000000000C01000000AABBCCDD11223344AABBCCDD11223344");
    names.add_sid("0x01020000000000052000000020020000");
    let cases = [
        ("S-1-5-21-1-2-3-500, s-1-5-80-1-2", "S-1-5-21-…, S-1-5-80-…"),
        ("S-1-12-1-111-222-333-444.", "S-1-12-1-…."),
        (
            "0x010500000000000c01000000aabbccdd11223344aabbccdd11223344",
            "sid-1",
        ),
        (
            "WITH SID = 0x010500000000000C01000000FFBBCCDD11223344AABBCCDD11223344;",
            "WITH SID = 0x01…;",
        ),
        (
            "0x010500000000000515000000A065CF7E784B9B5FE77C877084000000",
            "0x01…",
        ),
        // Of every Windows, and other bytes.
        ("S-1-5-18, S-1-5-32-544", "S-1-5-18, S-1-5-32-544"),
        (
            "0x01020000000000052000000020020000 0x01 0x0100000000000000",
            "0x01020000000000052000000020020000 0x01 0x0100000000000000",
        ),
    ];
    shows(&names, &cases);
}

#[test]
fn every_value_of_a_certificates_name_goes_but_its_country() {
    let names = of_certificates(&[
        "CN=sql01.corp.example, O=Some Company, Inc., OU=IT Ops, L=K\u{f6}ln, ST=NW, C=DE",
        "CN=*.corp.example, E=pki@corp.example, DC=corp, DC=example",
        "CN=Contoso Issuing CA 2, STREET=Main Street 7, O=AB",
        "CN=SSL_Self_Signed_Fallback",
        "O=Microsoft Corporation, C=US",
    ]);
    let cases = [
        (
            "CN=sql01.corp.example, O=Some Company, Inc., OU=IT Ops, L=K\u{f6}ln, ST=NW, C=DE",
            "CN=host-1.domain-1.domain-2, O=subject-1, OU=subject-2, L=subject-3, ST=subject-4, C=DE",
        ),
        (
            "by \"CN=Contoso Issuing CA 2, STREET=Main Street 7, O=AB\"",
            "by \"CN=subject-5, STREET=subject-6, O=subject-7\"",
        ),
        (
            "CN=*.corp.example, E=pki@corp.example, DC=corp, DC=example",
            "CN=*.domain-1.domain-2, E=principal-1@domain-1.domain-2, DC=domain-1, DC=domain-2",
        ),
        (
            "some company, inc. in K\u{d6}LN; IT Ops of SQL01",
            "subject-1 in subject-3; subject-2 of host-1",
        ),
        // A country, what every server has, and words.
        (
            "DE, US, Microsoft Corporation, CN=SSL_Self_Signed_Fallback, nw, Some Inc., Ops",
            "DE, US, Microsoft Corporation, CN=SSL_Self_Signed_Fallback, nw, Some Inc., Ops",
        ),
    ];
    shows(&names, &cases);
}

#[test]
fn what_a_fact_holds_is_taken_by_its_fields() {
    let mut names = Names::default();
    for (fact, rows) in [
        (
            "server_principals",
            json!({"value": [
                {"name": "ops", "is_fixed_role": false, "sid": null},
                {"name": "loader", "is_fixed_role": true},
            ]}),
        ),
        (
            "server_file_audits",
            json!({"log_file_path": "\\\\vault7\\audit\\"}),
        ),
        (
            "certificates",
            json!([
                {"subject": "backup of nobody", "issuer_name": "MS_AgentSigningCertificate"},
                {"subject": "Contoso GmbH, signing", "issuer_name": "CN=Contoso"},
            ]),
        ),
        (
            "registry",
            json!([
                {"value_name": "IpAddress", "value_data": "10.7.7.7"},
                {"value_name": "IpAddress", "value_data": "fd00::7"},
                {"value_name": "Port", "value_data": "1433"},
            ]),
        ),
        ("loaded_modules", json!([{"file_version": "10.0.0.1"}])),
    ] {
        names.walk(fact, None, &rows);
    }
    assert!(names.terms.contains_key("fd00::7"));
    let others = names.terms.keys().map(String::as_str);
    let known: Vec<&str> = others.filter(|name| !name.starts_with("fd00")).collect();
    assert_eq!(
        known,
        [
            "10.7.7.7",
            "cn=contoso",
            "contoso",
            "contoso gmbh, signing",
            "ops",
            "vault7",
        ]
    );
}

#[test]
fn what_a_waiver_is_about_may_be_somebody() {
    let mut names = Names::default();
    names.walk("configurations", Some("name"), &json!("clr enabled"));
    for subject in ["Clr Enabled", "dbo.run", "*", "CORP\\gone", "gone2"] {
        names.walk("waivers", Some("subject"), &json!(subject));
    }
    let known: Vec<&str> = names.terms.keys().map(String::as_str).collect();
    assert_eq!(known, ["corp", "corp\\gone", "gone", "gone2"]);
}

/// The addresses that a name was resolved to stand in no catalog.
#[test]
fn addresses_that_did_not_answer_are_hosts() {
    let why = "sql01,1433: none of 2 addresses (10.8.7.6: refused; fd00::9: no answer)";
    let outcome = Outcome::Unreached(Trouble {
        stage: Stage::Connect,
        why: why.to_owned(),
        remedy: "check host, port and firewall".to_owned(),
    });
    let connection = Connection {
        endpoint: "sql01,1433".to_owned(),
        encryption: Encryption::Required,
        trust_server_certificate: false,
        authentication: "sql".to_owned(),
        user: None,
    };
    let target = InstanceId::new("erp");
    let mut names = Names::default();
    names.enter(&Snapshot::unseen(
        target,
        outcome,
        connection,
        "2026-01-01T00:00:00Z",
    ));
    let due = "host-1,1433: none of 2 addresses (host-3: refused; host-2: no answer)";
    shows(&names, &[(why, due)]);
}

#[test]
fn verdicts_stay_and_hostile_names_go() {
    let assessment = sample::assessment();
    let mut names = Names::default();
    names.add_principal(sample::HOSTILE_LOGIN);
    names.add_instance("erp-prod");
    let redacted = redacted(&assessment, &names).unwrap();
    assert!(redacted.redacted);
    assert_eq!(redacted.fleet.verdicts, assessment.fleet.verdicts);
    assert_eq!(redacted.fleet.exposure, assessment.fleet.exposure);
    let text = serde_json::to_string(&redacted).unwrap();
    for gone in ["erp-prod", "nimda", "CORP\\\\"] {
        assert!(!text.contains(gone), "{gone}");
    }
    assert!(text.contains("web-edge"), "what nobody named stays");
}

/// Every output that people read, by name: the pages of a small estate and those of one that is split.
fn outputs(is_redacted: bool) -> Vec<(String, String)> {
    let mut assessment = sample::assessment();
    assessment.redacted = is_redacted;
    let mut large = assessment.clone();
    let own = large.instances[0].clone();
    large.instances.extend((0..70).map(|n| {
        let id = InstanceId::new(format!("copy-{n}"));
        Instance { id, ..own.clone() }
    }));
    let templates = Templates::default();
    let workbook = xlsx(&Judgement::of(&assessment)).unwrap();
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(workbook)).unwrap();
    let first = workbook.worksheet_range("Summary").unwrap();
    let cells = first.used_cells().map(|(.., cell)| cell.to_string());
    let mut outputs = vec![
        ("table".to_owned(), table(&assessment, 80, false)),
        (
            "md".to_owned(),
            markdown(&assessment, Earlier::default(), &templates).unwrap(),
        ),
        (
            "summary".to_owned(),
            summary(&assessment, &templates).unwrap(),
        ),
        ("xlsx".to_owned(), cells.collect::<Vec<_>>().join("\n")),
    ];
    for of in [&assessment, &large] {
        let pages = html(of, Earlier::default(), &templates)
            .unwrap()
            .map(Result::unwrap);
        outputs.extend(pages.map(|page| (page.path, page.html)));
    }
    outputs
}

#[test]
fn a_redacted_copy_says_so_wherever_people_read_it() {
    for is_redacted in [true, false] {
        let outputs = outputs(is_redacted);
        assert!(outputs.len() > 70, "{}", outputs.len());
        for (name, text) in outputs {
            let words: Vec<&str> = text.split_whitespace().collect();
            let said = words.join(" ").matches(PSEUDONYMS).count();
            assert_eq!(said, usize::from(is_redacted), "{name}");
            let is_for_signing = name == "report.html" && !is_redacted;
            assert_eq!(text.contains("Sign-off"), is_for_signing, "{name}");
            assert_eq!(text.contains("#sign-off"), is_for_signing, "{name}");
        }
    }
}
