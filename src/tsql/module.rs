//! One module's definition, or one batch, to what it does.

use super::code::Code;
use super::folded::{Budget, Source};
use super::found::Found;
use super::lexer::{LONGEST, Lexer};
use super::names::Synonyms;
use super::object::{Argument, CallSite, Kind, Note, Object, Observation};
use super::place::Places;
use super::skim::{self, Look};
use super::taint::Taint;
use super::walk::Walk;
use super::{How, Sink};
use std::cmp::Ordering;

/// What a module's definition does, as `sys.sql_modules` has it. `quoted_identifier` is the setting the module was
/// created under: it decides whether `"…"` is a name or a string.
pub fn observe_module(text: &str, quoted_identifier: bool) -> Object {
    observe_module_among(text, quoted_identifier, &Synonyms::default())
}

/// The same, where `synonyms` are those of the module's database.
pub fn observe_module_among(text: &str, quoted_identifier: bool, synonyms: &Synonyms) -> Object {
    let found = Found::new(
        Budget::for_text(text),
        Budget::for_text(text),
        quoted_identifier,
        synonyms.clone(),
    );
    observed(text, found)
}

/// What is found when every batch and text is walked, whether or not it can do anything.
#[cfg(any(test, fuzzing))]
pub fn observe_module_without_first_pass(text: &str, quoted_identifier: bool) -> Object {
    let budget = || Budget::for_text(text);
    let synonyms = Synonyms::default();
    let mut found = Found::new(budget(), budget(), quoted_identifier, synonyms);
    found.walks_all = true;
    observed(text, found)
}

fn observed(text: &str, mut found: Found) -> Object {
    if text.len() > LONGEST {
        return unread();
    }
    let quoted_identifier = found.quoted_identifier;
    let mut places = Places::new(text);
    let code = match skim::look((text, 0), &mut found) {
        Look::Found(start) => return object(found, text, start, &mut places),
        Look::Walk(code) => code,
    };
    let code = code.unwrap_or_else(|| Code::lex(Source::Outermost(text), quoted_identifier));
    Walk::new(&code, &mut found, 0, false).run();
    object(found, text, first(&code), &mut places)
}

/// The parts of a name as it is written, without delimiters: `[a].b..[c d]` is `a`, `b`, an empty part and `c d`.
pub fn name_parts(name: &str) -> Vec<String> {
    let code = Code::lex(Source::Outermost(name), true);
    code.name(0)
        .map(|found| code.parts(found))
        .unwrap_or_default()
}

/// Where a batch's first token begins.
pub(super) fn first(code: &Code) -> usize {
    code.range(0).start
}

/// What can be said of a text that is longer than can be read.
pub(super) fn unread() -> Object {
    let reason = "the text is too long to be read";
    let sink = Observation {
        sink: Sink::DynamicUnresolved,
        how: How::Direct,
        is_dynamic: false,
        line: 1,
        column: 1,
        span: 0..0,
        option: None,
        command: None,
        command_tainted: None,
        tainted_by: Taint::UNKNOWN,
        reason: Some(reason),
        via: Vec::new(),
    };
    Object {
        kind: Kind::Script,
        name: None,
        line: 1,
        parameters: Vec::new(),
        is_encrypted: false,
        sinks: vec![sink],
        calls: Vec::new(),
        notes: vec![Note {
            line: 1,
            text: reason.to_owned(),
        }],
    }
}

/// Puts what was found in order and in its place. The batch begins at `start` of the outermost source and reaches to
/// its end.
pub(super) fn object(found: Found, source: &str, start: usize, places: &mut Places) -> Object {
    let Found {
        mut sinks,
        mut calls,
        mut notes,
        module,
        quoted_identifier,
        ..
    } = found;
    let start = module.as_ref().map_or(start, |module| module.start);
    settle(&mut sinks, &mut calls);
    let unread = sinks.iter().filter_map(|sink| {
        let reason = sink.reason?;
        let note = format!("code is executed that could not be read: {reason}");
        Some((sink.span.start, note))
    });
    notes.extend(unread);
    notes.sort();
    notes.dedup();
    let mut offsets = vec![start];
    offsets.extend(notes.iter().map(|(offset, _)| *offset));
    gather(&sinks, &calls, &mut offsets);
    let spots = Spots::find(offsets, source, quoted_identifier, places);
    spots.place(&mut sinks, &mut calls);
    let note = |(offset, text): (usize, String)| Note {
        line: spots.at(offset).line,
        text,
    };
    let (kind, name, parameters, is_encrypted) = match module {
        Some(m) => (m.kind, Some(m.name), m.parameters, m.is_encrypted),
        None => (Kind::Script, None, Vec::new(), false),
    };
    Object {
        kind,
        name,
        line: spots.at(start).line,
        parameters,
        is_encrypted,
        sinks,
        calls,
        notes: notes.into_iter().map(note).collect(),
    }
}

