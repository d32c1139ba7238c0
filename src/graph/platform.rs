//! Which channel can exist on which platform and version: one table, each cell with its source.

use super::Channel;
use crate::snapshot::{Fact, Observed, ServerIdentity, Snapshot};

/// What an instance runs on, as far as it decides about channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Windows, any edition but Express.
    Windows,
    /// Express on Windows, which has no Agent.
    WindowsExpress,
    /// Linux, containers included, any edition.
    Linux,
    /// Azure SQL Managed Instance.
    ManagedInstance,
    /// Amazon RDS for SQL Server.
    AmazonRds,
    /// Another service, or not enough was seen.
    Unrecognised,
}

/// What is known of the ground that an instance stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The platform.
    pub platform: Platform,
    /// Major version; of a managed instance the version whose catalog it has.
    pub version: Option<u16>,
    /// Why the platform was not recognised.
    pub why: Option<String>,
    /// The facts that tell it.
    pub facts: &'static [Fact],
}

/// Whether a channel can exist on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Exists {
        /// `docs: ` and the page, or `knowledge` where no page was found: then it counts as there.
        source: &'static str,
    },
    /// It cannot.
    Missing {
        /// The reason, in words.
        reason: &'static str,
        /// See `Exists`.
        source: &'static str,
    },
    /// The platform or version was not recognised, or is newer than the table.
    Unknown {
        /// What was not.
        why: String,
    },
}

use Platform::{AmazonRds, Linux, ManagedInstance, Windows, WindowsExpress};

/// First and last major version of the table: 2012 and 2025.
const FIRST: u16 = 11;
const LAST: u16 = 17;

const BOXED: &[Platform] = &[Windows, WindowsExpress];
const EVERYWHERE: &[Platform] = &[Windows, WindowsExpress, Linux, ManagedInstance, AmazonRds];
const ON_WINDOWS: &[Platform] = &[Windows];
const ON_EXPRESS: &[Platform] = &[WindowsExpress];
const ON_LINUX: &[Platform] = &[Linux];
const ON_MANAGED: &[Platform] = &[ManagedInstance];
const ON_RDS: &[Platform] = &[AmazonRds];

const KNOWLEDGE: &str = "knowledge";
const LINUX: &str = "docs: docs/linux/sql-server-linux-editions-and-components-2019.md, and the pages for 2022 and 2025 (Unsupported features and services)";
const LINUX_LINKS: &str = "docs: docs/linux/sql-server-linux-editions-and-components-2025.md (linked servers to SQL Server only)";
const MANAGED: &str =
    "docs: azure-sql/managed-instance/transact-sql-tsql-differences-sql-server.md";
const MANAGED_SCRIPTS: &str =
    "docs: azure-sql/managed-instance/machine-learning-services-differences.md";
const RDS: &str = "docs: Amazon RDS User Guide, SQLServer.Concepts.General.FeatureNonSupport";
const RDS_AGENT: &str = "docs: Amazon RDS User Guide, Appendix.SQLServer.CommonDBATasks.Agent";
const RDS_SSIS: &str = "docs: Amazon RDS User Guide, Appendix.SQLServer.Options.SSIS";
const EDITIONS: &str = "docs: docs/sql-server/editions-and-components-of-sql-server-2019.md (Management tools, Programmability)";
const CMDSHELL: &str =
    "docs: docs/relational-databases/system-stored-procedures/xp-cmdshell-transact-sql.md";
const CLR: &str =
    "docs: docs/database-engine/configure-windows/clr-enabled-server-configuration-option.md";
const OLE: &str = "docs: docs/database-engine/configure-windows/ole-automation-procedures-server-configuration-option.md";
const SCRIPT: &str = "docs: docs/relational-databases/system-stored-procedures/sp-execute-external-script-transact-sql.md";
const SUBSYSTEMS: &str = "docs: docs/relational-databases/system-stored-procedures/sp-grant-proxy-to-subsystem-transact-sql.md";
const ACTIVE_X: &str = "docs: docs/ssms/agent/create-an-activex-script-job-step.md";
const ADD_XP: &str =
    "docs: docs/relational-databases/system-stored-procedures/sp-addextendedproc-transact-sql.md";

