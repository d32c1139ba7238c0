//! PRELOGIN and a TLS handshake, and nothing after them. Everything that is read is counted against one budget.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::TlsProbeError;
use crate::snapshot::ServerEncryption;
use crate::snapshot::short;

/// The most that is read, PRELOGIN's answer and handshake together, in bytes.
const BUDGET: usize = 64 << 10;
const MOST_CERTIFICATES: usize = 16;
/// The protocol name a TDS 8 client offers.
const ALPN: &[u8] = b"tds/8.0";

const PACKET_HEADER: usize = 8;
/// A packet of this length is taken by every server before a size was agreed upon.
const PACKET_BODY: usize = 4096 - PACKET_HEADER;
const PRELOGIN: u8 = 0x12;
const TABULAR: u8 = 0x04;
const END_OF_MESSAGE: u8 = 0x01;

/// The client's side of PRELOGIN: its own version, encryption left to the server, no instance, no thread, no MARS.
/// ENCRYPT_OFF is the one question whose answer shows what the server forces.
const OFFER: &[u8] = &[
    0x00, 0, 26, 0, 6, // VERSION
    0x01, 0, 32, 0, 1, // ENCRYPTION
    0x02, 0, 33, 0, 1, // INSTOPT
    0x03, 0, 34, 0, 4, // THREADID
    0x04, 0, 38, 0, 1,    // MARS
    0xFF, //
    0, 0, 0, 0, 0, 0, // version
    0, // ENCRYPT_OFF
    0, // the empty name's end
    0, 0, 0, 0, // thread
    0, // no MARS
];
const OPTION: usize = 5;
const OPTION_ENCRYPTION: u8 = 0x01;
const OPTION_END: u8 = 0xFF;

/// What came about.
pub(super) struct Made {
    pub encryption: ServerEncryption,
    pub session: Option<Session>,
}

/// A finished handshake.
pub(super) struct Session {
    pub protocol: String,
    pub cipher_suite: String,
    pub chain: Vec<CertificateDer<'static>>,
    /// Whether the server proved that it has the certificate's key.
    has_key: bool,
    provider: Arc<CryptoProvider>,
}

/// Connects, shakes hands and hangs up.
pub(super) async fn run(
    address: SocketAddr,
    strict: bool,
    name: &str,
    limit: Duration,
) -> Result<Made, TlsProbeError> {
    let deadline = Instant::now() + limit;
    let silent = |step| move |_| TlsProbeError::Silent { step, limit };
    let tcp = tokio::time::timeout_at(deadline, TcpStream::connect(address))
        .await
        .map_err(silent("connect"))?
        .map_err(|error| TlsProbeError::Connect(error.to_string()))?;
    let _ = tcp.set_nodelay(true); // slower without, not wrong
    let mut wire = Wire {
        tcp,
        budget: BUDGET,
        step: "PRELOGIN",
    };
    let encryption = if strict {
        ServerEncryption::Strict
    } else {
        tokio::time::timeout_at(deadline, wire.prelogin())
            .await
            .map_err(silent("PRELOGIN"))??
    };
    if encryption == ServerEncryption::NotSupported {
        let session = None;
        return Ok(Made {
            encryption,
            session,
        });
    }
    wire.step = "TLS";
    let name = server_name(name).unwrap_or_else(|| ServerName::IpAddress(address.ip().into()));
    let session = tokio::time::timeout_at(deadline, wire.handshake(strict, name))
        .await
        .map_err(silent("TLS"))??;
    Ok(Made {
        encryption,
        session: Some(session),
    })
}

/// The name as one that a certificate can carry.
fn server_name(name: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).ok()
}

/// A connection, and how much may still be read from it.
struct Wire {
    tcp: TcpStream,
    budget: usize,
    step: &'static str,
}

