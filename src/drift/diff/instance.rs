//! One instance: every fact at every place, what was concluded, and what is to be known first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::code::Budget;
use super::entry::{Change, ChangeKind, InstanceDiff, Pairing};
use super::facts::COMPARED;
use super::judged::{self, Judged};
use super::names::Names;
use super::owner::Model;
use super::pending;
use super::place::{Place, Stand};
use super::record::{ChangeRecord, Folded, Plan};
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::{DatabaseFacts, Fact, ModuleTexts, Outcome, Seen, Snapshot};

/// Texts whose lines are shown of one instance.
const MOST_TEXTS: usize = 2_000;

/// One side.
pub struct Side<'a> {
    /// The facts.
    pub snapshot: &'a Snapshot,
    /// The module text that is there.
    pub texts: &'a ModuleTexts,
    /// What was concluded of it.
    pub judged: Option<&'a Judged<'a>>,
    /// Databases of which it has facts, and which the inventory of today alone leaves out.
    pub left_out: BTreeSet<DatabaseName>,
}

impl<'a> Side<'a> {
    /// Facts with their texts, and what was concluded of them.
    pub fn new(
        (snapshot, texts): (&'a Snapshot, &'a ModuleTexts),
        judged: Option<&'a Judged<'a>>,
    ) -> Self {
        Self {
            snapshot,
            texts,
            judged,
            left_out: BTreeSet::new(),
        }
    }

    /// The same, where an inventory that its collection did not know leaves databases out.
    #[must_use]
    pub fn leaving_out(mut self, databases: BTreeSet<DatabaseName>) -> Self {
        self.left_out = databases;
        self
    }
}

/// A target that only one side has.
pub fn only_on_one_side(snapshot: &Snapshot, pairing: Pairing) -> InstanceDiff {
    let collected = snapshot.ended.clone();
    let collected = match pairing {
        Pairing::OnlyBefore => [collected, String::new()],
        _ => [String::new(), collected],
    };
    InstanceDiff::new(snapshot.target.clone(), pairing, collected)
}

/// What changed between two snapshots of the target of this name.
pub fn compare(id: &InstanceId, before: &Side<'_>, after: &Side<'_>) -> InstanceDiff {
    compare_planned(id, before, after, None)
}

/// The same, where all will be held to a change record: rows that are only counted are held to it too.
pub fn compare_planned(
    id: &InstanceId,
    before: &Side<'_>,
    after: &Side<'_>,
    record: Option<&ChangeRecord>,
) -> InstanceDiff {
    // A record that was read has no pattern that cannot be.
    let plan = record.and_then(|record| record.plan().ok());
    let plan = plan.as_ref();
    let collected = [&before.snapshot.ended, &after.snapshot.ended].map(Clone::clone);
    let mut diff = InstanceDiff::new(id.clone(), Pairing::Compared, collected);
    diff.after_began.clone_from(&after.snapshot.started);
    diff.remarks = remarks(before.snapshot, after.snapshot);
    let mut budget = Budget { texts: MOST_TEXTS };
    at_server(&mut diff, (before, after), plan, &mut budget);
    in_databases(&mut diff, (before, after), plan, &mut budget);
    once(&mut diff.changes);
    diff.changes.sort_by(|one, other| {
        let key = |c: &Change| (Reverse(c.severity), c.kind);
        let place = |c: &Change| (c.database.clone(), Fact::named(&c.fact), c.name.clone());
        key(one)
            .cmp(&key(other))
            .then_with(|| place(one).cmp(&place(other)))
    });
    diff.not_comparable.sort();
    diff.pending = pending::pending(before.snapshot, after.snapshot);
    if let (Some(old), Some(new)) = (before.judged, after.judged) {
        let exposure = judged::exposure(old.exposure, new.exposure);
        diff.exposure = (exposure.before != exposure.after).then_some(exposure);
        diff.routes = judged::routes(old.routes, new.routes);
        diff.verdicts = judged::verdicts((&old.verdicts, &old.sight), (&new.verdicts, &new.sight));
    }
    diff
}

fn of_server(fact: Fact, snapshot: &Snapshot) -> Stand {
    Stand {
        seen: fact
            .seen(snapshot, None)
            .unwrap_or_else(|| not_there("known", Vec::new())),
        database: None,
    }
}

