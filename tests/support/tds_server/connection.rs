//! One connection from its first byte to the answer of its login.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::answer::{Login, LoginAnswer, Message as ServerMessage};
use super::login::{self, Login7};
use super::packet::{
    DEFAULT_PACKET, Message, Outgoing, PACKET_SIZES, ReadError, ends_message, kind, read_message,
    read_packet,
};
use super::prelogin::{Cover, PreLogin};
use super::session::SessionLoop;
use super::tls::{ALPN, PreloginSocket, before_prelogin, within_prelogin};
use super::token::{self, Done, status};
use super::{Encryption, LogKind, Shared, Stage};

/// A connection's byte stream, whatever lies under it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// The server or the client closed it, as may be.
    Closed,
    /// No TLS came about.
    Tls(String),
    /// The client broke the protocol, or the handler gave what cannot be sent.
    Fault(String),
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Gone => Self::Closed,
            ReadError::Malformed(text) => Self::Fault(text),
        }
    }
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

impl From<String> for End {
    fn from(text: String) -> Self {
        Self::Fault(text)
    }
}

/// A connection's number, and the server it belongs to.
#[derive(Clone)]
pub(super) struct Connection {
    pub id: u64,
    pub shared: Arc<Shared>,
}

/// A client that sent LOGIN7.
struct Arrival {
    stream: Box<dyn Stream>,
    login: Login7,
    strict: bool,
    federated: bool,
}

/// The newest TDS 7 and the only TDS 8.
const TDS_7_4: u32 = 0x7400_0004;
const TDS_7_2: u32 = 0x7209_0002;
const TDS_8_0: u32 = 0x0800_0000;

impl Connection {
    pub async fn serve(self, socket: TcpStream) {
        match self.run(socket).await {
            Ok(()) | Err(End::Closed) => {}
            Err(End::Tls(text)) => self.log(LogKind::TlsFailed(text)),
            Err(End::Fault(text)) => self.fault(&text),
        }
    }

    pub fn log(&self, event: LogKind) {
        self.shared.log(self.id, event);
    }

    pub fn fault(&self, text: &str) {
        self.shared.fault(format!("session {}: {text}", self.id));
    }