impl Wire {
    fn lost(&self, error: &io::Error) -> TlsProbeError {
        TlsProbeError::Lost {
            step: self.step,
            why: error.to_string(),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), TlsProbeError> {
        let left = self.budget.checked_sub(bytes);
        self.budget = left.ok_or(TlsProbeError::TooMuch("64 KiB before the login"))?;
        Ok(())
    }

    /// Sends a message in PRELOGIN packets.
    async fn send(&mut self, message: &[u8]) -> Result<(), TlsProbeError> {
        let mut bytes = Vec::new();
        let last = message.len().div_ceil(PACKET_BODY).saturating_sub(1);
        for (number, body) in message.chunks(PACKET_BODY).enumerate() {
            let status = if number == last { END_OF_MESSAGE } else { 0 };
            let length = u16::try_from(body.len() + PACKET_HEADER).unwrap_or(u16::MAX);
            let [high, low] = length.to_be_bytes();
            let counter = (number + 1).to_le_bytes()[0];
            bytes.extend([PRELOGIN, status, high, low, 0, 0, counter, 0]);
            bytes.extend(body);
        }
        self.send_bare(&bytes).await
    }

    async fn send_bare(&mut self, bytes: &[u8]) -> Result<(), TlsProbeError> {
        let sent = self.tcp.write_all(bytes).await;
        sent.map_err(|error| self.lost(&error))
    }

    /// One packet of a type; whether it ends its message, and its body.
    async fn packet(&mut self, expected: u8) -> Result<(bool, Vec<u8>), TlsProbeError> {
        self.spend(PACKET_HEADER)?;
        let mut header = [0; PACKET_HEADER];
        let read = self.tcp.read_exact(&mut header).await;
        read.map_err(|error| self.lost(&error))?;
        let [kind, status, high, low, ..] = header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = length.checked_sub(PACKET_HEADER);
        let Some(body) = body.filter(|_| kind == expected) else {
            return Err(TlsProbeError::Foreign("no such packet"));
        };
        self.spend(body)?;
        let mut bytes = vec![0; body];
        let read = self.tcp.read_exact(&mut bytes).await;
        read.map_err(|error| self.lost(&error))?;
        Ok((status & END_OF_MESSAGE != 0, bytes))
    }

    /// Whatever has come.
    async fn some(&mut self) -> Result<Vec<u8>, TlsProbeError> {
        let mut bytes = vec![0; 4096];
        let read = self.tcp.read(&mut bytes).await;
        let length = read.map_err(|error| self.lost(&error))?;
        if length == 0 {
            return Err(self.lost(&io::ErrorKind::UnexpectedEof.into()));
        }
        self.spend(length)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    async fn prelogin(&mut self) -> Result<ServerEncryption, TlsProbeError> {
        self.send(OFFER).await?;
        let mut message = Vec::new();
        loop {
            let (last, body) = self.packet(TABULAR).await?;
            message.extend(body);
            if last {
                return encryption_in(&message);
            }
        }
    }

    /// A handshake in PRELOGIN packets, or bare if strict; then the connection is closed.
    async fn handshake(
        mut self,
        strict: bool,
        name: ServerName<'static>,
    ) -> Result<Session, TlsProbeError> {
        let fault = |error: Error| TlsProbeError::Handshake(short(&error.to_string()));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let witness = Arc::new(Witness::new(Arc::clone(&provider)));
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(fault)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Witness>::clone(&witness))
            .with_no_client_auth();
        if strict {
            config.alpn_protocols.push(ALPN.to_vec());
        }
        let mut tls = ClientConnection::new(Arc::new(config), name).map_err(fault)?;
        while tls.is_handshaking() {
            if tls.wants_write() {
                let bytes = pending(&mut tls).map_err(|error| self.lost(&error))?;
                if strict {
                    self.send_bare(&bytes).await?;
                } else {
                    self.send(&bytes).await?;
                }
                continue;
            }
            let bytes = if strict {
                self.some().await?
            } else {
                self.packet(PRELOGIN).await?.1
            };
            let mut bytes = bytes.as_slice();
            while !bytes.is_empty() {
                let read = tls.read_tls(&mut bytes);
                read.map_err(|error| self.lost(&error))?;
                tls.process_new_packets().map_err(fault)?;
            }
        }
        tls.send_close_notify();
        // Only a courtesy: all that is to be known is known.
        if let Ok(bytes) = pending(&mut tls) {
            let _ = self.send_bare(&bytes).await;
        }
        let _ = self.tcp.shutdown().await;
        session(&tls, &witness, provider)
    }
}

/// What TLS wants to be sent.
fn pending(tls: &mut ClientConnection) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes)?;
    }
    Ok(bytes)
}

/// The server's ENCRYPTION.
fn encryption_in(message: &[u8]) -> Result<ServerEncryption, TlsProbeError> {
    for entry in message.chunks(OPTION) {
        match *entry {
            [OPTION_ENCRYPTION, high, low, 0, 1] => {
                match message.get(usize::from(u16::from_be_bytes([high, low]))) {
                    Some(0) => return Ok(ServerEncryption::Off),
                    Some(1) => return Ok(ServerEncryption::On),
                    Some(2) => return Ok(ServerEncryption::NotSupported),
                    Some(3) => return Ok(ServerEncryption::Required),
                    _ => break,
                }
            }
            [OPTION_ENCRYPTION | OPTION_END, ..] => break,
            [_, _, _, _, _] => {}
            _ => break,
        }
    }
    Err(TlsProbeError::Foreign("PRELOGIN without ENCRYPTION"))
}

