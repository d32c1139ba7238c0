//! Recorded events of a time, for the attribution of changes: default trace and audit files. Reading them takes more than
//! an auditor should hold, so that it is never part of an audit, and is sent only to a session that holds the right.

mod audit;
mod fill;
mod named;
mod pending;
mod read;
pub(in crate::collect) mod times;
mod trace;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::task::JoinSet;

pub(in crate::collect) use audit::{AuditNames, AuditRow, events as audit_events};
pub(in crate::collect) use named::RecordName;
pub(in crate::collect) use pending::Pending;
pub(in crate::collect) use trace::{TraceRow, event as trace_event};

pub use fill::{Fill, FillError, fill};
pub use times::EventWindow;

use super::session::Intake;
use super::spool::Spool;
use super::target::Target;
use super::{Completion, Progress, Reached, TargetPlan, stopped, unfinished};
use crate::snapshot::{
    Event, EventsHeader, EventsTarget, HostEvent, Outcome, Stage, TargetLine, Trouble,
};
use read::Ended;

/// One target's events. Their statements lie in a scratch file until they are asked for.
pub struct CollectedEvents {
    /// What was seen.
    pub target: EventsTarget,
    events: Vec<Pending>,
    spool: Option<Arc<Spool>>,
    host: Vec<HostEvent>,
}

impl CollectedEvents {
    /// The events in their order. Nothing in their statements is masked yet.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn events(&self) -> impl Iterator<Item = io::Result<Event>> + '_ {
        let spool = self.spool.as_deref().into_iter();
        spool.flat_map(|spool| self.events.iter().map(|event| event.with_statement(spool)))
    }

    /// A target of which nothing was seen.
    pub fn none(target: &crate::ids::InstanceId, outcome: Outcome) -> Self {
        Self {
            target: EventsTarget {
                line: TargetLine::Target,
                target: target.clone(),
                outcome,
                server_name: None,
                utc_offset_minutes: None,
                sources: Vec::new(),
            },
            events: Vec::new(),
            spool: None,
            host: Vec::new(),
        }
    }

    /// The same with events whose statements lie in a spool, and those of the host.
    pub(in crate::collect) fn with(
        mut self,
        mut events: Vec<Pending>,
        spool: Arc<Spool>,
        host: Vec<HostEvent>,
    ) -> Self {
        pending::sort(&mut events);
        self.events = events;
        self.spool = Some(spool);
        self.host = host;
        self
    }

    /// What its Windows recorded, in order. Nothing in command lines is masked yet.
    pub fn host(&self) -> &[HostEvent] {
        &self.host
    }
}

impl EventWindow {
    /// The first line of a file of these events.
    pub fn header(&self) -> EventsHeader {
        EventsHeader {
            schema: crate::snapshot::EVENTS_SCHEMA.to_owned(),
            collector: concat!("mssql-posture/", env!("CARGO_PKG_VERSION")).to_owned(),
            since: times::written(self.since),
            until: self.until.map(times::written),
            max_events: self.most,
        }
    }
}

/// Reads the events of the targets, at most `concurrency` at a time; one for each plan, in their order.
///
/// # Errors
/// No threads or no event loop to be had.
pub fn collect_events(
    plans: &[TargetPlan],
    window: EventWindow,
    concurrency: usize,
    progress: &Arc<dyn Progress>,
    stop: &AtomicBool,
) -> io::Result<(Vec<CollectedEvents>, Completion)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(run(plans, window, concurrency, progress, stop)))
}

async fn run(
    plans: &[TargetPlan],
    window: EventWindow,
    concurrency: usize,
    progress: &Arc<dyn Progress>,
    stop: &AtomicBool,
) -> (Vec<CollectedEvents>, Completion) {
    let reached = Arc::new(Reached {
        targets: plans.iter().map(|plan| plan.id.clone()).collect(),
        claims: Mutex::default(),
    });
    let mut done: Vec<Option<CollectedEvents>> = plans.iter().map(|_| None).collect();
    let mut waiting = plans.iter().cloned().enumerate();
    let mut working = JoinSet::new();
    let mut stop = std::pin::pin!(stopped(stop));
    let mut was_stopped = false;
    let mut keep = |(place, events): (usize, CollectedEvents)| {
        if let Some(place) = done.get_mut(place) {
            *place = Some(events);
        }
    };
    loop {
        while working.len() < concurrency.max(1)
            && let Some((place, plan)) = waiting.next()
        {
            let (progress, reached) = (Arc::clone(progress), Arc::clone(&reached));
            working.spawn(async move {
                let events = one(&plan, place, window, &*progress, &reached).await;
                progress.finished(&plan.id, &events.target.outcome);
                (place, events)
            });
        }
        let joined = tokio::select! {
            joined = working.join_next() => joined,
            () = &mut stop => {
                was_stopped = true;
                break;
            }
        };
        match joined {
            None => break,
            Some(Ok(finished)) => keep(finished),
            // A defect of ours in one target's task must not take the others along.
            Some(Err(_)) => {}
        }
    }
    while let Some(Ok(finished)) = working.try_join_next() {
        keep(finished);
    }
    working.shutdown().await;
    for (place, first) in reached.overtaken() {
        if let (Some(own), Some(plan), Some(first)) =
            (done.get_mut(place), plans.get(place), plans.get(first))
        {
            let target = first.id.clone();
            *own = Some(CollectedEvents::none(&plan.id, Outcome::SameAs { target }));
        }
    }
    let unseen = |plan: &TargetPlan| {
        let outcome = Outcome::Unreached(unfinished(was_stopped));
        CollectedEvents::none(&plan.id, outcome)
    };
    let complete = !was_stopped || done.iter().all(Option::is_some);
    let pairs = plans.iter().zip(done);
    let all = pairs.map(|(plan, events)| events.unwrap_or_else(|| unseen(plan)));
    let completion = if complete {
        Completion::Whole
    } else {
        Completion::Stopped
    };
    (all.collect(), completion)
}

async fn one(
    plan: &TargetPlan,
    place: usize,
    window: EventWindow,
    progress: &dyn Progress,
    reached: &Reached,
) -> CollectedEvents {
    let spool = match (plan.scratch)() {
        Ok(file) => Spool::new(file),
        Err(error) => {
            let outcome = Outcome::Unreached(Trouble {
                stage: Stage::Session,
                why: format!("no scratch file for statements: {error}"),
                remedy: "make room in the folder for temporary files, then run again".to_owned(),
            });
            return CollectedEvents::none(&plan.id, outcome);
        }
    };
    let target = Target {
        deadline: Instant::now() + plan.target_limit,
        retries_left: AtomicU32::new(plan.retries),
        plan,
        place,
        progress,
        reached,
        intake: Arc::new(Intake::new(spool)),
    };
    let mut collected = CollectedEvents::none(&plan.id, Outcome::Finished);
    let read = read::read(
        &target,
        &window,
        &mut collected.target,
        &mut collected.events,
    )
    .await;
    match read {
        Ok(()) => {}
        Err(Ended::SameAs(target)) => {
            return CollectedEvents::none(&plan.id, Outcome::SameAs { target });
        }
        Err(Ended::Trouble(trouble)) if collected.target.sources.is_empty() => {
            collected.target.outcome = Outcome::Unreached(trouble);
        }
        Err(Ended::Trouble(trouble)) => collected.target.outcome = Outcome::Interrupted(trouble),
    }
    pending::sort(&mut collected.events);
    collected.spool = Some(Arc::clone(&target.intake.spool));
    collected
}
