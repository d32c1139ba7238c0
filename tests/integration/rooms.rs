//! The table of rooms: what each module of `src/` may import, and where sockets, printing and the
//! environment may be touched.

use std::fs;
use std::path::{Path, PathBuf};

/// Room and the rooms it may import. `cli` may import all.
const ROOMS: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("inventory", &["ids"]),
    ("snapshot", &["ids"]),
    ("collect", &["ids", "inventory", "snapshot"]),
    ("tsql", &[]),
    ("graph", &["ids", "snapshot", "tsql"]),
    ("rules", &["ids", "snapshot", "tsql", "graph", "inventory"]),
    // It judges again what a change would make of a snapshot.
    ("score", &["ids", "snapshot", "rules", "graph"]),
    ("compliance", &["ids", "rules"]),
    (
        "drift",
        &[
            "ids",
            "snapshot",
            "tsql",
            "graph",
            "score",
            "rules",
            "inventory",
        ],
    ),
    (
        "report",
        &[
            "drift",
            "ids",
            "snapshot",
            "tsql",
            "graph",
            "rules",
            "score",
            "compliance",
            "drift",
        ],
    ),
    ("evidence", &["ids"]),
];

/// Words that only one room may use, and why.
const PRIVILEGES: &[(&str, &[&str])] = &[
    (
        "collect",
        &[
            "tiberius",
            "tokio",
            "futures_util",
            "std::net",
            "TcpStream",
            "UdpSocket",
        ],
    ),
    (
        "cli",
        &[
            "println!",
            "eprintln!",
            "print!",
            "eprint!",
            "std::env",
            "env::var",
            "stdin()",
            "stdout()",
            "stderr()",
            "Command::new",
            "anyhow",
            "clap::",
            "indicatif",
            "rpassword::",
        ],
    ),
];

/// Opening paths: `cli` reads and `evidence` writes.
const FILES: &[&str] = &["std::fs", "fs::", "File::open"];
const OPENS_FILES: &[&str] = &["cli", "evidence"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A file's room, and its code without comments and without its unit tests.
fn rooms() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for path in sources(&src) {
        let relative = path.strip_prefix(&src).unwrap();
        let room = relative
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        if matches!(room.as_str(), "lib" | "main") || relative.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code: Vec<&str> = text
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect();
        files.push((room, relative.to_owned(), code.join("\n")));
    }
    files
}

/// Rooms that a file names after `crate::`, also inside braces.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 1 && (c.is_alphanumeric() || c == '_') {
                    word.push(c);
                } else if !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            let word = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_');
            found.push(word.collect());
        }
    }
    let names: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).chain(["cli"]).collect();
    found.retain(|word| names.contains(&word.as_str()));
    found
}

#[test]
fn every_room_is_in_the_table() {
    for (room, path, _) in rooms() {
        let listed = room == "cli" || ROOMS.iter().any(|(name, _)| *name == room);
        assert!(
            listed,
            "src/{} belongs to no room of the table",
            path.display()
        );
    }
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    for (room, path, code) in rooms() {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            continue;
        };
        for import in imports(&code) {
            assert!(
                import == room || allowed.contains(&import.as_str()),
                "src/{}: room {room} may not import {import}",
                path.display()
            );
        }
    }
}

#[test]
fn only_collect_connects_and_only_cli_speaks() {
    for (room, path, code) in rooms() {
        for (owner, words) in PRIVILEGES.iter().filter(|(owner, _)| *owner != room) {
            for word in *words {
                assert!(
                    !code.contains(word),
                    "src/{}: {word} belongs to room {owner}",
                    path.display()
                );
            }
        }
        if !OPENS_FILES.contains(&room.as_str()) {
            for word in FILES {
                assert!(
                    !code.contains(word),
                    "src/{}: {word} belongs to cli",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_import_reader_sees_through_braces() {
    let code = "use crate::{collect::{self, x}, ids};\nfn f() -> crate::cli::Exit {}";
    assert_eq!(imports(code), ["collect", "ids", "cli"]);
}