fn session(
    tls: &ClientConnection,
    witness: &Witness,
    provider: Arc<CryptoProvider>,
) -> Result<Session, TlsProbeError> {
    let unknown = || TlsProbeError::Handshake("it ended without a result".to_owned());
    let protocol = tls.protocol_version().ok_or_else(unknown)?;
    let suite = tls.negotiated_cipher_suite().ok_or_else(unknown)?.suite();
    let chain = tls.peer_certificates().ok_or_else(unknown)?;
    if chain.len() > MOST_CERTIFICATES {
        return Err(TlsProbeError::TooMuch("16 certificates"));
    }
    let named = |name: Option<&'static str>, code: u16| {
        name.map_or_else(|| format!("{code:#06x}"), str::to_owned)
    };
    let protocol = named(protocol.as_str(), protocol.into()).replace('_', ".");
    let suite = named(suite.as_str(), suite.into());
    Ok(Session {
        protocol,
        cipher_suite: suite.replacen("TLS13_", "TLS_", 1),
        chain: chain.iter().map(|c| c.clone().into_owned()).collect(),
        has_key: witness.has_key(),
        provider,
    })
}

impl Session {
    /// The server's own certificate, in DER.
    pub fn leaf(&self) -> Result<&[u8], TlsProbeError> {
        let leaf = self.chain.first().map(AsRef::as_ref);
        leaf.ok_or_else(|| TlsProbeError::Certificate("there is none".to_owned()))
    }

    /// Why a verifying client refuses the certificate.
    pub fn refusal(&self, name: &str, ca_pem: Option<&[u8]>) -> Option<String> {
        let (leaf, intermediates) = self.chain.split_first()?;
        let Some(expected) = server_name(name) else {
            return Some(format!("no certificate can be for {:?}", short(name)));
        };
        let roots = Arc::new(roots(ca_pem));
        let provider = Arc::clone(&self.provider);
        let verifier = match WebPkiServerVerifier::builder_with_provider(roots, provider).build() {
            Ok(verifier) => verifier,
            Err(error) => return Some(short(&error.to_string())),
        };
        let now = UnixTime::now();
        match verifier.verify_server_cert(leaf, intermediates, &expected, &[], now) {
            Err(error) => Some(reason(&error, name)),
            Ok(_) if !self.has_key => {
                Some("the server did not prove that it has the certificate's key".to_owned())
            }
            Ok(_) => None,
        }
    }
}

/// The system's authorities and the target's own, as the driver trusts them.
fn roots(ca_pem: Option<&[u8]>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let own = CertificateDer::pem_slice_iter(ca_pem.unwrap_or_default());
    roots.add_parsable_certificates(own.filter_map(Result::ok));
    roots
}

/// The reason without times, which would differ from one look to the next.
fn reason(error: &Error, name: &str) -> String {
    let Error::InvalidCertificate(fault) = error else {
        return short(&error.to_string());
    };
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "a certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "a certificate is not valid yet".to_owned()
        }
        CertificateError::UnknownIssuer => "no trusted authority issued it".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is not for the name {}", short(name))
        }
        CertificateError::BadSignature => "a signature in the chain is wrong".to_owned(),
        other => short(&other.to_string()),
    }
}

/// Takes any certificate, and remembers whether the server proved to have its key.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    has_key: Mutex<bool>,
}

impl Witness {
    fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            has_key: Mutex::new(false),
        }
    }

    fn has_key(&self) -> bool {
        *self.has_key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, proof: &Result<HandshakeSignatureValid, Error>) -> HandshakeSignatureValid {
        *self.has_key.lock().unwrap_or_else(PoisonError::into_inner) = proof.is_ok();
        HandshakeSignatureValid::assertion()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.note(&verify_tls12_signature(
            message,
            certificate,
            signed,
            algorithms,
        )))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.note(&verify_tls13_signature(
            message,
            certificate,
            signed,
            algorithms,
        )))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_a_prelogin_that_leaves_encryption_to_the_server() {
        assert_eq!(encryption_in(OFFER), Ok(ServerEncryption::Off));
        let last = OFFER[20..25].to_vec();
        assert_eq!(usize::from(last[2]) + usize::from(last[4]), OFFER.len());
    }

    #[test]
    fn a_malformed_prelogin_is_refused() {
        for message in [
            &[][..],
            &[0xFF],
            &[0x01],
            &[0x01, 0, 200, 0, 1, 0xFF],
            &[0x01, 0, 6, 0, 2, 0xFF, 1, 1],
            &[0x01, 0, 6, 0, 1, 0xFF, 9],
            &[0x00, 0, 6, 0, 1, 0xFF, 9],
            &[0x00, 0, 6, 0, 1, 0x01, 0, 6],
        ] {
            let read = encryption_in(message);
            assert!(
                matches!(read, Err(TlsProbeError::Foreign(_))),
                "{message:?}: {read:?}"
            );
        }
    }
}
