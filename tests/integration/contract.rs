//! The promise to the DBA who grants the login: each statement that can be sent keeps the contract,
//! and the check that says so fails on statements that do not.

mod breaches;
mod event_breaches;

use std::path::Path;

use mssql_posture::collect::{
    Fill, Query, SESSION_SETTINGS, event_queries, fill, queries, use_database,
};

use crate::support::contract::{
    Argument, Catalog, StatementKind, VERSIONS, check, check_filled, check_setting, check_use,
    parse,
};

#[test]
fn every_query_keeps_the_contract() {
    let breaches: Vec<String> = queries()
        .iter()
        .flat_map(|query| {
            let found = check(query, Catalog::get());
            found
                .into_iter()
                .map(move |breach| format!("{}: {breach}", query.name))
        })
        .collect();
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// A query of `changes` with this path.
fn completed(query: &Query, path: &str) -> String {
    let values = [
        ("path", Fill::Text(path)),
        ("pattern", Fill::Text(path)),
        ("since", Fill::Text("2026-09-01T00:00:00")),
        ("until", Fill::Text("9999-12-31T00:00:00")),
        ("most", Fill::Count(u32::MAX)),
    ];
    fill(query, &values).unwrap()
}

#[test]
fn every_query_of_changes_keeps_the_contract_whatever_the_path() {
    let paths = [
        "C:\\Log\\log.trc",
        "x') ; DROP TABLE t --",
        "'",
        "''",
        "\\",
        "$(since)$(most)",
        "N'$(path)'",
        "\u{2019}\u{ff07}\u{202e}",
        "/* */ -- ]",
    ];
    for query in event_queries() {
        for path in paths {
            let text = completed(query, path);
            let breaches = check_filled(query, &text, Catalog::get());
            assert!(breaches.is_empty(), "{}: {breaches:?}", query.name);
            let StatementKind::Select(select) = parse(&text).unwrap().remove(0).kind else {
                panic!("{} is no SELECT", query.name);
            };
            for arguments in select.sources.iter().filter_map(|s| s.arguments.as_ref()) {
                assert_eq!(
                    arguments[0],
                    Argument::Text(path.to_owned()),
                    "{}",
                    query.name
                );
                let rest = arguments.iter().skip(1);
                assert!(rest.into_iter().all(|a| *a == Argument::Default));
            }
        }
    }
}

#[test]
fn no_sql_file_is_left_out_and_no_header_line_is_missing() {
    no_file_is_left_out("src/collect/queries", queries());
    no_file_is_left_out("src/collect/event_queries", event_queries());
}

fn no_file_is_left_out(folder: &str, queries: &[Query]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let keys = [
        "purpose",
        "scope",
        "versions",
        "sight",
        "permission",
        "views",
        "columns",
        "narrowing",
    ];
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let (header, text) = source.split_at(source.find("\nSELECT").unwrap() + 1);
        let named: Vec<&str> = header
            .lines()
            .map(|line| {
                line.strip_prefix("-- ")
                    .unwrap()
                    .split_once(": ")
                    .unwrap()
                    .0
            })
            .collect();
        assert_eq!(named, keys, "{}", path.display());
        assert!(
            queries.iter().any(|q| q.text == text.trim_end()),
            "{} is not sent",
            path.display()
        );
        files += 1;
    }
    assert_eq!(files, queries.len());
}

/// A query that several versions have in different forms has exactly one in each.
#[test]
fn each_version_has_one_form_of_each_query() {
    for version in VERSIONS {
        let mut names: Vec<&str> = queries()
            .iter()
            .filter(|q| q.versions.contains(&version))
            .map(|q| q.name)
            .collect();
        let sent = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), sent, "version {version}");
    }
}

#[test]
fn the_session_settings_keep_the_contract() {
    assert_eq!(check_setting(SESSION_SETTINGS), Vec::<String>::new());
    assert_eq!(parse(SESSION_SETTINGS).unwrap().len(), 5);
}

#[test]
fn switching_to_a_database_is_one_use_of_that_name() {
    let long = "\u{1F512}".repeat(64);
    let names = [
        "erp",
        "a]; DROP TABLE t--",
        "]]",
        "'; SELECT 1 --",
        "two\nlines\r\n/* */",
        "\u{202e}txt.exe",
        "\u{1b}[31mred",
        long.as_str(),
    ];
    for name in names {
        assert_eq!(check_use(&use_database(name), name), Vec::<String>::new());
    }
    // The other direction: a name pasted in as it is.
    assert!(!check_use("USE [a]; DROP TABLE t--]", "a]; DROP TABLE t--").is_empty());
    assert!(!check_use("USE erp2", "erp").is_empty());
}

#[test]
fn other_settings_and_other_values_are_refused() {
    let bad = [
        "SET NOCOUNT OFF",
        "SET LOCK_TIMEOUT 0",
        "SET LOCK_TIMEOUT -1",
        "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
        "SET DEADLOCK_PRIORITY HIGH",
        "SET SHOWPLAN_ALL ON",
        "SET CONTEXT_INFO 0x01",
        "SELECT 1 AS x",
        "EXEC sp_configure",
        "RECONFIGURE",
    ];
    for batch in bad {
        assert!(!check_setting(batch).is_empty(), "{batch}");
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    let deep = format!(
        "SELECT {}1{} AS x",
        "CAST(".repeat(20),
        " AS int)".repeat(20)
    );
    assert!(parse(&deep).unwrap_err().why.contains("too deep"));
    let long = format!("SELECT '{}' AS x", "a".repeat(2 << 20));
    assert!(parse(&long).unwrap_err().why.contains("longer"));
    for open in [
        "USE [a",
        "SELECT 'a",
        "SELECT N'",
        "SELECT CAST(",
        "SELECT",
        "SET",
        "USE",
        "SET X -",
    ] {
        assert!(parse(open).is_err(), "{open}");
    }
}

#[test]
fn statements_know_where_they_stand() {
    let batch = "USE [a]]b];\nSELECT 1 AS x;";
    let statements = parse(batch).unwrap();
    let texts: Vec<&str> = statements.iter().map(|s| &batch[s.span.clone()]).collect();
    assert_eq!(texts, ["USE [a]]b]", "SELECT 1 AS x"]);
    assert_eq!(statements[0].kind, StatementKind::Use("a]b".to_owned()));
}
