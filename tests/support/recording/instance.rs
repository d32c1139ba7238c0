//! A fresh instance as setup leaves it: what every server of its version and platform shows.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{
    Configuration, Host, Observed, Permission, RoleMember, ServerFacts, ServerIdentity,
    ServerPrincipal, SessionIdentity, TokenRow, sha256_hex,
};
use serde::Deserialize;

use super::shipped;

/// The login that all recordings were made with.
pub const AUDITOR: &str = "posture_audit";
/// Its id on every instance.
pub const AUDITOR_ID: PrincipalId = PrincipalId(266);
/// When setup ran, by the server's clock.
pub const INSTALLED: &str = "2024-03-11T08:41:07.193";

/// What tells one fresh instance from another.
#[derive(Clone, Debug)]
pub struct Base {
    /// Target's name.
    pub target: &'static str,
    /// Major version, 11 to 17.
    pub version: u16,
    /// Linux instead of Windows.
    pub linux: bool,
    /// Edition text without the word size.
    pub edition: &'static str,
    /// 2 standard, 3 enterprise, 4 express, 8 managed instance.
    pub engine_edition: i32,
    /// Computer name.
    pub machine: &'static str,
    /// Named instance.
    pub instance: Option<&'static str>,
}

impl Base {
    /// An Enterprise instance on Windows.
    pub const fn windows(target: &'static str, version: u16) -> Self {
        Self {
            target,
            version,
            linux: false,
            edition: "Enterprise Edition: Core-based Licensing",
            engine_edition: 3,
            machine: "SQL01",
            instance: None,
        }
    }

    /// An Enterprise instance on Linux (2017 and later).
    pub const fn linux(target: &'static str, version: u16) -> Self {
        Self {
            linux: true,
            machine: "sqllinux01",
            ..Self::windows(target, version)
        }
    }

    pub fn is_express(&self) -> bool {
        self.engine_edition == 4
    }

    /// `SQL01` or `SQL01\ERP`.
    pub fn server_name(&self) -> String {
        match self.instance {
            Some(instance) => format!("{}\\{instance}", self.machine),
            None => self.machine.to_owned(),
        }
    }

    /// Virtual account of the engine's or Agent's service.
    pub fn service_account(&self, agent: bool) -> String {
        match (agent, self.instance) {
            (false, None) => "NT SERVICE\\MSSQLSERVER".to_owned(),
            (false, Some(instance)) => format!("NT SERVICE\\MSSQL${instance}"),
            (true, None) => "NT SERVICE\\SQLSERVERAGENT".to_owned(),
            (true, Some(instance)) => format!("NT SERVICE\\SQLAgent${instance}"),
        }
    }
}

/// Where a sid comes from, which its first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidKind {
    Sql,
    Windows,
    Service,
    Certificate,
}

/// A sid that is the same for the same name.
pub fn sid(kind: SidKind, name: &str) -> String {
    let hash = sha256_hex(name.to_uppercase().as_bytes());
    match kind {
        SidKind::Sql => format!("0x{}", &hash[..32]),
        // S-1-5-21-… of one domain; relative ids from 1000 up.
        SidKind::Windows => format!(
            "0x010500000000000515000000a065cf7e784b9b5fe77c8770{}0000",
            &hash[..4]
        ),
        SidKind::Service => format!("0x010600000000000550000000{}", &hash[..40]),
        SidKind::Certificate => format!("0x010600000000000901000000{}", &hash[..40]),
    }
}

/// The server facts of a fresh instance, before `sys.databases` and what is read in master.
pub fn server_facts(base: &Base) -> ServerFacts {
    let mut facts = ServerFacts::unseen("");
    facts.server_identity = known(identity(base));
    facts.session = known(session(base));
    facts.login_token = known(login_token());
    facts.host = if base.version < 14 {
        Observed::Unsupported {
            since: 14,
            why: None,
        }
    } else {
        known(host(base))
    };
    facts.configurations = known(configurations(base));
    facts.databases = known(Vec::new());
    let (principals, members) = principals(base);
    facts.server_permissions = known(permissions(base, &principals));
    facts.server_principals = known(principals);
    facts.server_role_members = known(members);
    facts.server_triggers = known(Vec::new());
    facts.server_modules = known(Vec::new());
    facts.trusted_assemblies = if base.version < 14 {
        Observed::Unsupported {
            since: 14,
            why: None,
        }
    } else {
        known(Vec::new())
    };
    facts.system_extended_procedures = known(Vec::new());
    facts.startup_procedures = known(Vec::new());
    facts
}