fn at_server(
    diff: &mut InstanceDiff,
    (before, after): (&Side<'_>, &Side<'_>),
    plan: Option<&Plan<'_>>,
    budget: &mut Budget,
) {
    let id = diff.id.clone();
    let mut place = Place {
        before,
        after,
        names: (
            Names::new(before.snapshot, None),
            Names::new(after.snapshot, None),
        ),
        database: None,
        instance: &id,
        plan,
        is_with_database: false,
        model: Model::new(after.snapshot, false),
        changes: Vec::new(),
        with_owner: 0,
        folded: Folded::default(),
        unseen: BTreeMap::new(),
        hidden: BTreeMap::new(),
    };
    for compared in COMPARED
        .iter()
        .filter(|c| Fact::OF_SERVER.contains(&c.fact))
    {
        let stands = (
            of_server(compared.fact, before.snapshot),
            of_server(compared.fact, after.snapshot),
        );
        place.compare(compared, stands, budget);
    }
    diff.not_comparable.extend(place.not_comparable());
    diff.changes.append(&mut place.changes);
    diff.came_with_their_owner += place.with_owner;
    diff.folded.append(&place.folded);
}

fn not_there(state: &'static str, needs: Vec<String>) -> Seen {
    Seen {
        state,
        needs,
        rows: 0,
    }
}

/// A database as one side has it.
enum Standing {
    /// By its place in the snapshot.
    Here(u32),
    /// The inventory of its own collection leaves it out.
    Excluded,
    /// By its place in the snapshot, and the inventory of today leaves it out.
    LeftOut(u32),
    /// The server has none of that name.
    Absent,
    /// Whether it has is not known, or it has and nothing more is known.
    Unseen(&'static str, Vec<String>),
}

fn standing(name: &DatabaseName, side: &Side<'_>) -> Standing {
    let snapshot = side.snapshot;
    let mut databases = snapshot.databases.iter().zip(0_u32..);
    if let Some((own, at)) = databases.find(|(own, _)| own.name == *name) {
        return match own.excluded {
            true if side.left_out.contains(name) => Standing::LeftOut(at),
            true => Standing::Excluded,
            false => Standing::Here(at),
        };
    }
    let list = &snapshot.server.databases;
    if list.seen().iter().any(|row| row.name == name.as_str()) {
        let needs = vec!["the facts of this database, which the snapshot lacks".to_owned()];
        return Standing::Unseen("not_collected", needs);
    }
    match list.known() {
        Some(_) => Standing::Absent,
        None => Standing::Unseen(list.state(), list.needs()),
    }
}

const LEFT_OUT: &str = "the inventory leaves this database out";
const LEFT_OUT_NOW: &str =
    "an inventory that does not leave out this database, of which there are facts";

impl Standing {
    /// The facts, where they are compared.
    fn facts<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a DatabaseFacts> {
        match self {
            Self::Here(at) => snapshot.databases.get(usize::try_from(*at).ok()?),
            _ => None,
        }
    }

    fn of(&self, fact: Fact, snapshot: &Snapshot) -> Stand {
        let seen = match self {
            Self::Here(at) => fact.seen(snapshot, Some(*at)),
            Self::LeftOut(at) => fact.seen(snapshot, Some(*at)).map(|seen| Seen {
                needs: vec![LEFT_OUT_NOW.to_owned()],
                ..seen
            }),
            Self::Absent => Some(not_there("known", Vec::new())),
            // The rows of the other side are no new ones.
            Self::Unseen(state, needs) => {
                let state = if *state == "partial" {
                    "not_collected"
                } else {
                    state
                };
                Some(not_there(state, needs.clone()))
            }
            Self::Excluded => Some(not_there("not_collected", vec![LEFT_OUT.to_owned()])),
        };
        Stand {
            seen: seen.unwrap_or_else(|| not_there("not_collected", Vec::new())),
            database: match self {
                Self::Here(at) => Some(*at),
                _ => None,
            },
        }
    }
}

fn in_databases(
    diff: &mut InstanceDiff,
    (before, after): (&Side<'_>, &Side<'_>),
    plan: Option<&Plan<'_>>,
    budget: &mut Budget,
) {
    let names = |side: &Side<'_>| {
        let listed = side.snapshot.server.databases.seen().iter();
        let listed: Vec<DatabaseName> = listed.map(|row| DatabaseName::new(&row.name)).collect();
        let held = side.snapshot.databases.iter().map(|own| own.name.clone());
        held.chain(listed).collect::<BTreeSet<_>>()
    };
    let mut all = names(before);
    all.extend(names(after));
    for name in &all {
        in_database(diff, name, (before, after), plan, budget);
    }
}