const NO_AGENT: &str = "the Express edition has no SQL Server Agent";
const LINUX_XP: &str = "SQL Server on Linux has no system extended stored procedures";
const LINUX_AGENT: &str = "SQL Server Agent on Linux does not have this subsystem";
const RDS_XP: &str = "Amazon RDS has no extended stored procedures and gives nobody sysadmin";
const RDS_SHELL: &str = "Amazon RDS runs no command lines or scripts in job steps";
const MANAGED_STEP: &str = "Azure SQL Managed Instance runs no job steps of this kind";
const BEFORE_SCRIPTS: &str = "external scripts begin with SQL Server 2016";
const AFTER_ACTIVE_X: &str = "the ActiveX subsystem ended with SQL Server 2014";

/// One statement of the table: a channel, platforms, and an inclusive range of versions.
struct Cell {
    channel: Channel,
    platforms: &'static [Platform],
    from: u16,
    to: u16,
    missing: Option<&'static str>,
    /// Why nothing says whether it is there.
    unsaid: Option<&'static str>,
    source: &'static str,
}

const fn there(
    channel: Channel,
    platforms: &'static [Platform],
    (from, to): (u16, u16),
    source: &'static str,
) -> Cell {
    Cell {
        channel,
        platforms,
        from,
        to,
        missing: None,
        unsaid: None,
        source,
    }
}

const fn gone(
    channel: Channel,
    platforms: &'static [Platform],
    versions: (u16, u16),
    reason: &'static str,
    source: &'static str,
) -> Cell {
    Cell {
        missing: Some(reason),
        ..there(channel, platforms, versions, source)
    }
}

const fn unsaid(
    channel: Channel,
    platforms: &'static [Platform],
    versions: (u16, u16),
    why: &'static str,
    source: &'static str,
) -> Cell {
    Cell {
        unsaid: Some(why),
        ..there(channel, platforms, versions, source)
    }
}

const ALWAYS: (u16, u16) = (FIRST, LAST);