    /// Runs the handler's code; a panic there is a fault, told before the client sees the end.
    pub fn guarded<T>(&self, what: &str, code: impl FnOnce() -> T) -> Result<T, End> {
        catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no text");
            self.fault(&format!("the handler panicked in {what}: {text}"));
            End::Closed
        })
    }

    /// Where the options have the server fall silent or hang up.
    pub async fn gate(&self, stage: Stage, stream: &mut impl Stream) -> Result<(), End> {
        if self.shared.options.cut == Some(stage) {
            return Err(End::Closed);
        }
        if self.shared.options.hang == Some(stage) {
            tokio::io::copy(stream, &mut tokio::io::sink()).await?;
            return Err(End::Closed);
        }
        Ok(())
    }

    async fn run(&self, mut socket: TcpStream) -> Result<(), End> {
        socket.set_nodelay(true)?;
        self.gate(Stage::Accept, &mut socket).await?;
        let arrival = if self.shared.options.encryption == Encryption::Strict {
            self.arrive_strict(socket).await?
        } else {
            self.arrive(socket).await?
        };
        self.answer_login(arrival).await
    }

    /// TDS 8: TLS, then PRELOGIN and LOGIN7 inside it.
    async fn arrive_strict(&self, mut socket: TcpStream) -> Result<Arrival, End> {
        self.gate(Stage::Tls, &mut socket).await?;
        let acceptor = before_prelogin(self.shared.identity());
        let mut stream = acceptor
            .accept(socket)
            .await
            .map_err(|e| End::Tls(e.to_string()))?;
        self.log_tls(&stream);
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(End::Fault(
                "a TDS 8 client that does not offer tds/8.0".to_owned(),
            ));
        }
        let (prelogin, _) = self.exchange_prelogin(&mut stream).await?;
        let login = self.expect_login(&read_message(&mut stream).await?)?;
        Ok(Arrival {
            stream: Box::new(stream),
            login,
            strict: true,
            federated: prelogin.federated(),
        })
    }

    /// TDS 7: PRELOGIN in the clear, then what the two agreed upon.
    async fn arrive(&self, mut socket: TcpStream) -> Result<Arrival, End> {
        const TLS_HANDSHAKE: u8 = 0x16;
        let mut first = [0];
        if socket.peek(&mut first).await? == 1 && first[0] == TLS_HANDSHAKE {
            // SQL Server takes it for a packet of an unknown type and hangs up.
            return Err(End::Tls("a TDS 8 client at a TDS 7 server".to_owned()));
        }
        let (prelogin, cover) = self.exchange_prelogin(&mut socket).await?;
        let federated = prelogin.federated();
        let (stream, login): (Box<dyn Stream>, _) = if cover == Cover::Nothing {
            let login = self.expect_login(&read_message(&mut socket).await?)?;
            (Box::new(socket), login)
        } else {
            let mut stream = self.handshake(socket).await?;
            if cover == Cover::Login {
                let (socket, message) = covered_login(stream).await?;
                (Box::new(socket), self.expect_login(&message)?)
            } else {
                let login = self.expect_login(&read_message(&mut stream).await?)?;
                (Box::new(stream), login)
            }
        };
        Ok(Arrival {
            stream,
            login,
            strict: false,
            federated,
        })
    }

    async fn exchange_prelogin(&self, stream: &mut impl Stream) -> Result<(PreLogin, Cover), End> {
        let message = read_message(stream).await?;
        if message.kind != kind::PRELOGIN {
            return Err(End::Fault(format!(
                "type {:#04x} where PRELOGIN was due",
                message.kind
            )));
        }
        let prelogin = PreLogin::parse(&message.payload)?;
        self.log(LogKind::PreLogin);
        self.gate(Stage::PreLogin, stream).await?;
        let (payload, cover) = prelogin.answer(&self.shared.options);
        let mut out = Outgoing::new(kind::TABULAR, self.spid(), DEFAULT_PACKET);
        out.payload = payload;
        stream.write_all(&out.finish()).await?;
        stream.flush().await?;
        Ok((prelogin, cover))
    }

    async fn handshake(&self, mut socket: TcpStream) -> Result<TlsStream<PreloginSocket>, End> {
        self.gate(Stage::Tls, &mut socket).await?;
        let acceptor = within_prelogin(self.shared.identity());
        let socket = PreloginSocket::new(socket, self.spid());
        let mut stream = acceptor
            .accept(socket)
            .await
            .map_err(|e| End::Tls(e.to_string()))?;
        stream.get_mut().0.handshake_done();
        self.log_tls(&stream);
        Ok(stream)
    }

    fn log_tls<S>(&self, stream: &TlsStream<S>) {
        let version = stream.get_ref().1.protocol_version();
        self.log(LogKind::Tls {
            version: version
                .and_then(|v| v.as_str())
                .unwrap_or("unknown")
                .to_owned(),
        });
    }

    fn expect_login(&self, message: &Message) -> Result<Login7, End> {
        if message.kind != kind::LOGIN7 {
            return Err(End::Fault(format!(
                "type {:#04x} where LOGIN7 was due",
                message.kind
            )));
        }
        self.shared.count_login();
        Ok(login::parse(&message.payload)?)
    }

    /// The session's number in packet headers; a client needs it only to be the same throughout.
    pub fn spid(&self) -> u16 {
        u16::try_from(50 + self.id % 30_000).expect("below 2^16")
    }

    async fn answer_login(&self, arrival: Arrival) -> Result<(), End> {
        let Arrival {
            mut stream,
            login,
            strict,
            federated,
        } = arrival;
        self.gate(Stage::Login, &mut stream).await?;
        let tds = tds_version(login.login.tds_version, strict)?;
        if login.login.access_token.is_some() && login.federated_echo != federated {
            return Err(End::Fault(
                "LOGIN7 does not echo FEDAUTHREQUIRED".to_owned(),
            ));
        }
        let handler = &self.shared.handler;
        let answer = self.guarded("login", || handler.login(&login.login))?;
        let mut out = Outgoing::new(kind::TABULAR, self.spid(), DEFAULT_PACKET);
        let packet_size = packet_size(&login.login);
        let write = AcceptedLogin {
            connection: self,
            login: &login.login,
            tds,
            packet_size,
        };
        match answer {
            LoginAnswer::Refuse(message) => {
                self.log(LogKind::LoginRefused(login.login.clone()));
                token::put_message(&mut out.payload, &message, &self.shared.options.server_name)?;
                token::put_done(&mut out.payload, Done::Batch, status::ERROR, 0);
                send(&mut *stream, &out.finish()).await?;
                hang_up(stream).await
            }
            LoginAnswer::Route { host, port } => {
                self.log(LogKind::LoginRouted(login.login.clone()));
                write.acknowledge(&mut out.payload)?;
                token::put_routing(&mut out.payload, &host, port)?;
                token::put_done(&mut out.payload, Done::Batch, status::FINAL, 0);
                send(&mut *stream, &out.finish()).await?;
                hang_up(stream).await
            }
            LoginAnswer::Accept { database } => {
                self.log(LogKind::Login(login.login.clone()));
                let session = self.guarded("session", || handler.session(&login.login))?;
                write.greet(&mut out.payload, &database)?;
                send(&mut *stream, &out.finish()).await?;
                SessionLoop::new(self.clone(), stream, packet_size, session)
                    .run()
                    .await
            }
        }
    }
}

