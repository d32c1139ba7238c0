//! What TLS a server offers, seen from a connection of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What TLS a server offers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerTls {
    /// What the server answered to a client that leaves encryption to it.
    pub encryption: ServerEncryption,
    /// The TLS session that was made; absent if the server does without TLS.
    pub session: Option<TlsSession>,
}

/// A server's ENCRYPTION in PRELOGIN (MS-TDS 2.2.6.5), asked for with ENCRYPT_OFF.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ServerEncryption {
    /// Only the login is encrypted unless the client wants more: the server forces nothing.
    Off,
    /// Everything is encrypted.
    On,
    /// The server has no encryption; even the login goes in the clear.
    NotSupported,
    /// Everything is encrypted, since the server forces it.
    Required,
    /// TLS came before PRELOGIN (TDS 8.0), as the target's mode asks for; PRELOGIN was not sent.
    Strict,
}

/// A TLS session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSession {
    /// `TLSv1.2` or `TLSv1.3`: the best that both sides have. No older version is offered.
    pub protocol: String,
    /// The cipher suite's name in IANA's registry.
    pub cipher_suite: String,
    /// How many certificates the server sent, its own among them.
    pub certificates_sent: u32,
    /// The server's own certificate.
    pub certificate: ServerCertificate,
    /// Why a client that verifies would refuse the certificate (chain, name, dates, possession of the key),
    /// with the system's authorities and those of the target's `ca_file`; absent if it would accept it.
    pub not_trusted_because: Option<String>,
}

/// A server's certificate. All text is the server's own, each cut to 500 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerCertificate {
    /// Whom it is for, as `CN=…, O=…`.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Serial number, hex in lower case, two digits a byte.
    pub serial: String,
    /// First moment of validity, UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub not_before: String,
    /// Last moment of validity, in the same form.
    pub not_after: String,
    /// SHA-256 of the certificate in DER, hex in lower case.
    pub sha256: String,
    /// DNS names it is valid for, sorted.
    pub dns_names: Vec<String>,
    /// IP addresses it is valid for, sorted as text.
    pub ip_addresses: Vec<String>,
    /// `RSA`, `EC P-256`, `EC P-384`, `EC P-521`, `Ed25519`, or another's name or object identifier.
    pub key_algorithm: String,
    /// Size of the public key in bits, if known.
    pub key_bits: Option<u32>,
    /// The signature's algorithm by its usual name (`sha256WithRSAEncryption`), or its object identifier.
    pub signature_algorithm: String,
    /// Issuer and subject are the same, and its own key made the signature; for the few algorithms and sizes
    /// whose signature cannot be checked (RSA under 2048 bits, P-521), the names decide.
    pub self_signed: bool,
}
