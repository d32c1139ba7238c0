//! From a target to a logged-in session, with every failure told by stage, reason and remedy.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, SqlBrowser, error::Error};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;

use super::credential::{CredentialGate, Pass};
use super::plan::{Credential, TargetPlan};
use super::session::Session;
use crate::inventory::Endpoint;
use crate::snapshot::{Encryption, Stage, Trouble};

const APPLICATION: &str = concat!("mssql-posture/", env!("CARGO_PKG_VERSION"));
const DEFAULT_PORT: u16 = 1433;
/// A connection that waited this long for its login may have been given up by the server.
const STALE: Duration = Duration::from_secs(2);

/// Why there is no session, and whether trying again can help.
#[derive(Debug)]
pub struct ConnectError {
    /// For people.
    pub trouble: Trouble,
    /// A fault of the moment, not of the configuration: worth another try.
    pub transient: bool,
}

impl ConnectError {
    fn lasting(stage: Stage, why: impl Into<String>, remedy: &str) -> Self {
        Self::new(stage, why, remedy, false)
    }

    fn transient(stage: Stage, why: impl Into<String>, remedy: &str) -> Self {
        Self::new(stage, why, remedy, true)
    }

    /// Not worth another try: an unproven password may have been what the server did not like, although
    /// it did not say so.
    fn once(self) -> Self {
        Self {
            transient: self.transient && self.trouble.stage != Stage::Login,
            ..self
        }
    }

    fn new(stage: Stage, why: impl Into<String>, remedy: &str, transient: bool) -> Self {
        Self {
            trouble: Trouble {
                stage,
                why: why.into(),
                remedy: remedy.to_owned(),
            },
            transient,
        }
    }
}

/// Opens one session before `deadline`.
///
/// # Errors
/// Stage, reason and remedy of what failed.
pub async fn open(plan: &TargetPlan, deadline: Instant) -> Result<Session, ConnectError> {
    match open_at(plan, &plan.endpoint, deadline).await? {
        Opened::Session(session) => Ok(session),
        Opened::Routed { host, port } if plan.listener => {
            match open_at(plan, &Endpoint::Port(host, port), deadline).await? {
                Opened::Session(session) => Ok(session),
                Opened::Routed { .. } => Err(routed_twice()),
            }
        }
        Opened::Routed { host, port } => Err(ConnectError::lasting(
            Stage::Login,
            format!("the server sends the session on to {host},{port}"),
            "audit the replicas themselves, or set listener = true on the target",
        )),
    }
}

enum Opened {
    Session(Session),
    Routed { host: String, port: u16 },
}

fn routed_twice() -> ConnectError {
    ConnectError::lasting(
        Stage::Login,
        "the server that the session was sent to sends it on again",
        "audit the replicas themselves",
    )
}

async fn open_at(
    plan: &TargetPlan,
    endpoint: &Endpoint,
    deadline: Instant,
) -> Result<Opened, ConnectError> {
    let mut config = config(plan, endpoint)?;
    let limit = || remaining(deadline, plan.connect_limit);
    let mut tcp = connect(plan, endpoint, &config, limit()).await?;
    let waiting = Instant::now();
    let pass = pass(plan, deadline).await?;
    if waiting.elapsed() > STALE {
        tcp = connect(plan, endpoint, &config, limit()).await?;
    }
    let limit = remaining(deadline, plan.login_limit);
    config.handshake_timeout(None); // ours is around it, and says more
    let login = Box::pin(Client::connect(config, tcp.compat_write()));
    match tokio::time::timeout(limit, login).await {
        Ok(Ok(client)) => {
            pass.succeeded();
            Ok(Opened::Session(Session::new(client)))
        }
        Ok(Err(Error::Routing { host, port })) => {
            pass.succeeded();
            Ok(Opened::Routed { host, port })
        }
        Ok(Err(error)) => {
            let unproven = matches!(pass, Pass::First(_));
            let fault = refused(plan, pass, error).await;
            Err(if unproven { fault.once() } else { fault })
        }
        Err(_) => {
            let fault = silent(plan, limit);
            Err(match pass {
                Pass::First(_) => fault.once(),
                Pass::Proven => fault,
            })
        }
    }
}