/// Puts sinks and calls in order of place, each once, those inside of passed text too.
pub(super) fn settle(sinks: &mut Vec<Observation>, calls: &mut Vec<CallSite>) {
    sinks.sort_by(|a, b| {
        let key = |o: &Observation| (o.span.start, o.sink, o.how);
        key(a).cmp(&key(b)).then_with(|| a.option.cmp(&b.option))
    });
    sinks.dedup_by(|later, first| {
        let same = later.span.start == first.span.start
            && later.sink == first.sink
            && later.option == first.option;
        if same {
            // The chain reaches one of them.
            first.is_dynamic &= later.is_dynamic;
            first.tainted_by = first.tainted_by.and(later.tainted_by);
            first.command_tainted = first.tainted_by.is_tainted();
            first.command = first.command.take().or_else(|| later.command.take());
        }
        same
    });
    calls.sort_by(in_order);
    calls.dedup_by(|later, first| in_order(later, first) == Ordering::Equal);
    for code in passed_code(calls) {
        settle(&mut code.sinks, &mut code.calls);
    }
}

fn in_order(a: &CallSite, b: &CallSite) -> Ordering {
    let key = |call: &CallSite| {
        (
            call.span.start,
            call.how,
            call.is_dynamic,
            call.is_elsewhere,
        )
    };
    let passed = |call: &CallSite| -> Vec<(Option<String>, String)> {
        let arguments = call.arguments.iter();
        arguments
            .map(|a| (a.name.clone(), a.value.clone()))
            .collect()
    };
    let by_place = key(a).cmp(&key(b)).then_with(|| a.callee.cmp(&b.callee));
    by_place.then_with(|| passed(a).cmp(&passed(b)))
}

fn passed_code(calls: &mut [CallSite]) -> impl Iterator<Item = &mut super::AsCode> {
    let arguments = calls.iter_mut().flat_map(|call| call.arguments.iter_mut());
    arguments.filter_map(|argument: &mut Argument| argument.as_code.as_mut())
}

/// Collects where everything begins.
fn gather(sinks: &[Observation], calls: &[CallSite], offsets: &mut Vec<usize>) {
    offsets.extend(sinks.iter().map(|sink| sink.span.start));
    for call in calls {
        offsets.push(call.span.start);
        for code in call.arguments.iter().filter_map(|a| a.as_code.as_ref()) {
            gather(&code.sinks, &code.calls, offsets);
        }
    }
}

/// A place in the text.
#[derive(Debug, Clone, Copy, Default)]
struct Spot {
    offset: usize,
    line: u32,
    column: u32,
    /// The end of the token that begins here.
    end: usize,
}

/// Places in order.
struct Spots(Vec<Spot>);

impl Spots {
    fn find(mut offsets: Vec<usize>, source: &str, quoted: bool, places: &mut Places) -> Self {
        offsets.sort_unstable();
        offsets.dedup();
        let spot = |offset| {
            let (line, column) = places.advance_to(offset);
            let token = Lexer::from(source, offset, quoted).next();
            Spot {
                offset,
                line,
                column,
                end: token.map_or(offset, |token| token.end as usize),
            }
        };
        Self(offsets.into_iter().map(spot).collect())
    }

    fn at(&self, offset: usize) -> Spot {
        let found = self.0.binary_search_by_key(&offset, |spot| spot.offset);
        let spot = found.ok().and_then(|index| self.0.get(index));
        spot.copied().unwrap_or_default()
    }

    fn place(&self, sinks: &mut [Observation], calls: &mut [CallSite]) {
        for sink in sinks {
            let spot = self.at(sink.span.start);
            (sink.line, sink.column) = (spot.line, spot.column);
            sink.span.end = if sink.span.end == 0 {
                spot.end
            } else {
                sink.span.end
            };
        }
        for call in &mut *calls {
            let spot = self.at(call.span.start);
            (call.line, call.column) = (spot.line, spot.column);
            call.span.end = if call.span.end == 0 {
                spot.end
            } else {
                call.span.end
            };
        }
        for code in passed_code(calls) {
            self.place(&mut code.sinks, &mut code.calls);
        }
    }
}
