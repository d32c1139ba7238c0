//! A simulated SQL Server: serves a recorded instance over the wire level of `tds_server`.
//!
//! ```ignore
//! let recording = Recording::load(path);            // or sample::recording(16), changed at will
//! let server = Instance::new(recording)             // one account: USER with PASSWORD
//!     .account("auditor", "secret", Account::Expired)
//!     .fault(Fault::Missing { view: "sys.synonyms" })
//!     .fault_times(1, Fault::BreakRequest { session: None, request: 2, how: Break::Close })
//!     .start(Options::default());                   // encryption, latency, hang, cut: the wire's
//! // … 127.0.0.1:server.port(), trusting server.ca_pem() …
//! server.statements();                              // each statement as sent
//! server.round_trips();                             // requests after login
//! server.assert_clean();                            // nothing refused, nothing missing, no breach of TDS
//! ```
//!
//! There is one table per catalog view and scope, with the columns of `tests/fixtures/views.toml` for
//! the recording's major version. Statements are parsed by `contract` and evaluated; no query is known
//! by name. What it cannot parse gets error 102 and is a fault that `assert_clean` tells; so is a fact
//! that the recording does not hold (error 50000). Facts that are `Denied` or `Failed` in the recording
//! fail with their error, `Partial` ones give the rows that were seen. Rows come in reverse order of
//! the recording, since a server promises none.

mod datum;
mod evaluate;
mod events;
mod facts;
mod functions;
mod recording;
pub mod sample;
mod script;
mod session;
mod tables;
mod times;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub use datum::error;
pub use events::RecordedEvents;
pub use recording::Recording;
pub use script::{Account, Break, Fault, Wrong};

use facts::Database;
use script::Script;
use session::SimulatedSession;
use tables::Tables;

use super::contract::parse;
use super::tds_server::answer::{Login, LoginAnswer};
use super::tds_server::{Handler, LogEntry, LogKind, Options, Session, TdsServer, Version};

/// The account of an instance that is given none.
pub const USER: &str = "posture_audit";
pub const PASSWORD: &str = "Correct-Horse-1 ö;'";

/// An instance before it is started.
pub struct Instance {
    world: Arc<World>,
    accounts: Vec<(String, String, Account)>,
    script: Script,
}

impl Instance {
    pub fn new(recording: Recording) -> Self {
        Self::of(Arc::new(World::of(recording)))
    }

    /// Another instance of a recording that is laid out already.
    pub fn like(layout: &Layout) -> Self {
        Self::of(Arc::clone(&layout.0))
    }

    fn of(world: Arc<World>) -> Self {
        Self {
            world,
            accounts: Vec::new(),
            script: Script::default(),
        }
    }

    /// Gives it trace and audit files.
    #[must_use]
    pub fn events(mut self, events: RecordedEvents) -> Self {
        let world = Arc::get_mut(&mut self.world).expect("an instance of its own");
        world.events = events;
        self
    }

    /// Adds an account. An access token is the password of the user `""`.
    #[must_use]
    pub fn account(mut self, user: &str, password: &str, outcome: Account) -> Self {
        self.accounts
            .push((user.to_owned(), password.to_owned(), outcome));
        self
    }

    /// Adds a fault that happens always.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.script.add(fault, None);
        self
    }

    /// Adds a fault that happens so many times.
    #[must_use]
    pub fn fault_times(mut self, times: usize, fault: Fault) -> Self {
        self.script.add(fault, Some(times));
        self
    }

    /// Starts it; product version and server name are the recording's, whatever the options say.
    pub fn start(mut self, mut options: Options) -> RunningInstance {
        if self.accounts.is_empty() {
            self = self.account(USER, PASSWORD, Account::Accepted);
        }
        let world = self.world;
        options.version = world.product();
        if let Some(name) = world.identity().and_then(|i| i.server_name.clone()) {
            options.server_name = name;
        }
        let instance = Arc::new(Simulated {
            world,
            accounts: self.accounts,
            script: self.script,
            gaps: Mutex::default(),
            sessions: AtomicUsize::new(0),
            uses: Mutex::default(),
        });
        let handler = Arc::new(Entrance(Arc::clone(&instance)));
        RunningInstance {
            server: TdsServer::start(options, handler),
            instance,
        }
    }
}

/// A recording as it is served: for many instances of one.
pub struct Layout(Arc<World>);

/// An instance that listens on 127.0.0.1 until it is dropped.
pub struct RunningInstance {
    server: TdsServer,
    instance: Arc<Simulated>,
}

impl RunningInstance {
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The authority that signed the server's certificate.
    pub fn ca_pem(&self) -> &str {
        self.server.ca_pem()
    }

    /// What it serves, to be served again.
    pub fn layout(&self) -> Layout {
        Layout(Arc::clone(&self.instance.world))
    }

    /// What it serves.
    pub fn recording(&self) -> &Recording {
        &self.instance.world.recording
    }

    /// Everything that clients did.
    pub fn log(&self) -> Vec<LogEntry> {
        self.server.log()
    }

    /// How many LOGIN7 messages came.
    pub fn logins_attempted(&self) -> usize {
        self.server.logins_attempted()
    }

    /// Texts of batches and prepared statements, in order of arrival over all sessions.
    pub fn batches(&self) -> Vec<String> {
        let text = |entry: LogEntry| match entry.kind {
            LogKind::Batch(text) => Some(text),
            LogKind::Rpc { statement, .. } => statement,
            _ => None,
        };
        self.server.log().into_iter().filter_map(text).collect()
    }

