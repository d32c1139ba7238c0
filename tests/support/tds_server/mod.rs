//! A TDS server for tests, written from MS-TDS and knowing no SQL: a `Handler` decides who may log
//! in, and its sessions answer each request with the steps of `answer`.
//!
//! All servers of a process share one runtime of their own, so that hundreds of them can stand
//! beside a blocking test or a spawned program.

pub mod answer;
mod browser;
mod bytes;
mod connection;
mod login;
mod packet;
mod prelogin;
mod request;
mod session;
mod tls;
mod token;
mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, JoinError, JoinSet};

pub use answer::{Login, LoginAnswer, Step};
pub use browser::{BrowserServer, Instance};
pub use request::Request;
pub use tls::{Identity, identity, self_signed};

use connection::Connection;

/// Decides about logins and makes sessions.
pub trait Handler: Send + Sync + 'static {
    fn login(&self, login: &Login) -> LoginAnswer;

    /// The state of one session, made after a good login.
    fn session(&self, login: &Login) -> Box<dyn Session>;
}

/// One client's session.
pub trait Session: Send {
    /// What the server says to the request. A list that does not end with `Done` gets one, unless
    /// `Close` or `Stall` ends it. The last `Done` ends the message at once, unless `Close` or
    /// `Stall` follows it directly: `[.., Done, Sleep, Close]` hangs up after a whole answer.
    fn answer(&mut self, request: &Request) -> Vec<Step>;
}

/// The server's policy on encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    NotSupported,
    /// TLS for the login alone, or for everything if the client asks for that.
    Off,
    /// TLS for everything.
    On,
    /// TDS 8: TLS before the first packet.
    Strict,
}

/// A point at which the server can fall silent or hang up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The connection stands, and nothing was read.
    Accept,
    /// PRELOGIN was read.
    PreLogin,
    /// The TLS handshake is due; never reached without TLS.
    Tls,
    /// LOGIN7 was read.
    Login,
    /// So many requests of a session were answered, and one more was read.
    Request(u32),
}

/// How an attention (a client's wish to cancel) is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// At the end of the answer it cuts short; in a message of its own if that was over already.
    WithinAnswer,
    /// Always in a message of its own, as when the attention and the answer's end cross.
    Apart,
    Never,
}

/// The product's version, as PRELOGIN and LOGINACK tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub major: u8,
    pub minor: u8,
    pub build: u16,
}

/// A collation as TDS has it: LCID and flags in four bytes, then the sort id.
pub type Collation = [u8; 5];

/// `SQL_Latin1_General_CP1_CI_AS`.
pub const LATIN1_GENERAL_CI_AS: Collation = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// How a server behaves below the level of requests.
#[derive(Clone, Debug)]
pub struct Options {
    pub encryption: Encryption,
    /// The certificate to show; `None` is one for `localhost` and `127.0.0.1`.
    pub certificate: Option<Identity>,
    /// Waited once before each answer to a request, as one round trip of a slow network.
    pub latency: Duration,
    /// Where each connection stops being answered.
    pub hang: Option<Stage>,
    /// Where each connection is closed.
    pub cut: Option<Stage>,
    pub acknowledge: Acknowledge,
    pub collation: Collation,
    pub version: Version,
    /// The server's name in messages.
    pub server_name: String,
    /// The instance's name, for clients that ask whether this is it; `None` says yes to any.
    pub instance: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            encryption: Encryption::On,
            certificate: None,
            latency: Duration::ZERO,
            hang: None,
            cut: None,
            acknowledge: Acknowledge::WithinAnswer,
            collation: LATIN1_GENERAL_CI_AS,
            version: Version {
                major: 16,
                minor: 0,
                build: 1000,
            },
            server_name: "TDSTEST".to_owned(),
            instance: None,
        }
    }
}