#[rustfmt::skip] // a row a line
const TABLE: &[Cell] = &[
    there(Channel::XpCmdshell, BOXED, ALWAYS, CMDSHELL),
    gone(Channel::XpCmdshell, ON_LINUX, ALWAYS, LINUX_XP, LINUX),
    gone(Channel::XpCmdshell, ON_MANAGED, ALWAYS, "Azure SQL Managed Instance does not have it", MANAGED),
    gone(Channel::XpCmdshell, ON_RDS, ALWAYS, RDS_XP, RDS),

    there(Channel::Clr, BOXED, ALWAYS, CLR),
    // Strict security takes them as UNSAFE, and SAFE is said to be no boundary.
    unsaid(Channel::Clr, ON_LINUX, ALWAYS, "SQL Server on Linux loads SAFE assemblies only; whether their code can leave the database there is said nowhere", LINUX),
    // Unsafe assemblies load there; whether one can start a process is said nowhere.
    there(Channel::Clr, ON_MANAGED, ALWAYS, KNOWLEDGE),
    gone(Channel::Clr, ON_RDS, (FIRST, 13), "Amazon RDS loads SAFE assemblies only", RDS),
    gone(Channel::Clr, ON_RDS, (14, LAST), "Amazon RDS runs no assemblies from SQL Server 2017 on", RDS),

    there(Channel::OleAutomation, BOXED, ALWAYS, OLE),
    gone(Channel::OleAutomation, ON_LINUX, ALWAYS, LINUX_XP, LINUX),
    gone(Channel::OleAutomation, ON_MANAGED, ALWAYS, "Azure SQL Managed Instance ignores the option", MANAGED),
    gone(Channel::OleAutomation, ON_RDS, ALWAYS, RDS_XP, RDS),

    gone(Channel::ExternalScript, BOXED, (FIRST, 12), BEFORE_SCRIPTS, SCRIPT),
    there(Channel::ExternalScript, ON_WINDOWS, (13, LAST), SCRIPT),
    // Express has it with Advanced Services, and edition texts do not tell the two apart.
    there(Channel::ExternalScript, ON_EXPRESS, (13, LAST), EDITIONS),
    gone(Channel::ExternalScript, ON_LINUX, (FIRST, 14), "external scripts on Linux begin with SQL Server 2019", SCRIPT),
    there(Channel::ExternalScript, ON_LINUX, (15, LAST), SCRIPT),
    there(Channel::ExternalScript, ON_MANAGED, ALWAYS, MANAGED_SCRIPTS),
    gone(Channel::ExternalScript, ON_RDS, ALWAYS, "Amazon RDS does not install Machine Learning Services", RDS),

    there(Channel::AgentCmdExec, ON_WINDOWS, ALWAYS, SUBSYSTEMS),
    gone(Channel::AgentCmdExec, ON_EXPRESS, ALWAYS, NO_AGENT, EDITIONS),
    gone(Channel::AgentCmdExec, ON_LINUX, ALWAYS, LINUX_AGENT, LINUX),
    gone(Channel::AgentCmdExec, ON_MANAGED, ALWAYS, MANAGED_STEP, MANAGED),
    gone(Channel::AgentCmdExec, ON_RDS, ALWAYS, RDS_SHELL, RDS_AGENT),

    there(Channel::AgentPowerShell, ON_WINDOWS, ALWAYS, SUBSYSTEMS),
    gone(Channel::AgentPowerShell, ON_EXPRESS, ALWAYS, NO_AGENT, EDITIONS),
    gone(Channel::AgentPowerShell, ON_LINUX, ALWAYS, LINUX_AGENT, LINUX),
    gone(Channel::AgentPowerShell, ON_MANAGED, ALWAYS, MANAGED_STEP, MANAGED),
    gone(Channel::AgentPowerShell, ON_RDS, ALWAYS, RDS_SHELL, RDS_AGENT),

    there(Channel::AgentSsis, ON_WINDOWS, ALWAYS, SUBSYSTEMS),
    gone(Channel::AgentSsis, ON_EXPRESS, ALWAYS, NO_AGENT, EDITIONS),
    gone(Channel::AgentSsis, ON_LINUX, ALWAYS, LINUX_AGENT, LINUX),
    there(Channel::AgentSsis, ON_MANAGED, ALWAYS, MANAGED),
    gone(Channel::AgentSsis, ON_RDS, (FIRST, 12), "Integration Services on Amazon RDS begin with SQL Server 2016", RDS_SSIS),
    there(Channel::AgentSsis, ON_RDS, (13, 16), RDS_SSIS),
    there(Channel::AgentSsis, ON_RDS, (17, LAST), KNOWLEDGE),

    there(Channel::AgentActiveX, ON_WINDOWS, (FIRST, 12), ACTIVE_X),
    gone(Channel::AgentActiveX, ON_WINDOWS, (13, LAST), AFTER_ACTIVE_X, ACTIVE_X),
    gone(Channel::AgentActiveX, ON_EXPRESS, ALWAYS, NO_AGENT, EDITIONS),
    gone(Channel::AgentActiveX, ON_LINUX, ALWAYS, AFTER_ACTIVE_X, ACTIVE_X),
    gone(Channel::AgentActiveX, ON_MANAGED, ALWAYS, MANAGED_STEP, MANAGED),
    gone(Channel::AgentActiveX, ON_RDS, ALWAYS, RDS_SHELL, RDS_AGENT),

    there(Channel::ExtendedProcedure, BOXED, ALWAYS, ADD_XP),
    // The page for Linux speaks of the system's own procedures, not of added ones.
    there(Channel::ExtendedProcedure, ON_LINUX, ALWAYS, KNOWLEDGE),
    gone(Channel::ExtendedProcedure, ON_MANAGED, ALWAYS, "Azure SQL Managed Instance has no extended stored procedures", MANAGED),
    gone(Channel::ExtendedProcedure, ON_RDS, ALWAYS, RDS_XP, RDS),

    there(Channel::LinkedHop, BOXED, ALWAYS, KNOWLEDGE),
    there(Channel::LinkedHop, ON_LINUX, ALWAYS, LINUX_LINKS),
    there(Channel::LinkedHop, ON_MANAGED, ALWAYS, MANAGED),
    there(Channel::LinkedHop, ON_RDS, ALWAYS, RDS),

    there(Channel::RegistryAutorun, BOXED, ALWAYS, KNOWLEDGE),
    gone(Channel::RegistryAutorun, ON_LINUX, ALWAYS, "nothing on Linux is started from a registry", LINUX),
    // The page rules out adding procedures; these are the system's own.
    there(Channel::RegistryAutorun, ON_MANAGED, ALWAYS, KNOWLEDGE),
    gone(Channel::RegistryAutorun, ON_RDS, ALWAYS, RDS_XP, RDS),

    // It is there wherever the channel is that the module uses.
    there(Channel::ModuleCommand, EVERYWHERE, ALWAYS, KNOWLEDGE),
];

