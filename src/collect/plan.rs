//! What is to be collected, with secrets already resolved: the caller reads environment, files and
//! prompts; this room only connects.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::credential::CredentialGate;
use super::spool::NewScratch;
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
    /// Where code goes until it is sorted.
    pub scratch: NewScratch,
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
        let host = host.to_lowercase();
        self.known_hosts.contains(&host) || in_own_domain(&self.host(), &host)
    }

    /// Whether an answer is Azure SQL sending its client from the gateway on to the node that has the database,
    /// as it does unasked. Followed without more ado only if the answer comes from a verified server and cannot
    /// have been altered on the way, and leads to the server's own nodes.
    pub fn is_azure_redirect(&self, host: &str) -> bool {
        let verified = matches!(self.tls.mode, Encryption::Required | Encryption::Strict)
            && !self.tls.trust_server_certificate;
        verified && self.is_in_azure() && in_own_domain(&self.host(), &host.to_lowercase())
    }

    /// Whether the target is Azure SQL, by its name.
    pub fn is_in_azure(&self) -> bool {
        cloud(&self.host()).is_some()
    }

    /// The name that the server's certificate must carry.
    pub fn certificate_name(&self) -> String {
        let given = self.tls.hostname_in_certificate.clone();
        given.unwrap_or_else(|| self.host())
    }

    /// The host's name in lower case.
    fn host(&self) -> String {
        let (Endpoint::Default(host) | Endpoint::Port(host, _) | Endpoint::Named(host, _)) =
            &self.endpoint;
        host.to_lowercase()
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

/// The domains of Azure SQL: the public cloud and the sovereign ones.
const CLOUDS: &[&str] = &[
    "database.windows.net",
    "database.usgovcloudapi.net",
    "database.chinacloudapi.cn",
];

/// The cloud that a host is in.
fn cloud(host: &str) -> Option<&'static str> {
    let within = |cloud: &&&str| {
        host.strip_suffix(**cloud)
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    };
    CLOUDS.iter().find(within).copied()
}

/// All of a host's name but its first label; none for an address, or if there is but one label more.
fn domain(host: &str) -> Option<&str> {
    let (_, domain) = host
        .split_once('.')
        .filter(|_| host.parse::<IpAddr>().is_err())?;
    domain.contains('.').then_some(domain)
}

/// Whether a host is in the domain of `own`; both in lower case. A cloud's domain belongs to all its customers, so
/// that own nodes of a server directly in it are only those of the cloud's operator.
fn in_own_domain(own: &str, host: &str) -> bool {
    let usual = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    if !host.bytes().all(usual) {
        return false;
    }
    match (domain(own), cloud(own)) {
        (Some(shared), Some(cloud)) if shared == cloud => {
            host.ends_with(&format!(".worker.{cloud}"))
        }
        (Some(own), _) => domain(host) == Some(own),
        (None, _) => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A plan with a verified certificate and without a login.
    pub(in crate::collect) fn plan(host: &str) -> TargetPlan {
        let limit = Duration::from_secs(1);
        TargetPlan {
            id: InstanceId::new("a"),
            endpoint: Endpoint::Default(host.to_owned()),
            credential: Arc::new(CredentialGate::new(Credential::Integrated, false)),
            tls: TlsPlan {
                mode: Encryption::Required,
                ca_pem: None,
                trust_server_certificate: false,
                hostname_in_certificate: None,
            },
            connect_limit: limit,
            login_limit: limit,
            query_limit: limit,
            target_limit: limit,
            retries: 0,
            sessions: 1,
            read_only_intent: true,
            listener: false,
            skip_auto_close: false,
            exclude_databases: Vec::new(),
            known_hosts: Arc::new(BTreeSet::from(["sql09.other.example".to_owned()])),
            scratch: crate::collect::in_memory(),
        }
    }

    /// Where a target is sent on to, and whether a listener and an Azure server may be followed there.
    const ROUTES: &[(&str, &str, bool, bool)] = &[
        ("ag.corp.example", "sql02.corp.example", true, false),
        ("ag.corp.example", "SQL02.CORP.EXAMPLE", true, false),
        ("ag.corp.example", "sql09.other.example", true, false),
        ("ag.corp.example", "sql02.evil.example", false, false),
        ("ag.corp.example", "sql02.corp.example.evil", false, false),
        ("ag.corp.example", "x\\y.corp.example", false, false),
        ("ag.example", "sql02.example", false, false),
        ("10.0.0.1", "10.0.0.2", false, false),
        ("ag", "sql02", false, false),
        (
            "mi.abc123.database.windows.net",
            "Node7.ABC123.database.windows.net",
            true,
            true,
        ),
        (
            "mi.abc123.database.windows.net",
            "mi.evil99.database.windows.net",
            false,
            false,
        ),
        (
            "mi.abc123.database.windows.net",
            "node.abc123.evil.example",
            false,
            false,
        ),
        (
            "mi.abc123.database.windows.net",
            "sql09.other.example",
            true,
            false,
        ),
        (
            "srv.database.windows.net",
            "d1.tr19.westeurope1-a.worker.database.windows.net",
            true,
            true,
        ),
        (
            "srv.database.windows.net",
            "evil.database.windows.net",
            false,
            false,
        ),
        (
            "srv.database.windows.net",
            "evil.worker.database.windows.net.evil.example",
            false,
            false,
        ),
        (
            "mi.z1.database.usgovcloudapi.net",
            "n.z1.database.usgovcloudapi.net",
            true,
            true,
        ),
        (
            "mi.z1.database.chinacloudapi.cn",
            "n.z1.database.chinacloudapi.cn",
            true,
            true,
        ),
        (
            "mi.z1.evildatabase.windows.net",
            "n.z1.evildatabase.windows.net",
            true,
            false,
        ),
    ];

    #[test]
    fn a_session_goes_on_only_to_hosts_of_the_inventory_or_of_the_own_domain() {
        for (own, host, listener, azure) in ROUTES {
            let plan = plan(own);
            assert_eq!(plan.may_be_routed_to(host), *listener, "{own} to {host}");
            assert_eq!(plan.is_azure_redirect(host), *azure, "{own} to {host}");
        }
    }

    #[test]
    fn an_azure_redirect_must_come_from_a_verified_server() {
        let follows = |mode, trust| {
            let mut plan = plan("mi.abc123.database.windows.net");
            plan.tls.mode = mode;
            plan.tls.trust_server_certificate = trust;
            plan.is_azure_redirect("node.abc123.database.windows.net")
        };
        assert!(follows(Encryption::Required, false) && follows(Encryption::Strict, false));
        assert!(!follows(Encryption::Required, true));
        assert!(!follows(Encryption::LoginOnly, false));
        assert!(!follows(Encryption::Off, false));
    }
}
