//! Certificates, and TLS carried inside PRELOGIN packets (MS-TDS 2.2.6.5) and before them (TDS 8).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};

use super::packet::{DEFAULT_PACKET, HEADER, Outgoing, kind};

/// The protocol name a TDS 8 client offers.
pub(super) const ALPN: &[u8] = b"tds/8.0";

/// A server certificate with its key, and the authority that signed it.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names)] // each is in PEM
pub struct Identity {
    ca_pem: String,
    chain_pem: String,
    key_pem: String,
}

impl Identity {
    /// What a client must trust to accept this server.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The certificate the server shows.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The identity of servers that are not given one: `localhost` and `127.0.0.1`.
    pub(super) fn of_localhost() -> &'static Self {
        static IDENTITY: OnceLock<Identity> = OnceLock::new();
        IDENTITY.get_or_init(|| identity(&["localhost", "127.0.0.1"]))
    }
}

/// A fresh certificate for the names (host names or IP addresses), by an authority of its own.
pub fn identity(names: &[&str]) -> Identity {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority
        .distinguished_name
        .push(DnType::CommonName, "TDS test server authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"))
        .expect("a certificate of the authority");
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate().expect("a key");
    let mut server = CertificateParams::new(names).expect("names for a certificate");
    server
        .distinguished_name
        .push(DnType::CommonName, "TDS test server");
    let server = server.signed_by(&key, &authority).expect("a certificate");
    Identity {
        ca_pem: authority.pem(),
        chain_pem: server.pem(),
        key_pem: key.serialize_pem(),
    }
}

/// A certificate that signed itself, as SQL Server makes one when it is given none; it ends with the year.
pub fn self_signed(name: &str, last_year: i32) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let mut server = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    server
        .distinguished_name
        .push(DnType::CommonName, "SSL_Self_Signed_Fallback");
    server.not_before = date_time_ymd(2020, 1, 1);
    server.not_after = date_time_ymd(last_year, 12, 31);
    server.serial_number = Some(vec![0x0a, 0xff, 0x00, 0x01].into());
    let server = server.self_signed(&key).expect("a certificate");
    Identity {
        ca_pem: server.pem(),
        chain_pem: server.pem(),
        key_pem: key.serialize_pem(),
    }
}

impl Identity {
    /// The same with its certificate sent so many times over.
    pub fn repeated(mut self, times: usize) -> Self {
        self.chain_pem = self.chain_pem.repeat(times);
        self
    }
}

/// TLS inside PRELOGIN: TLS 1.2 as SQL Server has it, so that the server speaks last in the
/// handshake and no byte of the login can be mistaken for a part of it.
pub(super) fn within_prelogin(identity: &Identity) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config(identity, &[&TLS12])))
}

/// TDS 8: TLS from the first byte.
pub(super) fn before_prelogin(identity: &Identity) -> TlsAcceptor {
    let mut config = config(identity, &[&TLS12, &TLS13]);
    config.alpn_protocols = vec![ALPN.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn config(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .expect("certificates in PEM");
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).expect("a key in PEM");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("the provider has these versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a key that fits the certificate");
    // A resumed TLS 1.2 handshake ends with the client's word, and a ticket comes after the
    // handshake: both would reach into what follows.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

/// The unit the reading side must not read past.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// A PRELOGIN packet, whose header is taken off.
    Packet,
    /// A TLS record, whose header belongs to TLS. Login-only encryption ends at a record, and what
    /// follows must stay in the socket.
    Record,
}

const RECORD_HEADER: usize = 5;

/// The socket under TLS that was agreed upon in PRELOGIN.
pub(super) struct PreloginSocket {
    socket: TcpStream,
    unit: Unit,
    header: [u8; HEADER],
    header_read: usize,
    body_left: usize,
    handshake: Outgoing,
    framed: Vec<u8>,
}

impl PreloginSocket {
    pub fn new(socket: TcpStream, session: u16) -> Self {
        Self {
            socket,
            unit: Unit::Packet,
            header: [0; HEADER],
            header_read: 0,
            body_left: 0,
            handshake: Outgoing::new(kind::PRELOGIN, session, DEFAULT_PACKET),
            framed: Vec::new(),
        }
    }

    /// From here on TLS records go bare.
    pub fn handshake_done(&mut self) {
        assert!(
            self.handshake.payload.is_empty() && self.framed.is_empty(),
            "the handshake was not flushed"
        );
        assert!(self.at_border(), "the handshake ended inside a packet");
        self.unit = Unit::Record;
    }

    /// Nothing of a packet or record is half-read.
    pub fn at_border(&self) -> bool {
        self.header_read == 0 && self.body_left == 0
    }

    pub fn get_ref(&self) -> &TcpStream {
        &self.socket
    }

    pub fn into_inner(self) -> TcpStream {
        self.socket
    }

    /// Reads at most `most` bytes into `buf` and tells how many.
    fn read_some(
        &mut self,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        let most = most.min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.socket).poll_read(context, &mut part))?;
        let read = part.filled().len();
        buf.advance(read);
        Poll::Ready(Ok(read))
    }

    fn packet_header(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.header_read < HEADER {
            let mut rest = ReadBuf::new(&mut self.header[self.header_read..]);
            ready!(Pin::new(&mut self.socket).poll_read(context, &mut rest))?;
            match rest.filled().len() {
                0 if self.header_read == 0 => return Poll::Ready(Ok(false)),
                0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                read => self.header_read += read,
            }
        }
        let length = usize::from(u16::from_be_bytes([self.header[2], self.header[3]]));
        match length.checked_sub(HEADER) {
            Some(left) if self.header[0] == kind::PRELOGIN => self.body_left = left,
            _ => {
                let text = format!("{:02x?} where a PRELOGIN packet was due", self.header);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
            }
        }
        self.header_read = 0;
        Poll::Ready(Ok(true))
    }
}

impl AsyncRead for PreloginSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        while this.unit == Unit::Packet && this.body_left == 0 {
            if !ready!(this.packet_header(context))? {
                return Poll::Ready(Ok(()));
            }
        }
        if this.body_left > 0 {
            this.body_left -= ready!(this.read_some(context, buf, this.body_left))?;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = ready!(this.read_some(context, buf, RECORD_HEADER - this.header_read))?;
        let end = this.header_read + read;
        this.header[this.header_read..end].copy_from_slice(&buf.filled()[before..]);
        this.header_read = end;
        if this.header_read == RECORD_HEADER {
            this.body_left = usize::from(u16::from_be_bytes([this.header[3], this.header[4]]));
            this.header_read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PreloginSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.unit == Unit::Record {
            return Pin::new(&mut self.socket).poll_write(context, bytes);
        }
        self.handshake.payload.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.handshake.payload.is_empty() {
            this.framed.extend(this.handshake.finish());
        }
        while !this.framed.is_empty() {
            match ready!(Pin::new(&mut this.socket).poll_write(context, &this.framed))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => drop(this.framed.drain(..written)),
            }
        }
        Pin::new(&mut this.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
