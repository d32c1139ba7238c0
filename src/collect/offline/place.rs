//! From a run to a snapshot: the same steps as over a connection, by the same code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ImportError;
use super::answers::{self, Answers, Asked, Section};
use super::records;
use super::script::script;
use crate::collect::databases::{leave_unasked, limit_shared, not_entered};
use crate::collect::place::Texts;
use crate::collect::query::{self, Query, Scope};
use crate::collect::session::Broken;
use crate::collect::sight::TableDoubt;
use crate::collect::spool::{ModuleText, Spool};
use crate::collect::value::RowSet;
use crate::collect::{Collected, place, record, sight, target};
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::{
    Connection, DatabaseFacts, DatabaseRow, Encryption, OFFLINE, Observed, Offline, Outcome,
    QueryOutcome, QueryRecord, ServerError, ServerIdentity, SessionIdentity, Snapshot, Stage,
    Trouble, sha256_hex,
};

/// The output of one run, whole and unchanged.
#[derive(Debug)]
pub struct Output {
    answers: Answers,
    offline: Offline,
}

impl Output {
    /// Reads a saved output.
    ///
    /// # Errors
    /// It is not the whole, unchanged output of one run of this version's script.
    pub fn read(file: &[u8]) -> Result<Self, ImportError> {
        let script = script();
        let joined = records::read(file, script)?;
        let answers = answers::read(&joined.content)?;
        for section in &answers.sections {
            complete(section, answers.opening.version)?;
        }
        let opening = &answers.opening;
        let offline = Offline {
            script_sha256: script.sha256.clone(),
            login: opening.login.clone(),
            host: opening.host.clone(),
            application: opening.application.clone(),
            records: joined.records,
            seal: joined.seal,
        };
        Ok(Self { answers, offline })
    }

    /// What the server calls itself.
    pub fn server_name(&self) -> Option<&str> {
        self.answers.opening.server.as_deref()
    }

    /// The snapshot of a target of this name.
    ///
    /// # Errors
    /// The answers contradict what the run says of itself.
    pub fn into_collected(self, target: InstanceId) -> Result<Collected, ImportError> {
        let Self { answers, offline } = self;
        let opening = &answers.opening;
        let connection = Connection {
            endpoint: opening.server.clone().unwrap_or_default(),
            encryption: Encryption::Off,
            trust_server_certificate: false,
            authentication: OFFLINE.to_owned(),
            user: opening.login.clone(),
        };
        let started = record::utc(opening.started);
        let mut snapshot = Snapshot::unseen(target, Outcome::Finished, connection, &started);
        snapshot.ended = record::utc(answers.ended);
        snapshot.offline = Some(offline);
        snapshot.queries = records_of(&answers.sections);
        let mut texts = Texts::new(&Arc::new(Spool::in_memory()));
        fill(&mut snapshot, answers, &mut texts)?;
        Ok(target::finish(
            snapshot,
            ModuleText::new(texts.lines, texts.spool),
        ))
    }
}

/// Every query that is due in a section was asked once, in a database between two proofs of its name. Where the
/// proof was refused, nothing more was asked.
fn complete(section: &Section, version: u16) -> Result<(), ImportError> {
    let scopes: &[Scope] = match section.id {
        0 => &[Scope::Session, Scope::Server],
        1 => &[Scope::Database, Scope::Master],
        4 => &[Scope::Database, Scope::Msdb],
        _ => &[Scope::Database],
    };
    let mut due: Vec<&str> = query::all()
        .iter()
        .filter(|q| q.versions.contains(&version) && scopes.contains(&q.scope))
        .map(|q| q.name)
        .collect();
    let mut asked: Vec<&Asked> = section.asked.iter().collect();
    if section.id != 0 {
        let proof = |asked: Option<&Asked>| asked.is_some_and(|a| a.query.scope == Scope::Context);
        if let [only] = asked.as_slice()
            && proof(Some(only))
            && only.result.is_err()
        {
            return Ok(());
        }
        if asked.len() < 2 || !proof(asked.pop()) || !proof(Some(asked.remove(0))) {
            let what = format!("database id {} has no proof", section.id);
            return Err(ImportError::malformed(what));
        }
    }
    let mut names: Vec<&str> = asked.iter().map(|asked| asked.query.name).collect();
    let is_due = |name: &&str| {
        let mut queries = query::all().iter();
        !queries.any(|q| q.name == *name && q.sight.is_beyond_least())
    };
    names.retain(is_due);
    due.retain(is_due);
    names.sort_unstable();
    due.sort_unstable();
    if names != due {
        let what = format!("other queries were asked in database id {}", section.id);
        return Err(ImportError::malformed(what));
    }
    Ok(())
}

