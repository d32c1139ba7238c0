//! From arguments to targets: the inventory, its selection, and what the collector needs to know, with
//! every secret resolved.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;

use super::args::Targets;
use super::ledger::Run;
use super::output;
use super::secrets::Secrets;
use crate::collect::{Credential, CredentialGate, TargetPlan, TlsPlan};
use crate::compliance::{self, Framework};
use crate::ids::InstanceId;
use crate::inventory::{
    self, Auth, Endpoint, Inventory, Reach, SecretRef, ServerTarget, Target, TlsMode, parse_server,
};
use crate::report::FileHash;
use crate::rules::{self, OwnRule, Rule};
use crate::snapshot::{Encryption, sha256_hex};

/// An inventory, and the folder that its relative paths start from.
pub struct Estate {
    /// As meant, with the chosen targets only.
    pub inventory: Inventory,
    /// Where relative paths start.
    pub folder: PathBuf,
    /// Frameworks of one's own that the inventory names.
    pub frameworks: Vec<Framework>,
    /// Rules of one's own that it names.
    pub rules: Vec<OwnRule>,
    /// The inventory file.
    pub file: Option<FileHash>,
}

impl Estate {
    /// From the command line: an inventory file, or one server.
    pub fn from_args(args: &Targets) -> anyhow::Result<Self> {
        let Some(server) = &args.server else {
            let path = args.inventory.as_deref().unwrap_or_else(|| Path::new(""));
            return Self::read(path, &args.only, &args.exclude);
        };
        if !args.only.is_empty() || !args.exclude.is_empty() {
            bail!("--only and --exclude choose from an inventory: --server is one target already");
        }
        let (endpoint, note) = parse_server(server)?;
        if let Some(note) = note {
            output::note(&format!("--server {server}: {note}"));
        }
        let mut target = ServerTarget::new(endpoint, auth(args)?);
        target.tls.ca_file.clone_from(&args.ca_file);
        target.tls.trust_server_certificate = args.trust_server_certificate;
        Ok(Self {
            inventory: Inventory::single(server, target),
            folder: PathBuf::new(),
            frameworks: Vec::new(),
            rules: Vec::new(),
            file: None,
        })
    }

    /// From an inventory file.
    pub fn read(path: &Path, only: &[String], exclude: &[String]) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the inventory {}", path.display()))?;
        let mut inventory = Inventory::parse(&text, &path.display().to_string())?;
        inventory.file = recorded(path);
        for note in &inventory.notes {
            output::note(note);
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        if let Some(file) = inventory.waivers_file.clone() {
            add_waivers(&mut inventory, &folder.join(file))?;
        }
        super::baseline::take(&mut inventory, &folder)?;
        let mut rules = Vec::new();
        for file in inventory.rule_files.clone() {
            rules.extend(own_rules(&inventory, &folder.join(file))?);
        }
        let own = inventory.framework_files.iter();
        let frameworks = own.map(|file| framework(&folder.join(file), &rules));
        let frameworks = frameworks.collect::<anyhow::Result<Vec<Framework>>>()?;
        inventory.select(only, exclude)?;
        let file = FileHash {
            path: path.display().to_string(),
            sha256: sha256_hex(text.as_bytes()),
        };
        Ok(Self {
            inventory,
            folder,
            frameworks,
            rules,
            file: Some(file),
        })
    }

