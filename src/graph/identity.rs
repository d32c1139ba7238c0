//! As which account of the operating system a channel's command runs, read from the services, the credentials and the
//! Agent proxies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Platform, Site};
use crate::snapshot::{Credential, Fact, Observed, Service, Snapshot};

/// What an account can do on its computer and in the network, weakest first. The order compares what the account's
/// kind gives; group memberships and rights given to it by hand are outside a snapshot, and `Unknown` stands last
/// because it could be any of them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// A worker account or AppContainer of external scripts: low here, none elsewhere.
    Worker,
    /// The `mssql` user on Linux: owns all the databases' files, no root.
    Linux,
    /// `NT SERVICE\…`: low here and the computer's account in the network; also `NT AUTHORITY\LOCAL SERVICE`, which is
    /// nobody there.
    Virtual,
    /// `NT AUTHORITY\NETWORK SERVICE`: the same, but shared with every other service that runs as it.
    Network,
    /// A user of this computer. May be one of its administrators.
    LocalUser,
    /// The account of a proxy credential, chosen by whoever made it.
    Proxy,
    /// `DOMAIN\account`, `DOMAIN\account$` or `account@domain`: reaches other computers.
    Domain,
    /// LocalSystem: everything here, and the computer's account in the network.
    Administrative,
    /// Not seen, or of no known form.
    Unknown,
}

impl Power {
    /// The strongest that it can be: an account that was not seen may be LocalSystem.
    #[must_use]
    pub fn worst(self) -> Self {
        match self {
            Self::Unknown => Self::Administrative,
            known => known,
        }
    }
}

/// The account that a command runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsIdentity {
    /// Its name as the server gives it, therefore hostile.
    pub account: Option<String>,
    /// What it can do.
    pub power: Power,
    /// The facts of the instance that say so, each with the place of its row among the seen rows.
    pub evidence: Vec<(Fact, usize)>,
    /// Why the account or its power is not known.
    pub why: Option<String>,
}

impl OsIdentity {
    fn unknown(why: impl Into<String>) -> Self {
        Self {
            account: None,
            power: Power::Unknown,
            evidence: Vec::new(),
            why: Some(why.into()),
        }
    }

    fn named(account: &str, power: Power, evidence: Vec<(Fact, usize)>) -> Self {
        let why = match power {
            Power::Unknown => Some("the account's name is of no known form".to_owned()),
            _ => None,
        };
        Self {
            account: Some(account.to_owned()),
            power,
            evidence,
            why,
        }
    }
}

/// Whether a proxy account is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyAccount {
    /// The list is whole and has none.
    Absent,
    /// It is there.
    Present(OsIdentity),
    /// None was seen, and one may be there.
    Unseen {
        /// Rights that would show it, or why it was not read.
        needs: Vec<String>,
    },
}

/// A service of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Engine,
    Agent,
    Launchpad,
}

/// A service's executable, and its display name in English before ` (INSTANCE)`. The executable goes first, since
/// display names are translated.
const SERVICES: &[(Kind, &str, &str)] = &[
    (Kind::Engine, "sqlservr.exe", "SQL Server"),
    (Kind::Agent, "sqlagent.exe", "SQL Server Agent"),
    (Kind::Launchpad, "launchpad.exe", "SQL Server Launchpad"),
];

/// Users of the packages for Linux: the engine with its Agent, and scripts.
const LINUX_ENGINE: &str = "mssql";
const LINUX_SCRIPTS: &str = "mssql_satellite";

/// The engine's account. Assemblies, COM objects and extended procedures run as it, and xp_cmdshell for sysadmin.
pub fn engine(snapshot: &Snapshot) -> OsIdentity {
    if is_linux(snapshot) {
        return OsIdentity::named(LINUX_ENGINE, Power::Linux, vec![(Fact::Host, 0)]);
    }
    service(snapshot, Kind::Engine)
}

