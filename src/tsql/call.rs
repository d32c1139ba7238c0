//! Calls of procedures: what is called, what is passed, and what the callee does with it.

use super::arguments::{Arguments, Command, Passed, shown};
use super::code::{Code, Name};
use super::folded::{Folded, Source, Taint, reasons};
use super::holes::{self, HOLE};
use super::names::folded;
use super::object::{Argument, AsCode, CallSite, Observation};
use super::options;
use super::procedures::{self, Does, Parameters, Procedure};
use super::script;
use super::shipped;
use super::types::DataType;
use super::value::Value;
use super::variables::key;
use super::walk::{DEEPEST, Place, Walk};
use super::words::Keyword;
use super::{How, Sink};
use std::rc::Rc;

/// A call's beginning.
#[derive(Debug, Clone)]
pub(super) struct Called {
    pub(super) place: Place,
    pub(super) how: How,
    /// The callee's name, one part or more.
    pub(super) parts: Vec<String>,
    /// Whose hole stands in the callee's own name, in text that has been read all the same.
    pub(super) hidden: Option<Taint>,
}

/// A parameter of executed text.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) name: String,
    pub(super) data_type: DataType,
    /// What it holds.
    pub(super) value: Folded,
    /// The variable that it is given back in, by its token.
    pub(super) back: Option<usize>,
}

const NAME_NOT_KNOWN: &str = "the name of the procedure is not known";

/// So many names that one variable may hold become calls of the graph.
const MOST_CALLEES: usize = 16;

impl Walk<'_, '_> {
    /// Where a name stands, and how a call spelt there comes about.
    pub(super) fn called(&self, name: Name) -> Called {
        let (part, start) = self.code.part(name.last);
        let is_hidden = self.depth > 0 && holes::has_text_holes(part);
        let how = if is_hidden {
            How::DynamicConcat
        } else {
            self.how(&(start..start + part.len()))
        };
        let place = match self.depth {
            0 => Place {
                start: self.code.range(name.first).start,
                end: self.code.range(name.last).end,
            },
            // A hole was written where its value comes from.
            _ if is_hidden => self.place(name.last),
            _ => Place::of_token(self.code.source().origin(start)),
        };
        Called {
            place,
            how,
            parts: self.code.parts(name),
            hidden: is_hidden.then(|| self.code.source().taint()),
        }
    }

    /// A call by a name in the code.
    pub(super) fn call(&mut self, name: Name) {
        let arguments = self.arguments(name.next);
        let called = self.called(name);
        self.invoke(called, &arguments);
    }

    /// A call: reports what it reaches, executes what the callee executes, or notes it for the call graph.
    pub(super) fn invoke(&mut self, mut called: Called, arguments: &Arguments) {
        if let Some(target) = self.found.synonyms.get(&called.parts) {
            called.parts = target.to_vec();
            called.how = How::Synonym;
        }
        let far = called.parts.len() > 3 && called.parts.first().is_some_and(|s| !s.is_empty());
        if far {
            self.report(called.place, Sink::LinkedExec, called.how, arguments.all());
        }
        if let Some(taint) = called.hidden.filter(|_| !self.has_holes) {
            let value = Folded::from_outside(called.place.start, taint, NAME_NOT_KNOWN);
            self.unresolved(called.place, called.how, &value, NAME_NOT_KNOWN);
        }
        if far {
            self.elsewhere(|walk| walk.come_to(&called, arguments));
        } else {
            self.come_to(&called, arguments);
        }
    }

    fn come_to(&mut self, called: &Called, arguments: &Arguments) {
        let own = called.parts.last().map(String::as_str).unwrap_or_default();
        match procedures::procedure(own) {
            Some(procedure) => self.perform(procedure, called, arguments),
            None if own.is_empty() || own == "…" => {}
            None => self.call_site(called, arguments),
        }
    }

