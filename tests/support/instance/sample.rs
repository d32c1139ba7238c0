//! A small recorded instance in which every query of every version finds rows. Synthetic, seen whole
//! by a login that is not sysadmin, and with names that try to break out of wherever they are put.

use mssql_posture::collect::Scope;
use mssql_posture::ids::{InstanceId, PrincipalId};
use mssql_posture::snapshot::{
    Configuration, Connection, DatabaseRow, Encryption, Host, Module, ModuleLine, Observed,
    Outcome, Permission, RoleMember, ServerFacts, ServerIdentity, ServerPrincipal, ServerTrigger,
    SessionConnection, SessionIdentity, Snapshot, SqlLogin, StartupProcedure,
    SystemExtendedProcedure, TextHash, TokenRow, TrustedAssembly,
};

use super::Recording;
use crate::support::answers;
use crate::support::contract::VERSIONS;

mod databases;

/// Names that a report, a shell, a CSV reader or a terminal may take for something else. All fit a
/// sysname; the last one fills it.
pub const HOSTILE_NAMES: [&str; 9] = [
    "a]; DROP TABLE t--",
    "o'brien \"quoted\"",
    "two\r\nlines\tand a tab",
    "\u{202e}gpj.exe\u{202c}",
    "\u{1b}[2J\u{1b}[31mred",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "${jndi:ldap://x} {{7*7}} %s",
    "🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒🔒",
];

/// Object id of the first procedure with a hostile name; the others follow.
pub const HOSTILE_ID: i32 = 100_000;

const CREATED: &str = "2019-04-08T09:13:36.390";
const CHANGED: &str = "2024-02-29T23:59:59.997";
/// The moment an instance started; a second sample on the same server needs another.
pub const STARTED: &str = "2025-01-07T06:00:00.003";
const SA: &str = "0x01";
const AUDITOR: &str = "0x8a6a0fc3c6c5d44fa5f8b7e9d0c1b2a3";
const WINDOWS: &str = "0x0105000000000005150000001c00d1bcd181f1492bdfc23600020000";

fn known<T>(value: T) -> Observed<T> {
    Observed::Known { value }
}

