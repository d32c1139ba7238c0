//! A look ahead: can each target be collected, as whom, and what would stay unseen. It goes the collector's own way
//! (the same connection, credential gate, retries, limits and queries) and asks less: all of the instance's facts,
//! which are small; in each database only who the auditor is there and what is denied; and of msdb's tables one row
//! each, since only the query itself proves that it may be sent.

mod fix;
mod judge;

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::databases::{leave_unasked, not_asked};
use super::place::Texts;
use super::plan::TargetPlan;
use super::query::{self, Query, Scope};
use super::record::{self, Recorder};
use super::session::{Answer, DatabaseKey, Intake, Session};
use super::target::{
    MOST_DATABASES, Target, hello, major_version, outcome, server_facts, server_tls,
};
use super::{Progress, Reached, place, sight, stopped};
use crate::snapshot::{
    DatabaseFacts, DatabaseRow, EntryState, Observed, Outcome, Preflight, PreflightDatabase,
    ServerError, ServerFacts, ServerIdentity, ServerTls, SessionIdentity, Snapshot, Stage, Trouble,
};

/// What is asked in every database.
const IN_DATABASE: &[&str] = &["database_session", "user_token", "database_permissions"];
/// What is asked in msdb besides, to know that its tables are tables.
const IN_MSDB: &[&str] = &["schemas", "objects"];
/// The login cannot enter the database.
const NO_ACCESS: u32 = 916;

/// Looks at the targets, at most `concurrency` at a time. One result for each, in the order of the plans. When `stop`
/// is set, targets that are not done are said to be unreached.
///
/// # Errors
/// No threads or no event loop to be had.
pub fn preflight(
    plans: &[TargetPlan],
    concurrency: usize,
    progress: &Arc<dyn Progress>,
    stop: &AtomicBool,
) -> std::io::Result<Vec<Preflight>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(run(plans, concurrency, progress, stop)))
}

async fn run(
    plans: &[TargetPlan],
    concurrency: usize,
    progress: &Arc<dyn Progress>,
    stop: &AtomicBool,
) -> Vec<Preflight> {
    let mut waiting = plans.iter().cloned().enumerate();
    let mut working = JoinSet::new();
    let mut found: Vec<Option<Preflight>> = vec![None; plans.len()];
    let mut stop = std::pin::pin!(stopped(stop));
    let mut why = "this target's look failed";
    loop {
        while working.len() < concurrency.max(1)
            && let Some((place, plan)) = waiting.next()
        {
            let progress = Arc::clone(progress);
            working.spawn(async move { (place, one(&plan, &*progress).await) });
        }
        let done = tokio::select! {
            done = working.join_next() => done,
            () = &mut stop => {
                why = "stopped before it was done";
                break;
            }
        };
        match done {
            None => break,
            Some(Ok((place, result))) => {
                if let Some(slot) = found.get_mut(place) {
                    *slot = Some(result);
                }
            }
            // A defect in one target's task is said of that target below.
            Some(Err(_)) => {}
        }
    }
    working.shutdown().await;
    let left_out = |plan: &TargetPlan| Preflight {
        trouble: Some(Trouble {
            stage: Stage::Session,
            why: why.to_owned(),
            remedy: "run again".to_owned(),
        }),
        ..Preflight::unseen(plan.id.clone(), plan.connection())
    };
    let pairs = found.into_iter().zip(plans);
    pairs
        .map(|(result, plan)| result.unwrap_or_else(|| left_out(plan)))
        .collect()
}

async fn one(plan: &TargetPlan, progress: &dyn Progress) -> Preflight {
    let reached = Reached {
        targets: Vec::new(),
        claims: Mutex::default(),
    };
    let target = Target {
        deadline: Instant::now() + plan.target_limit,
        retries_left: AtomicU32::new(plan.retries),
        plan,
        place: 0,
        progress,
        reached: &reached,
        intake: Arc::new(Intake::in_memory()),
    };
    let mut look = Look::new(&target);
    let trouble = look.all().await.err();
    let outcome = match &trouble {
        None => Outcome::Finished,
        Some(trouble) => Outcome::Unreached(trouble.clone()),
    };
    progress.finished(&plan.id, &outcome);
    judge::conclude(look.seen, plan, trouble)
}

/// What was seen of one target.
struct Seen {
    identity: Option<(ServerIdentity, SessionIdentity, u16)>,
    server: ServerFacts,
    tls: Observed<ServerTls>,
    databases: Vec<PreflightDatabase>,
    /// Facts of the databases that were entered.
    inside: Vec<DatabaseFacts>,
    /// msdb's facts by their queries, one row of each: nothing but their states means anything.
    probed: Option<ServerFacts>,
    times: Times,
}

/// How long requests took.
#[derive(Default)]
struct Times {
    server: Duration,
    tls: Duration,
    databases: Vec<Duration>,
}

