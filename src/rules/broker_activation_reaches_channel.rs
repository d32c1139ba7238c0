//! What it checks: a queue whose activation is on and whose procedure, itself or through modules that it calls,
//! reaches a command channel.
//!
//! Why it matters: whoever may send a message to the queue's service runs it, in the background and as the queue's
//! user: a way to stay that no job or session shows.
//!
//! How to fix: ALTER QUEUE … WITH ACTIVATION (STATUS = OFF); then look at the procedure.
//!
//! When it is fine: where messages start known work; then do that work without a command channel.
//!
//! References: docs: Service Broker internal activation, sys.service_queues

use super::walk::{modules, names};
use super::{Case, Evidence, Judgement, Missing, ObservedSink, Rule, Severity, Subject, named};
use crate::snapshot::Fact;
use crate::tsql::{Sink, name_parts};

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
        Fact::NumberedProcedures,
        Fact::ServiceQueues,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1505.001", "T1546", "AN0511"],
    source: include_str!("broker_activation_reaches_channel.rs"),
    check,
};

const CHANNELS: &[Sink] = &[
    Sink::XpCmdshell,
    Sink::OleAutomation,
    Sink::ExternalScript,
    Sink::AgentJob,
    Sink::ClrModule,
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let all = modules(case);
    for database in case.databases() {
        for queue in database.service_queues.seen() {
            let procedure = queue.activation_procedure.as_deref().unwrap_or_default();
            if !queue.is_activation_enabled || procedure.is_empty() {
                judgement.pass();
                continue;
            }
            let name = database.object_name(queue.object_id);
            let subject = Subject::within("queue", &database.name, &name);
            let parts = name_parts(procedure);
            let last = parts.last().map(String::as_str).unwrap_or_default();
            let schema = parts.iter().rev().nth(1).map_or("dbo", String::as_str);
            let wanted = format!("{schema}.{last}");
            let mut own = all
                .iter()
                .filter(|module| module.database == Some(&database.name));
            let Some(module) = own.find(|module| module.name.eq_ignore_ascii_case(&wanted)) else {
                let need = format!("the row of {wanted}, which the queue starts");
                let missing = Missing::new("modules", Some(&database.name), need);
                judgement.unknown(subject, vec![missing]);
                continue;
            };
            let Some(does) = module.does else {
                judgement.unknown(subject, vec![module.missing()]);
                continue;
            };
            let sinks = does
                .sinks
                .iter()
                .filter(|sink| CHANNELS.contains(&sink.name));
            let sinks: Vec<&ObservedSink> = sinks.collect();
            if sinks.is_empty() {
                judgement.pass();
                continue;
            }
            let message = format!(
                "a message to queue {} starts {}, which reaches {}",
                named(&name),
                named(&module.name),
                names(&sinks)
            );
            let mut evidence = vec![Evidence::row("service_queues", Some(&database.name), queue)];
            evidence.extend(module.evidence_at(&sinks));
            judgement.fail(subject, message, evidence);
        }
    }
    judgement.nothing_there("there is no queue");
}