#[allow(clippy::unnecessary_wraps)] // columns of text may be NULL
fn words(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The sample as a server of this major version would show it to the least-privileged login.
pub fn recording(version: u16) -> Recording {
    made(version, false)
}

/// The same as shown to a login that has CONTROL SERVER, of which nothing is withheld.
pub fn recording_with_control(version: u16) -> Recording {
    let mut recording = made(version, true);
    if let Observed::Known { value } = &mut recording.snapshot.server.session {
        value.control_server = Some(true);
        value.alter_trace = Some(true);
    }
    recording
}

fn made(version: u16, control: bool) -> Recording {
    assert!(VERSIONS.contains(&version), "version {version}");
    let mut modules = Vec::new();
    let databases = databases::databases(version, control, &mut modules);
    let mut snapshot = Snapshot::unseen(
        InstanceId::new("sample"),
        Outcome::Finished,
        Connection {
            endpoint: "127.0.0.1,1433".to_owned(),
            encryption: Encryption::Required,
            trust_server_certificate: false,
            authentication: "sql".to_owned(),
            user: words(super::USER),
        },
        "2025-01-08T00:00:00Z",
    );
    snapshot.synthetic = words("made for tests");
    snapshot.server = server(version, control, &mut modules);
    snapshot.databases = databases;
    let mut recording = Recording { snapshot, modules };
    if version < 13 {
        recording.invent_assembly_contents();
    }
    recording
}

/// Id, name, configured and running value, first version: every option that a rule asks for.
const OPTIONS: &[(i32, &str, i32, i32, u16)] = &[
    (102, "allow updates", 0, 0, 11),
    (117, "remote access", 1, 1, 11),
    (400, "cross db ownership chaining", 0, 0, 11),
    (1547, "scan for startup procs", 1, 1, 11),
    (1562, "clr enabled", 1, 1, 11),
    (1568, "default trace enabled", 1, 1, 11),
    (1576, "remote admin connections", 0, 0, 11),
    (1580, "filestream access level", 0, 0, 11),
    (16393, "contained database authentication", 0, 0, 11),
    (16386, "Database Mail XPs", 0, 0, 11),
    (16388, "Ole Automation Procedures", 0, 0, 11),
    (16390, "xp_cmdshell", 1, 0, 11),
    (16391, "Ad Hoc Distributed Queries", 0, 0, 11),
    (16392, "Replication XPs", 0, 0, 11),
    (16394, "hadoop connectivity", 0, 0, 13),
    (16397, "allow polybase export", 0, 0, 13),
    (16398, "allow filesystem enumeration", 1, 1, 15),
    (16402, "external rest endpoint enabled", 0, 0, 17),
    (16404, "external AI runtimes enabled", 0, 0, 17),
];

fn server(version: u16, control: bool, modules: &mut Vec<ModuleLine>) -> ServerFacts {
    let mut facts = ServerFacts::unseen("");
    facts.server_identity = known(identity(version));
    facts.session = known(session(version));
    facts.login_token = known(vec![
        token(267, super::USER, "SQL LOGIN"),
        token(2, "public", "SERVER ROLE"),
    ]);
    facts.host = since(version, 14, || Host {
        platform: "Linux".to_owned(),
        distribution: words("Ubuntu"),
        release: words("22.04"),
    });
    facts.configurations = known(
        OPTIONS
            .iter()
            .filter(|(.., since)| *since <= version)
            .map(|(id, name, value, in_use, _)| option(*id, name, *value, *in_use))
            .collect(),
    );
    facts.configurations.seen_mut().sort();
    facts.databases = known(database_rows(version));
    facts.server_principals = known(logins());
    facts.sql_logins = known([1, 267, 268].map(sql_login).into());
    facts.connections = known(vec![SessionConnection {
        session_id: Some(58),
        net_transport: "TCP".to_owned(),
        encrypt_option: "TRUE".to_owned(),
        auth_scheme: "SQL".to_owned(),
    }]);
    facts.server_role_members = known(vec![member(3, 1), member(3, 259)]);
    facts.server_permissions = known(vec![
        permission(100, 0, 267, "COSQ", "CONNECT SQL", "G"),
        permission(100, 0, 267, "VWAD", "VIEW ANY DEFINITION", "G"),
        permission(101, 1, 259, "IM", "IMPERSONATE", "W"),
    ]);
    facts.server_triggers = known(vec![ServerTrigger {
        object_id: 905_058_260,
        name: "logon_guard".to_owned(),
        r#type: "TR".to_owned(),
        create_date: words(CREATED),
        modify_date: words(CHANGED),
        is_ms_shipped: Some(false),
        is_disabled: false,
    }]);
    let text = "CREATE TRIGGER logon_guard ON ALL SERVER FOR LOGON AS\nROLLBACK;";
    facts.server_modules = known(vec![module(None, 905_058_260, text, modules)]);
    facts.trusted_assemblies = since(version, 14, || {
        vec![TrustedAssembly {
            hash: Some(format!("0x{}", "ab".repeat(64))),
            description: words("geo, version=1.0.0.0, culture=neutral"),
            create_date: words("2023-03-04T05:06:07.1234567"),
            created_by: words("sa"),
        }]
    });
    facts.system_extended_procedures = known(vec![
        shipped(-1_040_370_470, "xp_cmdshell", 4, true),
        shipped(-1_017_000_001, "xp_dirtree", 4, true),
        shipped(1_195_151_303, "xp_planted", 1, false),
    ]);
    facts.startup_procedures = known(vec![StartupProcedure {
        object_id: 1_211_151_360,
        name: "at_start".to_owned(),
        schema_id: 1,
    }]);
    answers::complete_server(&mut facts, version, control, &mut |query| {
        let database = (query.scope == Scope::Msdb).then_some("msdb");
        answers::invented(query, database, modules)
    });
    facts
}

fn since<T>(version: u16, since: u16, value: impl FnOnce() -> T) -> Observed<T> {
    if version < since {
        Observed::Unsupported { since, why: None }
    } else {
        known(value())
    }
}

fn identity(version: u16) -> ServerIdentity {
    ServerIdentity {
        product_version: format!("{version}.0.4095.4"),
        product_level: words("RTM"),
        product_update_level: (version > 13).then(|| "CU14".to_owned()),
        edition: words("Developer Edition (64-bit)"),
        engine_edition: Some(3),
        server_name: words("WS1\\ERP"),
        machine_name: words("WS1"),
        instance_name: words("ERP"),
        physical_name: words("WS1"),
        is_clustered: Some(false),
        is_hadr_enabled: Some(false),
        is_integrated_security_only: Some(false),
        collation: words("SQL_Latin1_General_CP1_CI_AS"),
    }
}

fn session(version: u16) -> SessionIdentity {
    SessionIdentity {
        session_id: 58,
        original_login: words(super::USER),
        login: words(super::USER),
        is_sysadmin: Some(false),
        control_server: Some(false),
        view_any_database: Some(true),
        view_any_definition: Some(true),
        view_any_security_definition: (version >= 16).then_some(true),
        view_server_state: Some(true),
        view_server_security_state: (version >= 16).then_some(true),
        view_server_performance_state: (version >= 16).then_some(true),
        alter_trace: Some(false),
        connect_any_database: (version >= 12).then_some(true),
        net_transport: words("TCP"),
        auth_scheme: words("SQL"),
        utc_offset_minutes: Some(-210),
        utc_now: words("2026-05-06T07:08:09.1234567"),
    }
}

fn token(id: i32, name: &str, kind: &str) -> TokenRow {
    TokenRow {
        principal_id: Some(PrincipalId(id)),
        name: words(name),
        r#type: words(kind),
        usage: words("GRANT OR DENY"),
    }
}

fn option(id: i32, name: &str, value: i32, in_use: i32) -> Configuration {
    Configuration {
        configuration_id: id,
        name: name.to_owned(),
        value: Some(value),
        value_in_use: Some(in_use),
        is_dynamic: true,
        is_advanced: id > 1000,
    }
}

fn logins() -> Vec<ServerPrincipal> {
    let principal = |id, name: &str, kind: &str, sid: Option<&str>| ServerPrincipal {
        principal_id: PrincipalId(id),
        name: name.to_owned(),
        sid: sid.map(str::to_owned),
        r#type: kind.to_owned(),
        is_disabled: Some(id == 1),
        create_date: words(CREATED),
        modify_date: words(CHANGED),
        owning_principal_id: (kind == "R").then_some(PrincipalId(1)),
        is_fixed_role: Some(id == 3),
    };
    vec![
        principal(1, "sa", "S", Some(SA)),
        principal(2, "public", "R", Some("0x02")),
        principal(3, "sysadmin", "R", Some("0x03")),
        principal(259, "CORP\\dba", "G", Some(WINDOWS)),
        principal(267, super::USER, "S", Some(AUDITOR)),
        principal(268, HOSTILE_NAMES[0], "S", None),
    ]
}

fn sql_login(id: i32) -> SqlLogin {
    SqlLogin {
        principal_id: PrincipalId(id),
        is_policy_checked: Some(true),
        is_expiration_checked: Some(true),
        credential_id: None,
    }
}

fn member(role: i32, member: i32) -> RoleMember {
    RoleMember {
        role_principal_id: PrincipalId(role),
        member_principal_id: PrincipalId(member),
    }
}

fn permission(
    class: i32,
    on: i32,
    grantee: i32,
    code: &str,
    name: &str,
    state: &str,
) -> Permission {
    Permission {
        class,
        major_id: on,
        minor_id: 0,
        grantee_principal_id: PrincipalId(grantee),
        grantor_principal_id: PrincipalId(1),
        r#type: code.to_owned(),
        permission_name: words(name),
        state: state.to_owned(),
    }
}

fn shipped(id: i32, name: &str, schema: i32, shipped: bool) -> SystemExtendedProcedure {
    SystemExtendedProcedure {
        object_id: id,
        name: name.to_owned(),
        schema_id: schema,
        is_ms_shipped: Some(shipped),
    }
}

/// Name, state and AUTO_CLOSE of the sample's databases; ids count from 1.
const DATABASES: [(&str, i32, &str); 7] = [
    ("master", 0, "ONLINE"),
    ("tempdb", 0, "ONLINE"),
    ("model", 0, "ONLINE"),
    ("msdb", 0, "ONLINE"),
    ("erp", 0, "ONLINE"),
    ("a]; DROP TABLE t--", 0, "ONLINE"),
    ("archive", 6, "OFFLINE"),
];

fn database_rows(version: u16) -> Vec<DatabaseRow> {
    let rows = DATABASES.iter().zip(1..).map(|((name, state, word), id)| {
        let open = *state == 0;
        DatabaseRow {
            database_id: id,
            name: (*name).to_owned(),
            owner_sid: words(if id == 6 { WINDOWS } else { SA }),
            owner_name: words(if id == 6 { "CORP\\dba" } else { "sa" }),
            create_date: words(if *name == "tempdb" { STARTED } else { CREATED }),
            compatibility_level: Some(i32::from(version) * 10),
            collation: open.then(|| "SQL_Latin1_General_CP1_CI_AS".to_owned()),
            state: Some(*state),
            state_desc: words(word),
            user_access: Some(0),
            is_read_only: Some(false),
            is_auto_close_on: Some(false),
            is_in_standby: Some(false),
            is_trustworthy_on: Some(matches!(id, 4 | 6)),
            is_db_chaining_on: Some(id < 5),
            is_broker_enabled: Some(false),
            containment: Some(0),
            source_database_id: None,
            has_access: Some(open),
        }
    });
    rows.collect()
}

/// The fact of a module, whose text goes into the recording.
pub fn module(
    database: Option<&str>,
    id: i32,
    text: &str,
    modules: &mut Vec<ModuleLine>,
) -> Module {
    let line = Recording::module_line(database, id, text);
    let definition = known(TextHash {
        sha256: line.sha256.clone(),
        utf16_units: u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX),
    });
    modules.push(line);
    Module {
        object_id: id,
        definition,
        uses_quoted_identifier: Some(true),
        execute_as_principal_id: None,
    }
}
