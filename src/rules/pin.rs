//! What ties an approval to a thing as it is: its hash. A change of the thing changes it.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::Subject;
use crate::ids::DatabaseName;
use crate::inventory::ApprovedKind;
use crate::snapshot::{DatabaseFacts, Snapshot, TextHash, sha256_hex};

/// The hashes of one instance's modules, assemblies and jobs.
pub struct Pins<'a> {
    snapshot: &'a Snapshot,
    /// Hashes of modules by database and name, made when somebody asks; none where two differ or one was not seen.
    modules: OnceCell<Hashes<'a>>,
}

/// Hashes by database and name.
type Hashes<'a> = HashMap<(Option<&'a DatabaseName>, String), Option<&'a str>>;

impl<'a> Pins<'a> {
    /// Nothing is worked out yet.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            modules: OnceCell::new(),
        }
    }

    /// The hash of a module, an assembly or a job as it was seen: of a module SHA-256 of its text, of an assembly
    /// SHA2-512 of its file, of a job SHA-256 of its owner and steps. `None` where it was not seen whole, or where two
    /// things have this name and differ.
    pub fn of(&self, kind: ApprovedKind, subject: &Subject) -> Option<String> {
        let name = subject.name.as_deref()?;
        match kind {
            ApprovedKind::Module => {
                let modules = self.modules.get_or_init(|| modules(self.snapshot));
                let key = (subject.database.as_ref(), name.to_owned());
                modules.get(&key).copied().flatten().map(str::to_owned)
            }
            ApprovedKind::Assembly => of_assembly(database(self.snapshot, subject)?, name),
            ApprovedKind::Job => of_job(self.snapshot, name),
            ApprovedKind::Option => None,
        }
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

/// Every module's hash by database and name as findings have it.
fn modules<'a>(snapshot: &'a Snapshot) -> Hashes<'a> {
    let mut all: HashMap<(Option<&DatabaseName>, String), Option<&str>> = HashMap::new();
    let mut enter = |database, name, text: Option<&'a TextHash>| {
        let hash = text.map(|text| text.sha256.as_str());
        let own = all.entry((database, name)).or_insert(hash);
        if *own != hash {
            *own = None;
        }
    };
    for facts in &snapshot.databases {
        let database = Some(&facts.name);
        for module in facts.modules.seen() {
            let name = facts.object_name(module.object_id);
            enter(database, name, module.definition.known());
        }
        for one in facts.numbered_procedures.seen() {
            let object = facts.object_name(one.object_id);
            let name = format!("{object};{}", one.procedure_number);
            enter(database, name, one.definition.known());
        }
    }
    for module in snapshot.server.server_modules.seen() {
        let mut triggers = snapshot.server.server_triggers.seen().iter();
        if let Some(trigger) = triggers.find(|t| t.object_id == module.object_id) {
            enter(None, trigger.name.clone(), module.definition.known());
        }
    }
    all
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