    fn perform(&mut self, procedure: &'static Procedure, called: &Called, arguments: &Arguments) {
        let Called { place, how, .. } = *called;
        match procedure.does {
            Does::Is(sink) => self.report(place, sink, how, arguments.command(procedure)),
            Does::Executes => {
                for text in arguments.taken(procedure) {
                    self.execute_value(place, how, text, &[]);
                }
            }
            Does::ExecutesRows => {
                for text in arguments.taken(procedure) {
                    self.execute_value(place, how, text, &[]);
                }
                let rows = Folded::from_outside(place.start, Taint::DATA, reasons::ROWS);
                self.unresolved(place, how, &rows, reasons::ROWS);
            }
            Does::ExecutesWithParameters(parameters) => {
                if let Some(text) = arguments.taken(procedure).first() {
                    let given = self.given(arguments, parameters);
                    self.execute_value(place, how, text, &given);
                }
            }
            Does::RunsScript => {
                let input = arguments.of(procedure, "@input_data_1");
                let is_script = |value: &&Folded| !input.is_some_and(|i| std::ptr::eq(i, *value));
                let mut command = Command::none();
                let taken = arguments.taken(procedure).into_iter().filter(is_script);
                taken.for_each(|value| command.add(value));
                self.report(place, Sink::ExternalScript, how, command);
                if let Some(query) = input {
                    self.execute_value(place, how, query, &[]);
                }
            }
            Does::SetsOption => self.set_option(procedure, called, arguments),
            Does::AddsJobStep | Does::ChangesJobStep => self.job_step(procedure, called, arguments),
            Does::SetsStartup => {
                let is_other = |name, values: &[&str]| {
                    let value = arguments.of(procedure, name);
                    value.is_some_and(|value| is_one_of(value, values))
                };
                if arguments.of(procedure, "@optionvalue").is_some()
                    && !is_other("@optionvalue", &["off", "false", "no", "0"])
                {
                    let mut command = Command::none();
                    for value in arguments.taken(procedure) {
                        command.weigh(value);
                    }
                    let name = arguments.of(procedure, "@procname");
                    if let Some(name) = name {
                        command.show(name.shown());
                    }
                    self.report(place, Sink::StartupProc, how, command);
                }
            }
        }
    }

    /// The parameters of a text that is executed, and what they hold.
    fn given(&mut self, arguments: &Arguments, parameters: Parameters) -> Vec<Given> {
        const LIST: &[&str] = &["@params", "@parameters", "@paramdef", "@parameter"];
        let is_list = |passed: &&Passed| {
            let name = passed.name.as_deref().map(key);
            name.is_some_and(|name| LIST.contains(&name.as_str()))
        };
        let list = arguments
            .0
            .iter()
            .find(is_list)
            .or(arguments.0.get(parameters.list));
        let declared = list.map(|p| declared(&p.value, self.found.quoted_identifier));
        let declared = declared.unwrap_or_default();
        let mut given = Vec::new();
        for (place, passed) in arguments.0.iter().skip(parameters.values).enumerate() {
            let by_place = declared.get(place);
            let name = passed.name.as_deref().map(key);
            let name = name.or_else(|| by_place.map(|(name, _)| name.clone()));
            let Some(name) = name else {
                break;
            };
            let row = declared.iter().find(|(other, _)| *other == name);
            given.push(Given {
                name,
                data_type: row.map(|(_, data_type)| *data_type).unwrap_or_default(),
                value: passed.value.clone(),
                back: passed.variable.filter(|_| passed.is_output),
            });
        }
        given
    }

