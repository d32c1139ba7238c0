//! What one module or batch comes to: the room's result.

use super::taint::Taint;
use super::{How, Sink, mask_secrets, module};
use std::fmt;
use std::ops::Range;

/// One sink seen in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What is reached.
    pub sink: Sink,
    /// How the text comes to it.
    pub how: How,
    /// Whether it stands in text that is executed, which no ownership chain reaches; of [`How::ViaModule`], whether the
    /// call does.
    pub is_dynamic: bool,
    /// Line, from 1, of the call's name, or of the string literal that holds it.
    pub line: u32,
    /// Column, from 1, in UTF-16 units, of the same place.
    pub column: u32,
    /// The bytes, in the whole text, of the call's name or of the literal that holds it.
    pub span: Range<usize>,
    /// The configuration option that is set, by its full name.
    pub option: Option<String>,
    /// What is run, written or read, as far as known: holes are shown as `…`, and a long one is cut.
    pub command: Option<String>,
    /// Whether a parameter of the module or data it reads flows into what is executed; `None` where that cannot
    /// be told.
    pub command_tainted: Option<bool>,
    /// Which parameters they are, for calls of the module.
    pub(super) tainted_by: Taint,
    /// Why code could not be read; only of [`Sink::DynamicUnresolved`].
    pub reason: Option<&'static str>,
    /// The modules called on the way to the sink, nearest first; only of [`How::ViaModule`].
    pub via: Vec<String>,
}

/// What a batch creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A stored procedure.
    Procedure,
    /// A function or an aggregate.
    Function,
    /// A DML, DDL or logon trigger.
    Trigger,
    /// A view.
    View,
    /// No module: the batch is run as it stands.
    Script,
}

impl Kind {
    /// The word in machine output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Procedure => "PROCEDURE",
            Self::Function => "FUNCTION",
            Self::Trigger => "TRIGGER",
            Self::View => "VIEW",
            Self::Script => "SCRIPT",
        }
    }
}

/// A parameter of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name with `@`, as written.
    pub name: String,
    /// Its type as written, without length or precision: `nvarchar`, `dbo.list`.
    pub type_name: String,
    /// Whether the caller may leave it out.
    pub has_default: bool,
    /// Whether the module gives it back.
    pub is_output: bool,
}

/// A call of a procedure that is no sink by itself, for the call graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSite {
    /// One to four parts without delimiters; a part left out is empty, one that is not known is `…`. Of a synonym,
    /// what it stands for.
    pub callee: Vec<String>,
    /// Whether it stands as a function does; then it may be something else of the same look.
    pub is_function: bool,
    /// How the text comes to the call.
    pub how: How,
    /// Whether it stands in text that is executed, which no ownership chain reaches.
    pub is_dynamic: bool,
    /// Whether it is made at another server.
    pub is_elsewhere: bool,
    /// Line, from 1, of the callee's name, or of the literal that holds it.
    pub line: u32,
    /// Column, from 1, in UTF-16 units, of the same place.
    pub column: u32,
    /// The bytes of the same place.
    pub span: Range<usize>,
    /// What is passed, in order.
    pub arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The parameter's name with `@`, where it is given by name.
    pub name: Option<String>,
    /// The value as far as known: holes are shown as `…`, and a long one is cut.
    pub value: String,
    /// Whether the whole value is known.
    pub is_known: bool,
    /// Whether the value could not be read as code: there may be anything in it.
    pub(super) is_open: bool,
    /// Whether a parameter of the module or data it reads is in the value; `None` where that cannot be told.
    pub is_tainted: Option<bool>,
    /// Which parameters they are.
    pub(super) tainted_by: Taint,
    /// Whether the callee gives a value back in it.
    pub is_output: bool,
    /// What the value does if the callee executes it; `None` of what is no code.
    pub as_code: Option<AsCode>,
}

