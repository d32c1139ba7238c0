//! What it checks: procedures, functions, triggers and views of every database, and server triggers, whose own code
//! calls xp_cmdshell, OLE automation (sp_OACreate …) or sp_execute_external_script, or writes an Agent job step that is
//! no T-SQL (CmdExec, PowerShell …): directly under any qualification or spelling, by a synonym, inside a string that
//! the module executes, or, one step lower, by calling another module that does. Comments, printed text and names in
//! other roles do not count. A module that executes text which could not be read in full, because it is put together
//! from data, parameters or functions, has not passed: it is a finding of low severity with the line. A module that is
//! encrypted or hidden, or whose text is not at hand, is unknown. Numbers of a procedure are modules of their own; code
//! of assemblies and of Agent jobs is none. What Microsoft ships in msdb under the same name, marked as shipped, and
//! known to do no less, is low.
//!
//! What is recognised: every spelling of a name (case, full-width letters, brackets, double quotes under either setting
//! of QUOTED_IDENTIFIER, comments and line ends between its parts, one to four parts), EXEC in all its forms, procedure
//! names in variables, sp_executesql and the server's other procedures that execute text, synonyms, Service Broker
//! activation. Values are followed through DECLARE, SET, SELECT, UPDATE, OUTPUT parameters of sp_executesql, both
//! branches of IF and CASE, loops, BREAK and CONTINUE, TRY and its handler, table variables, temporary tables, VALUES,
//! derived tables, common tables, INSERT from executed queries, OUTPUT and cursors as far as their rows are written
//! out, and through the functions of text: + and CONCAT, CHAR, NCHAR, REPLACE, TRANSLATE, REVERSE, STUFF, SUBSTRING,
//! LEFT, RIGHT, TRIM, UPPER, REPLICATE, QUOTENAME, FORMATMESSAGE, STRING_AGG, FOR XML PATH, CAST and CONVERT of 0x,
//! base64 in XML, XML and JSON taken apart by simple paths, and more. A name that is read from the catalog is known by
//! the WHERE that asks for it. Executed text is read again, eight deep. A text known in part keeps its known pieces, so
//! that a name in it is still seen. Calls are followed from module to module by name; a procedure that executes its own
//! parameter makes its callers answer for what they pass.
//!
//! What is not, and then counts as text that could not be read: what user-defined functions return, what procedures of
//! other modules give back in OUTPUT parameters, rows of real tables, files, and rows that procedures return;
//! DECOMPRESS, decryption, recursive queries over real tables, XML taken apart by conditions in a path; a value that
//! may be one of more than 32; text executed more than eight deep; work beyond a budget that grows with the text. A
//! limit that was hit is said with the line.
//!
//! What can escape it unsaid: a name that only the server's collation holds equal to the channel's, a name in a database of
//! the same instance that was not read, what a server elsewhere does with what it is sent, and code that a procedure of
//! somebody else's makes of a text it is given which does not begin like T-SQL.
//!
//! Why it matters: a stored procedure that runs commands is what MITRE ATT&CK T1505.001 describes: it looks like application
//! code, runs with the owner's rights, and stays. Text that nobody can read beforehand is where such a call hides.
//!
//! How to fix: read the module at the line given; if nobody answers for it, keep its text as evidence and drop it. Where
//! text is put together, give it parameters through sp_executesql and write the rest out.
//!
//! When it is fine: maintenance procedures whose text is known; keep the hash of the approved text.
//!
//! References: MITRE ATT&CK T1505.001, AN0511; docs: xp_cmdshell, sp_OACreate, sp_execute_external_script,
//! sp_add_jobstep

use super::analysis::Code;
use super::shipped;
use super::walk::CHANNELS;
use super::{Case, Evidence, Judgement, Missing, ObservedSink, Rule, Severity, Subject, named};
use serde::Serialize;

use crate::ids::DatabaseName;
use crate::snapshot::Fact;
use crate::tsql::{How, Sink};

pub(super) static RULE: Rule = Rule {
    id: "CODE-002",
    slug: "module-invokes-command-channel",
    title: "A module runs operating-system commands",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::NumberedProcedures,
        Fact::Synonyms,
        Fact::ServerModules,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "iso-27001-2022:A.8.18", "soc2:CC6.8"],
    attack: &["T1505.001", "T1059.003", "AN0511"],
    source: include_str!("module_invokes_command_channel.rs"),
    check,
};

/// Sinks by which something outside the engine is run; a job step runs it through Agent.
const COMMAND_CHANNELS: &[Sink] = &[
    Sink::XpCmdshell,
    Sink::OleAutomation,
    Sink::ExternalScript,
    Sink::AgentJob,
];

/// Whether a finding, of this rule or of its siblings, can cite this sink, so that its line is worth keeping.
pub(super) fn is_cited(sink: Sink) -> bool {
    CHANNELS.contains(&sink) || sink == Sink::DynamicUnresolved
}

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for database in case.databases() {
        for module in database.modules.seen() {
            let name = database.object_name(module.object_id);
            let judged = Judged {
                fact: "modules",
                row: module,
                code: module.into(),
            };
            judge(case, Some(&database.name), &name, &judged, judgement);
        }
        for procedure in database.numbered_procedures.seen() {
            let name = database.object_name(procedure.object_id);
            let name = format!("{name};{}", procedure.procedure_number);
            let judged = Judged {
                fact: "numbered_procedures",
                row: procedure,
                code: procedure.into(),
            };
            judge(case, Some(&database.name), &name, &judged, judgement);
        }
    }
    let server = &case.snapshot.server;
    for module in server.server_modules.seen() {
        let mut triggers = server.server_triggers.seen().iter();
        let trigger = triggers.find(|t| t.object_id == module.object_id);
        let name = trigger.map_or_else(
            || format!("server trigger {}", module.object_id),
            |t| t.name.clone(),
        );
        let judged = Judged {
            fact: "server_modules",
            row: module,
            code: module.into(),
        };
        judge(case, None, &name, &judged, judgement);
    }
}

