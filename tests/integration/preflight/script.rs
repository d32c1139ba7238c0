//! What `script login` and `script revoke` say.

use std::collections::BTreeSet;

use mssql_posture::collect::{self, Query, Scope};

use super::granted::grants;
use super::{VERSIONS, script};
use crate::support::cli::Cli;
use crate::support::interpreter::words_and_texts;

/// The rights each of which does for a query, by its header's own words.
fn by_header(query: &Query, version: u16) -> Vec<String> {
    let text = query.permission;
    if text.starts_with("none") {
        return Vec::new();
    }
    if let Some(rest) = text.strip_prefix("SELECT on ") {
        return vec![format!(
            "SELECT ON {}",
            rest.strip_suffix(" in msdb").unwrap()
        )];
    }
    let mut rights = Vec::new();
    if let Some((_, rest)) = text.split_once("(from 2022 ") {
        let narrow = rest.split_once(" suffices)").unwrap().0;
        let narrow = narrow.replace("VIEW SECURITY DEFINITION", "VIEW ANY SECURITY DEFINITION");
        rights.extend((version >= 16).then_some(narrow));
    }
    let wide = text.split([' ', ';']).collect::<Vec<_>>().join(" ");
    let wide = wide
        .strip_prefix("VIEW DEFINITION in the database, or ")
        .unwrap_or(&wide);
    let known = [
        "VIEW ANY DATABASE",
        "VIEW ANY DEFINITION",
        "VIEW SERVER STATE",
    ];
    let wide = known.into_iter().find(|right| wide.starts_with(right));
    rights.push(
        wide.unwrap_or_else(|| panic!("{}: {text}", query.name))
            .to_owned(),
    );
    rights
}

#[test]
fn the_rights_are_the_union_of_the_headers() {
    for version in VERSIONS {
        let asked: Vec<&Query> = collect::queries()
            .iter()
            .filter(|q| q.versions.contains(&version) && !q.sight.is_beyond_least())
            .collect();
        let needs: Vec<Vec<String>> = asked
            .iter()
            .map(|query| by_header(query, version))
            .filter(|rights| !rights.is_empty())
            .collect();
        let mut union: BTreeSet<String> = needs
            .iter()
            .filter(|rights| rights.len() == 1)
            .map(|rights| rights[0].clone())
            .collect();
        for rights in &needs {
            if !rights.iter().any(|right| union.contains(right)) {
                union.insert(rights[0].clone());
            }
        }
        assert!(asked.iter().any(|q| q.scope == Scope::Database));
        let entry = if version == 11 {
            "CONNECT"
        } else {
            "CONNECT ANY DATABASE"
        };
        union.insert(entry.to_owned());
        let granted = grants(&script(version));
        assert_eq!(granted.len(), union.len(), "version {version}: each once");
        assert_eq!(
            granted.into_iter().collect::<BTreeSet<_>>(),
            union,
            "version {version}"
        );
    }
}

#[test]
fn every_query_that_needs_a_right_is_given_as_its_reason() {
    for version in VERSIONS {
        let text = script(version);
        for query in collect::queries()
            .iter()
            .filter(|q| q.versions.contains(&version))
        {
            let line = format!("--   {}: {}", query.name, query.purpose);
            let due = !query.permission.starts_with("none");
            assert_eq!(text.contains(&line), due, "version {version}: {line}");
        }
    }
}

#[test]
fn what_is_not_granted_stands_there_as_a_comment() {
    let text = script(16);
    for right in ["ALTER TRACE", "CONTROL SERVER"] {
        assert!(text.contains(&format!("\n-- GRANT {right} TO [posture_audit];")));
        assert!(!grants(&text).contains(&right.to_owned()));
    }
}

#[test]
fn revoke_takes_what_login_grants_and_drops_what_it_makes() {
    for version in VERSIONS {
        let text = Cli::new(&["script", "revoke", "--version", &version.to_string()])
            .run()
            .code(0)
            .stdout;
        let revoked: Vec<&str> = text
            .lines()
            .filter_map(|line| {
                line.strip_prefix("REVOKE ")?
                    .strip_suffix(" FROM [posture_audit];")
            })
            .collect();
        // Rights in databases go with the user.
        let mut granted = grants(&script(version));
        granted.retain(|grant| grant != "CONNECT" && !grant.starts_with("SELECT"));
        assert_eq!(revoked, granted);
        assert!(
            text.contains("DROP USER [posture_audit]")
                && text.contains("DROP LOGIN [posture_audit]")
        );
    }
}

#[test]
fn no_password_is_in_it_and_without_one_it_stops() {
    let text = script(16);
    let create = text
        .lines()
        .find(|line| line.contains("CREATE LOGIN [posture_audit]"))
        .unwrap();
    assert!(
        create.contains("PASSWORD = N'$(POSTURE_PASSWORD)'"),
        "{create}"
    );
    assert!(text.contains("IN (N'', N'$' + N'(POSTURE_PASSWORD)')"));
    let windows = Cli::new(&["script", "login", "--name", "CORP\\audit"])
        .run()
        .code(0)
        .stdout;
    assert!(windows.contains("CREATE LOGIN [CORP\\audit] FROM WINDOWS;"));
    assert!(!windows.contains("PASSWORD"), "{windows}");
    Cli::new(&["script", "login", "--password", "x"])
        .run()
        .code(2);
}

#[test]
fn a_name_cannot_break_out() {
    let name = "a]; DROP TABLE t--' DROP";
    for kind in ["login", "revoke"] {
        for version in ["2012", "2022"] {
            let text = Cli::new(&["script", kind, "--version", version, "--name", name])
                .run()
                .code(0)
                .stdout;
            let words = words_and_texts(&text).unwrap().0;
            let drops = words
                .iter()
                .filter(|word| word.eq_ignore_ascii_case("DROP"))
                .count();
            assert_eq!(drops, usize::from(kind == "revoke"), "{text}");
        }
    }
    for odd in ["a\nGO\nb", "$(x)", "\u{202e}x", ""] {
        Cli::new(&["script", "login", "--name", odd])
            .run()
            .code(2)
            .says("--name");
    }
}

#[test]
fn usage_is_checked() {
    Cli::new(&["script", "login", "--version", "2008"])
        .run()
        .code(2)
        .says("give a year");
    Cli::new(&["script", "collector", "--version", "2022"])
        .run()
        .code(2)
        .says("script login");
    let by_range = Cli::new(&["script", "login", "--version", "2014-2019"])
        .run()
        .code(0)
        .stdout;
    assert_eq!(by_range, script(13));
    let default = Cli::new(&["script", "login"]).run().code(0).stdout;
    assert_eq!(default, script(17));
}
