//! The collection of one target, from first connection to snapshot.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::connect::{self, ConnectError, remaining};
use super::databases::Databases;
use super::place::Texts;
use super::plan::TargetPlan;
use super::query::{self, Query, Scope, Sight};
use super::record::{self, Recorder};
use super::session::{Answer, Broken, Intake, Session};
use super::spool::ModuleText;
use super::{Collected, Progress, Reached, place, sight, tls_probe};
use crate::ids::InstanceId;
use crate::snapshot::{
    Observed, Outcome, ServerError, ServerIdentity, ServerTls, SessionIdentity, Snapshot, Stage,
    Trouble,
};

const OLDEST: u16 = 11;
/// Databases per instance, docs: maximum capacity specifications.
pub(super) const MOST_DATABASES: usize = 32_767;
const FIRST_BACK_OFF: Duration = Duration::from_millis(250);

/// Everything that the steps of one target share.
pub(super) struct Target<'a> {
    pub plan: &'a TargetPlan,
    /// Its place among the targets.
    pub place: usize,
    pub deadline: Instant,
    pub retries_left: AtomicU32,
    pub progress: &'a dyn Progress,
    pub reached: &'a Reached,
    /// What came so far, over all sessions.
    pub intake: Arc<Intake>,
}

/// Collects one target. Never fails: what went wrong is in the snapshot.
pub(super) async fn collect(target: &Target<'_>) -> Collected {
    let mut snapshot = Snapshot::unseen(
        target.plan.id.clone(),
        Outcome::Finished,
        target.plan.connection(),
        &record::now(),
    );
    let mut texts = Texts::new(&target.intake.spool);
    snapshot.outcome = match run(target, &mut snapshot, &mut texts).await {
        Ok(()) => Outcome::Finished,
        Err(Ended::SameAs(first)) => return super::same_as(target.plan, &first),
        Err(Ended::Trouble(trouble)) if snapshot.server.server_identity.known().is_some() => {
            Outcome::Interrupted(trouble)
        }
        Err(Ended::Trouble(trouble)) => Outcome::Unreached(trouble),
    };
    let why = snapshot.outcome.why();
    if !why.is_empty() {
        fill_unseen(&mut snapshot, &why);
    }
    snapshot.ended = record::now();
    finish(snapshot, ModuleText::new(texts.lines, texts.spool))
}

/// Facts that were never asked for name the reason instead of an empty one.
fn fill_unseen(snapshot: &mut Snapshot, why: &str) {
    for (_, fact) in snapshot.server.all_mut() {
        if fact.is_untouched() {
            fact.not_collected(why);
        }
    }
}

/// Names the module text in the snapshot. Without it a snapshot is worth nothing.
pub(super) fn finish(mut snapshot: Snapshot, module_text: ModuleText) -> Collected {
    match module_text.describe() {
        Ok(file) => snapshot.module_text = file,
        Err(error) => {
            let trouble = Trouble {
                stage: Stage::Databases,
                why: format!("the module text could not be read back: {error}"),
                remedy: "make room in the output folder, then run again".to_owned(),
            };
            let (target, connection) = (snapshot.target.clone(), snapshot.connection.clone());
            let outcome = Outcome::Unreached(trouble);
            let unseen = Snapshot::unseen(target, outcome, connection, &snapshot.started);
            return finish(unseen, ModuleText::none());
        }
    }
    Collected {
        snapshot,
        module_text,
    }
}

enum Ended {
    /// An earlier target of the inventory has this instance.
    SameAs(InstanceId),
    Trouble(Trouble),
}

impl From<Trouble> for Ended {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

async fn run(target: &Target<'_>, snapshot: &mut Snapshot, texts: &mut Texts) -> Result<(), Ended> {
    let mut recorder = Recorder::default();
    let result = read(target, snapshot, texts, &mut recorder).await;
    let mut records = recorder.into_records();
    records.append(&mut snapshot.queries);
    snapshot.queries = records;
    result
}

async fn read(
    target: &Target<'_>,
    snapshot: &mut Snapshot,
    texts: &mut Texts,
    recorder: &mut Recorder,
) -> Result<(), Ended> {
    target.progress.step(&target.plan.id, "connecting");
    let (session, identity, rights) = hello(target, recorder).await?;
    let version = major_version(&identity)?;
    snapshot.server.server_identity = Observed::Known {
        value: identity.clone(),
    };
    snapshot.server.session = Observed::Known {
        value: rights.clone(),
    };
    place::unsupported(&mut snapshot.server, version);

    target.progress.step(&target.plan.id, "server facts");
    if let Some(address) = session.peer {
        snapshot.server.server_tls = server_tls(target, address).await;
    }
    let greeted = Greeted {
        session,
        identity: &identity,
        rights: &rights,
        version,
    };
    let read = server_scope(target, greeted, snapshot, texts, recorder).await;
    // Also when the connection broke: what came before must not claim to be whole.
    sight::limit_server(&mut snapshot.server);
    let session = read?;
    let peer = session.peer;
    if let Some(first) = target.reached.claim(target.place, peer, &identity) {
        return Err(Ended::SameAs(first));
    }

    let rows = snapshot.server.databases.seen().to_vec();
    if rows.len() > MOST_DATABASES {
        return Err(Ended::Trouble(Trouble {
            stage: Stage::Databases,
            why: format!(
                "it lists {} databases, which no instance can hold",
                rows.len()
            ),
            remedy: "find out what answers there".to_owned(),
        }));
    }
    let databases = Databases::new(target, rows, version, rights, identity);
    let found = databases.collect(session).await;
    found.into_snapshot(snapshot, texts)?;
    Ok(())
}

/// A session that was greeted, and who it is.
struct Greeted<'a> {
    session: Session,
    identity: &'a ServerIdentity,
    rights: &'a SessionIdentity,
    version: u16,
}