/// A row with code, and where its text is.
struct Judged<'a, R> {
    fact: &'static str,
    row: &'a R,
    code: Code<'a>,
}

fn judge<R: Serialize>(
    case: &Case<'_>,
    database: Option<&DatabaseName>,
    name: &str,
    judged: &Judged<'_, R>,
    judgement: &mut Judgement,
) {
    let subject = match database {
        Some(database) => Subject::within("module", database, name),
        None => Subject::server("module", name),
    };
    let fact = judged.fact;
    let Some(observed) = case.analysis().module(database, judged.code) else {
        let mut needs = judged.code.definition.needs();
        if needs.is_empty() {
            needs.push("the module's text, which is not among the files given".to_owned());
        }
        let missing = Missing {
            fact: fact.to_owned(),
            database: database.cloned(),
            needs,
        };
        return judgement.unknown(subject, vec![missing]);
    };
    let calls = Calls::among(&observed.sinks);
    let Some((severity, does)) = calls.say() else {
        return judgement.pass();
    };
    let evidence = calls.all().map(|call| {
        let place = call.place(&observed.sha256);
        Evidence::row(fact, database, judged.row).at(place)
    });
    let facts = case.databases().find(|facts| Some(&facts.name) == database);
    let is_shipped_so = judged.code.number().is_none()
        && facts.is_some_and(|facts| {
            let sinks = calls.all().map(|call| call.name);
            shipped::does(facts, judged.code.object_id(), sinks)
        });
    let (severity, remark) = if is_shipped_so {
        (Severity::Low, shipped::REMARK)
    } else {
        (severity, "")
    };
    let message = format!("{} {does}{remark}", named(name));
    judgement.fail_at(severity, subject, message, evidence.collect());
}

/// What a module does that matters here, each kind in order of place.
pub(super) struct Calls<'a> {
    /// By its own code.
    commands: Vec<&'a ObservedSink>,
    /// By calling another module.
    through: Vec<&'a ObservedSink>,
    unread: Vec<&'a ObservedSink>,
}

impl<'a> Calls<'a> {
    pub(super) fn among(observations: &'a [ObservedSink]) -> Self {
        let command = |o: &&&ObservedSink| COMMAND_CHANNELS.contains(&o.name);
        let via = |o: &&&ObservedSink| o.how == How::ViaModule;
        let all: Vec<&ObservedSink> = observations.iter().collect();
        let some = |keeps: &dyn Fn(&&&ObservedSink) -> bool| -> Vec<&'a ObservedSink> {
            all.iter().filter(keeps).copied().collect()
        };
        Self {
            commands: some(&|o| command(o) && !via(o)),
            through: some(&|o| command(o) && via(o)),
            unread: some(&|o| o.name == Sink::DynamicUnresolved),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &'a ObservedSink> {
        let kinds = [&self.commands, &self.through, &self.unread];
        kinds.into_iter().flatten().copied()
    }

    /// Calls of command channels alone, those through other modules among them.
    pub(super) fn commands(&self) -> impl Iterator<Item = &'a ObservedSink> {
        self.commands.iter().chain(&self.through).copied()
    }

    /// The first line that executes text which could not be read.
    pub(super) fn unread_line(&self) -> Option<u32> {
        self.unread.first().map(|first| first.line)
    }

    /// What the module does by command channels; `None` if it reaches none.
    pub(super) fn say_of_commands(&self) -> Option<String> {
        let known = Self {
            commands: self.commands.clone(),
            through: self.through.clone(),
            unread: Vec::new(),
        };
        known.say().map(|(_, does)| does)
    }

    /// How bad it is, and what the module does; `None` if it does nothing of the kind.
    pub(super) fn say(&self) -> Option<(Severity, String)> {
        let mut parts = Vec::new();
        let mut severity = None;
        if let Some(first) = self.commands.first() {
            let channels = channels(&self.commands);
            parts.push(format!("calls {channels} (line {})", first.line));
            severity = severity.or(Some(RULE.severity));
        }
        if let Some(first) = self.through.first() {
            let channels = channels(&self.through);
            let via: Vec<String> = first.via.iter().map(|name| named(name)).collect();
            let via = via.join(", ");
            parts.push(format!(
                "reaches {channels} through {via} (line {})",
                first.line
            ));
            severity = severity.or(Some(Severity::Medium));
        }
        if let Some(first) = self.unread.first() {
            let line = first.line;
            parts.push(format!(
                "executes text that could not be read (line {line})"
            ));
            severity = severity.or(Some(Severity::Low));
        }
        severity.map(|severity| (severity, parts.join(" and ")))
    }
}

fn channels(calls: &[&ObservedSink]) -> String {
    let mut channels: Vec<&str> = calls.iter().map(|c| c.name.as_str()).collect();
    channels.sort_unstable();
    channels.dedup();
    channels.join(", ")
}
