//! Reads the catalogs of SQL Server instances into snapshots. The only room with the TDS driver,
//! sockets and async. It sends SELECT, USE and session SETs, and nothing else (see `query`).

mod browser;
mod connect;
mod credential;
mod databases;
mod events;
mod exports;
pub mod grants;
pub mod login_script;
pub mod offline;
mod place;
mod plan;
mod preflight;
mod query;
mod reach;
mod record;
mod session;
mod sight;
mod spool;
mod target;
mod tls_probe;
mod value;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

pub use credential::CredentialGate;
pub use events::{CollectedEvents, EventWindow, Fill, FillError, collect_events, fill};
pub use exports::{ExportError, ExportOptions, Exports, minutes};
pub use plan::{Credential, TargetPlan, TlsPlan};
pub use preflight::preflight;
pub use query::{
    PROBE_SETTING, Query, SESSION_SETTINGS, Scope, Sight, all as queries, events as event_queries,
    use_database,
};
pub use spool::{ModuleText, NewScratch, Scratch, in_memory};
pub use tls_probe::{TlsProbeError, probe_tls};

use crate::ids::InstanceId;
use crate::snapshot::{Observed, Outcome, ServerIdentity, Snapshot, Stage, Trouble};
use session::Intake;
use spool::{Hasher, Spool, hex};
use target::Target;

/// One finished target: what was seen, and the bytes of its module-text file.
pub struct Collected {
    /// The facts.
    pub snapshot: Snapshot,
    /// The module-text file that the snapshot names by hash.
    pub module_text: ModuleText,
}

/// Whether everything was collected that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Every target was worked on to its end, good or bad.
    Whole,
    /// Stopped by a signal: some targets were not worked on to their end.
    Stopped,
}

/// Blocks until the program is asked to stop: Ctrl-C, and on Unix SIGTERM. Afterwards these signals do nothing
/// by themselves: call it again to hear the next.
///
/// # Errors
/// No event loop or signal handler to be had: then signals keep their own effect.
pub fn wait_for_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminated = signal(SignalKind::terminate())?;
            tokio::select! {
                pressed = tokio::signal::ctrl_c() => pressed,
                _ = terminated.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}

/// Ends soon after the flag is set.
async fn stopped(stop: &AtomicBool) {
    const PACE: Duration = Duration::from_millis(50);
    while !stop.load(Ordering::SeqCst) {
        tokio::time::sleep(PACE).await;
    }
}

/// Told while collecting. Called from several threads.
pub trait Progress: Send + Sync {
    /// A target is being worked on; `step` is for people and may hold server text.
    fn step(&self, target: &InstanceId, step: &str);
    /// A target is done.
    fn finished(&self, target: &InstanceId, outcome: &Outcome);
}

/// What tells one instance from all others: the address that was reached, and what answered there. What a server
/// says of itself is not enough, since a server can say that it is another one and make that one vanish.
type InstanceKey = (SocketAddr, ServerIdentity);

/// Which instances were reached, so that two names for one instance do not count twice: the target that
/// comes first in the inventory has it, whoever is faster.
struct Reached {
    targets: Vec<InstanceId>,
    claims: Mutex<BTreeMap<InstanceKey, Vec<usize>>>,
}

impl Reached {
    /// Claims an instance for the target at this place; the earlier target, if one has it.
    fn claim(
        &self,
        place: usize,
        peer: Option<SocketAddr>,
        identity: &ServerIdentity,
    ) -> Option<InstanceId> {
        let key = (peer?, identity.clone());
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let places = claims.entry(key).or_default();
        places.push(place);
        let first = places.iter().min().filter(|first| **first < place)?;
        self.targets.get(*first).cloned()
    }

    /// Places that claimed an instance before an earlier target did, with that target's place.
    fn overtaken(&self) -> BTreeMap<usize, usize> {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let mut overtaken = BTreeMap::new();
        for places in claims.values() {
            let first = places.iter().copied().min().unwrap_or_default();
            overtaken.extend(places.iter().filter(|p| **p > first).map(|p| (*p, first)));
        }
        overtaken
    }
}

