//! What setup installs.

use mssql_posture::graph::{Code, Groups};
use mssql_posture::ids::InstanceId;
use mssql_posture::snapshot::{
    Answered, Connection, DatabaseFacts, Encryption, Fact, Observed, Outcome, Snapshot,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::builder::{Builder, known, push};

/// First builds of each version.
const BUILDS: &[(&str, &str)] = &[
    ("11", "11.0.2100.60"),
    ("12", "12.0.2000.8"),
    ("13", "13.0.1601.5"),
    ("14", "14.0.1000.169"),
    ("15", "15.0.2000.5"),
    ("16", "16.0.1000.6"),
    ("17", "17.0.1000.7"),
];

/// Fixed server roles from id 3.
const SERVER_ROLES: &[&str] = &[
    "sysadmin",
    "securityadmin",
    "serveradmin",
    "setupadmin",
    "processadmin",
    "diskadmin",
    "dbcreator",
    "bulkadmin",
];

/// Those of version 16 and later, from id 11.
const LATER_SERVER_ROLES: &[&str] = &[
    "##MS_ServerStateReader##",
    "##MS_ServerStateManager##",
    "##MS_DefinitionReader##",
    "##MS_DatabaseConnector##",
    "##MS_DatabaseManager##",
    "##MS_LoginManager##",
    "##MS_SecurityDefinitionReader##",
    "##MS_PerformanceDefinitionReader##",
    "##MS_ServerSecurityStateReader##",
    "##MS_ServerPerformanceStateReader##",
];

/// Fixed database roles from id 16384; one id is not used.
const DATABASE_ROLES: &[(i32, &str)] = &[
    (16384, "db_owner"),
    (16385, "db_accessadmin"),
    (16386, "db_securityadmin"),
    (16387, "db_ddladmin"),
    (16389, "db_backupoperator"),
    (16390, "db_datareader"),
    (16391, "db_datawriter"),
    (16392, "db_denydatareader"),
    (16393, "db_denydatawriter"),
];

/// Roles of msdb that matter here, and in which of them each is.
const MSDB_ROLES: &[(&str, Option<&str>)] = &[
    ("SQLAgentUserRole", None),
    ("SQLAgentReaderRole", Some("SQLAgentUserRole")),
    ("SQLAgentOperatorRole", Some("SQLAgentReaderRole")),
    ("db_ssisadmin", None),
    ("dc_admin", None),
];

/// Objects of msdb that matter here, with their types.
const MSDB_OBJECTS: &[(&str, &str)] = &[
    ("sysjobs", "U"),
    ("sysjobsteps", "U"),
    ("sp_add_jobstep", "P"),
    ("sp_update_jobstep", "P"),
    ("sp_sqlagent_refresh_job", "P"),
];

const EXTENDED_PROCEDURES: &[&str] = &[
    "xp_cmdshell",
    "sp_OACreate",
    "sp_OAMethod",
    "sp_OAGetProperty",
    "sp_OASetProperty",
    "sp_OADestroy",
    "xp_regread",
    "xp_regwrite",
    "xp_instance_regwrite",
    "xp_regaddmultistring",
    "xp_instance_regaddmultistring",
    "xp_dirtree",
];

/// Options with the first version that has them and their value.
const OPTIONS: &[(&str, u16, i32)] = &[
    ("show advanced options", 11, 0),
    ("xp_cmdshell", 11, 0),
    ("clr enabled", 11, 0),
    ("clr strict security", 14, 1),
    ("Ole Automation Procedures", 11, 0),
    ("external scripts enabled", 13, 0),
    ("cross db ownership chaining", 11, 0),
    ("Agent XPs", 11, 1),
];

/// Ids, subsystems, and whether Linux has them.
const SUBSYSTEMS: &[(i32, &str, bool)] = &[
    (1, "TSQL", true),
    (3, "CmdExec", false),
    (4, "Snapshot", true),
    (5, "LogReader", true),
    (6, "Distribution", true),
    (9, "ANALYSISQUERY", false),
    (10, "ANALYSISCOMMAND", false),
    (11, "SSIS", false),
    (12, "PowerShell", false),
];

/// Answers of a server that has nothing of the kind.
struct Nothing;

impl Answered for Nothing {
    fn list<T: DeserializeOwned + Ord>(self) -> Observed<Vec<T>> {
        Observed::Known { value: Vec::new() }
    }

    fn one<T: DeserializeOwned>(self) -> Observed<T> {
        match serde_json::from_value(json!({})) {
            Ok(value) => Observed::Known { value },
            Err(_) => Observed::NotCollected {
                why: "no test asks for it".to_owned(),
            },
        }
    }
}

impl Builder {
    /// An instance as setup leaves it, on Windows.
    pub fn of_version(version: &str) -> Self {
        let mut builder = Self::of(empty(), Code::default(), Groups::default());
        let build = BUILDS.iter().find(|(major, _)| *major == version);
        let build = build.map_or(version, |(_, build)| build);
        let major: u16 = build.split('.').next().unwrap().parse().unwrap();
        let server = &mut builder.snapshot.server;
        server.server_identity = known(json!({
            "product_version": build, "engine_edition": 3, "server_name": "SQL01",
            "machine_name": "SQL01", "collation": "SQL_Latin1_General_CP1_CI_AS",
        }));
        server.host = known(json!({"platform": "Windows"}));
        builder.install_principals(major);
        builder.install_settings(major);
        builder.install_databases();
        builder
    }

    fn install_principals(&mut self, major: u16) {
        let sa = json!({"principal_id": 1, "name": "sa", "sid": "0x01", "type": "S",
            "is_disabled": false, "is_fixed_role": false});
        push(&mut self.snapshot.server.server_principals, sa);
        self.fixed_role(2, "public", false);
        let (old, later) = ((3..).zip(SERVER_ROLES), (11..).zip(LATER_SERVER_ROLES));
        for (id, name) in old {
            self.fixed_role(id, name, true);
        }
        for (id, name) in later.filter(|_| major >= 16) {
            self.fixed_role(id, name, true);
        }
        let members = &mut self.snapshot.server.server_role_members;
        push(
            members,
            json!({"role_principal_id": 3, "member_principal_id": 1}),
        );
        self.give("G", (100, 0, "VWDB"), 2);
        self.give("G", (100, 0, "COSQ"), 1);
    }

    fn fixed_role(&mut self, id: i32, name: &str, is_fixed: bool) {
        let row = json!({"principal_id": id, "name": name, "sid": format!("0x{id:02x}"),
            "type": "R", "is_disabled": false, "owning_principal_id": 1, "is_fixed_role": is_fixed});
        push(&mut self.snapshot.server.server_principals, row);
    }

    fn install_settings(&mut self, major: u16) {
        let server = &mut self.snapshot.server;
        let options = OPTIONS.iter().filter(|(_, since, _)| *since <= major);
        for (id, (name, _, value)) in (16380..).zip(options) {
            let row = json!({"configuration_id": id, "name": name, "value": value,
                "value_in_use": value, "is_dynamic": true,
                "is_advanced": *name != "show advanced options"});
            push(&mut server.configurations, row);
        }
        for (name, id) in EXTENDED_PROCEDURES.iter().zip((-900_000_i32..).step_by(7)) {
            let row = json!({"object_id": id, "name": name, "schema_id": 4, "is_ms_shipped": true});
            push(&mut server.system_extended_procedures, row);
        }
        for (name, account) in [
            ("SQL Server (MSSQLSERVER)", "NT Service\\MSSQLSERVER"),
            (
                "SQL Server Agent (MSSQLSERVER)",
                "NT Service\\SQLSERVERAGENT",
            ),
        ] {
            push(
                &mut server.services,
                json!({"servicename": name, "service_account": account}),
            );
        }
        for (id, name, _) in SUBSYSTEMS {
            push(
                &mut server.subsystems,
                json!({"subsystem_id": id, "subsystem": name}),
            );
        }
        if major < 13 {
            let active = json!({"subsystem_id": 2, "subsystem": "ActiveScripting"});
            push(&mut server.subsystems, active);
        }
        let own = json!({"server_id": 0, "name": "SQL01", "product": "SQL Server",
            "provider": "SQLNCLI", "data_source": "SQL01", "is_linked": false,
            "is_remote_login_enabled": true, "is_rpc_out_enabled": true,
            "is_data_access_enabled": false, "is_system": false});
        push(&mut server.linked_servers, own);
    }

    /// Takes away what Linux does not have.
    pub fn make_linux(&mut self) {
        let server = &mut self.snapshot.server;
        server.host = known(json!({"platform": "Linux"}));
        let on_linux = |name: &str| {
            SUBSYSTEMS
                .iter()
                .any(|(_, own, there)| *own == name && *there)
        };
        if let Observed::Known { value } = &mut server.subsystems {
            value.retain(|row| on_linux(&row.subsystem));
        }
    }

    fn install_databases(&mut self) {
        for (id, name, trustworthy, chaining) in [
            (1, "master", false, true),
            (2, "tempdb", false, true),
            (3, "model", false, false),
            (4, "msdb", true, true),
        ] {
            let row = json!({"database_id": id, "name": name, "owner_sid": "0x01", "state": 0,
                "is_trustworthy_on": trustworthy, "is_db_chaining_on": chaining,
                "is_broker_enabled": id == 2 || id == 4, "is_read_only": false});
            self.add_database(row, "0x01");
            if id != 3 {
                self.give("G", (0, 0, "CO"), 2);
            }
        }
        for (id, (name, _)) in (5..).zip(MSDB_ROLES) {
            self.database_role(id, name, 1, false);
        }
        for (id, (name, kind)) in (-100..).zip(MSDB_OBJECTS) {
            let row = json!({"object_id": id, "name": name, "schema_id": 1, "type": kind,
                "parent_object_id": 0, "is_ms_shipped": true});
            push(&mut self.facts().objects, row);
        }
        for (name, above) in MSDB_ROLES {
            if let Some(above) = above {
                self.join(name, above);
            }
        }
        self.scope = None;
    }

    /// Adds a database with what every new one has, and goes on in it.
    pub fn add_database(&mut self, row: serde_json::Value, owner_sid: &str) {
        let id = i32::try_from(row["database_id"].as_i64().unwrap()).unwrap();
        let mut facts = DatabaseFacts::unseen(id, row["name"].as_str().unwrap(), "");
        for fact in Fact::OF_DATABASE {
            facts.place(fact.name(), Nothing);
        }
        self.snapshot.databases.push(facts);
        self.scope = Some(self.snapshot.databases.len() - 1);
        push(&mut self.snapshot.server.databases, row);
        self.database_role(0, "public", 1, false);
        for (id, name, sid, authentication) in [
            (1, "dbo", Some(owner_sid), 1),
            (2, "guest", Some("0x00"), 0),
            (3, "INFORMATION_SCHEMA", None, 0),
            (4, "sys", None, 0),
        ] {
            self.database_principal(id, name, "S", sid, authentication);
            self.add_schema(id, name, id);
        }
        for (id, name) in DATABASE_ROLES {
            self.database_role(*id, name, 1, true);
            self.add_schema(*id, name, *id);
        }
        self.give("G", (0, 0, "CO"), 1);
    }
}

fn empty() -> Snapshot {
    let connection = Connection {
        endpoint: "sql01,1433".to_owned(),
        encryption: Encryption::Required,
        trust_server_certificate: false,
        authentication: "sql".to_owned(),
        user: None,
    };
    let at = "2026-01-01T00:00:00Z";
    let target = InstanceId::new("SQL01");
    let mut snapshot = Snapshot::unseen(target, Outcome::Finished, connection, at);
    for fact in Fact::OF_SERVER {
        snapshot.server.place(fact.name(), Nothing);
    }
    snapshot
}
