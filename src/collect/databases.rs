//! The databases of one target, shared out over its sessions.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;

use super::place::Texts;
use super::plan::TargetPlan;
use super::query::{self, Query, Scope};
use super::record::Recorder;
use super::session::{Answer, Broken, DatabaseKey, Session};
use super::sight::TableDoubt;
use super::spool::{Spool, SpooledLine};
use super::target::{Target, another_session, outcome};
use super::{place, sight};
use crate::snapshot::{
    DatabaseFacts, DatabaseRow, QueryRecord, ServerError, ServerFacts, ServerIdentity,
    SessionIdentity, Snapshot, Stage, Trouble, short,
};

/// The databases of one target, shared out over its sessions.
pub(super) struct Databases<'a> {
    target: &'a Target<'a>,
    rows: Vec<DatabaseRow>,
    queue: Mutex<VecDeque<usize>>,
    found: Mutex<Found>,
    version: u16,
    rights: SessionIdentity,
    identity: ServerIdentity,
    context: Option<&'static Query>,
}

/// What the sessions brought together.
#[derive(Default)]
pub(super) struct Found {
    databases: Vec<DatabaseFacts>,
    server: Vec<(&'static Query, place::Result)>,
    texts: Vec<SpooledLine>,
    unasked: Vec<(&'static Query, TableDoubt)>,
    records: Vec<(i32, Vec<QueryRecord>)>,
    trouble: Option<Trouble>,
}

impl<'a> Databases<'a> {
    pub(super) fn new(
        target: &'a Target<'a>,
        rows: Vec<DatabaseRow>,
        version: u16,
        rights: SessionIdentity,
        identity: ServerIdentity,
    ) -> Self {
        let (asked, left_out): (Vec<_>, Vec<_>) = (0..rows.len())
            .partition(|&index| not_asked(target.plan, &identity, &rows[index]).is_none());
        let databases = left_out.into_iter().map(|index| {
            let row = &rows[index];
            not_asked(target.plan, &identity, row)
                .unwrap_or_else(|| DatabaseFacts::unseen(row.database_id, &row.name, ""))
        });
        let found = Found {
            databases: databases.collect(),
            ..Found::default()
        };
        Self {
            target,
            queue: Mutex::new(asked.into()),
            found: Mutex::new(found),
            rows,
            version,
            rights,
            identity,
            context: query::all().iter().find(|q| q.scope == Scope::Context),
        }
    }

    pub(super) async fn collect(self, first: Session) -> Found {
        let waiting = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        let more = self.target.plan.sessions.min(waiting).saturating_sub(1);
        let sessions =
            std::iter::once(Some(first)).chain(std::iter::repeat_with(|| None).take(more));
        join_all(sessions.map(|session| self.work(session))).await;
        let mut found = self
            .found
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // A session that could not be replaced leaves databases in the queue.
        let left = self
            .queue
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let why = found
            .trouble
            .as_ref()
            .map_or_else(|| "not reached".to_owned(), ToString::to_string);
        for index in left {
            let row = &self.rows[index];
            found
                .databases
                .push(DatabaseFacts::unseen(row.database_id, &row.name, &why));
        }
        found
    }

    fn next(&self) -> Option<usize> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One session's share of the databases.
    async fn work(&self, mut session: Option<Session>) {
        while let Some(index) = self.next() {
            if self.found().trouble.is_some() {
                self.queue
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_front(index);
                return;
            }
            let row = &self.rows[index];
            self.target
                .progress
                .step(&self.target.plan.id, &format!("database {}", row.name));
            let mut recorder = Recorder::default();
            match self.one(&mut session, row, &mut recorder).await {
                Ok(read) => {
                    let mut found = self.found();
                    found
                        .records
                        .push((row.database_id, recorder.into_records()));
                    found.databases.push(read.facts);
                    found.server.extend(read.server);
                    found.texts.extend(read.texts.lines);
                    found.unasked.extend(read.unasked);
                }
                Err(trouble) => {
                    let mut found = self.found();
                    found
                        .records
                        .push((row.database_id, recorder.into_records()));
                    found.trouble.get_or_insert(trouble);
                    self.queue
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push_front(index);
                    return;
                }
            }
        }
    }

    /// One database, on a new session if the old one broke, while tries are left. A database that
    /// breaks every session is given up; the others go on.
    async fn one(
        &self,
        session: &mut Option<Session>,
        row: &DatabaseRow,
        recorder: &mut Recorder,
    ) -> Result<Read, Trouble> {
        loop {
            if self.target.out_of_time() {
                return Err(self.target.deadline_trouble(Stage::Databases));
            }
            let open = match session.take() {
                Some(open) if open.is_open() => open,
                _ => another_session(self.target, &self.identity, &self.rights, recorder).await?,
            };
            let open = session.insert(open);
            match self.read(open, row, recorder).await {
                Ok(read) => return Ok(read),
                Err(broken) => {
                    *session = None;
                    // What is too much is too much on another connection as well.
                    let flood = matches!(broken, Broken::Flood);
                    if flood || !self.target.take_retry().await {
                        if self.target.out_of_time() {
                            return Err(self.target.deadline_trouble(Stage::Databases));
                        }
                        return Ok(Read::failed(row, &broken, &self.target.intake.spool));
                    }
                }
            }
        }
    }

    /// One batch in one database, written down however it ends.
    async fn ask(
        &self,
        session: &mut Session,
        row: &DatabaseRow,
        queries: &[&'static Query],
        recorder: &mut Recorder,
    ) -> Result<Answer, Broken> {
        let key = DatabaseKey {
            id: row.database_id,
            name: &row.name,
            context: self.context,
        };
        let around = self.context.into_iter();
        let sent: Vec<_> = around
            .clone()
            .chain(queries.iter().copied())
            .chain(around)
            .collect();
        let start = recorder.start();
        let result = session
            .ask_database(&key, queries, self.target.query_limit())
            .await;
        recorder.batch(&start, Some(row), &sent, &result);
        result
    }

    async fn read(
        &self,
        session: &mut Session,
        row: &DatabaseRow,
        recorder: &mut Recorder,
    ) -> Result<Read, Broken> {
        let mut read = Read::new(row, self.version, &self.target.intake.spool);
        sight::withhold_in_database(&mut read.facts, &self.rights);
        let mut queries = self.asked(Scope::Database);
        if row.name == "master" {
            queries.extend(self.asked(Scope::Master));
        }
        let closed = self
            .read_batch(session, row, &queries, &mut read, recorder)
            .await?;
        let exempt = self.rights.is_sysadmin == Some(true);
        sight::limit_database(&mut read.facts, exempt);
        // A batch of its own: whoever may not read Agent's tables still gets the database's facts in one go. And only
        // after msdb's objects, since what stands there in a table's place would run as the auditor.
        if row.name == "msdb" {
            self.read_tables(session, row, closed, &mut read, recorder)
                .await?;
        }
        Ok(read)
    }

    fn asked(&self, scope: Scope) -> Vec<&'static Query> {
        sight::asked(scope, self.version, &self.rights)
    }

    /// msdb's own tables, as far as they are proven to be these. `closed` is the error of a database that cannot be
    /// entered.
    async fn read_tables(
        &self,
        session: &mut Session,
        row: &DatabaseRow,
        closed: Option<ServerError>,
        read: &mut Read,
        recorder: &mut Recorder,
    ) -> Result<(), Broken> {
        let mut queries = self.asked(Scope::Msdb);
        if let Some(error) = closed {
            for query in queries {
                read.place(query, Err(error.clone()));
            }
            return Ok(());
        }
        queries.retain(|query| match sight::doubt_about(&read.facts, query) {
            None => true,
            Some(doubt) => {
                read.unasked.push((query, doubt));
                false
            }
        });
        if !queries.is_empty() {
            self.read_batch(session, row, &queries, read, recorder)
                .await?;
        }
        Ok(())
    }

    /// One optimistic batch; after any error each of its queries alone. Gives the error of a database that cannot be
    /// entered.
    async fn read_batch(
        &self,
        session: &mut Session,
        row: &DatabaseRow,
        queries: &[&'static Query],
        read: &mut Read,
        recorder: &mut Recorder,
    ) -> Result<Option<ServerError>, Broken> {
        let mut answer = self.ask(session, row, queries, recorder).await?;
        if answer.error.is_some() {
            return self
                .read_singly(session, row, queries, read, recorder)
                .await;
        }
        for query in queries {
            let set = answer.take(query.name).unwrap_or_default();
            read.place(query, Ok(set));
        }
        Ok(None)
    }

    /// After an error in the batch: is the database still to be had, and if so which query failed?
    async fn read_singly(
        &self,
        session: &mut Session,
        row: &DatabaseRow,
        queries: &[&'static Query],
        read: &mut Read,
        recorder: &mut Recorder,
    ) -> Result<Option<ServerError>, Broken> {
        let entry = self.ask(session, row, &[], recorder).await?;
        let mut lock_timeouts = 0;
        let mut given_up: Option<ServerError> = None;
        for query in queries {
            let result = if let Some(error) = entry.error.as_ref().or(given_up.as_ref()) {
                Err(error.clone())
            } else {
                let mut answer = self.ask(session, row, &[query], recorder).await?;
                outcome(query, &mut answer)
            };
            if let Err(error) = &result
                && error.number == LOCK_TIMEOUT
            {
                lock_timeouts += 1;
                if lock_timeouts >= MOST_LOCK_TIMEOUTS {
                    given_up = Some(error.clone());
                }
            }
            read.place(query, result);
        }
        Ok(entry.error)
    }
}

/// A lock was waited for longer than LOCK_TIMEOUT.
const LOCK_TIMEOUT: u32 = 1222;
/// After so many of these no more is asked in a database: a transaction that is left open would make each query wait.
const MOST_LOCK_TIMEOUTS: u32 = 3;

/// `sys.databases.user_access`.
const SINGLE_USER: i32 = 1;

/// A database that is not asked, and the reason it carries.
pub(super) fn not_asked(
    plan: &TargetPlan,
    identity: &ServerIdentity,
    row: &DatabaseRow,
) -> Option<DatabaseFacts> {
    let unseen = |why: &str| DatabaseFacts::unseen(row.database_id, &row.name, why);
    let mut excluded = plan.exclude_databases.iter();
    if excluded.any(|name| identity.is_same_name(name, &row.name)) {
        return Some(DatabaseFacts {
            excluded: true,
            ..unseen("excluded by the inventory")
        });
    }
    if let Some(why) = not_entered(row) {
        return Some(unseen(&why));
    }
    if plan.skip_auto_close && row.is_auto_close_on == Some(true) {
        return Some(unseen("AUTO_CLOSE databases are skipped (skip_auto_close)"));
    }
    None
}

/// Why a database is not entered by anybody who only wants to read, if it is not.
pub(super) fn not_entered(row: &DatabaseRow) -> Option<String> {
    if row.state != Some(0) {
        let state = row.state_desc.as_deref().unwrap_or("in an unknown state");
        return Some(format!("the database is {}", short(state)));
    }
    let single = row.user_access == Some(SINGLE_USER);
    single.then(|| {
        "the database is SINGLE_USER: entering it would take its only connection".to_owned()
    })
}

/// What one database brought.
struct Read {
    facts: DatabaseFacts,
    server: Vec<(&'static Query, place::Result)>,
    texts: Texts,
    /// Tables of msdb that were not asked.
    unasked: Vec<(&'static Query, TableDoubt)>,
}

impl Read {
    fn new(row: &DatabaseRow, version: u16, spool: &Arc<Spool>) -> Self {
        let mut facts = DatabaseFacts::unseen(row.database_id, &row.name, "not asked");
        place::unsupported_in_database(&mut facts, version);
        Self {
            facts,
            server: Vec::new(),
            texts: Texts::new(spool),
            unasked: Vec::new(),
        }
    }

    fn failed(row: &DatabaseRow, broken: &Broken, spool: &Arc<Spool>) -> Self {
        let facts = DatabaseFacts::unseen(row.database_id, &row.name, &broken.to_string());
        Self {
            facts,
            server: Vec::new(),
            texts: Texts::new(spool),
            unasked: Vec::new(),
        }
    }

    fn place(&mut self, query: &'static Query, result: place::Result) {
        match query.scope {
            Scope::Master | Scope::Msdb => self.server.push((query, result)),
            _ => place::database(&mut self.facts, query, result, &mut self.texts),
        }
    }
}

impl Found {
    pub(super) fn into_snapshot(
        mut self,
        snapshot: &mut Snapshot,
        texts: &mut Texts,
    ) -> Result<(), Trouble> {
        self.databases.sort_by_key(|d| d.database_id);
        self.records.sort_by_key(|(database_id, _)| *database_id);
        texts.lines.append(&mut self.texts);
        for (query, result) in self.server {
            place::server(&mut snapshot.server, query, result, texts);
        }
        for (query, doubt) in &self.unasked {
            leave_unasked(&mut snapshot.server, query, doubt);
        }
        snapshot.databases = self.databases;
        snapshot.queries = self
            .records
            .into_iter()
            .flat_map(|(_, records)| records)
            .collect();
        limit_shared(snapshot);
        self.trouble.map_or(Ok(()), Err)
    }
}

/// Says why a table of msdb's was not asked.
pub(super) fn leave_unasked(server: &mut ServerFacts, query: &Query, doubt: &TableDoubt) {
    let Some(fact) = server.named_mut(query.name) else {
        return;
    };
    match doubt {
        TableDoubt::Unseen => fact.deny(query.permission),
        TableDoubt::Doubted(why) => fact.not_collected(&format!("not asked: {why}")),
    }
}

/// Limits what was read in master and msdb for the instance as a whole.
pub(super) fn limit_shared(snapshot: &mut Snapshot) {
    place::not_in_azure(snapshot);
    limit_from(snapshot, Scope::Master, "master");
    limit_from(snapshot, Scope::Msdb, "msdb");
}

/// What was read in master or msdb for the instance as a whole is as whole as their objects are: where some of msdb's
/// are hidden, one can be a policy that filters the rows of its tables.
fn limit_from(snapshot: &mut Snapshot, scope: Scope, name: &str) {
    let mut databases = snapshot.databases.iter();
    let database = databases.find(|d| d.name.as_str() == name);
    let needs = match (database, scope) {
        (None, _) => vec![format!("sight of {name}")],
        (Some(msdb), Scope::Msdb) if msdb.objects.is_settled() => Vec::new(),
        (Some(msdb), Scope::Msdb) => vec![sight::objects_of_msdb(msdb)],
        (Some(master), _) => master.objects.needs(),
    };
    let why = database.map_or_else(|| needs.clone(), |d| d.objects.needs());
    let why = format!("{name} was not read: {}", why.join(", "));
    for query in query::of(scope) {
        let Some(fact) = snapshot.server.named_mut(query.name) else {
            continue;
        };
        if fact.is_untouched() {
            fact.not_collected(&why);
        }
        for need in &needs {
            fact.limit(need);
        }
    }
}
