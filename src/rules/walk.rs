//! Every module of an instance with what it does, for the rules about code.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::analysis::Code;
use super::shipped;
use super::{
    Case, Evidence, Judgement, Missing, ObservedCall, ObservedModule, ObservedSink, Severity,
    Subject, named,
};
use crate::ids::DatabaseName;
use crate::snapshot::{DatabaseFacts, Module, NumberedProcedure, Observed, Snapshot, TextHash};
use crate::tsql::{How, Sink};

/// What runs commands outside the engine, opens a way to, or plants what will.
pub(super) const CHANNELS: &[Sink] = &[
    Sink::XpCmdshell,
    Sink::CreateAssembly,
    Sink::OleAutomation,
    Sink::SpConfigureEnable,
    Sink::ExternalScript,
    Sink::AgentJob,
    Sink::RegistryWrite,
    Sink::ExtendedProcAdd,
    Sink::StartupProc,
];

/// So many modules are named that could not be judged for one reason; the others are counted.
const NAMED: usize = 5;

/// A module as it was collected.
#[derive(Clone, Copy)]
enum Row<'a> {
    Module(&'a Module),
    Trigger(&'a Module),
    Numbered(&'a NumberedProcedure),
}

/// A module, with what it does where its text was read.
pub(super) struct Walked<'a> {
    snapshot: &'a Snapshot,
    /// Its database; none of a server trigger.
    home: Option<&'a DatabaseFacts>,
    /// What it does; `None` if its text is not at hand and nothing was observed of it.
    pub(super) does: Option<&'a ObservedModule>,
    row: Row<'a>,
}

impl<'a> Walked<'a> {
    /// Its database; none of a server trigger.
    pub(super) fn database(&self) -> Option<&'a DatabaseName> {
        self.home.map(|facts| &facts.name)
    }

    /// Whether it is number 2 or higher of a numbered procedure.
    pub(super) fn is_numbered(&self) -> bool {
        matches!(self.row, Row::Numbered(_))
    }

    /// Whether Microsoft ships a module of this name that does so.
    fn is_shipped_so(&self, sinks: &[&ObservedSink]) -> bool {
        let (Some(facts), Row::Module(module)) = (self.home, self.row) else {
            return false;
        };
        shipped::does(facts, module.object_id, sinks.iter().map(|sink| sink.name))
    }

    /// Its text.
    pub(super) fn definition(&self) -> &'a Observed<TextHash> {
        match self.row {
            Row::Module(module) | Row::Trigger(module) => &module.definition,
            Row::Numbered(procedure) => &procedure.definition,
        }
    }

    /// Whether EXECUTE AS makes it run as somebody else. A number of a procedure has no such row of its own.
    pub(super) fn runs_as_another(&self) -> bool {
        match self.row {
            Row::Module(module) | Row::Trigger(module) => module.execute_as_principal_id.is_some(),
            Row::Numbered(_) => false,
        }
    }

    /// Its name, as reports have it.
    pub(super) fn name(&self) -> String {
        let within = |id| {
            let name = self.home.map(|facts| facts.object_name(id));
            name.unwrap_or_default()
        };
        match self.row {
            Row::Module(module) => within(module.object_id),
            Row::Numbered(one) => format!("{};{}", within(one.object_id), one.procedure_number),
            Row::Trigger(module) => {
                let mut triggers = self.snapshot.server.server_triggers.seen().iter();
                let trigger = triggers.find(|t| t.object_id == module.object_id);
                trigger.map_or_else(
                    || format!("server trigger {}", module.object_id),
                    |trigger| trigger.name.clone(),
                )
            }
        }
    }

    /// The module as the subject of a verdict.
    pub(super) fn subject(&self) -> Subject {
        match self.database() {
            Some(database) => Subject::within("module", database, self.name()),
            None => Subject::server("module", self.name()),
        }
    }

    fn fact(&self) -> &'static str {
        match self.row {
            Row::Module(_) => "modules",
            Row::Trigger(_) => "server_modules",
            Row::Numbered(_) => "numbered_procedures",
        }
    }

    /// The module's row.
    pub(super) fn evidence(&self) -> Evidence {
        fn row<T: Serialize>(of: &Walked<'_>, row: &T) -> Evidence {
            Evidence::row(of.fact(), of.database(), row)
        }
        match self.row {
            Row::Module(module) | Row::Trigger(module) => row(self, module),
            Row::Numbered(procedure) => row(self, procedure),
        }
    }

    /// The module's row at each of these places.
    pub(super) fn evidence_at(&self, sinks: &[&ObservedSink]) -> Vec<Evidence> {
        let hash = self.does.map(|does| does.sha256.as_str());
        let hash = hash.unwrap_or_default();
        let places = sinks.iter().map(|sink| sink.place(hash));
        places.map(|place| self.evidence().at(place)).collect()
    }

    /// What is missing where its text was not read.
    fn needs(&self) -> Vec<String> {
        let needs = self.definition().needs();
        if needs.is_empty() {
            return vec!["the module's text, which is not among the files given".to_owned()];
        }
        needs
    }
}

