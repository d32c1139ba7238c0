//! Commands that explain the program: they need no server, no inventory and no network.

use mssql_posture::collect;

use crate::support::cli::Cli;

#[test]
fn help_of_every_command_has_an_example() {
    let help = Cli::new(&["--help"]).run().code(0).stdout;
    let commands = help
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("Options:")
        .next()
        .unwrap();
    let names = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.filter(|name| *name != "help").collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let help = Cli::new(&[name, "--help"]).run().code(0).stdout;
        assert!(help.contains("Example: mssql-posture"), "{name}:\n{help}");
    }
}

#[test]
fn usage_errors_exit_with_2_and_say_what_is_meant() {
    for (args, says) in [
        (&["audi"][..], "audit"),
        (&["audit"], "required"),
        (&["audit", "a.toml", "--server", "h"], "cannot be used with"),
        (&["audit", "--server", "h", "--password-env", "P"], "--user"),
        (&["audit", "--server", "h"], "--server needs a login"),
        (&["audit", "--server", "h", "--user", "u"], "--password-env"),
        (
            &["audit", "--server", "h,x", "--integrated"],
            "the port is not a number",
        ),
        (
            &["audit", "missing.toml"],
            "cannot read the inventory missing.toml",
        ),
        (
            &["audit", "x.toml", "--password", "hunter2"],
            "unexpected argument",
        ),
        (&["assess", "missing.json"], "cannot read missing.json"),
        (&["explain", "no-such-rule"], "no rule"),
        (&["queries", "no_such_query"], "no such query"),
    ] {
        Cli::new(args).run().code(2).says(says);
    }
}

#[test]
fn queries_prints_every_statement_as_sent() {
    let printed = Cli::new(&["queries"]).run().code(0).stdout;
    for query in collect::queries().iter().chain(collect::event_queries()) {
        assert!(printed.contains(query.text), "{}", query.name);
    }
    assert!(printed.contains(collect::SESSION_SETTINGS));
    let old = Cli::new(&["queries", "--version", "12", "assembly_files"])
        .run()
        .code(0)
        .stdout;
    assert!(old.contains("SUBSTRING(content") && !old.contains("HASHBYTES"));
}

#[test]
fn rules_are_listed_for_machines_and_explained_for_people() {
    let listed = Cli::new(&["rules", "--format", "json"])
        .run()
        .code(0)
        .stdout;
    let rules: serde_json::Value = serde_json::from_str(&listed).unwrap();
    for rule in rules.as_array().unwrap() {
        for key in [
            "id", "slug", "family", "title", "severity", "controls", "attack",
        ] {
            assert!(!rule[key].is_null(), "{key} of {rule}");
        }
        let id = rule["id"].as_str().unwrap();
        let slug = rule["slug"].as_str().unwrap();
        let text = Cli::new(&["explain", id]).run().code(0).stdout;
        assert_eq!(text, Cli::new(&["explain", slug]).run().code(0).stdout);
        assert!(text.contains("Why it matters"), "{text}");
    }
    let text = Cli::new(&["explain", "score"]).run().code(0).stdout;
    assert!(text.contains("interval"), "{text}");
}

#[test]
fn schemas_are_json_schemas() {
    for name in [
        "inventory",
        "waivers",
        "rules",
        "snapshot",
        "assessment",
        "history",
        "trend",
        "baseline",
    ] {
        let printed = Cli::new(&["schema", name]).run().code(0).stdout;
        let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert!(
            schema["$schema"]
                .as_str()
                .unwrap()
                .contains("json-schema.org"),
            "{name}"
        );
        assert!(schema["properties"]["schema"].is_object(), "{name}");
    }
}

#[test]
fn the_schema_of_a_framework_asks_for_what_says_whose_it_is() {
    let printed = Cli::new(&["schema", "framework"]).run().code(0).stdout;
    let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let required = schema["required"].as_array().unwrap();
    for field in ["id", "name", "version", "source"] {
        assert!(required.iter().any(|own| own == field), "{field}");
    }
}

#[test]
fn the_schema_of_events_is_that_of_each_line() {
    let printed = Cli::new(&["schema", "events"]).run().code(0).stdout;
    let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(schema["anyOf"].as_array().unwrap().len(), 4);
    assert!(schema["$defs"]["EventsHeader"]["properties"]["schema"].is_object());
}

#[test]
fn completions_are_printed() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = Cli::new(&["completions", shell]).run().code(0).stdout;
        assert!(script.contains("mssql-posture"), "{shell}");
    }
}