    /// What a run over it is known by.
    pub fn run(&self, command: &'static str) -> Run<'_> {
        Run {
            command,
            inventory: self.file.clone(),
            not_selected: self.inventory.as_meant().not_selected,
            frameworks: &self.frameworks,
            own_rules: self.rules.len(),
        }
    }

    /// Databases that it leaves out of a target.
    pub fn excluded(&self, target: &InstanceId) -> &[String] {
        let mut targets = self.inventory.targets.iter();
        let own = targets.find(|own| own.name == *target);
        own.map_or(&[], |own| &own.exclude_databases)
    }

    /// A plan for each server, with its secret; recordings need none.
    pub fn plans(&self, keep_trying: bool) -> anyhow::Result<Vec<TargetPlan>> {
        let mut credentials = Credentials {
            folder: &self.folder,
            keep_trying,
            secrets: Secrets::default(),
            gates: Vec::new(),
        };
        let servers = self
            .inventory
            .targets
            .iter()
            .filter_map(|t| match &t.reach {
                Reach::Server(server) => Some(&server.endpoint),
                Reach::Snapshot(_) => None,
            });
        let hosts = servers.map(|endpoint| match endpoint {
            Endpoint::Default(host) | Endpoint::Port(host, _) | Endpoint::Named(host, _) => {
                host.to_lowercase()
            }
        });
        let known_hosts: Arc<BTreeSet<String>> = Arc::new(hosts.collect());
        let mut plans = Vec::new();
        for target in &self.inventory.targets {
            if let Reach::Server(server) = &target.reach {
                let gate = credentials.gate(&server.auth);
                plans.push(self.plan(target, server, gate, Arc::clone(&known_hosts))?);
            }
        }
        Ok(plans)
    }

    fn plan(
        &self,
        target: &Target,
        server: &ServerTarget,
        credential: Arc<CredentialGate>,
        known_hosts: Arc<BTreeSet<String>>,
    ) -> anyhow::Result<TargetPlan> {
        let ca_pem = match &server.tls.ca_file {
            Some(file) => Some(ca(&self.folder.join(file), target)?),
            None => None,
        };
        Ok(TargetPlan {
            id: target.name.clone(),
            endpoint: server.endpoint.clone(),
            credential,
            tls: TlsPlan {
                mode: match server.tls.mode {
                    TlsMode::Required => Encryption::Required,
                    TlsMode::Strict => Encryption::Strict,
                    TlsMode::LoginOnly => Encryption::LoginOnly,
                    TlsMode::Off => Encryption::Off,
                },
                ca_pem,
                trust_server_certificate: server.tls.trust_server_certificate,
                hostname_in_certificate: server.tls.hostname_in_certificate.clone(),
            },
            connect_limit: server.timeouts.connect,
            login_limit: server.timeouts.login,
            query_limit: server.timeouts.query,
            target_limit: server.timeouts.target,
            retries: server.retries,
            sessions: server.sessions,
            read_only_intent: server.read_only_intent,
            listener: server.listener,
            skip_auto_close: server.skip_auto_close,
            exclude_databases: target.exclude_databases.clone(),
            known_hosts,
            scratch: crate::collect::in_memory(),
        })
    }
}

/// A path as it is written into the folder: nothing of where this machine keeps it.
fn recorded(path: &Path) -> Option<String> {
    let text = if path.is_absolute() {
        path.file_name()?.to_string_lossy()
    } else {
        path.to_string_lossy()
    };
    Some(text.replace(std::path::MAIN_SEPARATOR, "/"))
}

fn ca(path: &Path, target: &Target) -> anyhow::Result<Vec<u8>> {
    let pem = std::fs::read(path).with_context(|| {
        format!(
            "target {}: cannot read ca_file {}",
            target.name,
            path.display()
        )
    })?;
    let text = String::from_utf8_lossy(&pem);
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        bail!(
            "target {}: {} holds no PEM certificate (-----BEGIN CERTIFICATE-----)",
            target.name,
            path.display()
        );
    }
    Ok(pem)
}

fn auth(args: &Targets) -> anyhow::Result<Auth> {
    if args.integrated {
        return Ok(Auth::Integrated);
    }
    let Some(user) = &args.user else {
        bail!(
            "--server needs a login: --user NAME with --password-env VAR, --password-file FILE or --password-stdin, or --integrated"
        );
    };
    let password = match (&args.password_env, &args.password_file, args.password_stdin) {
        (Some(variable), ..) => SecretRef::Env(variable.clone()),
        (None, Some(file), _) => SecretRef::File(file.clone()),
        (None, None, true) => SecretRef::Stdin,
        (None, None, false) => {
            bail!(
                "--user needs its password from --password-env VAR, --password-file FILE or --password-stdin"
            )
        }
    };
    Ok(Auth::Sql {
        user: user.clone(),
        password,
    })
}

/// The credentials of an estate: one gate for each, whatever references lead to it.
struct Credentials<'a> {
    folder: &'a Path,
    keep_trying: bool,
    secrets: Secrets,
    gates: Vec<(Auth, Arc<CredentialGate>)>,
}