/// Something a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The number of the connection, from 1 in the order of arrival.
    pub session: u64,
    pub kind: LogKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogKind {
    Connected,
    PreLogin,
    /// A TLS handshake ended well; the version as rustls names it (`TLSv1_2`).
    Tls {
        version: String,
    },
    TlsFailed(String),
    Login(Login),
    LoginRefused(Login),
    LoginRouted(Login),
    Batch(String),
    Rpc {
        procedure: String,
        statement: Option<String>,
    },
    Attention,
    /// The connection is over, whoever ended it.
    Closed,
}

/// What the connections of a server have in common.
struct Shared {
    options: Options,
    handler: Arc<dyn Handler>,
    log: Mutex<Vec<LogEntry>>,
    faults: Mutex<Vec<String>>,
    logins: AtomicUsize,
}

impl Shared {
    fn log(&self, session: u64, kind: LogKind) {
        self.log
            .lock()
            .expect("no panic under the lock")
            .push(LogEntry { session, kind });
    }

    fn fault(&self, text: String) {
        self.faults
            .lock()
            .expect("no panic under the lock")
            .push(text);
    }

    fn count_login(&self) {
        self.logins.fetch_add(1, Ordering::SeqCst);
    }

    fn identity(&self) -> &Identity {
        self.options
            .certificate
            .as_ref()
            .unwrap_or_else(|| Identity::of_localhost())
    }
}

/// A running server on 127.0.0.1; dropping it closes its port and its connections.
pub struct TdsServer {
    port: u16,
    shared: Arc<Shared>,
    task: AbortHandle,
    /// Disconnected once the port is closed.
    stopped: mpsc::Receiver<()>,
}

impl TdsServer {
    pub fn start(options: Options, handler: Arc<dyn Handler>) -> Self {
        const BACKLOG: u32 = 1024;
        let runtime = runtime();
        let _inside = runtime.enter();
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .expect("a free port");
        let listener = socket.listen(BACKLOG).expect("listening");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            options,
            handler,
            log: Mutex::new(Vec::new()),
            faults: Mutex::new(Vec::new()),
            logins: AtomicUsize::new(0),
        });
        let (running, stopped) = mpsc::channel();
        let task = runtime
            .spawn(accept(listener, Arc::clone(&shared), running))
            .abort_handle();
        Self {
            port,
            shared,
            task,
            stopped,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority a client must trust.
    pub fn ca_pem(&self) -> &str {
        self.shared.identity().ca_pem()
    }

    /// What clients did so far. An entry is written before the client sees the answer to it.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared
            .log
            .lock()
            .expect("no panic under the lock")
            .clone()
    }

    /// Breaches of the protocol by clients, and panics and impossible answers of the handler.
    pub fn faults(&self) -> Vec<String> {
        self.shared
            .faults
            .lock()
            .expect("no panic under the lock")
            .clone()
    }

    /// How many LOGIN7 messages came, whatever became of them.
    pub fn logins_attempted(&self) -> usize {
        self.shared.logins.load(Ordering::SeqCst)
    }
}

impl Drop for TdsServer {
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        self.task.abort();
        let _ = self.stopped.recv_timeout(PATIENCE);
    }
}

/// The runtime of all servers in this process. It is never shut down.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .thread_name("tds-server")
            .enable_all()
            .build()
            .expect("a runtime")
    })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, running: mpsc::Sender<()>) {
    // Declared before the sockets, so that it is dropped after them when the task is aborted.
    let _running = running;
    let listener = listener;
    let mut connections = JoinSet::new();
    let mut id = 0;
    loop {
        tokio::select! {
            Ok((socket, _)) = listener.accept() => {
                id += 1;
                shared.log(id, LogKind::Connected);
                let connection = Connection { id, shared: Arc::clone(&shared) };
                connections.spawn(async move {
                    connection.clone().serve(socket).await;
                    connection.log(LogKind::Closed);
                });
            }
            Some(end) = connections.join_next() => note_panic(&shared, end),
            else => return,
        }
    }
}

fn note_panic(shared: &Shared, end: Result<(), JoinError>) {
    if let Err(error) = end.map_err(JoinError::try_into_panic) {
        let text = match error {
            Ok(panic) => panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_default(),
            Err(_cancelled) => return,
        };
        shared.fault(format!("the server panicked: {text}"));
    }
}