/// Whether a channel can exist where an instance stands. A version after the table's last one keeps what was there;
/// whether it brought back what was missing is unknown.
pub fn availability(channel: Channel, site: &Site) -> Availability {
    let of_platform =
        |cell: &&Cell| cell.channel == channel && cell.platforms.contains(&site.platform);
    let unknown = |why: &str| Availability::Unknown {
        why: why.to_owned(),
    };
    if site.platform == Platform::Unrecognised {
        let why = site.why.as_deref();
        return unknown(why.unwrap_or("the platform was not recognised"));
    }
    let cells: Vec<&Cell> = TABLE.iter().filter(of_platform).collect();
    let cell = match (site.version, cells.as_slice()) {
        (None, [only]) => Some(*only),
        (None, cells) if cells.iter().all(|cell| cell.missing.is_none()) => cells.first().copied(),
        (None, _) => return unknown("the server's version was not seen, and it decides"),
        (Some(version), cells) => cells
            .iter()
            .find(|cell| (cell.from..=cell.to).contains(&version.min(LAST)))
            .copied(),
    };
    let newer = site.version.is_some_and(|version| version > LAST);
    match cell {
        None => unknown("the server's version is older than the first that is known"),
        Some(cell) => match cell.missing.or(cell.unsaid) {
            Some(why) if cell.unsaid.is_some() => unknown(why),
            None => Availability::Exists {
                source: cell.source,
            },
            Some(_) if newer => {
                unknown("the server's version is newer than the last that is known")
            }
            Some(reason) => Availability::Missing {
                reason,
                source: cell.source,
            },
        },
    }
}

/// `EngineEdition` of the boxed product's editions: Personal, Standard, Enterprise, Express.
const BOXED_EDITIONS: &[i32] = &[1, 2, 3, EXPRESS];
const EXPRESS: i32 = 4;
/// First version that runs on anything but Windows, and that has `sys.dm_os_host_info`.
const FIRST_ON_LINUX: u16 = 14;

/// What Amazon RDS calls its own database and, instead of `sa`, the login with sid 0x01.
const RDS_DATABASE: &str = "rdsadmin";
const RDS_SA: &str = "rdsa";
const SA_SID: &str = "0x01";

impl Site {
    /// Reads the platform from the server's identity, the host, and what Amazon RDS leaves in every instance.
    ///
    /// Where the lists that would show Amazon RDS were not seen, it is taken for Windows, where more channels exist.
    pub fn of(snapshot: &Snapshot) -> Self {
        let identity = match &snapshot.server.server_identity {
            Observed::Known { value } => value,
            unseen => return Self::unrecognised(None, unseen_because(unseen, "server_identity")),
        };
        let version = identity.catalog_version();
        if identity.is_managed_instance() {
            return Self::recognised(Platform::ManagedInstance, version, &[Fact::ServerIdentity]);
        }
        match identity.engine_edition {
            None => {
                let why = "the server's engine edition was not seen".to_owned();
                Self::unrecognised(version, why)
            }
            Some(edition) if !BOXED_EDITIONS.contains(&edition) => {
                let why = format!("engine edition {edition} is none of the known platforms");
                Self::unrecognised(version, why)
            }
            Some(_) => Self::of_boxed(snapshot, identity, version),
        }
    }

    fn of_boxed(snapshot: &Snapshot, identity: &ServerIdentity, version: Option<u16>) -> Self {
        let host = &snapshot.server.host;
        if version.is_some_and(|v| v < FIRST_ON_LINUX) {
            return Self::on_windows(snapshot, identity, version);
        }
        match host {
            Observed::Unsupported { .. } => Self::on_windows(snapshot, identity, version),
            Observed::Known { value } if value.platform.eq_ignore_ascii_case("Windows") => {
                Self::on_windows(snapshot, identity, version)
            }
            Observed::Known { value } if value.platform.eq_ignore_ascii_case("Linux") => {
                Self::recognised(Linux, version, &[Fact::ServerIdentity, Fact::Host])
            }
            Observed::Known { .. } => {
                let why = "the host is neither Windows nor Linux".to_owned();
                Self::unrecognised(version, why)
            }
            unseen => Self::unrecognised(version, unseen_because(unseen, "host")),
        }
    }

