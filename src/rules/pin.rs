//! What ties an approval to a thing as it is: its hash. A change of the thing changes it.

use super::Subject;
use crate::inventory::ApprovedKind;
use crate::snapshot::{DatabaseFacts, Snapshot, sha256_hex};

/// The hash of a module, an assembly or a job as it was seen: of a module SHA-256 of its text, of an assembly SHA2-512
/// of its file, of a job SHA-256 of its owner and steps. `None` where it was not seen whole, or where two things have
/// this name and differ.
pub fn pin(snapshot: &Snapshot, kind: ApprovedKind, subject: &Subject) -> Option<String> {
    let name = subject.name.as_deref()?;
    match kind {
        ApprovedKind::Module => of_module(snapshot, subject, name),
        ApprovedKind::Assembly => of_assembly(database(snapshot, subject)?, name),
        ApprovedKind::Job => of_job(snapshot, name),
        ApprovedKind::Option => None,
    }
}

fn database<'a>(snapshot: &'a Snapshot, subject: &Subject) -> Option<&'a DatabaseFacts> {
    let mut databases = snapshot.databases.iter();
    databases.find(|own| Some(&own.name) == subject.database.as_ref())
}

/// The one value of all, if there is one and nothing is missing.
fn agreed<T: PartialEq>(values: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut values = values.into_iter();
    let first = values.next()??;
    values
        .all(|value| value.as_ref() == Some(&first))
        .then_some(first)
}

fn of_module(snapshot: &Snapshot, subject: &Subject, name: &str) -> Option<String> {
    let Some(database) = database(snapshot, subject) else {
        let triggers = snapshot.server.server_triggers.seen().iter();
        let named = triggers.filter(|trigger| trigger.name == name);
        return agreed(named.map(|trigger| {
            let mut modules = snapshot.server.server_modules.seen().iter();
            let module = modules.find(|module| module.object_id == trigger.object_id)?;
            Some(module.definition.known()?.sha256.clone())
        }));
    };
    let modules = database.modules.seen().iter();
    let modules = modules.filter(|module| database.object_name(module.object_id) == name);
    let modules = modules.map(|module| module.definition.known());
    let numbered = database.numbered_procedures.seen().iter();
    let numbered = numbered.filter(|one| {
        let object = database.object_name(one.object_id);
        format!("{object};{}", one.procedure_number) == name
    });
    let numbered = numbered.map(|one| one.definition.known());
    agreed(
        modules
            .chain(numbered)
            .map(|text| text.map(|t| t.sha256.clone())),
    )
}

fn of_assembly(database: &DatabaseFacts, name: &str) -> Option<String> {
    let assemblies = database.assemblies.seen().iter();
    let named = assemblies.filter(|assembly| assembly.name == name);
    agreed(named.map(|assembly| {
        if !database.assembly_files.is_settled() {
            return None;
        }
        let files = database.assembly_files.seen().iter();
        let files = files.filter(|file| file.assembly_id == assembly.assembly_id);
        let hashes: Option<Vec<&String>> = files.map(|file| file.sha2_512.known()).collect();
        match hashes?.as_slice() {
            [] => None,
            [one] => Some((*one).clone()),
            many => {
                let all: Vec<&str> = many.iter().map(|hash| hash.as_str()).collect();
                Some(sha256_hex(all.join("\n").as_bytes()))
            }
        }
    }))
}

fn of_job(snapshot: &Snapshot, name: &str) -> Option<String> {
    let server = &snapshot.server;
    let jobs = server.jobs.seen().iter().filter(|job| job.name == name);
    agreed(jobs.map(|job| {
        if !server.job_steps.is_settled() {
            return None;
        }
        let steps = server.job_steps.seen().iter();
        let mut steps: Vec<_> = steps.filter(|step| step.job_id == job.job_id).collect();
        steps.sort_by_key(|step| step.step_id);
        // Ids differ between instances, and what a step is called changes nothing.
        let steps: Vec<_> = steps
            .into_iter()
            .map(|step| {
                (
                    step.step_id,
                    &step.subsystem,
                    step.command.as_ref().map(|text| &text.sha256),
                    &step.database_name,
                    &step.database_user_name,
                    step.proxy_id,
                    &step.output_file_name,
                )
            })
            .collect();
        let text = serde_json::to_string(&(&job.owner_sid, steps)).ok()?;
        Some(sha256_hex(text.as_bytes()))
    }))
}
