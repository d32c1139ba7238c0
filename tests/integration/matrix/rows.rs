//! The rows of the matrix, made from the list of queries: a query without a row cannot be.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use mssql_posture::collect::{Collected, Query, SESSION_SETTINGS, Scope, TargetPlan, queries};
use mssql_posture::snapshot::{self, Fact, Observed, ServerFacts, Service};
use serde_json::Value;

use super::judged::{Judgement, judged};

use crate::support::in_process::{collected, plan};
use crate::support::instance::{Instance, Layout, Recording, RunningInstance, sample};
use crate::support::tds_server::{Encryption, Options};
use crate::support::truth;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// One of the session's settings.
    Set(&'static str),
    /// The switch to the row's database.
    Use,
    Query,
}

/// One statement that fails, and where.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub statement: Statement,
    /// The query; of a setting, one that is sent with it.
    pub query: &'static Query,
    /// The database it is asked in; `None` before one is entered.
    pub database: Option<&'static str>,
    /// A version whose form of the query this is: the newest.
    pub version: u16,
}

/// The databases of the instance, in the order of asking.
pub const DATABASES: [&str; 3] = ["master", "msdb", "erp"];
/// The one in which every view has rows.
const BUSY: &str = "erp";
const NEWEST: u16 = 17;

impl Row {
    fn new(statement: Statement, query: &'static Query, database: Option<&'static str>) -> Self {
        Self {
            statement,
            query,
            database,
            version: NEWEST.min(*query.versions.end()),
        }
    }

    /// Whether the query is sent only to who may do everything.
    pub fn needs_control(&self) -> bool {
        self.query.sight.is_beyond_least()
    }

    pub fn instance(&self) -> Arc<Whole> {
        whole(self.version, self.needs_control())
    }
}

/// Every query where it is asked. One of databases is asked in each: here in the one with rows; what proves that a
/// database is the one, and the objects on which msdb's tables and master's lists hang, in all.
pub fn rows() -> Vec<Row> {
    let settings = SESSION_SETTINGS.lines().map(|line| {
        let setting = line.strip_prefix("SET ").expect("a setting");
        let option = setting.split_once(' ').expect("option and value").0;
        let first = queries().first().expect("a query");
        Row::new(Statement::Set(option), first, None)
    });
    let asked = queries().iter().flat_map(|query| {
        let databases = match query.scope {
            Scope::Session | Scope::Server => return vec![Row::new(Statement::Query, query, None)],
            // Of `changes`, and never among these.
            Scope::Events => &[][..],
            Scope::Master => &["master"],
            Scope::Msdb => &["msdb"],
            Scope::Context => &DATABASES,
            Scope::Database if query.name == "objects" => &DATABASES,
            Scope::Database => &[BUSY],
        };
        let row = |database: &&'static str| Row::new(Statement::Query, query, Some(database));
        let mut rows: Vec<Row> = databases.iter().map(row).collect();
        if query.scope == Scope::Context {
            let entered = databases.iter();
            rows.extend(entered.map(|d| Row::new(Statement::Use, query, Some(d))));
        }
        rows
    });
    settings.chain(asked).collect()
}

/// An instance that is seen whole, and what the collector makes of it when nothing goes wrong.
pub struct Whole {
    pub layout: Layout,
    pub facts: Vec<Seen>,
    pub judgement: Judgement,
}

/// One fact as JSON has it.
pub struct Seen {
    pub fact: &'static str,
    pub database: Option<String>,
    pub value: Value,
}

impl Seen {
    pub fn state(&self) -> &str {
        self.value["state"].as_str().expect("a state")
    }
}

/// Every fact of a collection.
pub fn facts(collected: &Collected) -> Vec<Seen> {
    let of = |facts: &Value, all: &[Fact], database: Option<&str>| -> Vec<Seen> {
        let one = |fact: &Fact| Seen {
            fact: fact.name(),
            database: database.map(str::to_owned),
            value: facts[fact.name()].clone(),
        };
        all.iter().map(one).collect()
    };
    let snapshot = &collected.snapshot;
    let server = serde_json::to_value(&snapshot.server).unwrap();
    let mut all = of(&server, Fact::OF_SERVER, None);
    for database in &snapshot.databases {
        let facts = serde_json::to_value(database).unwrap();
        all.extend(of(&facts, Fact::OF_DATABASE, Some(database.name.as_str())));
    }
    all
}

/// The sample with the system's databases that count and the busy one.
fn small(version: u16, control: bool) -> Recording {
    let sample = if control {
        sample::recording_with_control(version)
    } else {
        sample::recording(version)
    };
    let mut recording = truth::completed(sample, "WHOLE");
    if let Observed::Known { value } = &mut recording.snapshot.server.databases {
        value.retain(|row| DATABASES.contains(&row.name.as_str()));
    }
    let databases = &mut recording.snapshot.databases;
    databases.retain(|facts| DATABASES.contains(&facts.name.as_str()));
    give_rules_reasons(&mut recording.snapshot.server);
    recording
}

/// Where a question does not arise nothing passes, seen or not. So: Windows, where all channels exist.
fn give_rules_reasons(server: &mut ServerFacts) {
    if let Observed::Known { value } = &mut server.host {
        "Windows".clone_into(&mut value.platform);
    }
    if let Observed::Known { value } = &mut server.services {
        value.push(Service {
            servicename: "SQL Server (MSSQLSERVER)".to_owned(),
            startup_type_desc: Some("Automatic".to_owned()),
            status_desc: Some("Running".to_owned()),
            service_account: "NT SERVICE\\MSSQLSERVER".to_owned(),
            filename: Some("sqlservr.exe".to_owned()),
        });
        value.sort();
    }
}

/// A server without TLS: no cell is about it, and a thousand handshakes take longer than all the rest.
pub fn plain() -> Options {
    Options {
        encryption: Encryption::NotSupported,
        ..Options::default()
    }
}

/// The plan for such a server, by one session so that requests come in one order.
pub fn plainly(server: &RunningInstance) -> TargetPlan {
    let mut plan = plan(server);
    plan.tls.mode = snapshot::Encryption::Off;
    plan.sessions = 1;
    plan
}

type Wholes = BTreeMap<(u16, bool), Arc<Whole>>;

/// The same instance each time.
pub fn whole(version: u16, control: bool) -> Arc<Whole> {
    static ALL: LazyLock<Mutex<Wholes>> = LazyLock::new(Mutex::default);
    let new = || {
        let server = Instance::new(small(version, control)).start(plain());
        let collected = collected(plainly(&server));
        server.assert_clean();
        truth::assert_whole(&collected.snapshot, &server);
        let judgement = judged(&collected);
        assert!(!judgement.incomplete, "{:?}", judgement.verdicts);
        Arc::new(Whole {
            layout: server.layout(),
            facts: facts(&collected),
            judgement,
        })
    };
    let mut all = ALL.lock().unwrap();
    Arc::clone(all.entry((version, control)).or_insert_with(new))
}