    fn on_windows(snapshot: &Snapshot, identity: &ServerIdentity, version: Option<u16>) -> Self {
        if is_amazon_rds(snapshot) {
            return Self::recognised(
                AmazonRds,
                version,
                &[Fact::Databases, Fact::ServerPrincipals],
            );
        }
        let platform = match identity.engine_edition {
            Some(EXPRESS) => WindowsExpress,
            _ => Windows,
        };
        let facts: &[Fact] = match snapshot.server.host {
            Observed::Known { .. } => &[Fact::ServerIdentity, Fact::Host],
            _ => &[Fact::ServerIdentity],
        };
        Self::recognised(platform, version, facts)
    }

    fn recognised(platform: Platform, version: Option<u16>, facts: &'static [Fact]) -> Self {
        Self {
            platform,
            version,
            why: None,
            facts,
        }
    }

    fn unrecognised(version: Option<u16>, why: String) -> Self {
        Self {
            platform: Platform::Unrecognised,
            version,
            why: Some(why),
            facts: &[],
        }
    }
}

fn unseen_because<T>(fact: &Observed<T>, name: &str) -> String {
    let needs = fact.needs();
    if needs.is_empty() {
        format!("{name} was not seen")
    } else {
        format!("{name} was not seen: {}", needs.join("; "))
    }
}

/// Both signs together, since whoever may create a database can call it `rdsadmin`, and Huawei's service has a database
/// of that name too. A sysadmin can make both signs, so what Amazon RDS gives to nobody speaks against them.
fn is_amazon_rds(snapshot: &Snapshot) -> bool {
    let mut databases = snapshot.server.databases.seen().iter();
    let mut principals = snapshot.server.server_principals.seen().iter();
    databases.any(|d| d.name.eq_ignore_ascii_case(RDS_DATABASE))
        && principals
            .any(|p| p.sid.as_deref() == Some(SA_SID) && p.name.eq_ignore_ascii_case(RDS_SA))
        && !contradicts_amazon_rds(snapshot)
}