/// What the tokens of a good login say.
struct AcceptedLogin<'a> {
    connection: &'a Connection,
    login: &'a Login,
    tds: u32,
    packet_size: usize,
}

impl AcceptedLogin<'_> {
    fn greet(&self, out: &mut Vec<u8>, database: &str) -> Result<(), String> {
        let options = &self.connection.shared.options;
        let info = |number, state, text: String| ServerMessage {
            number,
            state,
            class: 0,
            text,
        };
        token::put_database(out, database, "master")?;
        let changed = format!("Changed database context to '{database}'.");
        token::put_message(out, &info(5701, 2, changed), &options.server_name)?;
        token::put_collation(out, options.collation)?;
        token::put_language(out)?;
        let changed = "Changed language setting to us_english.".to_owned();
        token::put_message(out, &info(5703, 1, changed), &options.server_name)?;
        self.acknowledge(out)?;
        token::put_packet_size(out, self.packet_size, DEFAULT_PACKET)?;
        token::put_done(out, Done::Batch, status::FINAL, 0);
        Ok(())
    }

    fn acknowledge(&self, out: &mut Vec<u8>) -> Result<(), String> {
        token::put_login_ack(out, self.tds, self.connection.shared.options.version)?;
        if self.login.access_token.is_some() {
            token::put_federated_ack(out);
        }
        Ok(())
    }
}

/// The version of TDS to answer with.
fn tds_version(asked: u32, strict: bool) -> Result<u32, String> {
    match asked {
        TDS_8_0 if strict => Ok(TDS_8_0),
        TDS_7_2..=TDS_7_4 => Ok(asked),
        TDS_8_0 => Ok(TDS_7_4),
        _ => Err(format!("LOGIN7 of TDS version {asked:#010x}")),
    }
}

fn packet_size(login: &Login) -> usize {
    match usize::try_from(login.packet_size) {
        Ok(0) | Err(_) => DEFAULT_PACKET,
        Ok(size) => size.clamp(*PACKET_SIZES.start(), *PACKET_SIZES.end()),
    }
}

/// LOGIN7 of a client that covers only its login: the first packet in TLS, further ones in either,
/// and afterwards the bare socket.
async fn covered_login(mut stream: TlsStream<PreloginSocket>) -> Result<(TcpStream, Message), End> {
    let mut payload = Vec::new();
    let (kind, mut last) = read_packet(&mut stream, &mut payload).await?;
    while !ends_message(last) {
        let buffered = {
            let (_, tls) = stream.get_mut();
            let state = tls
                .process_new_packets()
                .map_err(|e| End::Tls(e.to_string()))?;
            state.plaintext_bytes_to_read()
        };
        let mut first = [0];
        if buffered == 0 {
            stream.get_ref().0.get_ref().peek(&mut first).await?;
        }
        if first[0] == kind::LOGIN7 {
            let mut socket = bare(stream)?;
            while !ends_message(last) {
                last = read_packet(&mut socket, &mut payload).await?.1;
            }
            return Ok((socket, whole(kind, payload)));
        }
        last = read_packet(&mut stream, &mut payload).await?.1;
    }
    Ok((bare(stream)?, whole(kind, payload)))
}

fn whole(kind: u8, payload: Vec<u8>) -> Message {
    Message {
        kind,
        payload,
        reset: false,
        ignore: false,
    }
}

/// The socket under a TLS stream that has nothing left to give.
fn bare(stream: TlsStream<PreloginSocket>) -> Result<TcpStream, End> {
    let (socket, mut tls) = stream.into_inner();
    let state = tls
        .process_new_packets()
        .map_err(|e| End::Tls(e.to_string()))?;
    if state.plaintext_bytes_to_read() > 0 || !socket.at_border() {
        return Err(End::Fault(
            "bytes inside TLS after the end of LOGIN7".to_owned(),
        ));
    }
    Ok(socket.into_inner())
}

async fn send(stream: &mut dyn Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Ends the server's side and waits for the client to end its own, so that no reset overtakes the
/// last message.
async fn hang_up(mut stream: Box<dyn Stream>) -> Result<(), End> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
    stream.shutdown().await?;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    Ok(())
}
