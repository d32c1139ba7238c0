//! What is to be collected, with secrets already resolved: the caller reads environment, files and
//! prompts; this room only connects.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::credential::CredentialGate;
use crate::ids::InstanceId;
use crate::inventory::Endpoint;
use crate::snapshot::{Connection, Encryption};

/// One target to collect.
#[derive(Clone)]
pub struct TargetPlan {
    /// The target's name.
    pub id: InstanceId,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The credential, shared by all targets that use it.
    pub credential: Arc<CredentialGate>,
    /// How the connection is encrypted.
    pub tls: TlsPlan,
    /// Time for name resolution and TCP.
    pub connect_limit: Duration,
    /// Time for pre-login, TLS and login together.
    pub login_limit: Duration,
    /// Time for one batch.
    pub query_limit: Duration,
    /// Time for the whole target.
    pub target_limit: Duration,
    /// New connections after a transient fault.
    pub retries: u32,
    /// Parallel sessions at most.
    pub sessions: usize,
    /// ApplicationIntent=ReadOnly.
    pub read_only_intent: bool,
    /// An availability-group listener: one routing answer is followed.
    pub listener: bool,
    /// Leave AUTO_CLOSE databases closed.
    pub skip_auto_close: bool,
    /// Databases that the inventory leaves out.
    pub exclude_databases: Vec<String>,
    /// Hosts that the inventory names, in lower case.
    pub known_hosts: Arc<BTreeSet<String>>,
}

/// Encryption of one target.
#[derive(Clone)]
pub struct TlsPlan {
    /// Mode.
    pub mode: Encryption,
    /// PEM of a private CA.
    pub ca_pem: Option<Vec<u8>>,
    /// Accept any certificate.
    pub trust_server_certificate: bool,
    /// Name expected in the certificate, if not the host's.
    pub hostname_in_certificate: Option<String>,
}

/// How to authenticate.
pub enum Credential {
    /// SQL login.
    Sql {
        /// Login name.
        user: String,
        /// Password.
        password: SecretString,
    },
    /// The account that runs this program.
    Integrated,
    /// An Entra ID access token.
    EntraToken(SecretString),
    /// The secret could not be had; nothing that uses it is tried.
    Missing {
        /// `sql`, `integrated`, `entra-token`.
        kind: &'static str,
        /// Login name, if one was given.
        user: Option<String>,
        /// Why, without the secret.
        why: String,
    },
}

impl Credential {
    /// The kind's name as in an inventory.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sql { .. } => "sql",
            Self::Integrated => "integrated",
            Self::EntraToken(_) => "entra-token",
            Self::Missing { kind, .. } => kind,
        }
    }

    /// The login it names.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Sql { user, .. } => Some(user),
            Self::Missing { user, .. } => user.as_deref(),
            Self::Integrated | Self::EntraToken(_) => None,
        }
    }

    /// What it is called in messages; never the secret.
    pub fn label(&self) -> String {
        match self.user() {
            Some(user) => format!("{} {user}", self.kind()),
            None => self.kind().to_owned(),
        }
    }
}

impl TargetPlan {
    /// Whether a listener's answer may be followed to a host: one that the inventory names, or one in the
    /// listener's own domain. The login goes where it leads to.
    pub fn may_be_routed_to(&self, host: &str) -> bool {
        let domain = |host: &str| {
            let numeric = host.parse::<IpAddr>().is_ok();
            let (_, domain) = host.split_once('.').filter(|_| !numeric)?;
            domain.contains('.').then(|| domain.to_lowercase())
        };
        let own = match &self.endpoint {
            Endpoint::Default(host) | Endpoint::Port(host, _) | Endpoint::Named(host, _) => host,
        };
        self.known_hosts.contains(&host.to_lowercase())
            || domain(host).is_some_and(|theirs| domain(own) == Some(theirs))
    }

    /// What the snapshot says about the connection.
    pub fn connection(&self) -> Connection {
        Connection {
            endpoint: self.endpoint.to_string(),
            encryption: self.tls.mode,
            trust_server_certificate: self.tls.trust_server_certificate,
            authentication: self.credential.credential().kind().to_owned(),
            user: self.credential.credential().user().map(str::to_owned),
        }
    }
}