/// The auditor rules the server, or a channel is open that Amazon RDS does not have.
fn contradicts_amazon_rds(snapshot: &Snapshot) -> bool {
    const NEVER_ON: [Channel; 2] = [Channel::XpCmdshell, Channel::ExternalScript];
    let session = snapshot.server.session.known();
    let rules =
        session.is_some_and(|s| s.is_sysadmin == Some(true) || s.control_server == Some(true));
    let mut options = snapshot.server.configurations.seen().iter();
    rules
        || options.any(|row| {
            let mut never_on = NEVER_ON.into_iter().filter_map(Channel::option);
            never_on.any(|name| name.eq_ignore_ascii_case(&row.name))
                && [row.value, row.value_in_use]
                    .into_iter()
                    .flatten()
                    .any(|value| value != 0)
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;
    use crate::graph::sample;

    const PLATFORMS: [Platform; 5] = [Windows, WindowsExpress, Linux, ManagedInstance, AmazonRds];

    fn at(platform: Platform, version: u16) -> Site {
        Site::recognised(platform, Some(version), &[])
    }

    fn exists(channel: Channel, platform: Platform, version: u16) -> bool {
        match availability(channel, &at(platform, version)) {
            Availability::Exists { .. } => true,
            Availability::Missing { .. } => false,
            Availability::Unknown { why } => panic!("{channel:?} {platform:?} {version}: {why}"),
        }
    }

    #[test]
    fn the_table_has_exactly_one_cell_for_everything() {
        for channel in Channel::ALL {
            for platform in PLATFORMS {
                for version in FIRST..=LAST {
                    let cells = TABLE.iter().filter(|cell| {
                        cell.channel == channel
                            && cell.platforms.contains(&platform)
                            && (cell.from..=cell.to).contains(&version)
                    });
                    assert_eq!(cells.count(), 1, "{channel:?} {platform:?} {version}");
                }
            }
        }
    }

    #[test]
    fn cells_stay_inside_the_table_and_what_is_missing_has_a_page() {
        for cell in TABLE {
            assert!(FIRST <= cell.from && cell.from <= cell.to && cell.to <= LAST);
            assert!(cell.source == KNOWLEDGE || cell.source.starts_with("docs: "));
            assert!(cell.missing.is_none() || cell.source != KNOWLEDGE);
        }
    }

    #[test]
    fn a_handful_of_cells() {
        for version in [11, 14, 17] {
            assert!(exists(Channel::XpCmdshell, Windows, version));
            assert!(!exists(Channel::XpCmdshell, Linux, version));
            assert!(!exists(Channel::XpCmdshell, ManagedInstance, version));
            assert!(!exists(Channel::AgentCmdExec, WindowsExpress, version));
        }
        assert!(exists(Channel::AgentActiveX, Windows, 12));
        assert!(!exists(Channel::AgentActiveX, Windows, 13));
        assert!(!exists(Channel::ExternalScript, Linux, 14));
        assert!(exists(Channel::ExternalScript, Linux, 15));
        assert!(exists(Channel::AgentSsis, ManagedInstance, 16));
        assert!(!exists(Channel::Clr, AmazonRds, 15));
        let unsaid = availability(Channel::Clr, &at(Linux, 16));
        assert!(matches!(unsaid, Availability::Unknown { .. }));
        assert!(exists(Channel::LinkedHop, AmazonRds, 15));
    }

    #[test]
    fn an_unseen_version_decides_only_where_versions_differ() {
        let site = Site::recognised(Windows, None, &[]);
        let there = availability(Channel::XpCmdshell, &site);
        assert!(matches!(there, Availability::Exists { .. }));
        let unclear = availability(Channel::AgentActiveX, &site);
        assert!(matches!(unclear, Availability::Unknown { .. }));
    }

    #[test]
    fn a_newer_version_is_never_missing_a_channel() {
        let clr = availability(Channel::Clr, &at(AmazonRds, LAST + 1));
        assert!(matches!(clr, Availability::Unknown { .. }));
        let shell = availability(Channel::XpCmdshell, &at(Windows, LAST + 1));
        assert!(matches!(shell, Availability::Exists { .. }));
        let ancient = availability(Channel::XpCmdshell, &at(Windows, FIRST - 1));
        assert!(matches!(ancient, Availability::Unknown { .. }));
    }

    #[test]
    fn platforms_are_read_from_edition_version_and_host() {
        let cases = [
            (("16.0.1000.6", 3, Some("Windows")), Windows),
            (("16.0.1000.6", 4, Some("windows")), WindowsExpress),
            (("15.0.2000.5", 4, Some("Linux")), Linux),
            (("13.0.6300.2", 2, None), Windows),
            (("12.0.2000.8", 8, None), ManagedInstance),
            (("12.0.2000.8", 5, None), Platform::Unrecognised),
            (("15.0.2000.5", 9, Some("Linux")), Platform::Unrecognised),
            (("16.0.1000.6", 3, None), Platform::Unrecognised),
            (("16.0.1000.6", 3, Some("Plan 9")), Platform::Unrecognised),
        ];
        for ((product, edition, host), expected) in cases {
            let site = Site::of(&sample::snapshot(product, edition, host));
            assert_eq!(site.platform, expected, "{product} {edition} {host:?}");
            assert_eq!(site.why.is_some(), expected == Platform::Unrecognised);
        }
    }

    #[test]
    fn nothing_seen_is_unknown_and_says_what_it_needs() {
        let mut snapshot = sample::snapshot("16.0.1000.6", 3, Some("Windows"));
        snapshot.server.host = Observed::Denied {
            needs: vec!["VIEW SERVER STATE".to_owned()],
        };
        let site = Site::of(&snapshot);
        let Availability::Unknown { why } = availability(Channel::Clr, &site) else {
            panic!("{site:?}");
        };
        assert!(why.contains("VIEW SERVER STATE"));
    }

    #[test]
    fn amazon_rds_takes_both_signs() {
        let mut snapshot = sample::snapshot("15.0.4440.1", 2, Some("Windows"));
        sample::add_database(&mut snapshot, "rdsadmin");
        sample::add_login(&mut snapshot, "sa", "0x01");
        assert_eq!(Site::of(&snapshot).platform, Windows);
        sample::add_login(&mut snapshot, "rdsa", "0x01");
        assert_eq!(Site::of(&snapshot).platform, AmazonRds);
        sample::add_option(&mut snapshot, "xp_cmdshell", 0);
        assert_eq!(Site::of(&snapshot).platform, AmazonRds);
        sample::add_option(&mut snapshot, "external scripts enabled", 1);
        assert_eq!(Site::of(&snapshot).platform, Windows);
    }
}