    /// Each statement as it was sent; a batch that does not parse is one.
    pub fn statements(&self) -> Vec<String> {
        self.batches()
            .into_iter()
            .flat_map(|batch| match parse(&batch) {
                Ok(statements) => statements
                    .into_iter()
                    .map(|statement| batch[statement.span].to_owned())
                    .collect(),
                Err(_) => vec![batch],
            })
            .collect()
    }

    /// Requests after login, each of which is one round trip.
    pub fn round_trips(&self) -> usize {
        let request =
            |entry: &LogEntry| matches!(entry.kind, LogKind::Batch(_) | LogKind::Rpc { .. });
        self.server
            .log()
            .iter()
            .filter(|entry| request(entry))
            .count()
    }

    /// Texts that were refused, gaps of the recording, and breaches of TDS.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.server.faults();
        faults.extend(
            self.instance
                .gaps
                .lock()
                .expect("no panic under the lock")
                .iter()
                .cloned(),
        );
        faults
    }

    pub fn assert_clean(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

/// The recording, laid out for serving.
struct World {
    recording: Recording,
    version: u16,
    case_sensitive: bool,
    server: Tables,
    databases: Vec<Database>,
    logins_by_sid: BTreeMap<Vec<u8>, Option<String>>,
    events: RecordedEvents,
}

/// Database names as a case-insensitive server compares them.
fn same_name(left: &str, right: &str) -> bool {
    left == right || left.to_lowercase() == right.to_lowercase()
}

impl World {
    fn of(recording: Recording) -> Self {
        let version = recording
            .snapshot
            .major_version()
            .expect("a recording with its product version");
        let server = &recording.snapshot.server;
        let mut logins_by_sid = BTreeMap::new();
        for principal in server.server_principals.seen() {
            if let Some(sid) = &principal.sid {
                logins_by_sid.insert(recording::bytes_of(sid), Some(principal.name.clone()));
            }
        }
        for database in server.databases.seen() {
            if let Some(sid) = &database.owner_sid {
                logins_by_sid.insert(recording::bytes_of(sid), database.owner_name.clone());
            }
        }
        let collation = server
            .server_identity
            .known()
            .and_then(|i| i.collation.as_deref());
        let mut tables = facts::server_tables(&recording, version);
        events::name_tables(&mut tables, version);
        Self {
            version,
            case_sensitive: collation.is_some_and(|c| c.contains("_CS") || c.contains("_BIN")),
            server: tables,
            databases: facts::databases(&recording, version),
            logins_by_sid,
            events: RecordedEvents::default(),
            recording,
        }
    }

    fn identity(&self) -> Option<&mssql_posture::snapshot::ServerIdentity> {
        self.recording.snapshot.server.server_identity.known()
    }

    fn product(&self) -> Version {
        let text = self.identity().map_or("", |i| i.product_version.as_str());
        let part = |at: usize| {
            text.split('.')
                .nth(at)
                .and_then(|p| p.parse::<u16>().ok())
                .unwrap_or(0)
        };
        Version {
            major: u8::try_from(part(0)).unwrap_or(u8::MAX),
            minor: u8::try_from(part(1)).unwrap_or(0),
            build: part(2),
        }
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.databases.iter().position(|d| {
            if self.case_sensitive {
                d.name == name
            } else {
                same_name(&d.name, name)
            }
        })
    }

    fn database(&self, name: &str) -> Option<&Database> {
        self.place_of(name).map(|place| &self.databases[place])
    }
}

/// What the sessions of an instance share.
struct Simulated {
    world: Arc<World>,
    accounts: Vec<(String, String, Account)>,
    script: Script,
    gaps: Mutex<Vec<String>>,
    sessions: AtomicUsize,
    uses: Mutex<BTreeMap<String, usize>>,
}

impl Simulated {
    fn gap(&self, text: String) {
        self.gaps
            .lock()
            .expect("no panic under the lock")
            .push(text);
    }

    /// How often USE named this database, this time included.
    fn count_use(&self, name: &str) -> usize {
        let mut uses = self.uses.lock().expect("no panic under the lock");
        let times = uses.entry(name.to_lowercase()).or_default();
        *times += 1;
        *times
    }

    fn login(&self, login: &Login) -> LoginAnswer {
        let (user, secret) = match &login.access_token {
            Some(token) => ("", token.as_str()),
            None => (login.user.as_str(), login.password.as_str()),
        };
        let account = self
            .accounts
            .iter()
            .find(|(name, password, _)| name.eq_ignore_ascii_case(user) && password == secret);
        let Some((.., outcome)) = account else {
            return LoginAnswer::Refuse(error(
                18456,
                14,
                format!("Login failed for user '{user}'."),
            ));
        };
        match outcome.answer(user) {
            LoginAnswer::Accept { .. } if !login.database.is_empty() => {
                match self.world.database(&login.database) {
                    Some(database) => LoginAnswer::Accept {
                        database: database.name.clone(),
                    },
                    None => LoginAnswer::Refuse(error(
                        4060,
                        11,
                        format!(
                            "Cannot open database \"{}\" requested by the login. The login failed.",
                            login.database
                        ),
                    )),
                }
            }
            answer => answer,
        }
    }
}

/// The wire's view of the instance.
struct Entrance(Arc<Simulated>);

impl Handler for Entrance {
    fn login(&self, login: &Login) -> LoginAnswer {
        self.0.login(login)
    }

    fn session(&self, login: &Login) -> Box<dyn Session> {
        let number = self.0.sessions.fetch_add(1, Ordering::SeqCst) + 1;
        Box::new(SimulatedSession::new(Arc::clone(&self.0), number, login))
    }
}
