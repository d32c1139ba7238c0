//! Every module of an instance with what it does, for the rules about code.

use serde::Serialize;

use super::analysis::Code;
use super::{Case, Evidence, Judgement, Missing, ObservedModule, ObservedSink, Severity, Subject};
use crate::ids::DatabaseName;
use crate::snapshot::{Module, NumberedProcedure};

/// A module as it was collected.
#[derive(Clone, Copy)]
enum Row<'a> {
    Module(&'a Module),
    Trigger(&'a Module),
    Numbered(&'a NumberedProcedure),
}

impl Row<'_> {
    fn fact(&self) -> &'static str {
        match self {
            Self::Module(_) => "modules",
            Self::Trigger(_) => "server_modules",
            Self::Numbered(_) => "numbered_procedures",
        }
    }

    fn evidence(&self, database: Option<&DatabaseName>) -> Evidence {
        fn row<T: Serialize>(of: &Row<'_>, database: Option<&DatabaseName>, row: &T) -> Evidence {
            Evidence::row(of.fact(), database, row)
        }
        match self {
            Self::Module(module) | Self::Trigger(module) => row(self, database, *module),
            Self::Numbered(procedure) => row(self, database, *procedure),
        }
    }
}

/// A module, with what it does where its text was read.
pub(super) struct Walked<'a> {
    /// Its database; none of a server trigger.
    pub(super) database: Option<&'a DatabaseName>,
    /// Its name, as reports have it.
    pub(super) name: String,
    /// Number 2 and up of a numbered procedure.
    pub(super) number: Option<i32>,
    /// What it does; `None` if its text is not at hand and nothing was observed of it.
    pub(super) does: Option<&'a ObservedModule>,
    row: Row<'a>,
    code: Code<'a>,
}

impl Walked<'_> {
    /// The module as the subject of a verdict.
    pub(super) fn subject(&self) -> Subject {
        match self.database {
            Some(database) => Subject::within("module", database, &self.name),
            None => Subject::server("module", &self.name),
        }
    }

    /// The module's row.
    pub(super) fn evidence(&self) -> Evidence {
        self.row.evidence(self.database)
    }

    /// The module's row at each of these places.
    pub(super) fn evidence_at(&self, sinks: &[&ObservedSink]) -> Vec<Evidence> {
        let hash = self.does.map(|does| does.sha256.as_str());
        let hash = hash.unwrap_or_default();
        let places = sinks.iter().map(|sink| sink.place(hash));
        places.map(|place| self.evidence().at(place)).collect()
    }

    /// What is missing where its text was not read.
    pub(super) fn missing(&self) -> Missing {
        let mut needs = self.code.definition.needs();
        if needs.is_empty() {
            needs.push("the module's text, which is not among the files given".to_owned());
        }
        Missing {
            fact: self.row.fact().to_owned(),
            database: self.database.cloned(),
            needs,
        }
    }
}

/// Every module, in the order of databases and of the catalog; server triggers last.
pub(super) fn modules<'a>(case: &'a Case<'_>) -> Vec<Walked<'a>> {
    let mut all = Vec::new();
    let walked = |database, name, number, row, code: Code<'a>| Walked {
        database,
        name,
        number,
        does: case.analysis().module(database, code),
        row,
        code,
    };
    for facts in case.databases() {
        let database = Some(&facts.name);
        for module in facts.modules.seen() {
            let name = facts.object_name(module.object_id);
            all.push(walked(
                database,
                name,
                None,
                Row::Module(module),
                module.into(),
            ));
        }
        for one in facts.numbered_procedures.seen() {
            let object = facts.object_name(one.object_id);
            let number = one.procedure_number;
            let name = format!("{object};{number}");
            all.push(walked(
                database,
                name,
                Some(number),
                Row::Numbered(one),
                one.into(),
            ));
        }
    }
    let server = &case.snapshot.server;
    for module in server.server_modules.seen() {
        let mut triggers = server.server_triggers.seen().iter();
        let trigger = triggers.find(|t| t.object_id == module.object_id);
        let name = trigger.map_or_else(
            || format!("server trigger {}", module.object_id),
            |trigger| trigger.name.clone(),
        );
        all.push(walked(
            None,
            name,
            None,
            Row::Trigger(module),
            module.into(),
        ));
    }
    all
}

/// Judges every module by its sinks: those that `wanted` takes are a finding in the words of `say`, which is given the
/// module's name and them. Modules whose text was not read are one unknown, which names each.
pub(super) fn judge_sinks(
    case: &Case<'_>,
    judgement: &mut Judgement,
    wanted: impl Fn(&Walked<'_>, &ObservedSink) -> bool,
    say: impl Fn(&str, &[&ObservedSink]) -> (Severity, String),
) {
    let mut unread: Vec<Missing> = Vec::new();
    for module in modules(case) {
        let Some(does) = module.does else {
            unread.push(module.missing());
            continue;
        };
        let sinks = does.sinks.iter().filter(|sink| wanted(&module, sink));
        let sinks: Vec<&ObservedSink> = sinks.collect();
        if sinks.is_empty() {
            judgement.pass();
            continue;
        }
        let (severity, message) = say(&module.name, &sinks);
        let evidence = module.evidence_at(&sinks);
        judgement.fail_at(severity, module.subject(), message, evidence);
    }
    if !unread.is_empty() {
        unread.sort();
        unread.dedup();
        judgement.unknown(Subject::instance(), unread);
    }
}

/// The names of sinks, each once, in order.
pub(super) fn names(sinks: &[&ObservedSink]) -> String {
    let mut names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