fn in_database(
    diff: &mut InstanceDiff,
    name: &DatabaseName,
    (before, after): (&Side<'_>, &Side<'_>),
    plan: Option<&Plan<'_>>,
    budget: &mut Budget,
) {
    let id = diff.id.clone();
    let (old, mut new) = (standing(name, before), standing(name, after));
    // What is left out on a side is not compared, whatever is known of it.
    if matches!(old, Standing::LeftOut(_)) || matches!(new, Standing::LeftOut(_)) {
        new = Standing::Excluded;
    }
    let mut place = Place {
        before,
        after,
        names: (
            Names::new(before.snapshot, old.facts(before.snapshot)),
            Names::new(after.snapshot, new.facts(after.snapshot)),
        ),
        is_with_database: matches!(old, Standing::Absent) || matches!(new, Standing::Absent),
        database: Some(name.clone()),
        instance: &id,
        plan,
        model: Model::new(
            after.snapshot,
            new.of(Fact::Modules, after.snapshot).seen.state != "known",
        ),
        changes: Vec::new(),
        with_owner: 0,
        folded: Folded::default(),
        unseen: BTreeMap::new(),
        hidden: BTreeMap::new(),
    };
    for compared in COMPARED
        .iter()
        .filter(|c| Fact::OF_DATABASE.contains(&c.fact))
    {
        let stands = (
            old.of(compared.fact, before.snapshot),
            new.of(compared.fact, after.snapshot),
        );
        place.compare(compared, stands, budget);
    }
    let is_left_out = matches!((&old, &new), (Standing::Excluded, Standing::Excluded));
    let mut unseen = place.not_comparable();
    for one in &mut unseen {
        one.incomplete &= !is_left_out;
    }
    diff.not_comparable.append(&mut unseen);
    diff.changes.append(&mut place.changes);
    diff.came_with_their_owner += place.with_owner;
    diff.folded.append(&place.folded);
}

/// A module stands among the objects too: it is told once, where its text is.
fn once(changes: &mut Vec<Change>) {
    const TOLD: [&str; 5] = [
        "modules",
        "assembly_modules",
        "extended_procedures",
        "triggers",
        "synonyms",
    ];
    let key = |change: &Change| (change.database.clone(), change.name.clone(), change.kind);
    let came_or_went = |change: &Change| change.kind != ChangeKind::Changed;
    let told = changes
        .iter()
        .filter(|c| TOLD.contains(&c.fact.as_str()) && came_or_went(c));
    let told: BTreeSet<_> = told.map(key).collect();
    changes.retain(|change| {
        change.fact != "objects" || !came_or_went(change) || !told.contains(&key(change))
    });
}

/// What is to be known before the changes are read.
fn remarks(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let mut remarks = Vec::new();
    if after.started < before.started && !after.started.is_empty() {
        remarks.push(format!(
            "AFTER was collected before BEFORE ({} and {}): are the two the wrong way round?",
            after.started, before.started
        ));
    }
    for (value, words) in REMARKS {
        if let (Some(old), Some(new)) = (value(before), value(after))
            && old != new
        {
            remarks.push(words.replace("{old}", old).replace("{new}", new));
        }
    }
    for (side, snapshot) in [("BEFORE", before), ("AFTER", after)] {
        if matches!(
            snapshot.outcome,
            Outcome::Unreached(_) | Outcome::Interrupted(_)
        ) {
            remarks.push(format!("{side}: {}", snapshot.outcome.why()));
        }
    }
    remarks
}

type Value = for<'s> fn(&'s Snapshot) -> Option<&'s str>;

/// Values of an instance that should be the same, and what is said where they are not.
const REMARKS: &[(Value, &str)] = &[
    (
        |s| s.server.server_identity.known()?.server_name.as_deref(),
        "@@SERVERNAME was {old} and is {new}: under one id, this may be another server",
    ),
    (
        |s| Some(&s.server.server_identity.known()?.product_version),
        "the version was {old} and is {new}: what the server ships changes with it",
    ),
    (
        |s| {
            // It is made anew at every start.
            let mut databases = s.server.databases.seen().iter();
            let tempdb = databases.find(|d| d.name == "tempdb")?;
            tempdb.create_date.as_deref()
        },
        "the instance was started anew: it ran since {old} and runs since {new} (server time)",
    ),
    (
        |s| s.server.session.known()?.login.as_deref(),
        "{old} looked before, and {new} after",
    ),
];