fn records_of(sections: &[Section]) -> Vec<QueryRecord> {
    let record = |section: &Section, asked: &Asked| {
        let rows = asked.result.as_ref().map_or(0, |set| set.rows.len());
        QueryRecord {
            query: asked.query.name.to_owned(),
            sha256: sha256_hex(asked.query.text.as_bytes()),
            database: (section.id != 0).then(|| DatabaseName::new(section.database.clone())),
            started: record::utc(asked.started),
            duration_ms: asked.duration_ms,
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            outcome: match asked.result {
                Ok(_) => QueryOutcome::Answered,
                Err(_) => QueryOutcome::Failed,
            },
            error: asked.result.as_ref().err().cloned(),
        }
    };
    let each = sections
        .iter()
        .flat_map(|section| section.asked.iter().map(move |asked| (section, asked)));
    each.map(|(section, asked)| record(section, asked))
        .collect()
}

fn fill(snapshot: &mut Snapshot, answers: Answers, texts: &mut Texts) -> Result<(), ImportError> {
    let mut sections = answers.sections.into_iter();
    let mut first = sections.next().map_or_else(Vec::new, |server| server.asked);
    let who = greeting(&mut first);
    let (identity, rights) = match who {
        Ok(who) => who,
        Err(error) => {
            unreached(snapshot, &error);
            return Ok(());
        }
    };
    let opening = &answers.opening;
    if identity.catalog_version() != Some(opening.version)
        || rights.session_id != opening.session_id
        || identity.server_name != opening.server
    {
        let what = "the opening record and the answers are of different servers or sessions";
        return Err(ImportError::malformed(what));
    }
    let mut reader = Reader {
        version: opening.version,
        rights: rights.clone(),
        texts,
        of_instance: Vec::new(),
        unasked: Vec::new(),
    };
    let server = &mut snapshot.server;
    server.server_identity = Observed::Known { value: identity };
    server.session = Observed::Known { value: rights };
    server.server_tls = Observed::NotCollected {
        why: "collected offline: no connection was made to see TLS by".to_owned(),
    };
    place::unsupported(server, opening.version);
    sight::withhold_on_server(server, &reader.rights);
    let due = sight::asked(Scope::Server, opening.version, &reader.rights);
    for asked in first {
        if due.iter().any(|query| query.name == asked.query.name) {
            place::server(server, asked.query, asked.result, reader.texts);
        }
    }
    place::not_on_this_platform(server);
    sight::limit_server(server);

    let mut entered: BTreeMap<i32, Section> =
        sections.map(|section| (section.id, section)).collect();
    for row in snapshot.server.databases.seen().to_vec() {
        let section = entered.remove(&row.database_id);
        let facts = reader.one(&row, section, &answers.skipped);
        snapshot.databases.push(facts);
    }
    snapshot.databases.sort_by_key(|facts| facts.database_id);
    for (query, doubt) in &reader.unasked {
        leave_unasked(&mut snapshot.server, query, doubt);
    }
    for (query, result) in reader.of_instance {
        place::server(&mut snapshot.server, query, result, reader.texts);
    }
    limit_shared(snapshot);
    Ok(())
}

/// Takes the answers out that say who answered and who asked.
fn greeting(asked: &mut Vec<Asked>) -> Result<(ServerIdentity, SessionIdentity), ServerError> {
    let mut take = |name: &str| {
        let at = asked.iter().position(|asked| asked.query.name == name);
        at.map_or_else(|| Ok(RowSet::default()), |at| asked.remove(at).result)
    };
    let identity = take("server_identity")?;
    let session = take("session")?;
    Ok((
        place::one("server_identity", identity)?,
        place::one("session", session)?,
    ))
}

/// The server refused to say who it is: nothing else counts, as over a connection.
fn unreached(snapshot: &mut Snapshot, error: &ServerError) {
    let trouble = Trouble {
        stage: Stage::Session,
        why: format!("error {}: {}", error.number, error.text),
        remedy: "run the script again; if it stays, look at the server's error log".to_owned(),
    };
    let unseen = Snapshot::unseen(
        snapshot.target.clone(),
        Outcome::Unreached(trouble),
        snapshot.connection.clone(),
        &snapshot.started,
    );
    snapshot.outcome = unseen.outcome;
    snapshot.server = unseen.server;
}