/// Leave to log in. While another target proves the credential, this one waits.
async fn pass(plan: &TargetPlan, deadline: Instant) -> Result<Pass<'_>, ConnectError> {
    let fault = |why: String| {
        ConnectError::lasting(
            Stage::Credential,
            why,
            "correct the credential, then run again",
        )
    };
    let left = deadline.saturating_duration_since(Instant::now());
    match tokio::time::timeout(left, plan.credential.pass()).await {
        Ok(pass) => pass.map_err(fault),
        Err(_) => Err(fault(format!(
            "not tried: credential {} was not proven on another target in time",
            plan.credential.credential().label()
        ))),
    }
}

/// The smaller of a step's limit and what is left of the target's.
pub fn remaining(deadline: Instant, limit: Duration) -> Duration {
    limit.min(deadline.saturating_duration_since(Instant::now()))
}

async fn connect(
    plan: &TargetPlan,
    endpoint: &Endpoint,
    config: &Config,
    limit: Duration,
) -> Result<TcpStream, ConnectError> {
    let attempt = async {
        match endpoint {
            Endpoint::Named(..) => TcpStream::connect_named(config)
                .await
                .map_err(|e| e.to_string()),
            Endpoint::Default(_) | Endpoint::Port(..) => TcpStream::connect(config.get_addr())
                .await
                .map_err(|e| e.to_string()),
        }
    };
    let remedy = match endpoint {
        Endpoint::Named(..) => {
            "check the host and instance names and that SQL Browser (UDP 1434) answers, or give the port"
        }
        _ => "check host, port and firewall",
    };
    let fault = |why: String| ConnectError::transient(Stage::Connect, why, remedy);
    let tcp = tokio::time::timeout(limit, attempt)
        .await
        .map_err(|_| {
            fault(format!(
                "{} did not answer within {} s",
                plan.endpoint,
                limit.as_secs()
            ))
        })?
        .map_err(|why| fault(format!("{}: {why}", plan.endpoint)))?;
    let _ = tcp.set_nodelay(true); // slower without, not wrong
    Ok(tcp)
}

fn config(plan: &TargetPlan, endpoint: &Endpoint) -> Result<Config, ConnectError> {
    let mut config = Config::new();
    match endpoint {
        Endpoint::Default(host) => {
            config.host(host);
            config.port(DEFAULT_PORT);
        }
        Endpoint::Port(host, port) => {
            config.host(host);
            config.port(*port);
        }
        // A port set beside an instance name would be taken for SQL Browser's.
        Endpoint::Named(host, instance) => {
            config.host(host);
            config.instance_name(instance);
        }
    }
    config.database("master");
    config.application_name(APPLICATION);
    config.readonly(plan.read_only_intent);
    config.lossy_utf16_decoding(true);
    config.command_timeout(None); // every request has our own limit on its whole answer
    config.authentication(authentication(plan.credential.credential())?);
    config.encryption(match plan.tls.mode {
        Encryption::Required => EncryptionLevel::Required,
        Encryption::Strict => EncryptionLevel::Strict,
        Encryption::LoginOnly => EncryptionLevel::Off,
        Encryption::Off => EncryptionLevel::NotSupported,
    });
    match (&plan.tls.ca_pem, plan.tls.trust_server_certificate) {
        // The driver panics if both are set; the inventory refuses the pair, and here trust loses.
        (Some(pem), _) => config.trust_cert_ca_bundle(pem.clone()),
        (None, true) => config.trust_cert(),
        (None, false) => {}
    }
    if let Some(name) = &plan.tls.hostname_in_certificate {
        config.hostname_in_certificate(name);
    }
    Ok(config)
}