/// The Agent's account. Steps without a proxy run as it in jobs that a sysadmin owns.
pub fn agent(snapshot: &Snapshot) -> OsIdentity {
    if !is_linux(snapshot) {
        return service(snapshot, Kind::Agent);
    }
    let row = find_service(snapshot, Kind::Agent).map(|(at, _)| (Fact::Services, at));
    let evidence = row.into_iter().chain([(Fact::Host, 0)]).collect();
    OsIdentity::named(LINUX_ENGINE, Power::Linux, evidence)
}

/// The Launchpad service, which starts external scripts. For what the scripts run as see [`external_script`].
pub fn launchpad(snapshot: &Snapshot) -> OsIdentity {
    if is_linux(snapshot) {
        return OsIdentity::unknown("no fact tells Launchpad's user on Linux");
    }
    service(snapshot, Kind::Launchpad)
}

/// External scripts: a worker account up to 2017, Launchpad's own inside an AppContainer from 2019, `mssql_satellite`
/// in its own namespaces on Linux (docs/machine-learning/concepts/security.md).
pub fn external_script(snapshot: &Snapshot) -> OsIdentity {
    const FIRST_WITH_CONTAINERS: u16 = 15;
    let site = Site::of(snapshot);
    match site.platform {
        Platform::Linux => OsIdentity::named(LINUX_SCRIPTS, Power::Worker, vec![(Fact::Host, 0)]),
        Platform::Windows | Platform::WindowsExpress => {
            let contained = site.version.is_some_and(|v| v >= FIRST_WITH_CONTAINERS);
            let service = service(snapshot, Kind::Launchpad);
            let why = if contained {
                service.why
            } else {
                Some("a worker account of Launchpad's pool, chosen at run time".to_owned())
            };
            OsIdentity {
                account: service.account.filter(|_| contained),
                power: Power::Worker,
                evidence: service.evidence,
                why,
            }
        }
        _ => OsIdentity::unknown("no fact tells what external scripts run as on this platform"),
    }
}

/// The account of `##xp_cmdshell_proxy_account##`. `xp_cmdshell` runs as it for callers outside sysadmin.
pub fn xp_cmdshell_proxy(snapshot: &Snapshot) -> ProxyAccount {
    const NAME: &str = "##xp_cmdshell_proxy_account##";
    proxy_credential(snapshot, |c| c.name.eq_ignore_ascii_case(NAME))
}

/// The account of an Agent proxy, whether the proxy is switched on or not (its row, the first of the evidence, says).
pub fn agent_proxy(snapshot: &Snapshot, proxy_id: i32) -> ProxyAccount {
    let proxies = &snapshot.server.proxies;
    let found = proxies
        .seen()
        .iter()
        .enumerate()
        .find(|(_, proxy)| proxy.proxy_id == proxy_id);
    let Some((at, proxy)) = found else {
        return not_found(proxies);
    };
    let credential = proxy_credential(snapshot, |c| c.credential_id == proxy.credential_id);
    let mut identity = match credential {
        ProxyAccount::Present(identity) => identity,
        ProxyAccount::Absent => OsIdentity::unknown("the proxy's credential does not exist"),
        ProxyAccount::Unseen { needs } => OsIdentity::unknown(format!(
            "the proxy's credential was not seen: {}",
            needs.join("; ")
        )),
    };
    identity.evidence.insert(0, (Fact::Proxies, at));
    ProxyAccount::Present(identity)
}

fn proxy_credential(snapshot: &Snapshot, wanted: impl Fn(&Credential) -> bool) -> ProxyAccount {
    let credentials = &snapshot.server.credentials;
    let mut rows = credentials.seen().iter().enumerate();
    let Some((at, row)) = rows.find(|(_, row)| wanted(row)) else {
        return not_found(credentials);
    };
    let evidence = vec![(Fact::Credentials, at)];
    ProxyAccount::Present(match row.credential_identity.as_deref() {
        Some(account) if !account.trim().is_empty() => {
            OsIdentity::named(account, Power::Proxy, evidence)
        }
        _ => OsIdentity {
            evidence,
            ..OsIdentity::unknown("the credential's identity was not shown")
        },
    })
}

