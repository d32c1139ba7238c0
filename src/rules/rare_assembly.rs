//! What it checks: assemblies that users made whose file, by its SHA2-512, stands on one instance only of those judged
//! together, of at least three whose assemblies were seen. Where those of another instance were not seen, the finding says
//! so and is for information: that instance may have it too. Databases that the inventory excludes are not looked into.
//!
//! Why it matters: what a release brings stands where the release went. What an intruder loads stands where he got in;
//! AN0511 names a rare assembly as a sign.
//!
//! How to fix: find out whose it is by its name, its day and its hash; DROP ASSEMBLY where nobody needs it. What belongs
//! there is approved by its hash, as an expectation.
//!
//! When it is fine: an application that only one instance has.
//!
//! References: MITRE ATT&CK AN0511; docs: sys.assembly_files

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::unsafe_assembly::FIRST_USER_ID;
use super::{Evidence, Judgement, Missing, Rule, Severity, Subject, Verdict, named, on_the_estate};
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::{
    Assembly, AssemblyFile, DatabaseFacts, Fact, Outcome, QueryRecord, Snapshot,
};

pub(super) static RULE: Rule = Rule {
    id: "CHANGE-005",
    slug: "rare-assembly",
    title: "An assembly stands on one instance only",
    severity: Severity::Low,
    facts: &[Fact::Databases, Fact::Assemblies, Fact::AssemblyFiles],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:SI-7", "nist-800-53r5:CM-3"],
    attack: &["T1505.001", "AN0511"],
    source: include_str!("rare_assembly.rs"),
    check: on_the_estate,
};

/// Of fewer instances nothing is rare.
const FEWEST: usize = 3;
/// `file_id` of the assembly itself; the others are its sources and symbols.
const ITSELF: i32 = 1;
/// So many unseen instances are named.
const MOST_NAMED: usize = 5;

/// The assemblies of the instances that are judged together.
#[derive(Default)]
pub struct Assemblies {
    /// Each instance, with nothing of it but its assemblies and how they were asked for.
    instances: Vec<Snapshot>,
}

impl Assemblies {
    /// Keeps what an instance has.
    pub fn enter(&mut self, snapshot: &Snapshot) {
        let (target, outcome) = (snapshot.target.clone(), snapshot.outcome.clone());
        let mut kept = Snapshot::unseen(target, outcome, snapshot.connection.clone(), "");
        kept.server.databases = snapshot.server.databases.clone();
        let databases = snapshot.databases.iter();
        kept.databases = databases.map(only_assemblies).collect();
        let asked: BTreeSet<&DatabaseName> = assemblies(snapshot)
            .map(|(database, ..)| &database.name)
            .collect();
        let is_cited = |record: &&QueryRecord| {
            record.query == Fact::AssemblyFiles.name() || record.query == Fact::Assemblies.name()
        };
        let queries = snapshot.queries.iter().filter(is_cited);
        let of_these = queries.filter(|q| q.database.as_ref().is_some_and(|d| asked.contains(d)));
        kept.queries = of_these.cloned().collect();
        self.instances.push(kept);
    }

    /// What is concluded on each instance, in the order in which they were entered, with what it rests on.
    pub fn judge(&self) -> Vec<(&Snapshot, Vec<Verdict>)> {
        let entered: BTreeSet<&InstanceId> = self.instances.iter().map(|i| &i.target).collect();
        let is_another = |snapshot: &&Snapshot| match &snapshot.outcome {
            Outcome::SameAs { target } => !entered.contains(target),
            _ => true,
        };
        let instances: Vec<&Snapshot> = self.instances.iter().filter(is_another).collect();
        let estate = Estate::new(&instances);
        let judged = instances.into_iter();
        judged
            .map(|snapshot| (snapshot, estate.judge(snapshot)))
            .collect()
    }
}

fn only_assemblies(facts: &DatabaseFacts) -> DatabaseFacts {
    DatabaseFacts {
        excluded: facts.excluded,
        assemblies: facts.assemblies.clone(),
        assembly_files: facts.assembly_files.clone(),
        ..DatabaseFacts::unseen(facts.database_id, facts.name.as_str(), "not kept")
    }
}

/// Who has which file, and whose files were not all seen.
struct Estate<'a> {
    instances: usize,
    holders: BTreeMap<&'a str, BTreeSet<&'a InstanceId>>,
    unseen: BTreeSet<&'a InstanceId>,
}