pub fn known<T>(value: T) -> Observed<T> {
    Observed::Known { value }
}

fn identity(base: &Base) -> ServerIdentity {
    let build = shipped::BUILDS
        .iter()
        .find(|(version, ..)| *version == base.version);
    let (_, version, level, update) = build.expect("a version from 11 to 17");
    ServerIdentity {
        product_version: (*version).to_owned(),
        product_level: Some((*level).to_owned()),
        product_update_level: update.map(str::to_owned),
        edition: Some(format!("{} (64-bit)", base.edition)),
        engine_edition: Some(base.engine_edition),
        server_name: Some(base.server_name()),
        machine_name: Some(base.machine.to_owned()),
        instance_name: base.instance.map(str::to_owned),
        physical_name: Some(base.machine.to_owned()),
        is_clustered: Some(false),
        is_hadr_enabled: Some(false),
        is_integrated_security_only: Some(false),
        collation: Some("SQL_Latin1_General_CP1_CI_AS".to_owned()),
    }
}

fn session(base: &Base) -> SessionIdentity {
    let from = |since: u16, held: bool| (base.version >= since).then_some(held);
    SessionIdentity {
        session_id: 57,
        original_login: Some(AUDITOR.to_owned()),
        login: Some(AUDITOR.to_owned()),
        is_sysadmin: Some(false),
        control_server: Some(false),
        view_any_database: Some(true),
        view_any_definition: Some(true),
        view_any_security_definition: from(16, true),
        view_server_state: Some(true),
        view_server_security_state: from(16, true),
        view_server_performance_state: from(16, true),
        alter_trace: Some(false),
        connect_any_database: from(12, true),
        net_transport: Some("TCP".to_owned()),
        auth_scheme: Some("SQL".to_owned()),
        utc_offset_minutes: Some(60),
        utc_now: None, // see `queries::record`
    }
}

fn login_token() -> Vec<TokenRow> {
    let row = |id, name: &str, kind: &str| TokenRow {
        principal_id: Some(PrincipalId(id)),
        name: Some(name.to_owned()),
        r#type: Some(kind.to_owned()),
        usage: Some("GRANT OR DENY".to_owned()),
    };
    vec![
        row(2, "public", "SERVER ROLE"),
        row(AUDITOR_ID.0, AUDITOR, "SQL LOGIN"),
    ]
}

fn host(base: &Base) -> Host {
    let text = |text: &str| Some(text.to_owned());
    if base.linux {
        return Host {
            platform: "Linux".to_owned(),
            distribution: text("Ubuntu"),
            release: text("22.04"),
        };
    }
    let distribution = match base.version {
        14 | 15 => "Windows Server 2019 Standard",
        _ => "Windows Server 2022 Standard",
    };
    Host {
        platform: "Windows".to_owned(),
        distribution: text(distribution),
        release: text("10.0"),
    }
}

#[derive(Deserialize)]
struct Options {
    option: Vec<(i32, String, i32, u16, bool, bool)>,
    express_only: Vec<i32>,
}

fn configurations(base: &Base) -> Vec<Configuration> {
    let options: Options = toml::from_str(include_str!("../../fixtures/configurations.toml"))
        .expect("the fixture is well formed");
    let there = |id: i32, since: u16| {
        since <= base.version && (base.is_express() || !options.express_only.contains(&id))
    };
    let options_of_version = options.option.iter().filter(|o| there(o.0, o.3));
    options_of_version
        .map(|(id, name, default, _, is_dynamic, is_advanced)| {
            let written = match name.as_str() {
                "user instances enabled" => 1,          // Express setup writes it
                "Agent XPs" if !base.is_express() => 1, // a running Agent writes it
                "version high part of SQL Server" => i32::from(base.version) * 65_536,
                "version low part of SQL Server" => 275_120_128,
                _ => *default,
            };
            // The engine never runs with less than this, whatever is configured.
            let running = if name == "min server memory (MB)" {
                16
            } else {
                written
            };
            Configuration {
                configuration_id: *id,
                name: name.clone(),
                value: Some(written),
                value_in_use: Some(running),
                is_dynamic: *is_dynamic,
                is_advanced: *is_advanced,
            }
        })
        .collect()
}

pub fn principal(id: i32, name: &str, kind: &str, sid: String) -> ServerPrincipal {
    ServerPrincipal {
        principal_id: PrincipalId(id),
        name: name.to_owned(),
        sid: Some(sid),
        r#type: kind.to_owned(),
        is_disabled: Some(false),
        create_date: Some(INSTALLED.to_owned()),
        modify_date: Some(INSTALLED.to_owned()),
        owning_principal_id: None,
        is_fixed_role: Some(false),
    }
}