    fn set_option(&mut self, procedure: &Procedure, called: &Called, arguments: &Arguments) {
        let name = arguments.of(procedure, "@configname");
        let value = arguments.of(procedure, "@configvalue");
        let (Some(name), Some(value)) = (name, value) else {
            return;
        };
        // NULL asks for the setting.
        if value.only().is_some_and(Value::is_null) {
            return;
        }
        for text in name.batches() {
            let text = &holes::map_holes(name.slice(text), |_| HOLE);
            let Some(channel) = options::channel_named(text, HOLE) else {
                if text.contains(HOLE) {
                    let note = "sp_configure sets an option whose name is not known";
                    self.found.note(called.place.start, note.to_owned());
                }
                continue;
            };
            let shut = |value: &Rc<Value>| value.is_null() || is_shut_by(channel, value);
            if !value.has_more() && value.values().iter().all(shut) {
                continue;
            }
            let mut command = Command::none();
            command.weigh(name);
            command.weigh(value);
            let seen = self.observation(called.place, Sink::SpConfigureEnable, called.how, command);
            self.found.sinks.push(Observation {
                option: Some(channel.name.to_owned()),
                ..seen
            });
        }
    }

    fn job_step(&mut self, procedure: &Procedure, called: &Called, arguments: &Arguments) {
        let command = arguments.of(procedure, "@command");
        let subsystem = arguments.of(procedure, "@subsystem");
        let subsystem = subsystem.filter(|s| s.len() > 0 || s.is_open());
        let keeps_subsystem = procedure.does == Does::ChangesJobStep && subsystem.is_none();
        let is_t_sql = subsystem.is_none_or(|subsystem| is_one_of(subsystem, &["tsql"]));
        if is_t_sql {
            if let Some(command) = command {
                if keeps_subsystem && command.len() > 0 {
                    let note =
                        "the job step's subsystem stays what it is; its command is read as T-SQL";
                    self.found.note(called.place.start, note.to_owned());
                }
                self.execute_step(called, command);
            }
            return;
        }
        let mut seen = Command::none();
        if let Some(command) = command {
            seen.add(command);
        }
        if let Some(subsystem) = subsystem {
            seen.weigh(subsystem);
            let note = format!("the job step's subsystem is {}", subsystem.shown());
            self.found.note(called.place.start, note);
        }
        self.report(called.place, Sink::AgentJob, called.how, seen);
    }

    /// The agent divides what a step executes by lines of GO, as client tools divide a script.
    fn execute_step(&mut self, called: &Called, command: &Folded) {
        let only = command.only();
        let only = only.filter(|text| self.found.budget.spend(text.len()));
        let batches = only.map_or_else(Vec::new, |text| script::batches(text.text()));
        if batches.len() < 2 {
            return self.execute_value(called.place, called.how, command, &[]);
        }
        for batch in batches {
            let part = command.map(|text| text.part(batch.clone()));
            self.execute_value(called.place, called.how, &part, &[]);
        }
    }

    /// A call of a procedure that is no sink.
    fn call_site(&mut self, called: &Called, arguments: &Arguments) {
        self.take_given_back(&called.parts, arguments);
        let keeps_data = shipped::keeps_data(&called.parts);
        let passed = arguments.0.iter().map(|passed| Argument {
            name: passed.name.clone(),
            value: shown(&passed.value),
            is_known: passed.value.only().is_some_and(Value::is_exact),
            is_open: passed.value.is_open(),
            is_tainted: passed.value.taint.is_tainted(),
            tainted_by: passed.value.taint,
            is_output: passed.is_output,
            as_code: if keeps_data {
                None
            } else {
                self.as_code(&passed.value)
            },
        });
        let arguments = passed.collect();
        let call = CallSite {
            callee: called.parts.clone(),
            is_function: false,
            how: called.how,
            is_dynamic: self.is_dynamic(),
            is_elsewhere: self.found.is_elsewhere,
            line: 0,
            column: 0,
            span: called.place.start..called.place.end,
            arguments,
        };
        self.found.calls.push(call);
    }

