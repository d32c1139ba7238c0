//! Code as somebody published it: whether what a finding is about is, token for token, what a baseline of the inventory
//! holds, or is only called so. What was not seen is neither.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

use super::{Evidence, Observations, Pins, Place, Rule, Subject, named};
use crate::inventory::{ApprovedKind, Baseline, PERMISSION_SETS, Published, PublishedAssembly};
use crate::snapshot::{Fact, ModuleTexts, Snapshot, sha256_hex};
use crate::tsql::{self, How};

/// Rules about a module's text alone. Others ask who placed it where, who may run it and what starts it, which nobody who
/// publishes code can answer.
const OF_TEXT: &[&str] = &[
    "CODE-002", "CODE-007", "CODE-008", "CODE-009", "CODE-010", "CODE-011", "CODE-012",
];

/// The same of a job step's.
const OF_STEPS: &[&str] = &["AGENT-004"];

/// Families about assemblies.
const OF_ASSEMBLIES: &[&str] = &["CLR", "CHANGE"];

/// So many versions are named that something differs from.
const MOST_NAMED: usize = 3;

/// The hash of a text's normal form, of a module or a job step.
pub(super) fn normal_hash(text: &str, is_step: bool) -> String {
    sha256_hex(&if is_step {
        tsql::normalised_step(text)
    } else {
        tsql::normalised_module(text)
    })
}

/// What of an instance's code is at hand: its texts, or what was observed before they were left out.
#[derive(Clone, Copy)]
pub struct AtHand<'a> {
    texts: Option<&'a ModuleTexts>,
    observations: Option<&'a Observations>,
}

impl<'a> AtHand<'a> {
    /// Nothing.
    pub const NOTHING: Self = Self {
        texts: None,
        observations: None,
    };

    /// These texts, and what was observed in others.
    pub fn new(texts: &'a ModuleTexts, observations: Option<&'a Observations>) -> Self {
        Self {
            texts: Some(texts),
            observations,
        }
    }

    /// Whether all that evidence cites in code follows from the text that it stands in, with no synonym and no other
    /// module. Where the text was left out, what was noted of how it was reached decides.
    fn shows(&self, evidence: &[Evidence]) -> bool {
        let mut alone: HashMap<(&str, &str, bool), BTreeSet<Seen>> = HashMap::new();
        let mut cited = evidence
            .iter()
            .filter_map(|own| Some((own, own.place.as_ref()?)));
        cited.all(|(own, place)| {
            let how = place.how.as_deref();
            if !place.via.is_empty() || how.is_some_and(|how| ELSEWHERE.contains(&how)) {
                return false;
            }
            let Some(text) = self.texts.and_then(|texts| texts.get(&place.sha256)) else {
                return true;
            };
            let quoted = own.row.value()["uses_quoted_identifier"].as_bool() != Some(false);
            let key = (own.fact.as_str(), place.sha256.as_str(), quoted);
            let seen = alone.entry(key);
            let seen = seen.or_insert_with(|| seen_alone(text, &own.fact, quoted));
            Seen::of(place).is_none_or(|own| seen.contains(&own))
        })
    }
}

/// Ways to a sink that lead through something beside the text.
const ELSEWHERE: [&str; 2] = [How::Synonym.as_str(), How::ViaModule.as_str()];

/// A sink at its place: line and column, what, how, and whether data flows into it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Seen(u32, u32, String, String, Option<bool>);

impl Seen {
    /// None where a place cites no sink.
    fn of(place: &Place) -> Option<Self> {
        let (sink, how) = (place.sink.clone()?, place.how.clone()?);
        Some(Self(
            place.line,
            place.column,
            sink,
            how,
            place.command_tainted,
        ))
    }
}

/// What a text comes to by itself.
fn seen_alone(text: &str, fact: &str, quoted_identifier: bool) -> BTreeSet<Seen> {
    let objects = if fact == Fact::JobSteps.name() {
        tsql::observe_job_step(text, &tsql::Synonyms::default())
    } else {
        vec![tsql::observe_module(text, quoted_identifier)]
    };
    let sinks = objects.iter().flat_map(|object| &object.sinks);
    let seen = sinks.map(|own| {
        let (sink, how) = (own.sink.as_str().to_owned(), own.how.as_str().to_owned());
        Seen(own.line, own.column, sink, how, own.command_tainted)
    });
    seen.collect()
}

/// What the inventory's baselines say of what a finding is about.
pub(super) enum Compared<'a> {
    /// It is what this one holds.
    Same(&'a Baseline),
    /// It is called as something that they hold, and is not that: a sentence about it.
    Differs(String),
    /// They know nothing of it.
    Unknown,
}