#[derive(serde::Deserialize)]
struct Context {
    database_id: i32,
    database_name: String,
    session_id: i32,
}

/// Reads the databases of one run.
struct Reader<'a> {
    version: u16,
    rights: SessionIdentity,
    texts: &'a mut Texts,
    /// What was read in master and msdb of the server as a whole.
    of_instance: Vec<(&'static Query, place::Result)>,
    /// Tables of msdb that count as not asked.
    unasked: Vec<(&'static Query, TableDoubt)>,
}

impl Reader<'_> {
    /// A database of the list: what was found in it, or why nothing was.
    fn one(
        &mut self,
        row: &DatabaseRow,
        section: Option<Section>,
        skipped: &BTreeSet<i32>,
    ) -> DatabaseFacts {
        let why = match (not_entered(row), section) {
            (Some(why), _) => why,
            (None, Some(section)) => return self.database(row, section),
            (None, None) if skipped.contains(&row.database_id) => {
                "it was not online, or SINGLE_USER, when the script came to it".to_owned()
            }
            (None, None) => "the script did not find it when it came to the databases".to_owned(),
        };
        DatabaseFacts::unseen(row.database_id, &row.name, &why)
    }

    /// What was found in one database, if it is proven to come from it.
    fn database(&mut self, row: &DatabaseRow, section: Section) -> DatabaseFacts {
        let (proofs, asked): (Vec<Asked>, Vec<Asked>) = section
            .asked
            .into_iter()
            .partition(|asked| asked.query.scope == Scope::Context);
        let mut facts = DatabaseFacts::unseen(row.database_id, &row.name, "not asked");
        place::unsupported_in_database(&mut facts, self.version);
        sight::withhold_in_database(&mut facts, &self.rights);
        let due = self.due(row);
        let refused = proofs
            .iter()
            .find_map(|proof| proof.result.as_ref().err().cloned());
        if let Some(error) = &refused {
            for query in due {
                self.put(&mut facts, query, Err(error.clone()));
            }
        } else if section.database == row.name && proofs.iter().all(|proof| self.proves(proof, row))
        {
            let is_due = |a: &Asked| due.iter().any(|query| query.name == a.query.name);
            for asked in asked.into_iter().filter(is_due) {
                self.put(&mut facts, asked.query, asked.result);
            }
        } else {
            let id = row.database_id;
            let why = format!("it could not be proven to come from database id {id}");
            let why = Broken::OutOfTurn(why).to_string();
            return DatabaseFacts::unseen(id, &row.name, &why);
        }
        sight::limit_database(&mut facts, self.rights.is_sysadmin == Some(true));
        if refused.is_none() {
            self.leave_doubtful(&facts);
        }
        facts
    }

    /// Answers of msdb's tables that a connection would not have asked for.
    fn leave_doubtful(&mut self, facts: &DatabaseFacts) {
        let (tables, others) = std::mem::take(&mut self.of_instance)
            .into_iter()
            .partition(|(query, _)| query.scope == Scope::Msdb && facts.name.as_str() == "msdb");
        self.of_instance = others;
        for (query, result) in tables {
            match sight::doubt_about(facts, query) {
                None => self.of_instance.push((query, result)),
                Some(doubt) => self.unasked.push((query, doubt)),
            }
        }
    }

    fn due(&self, row: &DatabaseRow) -> Vec<&'static Query> {
        let asked = |scope| sight::asked(scope, self.version, &self.rights);
        let mut due = asked(Scope::Database);
        match row.name.as_str() {
            "master" => due.extend(asked(Scope::Master)),
            "msdb" => due.extend(asked(Scope::Msdb)),
            _ => {}
        }
        due
    }

    fn put(&mut self, facts: &mut DatabaseFacts, query: &'static Query, result: place::Result) {
        match query.scope {
            Scope::Master | Scope::Msdb => self.of_instance.push((query, result)),
            _ => place::database(facts, query, result, self.texts),
        }
    }

    fn proves(&self, proof: &Asked, row: &DatabaseRow) -> bool {
        let set = proof.result.clone().unwrap_or_default();
        let context: Result<Context, ServerError> = place::one(proof.query.name, set);
        context.is_ok_and(|context| {
            context.database_id == row.database_id
                && context.database_name == row.name
                && context.session_id == self.rights.session_id
        })
    }
}