impl Credentials<'_> {
    fn gate(&mut self, auth: &Auth) -> Arc<CredentialGate> {
        if let Some((_, gate)) = self.gates.iter().find(|(known, _)| known == auth) {
            return Arc::clone(gate);
        }
        let credential = self.credential(auth);
        let same = self
            .gates
            .iter()
            .find(|(_, gate)| same(gate.credential(), &credential));
        let gate = match same {
            Some((_, gate)) => Arc::clone(gate),
            None => Arc::new(CredentialGate::new(credential, self.keep_trying)),
        };
        self.gates.push((auth.clone(), Arc::clone(&gate)));
        gate
    }

    fn credential(&mut self, auth: &Auth) -> Credential {
        match auth {
            Auth::Sql { user, password } => match self.secrets.resolve(user, password, self.folder)
            {
                Ok(password) => Credential::Sql {
                    user: user.clone(),
                    password,
                },
                Err(why) => Credential::Missing {
                    kind: "sql",
                    user: Some(user.clone()),
                    why,
                },
            },
            Auth::Integrated => Credential::Integrated,
            Auth::EntraToken(token) => {
                match self.secrets.resolve("Entra token", token, self.folder) {
                    Ok(token) => Credential::EntraToken(token),
                    Err(why) => Credential::Missing {
                        kind: "entra-token",
                        user: None,
                        why,
                    },
                }
            }
        }
    }
}

/// Whether two references led to one credential, which then must not be tried twice.
fn same(a: &Credential, b: &Credential) -> bool {
    match (a, b) {
        (
            Credential::Sql { user, password },
            Credential::Sql {
                user: other,
                password: theirs,
            },
        ) => user == other && password.expose_secret() == theirs.expose_secret(),
        (Credential::EntraToken(a), Credential::EntraToken(b)) => {
            a.expose_secret() == b.expose_secret()
        }
        _ => false,
    }
}

/// The day to judge as of: the argument, else the inventory's, else today (UTC).
pub fn as_of(argument: Option<&str>, inventory: Option<&str>) -> anyhow::Result<String> {
    if let Some(day) = argument {
        if !inventory::is_date(day) {
            bail!("--as-of {day:?} is not a date: write it as YYYY-MM-DD");
        }
        return Ok(day.to_owned());
    }
    let today = || {
        jiff::tz::Offset::UTC
            .to_datetime(jiff::Timestamp::now())
            .date()
            .to_string()
    };
    Ok(inventory.map_or_else(today, str::to_owned))
}

/// Reads the waivers and attestations that an inventory names, with the hashes of the files that attest.
fn add_waivers(inventory: &mut Inventory, path: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the waivers {}", path.display()))?;
    inventory.add_waivers(&text, &path.display().to_string())?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    for attestation in &mut inventory.attestations {
        let place = &attestation.place;
        let known = attestation
            .control
            .split_once(':')
            .and_then(|(id, control)| {
                let mut shipped = compliance::shipped().iter();
                shipped.find(|own| own.id == id)?.control(control)
            });
        if known.is_none() && inventory.framework_files.is_empty() {
            bail!(
                "{place}: no framework has a control {:?}",
                attestation.control
            );
        }
        if let Some(file) = &attestation.evidence {
            let evidence = folder.join(file);
            let bytes = std::fs::read(&evidence)
                .with_context(|| format!("{place}: cannot read {}", evidence.display()))?;
            attestation.sha256 = Some(sha256_hex(&bytes));
        }
    }
    Ok(())
}

/// Reads rules of one's own.
fn own_rules(inventory: &Inventory, path: &Path) -> anyhow::Result<Vec<OwnRule>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the rules {}", path.display()))?;
    let mut rules = rules::parse_own(&text, &path.display().to_string())?;
    for rule in &mut rules {
        if let Some(selectors) = &rule.targets {
            let chosen = inventory.choose(selectors);
            rule.chosen =
                Some(chosen.with_context(|| format!("{}: rule {}", path.display(), rule.id))?);
        }
    }
    Ok(rules)
}

/// Reads a framework of one's own.
pub fn framework(path: &Path, own: &[OwnRule]) -> anyhow::Result<Framework> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the framework {}", path.display()))?;
    let id_of = |name: &str| {
        let shipped = Rule::find(name).map(|rule| rule.id.to_owned());
        let called = |rule: &&OwnRule| rule.id == name || rule.slug == name;
        shipped.or_else(|| own.iter().find(called).map(|rule| rule.id.clone()))
    };
    Ok(Framework::parse(&text, &path.display().to_string(), id_of)?)
}