/// Something that a baseline holds.
#[derive(Clone, Copy)]
enum Held<'a> {
    Code(&'a Published),
    Assembly(&'a PublishedAssembly),
}

impl<'a> Held<'a> {
    fn hash(self) -> &'a str {
        match self {
            Self::Code(own) => &own.hash,
            Self::Assembly(own) => &own.hash,
        }
    }
}

type ByName<'a> = HashMap<String, Vec<(&'a Baseline, Held<'a>)>>;

/// The inventory's baselines, ready to be asked.
pub(super) struct Library<'a> {
    is_empty: bool,
    modules: ByName<'a>,
    assemblies: ByName<'a>,
    /// Steps by their hash: what a site calls its jobs is its own.
    steps: HashMap<&'a str, &'a Baseline>,
}

impl<'a> Library<'a> {
    pub(super) fn new(baselines: &'a [Baseline]) -> Self {
        let mut library = Self {
            is_empty: baselines.is_empty(),
            modules: HashMap::new(),
            assemblies: HashMap::new(),
            steps: HashMap::new(),
        };
        for own in baselines {
            for module in &own.module {
                let entry = library.modules.entry(folded(&module.name));
                entry.or_default().push((own, Held::Code(module)));
            }
            for assembly in &own.assembly {
                let entry = library.assemblies.entry(folded(&assembly.name));
                entry.or_default().push((own, Held::Assembly(assembly)));
            }
            for step in &own.job_step {
                library.steps.entry(&step.hash).or_insert(own);
            }
        }
        library
    }

    /// Compares what a finding of a rule is about. What the text of somebody published comes to by something that stands
    /// beside it here, a synonym or another module, was not published.
    pub(super) fn compare(
        &self,
        (rule, subject): (&Rule, &Subject),
        evidence: &[Evidence],
        instance: &Instance<'_>,
    ) -> Compared<'a> {
        if self.is_empty {
            return Compared::Unknown;
        }
        match self.by_hash(rule, subject, instance) {
            Compared::Same(own) if !instance.at_hand.shows(evidence) => {
                let (title, file) = (named(&own.title()), named(&own.file));
                Compared::Differs(format!(
                    "its text is that of {title} of baseline {file}, and what it comes to here does not stand in that text"
                ))
            }
            other => other,
        }
    }

    fn by_hash(&self, rule: &Rule, subject: &Subject, instance: &Instance<'_>) -> Compared<'a> {
        match subject.kind.as_str() {
            "module" if rule.family() == "CODE" => {
                let hash = instance.module(subject);
                let is_answered = OF_TEXT.contains(&rule.id);
                among(&self.modules, subject, hash.as_deref(), |_| is_answered)
            }
            "assembly" if OF_ASSEMBLIES.contains(&rule.family()) => {
                let hash = instance.assembly(subject);
                let allowed = instance.permission_set(subject);
                among(&self.assemblies, subject, hash.as_deref(), |held| {
                    is_within(held, allowed)
                })
            }
            "job" if OF_STEPS.contains(&rule.id) => {
                let hash = instance.step(subject);
                let found = hash.and_then(|hash| self.steps.get(hash.as_str()).copied());
                found.map_or(Compared::Unknown, Compared::Same)
            }
            _ => Compared::Unknown,
        }
    }
}

/// Compares by name and then by hash.
fn among<'a>(
    things: &ByName<'a>,
    subject: &Subject,
    hash: Option<&str>,
    answers: impl Fn(Held<'a>) -> bool,
) -> Compared<'a> {
    let name = folded(subject.name.as_deref().unwrap_or_default());
    let alone = name.split_once('.').map(|(_, alone)| alone);
    let names = std::iter::once(name.as_str()).chain(alone);
    let held = names.filter_map(|name| things.get(name)).flatten();
    let held: Vec<(&'a Baseline, Held<'a>)> = held.copied().collect();
    if held.is_empty() {
        return Compared::Unknown;
    }
    let Some(hash) = hash else {
        let what = "is not compared with it: not all of it was seen";
        return Compared::Differs(format!("{} {what}", titles(&held)));
    };
    let same = held.iter().filter(|(_, held)| held.hash() == hash);
    let same: Vec<_> = same.collect();
    match same.iter().find(|(_, held)| answers(*held)) {
        Some((own, _)) => Compared::Same(own),
        // The text is theirs, and the finding is about something else.
        None if !same.is_empty() => Compared::Unknown,
        None => Compared::Differs(format!("differs from {}", titles(&held))),
    }
}