/// Absent only from a list that is whole, or that this server does not have.
fn not_found<T>(list: &Observed<Vec<T>>) -> ProxyAccount {
    if list.is_settled() {
        return ProxyAccount::Absent;
    }
    ProxyAccount::Unseen {
        needs: list.needs(),
    }
}

fn is_linux(snapshot: &Snapshot) -> bool {
    Site::of(snapshot).platform == Platform::Linux
}

fn service(snapshot: &Snapshot, kind: Kind) -> OsIdentity {
    if let Some((at, row)) = find_service(snapshot, kind) {
        let power = power_of(&row.service_account, snapshot);
        return OsIdentity::named(&row.service_account, power, vec![(Fact::Services, at)]);
    }
    let services = &snapshot.server.services;
    OsIdentity::unknown(if services.is_settled() {
        "the server lists no such service".to_owned()
    } else {
        format!("services was not seen: {}", services.needs().join("; "))
    })
}

fn find_service(snapshot: &Snapshot, kind: Kind) -> Option<(usize, &Service)> {
    let mut rows = snapshot.server.services.seen().iter().enumerate();
    rows.find(|(_, row)| kind_of(row) == Some(kind))
}

fn kind_of(row: &Service) -> Option<Kind> {
    let file = row.filename.as_deref().map(executable).unwrap_or_default();
    let display = row.servicename.split(" (").next().unwrap_or_default();
    let by_file = SERVICES
        .iter()
        .find(|(_, name, _)| name.eq_ignore_ascii_case(file));
    let mut by_display = SERVICES.iter();
    by_file
        .or_else(|| by_display.find(|(_, _, name)| name.eq_ignore_ascii_case(display)))
        .map(|(kind, _, _)| *kind)
}

/// The file's name in a command line such as `"C:\…\sqlservr.exe" -sERP`.
fn executable(command_line: &str) -> &str {
    let path = match command_line.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => command_line.split(" -").next(),
    };
    let file = path.unwrap_or_default().rsplit(['\\', '/']).next();
    file.unwrap_or_default().trim()
}

/// `NT AUTHORITY` in the languages of Windows that translate it, in lower case. Nothing stands for names given
/// without it, as the service manager does.
const AUTHORITIES: &[&str] = &["", ".", "nt authority", "nt-autorität", "autorite nt"];

/// Accounts under it, in lower case and without spaces. Names: docs/database-engine/configure-windows/
/// configure-windows-service-accounts-and-permissions.md (Localized service names), in English, German, French, Italian,
/// Spanish and Russian.
const BUILT_IN: &[(&str, Power)] = &[
    ("system", Power::Administrative),
    ("localsystem", Power::Administrative),
    ("система", Power::Administrative),
    ("networkservice", Power::Network),
    ("netzwerkdienst", Power::Network),
    ("serviceréseau", Power::Network),
    ("serviziodirete", Power::Network),
    ("serviciodered", Power::Network),
    ("localservice", Power::Virtual),
    ("lokalerdienst", Power::Virtual),
    ("servicelocal", Power::Virtual),
    ("serviziolocale", Power::Virtual),
    ("servicioloc", Power::Virtual),
];

/// What an account's name tells, whatever its case. A built-in account in a language that is not listed is `Unknown`,
/// never a domain's.
pub fn power_of(account: &str, snapshot: &Snapshot) -> Power {
    let (authority, name) = match account.split_once('\\') {
        Some((authority, name)) => (lower(authority), dense(name)),
        None => (String::new(), dense(account)),
    };
    let mut built_in = BUILT_IN.iter();
    if AUTHORITIES.contains(&authority.as_str())
        && let Some((_, power)) = built_in.find(|(built_in, _)| *built_in == name)
    {
        return *power;
    }
    match authority.as_str() {
        _ if name.is_empty() => Power::Unknown,
        "" if name == LINUX_ENGINE => Power::Linux,
        "" if name.contains('@') => Power::Domain,
        "" => Power::Unknown,
        "nt service" => Power::Virtual,
        "." => Power::LocalUser,
        machine if is_this_computer(machine, snapshot) => Power::LocalUser,
        _ if is_built_in(account) => Power::Unknown,
        _ => Power::Domain,
    }
}