/// What a text that is passed on would do if it were executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsCode {
    /// Whether it begins with a statement's keyword, so that it is nothing but code.
    pub is_statement: bool,
    /// Its sinks.
    pub sinks: Vec<Observation>,
    /// Its calls.
    pub calls: Vec<CallSite>,
}

/// A module, or a batch that creates none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its name as written, without delimiters, one to three parts; `None` of a script.
    pub name: Option<Vec<String>>,
    /// Line, from 1, where it begins: of CREATE or ALTER, of a script's first statement.
    pub line: u32,
    /// A module's parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Whether it is created WITH ENCRYPTION, so that the server will not show it again.
    pub is_encrypted: bool,
    /// In order of place; the same sink at the same place stands once.
    pub sinks: Vec<Observation>,
    /// Calls of procedures that are no sinks, in order of place.
    pub calls: Vec<CallSite>,
    /// What else is worth knowing, limits that were hit among it, in order of place.
    pub notes: Vec<Note>,
}

/// A remark on a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The line, from 1, that it is about.
    pub line: u32,
    /// The remark, without the line.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

impl Observation {
    /// The command as it may be shown: without the secrets in it.
    pub fn shown_command(&self) -> Option<String> {
        let command = self.command.as_deref()?;
        Some(mask_secrets(command).into_owned())
    }
}

impl Object {
    /// Takes texts that are passed to procedures which are not at hand as executed, where they read as T-SQL that begins
    /// with a statement's keyword: what they do becomes the object's own, and a note says so. `is_at_hand` tells which
    /// callees need no such guess.
    pub fn take_passed_text_as_executed(&mut self, is_at_hand: impl Fn(&CallSite) -> bool) {
        let mut next = 0;
        while let Some(call) = self.calls.get(next) {
            next += 1;
            if is_at_hand(call) {
                continue;
            }
            let codes = call.arguments.iter().filter_map(|a| a.as_code.as_ref());
            let executed = codes.filter(|code| code.is_statement);
            let executed: Vec<AsCode> = executed
                .filter(|code| code.does_something())
                .cloned()
                .collect();
            if executed.is_empty() {
                continue;
            }
            self.notes.push(Note {
                line: call.line,
                text: format!(
                    "{} is not at hand and is taken to execute the text it is given",
                    call.callee.join(".")
                ),
            });
            for code in executed {
                self.sinks.extend(code.sinks);
                self.calls.extend(code.calls);
            }
        }
        module::settle(&mut self.sinks, &mut self.calls);
        self.notes.sort();
        self.notes.dedup();
    }
}

impl Object {
    /// Takes texts that are passed for parameters which the callee executes as executed. `executes` is asked about a call
    /// and the place of an argument.
    pub(super) fn take_text_passed_to_executors(
        &mut self,
        executes: impl Fn(&CallSite, usize) -> bool,
    ) {
        let mut next = 0;
        while let Some(call) = self.calls.get(next) {
            next += 1;
            let passed = call.arguments.iter().enumerate();
            let texts = passed.filter_map(|(at, a)| Some((at, a.as_code.as_ref()?)));
            let texts = texts.filter(|(at, _)| executes(call, *at));
            let texts: Vec<&AsCode> = texts.map(|(_, text)| text).collect();
            let alone = texts.len() == 1;
            let counts = |text: &&AsCode| (text.is_statement || alone) && text.does_something();
            let texts: Vec<AsCode> = texts.into_iter().filter(counts).cloned().collect();
            for text in texts {
                self.sinks.extend(text.sinks);
                self.calls.extend(text.calls);
            }
        }
        module::settle(&mut self.sinks, &mut self.calls);
    }

    /// Adds sinks that calls of other modules lead to.
    pub(super) fn add_sinks(&mut self, sinks: Vec<Observation>) {
        self.sinks.extend(sinks);
        module::settle(&mut self.sinks, &mut self.calls);
    }
}

impl AsCode {
    /// Whether there is anything in it to report.
    fn does_something(&self) -> bool {
        !self.sinks.is_empty() || !self.calls.is_empty()
    }
}
