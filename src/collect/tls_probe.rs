//! What TLS a server offers, seen from a connection of its own: the driver does not tell what it negotiated.
//! No login is ever sent, and no secret is at hand: any certificate is taken, looked at, and judged afterwards.
//! A server may write a line about a connection that ended before its login into its error log.

mod certificate;
mod handshake;

use std::net::SocketAddr;
use std::time::Duration;

use super::plan::TargetPlan;
use crate::snapshot::{Encryption, ServerTls, TlsSession};

/// Why nothing is known of a server's TLS. For people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsProbeError {
    /// No TCP connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The limit was reached.
    #[error("no answer to {step} within {:.1} s", .limit.as_secs_f32())]
    Silent {
        /// What was not answered: `connect`, `PRELOGIN`, `TLS`.
        step: &'static str,
        /// The limit of the whole probe.
        limit: Duration,
    },
    /// The server ended the connection.
    #[error("the connection was lost during {step}: {why}")]
    Lost {
        /// During what.
        step: &'static str,
        /// The system's reason.
        why: String,
    },
    /// What came is not what SQL Server would say.
    #[error("the answer is not SQL Server's: {0}")]
    Foreign(&'static str),
    /// More came than any server needs to say.
    #[error("the server sends more than {0}")]
    TooMuch(&'static str),
    /// The two did not agree on TLS.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// The certificate cannot be read.
    #[error("the server's certificate cannot be read: {0}")]
    Certificate(String),
}

/// Looks at the TLS of the server that a plan's target reached at `address`, within `limit` for everything.
/// TLS comes first if the plan's mode is strict, else after PRELOGIN. The certificate is held against the name
/// that the plan expects: for a server that the target sends its sessions on to, that name may be another's.
///
/// # Errors
/// Why nothing is known.
pub async fn probe_tls(
    plan: &TargetPlan,
    address: SocketAddr,
    limit: Duration,
) -> Result<ServerTls, TlsProbeError> {
    let name = plan.certificate_name();
    let made = handshake::run(address, plan.tls.mode == Encryption::Strict, &name, limit).await?;
    let session = match made.session {
        Some(session) => Some(TlsSession {
            certificates_sent: u32::try_from(session.chain.len()).unwrap_or(u32::MAX),
            certificate: certificate::read(session.leaf()?).map_err(TlsProbeError::Certificate)?,
            not_trusted_because: session.refusal(&name, plan.tls.ca_pem.as_deref()),
            protocol: session.protocol,
            cipher_suite: session.cipher_suite,
        }),
        None => None,
    };
    Ok(ServerTls {
        encryption: made.encryption,
        session,
    })
}