/// The facts of the instance, all anew on another session if one broke, while tries are left. Gives the session that
/// read them to its end.
async fn server_scope(
    target: &Target<'_>,
    greeted: Greeted<'_>,
    snapshot: &mut Snapshot,
    texts: &mut Texts,
    recorder: &mut Recorder,
) -> Result<Session, Trouble> {
    let Greeted {
        mut session,
        identity,
        rights,
        version,
    } = greeted;
    loop {
        let mut read = server_facts(
            target,
            &mut session,
            version,
            rights,
            snapshot,
            texts,
            recorder,
        )
        .await;
        if read.is_ok() {
            read = rights_are_still(target, &mut session, rights, recorder).await;
        }
        let Err(trouble) = read else { break };
        if target.out_of_time() {
            return Err(target.deadline_trouble(Stage::Server));
        }
        if !target.take_retry().await {
            return Err(trouble);
        }
        session = another_session(target, identity, rights, recorder).await?;
        texts.lines.clear();
    }
    place::not_on_this_platform(&mut snapshot.server);
    Ok(session)
}

/// Rights that were taken away meanwhile shorten lists without a word: so the session is asked again, afterwards.
async fn rights_are_still(
    target: &Target<'_>,
    session: &mut Session,
    rights: &SessionIdentity,
    recorder: &mut Recorder,
) -> Result<(), Trouble> {
    let trouble = |why: String| Trouble {
        stage: Stage::Server,
        why,
        remedy: "run again while nobody changes the login's rights".to_owned(),
    };
    let queries: Vec<_> = query::of(Scope::Session).collect();
    let answer = ask(target, session, &queries, recorder)
        .await
        .map_err(|broken| trouble(broken.to_string()))?;
    match answer.identity() {
        Err(error) => Err(trouble(format!("error {}: {}", error.number, error.text))),
        Ok((_, held)) if held.standing() == rights.standing() => Ok(()),
        Ok(_) => {
            let why = "the login's rights changed while the server was read";
            Err(trouble(why.to_owned()))
        }
    }
}

/// A further session, which must reach the same server as the first, with the same rights: which lists are whole was
/// concluded from these.
pub(super) async fn another_session(
    target: &Target<'_>,
    identity: &ServerIdentity,
    rights: &SessionIdentity,
    recorder: &mut Recorder,
) -> Result<Session, Trouble> {
    let (session, reached, held) = hello(target, recorder).await?;
    let fault = |why: &str, remedy: &str| {
        Err(Trouble {
            stage: Stage::Session,
            why: why.to_owned(),
            remedy: remedy.to_owned(),
        })
    };
    if reached != *identity {
        return fault(
            "two sessions reached different servers",
            "name the instance itself, not an alias or load balancer",
        );
    }
    if held.standing() != rights.standing() {
        return fault(
            "the login's rights differ between two sessions",
            "run again while nobody changes them, and name the instance itself",
        );
    }
    Ok(session)
}

/// What TLS the server offers, as far as a connection of its own shows it.
pub(super) async fn server_tls(target: &Target<'_>, address: SocketAddr) -> Observed<ServerTls> {
    let limit = remaining(target.deadline, target.plan.login_limit);
    match tls_probe::probe_tls(target.plan, address, limit).await {
        Ok(value) => Observed::Known { value },
        Err(error) => Observed::Failed {
            error: ServerError::local(error.to_string()),
        },
    }
}

pub(super) fn major_version(identity: &ServerIdentity) -> Result<u16, Trouble> {
    match identity.catalog_version() {
        Some(version) if version >= OLDEST => Ok(version),
        _ => Err(Trouble {
            stage: Stage::Session,
            why: format!(
                "version {} is older than SQL Server 2012",
                identity.product_version
            ),
            remedy: "this version has been without security updates for years: treat it as exposed"
                .to_owned(),
        }),
    }
}