/// Lower case of every character by itself, whatever the system's language.
fn lower(name: &str) -> String {
    name.trim().chars().flat_map(char::to_lowercase).collect()
}

/// The same without spaces, which the service manager leaves out of `NETWORK SERVICE`.
fn dense(name: &str) -> String {
    lower(name).split_whitespace().collect()
}

fn is_this_computer(authority: &str, snapshot: &Snapshot) -> bool {
    let identity = snapshot.server.server_identity.known();
    let names = identity.map(|i| [i.machine_name.as_deref(), i.physical_name.as_deref()]);
    let mut names = names.into_iter().flatten().flatten();
    names.any(|name| lower(name) == authority)
}

/// Translations of `NT AUTHORITY` keep the `NT` as a word of its own, first or last.
fn is_built_in(account: &str) -> bool {
    let authority = account.split('\\').next().unwrap_or_default();
    let mut words = authority.split([' ', '-']);
    let first = words.next();
    match words.next_back() {
        None => false,
        last => [first, last]
            .into_iter()
            .flatten()
            .any(|word| word.eq_ignore_ascii_case("NT")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;
    use crate::graph::sample;

    fn windows() -> Snapshot {
        sample::snapshot("15.0.4440.1", 3, Some("Windows"))
    }

    #[test]
    fn the_order_is_by_strength_and_unknown_is_the_worst() {
        let order = [
            Power::Worker,
            Power::Linux,
            Power::Virtual,
            Power::Network,
            Power::LocalUser,
            Power::Proxy,
            Power::Domain,
            Power::Administrative,
            Power::Unknown,
        ];
        assert!(order.is_sorted());
        assert_eq!(Power::Unknown.worst(), Power::Administrative);
        assert_eq!(Power::Virtual.worst(), Power::Virtual);
    }

    #[test]
    fn accounts_are_told_by_their_names() {
        let cases = [
            ("LocalSystem", Power::Administrative),
            (r"nt authority\system", Power::Administrative),
            (r"NT-AUTORITÄT\SYSTEM", Power::Administrative),
            (r"nt-autorität\netzwerkdienst", Power::Network),
            (r"AUTORITE NT\SERVICE RÉSEAU", Power::Network),
            (r"NT AUTHORITY\NetworkService", Power::Network),
            (r"NT AUTHORITY\СИСТЕМА", Power::Administrative),
            (r"NT AUTHORITY\LOCAL SERVICE", Power::Virtual),
            (r"NT Service\MSSQL$ERP", Power::Virtual),
            (r"NT INSTANS\SYSTEM", Power::Unknown),
            (r"CORP\svc_sql", Power::Domain),
            (r"CORP\gmsa_sql$", Power::Domain),
            ("svc@corp.example", Power::Domain),
            (r".\svc", Power::LocalUser),
            (r"sql01\svc", Power::LocalUser),
            ("mssql", Power::Linux),
            ("", Power::Unknown),
            (r"CORP\", Power::Unknown),
            ("somebody", Power::Unknown),
            (r"CORP\SYSTEM", Power::Domain),
            (r"NTSERVICE\svc", Power::Domain),
        ];
        for (account, expected) in cases {
            assert_eq!(power_of(account, &windows()), expected, "{account}");
        }
    }

    #[test]
    fn services_are_found_by_file_before_name() {
        let mut snapshot = windows();
        let folder = r"C:\Program Files\Microsoft SQL Server\MSSQL15.ERP\MSSQL\Binn";
        let agent_file = format!("\"{folder}\\SQLAGENT.EXE\" -i ERP");
        sample::add_service(
            &mut snapshot,
            "SQL Server-Agent (ERP)",
            r"CORP\agent",
            Some(&agent_file),
        );
        sample::add_service(
            &mut snapshot,
            "SQL Server (ERP)",
            r"NT Service\MSSQL$ERP",
            None,
        );
        let found = agent(&snapshot);
        assert_eq!(found.account.as_deref(), Some(r"CORP\agent"));
        assert_eq!(found.evidence, [(Fact::Services, 0)]);
        let found = engine(&snapshot);
        assert_eq!(found.power, Power::Virtual);
        assert_eq!(found.evidence, [(Fact::Services, 1)]);
        assert_eq!(launchpad(&snapshot).power, Power::Unknown);
    }

    #[test]
    fn an_unseen_service_is_unknown_and_says_why() {
        let mut snapshot = windows();
        snapshot.server.services = Observed::Denied {
            needs: vec!["VIEW SERVER STATE".to_owned()],
        };
        let found = engine(&snapshot);
        assert_eq!(found.power, Power::Unknown);
        assert!(
            found
                .why
                .is_some_and(|why| why.contains("VIEW SERVER STATE"))
        );
    }

    #[test]
    fn linux_runs_as_its_packages_users() {
        let mut snapshot = sample::snapshot("16.0.1000.6", 3, Some("Linux"));
        sample::add_service(
            &mut snapshot,
            "SQL Server Agent (MSSQLSERVER)",
            "mssql",
            None,
        );
        assert_eq!(engine(&snapshot).power, Power::Linux);
        assert_eq!(
            agent(&snapshot).evidence,
            [(Fact::Services, 0), (Fact::Host, 0)]
        );
        assert_eq!(external_script(&snapshot).power, Power::Worker);
    }

    #[test]
    fn external_scripts_run_in_a_container_from_2019_on() {
        for (product, account) in [
            ("14.0.3500.1", None),
            ("15.0.4440.1", Some(r"NT Service\L")),
        ] {
            let mut snapshot = sample::snapshot(product, 3, Some("Windows"));
            sample::add_service(
                &mut snapshot,
                "SQL Server Launchpad (X)",
                r"NT Service\L",
                None,
            );
            let found = external_script(&snapshot);
            assert_eq!(found.power, Power::Worker);
            assert_eq!(found.account.as_deref(), account);
        }
    }

    #[test]
    fn the_shells_proxy_is_absent_only_from_a_whole_list() {
        let mut snapshot = windows();
        assert!(matches!(
            xp_cmdshell_proxy(&snapshot),
            ProxyAccount::Unseen { .. }
        ));
        sample::add_credential(&mut snapshot, 7, "other", r"CORP\other");
        assert_eq!(xp_cmdshell_proxy(&snapshot), ProxyAccount::Absent);
        snapshot.server.credentials.limit("VIEW ANY DEFINITION");
        let needs = vec!["VIEW ANY DEFINITION".to_owned()];
        assert_eq!(xp_cmdshell_proxy(&snapshot), ProxyAccount::Unseen { needs });
        sample::add_credential(
            &mut snapshot,
            8,
            "##XP_cmdshell_proxy_account##",
            r"CORP\low",
        );
        let ProxyAccount::Present(found) = xp_cmdshell_proxy(&snapshot) else {
            panic!("not found");
        };
        assert_eq!(found.account.as_deref(), Some(r"CORP\low"));
        assert_eq!(
            (found.power, found.evidence),
            (Power::Proxy, vec![(Fact::Credentials, 1)])
        );
    }

    #[test]
    fn an_agent_proxy_leads_to_its_credential() {
        let mut snapshot = windows();
        assert!(matches!(
            agent_proxy(&snapshot, 1),
            ProxyAccount::Unseen { .. }
        ));
        sample::add_proxy(&mut snapshot, 1, 70);
        assert_eq!(agent_proxy(&snapshot, 2), ProxyAccount::Absent);
        let ProxyAccount::Present(found) = agent_proxy(&snapshot, 1) else {
            panic!("not found");
        };
        assert_eq!(
            (found.power, found.evidence),
            (Power::Unknown, vec![(Fact::Proxies, 0)])
        );
        sample::add_credential(&mut snapshot, 70, "batch", r"CORP\batch");
        let ProxyAccount::Present(found) = agent_proxy(&snapshot, 1) else {
            panic!("not found");
        };
        assert_eq!(found.account.as_deref(), Some(r"CORP\batch"));
        assert_eq!(found.evidence, [(Fact::Proxies, 0), (Fact::Credentials, 0)]);
    }
}
