//! What `script login` and `script revoke` say.

use std::collections::BTreeSet;

use mssql_posture::collect::{self, Query, Scope};

use super::granted::{grants, recording};
use super::{VERSIONS, printed_fix, script, start};
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

/// What a script does inside databases: the text that its loop runs in each, and what follows `USE [msdb]`.
fn inside_databases(script: &str) -> Vec<String> {
    let (_, texts) = words_and_texts(script).unwrap();
    let is_run =
        |text: &&String| text.contains("\nDROP USER ") || text.contains("\nGRANT CONNECT ");
    let mut inside: Vec<String> = texts.iter().filter(is_run).cloned().collect();
    inside.extend(script.split("USE [msdb];").skip(1).map(str::to_owned));
    inside
}

/// `condition` stands before every change, and where it holds nothing more is done.
fn stops_before(text: &str, condition: &str, changes: &[&str]) {
    let at = text
        .find(&format!("IF {condition}"))
        .unwrap_or_else(|| panic!("no {condition}: {text}"));
    let block = text[at..].split_once("END;").unwrap().0;
    assert!(
        block.contains("BEGIN\n    RAISERROR(N'") && block.ends_with(", 16, 1);\n    RETURN;\n"),
        "{block}"
    );
    for change in changes {
        let first = text.find(change);
        assert!(first.is_none_or(|first| at < first), "{change}: {text}");
    }
}

const DDL_TRIGGER: &str =
    "EXISTS (SELECT 1 FROM sys.triggers WHERE parent_class = 0 AND is_disabled = 0)";

#[test]
fn no_trigger_is_set_off_in_a_database_and_no_one_else_is_granted_anything() {
    for version in VERSIONS {
        let year = version.to_string();
        let revoke = Cli::new(&["script", "revoke", "--version", &year]);
        let revoke = revoke.run().code(0).stdout;
        let fix = printed_fix(&start(recording(version, "SRV", &[])));
        let places = if version == 11 { 2 } else { 1 };
        for (script, due) in [(script(version), places), (revoke, 1), (fix, places)] {
            let inside = inside_databases(&script);
            assert_eq!(inside.len(), due, "{script}");
            for text in inside {
                let changes = ["CREATE USER [", "DROP USER [", "\nGRANT "];
                stops_before(&text, DDL_TRIGGER, &changes);
                if text.contains("DROP USER [") {
                    continue;
                }
                let other = "EXISTS (SELECT 1 FROM sys.database_principals\n    WHERE (name = ";
                stops_before(&text, other, &changes);
                let create = text.split_once("CREATE USER [").unwrap().0;
                let condition = create.lines().rev().nth(1).unwrap();
                assert!(
                    condition.starts_with("IF NOT EXISTS") && condition.contains(" OR sid = "),
                    "{condition}"
                );
                if text.contains("\nGRANT CONNECT ") {
                    let denied = "EXISTS (SELECT 1 FROM sys.database_permissions WHERE class = 0 \
                                  AND permission_name = N'CONNECT' AND state = 'D'";
                    stops_before(&text, denied, &["\nGRANT "]);
                } else {
                    assert!(text.contains("What was granted at server level stays."));
                }
            }
            let runs = script.matches("EXEC @run @user;").count();
            assert!(runs <= 1 && script.matches("BEGIN TRY").count() == runs);
        }
    }
}

#[test]
fn a_fix_is_for_one_server_even_where_that_has_no_name() {
    let fix = printed_fix(&start(recording(16, "SRV", &[])));
    assert!(
        fix.contains("\nIF ISNULL(@@SERVERNAME, N'') <> N'SRV'\n"),
        "{fix}"
    );
}

#[test]
fn what_raiserror_says_has_no_name_in_it() {
    let said = |name: &str| {
        let args = ["script", "login", "--version", "2012", "--name", name];
        let text = Cli::new(&args).run().code(0).stdout;
        let lines = text.lines().filter(|line| line.contains("RAISERROR("));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(said("100%s"), said("plain"));
    assert!(said("plain").iter().all(|line| !line.contains('%')));
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

#[test]
fn what_changes_needs_is_asked_for_apart_and_says_what_it_means() {
    let script = |version: &str, args: &[&str]| {
        let cli = Cli::new(&["script", "login", "--version", version, "--name", "trail"]);
        cli.args(args).run().code(0).stdout
    };
    // The plain script names them too, as comments that somebody must decide on.
    let grants = |text: &str, right: &str| text.lines().any(|line| line.starts_with(right));
    for version in ["2012", "2019", "2022"] {
        let plain = script(version, &[]);
        let more = script(version, &["--with-changes"]);
        for right in [
            "GRANT ALTER TRACE",
            "GRANT CONTROL SERVER",
            "GRANT VIEW SERVER SECURITY AUDIT",
        ] {
            assert!(!grants(&plain, right), "{version}: {right}");
        }
        assert!(more.starts_with(&plain), "{version}");
        assert!(
            grants(&more, "GRANT ALTER TRACE TO [trail];"),
            "{version}: {more}"
        );
        let whole = "GRANT CONTROL SERVER TO [trail];";
        let audits = "GRANT VIEW SERVER SECURITY AUDIT TO [trail];";
        let is_new = version == "2022";
        assert_eq!(
            (grants(&more, whole), grants(&more, audits)),
            (!is_new, is_new),
            "{version}"
        );
        assert_eq!(
            more.contains("sysadmin in all but name"),
            !is_new,
            "{version}"
        );
        assert!(more.contains("--from-files"), "{version}");
    }
    for kind in ["revoke", "collector"] {
        Cli::new(&["script", kind, "--with-changes"])
            .run()
            .code(2)
            .says("belongs to `script login`");
    }
}