/// Collects the targets, at most `concurrency` at a time, and hands each over as soon as it is done; again,
/// at the end, one that turns out to be the same instance as a target before it.
/// When `stop` is set, targets that are not done are handed over as unreached.
///
/// # Errors
/// What `finished` returns ends the collection.
pub fn collect<E>(
    plans: Vec<TargetPlan>,
    concurrency: usize,
    progress: Arc<dyn Progress>,
    stop: &AtomicBool,
    finished: impl FnMut(Collected) -> Result<(), E>,
) -> Result<Completion, CollectError<E>> {
    // More threads than cores, so that one server's large answer does not hold up the others' clocks.
    const FEWEST_THREADS: usize = 4;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(FEWEST_THREADS))
        .enable_all()
        .build();
    runtime.map_err(CollectError::Runtime)?.block_on(run(
        plans,
        concurrency,
        progress,
        stop,
        finished,
    ))
}

/// Why a collection ended early.
#[derive(Debug, thiserror::Error)]
pub enum CollectError<E> {
    /// No threads or no event loop to be had.
    #[error("cannot start the collector: {0}")]
    Runtime(std::io::Error),
    /// A finished target could not be handed over.
    #[error("{0}")]
    HandOver(E),
}

async fn run<E>(
    plans: Vec<TargetPlan>,
    concurrency: usize,
    progress: Arc<dyn Progress>,
    stop: &AtomicBool,
    finished: impl FnMut(Collected) -> Result<(), E>,
) -> Result<Completion, CollectError<E>> {
    let reached = Arc::new(Reached {
        targets: plans.iter().map(|plan| plan.id.clone()).collect(),
        claims: Mutex::default(),
    });
    let mut results = Results {
        progress: Arc::clone(&progress),
        handed: BTreeMap::new(),
        alike: BTreeMap::new(),
        finished,
    };
    let mut waiting = plans.iter().cloned().enumerate();
    let mut working = JoinSet::new();
    let mut stop = std::pin::pin!(stopped(stop));
    loop {
        while working.len() < concurrency.max(1)
            && let Some((place, plan)) = waiting.next()
        {
            working.spawn(one(
                plan,
                place,
                Arc::clone(&progress),
                Arc::clone(&reached),
            ));
        }
        let done = tokio::select! {
            done = working.join_next() => done,
            () = &mut stop => break,
        };
        match done {
            None => break,
            Some(Ok(collected)) => results.hand_over(collected)?,
            // A defect of ours in one target's task must not take the others along; the target
            // is handed over as unreached below.
            Some(Err(_)) => {}
        }
    }
    while let Some(Ok(collected)) = working.try_join_next() {
        results.hand_over(collected)?;
    }
    let stopped = !working.is_empty() || waiting.next().is_some();
    working.shutdown().await;
    results.complete(&plans, &reached, stopped)?;
    Ok(if stopped {
        Completion::Stopped
    } else {
        Completion::Whole
    })
}

/// What was handed over, and to whom.
struct Results<F> {
    progress: Arc<dyn Progress>,
    /// Every target that is done; the target it is the same as, if it is.
    handed: BTreeMap<InstanceId, Option<InstanceId>>,
    /// What was seen of a server, hashed, and the targets of which exactly that was seen.
    alike: BTreeMap<String, Vec<InstanceId>>,
    finished: F,
}

impl<F> Results<F> {
    fn hand_over<E>(&mut self, collected: Collected) -> Result<(), CollectError<E>>
    where
        F: FnMut(Collected) -> Result<(), E>,
    {
        let snapshot = &collected.snapshot;
        let same = match &snapshot.outcome {
            Outcome::SameAs { target } => Some(target.clone()),
            _ => None,
        };
        self.handed.insert(snapshot.target.clone(), same);
        if let Some(hash) = seen_hash(snapshot) {
            let alike = self.alike.entry(hash).or_default();
            alike.push(snapshot.target.clone());
        }
        self.progress.finished(&snapshot.target, &snapshot.outcome);
        (self.finished)(collected).map_err(CollectError::HandOver)
    }

    /// Hands over targets that are not done as unreached, and those that an earlier target overtook again, as
    /// the same as that.
    fn complete<E>(
        &mut self,
        plans: &[TargetPlan],
        reached: &Reached,
        stopped: bool,
    ) -> Result<(), CollectError<E>>
    where
        F: FnMut(Collected) -> Result<(), E>,
    {
        let done: BTreeSet<InstanceId> = self.handed.keys().cloned().collect();
        for plan in plans.iter().filter(|plan| !done.contains(&plan.id)) {
            self.hand_over(unreached(plan, stopped))?;
        }
        let by_address = reached.overtaken().into_iter();
        let pairs: BTreeMap<usize, usize> =
            self.alike(plans).into_iter().chain(by_address).collect();
        for (place, first) in pairs {
            let (Some(plan), Some(first)) = (plans.get(place), plans.get(first)) else {
                continue;
            };
            let known = self.handed.get(&plan.id).and_then(Option::as_ref) == Some(&first.id);
            if done.contains(&plan.id) && done.contains(&first.id) && !known {
                self.hand_over(same_as(plan, &first.id))?;
            }
        }
        Ok(())
    }
}

