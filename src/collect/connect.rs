//! From a target to a logged-in session, with every failure told by stage, reason and remedy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use tiberius::error::{Error, TokenError};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio_util::compat::TokioAsyncWriteCompatExt;

use super::browser;
use super::credential::{CredentialGate, Pass};
use super::plan::{Credential, TargetPlan};
use super::reach::{self, Order};
use super::session::{Intake, Session};
use super::watch::{Seen, Watched};
use crate::inventory::Endpoint;
use crate::snapshot::{Encryption, Stage, Trouble, short};

const APPLICATION: &str = concat!("mssql-posture/", env!("CARGO_PKG_VERSION"));
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

    pub(super) fn transient(stage: Stage, why: impl Into<String>, remedy: &str) -> Self {
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
pub async fn open(
    plan: &TargetPlan,
    deadline: Instant,
    intake: &Arc<Intake>,
) -> Result<Session, ConnectError> {
    let (host, port) = match open_at(plan, &Leg::first(plan), deadline, intake).await? {
        Opened::Session(session) => return Ok(session),
        Opened::Routed { host, port } => (host, port),
    };
    let leg = Leg::next(plan, &host, port)?;
    match open_at(plan, &leg, deadline, intake).await? {
        Opened::Session(session) => Ok(session),
        Opened::Routed { .. } => Err(routed(
            "the server that the session was sent to sends it on again".to_owned(),
            "audit the replicas themselves",
        )),
    }
}

/// One of the at most two servers on the way to a session, and the name that its certificate must carry if
/// that is not its host's.
#[derive(Debug)]
struct Leg<'a> {
    endpoint: Endpoint,
    order: Order,
    certificate_name: Option<&'a str>,
}

impl<'a> Leg<'a> {
    /// The target itself.
    fn first(plan: &'a TargetPlan) -> Self {
        Self {
            endpoint: plan.endpoint.clone(),
            order: if plan.listener {
                Order::AtOnce
            } else {
                Order::InTurn
            },
            certificate_name: plan.tls.hostname_in_certificate.as_deref(),
        }
    }

    /// Where the target sends the session on to, if the login may go there.
    fn next(plan: &'a TargetPlan, host: &str, port: u16) -> Result<Self, ConnectError> {
        let redirected = plan.is_azure_redirect(host);
        let shown = format!("{},{port}", short(host));
        if !redirected && !plan.listener {
            let remedy = if plan.is_in_azure() {
                "an Azure redirect is followed to the server's own nodes only, and only if the certificate is verified: use tls.mode = \"required\" or \"strict\" without trust_server_certificate"
            } else {
                "audit the replicas themselves, or set listener = true on the target"
            };
            return Err(routed(
                format!("the server sends the session on to {shown}"),
                remedy,
            ));
        }
        if !redirected && !plan.may_be_routed_to(host) {
            return Err(routed(
                format!(
                    "the listener sends the session on to {shown}, a host that is neither in the inventory nor in the listener's domain"
                ),
                "if the host is right, add it to the inventory as a target",
            ));
        }
        Ok(Self {
            // Azure spells some hosts with capitals, which a certificate's names do not have.
            endpoint: Endpoint::Port(host.to_lowercase(), port),
            order: Order::InTurn,
            // An Azure node shows a certificate of its own; what the inventory names is the gateway's.
            certificate_name: plan
                .tls
                .hostname_in_certificate
                .as_deref()
                .filter(|_| !redirected),
        })
    }
}

enum Opened {
    Session(Session),
    Routed { host: String, port: u16 },
}

fn routed(why: String, remedy: &str) -> ConnectError {
    ConnectError::lasting(Stage::Login, why, remedy)
}

