//! The README says what the program does: its table is generated, its inventory is read.

use mssql_posture::inventory::{Inventory, Register};

use crate::support::cli::Cli;

const BEGIN: &str = "<!-- queries: begin -->\n";
const END: &str = "<!-- queries: end -->";

fn readme() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    std::fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

/// Text between two marks.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let (_, rest) = text
        .split_once(begin)
        .unwrap_or_else(|| panic!("no {begin:?}"));
    rest.split_once(end)
        .unwrap_or_else(|| panic!("no {end:?}"))
        .0
}

#[test]
fn the_query_table_is_fresh() {
    let printed = Cli::new(&["queries", "--format", "md"])
        .run()
        .code(0)
        .stdout;
    assert_eq!(
        between(&readme(), BEGIN, END),
        printed,
        "put the output of `mssql-posture queries --format md` between the marks in README.md"
    );
}

#[test]
fn the_scripts_and_the_table_of_rights_are_fresh() {
    let text = readme();
    for (name, args) in [
        ("script login", ["script", "login"].as_slice()),
        ("script revoke", &["script", "revoke"]),
        ("rights", &["queries", "--format", "rights"]),
    ] {
        let begin = format!("<!-- {name}: begin -->\n");
        let block = between(&text, &begin, &format!("<!-- {name}: end -->"));
        let block = block
            .strip_prefix("```sql\n")
            .and_then(|script| script.strip_suffix("```\n"))
            .unwrap_or(block);
        let printed = Cli::new(args).run().code(0).stdout;
        assert_eq!(
            block,
            printed,
            "put the output of `mssql-posture {}` between the marks in README.md",
            args.join(" ")
        );
    }
}

#[test]
fn the_paths_of_its_example_are_fresh() {
    let text = readme();
    let command = between(&text, "$ mssql-posture paths ", "\n");
    let words = command.split(' ').map(|word| match word.split_once('/') {
        Some(("inventory", _)) => format!("{}/{word}", env!("CARGO_MANIFEST_DIR")),
        _ => word.to_owned(),
    });
    let words: Vec<String> = ["paths".to_owned()].into_iter().chain(words).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let printed = Cli::new(&words).run().code(0).stdout;
    let block = between(&text, "<!-- paths: begin -->\n", "<!-- paths: end -->");
    assert_eq!(
        block,
        format!("```text\n{printed}```\n"),
        "put the output of `mssql-posture paths {command}` between the marks in README.md"
    );
}

#[test]
fn the_example_inventory_is_an_inventory() {
    let text = readme();
    let example = between(&text, "```toml\n", "```");
    let inventory = Inventory::parse(example, "README.md").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(inventory.targets.len(), 3);
}

#[test]
fn the_example_register_is_a_register() {
    let text = readme();
    let block = between(
        &text,
        "<!-- register: begin -->\n",
        "<!-- register: end -->",
    );
    let example = between(block, "```toml\n", "```");
    let register = Register::parse(example, "README.md").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((register.approved.len(), register.sites.len()), (1, 1));
    let columns = between(example, "more approved changes: ", "\n");
    let mut with = Register::default();
    with.add_changes(&format!("{columns}\n"), "changes.csv")
        .unwrap();
}

#[test]
fn the_first_two_commands_are_the_front_door() {
    let text = readme();
    let commands: Vec<&str> = between(&text, "```sh\n", "```").lines().collect();
    assert_eq!(
        commands,
        [
            "cargo run --locked -- audit inventory/demo.toml",
            "cargo test --locked"
        ]
    );
    let ci = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/run")).unwrap();
    assert!(
        ci.contains(commands[1]),
        ".ci/run calls the README's test command"
    );
}

#[test]
fn every_flag_that_it_names_exists() {
    let mut help = String::new();
    for command in [
        "audit",
        "collect",
        "assess",
        "verify",
        "keygen",
        "sign",
        "paths",
        "preflight",
        "script",
        "import",
        "changes",
        "diff",
        "history",
        "queries",
        "rules",
    ] {
        help += &Cli::new(&[command, "--help"]).run().code(0).stdout;
    }
    let text = readme();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        let cargo = matches!(
            word,
            "--locked" | "--nocapture" | "--features" | "--bench" | "--test" | "--release"
        );
        let chromium = matches!(
            word,
            "--headless" | "--no-pdf-header-footer" | "--print-to-pdf"
        );
        if word.len() > 4 && word.starts_with("--") && !cargo && !chromium {
            assert!(
                help.contains(word),
                "README.md names {word}, which no command takes"
            );
        }
    }
}