    /// What a value would do if it were executed.
    fn as_code(&mut self, value: &Folded) -> Option<AsCode> {
        const SHORTEST: usize = 5;
        if value.len() < SHORTEST || self.depth >= DEEPEST {
            return None;
        }
        let first = value.batches().next()?;
        let begin = Code::beginning(Source::executed(value, first), self.found.quoted_identifier);
        let is_statement = begins_statement(&begin);
        if !is_statement && begin.name(0).is_none() {
            return None;
        }
        let place = begin.origin(0);
        let Some(aside) = self.found.begin_aside(value.len()) else {
            let note = "a text that is passed on was not read: there is too much of such text";
            self.found.note(place, note.to_owned());
            return None;
        };
        self.walk_apart(value);
        let (sinks, calls) = self.found.end_aside(aside);
        Some(AsCode {
            is_statement,
            sinks,
            calls,
        })
    }

    /// `EXEC @name`: the procedure is the variable's value.
    pub(super) fn call_by_variable(&mut self, variable: usize) {
        let place = self.place(variable);
        let how = How::ViaVariableProcName;
        let arguments = self.arguments(variable + 1);
        let value = self.variables.get(self.variables.at(variable));
        let value = value.filter(|value| self.found.budget.spend(value.len()));
        let Some(value) = value.cloned() else {
            if !self.has_holes {
                self.unresolved(place, how, &Folded::unknown(place.start), NAME_NOT_KNOWN);
            }
            return;
        };
        let mut read = !value.is_open();
        let mut callees = 0;
        let mut executes = false;
        for batch in value.batches() {
            let source = Source::executed(&value, batch);
            let named = Code::lex(source, self.found.quoted_identifier);
            let Some(name) = named.name(0) else {
                continue;
            };
            let (own, _) = named.part(name.last);
            let row = procedures::procedure(own);
            callees += 1;
            let executor =
                row.is_some_and(|row| !matches!(row.does, Does::Is(_) | Does::RunsScript));
            if callees <= MOST_CALLEES || row.is_some() && !(executor && executes) {
                let called = Called {
                    place,
                    how,
                    parts: named.parts(name),
                    hidden: (!value.is_open() && holes::has_text_holes(own)).then_some(value.taint),
                };
                self.invoke(called, &arguments);
            } else if callees == MOST_CALLEES + 1 && !executor {
                let note = "the variable may name more procedures than are followed";
                self.found.note(place.start, note.to_owned());
            }
            executes |= executor;
            let qualified = name.last > 0 && named.is(name.last - 1, ".");
            let own_name_is_known =
                !value.has_alternatives() && qualified && !named.is_hole(name.last);
            read |= own_name_is_known;
        }
        if !read && !self.has_holes {
            self.unresolved(place, how, &value, NAME_NOT_KNOWN);
        }
    }
}

/// Whether a value is sure to keep a channel shut.
fn is_shut_by(channel: options::Channel, value: &Value) -> bool {
    match value.as_integer() {
        Some(number) => channel.is_shut_by(&number.to_string()),
        None => channel.is_shut_by(value.text()),
    }
}

/// Whether the value is known to be one of these, in any case.
fn is_one_of(value: &Folded, values: &[&str]) -> bool {
    let is_one = |batch| {
        let text = folded(value.slice(batch));
        values.contains(&text.as_str())
    };
    !value.is_open() && value.len() > 0 && value.batches().all(is_one)
}

/// Whether a text reads as code, by its first word.
pub(super) fn begins_statement(code: &Code) -> bool {
    let begins = |keyword: Keyword| keyword.begins_statement() || keyword == Keyword::Select;
    code.keyword(0).is_some_and(begins) || code.is_word(0, &["with"])
}

/// The parameters in sp_executesql's list of them.
fn declared(list: &Folded, quoted_identifier: bool) -> Vec<(String, DataType)> {
    let code = Code::lex(Source::executed(list, 0), quoted_identifier);
    let mut declared = Vec::new();
    let mut at = 0;
    while code.is_variable(at) {
        let name = key(code.text(at));
        let after_as = at + 1 + usize::from(code.is_word(at + 1, &["as"]));
        let (data_type, next) = DataType::read(&code, after_as);
        declared.push((name, data_type));
        at = code.after_argument(next);
        if !code.is(at, ",") {
            break;
        }
        at += 1;
    }
    declared
}
