//! What it checks: a queue whose activation is on and whose procedure, itself or through modules that it calls, reaches
//! a command channel, opens one, or plants what will: high; low while messages start nothing, because the queue or the
//! broker of the database is off. An activated procedure that is code of an assembly is medium: what it does is not in
//! the catalog's text. A procedure that was not seen, executes text that could not be read, or calls a module whose text
//! was not seen, is unknown; module-invokes-command-channel says how texts are read.
//!
//! Why it matters: whoever may send a message to the queue's service runs it, in the background and as the queue's
//! user: a way to stay that no job and no session of a user shows.
//!
//! How to fix: ALTER QUEUE […].[…] WITH ACTIVATION (STATUS = OFF); then look at the procedure.
//!
//! When it is fine: where messages start work that is known; better do that work without a command channel.
//!
//! References: docs: Service Broker internal activation, CREATE QUEUE, sys.service_queues; MITRE ATT&CK T1546

use super::walk::{CHANNELS, names, unread_callee, unread_line};
use super::{Case, Evidence, Judgement, Missing, ObservedSink, Rule, Severity, Subject, named};
use crate::snapshot::{DatabaseFacts, Fact, Object, ServiceQueue};
use crate::tsql::{Callees, Home, name_parts};

pub(super) static RULE: Rule = Rule {
    id: "CODE-013",
    slug: "broker-activation-reaches-channel",
    title: "A message starts a module that reaches a command channel",
    severity: Severity::High,
    facts: &[
        Fact::Databases,
        Fact::Schemas,
        Fact::Objects,
        Fact::Modules,
        Fact::Synonyms,
        Fact::ServiceQueues,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1505.001", "T1546", "AN0511"],
    source: include_str!("broker_activation_reaches_channel.rs"),
    check,
};

/// An object by its database and id.
type Id<'a> = (&'a DatabaseFacts, &'a Object);

/// A procedure of an assembly.
const CLR: &str = "PC";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let mut procedures = None;
    for facts in case.databases() {
        for queue in facts.service_queues.seen() {
            if queue.is_activation_enabled {
                let procedures = procedures.get_or_insert_with(|| all(case));
                judge(case, (facts, queue), procedures, judgement);
            } else {
                judgement.pass();
            }
        }
    }
    judgement.nothing_there("there is no queue");
}

/// Procedures by name, of every database, since a queue may start one of another database.
fn all<'a>(case: &Case<'a>) -> Callees<Id<'a>> {
    let mut all = Callees::default();
    for facts in case.databases() {
        for schema in facts.schemas.seen() {
            let home = Home::new(facts.name.as_str(), Some(&schema.name));
            let objects = facts.objects.seen().iter();
            let procedures = objects.filter(|o| matches!(o.r#type.as_str(), "P" | "PC" | "X"));
            for object in procedures.filter(|o| o.schema_id == schema.schema_id) {
                all.insert(&home, &object.name, (facts, object));
            }
        }
    }
    all
}

/// What an activated procedure is found to do.
enum Found {
    Reaches(Severity, String, Vec<Evidence>),
    Unread(Missing),
}

fn judge(
    case: &Case<'_>,
    (facts, queue): (&DatabaseFacts, &ServiceQueue),
    procedures: &Callees<Id<'_>>,
    judgement: &mut Judgement,
) {
    let name = facts.object_name(queue.object_id);
    let subject = Subject::within("queue", &facts.name, &name);
    let called = queue.activation_procedure.as_deref().unwrap_or_default();
    let home = Home::new(facts.name.as_str(), None);
    let started = procedures.find(&home, &name_parts(called));
    let mut unread = Vec::new();
    if started.is_empty() {
        let need = match called {
            "" => "the name of the procedure that the queue starts".to_owned(),
            called => format!("the procedure {}, which the queue starts", named(called)),
        };
        unread.push(Missing::new("objects", Some(&facts.name), need));
    }
    // Where case counts, several may have the name; which of them is started is not ours to guess.
    let mut reached: Vec<(Severity, String, Vec<Evidence>)> = Vec::new();
    for found in started.iter().filter_map(|id| found(case, *id)) {
        match found {
            Found::Reaches(severity, does, evidence) => reached.push((severity, does, evidence)),
            Found::Unread(missing) => unread.push(missing),
        }
    }
    let worst = reached
        .into_iter()
        .reduce(|a, b| if b.0 > a.0 { b } else { a });
    match worst {
        Some((severity, does, code)) => {
            let (severity, starts) =
                asleep(case, facts, queue).map_or((severity, "starts".to_owned()), |why| {
                    (
                        Severity::Low,
                        format!("would start, were it not that {why},"),
                    )
                });
            let message = format!("a message to queue {} {starts} {does}", named(&name));
            let mut evidence = vec![Evidence::row("service_queues", Some(&facts.name), queue)];
            evidence.extend(code);
            judgement.fail_at(severity, subject, message, evidence);
        }
        None if unread.is_empty() => judgement.pass(),
        None => judgement.unknown(subject, unread),
    }
}

/// Why a message starts nothing now.
fn asleep(case: &Case<'_>, facts: &DatabaseFacts, queue: &ServiceQueue) -> Option<&'static str> {
    let mut rows = case.snapshot.server.databases.seen().iter();
    let row = rows.find(|row| row.database_id == facts.database_id);
    if row.is_some_and(|row| row.is_broker_enabled == Some(false)) {
        return Some("the database's broker is off");
    }
    (!queue.is_receive_enabled).then_some("the queue is off")
}

fn found(case: &Case<'_>, (facts, object): Id<'_>) -> Option<Found> {
    let name = named(&facts.object_name(object.object_id));
    if object.r#type == CLR {
        let row = Evidence::row("objects", Some(&facts.name), object);
        let does = format!("{name}, which is code of an assembly");
        return Some(Found::Reaches(Severity::Medium, does, vec![row]));
    }
    let mut rows = facts.modules.seen().iter();
    let row = rows.find(|row| row.object_id == object.object_id);
    let does = case.analysis().of_object(&facts.name, object.object_id);
    let (Some(row), Some(does)) = (row, does) else {
        let mut needs = row.map(|row| row.definition.needs()).unwrap_or_default();
        needs.insert(0, format!("the text of {name}, which the queue starts"));
        return Some(Found::Unread(Missing {
            fact: "modules".to_owned(),
            database: Some(facts.name.clone()),
            needs,
        }));
    };
    let sinks = does.sinks.iter().filter(|s| CHANNELS.contains(&s.name));
    let sinks: Vec<&ObservedSink> = sinks.collect();
    if sinks.is_empty() {
        let unread = unread_line(&does.sinks).map(|line| {
            let need = format!("what {name}, which the queue starts, executes in line {line}");
            Missing::new("modules", Some(&facts.name), need)
        });
        let unread = unread.or_else(|| unread_callee(case, &does.calls));
        return unread.map(Found::Unread);
    }
    let places = sinks.iter().map(|sink| sink.place(&does.sha256));
    let evidence = places.map(|place| Evidence::row("modules", Some(&facts.name), row).at(place));
    let reaches = format!("{name}, which reaches {}", names(&sinks));
    Some(Found::Reaches(RULE.severity, reaches, evidence.collect()))
}