impl<'a> Estate<'a> {
    fn new(instances: &[&'a Snapshot]) -> Self {
        let mut estate = Self {
            instances: instances.len(),
            holders: BTreeMap::new(),
            unseen: BTreeSet::new(),
        };
        for &snapshot in instances {
            if !RULE.unsettled(snapshot).is_empty() {
                estate.unseen.insert(&snapshot.target);
            }
            for (_, _, file) in assemblies(snapshot) {
                match file.and_then(|file| file.sha2_512.known()) {
                    Some(hash) => {
                        let holders = estate.holders.entry(hash).or_default();
                        holders.insert(&snapshot.target);
                    }
                    None => _ = estate.unseen.insert(&snapshot.target),
                }
            }
        }
        estate
    }

    fn judge(&self, snapshot: &Snapshot) -> Vec<Verdict> {
        let mut judgement = Judgement::new(&RULE);
        if self.instances < FEWEST {
            judgement.does_not_arise("fewer than three instances are judged together");
            return judgement.finish(snapshot);
        }
        for (database, assembly, file) in assemblies(snapshot) {
            let subject = Subject::within("assembly", &database.name, &assembly.name);
            let Some((file, hash)) = file.and_then(|f| Some((f, f.sha2_512.known()?))) else {
                // A list that was not seen whole is named once, for all.
                if database.assembly_files.is_settled() {
                    let missing = own_hash(database, file);
                    judgement.unknown(subject, vec![missing]);
                }
                continue;
            };
            let holders = self.holders.get(hash.as_str());
            if holders.is_some_and(|holders| holders.len() > 1) {
                judgement.pass();
                continue;
            }
            let unseen = self.unseen_besides(&snapshot.target);
            let others = self.instances - 1 - unseen.len();
            if others + 1 < FEWEST {
                judgement.unknown(subject, vec![needed(&unseen)]);
                continue;
            }
            let severity = match unseen.len() {
                0 => RULE.severity,
                _ => Severity::Info,
            };
            let mut message = format!(
                "assembly {} of {} stands on this instance alone: none of the {others} others that were seen has its hash",
                named(&assembly.name),
                named(database.name.as_str()),
            );
            if !unseen.is_empty() {
                let _ = write!(message, "; {} were not seen", assemblies_of(&unseen));
            }
            let within = Some(&database.name);
            let evidence = vec![
                Evidence::row("assemblies", within, assembly),
                Evidence::row("assembly_files", within, file),
            ];
            judgement.fail_at(severity, subject, message, evidence);
        }
        judgement.nothing_there("no assembly that a user made");
        judgement.finish(snapshot)
    }

    /// Other instances that may have any file.
    fn unseen_besides(&self, own: &InstanceId) -> Vec<&'a InstanceId> {
        let others = self.unseen.iter().copied();
        others.filter(|id| *id != own).collect()
    }
}

fn assemblies_of(instances: &[&InstanceId]) -> String {
    let named: Vec<String> = instances
        .iter()
        .take(MOST_NAMED)
        .map(|id| named(id.as_str()).clone())
        .collect();
    let more = match instances.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more instances"),
    };
    format!("the assemblies of {}{more}", named.join(", "))
}

fn needed(unseen: &[&InstanceId]) -> Missing {
    Missing::new("assembly_files", None, assemblies_of(unseen))
}

fn own_hash(database: &DatabaseFacts, file: Option<&AssemblyFile>) -> Missing {
    let within = Some(&database.name);
    match file {
        Some(file) => Missing {
            needs: file.sha2_512.needs(),
            ..Missing::new("assembly_files", within, "")
        },
        None => Missing::new("assembly_files", within, "the file of each assembly"),
    }
}

/// The assemblies that users made, each with its file.
fn assemblies(
    snapshot: &Snapshot,
) -> impl Iterator<Item = (&DatabaseFacts, &Assembly, Option<&AssemblyFile>)> {
    let databases = snapshot.databases.iter().filter(|facts| !facts.excluded);
    databases.flat_map(|facts| {
        let own = facts.assemblies.seen().iter();
        let own = own.filter(|assembly| assembly.assembly_id >= FIRST_USER_ID);
        own.map(move |assembly| {
            let mut files = facts.assembly_files.seen().iter();
            let id = assembly.assembly_id;
            let file = files.find(|file| file.assembly_id == id && file.file_id == ITSELF);
            (facts, assembly, file)
        })
    })
}