/// Every module, in the order of databases and of the catalog; server triggers last.
pub(super) fn modules<'a>(case: &'a Case<'_>) -> impl Iterator<Item = Walked<'a>> {
    let walked = |home: Option<&'a DatabaseFacts>, row: Row<'a>, code: Code<'a>| Walked {
        snapshot: case.snapshot,
        home,
        does: case.analysis().module(home.map(|facts| &facts.name), code),
        row,
    };
    let of_databases = case.databases().flat_map(move |facts| {
        let modules = facts.modules.seen().iter();
        let modules =
            modules.map(move |module| walked(Some(facts), Row::Module(module), module.into()));
        let numbered = facts.numbered_procedures.seen().iter();
        modules.chain(numbered.map(move |one| walked(Some(facts), Row::Numbered(one), one.into())))
    });
    let triggers = case.snapshot.server.server_modules.seen().iter();
    of_databases
        .chain(triggers.map(move |module| walked(None, Row::Trigger(module), module.into())))
}

/// Modules that could not be judged, gathered into one verdict: as many as execute text that nobody can read
/// beforehand, so that one for each would hide the findings.
#[derive(Default)]
pub(super) struct Unread<'a>(BTreeMap<(&'static str, Option<&'a DatabaseName>), Reasons>);

/// What is missing, and of which modules.
type Reasons = BTreeMap<String, Vec<String>>;

impl<'a> Unread<'a> {
    /// A module's text was not read.
    pub(super) fn without_text(&mut self, module: &Walked<'a>) {
        for need in module.needs() {
            self.add(module, need, "");
        }
    }

    /// It was, and leaves something open in a line.
    pub(super) fn open(&mut self, module: &Walked<'a>, need: &str, line: u32) {
        self.add(module, need.to_owned(), &format!(" (line {line})"));
    }

    fn add(&mut self, module: &Walked<'a>, need: String, at: &str) {
        let of_fact = self
            .0
            .entry((module.fact(), module.database()))
            .or_default();
        let names = of_fact.entry(need).or_default();
        names.push(named(&module.name()) + at);
    }