fn shipped_principals(base: &Base) -> Vec<ServerPrincipal> {
    let mut sa = principal(1, "sa", "S", "0x01".to_owned());
    sa.create_date = Some("2003-04-08T09:10:35.460".to_owned());
    let mut found = vec![sa];
    for (id, name, _) in shipped::SERVER_ROLES.iter().filter(|r| r.2 <= base.version) {
        found.push(ServerPrincipal {
            owning_principal_id: Some(PrincipalId(1)),
            is_fixed_role: Some(*id != 2),
            create_date: Some("2009-04-13T12:59:06.030".to_owned()),
            modify_date: Some("2009-04-13T12:59:06.030".to_owned()),
            is_disabled: Some(false),
            ..principal(*id, name, "R", format!("0x{id:02x}"))
        });
    }
    for (id, name) in shipped::CERTIFICATE_LOGINS {
        found.push(principal(*id, name, "C", sid(SidKind::Certificate, name)));
    }
    for (id, name) in [
        (256, "##MS_PolicyEventProcessingLogin##"),
        (257, "##MS_PolicyTsqlExecutionLogin##"),
    ] {
        found.push(ServerPrincipal {
            is_disabled: Some(true),
            ..principal(id, name, "S", sid(SidKind::Sql, name))
        });
    }
    found
}

/// Principals and members of a fresh instance: setup makes its services sysadmin.
fn principals(base: &Base) -> (Vec<ServerPrincipal>, Vec<RoleMember>) {
    let mut found = shipped_principals(base);
    let mut sysadmins = vec![1];
    let system = "0x010100000000000512000000".to_owned();
    if base.linux {
        let administrators = "0x01020000000000052000000020020000".to_owned();
        found.push(principal(
            259,
            "BUILTIN\\Administrators",
            "G",
            administrators,
        ));
        sysadmins.push(259);
    } else {
        for (id, name) in [
            (260, "NT SERVICE\\SQLWriter".to_owned()),
            (261, "NT SERVICE\\Winmgmt".to_owned()),
            (262, base.service_account(false)),
            (264, base.service_account(true)),
        ] {
            let sid = sid(SidKind::Service, &name);
            found.push(principal(id, &name, "U", sid));
            sysadmins.push(id);
        }
    }
    found.push(principal(263, "NT AUTHORITY\\SYSTEM", "U", system));
    let auditor_sid = sid(SidKind::Sql, AUDITOR);
    found.push(principal(AUDITOR_ID.0, AUDITOR, "S", auditor_sid));
    let member = |id| RoleMember {
        role_principal_id: PrincipalId(3),
        member_principal_id: PrincipalId(id),
    };
    (found, sysadmins.into_iter().map(member).collect())
}

pub fn server_permission(grantee: PrincipalId, code: &str, name: &str, state: &str) -> Permission {
    Permission {
        class: 100,
        major_id: 0,
        minor_id: 0,
        grantee_principal_id: grantee,
        grantor_principal_id: PrincipalId(1),
        r#type: code.to_owned(),
        permission_name: Some(name.to_owned()),
        state: state.to_owned(),
    }
}

fn permissions(base: &Base, principals: &[ServerPrincipal]) -> Vec<Permission> {
    let grant = |id, code, name| server_permission(PrincipalId(id), code, name, "G");
    let mut found: Vec<Permission> = shipped::SERVER_GRANTS
        .iter()
        .map(|(id, code, name)| grant(*id, code, name))
        .collect();
    // Endpoints: TCP, named pipes, shared memory, VIA.
    for endpoint in 2..=5 {
        found.push(Permission {
            class: 105,
            major_id: endpoint,
            ..grant(2, "CO", "CONNECT")
        });
    }
    let logins = principals
        .iter()
        .filter(|p| p.principal_id.0 >= 259 || p.principal_id.0 == 1);
    found.extend(logins.map(|p| grant(p.principal_id.0, "COSQ", "CONNECT SQL")));
    for (code, name, since) in [
        ("VWAD", "VIEW ANY DEFINITION", 11),
        ("VWSS", "VIEW SERVER STATE", 11),
        ("CADB", "CONNECT ANY DATABASE", 12),
    ] {
        if since <= base.version {
            found.push(grant(AUDITOR_ID.0, code, name));
        }
    }
    found
}