impl<F> Results<F> {
    /// Targets that showed exactly what an earlier one showed, by their places.
    fn alike(&self, plans: &[TargetPlan]) -> Vec<(usize, usize)> {
        let place = |id: &InstanceId| plans.iter().position(|plan| plan.id == *id);
        let mut pairs = Vec::new();
        for ids in self.alike.values().filter(|ids| ids.len() > 1) {
            let mut places: Vec<usize> = ids.iter().filter_map(place).collect();
            places.sort_unstable();
            if let Some((first, later)) = places.split_first() {
                pairs.extend(later.iter().map(|place| (*place, *first)));
            }
        }
        pairs
    }
}

/// Facts of the moment, which two looks at one instance need not agree on.
const OF_THE_MOMENT: &[&str] = &[
    "audit_status",
    "availability_replicas",
    "clr_appdomains",
    "clr_loaded_assemblies",
    "connections",
    "loaded_modules",
    "server_tls",
    "services",
    "traces",
];

/// All that was seen of a server, hashed; `None` where not everything was asked. Two names for one instance that
/// lead to different addresses show the same in every respect but the session's own and the moment's.
fn seen_hash(snapshot: &Snapshot) -> Option<String> {
    if snapshot.outcome != Outcome::Finished {
        return None;
    }
    let mut server = snapshot.server.clone();
    if let Observed::Known { value } = &mut server.session {
        *value = value.standing();
    }
    for name in OF_THE_MOMENT {
        if let Some(fact) = server.named_mut(name) {
            fact.not_collected("of the moment");
        }
    }
    let all = (&server, &snapshot.databases, &snapshot.module_text.sha256);
    let mut hasher = Hasher(Sha256::new());
    serde_json::to_writer(std::io::BufWriter::new(&mut hasher), &all).ok()?;
    Some(hex(&hasher.0.finalize()))
}

async fn one(
    plan: TargetPlan,
    place: usize,
    progress: Arc<dyn Progress>,
    reached: Arc<Reached>,
) -> Collected {
    let spool = match (plan.scratch)() {
        Ok(file) => Spool::new(file),
        Err(error) => return without_scratch(&plan, &error),
    };
    let target = Target {
        deadline: Instant::now() + plan.target_limit,
        retries_left: AtomicU32::new(plan.retries),
        plan: &plan,
        place,
        progress: &*progress,
        reached: &reached,
        intake: Arc::new(Intake::new(spool)),
    };
    target::collect(&target).await
}

/// A target that was not tried, since there is nowhere to put what it would send.
fn without_scratch(plan: &TargetPlan, error: &std::io::Error) -> Collected {
    let outcome = Outcome::Unreached(Trouble {
        stage: Stage::Session,
        why: format!("no scratch file for module text: {error}"),
        remedy: "make room in the output folder, then run again".to_owned(),
    });
    let at = record::now();
    let snapshot = Snapshot::unseen(plan.id.clone(), outcome, plan.connection(), &at);
    target::finish(snapshot, ModuleText::none())
}

/// A target whose instance has an earlier name.
fn same_as(plan: &TargetPlan, first: &InstanceId) -> Collected {
    let outcome = Outcome::SameAs {
        target: first.clone(),
    };
    let at = record::now();
    let snapshot = Snapshot::unseen(plan.id.clone(), outcome, plan.connection(), &at);
    target::finish(snapshot, ModuleText::none())
}

/// Why a target was not worked on to its end.
fn unfinished(stopped: bool) -> Trouble {
    let (why, remedy) = if stopped {
        ("stopped before it was done", "run again")
    } else {
        (
            "the collector failed on this target",
            "report this as a defect",
        )
    };
    Trouble {
        stage: Stage::Session,
        why: why.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn unreached(plan: &TargetPlan, stopped: bool) -> Collected {
    let at = record::now();
    let snapshot = Snapshot::unseen(
        plan.id.clone(),
        Outcome::Unreached(unfinished(stopped)),
        plan.connection(),
        &at,
    );
    target::finish(snapshot, ModuleText::none())
}