/// Names as servers compare them, mostly; the hash decides.
fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Whether an assembly is allowed no more than whoever published it asks for.
fn is_within(held: Held<'_>, allowed: Option<usize>) -> bool {
    let Held::Assembly(held) = held else {
        return false;
    };
    let asked = PERMISSION_SETS
        .iter()
        .position(|set| *set == held.permission_set);
    asked
        .zip(allowed)
        .is_some_and(|(asked, allowed)| allowed <= asked)
}

/// The first versions, and the files that they stand in.
fn titles(held: &[(&Baseline, Held<'_>)]) -> String {
    let all: BTreeSet<String> = held
        .iter()
        .map(|(own, _)| format!("{} of baseline {}", named(&own.title()), named(&own.file)))
        .collect();
    let shown: Vec<&str> = all.iter().take(MOST_NAMED).map(String::as_str).collect();
    match all.len().saturating_sub(MOST_NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// One instance, as far as its code was seen.
pub(super) struct Instance<'a> {
    snapshot: &'a Snapshot,
    pins: &'a Pins<'a>,
    at_hand: AtHand<'a>,
    /// Hashes of normal forms by the hash of the text, of what was observed.
    observed: OnceCell<HashMap<&'a str, &'a str>>,
}

impl<'a> Instance<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, pins: &'a Pins<'a>, at_hand: AtHand<'a>) -> Self {
        Self {
            snapshot,
            pins,
            at_hand,
            observed: OnceCell::new(),
        }
    }

    /// The hash of a normal form, where the text is at hand or was when it was observed.
    fn normal(&self, sha256: &str, is_step: bool) -> Option<String> {
        if let Some(text) = self.at_hand.texts.and_then(|texts| texts.get(sha256)) {
            return Some(normal_hash(text, is_step));
        }
        let observed = self.observed.get_or_init(|| {
            let observed = self.at_hand.observations;
            let modules = observed.map_or(&[][..], |own| &own.modules).iter();
            let modules = modules.map(|own| (own.sha256.as_str(), own.normal_sha256.as_deref()));
            let steps = observed.map_or(&[][..], |own| &own.job_steps).iter();
            let steps = steps.map(|own| (own.sha256.as_str(), own.normal_sha256.as_deref()));
            let all = modules.chain(steps);
            all.filter_map(|(text, normal)| Some((text, normal?)))
                .collect()
        });
        observed.get(sha256).map(|hash| (*hash).to_owned())
    }

    fn module(&self, subject: &Subject) -> Option<String> {
        let text = self.pins.of(ApprovedKind::Module, subject)?;
        self.normal(&text, false)
    }

    fn assembly(&self, subject: &Subject) -> Option<String> {
        let hash = self.pins.of(ApprovedKind::Assembly, subject)?;
        let hash = hash.to_ascii_lowercase();
        Some(hash.strip_prefix("0x").unwrap_or(&hash).to_owned())
    }

    /// The most that assemblies of this name are allowed, as a place in the order of permission sets.
    fn permission_set(&self, subject: &Subject) -> Option<usize> {
        let mut databases = self.snapshot.databases.iter();
        let facts = databases.find(|own| Some(&own.name) == subject.database.as_ref())?;
        let assemblies = facts.assemblies.seen().iter();
        let own = assemblies.filter(|own| Some(own.name.as_str()) == subject.name.as_deref());
        let sets: Option<Vec<i32>> = own.map(|own| own.permission_set).collect();
        let most = sets?.into_iter().max()?;
        usize::try_from(most).ok()?.checked_sub(1)
    }

    /// The one text of all steps that a finding of this name can be about.
    fn step(&self, subject: &Subject) -> Option<String> {
        let server = &self.snapshot.server;
        let name = subject.name.as_deref()?;
        let steps = server.job_steps.seen().iter().filter(|step| {
            let mut jobs = server.jobs.seen().iter();
            let job = jobs.find(|job| job.job_id == step.job_id);
            job.is_some_and(|job| format!("{}, step {}", job.name, step.step_id) == name)
        });
        let hashes: Option<BTreeSet<&str>> = steps
            .map(|step| step.command.as_ref().map(|text| text.sha256.as_str()))
            .collect();
        let hashes = hashes?;
        let mut hashes = hashes.into_iter();
        let only = hashes.next()?;
        if hashes.next().is_some() {
            return None;
        }
        self.normal(only, true)
    }
}