/// Connects with retries for faults of the moment, and greets the server.
pub(super) async fn hello(
    target: &Target<'_>,
    recorder: &mut Recorder,
) -> Result<(Session, ServerIdentity, SessionIdentity), Trouble> {
    loop {
        let fault = match greet(target, recorder).await {
            Ok(greeted) => return Ok(greeted),
            Err(fault) => fault,
        };
        if !(fault.transient && target.take_retry().await) {
            return Err(fault.trouble);
        }
    }
}

async fn greet(
    target: &Target<'_>,
    recorder: &mut Recorder,
) -> Result<(Session, ServerIdentity, SessionIdentity), ConnectError> {
    let mut session = connect::open(target.plan, target.deadline, &target.intake).await?;
    let queries: Vec<_> = query::all()
        .iter()
        .filter(|q| q.scope == Scope::Session)
        .collect();
    let fault = |why: String, transient| ConnectError {
        trouble: Trouble {
            stage: Stage::Session,
            why,
            remedy: "run again; if it stays, look at the server's error log".to_owned(),
        },
        transient,
    };
    let start = recorder.start();
    let greeted = session.hello(&queries, target.query_limit()).await;
    recorder.batch(&start, None, &queries, &greeted);
    let answer = greeted.map_err(|broken| fault(broken.to_string(), true))?;
    match answer.identity() {
        Ok((identity, rights)) => {
            session.id = rights.session_id;
            Ok((session, identity, rights))
        }
        Err(error) => Err(fault(
            format!("error {}: {}", error.number, error.text),
            false,
        )),
    }
}

impl Target<'_> {
    pub(super) fn query_limit(&self) -> Duration {
        remaining(self.deadline, self.plan.query_limit)
    }

    pub(super) fn out_of_time(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Whether another try is left; waits before it, longer each time.
    pub(super) async fn take_retry(&self) -> bool {
        let take = |left: u32| left.checked_sub(1);
        let Ok(left) = self
            .retries_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
        else {
            return false;
        };
        let done = self.plan.retries.saturating_sub(left).min(6);
        let pause = remaining(self.deadline, FIRST_BACK_OFF * 2_u32.pow(done));
        tokio::time::sleep(pause).await;
        !self.out_of_time()
    }

    pub(super) fn deadline_trouble(&self, stage: Stage) -> Trouble {
        Trouble {
            stage,
            why: format!("not finished within {} s", self.plan.target_limit.as_secs()),
            remedy: "raise timeouts.target_seconds, or look for what slows the server".to_owned(),
        }
    }
}

/// One optimistic batch; after any error each of its queries alone, to learn whose error it was. A
/// query that this login is known not to be allowed goes alone from the start.
pub(super) async fn server_facts(
    target: &Target<'_>,
    session: &mut Session,
    version: u16,
    rights: &SessionIdentity,
    snapshot: &mut Snapshot,
    texts: &mut Texts,
    recorder: &mut Recorder,
) -> Result<(), Trouble> {
    let asked = sight::asked(Scope::Server, version, rights);
    sight::withhold_on_server(&mut snapshot.server, rights);
    let doubtful = |q: &&Query| {
        matches!(q.sight, Sight::ServerState | Sight::ServerPerformanceState)
            && sight::server_need(rights, q.sight).is_some()
    };
    let (doubtful, sure): (Vec<_>, Vec<_>) = asked.into_iter().partition(doubtful);
    let broken = |broken: Broken| Trouble {
        stage: Stage::Server,
        why: broken.to_string(),
        remedy: "run again; if it stays, look at the server's error log".to_owned(),
    };
    let mut alone = doubtful;
    let mut answer = ask(target, session, &sure, recorder)
        .await
        .map_err(broken)?;
    if answer.error.is_some() {
        alone.extend(sure);
    } else {
        for query in sure {
            let set = answer.take(query.name).unwrap_or_default();
            place::server(&mut snapshot.server, query, Ok(set), texts);
        }
    }
    for query in alone {
        let mut answer = ask(target, session, &[query], recorder)
            .await
            .map_err(broken)?;
        let result = outcome(query, &mut answer);
        place::server(&mut snapshot.server, query, result, texts);
    }
    Ok(())
}

/// One batch at server scope, written down however it ends.
async fn ask(
    target: &Target<'_>,
    session: &mut Session,
    queries: &[&'static Query],
    recorder: &mut Recorder,
) -> Result<Answer, Broken> {
    let start = recorder.start();
    let result = session.ask_server(queries, target.query_limit()).await;
    recorder.batch(&start, None, queries, &result);
    result
}

pub(super) fn outcome(query: &Query, answer: &mut Answer) -> place::Result {
    match answer.error.take() {
        Some(error) => Err(error),
        None => Ok(answer.take(query.name).unwrap_or_default()),
    }
}