async fn open_at(
    plan: &TargetPlan,
    leg: &Leg<'_>,
    deadline: Instant,
    intake: &Arc<Intake>,
) -> Result<Opened, ConnectError> {
    let mut config = config(plan, leg)?;
    let connect = || {
        let limit = remaining(deadline, plan.connect_limit);
        reach::connect(&leg.endpoint, leg.order, browser::PORT, limit)
    };
    let mut tcp = connect().await?;
    let waiting = Instant::now();
    let pass = pass(plan, deadline).await?;
    if waiting.elapsed() > STALE {
        tcp = connect().await?;
    }
    let peer = tcp.peer_addr().ok();
    if let Some(peer) = peer {
        config.port(peer.port()); // a part of the name by which Kerberos knows the server
    }
    let (watched, seen) = Watched::new(tcp, plan.tls.mode == Encryption::Strict);
    let limit = remaining(deadline, plan.login_limit);
    let login = Box::pin(Client::connect(config, watched.compat_write()));
    let fault = match tokio::time::timeout(limit, login).await {
        Ok(Ok(client)) => {
            pass.succeeded();
            return Ok(Opened::Session(Session::new(
                client,
                peer,
                Arc::clone(intake),
            )));
        }
        // Where it leads to is asked for the login again: this answer proves nothing.
        Ok(Err(Error::Routing { host, port })) => return Ok(Opened::Routed { host, port }),
        Ok(Err(Error::Server(token))) => return Err(refused(plan, pass, &token).await),
        Ok(Err(error)) => broken(plan, &seen, error),
        Err(_) => silent(plan, &seen, limit),
    };
    let unproven = matches!(pass, Pass::First(_));
    if unproven && seen.login_sent() {
        CredentialGate::unanswered(pass, &plan.id);
        return Err(fault.once());
    }
    Err(fault)
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

fn config(plan: &TargetPlan, leg: &Leg<'_>) -> Result<Config, ConnectError> {
    let mut config = Config::new();
    config.handshake_timeout(None); // ours is around it, and says more
    match &leg.endpoint {
        Endpoint::Default(host) | Endpoint::Port(host, _) => config.host(host),
        // The server is told the name, and refuses if it is another instance.
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
    if let Some(name) = leg.certificate_name {
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

async fn refused(plan: &TargetPlan, pass: Pass<'_>, token: &TokenError) -> ConnectError {
    if CredentialGate::is_refusal(token.code()) {
        plan.credential.refused(pass, &plan.id, token.code()).await;
    }
    ConnectError::lasting(
        Stage::Login,
        format!("error {}: {}", token.code(), short(token.message())),
        login_remedy(token.code()),
    )
}

fn broken(plan: &TargetPlan, seen: &Seen, error: Error) -> ConnectError {
    match error {
        Error::Tls(text) => {
            ConnectError::lasting(Stage::Tls, certificate_fault(&text), tls_remedy(&text))
        }
        // The driver's words for a server that is not the instance that it was asked for as.
        Error::Protocol(text) if text.contains("INSTOPT") => ConnectError::lasting(
            Stage::Connect,
            format!(
                "what listens at the port that SQL Server Browser names is not {}",
                plan.endpoint
            ),
            "restart the SQL Server Browser service, or give the instance's port",
        ),
        Error::Io { message, .. } => {
            let (stage, remedy) = reached(plan, seen);
            ConnectError::transient(stage, format!("the connection was lost: {message}"), remedy)
        }
        other => {
            let (stage, remedy) = reached(plan, seen);
            ConnectError::transient(stage, short(&other.to_string()), remedy)
        }
    }
}

fn silent(plan: &TargetPlan, seen: &Seen, limit: Duration) -> ConnectError {
    let (stage, remedy) = reached(plan, seen);
    let why = match stage {
        Stage::Connect => "connected, but nothing came that SQL Server would say",
        Stage::Tls => "the TLS handshake was not completed",
        _ => "the login was not answered",
    };
    ConnectError::transient(stage, format!("{why} within {} s", limit.as_secs()), remedy)
}

/// How far the connection had come, and what to look at there.
fn reached(plan: &TargetPlan, seen: &Seen) -> (Stage, &'static str) {
    if seen.login_sent() {
        let remedy = "check that the server is not overloaded; its error log may say why";
        (Stage::Login, remedy)
    } else if plan.tls.mode == Encryption::Strict {
        let remedy =
            "strict needs SQL Server 2022 or later with TDS 8.0; otherwise use mode = \"required\"";
        (Stage::Tls, remedy)
    } else if seen.answered() {
        (
            Stage::Tls,
            "check the server's certificate and TLS versions",
        )
    } else {
        (
            Stage::Connect,
            "check that a SQL Server listens there, and without strict encryption",
        )
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::plan::tests::plan;
    use super::*;

    const NODE: &str = "Node7.ABC123.database.windows.net";

    fn managed_instance() -> TargetPlan {
        let mut plan = plan("mi.abc123.database.windows.net");
        plan.tls.hostname_in_certificate = Some("gateway.example".to_owned());
        plan
    }

    #[test]
    fn an_azure_redirect_is_followed_to_a_node_that_shows_its_own_certificate() {
        let plan = managed_instance();
        let first = Leg::first(&plan);
        assert_eq!(first.certificate_name, Some("gateway.example"));
        let leg = Leg::next(&plan, NODE, 11003).unwrap();
        let node = "node7.abc123.database.windows.net".to_owned();
        assert_eq!(leg.endpoint, Endpoint::Port(node, 11003));
        assert_eq!(leg.certificate_name, None, "that of the host");
    }

    #[test]
    fn a_listeners_replica_shows_the_name_that_the_inventory_gives() {
        let mut plan = plan("ag.corp.example");
        plan.tls.hostname_in_certificate = Some("ag.corp.example".to_owned());
        let fault = Leg::next(&plan, "sql02.corp.example", 1433).unwrap_err();
        assert!(fault.trouble.remedy.contains("listener = true"));
        plan.listener = true;
        assert_eq!(Leg::first(&plan).order, Order::AtOnce);
        let leg = Leg::next(&plan, "sql02.corp.example", 1433).unwrap();
        assert_eq!(leg.certificate_name, Some("ag.corp.example"));
    }

    #[test]
    fn integrated_authentication_is_there_or_is_missed_with_the_way_to_get_it() {
        let plan = plan("sql01");
        let there = cfg!(any(windows, feature = "kerberos"));
        match config(&plan, &Leg::first(&plan)) {
            Ok(_) => assert!(there),
            Err(fault) => {
                assert!(!there && !fault.transient);
                assert_eq!(fault.trouble.stage, Stage::Credential);
                assert!(fault.trouble.remedy.contains("--features kerberos"));
            }
        }
    }

    #[test]
    fn another_instance_than_the_one_asked_for_is_told() {
        let mut plan = plan("sql01");
        plan.endpoint = Endpoint::Named("sql01".to_owned(), "ERP".to_owned());
        let told = Error::Protocol("the instance was rejected (INSTOPT was 1)".into());
        let fault = broken(&plan, &Seen::default(), told);
        assert_eq!(fault.trouble.stage, Stage::Connect);
        assert!(fault.trouble.why.ends_with(r"is not sql01\ERP"));
        assert!(!fault.transient);
    }

    #[test]
    fn a_foreign_host_is_refused_and_its_name_cut() {
        let mut mi = managed_instance();
        for listener in [false, true] {
            mi.listener = listener;
            let host = format!("{}.evil.example", "x".repeat(60_000));
            let fault = Leg::next(&mi, &host, 1433).unwrap_err();
            assert!(!fault.transient);
            assert_eq!(fault.trouble.stage, Stage::Login);
            assert!(
                fault.trouble.why.len() < 1000,
                "{}",
                fault.trouble.why.len()
            );
        }
        let mut unverified = managed_instance();
        unverified.tls.mode = Encryption::LoginOnly;
        let fault = Leg::next(&unverified, NODE, 11003).unwrap_err();
        assert!(fault.trouble.remedy.contains("required"));
    }
}