    /// Says unknown for all of them, if there are any.
    pub(super) fn say(self, judgement: &mut Judgement) {
        let all = self.0.into_iter().map(|((fact, database), reasons)| {
            let needs = reasons.into_iter();
            let needs = needs.map(|(need, names)| format!("{need}: {}", listed(&names)));
            Missing {
                fact: fact.to_owned(),
                database: database.cloned(),
                needs: needs.collect(),
            }
        });
        let all: Vec<Missing> = all.collect();
        if !all.is_empty() {
            judgement.unknown(Subject::instance(), all);
        }
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.get(..NAMED).unwrap_or(names);
    let others = match names.len() - shown.len() {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        more => format!(" and {more} others"),
    };
    shown.join(", ") + &others
}

/// The first line that executes text which could not be read.
pub(super) fn unread_line(sinks: &[ObservedSink]) -> Option<u32> {
    let mut unread = sinks.iter();
    let unread = unread.find(|sink| sink.name == Sink::DynamicUnresolved);
    unread.map(|sink| sink.line)
}

/// What a sink means to a rule.
pub(super) enum Look {
    /// A finding.
    Bad,
    /// Nothing.
    Fine,
    /// That cannot be told without this.
    Open(&'static str),
}

impl From<bool> for Look {
    fn from(is_bad: bool) -> Self {
        if is_bad { Self::Bad } else { Self::Fine }
    }
}

/// That is a finding of a low severity there, once and not for each rule on code.
const FOUND_ELSEWHERE: &str =
    "it executes text that could not be read: see module-invokes-command-channel";

/// Judges each of these modules by its sinks: those that `look` finds bad are a finding of severity `worst`, and no
/// worse than medium where the module comes to them by calling others alone. `say` says what the module does by them.
/// Modules whose text was not read are one unknown. A module that executes text which could not be read neither fails
/// nor passes.
pub(super) fn judge_sinks<'a>(
    modules: impl Iterator<Item = Walked<'a>>,
    judgement: &mut Judgement,
    worst: Severity,
    look: impl Fn(&ObservedSink) -> Look,
    say: impl Fn(&[&ObservedSink]) -> String,
) {
    let mut unread = Unread::default();
    for module in modules {
        let Some(does) = module.does else {
            unread.without_text(&module);
            continue;
        };
        let sinks = does.sinks.iter();
        let bad: Vec<_> = sinks.filter(|s| matches!(look(s), Look::Bad)).collect();
        if !bad.is_empty() {
            fail(&module, &bad, judgement, worst, &say);
            continue;
        }
        let mut open = does.sinks.iter().filter_map(|sink| match look(sink) {
            Look::Open(need) => Some((need, sink.line)),
            Look::Bad | Look::Fine => None,
        });
        match (open.next(), unread_line(&does.sinks)) {
            (Some((need, line)), _) => unread.open(&module, need, line),
            (None, Some(_)) => judgement.not_applicable(FOUND_ELSEWHERE),
            (None, None) => judgement.pass(),
        }
    }
    unread.say(judgement);
}

fn fail(
    module: &Walked<'_>,
    bad: &[&ObservedSink],
    judgement: &mut Judgement,
    worst: Severity,
    say: impl Fn(&[&ObservedSink]) -> String,
) {
    let own = bad.iter().copied().filter(|s| s.how != How::ViaModule);
    let own: Vec<_> = own.collect();
    let name = module.name();
    let evidence = module.evidence_at(bad);
    let (worst, remark) = if module.is_shipped_so(bad) {
        (Severity::Low, shipped::REMARK)
    } else {
        (worst, "")
    };
    let Some(first) = own.first() else {
        let first = bad.first();
        let via = first.iter().flat_map(|sink| &sink.via);
        let via: Vec<String> = via.map(|name| named(name)).collect();
        let line = first.map_or(0, |sink| sink.line);
        let message = format!(
            "{} {} through {} (line {line}){remark}",
            named(&name),
            say(bad),
            via.join(", ")
        );
        let severity = worst.min(Severity::Medium);
        return judgement.fail_at(severity, module.subject(), message, evidence);
    };
    let (name, line) = (named(&name), first.line);
    let message = format!("{name} {} (line {line}){remark}", say(&own));
    judgement.fail_at(worst, module.subject(), message, evidence);
}

/// What is missing to know all that code with these calls does: the text of a module that it comes to, or what that
/// module executes.
pub(super) fn unread_callee(case: &Case<'_>, calls: &[ObservedCall]) -> Option<Missing> {
    let mut done = BTreeSet::new();
    let mut open: Vec<&ObservedCall> = calls.iter().collect();
    while let Some(call) = open.pop() {
        if !done.insert((&call.database, call.object_id)) {
            continue;
        }
        let does = case.analysis().of_object(&call.database, call.object_id);
        let line = does.and_then(|does| unread_line(&does.sinks));
        let Some(does) = does.filter(|_| line.is_none()) else {
            let facts = case.databases().find(|facts| facts.name == call.database);
            let name = facts.map(|facts| named(&facts.object_name(call.object_id)));
            let name = name.unwrap_or_else(|| format!("object {}", call.object_id));
            let need = line.map_or_else(
                || format!("the text of {name}, which is called"),
                |line| format!("what {name}, which is called, executes in line {line}"),
            );
            return Some(Missing::new("modules", Some(&call.database), need));
        };
        open.extend(&does.calls);
    }
    None
}

/// The names of sinks, each once, in order.
pub(super) fn names(sinks: &[&ObservedSink]) -> String {
    let mut names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
