//! What `scan` found in T-SQL files, for people and as lines.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use super::visible;
pub use crate::rules::sink_severity as severity;
use crate::rules::{Excerpt, Severity};
use crate::tsql::{Object, Observation};

/// One file, or standard input.
#[derive(Debug)]
pub struct ScannedFile {
    /// As found under the given path, `/` between its parts; `-` for standard input.
    pub path: String,
    /// Its modules and batches, in order.
    pub objects: Vec<Object>,
    /// For people: of each sink the line that it stands on, in the order of all sinks.
    pub lines: Vec<Option<Excerpt>>,
}

/// A file that could not be read, or not whole.
#[derive(Debug)]
pub struct Unread {
    /// As given.
    pub path: String,
    /// Why.
    pub why: String,
}

/// The worst severity in the files.
pub fn worst(files: &[ScannedFile]) -> Option<Severity> {
    let objects = files.iter().flat_map(|file| &file.objects);
    objects.flat_map(|object| &object.sinks).map(severity).max()
}

pub(super) fn name(object: &Object) -> Option<String> {
    object.name.as_ref().map(|parts| parts.join("."))
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names)] // `line` is the contract's word
struct Line<'a> {
    file: &'a str,
    line: u32,
    object: Option<String>,
    kind: &'static str,
    sinks: Vec<SinkEntry<'a>>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct SinkEntry<'a> {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<&'a str>,
    how: &'static str,
    line: u32,
    column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    command_tainted: Option<bool>,
    severity: Severity,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    via: &'a [String],
}

/// One JSON object a line: a module, or a batch that creates none.
pub fn jsonl(files: &[ScannedFile]) -> serde_json::Result<String> {
    let mut out = String::new();
    for file in files {
        for object in &file.objects {
            let sinks = object.sinks.iter().map(|sink| SinkEntry {
                name: sink.sink.as_str(),
                option: sink.option.as_deref(),
                how: sink.how.as_str(),
                line: sink.line,
                column: sink.column,
                command: sink.shown_command(),
                command_tainted: sink.command_tainted,
                severity: severity(sink),
                via: &sink.via,
            });
            let line = Line {
                file: &file.path,
                line: object.line,
                object: name(object),
                kind: object.kind.as_str(),
                sinks: sinks.collect(),
                notes: object.notes.iter().map(ToString::to_string).collect(),
            };
            out += &serde_json::to_string(&line)?;
            out.push('\n');
        }
    }
    Ok(out)
}

/// For people: each sink with its line of source, and one closing line.
pub fn annotated(files: &[ScannedFile], unread: &[Unread], width: u16, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(usize::from(width));
    let mut out = String::new();
    let mut found = 0_usize;
    for file in files {
        let mut lines = file.lines.iter();
        for object in &file.objects {
            for sink in &object.sinks {
                let line = lines.next().and_then(Option::as_ref);
                out += &diagnostic(&renderer, file, object, sink, line);
                out += "\n\n";
                found += 1;
            }
        }
    }
    let objects: usize = files.iter().map(|file| file.objects.len()).sum();
    let read = files.len();
    let _ = write!(
        out,
        "{found} sinks in {objects} modules and batches of {read} files"
    ); // writing to a String cannot fail
    if !unread.is_empty() {
        let _ = write!(out, "; {} could not be read, or not whole", unread.len());
    }
    out += ".\n";
    out
}

fn diagnostic(
    renderer: &Renderer,
    file: &ScannedFile,
    object: &Object,
    sink: &Observation,
    line: Option<&Excerpt>,
) -> String {
    let severity = severity(sink);
    let level = match severity {
        Severity::Critical | Severity::High => Level::ERROR,
        Severity::Medium => Level::WARNING,
        Severity::Low | Severity::Info => Level::NOTE,
    };
    let title = format!("{}: {}", sink.sink.as_str(), headline(object, sink));
    let (shown, marked) = line.map_or_else(|| (String::new(), 0..0), |line| marked(line, sink));
    let path = visible(&file.path);
    let annotation = AnnotationKind::Primary.span(marked);
    let snippet = Snippet::source(shown.as_str())
        .line_start(usize::try_from(sink.line).unwrap_or_default())
        .path(path.as_str())
        .annotation(annotation);
    let mut group = level
        .with_name(severity.as_str())
        .primary_title(title)
        .element(snippet);
    let is_moved = line.is_none_or(|line| line.indent(sink.column).is_none());
    let column = is_moved.then(|| format!("column {} of the whole line", sink.column));
    for note in details(sink).into_iter().chain(column) {
        group = group.element(Level::NOTE.message(note));
    }
    renderer.render(&[group])
}

pub(super) fn headline(object: &Object, sink: &Observation) -> String {
    let of = match name(object) {
        Some(name) => format!("{} {}", object.kind.as_str().to_lowercase(), visible(&name)),
        None => "script".to_owned(),
    };
    format!("{of}, {}", sink.how.as_str().replace('_', " "))
}

pub(super) fn details(sink: &Observation) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(option) = &sink.option {
        details.push(format!("option: {}", visible(option)));
    }
    if let Some(command) = sink.shown_command().filter(|command| command != "…") {
        details.push(format!("runs: {}", visible(&command)));
    }
    if sink.command_tainted == Some(true) {
        details.push("a parameter or data decides what is run".to_owned());
    }
    if let Some(reason) = sink.reason {
        details.push(reason.to_owned());
    }
    if !sink.via.is_empty() {
        details.push(format!("through {}", visible(&sink.via.join(" → "))));
    }
    details
}

/// A line without what a terminal would obey, and the bytes of it that are marked.
fn marked(line: &Excerpt, sink: &Observation) -> (String, Range<usize>) {
    let indent = " ".repeat(line.indent(sink.column).unwrap_or(0));
    let start = line.column.saturating_sub(1);
    let end = start.saturating_add(line.length);
    let mut parts = [String::new(), String::new(), String::new()];
    let mut units = 0;
    for c in line.text.chars() {
        let part = usize::from(units >= start) + usize::from(units >= end);
        if let Some(part) = parts.get_mut(part) {
            part.push(c);
        }
        units += u32::try_from(c.len_utf16()).unwrap_or(1);
    }
    let [before, span, after] = parts.map(|part| visible(&part));
    let before = format!("{indent}{before}");
    let marked = before.len()..before.len() + span.len();
    (format!("{before}{span}{after}"), marked)
}