fn authentication(credential: &Credential) -> Result<AuthMethod, ConnectError> {
    match credential {
        Credential::Sql { user, password } => {
            Ok(AuthMethod::sql_server(user, password.expose_secret()))
        }
        Credential::EntraToken(token) => Ok(AuthMethod::aad_token(token.expose_secret())),
        #[cfg(any(windows, feature = "kerberos"))]
        Credential::Integrated => Ok(AuthMethod::Integrated),
        #[cfg(not(any(windows, feature = "kerberos")))]
        Credential::Integrated => Err(ConnectError::lasting(
            Stage::Credential,
            "this build has no integrated authentication",
            "build with --features kerberos, or use a SQL login or an access token",
        )),
        Credential::Missing { why, .. } => Err(ConnectError::lasting(
            Stage::Credential,
            why.clone(),
            "correct the credential's reference, then run again",
        )),
    }
}

async fn refused(plan: &TargetPlan, pass: Pass<'_>, error: Error) -> ConnectError {
    match error {
        Error::Server(token) if CredentialGate::is_refusal(token.code()) => {
            plan.credential.refused(pass, &plan.id, token.code()).await;
            ConnectError::lasting(
                Stage::Login,
                format!("error {}: {}", token.code(), token.message()),
                login_remedy(token.code()),
            )
        }
        Error::Server(token) => ConnectError::lasting(
            Stage::Login,
            format!("error {}: {}", token.code(), token.message()),
            login_remedy(token.code()),
        ),
        Error::Tls(text) => {
            ConnectError::lasting(Stage::Tls, certificate_fault(&text), tls_remedy(&text))
        }
        Error::Io { message, .. } if plan.tls.mode == Encryption::Strict => {
            ConnectError::transient(
                Stage::Tls,
                format!("TLS before TDS failed: {message}"),
                "strict needs SQL Server 2022 or later with TDS 8.0; otherwise use mode = \"required\"",
            )
        }
        other => ConnectError::transient(
            Stage::Login,
            other.to_string(),
            "check that a SQL Server listens there and which TLS mode it asks for",
        ),
    }
}

fn silent(plan: &TargetPlan, limit: Duration) -> ConnectError {
    let (stage, remedy) = match plan.tls.mode {
        Encryption::Strict => (
            Stage::Tls,
            "strict needs SQL Server 2022 or later with TDS 8.0; otherwise use mode = \"required\"",
        ),
        _ => (
            Stage::Login,
            "check that a SQL Server listens there and that it is not overloaded",
        ),
    };
    let why = format!(
        "connected, but the login was not completed within {} s",
        limit.as_secs()
    );
    ConnectError::transient(stage, why, remedy)
}

fn login_remedy(number: u32) -> &'static str {
    match number {
        18456 => {
            "check user and password; the server's error log names the reason in the message's state"
        }
        18470 => "the login is disabled: enable it or name another",
        18486 => "the login is locked out: unlock it, then find out who tried",
        18487 | 18488 => "the password has expired or must be changed: change it, then run again",
        4060 => "the login needs CONNECT in master",
        _ => "see the server's message",
    }
}

/// The driver adds paragraphs of advice; the first sentence is the fault.
fn certificate_fault(text: &str) -> String {
    text.split(". ")
        .next()
        .unwrap_or(text)
        .chars()
        .take(200)
        .collect()
}

fn tls_remedy(text: &str) -> &'static str {
    if text.contains("NotValidForName") || text.contains("not valid for name") {
        "set hostname_in_certificate to the name that the certificate carries"
    } else if ["UnknownIssuer", "BadSignature", "self-signed"]
        .iter()
        .any(|fault| text.contains(fault))
    {
        "give the issuing CA with tls.ca_file (or --ca-file); trust_server_certificate accepts any certificate and is itself reported"
    } else {
        "check the server's certificate and TLS versions"
    }
}