/// One target being looked at.
struct Look<'a> {
    target: &'a Target<'a>,
    session: Option<Session>,
    seen: Seen,
}

impl<'a> Look<'a> {
    fn new(target: &'a Target<'a>) -> Self {
        let seen = Seen {
            identity: None,
            server: ServerFacts::unseen(""),
            tls: Observed::NotCollected {
                why: "not reached".to_owned(),
            },
            databases: Vec::new(),
            inside: Vec::new(),
            probed: None,
            times: Times::default(),
        };
        Self {
            target,
            session: None,
            seen,
        }
    }

    async fn all(&mut self) -> Result<(), Trouble> {
        let (target, mut recorder) = (self.target, Recorder::default());
        target.progress.step(&target.plan.id, "connecting");
        let (mut session, identity, rights) = hello(target, &mut recorder).await?;
        let version = major_version(&identity)?;
        self.seen.identity = Some((identity.clone(), rights.clone(), version));
        target.progress.step(&target.plan.id, "server facts");
        let read = self
            .server(&mut session, identity, rights, version, &mut recorder)
            .await;
        self.session = Some(session);
        read?;
        let rows = self.seen.server.databases.seen().to_vec();
        if rows.len() > MOST_DATABASES {
            return Err(Trouble {
                stage: Stage::Databases,
                why: format!(
                    "it lists {} databases, which no instance can hold",
                    rows.len()
                ),
                remedy: "find out what answers there".to_owned(),
            });
        }
        for row in &rows {
            self.database(row).await?;
        }
        self.probe(&rows).await
    }

    /// Reads the facts of the instance as a collection does; module text is read with them and dropped.
    async fn server(
        &mut self,
        session: &mut Session,
        identity: ServerIdentity,
        rights: SessionIdentity,
        version: u16,
        recorder: &mut Recorder,
    ) -> Result<(), Trouble> {
        let target = self.target;
        let plan = target.plan;
        let (id, connection) = (plan.id.clone(), plan.connection());
        let mut snapshot = Snapshot::unseen(id, Outcome::Finished, connection, &record::now());
        snapshot.server.server_identity = Observed::Known { value: identity };
        snapshot.server.session = Observed::Known {
            value: rights.clone(),
        };
        place::unsupported(&mut snapshot.server, version);
        let start = Instant::now();
        let read = server_facts(
            target,
            session,
            version,
            &rights,
            &mut snapshot,
            &mut Texts::new(&self.target.intake.spool),
            recorder,
        )
        .await;
        self.seen.times.server = start.elapsed();
        place::not_on_this_platform(&mut snapshot.server);
        if let Some(address) = session.peer {
            let start = Instant::now();
            self.seen.tls = server_tls(target, address).await;
            self.seen.times.tls = start.elapsed();
        }
        sight::limit_server(&mut snapshot.server);
        self.seen.server = snapshot.server;
        read
    }

    fn rights(&self) -> Option<&(ServerIdentity, SessionIdentity, u16)> {
        self.seen.identity.as_ref()
    }

    async fn database(&mut self, row: &DatabaseRow) -> Result<(), Trouble> {
        let Some((identity, _, version)) = self.rights().cloned() else {
            return Ok(());
        };
        let mut database = PreflightDatabase {
            database_id: row.database_id,
            name: crate::ids::DatabaseName::new(row.name.clone()),
            state: EntryState::Closed,
            why: None,
            auto_close: row.is_auto_close_on == Some(true),
        };
        if let Some(facts) = not_asked(self.target.plan, &identity, row) {
            if facts.excluded {
                database.state = EntryState::Excluded;
            }
            database.why = facts.database_session.needs().into_iter().next();
            self.seen.databases.push(database);
            return Ok(());
        }
        let step = format!("database {}", row.name);
        self.target.progress.step(&self.target.plan.id, &step);
        let named = |q: &&Query| {
            IN_DATABASE.contains(&q.name) || (row.name == "msdb" && IN_MSDB.contains(&q.name))
        };
        let queries: Vec<_> = query::of(Scope::Database)
            .filter(|q| q.versions.contains(&version))
            .filter(named)
            .collect();
        match self.enter(row, &queries).await? {
            Ok(facts) => {
                database.state = EntryState::Entered;
                self.seen.inside.push(facts);
            }
            Err(error) => {
                database.state = match error.number {
                    NO_ACCESS => EntryState::NoAccess,
                    0 => EntryState::Unknown,
                    _ => EntryState::Closed,
                };
                database.why = Some(match error.number {
                    0 => error.text,
                    number => format!("error {number}: {}", error.text),
                });
            }
        }
        self.seen.databases.push(database);
        Ok(())
    }

