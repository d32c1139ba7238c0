//! What the script may say, and that it is made of the collector's own queries.

use std::collections::BTreeSet;

use mssql_posture::collect::offline::{Kind, kinds, script};
use mssql_posture::collect::{SESSION_SETTINGS, queries};
use mssql_posture::snapshot::sha256_hex;

use crate::support::cli::Cli;
use crate::support::contract::{Catalog, Names, StatementKind, VERSIONS, parse};
use crate::support::interpreter::words_and_texts;

/// Words that write, change, load, run or reach out. INTO is looked at apart.
const FORBIDDEN: &[&str] = &[
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "TRUNCATE",
    "CREATE",
    "ALTER",
    "DROP",
    "GRANT",
    "REVOKE",
    "DENY",
    "RECONFIGURE",
    "SP_CONFIGURE",
    "BULK",
    "BACKUP",
    "RESTORE",
    "KILL",
    "SHUTDOWN",
    "DBCC",
    "USE",
    "OPENROWSET",
    "OPENQUERY",
    "OPENDATASOURCE",
    "OPENXML",
    "WAITFOR",
    "RAISERROR",
    "REVERT",
    "SETUSER",
    "WRITETEXT",
    "UPDATETEXT",
    "EXECUTE",
    "AT",
    "TRAN",
    "TRANSACTION_NAME",
    "COMMIT",
    "ROLLBACK",
    "SAVE",
    "TABLE",
    "PROCEDURE",
    "TRIGGER",
    "GO",
];

#[test]
fn offline_script_holds_each_query_once_and_unchanged() {
    let script = &script().text;
    let (_, texts) = words_and_texts(script).unwrap();
    for query in queries() {
        let doubled = format!("N'\n{}'", query.text.replace('\'', "''"));
        assert_eq!(script.matches(&doubled).count(), 1, "{}", query.name);
        let as_sent = texts.iter().filter(|text| text.trim_start() == query.text);
        assert_eq!(as_sent.count(), 1, "{}", query.name);
    }
    assert!(script.contains(&format!("{SESSION_SETTINGS};\n")));
}

#[test]
fn offline_script_has_the_hash_that_it_carries() {
    let printed = Cli::new(&["script", "collector"]).run().code(0).stdout;
    assert_eq!(printed, script().text);
    let (first, rest) = printed.split_once('\n').unwrap();
    assert_eq!(sha256_hex(rest.as_bytes()), script().sha256);
    assert!(first.starts_with(&format!(
        "DECLARE @script varchar(64) = '{}';",
        script().sha256
    )));
    let ran = Cli::new(&["script", "collector", "-o", "c.sql"])
        .run()
        .code(0);
    assert_eq!(ran.read("c.sql"), printed);
    let there = Cli::new(&["script", "collector", "-o", "c.sql"])
        .file("c.sql", "mine")
        .run();
    assert_eq!(there.code(2).read("c.sql"), "mine");
}

#[test]
fn offline_script_only_reads() {
    let (words, texts) = words_and_texts(&script().text).unwrap();
    for word in &words {
        let forbidden = FORBIDDEN.contains(&word.as_str());
        assert!(
            !forbidden && !word.starts_with("XP_") && !word.starts_with("SP_MS"),
            "{word}"
        );
    }
    let count = |wanted: &str| words.iter().filter(|word| *word == wanted).count();
    // One procedure is called, and the only INTO is FETCH's.
    assert_eq!((count("EXEC"), count("SP_EXECUTESQL")), (1, 1));
    let at = words.iter().position(|word| word == "EXEC").unwrap();
    assert_eq!(words[at + 1..at + 3], ["SYS", "SP_EXECUTESQL"]);
    assert_eq!(
        (count("INTO"), count("FETCH"), count("SELECT")),
        (1, 1, queries().len() + 1)
    );
    // Inside texts, EXEC stands once, and calls what @call holds: that procedure in a database.
    let own: Vec<&String> = texts
        .iter()
        .filter(|text| queries().iter().all(|q| q.text != text.trim_start()))
        .collect();
    let running: Vec<&&String> = own
        .iter()
        .filter(|text| {
            words_and_texts(text).is_ok_and(|(words, _)| words.iter().any(|w| w == "EXEC"))
        })
        .collect();
    assert_eq!(
        running,
        [&"EXEC @call @statement, N'@rows varchar(max) OUTPUT', @rows OUTPUT;"]
    );
    let called: Vec<&&String> = own.iter().filter(|text| text.contains("sp_")).collect();
    assert_eq!(called, [&".sys.sp_executesql"]);
    // A right that HAS_PERMS_BY_NAME is asked for.
    for text in own.into_iter().filter(|text| *text != "ALTER TRACE") {
        let upper = text.to_ascii_uppercase();
        let bad = FORBIDDEN.iter().find(|word| {
            upper
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .any(|w| w == **word)
        });
        assert_eq!(bad, None, "{text}");
    }
}

#[test]
fn offline_script_means_the_same_to_every_client() {
    let text = &script().text;
    assert!(text.is_ascii() && !text.contains('\r') && !text.contains('\t'));
    // sqlcmd's variables, commands and batch ends.
    assert!(!text.contains("$("));
    for line in text.lines() {
        let line = line.trim();
        assert!(!line.starts_with(':') && !line.starts_with("!!"), "{line}");
        let words = ["go", "exit", "quit", "reset", "bye"];
        assert!(
            !words.contains(&line.to_ascii_lowercase().as_str()),
            "{line}"
        );
    }
    // Where a server's collation tells case apart, it does so for variables.
    for at in text.match_indices('@').map(|(at, _)| at + 1) {
        let own = !text[..at - 1].ends_with('@') && !text[at..].starts_with('@');
        let upper = text[at..].starts_with(|c: char| c.is_ascii_uppercase());
        assert!(!own || !upper, "{}", &text[at..at + 20]);
    }
    // Nothing is told by double quotes, which sqlcmd and SSMS take differently.
    let (_, texts) = words_and_texts(text).unwrap();
    assert!(texts.iter().all(|text| !text.contains('"')));
    assert!(
        !text.contains('{') && !text.contains('}'),
        "a placeholder is left"
    );
}

#[test]
fn offline_script_knows_the_kind_of_every_column() {
    let catalog = Catalog::get();
    for query in queries() {
        let StatementKind::Select(select) = parse(query.text).unwrap().remove(0).kind else {
            panic!("{} is no SELECT", query.name);
        };
        let found = kinds(query);
        let columns: BTreeSet<&str> = query.columns.split(", ").collect();
        assert_eq!(found.len(), columns.len(), "{}", query.name);
        for version in VERSIONS.filter(|version| query.versions.contains(version)) {
            let names = Names::of(&select, catalog, version, true).unwrap();
            for (item, found) in select.items.iter().skip(1).zip(&found) {
                let ty = names.type_of(&item.expr).unwrap().ty;
                let due = match ty {
                    ty if ty.is_integer() => Kind::Integer,
                    ty if ty.is_wide_text() => Kind::Text,
                    ty if ty.is_binary() => Kind::Binary,
                    other => panic!("{}: {other:?}", query.name),
                };
                let name = item.name().unwrap_or_default();
                assert_eq!(
                    *found, due,
                    "{}.{name}: say its kind by a CAST, or name it in BINARY of src/collect/offline/columns.rs",
                    query.name
                );
            }
        }
    }
}
