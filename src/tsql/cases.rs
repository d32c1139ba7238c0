//! Labelled cases in tests/fixtures/tsql: each says why it is what it is, the text, and what must be seen, one thing a line.
//! The folder's README tells the form.

#![allow(clippy::unwrap_used)]

use super::{Argument, CallSite, Object, Observation, observe_module, observe_script};
use std::fmt::Write as _;

/// The files by their names.
const FILES: &[(&str, &str)] = &[
    ("calls", include_str!("../../tests/fixtures/tsql/calls.txt")),
    (
        "decoys",
        include_str!("../../tests/fixtures/tsql/decoys.txt"),
    ),
    (
        "executed",
        include_str!("../../tests/fixtures/tsql/executed.txt"),
    ),
    (
        "modules",
        include_str!("../../tests/fixtures/tsql/modules.txt"),
    ),
    (
        "procedures",
        include_str!("../../tests/fixtures/tsql/procedures.txt"),
    ),
    (
        "statements",
        include_str!("../../tests/fixtures/tsql/statements.txt"),
    ),
    (
        "values",
        include_str!("../../tests/fixtures/tsql/values.txt"),
    ),
];

struct Case {
    reason: String,
    flags: Vec<String>,
    sql: String,
    expected: Vec<String>,
}

impl Case {
    fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }

    fn seen(&self) -> Vec<String> {
        let mut objects = if self.is("script") {
            observe_script(&self.sql)
        } else {
            vec![observe_module(&self.sql, !self.is("unquoted"))]
        };
        if self.is("assume") {
            for object in &mut objects {
                object.take_passed_text_as_executed(|_| false);
            }
        }
        let mut seen = Vec::new();
        for object in &objects {
            if self.is("objects") {
                seen.push(header(object));
            }
            seen.extend(object.sinks.iter().map(sink));
            if self.is("calls") {
                seen.extend(
                    object
                        .calls
                        .iter()
                        .filter(|call| !call.is_function)
                        .map(call),
                );
            }
            if self.is("notes") {
                seen.extend(object.notes.iter().map(|note| format!("~ {note}")));
            }
        }
        seen
    }
}

fn parse(text: &str) -> Case {
    let mut case = Case {
        reason: String::new(),
        flags: Vec::new(),
        sql: String::new(),
        expected: Vec::new(),
    };
    let mut lines = text.lines().peekable();
    case.reason = lines.next().unwrap().to_owned();
    while let Some(flag) = lines.next_if(|line| line.starts_with('!')) {
        case.flags
            .extend(flag[1..].split_whitespace().map(str::to_owned));
    }
    for line in lines {
        match line.split_once(' ') {
            Some((">" | "@" | "=" | "~", _)) => case.expected.push(line.to_owned()),
            _ if line.is_empty() => {}
            _ => {
                assert!(
                    case.expected.is_empty(),
                    "{}: text after what is seen",
                    case.reason
                );
                case.sql.push_str(line);
                case.sql.push('\n');
            }
        }
    }
    if case.is("escaped") {
        case.sql = case.sql.replace("\\r", "\r").replace("\\u00A0", "\u{A0}");
    }
    case
}

fn cases(file: &str) -> Vec<Case> {
    let (_, text) = FILES.iter().find(|(name, _)| *name == file).unwrap();
    let text = text.replace("\r\n", "\n");
    text.split("\n# ").skip(1).map(parse).collect()
}

fn taint(taint: Option<bool>) -> &'static str {
    match taint {
        Some(true) => "tainted",
        Some(false) => "clean",
        None => "unclear",
    }
}

fn sink(o: &Observation) -> String {
    let mut line = format!("> {}", o.sink.as_str());
    if let Some(option) = &o.option {
        write!(line, "[{option}]").unwrap();
    }
    write!(
        line,
        " {} {}:{} {}",
        o.how.as_str(),
        o.line,
        o.column,
        taint(o.command_tainted)
    )
    .unwrap();
    if let Some(command) = o.command.as_ref().filter(|c| !c.is_empty()) {
        write!(line, ": {}", command.replace('\n', "\\n")).unwrap();
    }
    line
}

fn argument(a: &Argument) -> String {
    let name = a
        .name
        .as_ref()
        .map_or(String::new(), |name| format!("{name}="));
    let output = if a.is_output { " output" } else { "" };
    let code = a
        .as_code
        .as_ref()
        .is_some_and(|code| !code.sinks.is_empty());
    let code = if code { " code" } else { "" };
    format!("{name}{} {}{output}{code}", a.value, taint(a.is_tainted))
}

fn call(c: &CallSite) -> String {
    let arguments: Vec<String> = c.arguments.iter().map(argument).collect();
    let arguments = arguments.join(", ");
    let line = format!(
        "= {} {} {}:{}",
        c.callee.join("."),
        c.how.as_str(),
        c.line,
        c.column
    );
    if arguments.is_empty() {
        line
    } else {
        format!("{line} ({arguments})")
    }
}

fn header(o: &Object) -> String {
    let mut line = format!("@ {}", o.kind.as_str());
    if let Some(name) = &o.name {
        write!(line, " {}", name.join(".")).unwrap();
    }
    write!(line, " line {}", o.line).unwrap();
    let parameters = o.parameters.iter().map(|p| {
        let default = if p.has_default { " default" } else { "" };
        let output = if p.is_output { " output" } else { "" };
        format!("{} {}{default}{output}", p.name, p.type_name)
    });
    let parameters: Vec<String> = parameters.collect();
    if !parameters.is_empty() {
        write!(line, " ({})", parameters.join(", ")).unwrap();
    }
    if o.is_encrypted {
        line.push_str(" encrypted");
    }
    line
}

fn check(file: &str) {
    let mut wrong = String::new();
    for case in cases(file) {
        let seen = case.seen();
        if seen != case.expected {
            let (sql, reason) = (&case.sql, &case.reason);
            let expected = case.expected.join("\n");
            let seen = seen.join("\n");
            writeln!(
                wrong,
                "# {reason}\n{sql}expected:\n{expected}\nseen:\n{seen}\n"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{file}\n{wrong}");
}

#[test]
fn procedures_of_the_server() {
    check("procedures");
}

#[test]
fn statements() {
    check("statements");
}

#[test]
fn text_that_is_executed() {
    check("executed");
}

#[test]
fn what_texts_come_to() {
    check("values");
}

#[test]
fn decoys() {
    check("decoys");
    for case in cases("decoys") {
        let sinks = case.expected.iter().filter(|line| line.starts_with('>'));
        assert_eq!(sinks.count(), 0, "{}: a decoy has no sink", case.reason);
    }
}

#[test]
fn modules_and_scripts() {
    check("modules");
}

#[test]
fn calls_of_other_procedures() {
    check("calls");
}

#[test]
fn there_are_enough_cases_and_no_two_are_the_same() {
    let all: Vec<Case> = FILES.iter().flat_map(|(file, _)| cases(file)).collect();
    assert!(all.len() >= 150, "{}", all.len());
    assert!(cases("decoys").len() >= 50);
    let mut texts: Vec<(&str, &[String])> = all
        .iter()
        .map(|c| (c.sql.as_str(), c.flags.as_slice()))
        .collect();
    texts.sort_unstable();
    let before = texts.len();
    texts.dedup();
    assert_eq!(texts.len(), before);
}