    /// Asks in a database, after an error each query alone; the error of the way in if that is closed.
    async fn enter(
        &mut self,
        row: &DatabaseRow,
        queries: &[&'static Query],
    ) -> Result<Result<DatabaseFacts, ServerError>, Trouble> {
        let mut facts = DatabaseFacts::unseen(row.database_id, &row.name, "");
        let mut answer = self.ask(row, queries, Ask::All).await?;
        let Some(error) = answer.error.take() else {
            self.seen.times.databases.push(answer.duration);
            for query in queries {
                let set = answer.take(query.name).unwrap_or_default();
                place::database(
                    &mut facts,
                    query,
                    Ok(set),
                    &mut Texts::new(&self.target.intake.spool),
                );
            }
            return Ok(Ok(facts));
        };
        if error.number == 0 {
            return Ok(Err(error));
        }
        if let Some(error) = self.ask(row, &[], Ask::All).await?.error {
            return Ok(Err(error));
        }
        for query in queries {
            let mut answer = self.ask(row, &[*query], Ask::All).await?;
            place::database(
                &mut facts,
                query,
                outcome(query, &mut answer),
                &mut Texts::new(&self.target.intake.spool),
            );
        }
        Ok(Ok(facts))
    }

    /// Sends the queries on msdb's tables, for one row each, and ends the session.
    async fn probe(&mut self, rows: &[DatabaseRow]) -> Result<(), Trouble> {
        let entered = |row: &&DatabaseRow| {
            let mut inside = self.seen.inside.iter();
            row.name == "msdb" && inside.any(|facts| facts.database_id == row.database_id)
        };
        let Some((row, (_, _, version))) = rows.iter().find(entered).zip(self.rights().cloned())
        else {
            return Ok(());
        };
        self.target
            .progress
            .step(&self.target.plan.id, "tables of msdb");
        let mut facts = ServerFacts::unseen("not asked");
        let mut queries: Vec<_> = query::of(Scope::Msdb)
            .filter(|q| q.versions.contains(&version))
            .collect();
        let mut inside = self.seen.inside.iter();
        let msdb = inside.find(|inside| inside.database_id == row.database_id);
        queries.retain(
            |query| match msdb.and_then(|msdb| sight::doubt_about(msdb, query)) {
                None => true,
                Some(doubt) => {
                    leave_unasked(&mut facts, query, &doubt);
                    false
                }
            },
        );
        if queries.is_empty() {
            self.seen.probed = Some(facts);
            return Ok(());
        }
        let mut answer = self.ask(row, &queries, Ask::OneRow).await?;
        let alone = answer.error.is_some();
        for query in queries {
            if alone {
                answer = self.ask(row, &[query], Ask::OneRow).await?;
            }
            let result = outcome(query, &mut answer);
            place::server(
                &mut facts,
                query,
                result,
                &mut Texts::new(&self.target.intake.spool),
            );
        }
        self.session = None;
        self.seen.probed = Some(facts);
        Ok(())
    }

    /// One batch in a database, on a new session if the old one broke, while tries are left.
    async fn ask(
        &mut self,
        row: &DatabaseRow,
        queries: &[&'static Query],
        how: Ask,
    ) -> Result<Answer, Trouble> {
        let key = DatabaseKey {
            id: row.database_id,
            name: &row.name,
            context: query::all().iter().find(|q| q.scope == Scope::Context),
        };
        loop {
            if self.target.out_of_time() {
                return Err(self.target.deadline_trouble(Stage::Databases));
            }
            let mut session = match self.session.take() {
                Some(open) if open.is_open() => open,
                _ => self.another_session().await?,
            };
            let limit = self.target.query_limit();
            let answered = match how {
                Ask::All => session.ask_database(&key, queries, limit).await,
                Ask::OneRow => session.probe_database(&key, queries, limit).await,
            };
            match answered {
                Ok(answer) => {
                    self.session = Some(session);
                    return Ok(answer);
                }
                Err(broken) if !self.target.take_retry().await => {
                    if self.target.out_of_time() {
                        return Err(self.target.deadline_trouble(Stage::Databases));
                    }
                    return Ok(Answer {
                        error: Some(ServerError::local(broken.to_string())),
                        ..Answer::default()
                    });
                }
                Err(_) => {}
            }
        }
    }

    /// A further session must be of the same server and rights as the first.
    async fn another_session(&self) -> Result<Session, Trouble> {
        let (session, identity, rights) = hello(self.target, &mut Recorder::default()).await?;
        let same = self.rights().is_some_and(|(first, held, _)| {
            *first == identity && held.standing() == rights.standing()
        });
        if same {
            return Ok(session);
        }
        Err(Trouble {
            stage: Stage::Session,
            why: "two sessions reached different servers, or with different rights".to_owned(),
            remedy: "name the instance itself, and run again while nobody changes rights"
                .to_owned(),
        })
    }
}

/// How many rows are wanted.
#[derive(Clone, Copy)]
enum Ask {
    All,
    OneRow,
}
