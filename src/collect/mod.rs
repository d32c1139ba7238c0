//! Reads the catalogs of SQL Server instances into snapshots. The only room with the TDS driver,
//! sockets and async. It sends SELECT, USE and session SETs, and nothing else (see `query`).

mod connect;
mod credential;
mod databases;
mod place;
mod plan;
mod query;
mod record;
mod session;
mod sight;
mod target;
mod value;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::JoinSet;

pub use credential::CredentialGate;
pub use plan::{Credential, TargetPlan, TlsPlan};
pub use query::{Query, SESSION_SETTINGS, Scope, Sight, all as queries, use_database};

use crate::ids::InstanceId;
use crate::snapshot::{DatabaseRow, Outcome, ServerIdentity, Snapshot, Stage, Trouble};
use target::Target;

/// One finished target: what was seen, and the bytes of its module-text file.
pub struct Collected {
    /// The facts.
    pub snapshot: Snapshot,
    /// The module-text file that the snapshot names by hash.
    pub module_text: Vec<u8>,
}

/// Whether everything was collected that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Every target was worked on to its end, good or bad.
    Whole,
    /// Stopped by a signal: some targets were not worked on to their end.
    Stopped,
}

/// Ends when the program is asked to stop: Ctrl-C, and on Unix SIGTERM.
pub async fn interrupted() {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        };
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    let pressed = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = pressed => {}
        () = terminated => {}
    }
}

/// Told while collecting. Called from several threads.
pub trait Progress: Send + Sync {
    /// A target is being worked on; `step` is for people and may hold server text.
    fn step(&self, target: &InstanceId, step: &str);
    /// A target is done.
    fn finished(&self, target: &InstanceId, outcome: &Outcome);
}

/// Which instances were reached, so that two names for one instance do not count twice.
#[derive(Default)]
struct Reached(Mutex<BTreeMap<Vec<Option<String>>, InstanceId>>);

impl Reached {
    /// Claims an instance for a target; the target that has it already, if another does. The start
    /// time (tempdb's creation) tells instances apart that share every name.
    fn claim(
        &self,
        target: &InstanceId,
        identity: &ServerIdentity,
        databases: &[DatabaseRow],
    ) -> Option<InstanceId> {
        let started = databases
            .iter()
            .find(|d| d.name == "tempdb")?
            .create_date
            .clone()?;
        let key = vec![
            identity.server_name.clone(),
            identity.machine_name.clone(),
            identity.instance_name.clone(),
            identity.physical_name.clone(),
            Some(started),
        ];
        let mut reached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = reached.entry(key).or_insert_with(|| target.clone());
        (holder != target).then(|| holder.clone())
    }
}

/// Collects the targets, at most `concurrency` at a time, and hands each over as soon as it is done.
/// When `stop` ends, targets that are not done are handed over as unreached.
///
/// # Errors
/// What `finished` returns ends the collection.
pub fn collect<E>(
    plans: Vec<TargetPlan>,
    concurrency: usize,
    progress: Arc<dyn Progress>,
    stop: impl Future<Output = ()>,
    finished: impl FnMut(Collected) -> Result<(), E>,
) -> Result<Completion, CollectError<E>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
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
    stop: impl Future<Output = ()>,
    mut finished: impl FnMut(Collected) -> Result<(), E>,
) -> Result<Completion, CollectError<E>> {
    let reached = Arc::new(Reached::default());
    let mut open: BTreeMap<InstanceId, TargetPlan> = plans
        .iter()
        .map(|plan| (plan.id.clone(), plan.clone()))
        .collect();
    let mut waiting = plans.into_iter();
    let mut working = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        while working.len() < concurrency.max(1)
            && let Some(plan) = waiting.next()
        {
            working.spawn(one(plan, Arc::clone(&progress), Arc::clone(&reached)));
        }
        let done = tokio::select! {
            done = working.join_next() => done,
            () = &mut stop => break,
        };
        match done {
            None => break,
            Some(Ok(collected)) => {
                open.remove(&collected.snapshot.target);
                progress.finished(&collected.snapshot.target, &collected.snapshot.outcome);
                finished(collected).map_err(CollectError::HandOver)?;
            }
            // A defect of ours in one target's task must not take the others along; the target
            // stays open and is handed over as unreached below.
            Some(Err(_)) => {}
        }
    }
    let stopped = !working.is_empty() || waiting.next().is_some();
    working.shutdown().await;
    for plan in open.into_values() {
        let collected = unreached(&plan, stopped);
        progress.finished(&collected.snapshot.target, &collected.snapshot.outcome);
        finished(collected).map_err(CollectError::HandOver)?;
    }
    Ok(if stopped {
        Completion::Stopped
    } else {
        Completion::Whole
    })
}

async fn one(plan: TargetPlan, progress: Arc<dyn Progress>, reached: Arc<Reached>) -> Collected {
    let target = Target {
        deadline: Instant::now() + plan.target_limit,
        retries_left: AtomicU32::new(plan.retries),
        plan: &plan,
        progress: &*progress,
        reached: &reached,
    };
    target::collect(&target).await
}

fn unreached(plan: &TargetPlan, stopped: bool) -> Collected {
    let (why, remedy) = if stopped {
        ("stopped before it was done", "run again")
    } else {
        (
            "the collector failed on this target",
            "report this as a defect",
        )
    };
    let trouble = Trouble {
        stage: Stage::Session,
        why: why.to_owned(),
        remedy: remedy.to_owned(),
    };
    let at = record::now();
    let snapshot = Snapshot::unseen(
        plan.id.clone(),
        Outcome::Unreached(trouble),
        plan.connection(),
        &at,
    );
    target::finish(snapshot, Vec::new())
}
