//! What setup installs besides logins and options: endpoints, services, Agent's own job, the libraries of the engine.

use mssql_posture::collect::Query;
use mssql_posture::snapshot::{
    AnyFact, ModuleLine, Observed, ServerCertificate, ServerEncryption, ServerFacts, ServerTls,
    TlsSession, sha256_hex,
};
use serde_json::{Value, json};

use super::instance::{Base, INSTALLED};
use crate::support::answers;

/// Facts of a fresh instance that nothing else has made yet, and the texts that they name.
pub fn complete(facts: &mut ServerFacts, base: &Base) -> Vec<ModuleLine> {
    let mut texts = Vec::new();
    facts.server_tls = Observed::Known { value: tls(base) };
    answers::complete_server(facts, base.version, false, &mut |query| {
        rows(query, base, &mut texts)
    });
    if base.linux
        && let Some(registry) = facts.named_mut("registry")
    {
        registry.unsupported(11, Some("SQL Server on Linux has no registry"));
    }
    texts
}

/// The certificate of the enterprise's own authority that every server of the demo has.
fn tls(base: &Base) -> ServerTls {
    let name = format!("{}.corp.example", base.machine.to_lowercase());
    ServerTls {
        encryption: ServerEncryption::Required,
        session: Some(TlsSession {
            protocol: "TLSv1.2".to_owned(),
            cipher_suite: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384".to_owned(),
            certificates_sent: 1,
            certificate: ServerCertificate {
                subject: format!("CN={name}"),
                issuer: "CN=Corp Issuing CA 2, O=Corp".to_owned(),
                serial: sha256_hex(name.as_bytes())[..38].to_owned(),
                not_before: "2026-01-12T00:00:00Z".to_owned(),
                not_after: "2028-01-12T00:00:00Z".to_owned(),
                sha256: sha256_hex(format!("certificate of {name}").as_bytes()),
                dns_names: vec![name],
                ip_addresses: Vec::new(),
                key_algorithm: "RSA".to_owned(),
                key_bits: Some(3072),
                signature_algorithm: "sha256WithRSAEncryption".to_owned(),
                self_signed: false,
            },
            not_trusted_because: None,
        }),
    }
}

fn rows(query: &'static Query, base: &Base, texts: &mut Vec<ModuleLine>) -> Value {
    match query.name {
        "server_properties" => properties(base),
        "linked_servers" => json!([{
            "server_id": 0, "name": base.server_name(), "product": "SQL Server",
            "provider": provider(base), "data_source": base.server_name(), "is_linked": false,
            "is_remote_login_enabled": true, "is_rpc_out_enabled": true,
            "is_data_access_enabled": false, "is_system": false, "modify_date": INSTALLED,
        }]),
        "linked_logins" => json!([{
            "server_id": 0, "local_principal_id": 0, "uses_self_credential": true,
            "modify_date": INSTALLED,
        }]),
        "endpoints" => endpoints(),
        "tcp_endpoints" => json!([
            {"endpoint_id": 1, "port": 0, "is_dynamic_port": true},
            {"endpoint_id": 4, "port": 0, "is_dynamic_port": true},
        ]),
        "services" => services(base),
        "registry" => registry(base),
        "connections" => json!([
            {"session_id": 57, "net_transport": "TCP", "encrypt_option": "TRUE", "auth_scheme": "SQL"},
        ]),
        "loaded_modules" if !base.linux => loaded_modules(base),
        "subsystems" => subsystems(base),
        "jobs" | "job_steps" | "job_servers" | "job_schedules" | "schedules"
            if !base.is_express() =>
        {
            purge_job(query.name, texts)
        }
        _ => answers::nothing(query),
    }
}

fn provider(base: &Base) -> &'static str {
    if base.version < 15 {
        "SQLNCLI"
    } else {
        "MSOLEDBSQL"
    }
}

fn folder(base: &Base) -> String {
    if base.linux {
        return "/var/opt/mssql".to_owned();
    }
    let instance = base.instance.unwrap_or("MSSQLSERVER");
    format!(
        "C:\\Program Files\\Microsoft SQL Server\\MSSQL{}.{instance}\\MSSQL",
        base.version
    )
}

fn properties(base: &Base) -> Value {
    let folder = folder(base);
    let slash = if base.linux { "/" } else { "\\" };
    let (log, data) = if base.linux {
        ("log", "data")
    } else {
        ("Log", "DATA")
    };
    json!({
        "build_clr_version": "v4.0.30319",
        "is_single_user": false,
        "is_local_db": false,
        "is_full_text_installed": false,
        "is_advanced_analytics_installed": (base.version >= 13).then_some(false),
        "is_polybase_installed": (base.version >= 13).then_some(false),
        "filestream_configured_level": 0,
        "error_log_file_name": (base.engine_edition != 8)
            .then(|| format!("{folder}{slash}{log}{slash}{}", if base.linux { "errorlog" } else { "ERRORLOG" })),
        "default_data_path": format!("{folder}{slash}{data}{slash}"),
    })
}

fn endpoints() -> Value {
    let row = |id: i32, name: &str, protocol: &str| {
        json!({
            "endpoint_id": id, "name": name, "principal_id": 1, "protocol_desc": protocol,
            "type_desc": "TSQL", "state_desc": "STARTED", "is_admin_endpoint": id == 1,
        })
    };
    json!([
        row(1, "Dedicated Admin Connection", "TCP"),
        row(2, "TSQL Local Machine", "SHARED_MEMORY"),
        row(3, "TSQL Named Pipes", "NAMED_PIPES"),
        row(4, "TSQL Default TCP", "TCP"),
        row(5, "TSQL Default VIA", "VIA"),
    ])
}

fn services(base: &Base) -> Value {
    let name = base.instance.unwrap_or("MSSQLSERVER");
    let agent = json!({
        "servicename": format!("SQL Server Agent ({name})"),
        "startup_type_desc": "Automatic", "status_desc": "Running",
        "service_account": if base.linux { "mssql".to_owned() } else { base.service_account(true) },
        "filename": format!("\"{}\\Binn\\SQLAGENT.EXE\" -i {name}", folder(base)),
    });
    let engine = json!({
        "servicename": format!("SQL Server ({name})"),
        "startup_type_desc": "Automatic", "status_desc": "Running",
        "service_account": base.service_account(false),
        "filename": format!("\"{}\\Binn\\sqlservr.exe\" -s{name}", folder(base)),
    });
    match (base.linux, base.is_express()) {
        (true, _) => json!([agent]),
        (false, true) => json!([engine]),
        (false, false) => json!([engine, agent]),
    }
}

fn registry(base: &Base) -> Value {
    let name = base.instance.unwrap_or("MSSQLSERVER");
    let key = format!(
        "HKLM\\Software\\Microsoft\\Microsoft SQL Server\\MSSQL{}.{name}\\MSSQLServer",
        base.version
    );
    let folder = folder(base);
    let row = |sub: &str, name: &str, data: &str| json!({"registry_key": format!("{key}\\{sub}"), "value_name": name, "value_data": data});
    json!([
        row(
            "Parameters",
            "SQLArg0",
            &format!("-d{folder}\\DATA\\master.mdf")
        ),
        row(
            "Parameters",
            "SQLArg1",
            &format!("-e{folder}\\Log\\ERRORLOG")
        ),
        row(
            "Parameters",
            "SQLArg2",
            &format!("-l{folder}\\DATA\\mastlog.ldf")
        ),
        row("SuperSocketNetLib", "ForceEncryption", "1"),
        row("SuperSocketNetLib\\Tcp\\IPAll", "TcpPort", "1433"),
    ])
}

fn loaded_modules(base: &Base) -> Value {
    let folder = folder(base);
    let row = |name: &str, description: &str| {
        json!({
            "name": format!("{folder}\\Binn\\{name}"), "company": "Microsoft Corporation",
            "description": description,
            "file_version": format!("20{}.0.1000:0", base.version),
            "product_version": format!("{}.0.1000:0", base.version),
        })
    };
    json!([
        row("sqlservr.exe", "SQL Server Windows NT - 64 Bit"),
        row("sqllang.dll", "SQL Server language processing"),
        row("xpstar.dll", "Extended procs (x64)"),
    ])
}

const SUBSYSTEMS: &[(i32, &str, &str, &str)] = &[
    (1, "TSQL", "[Internal]", "[Internal]"),
    (3, "CmdExec", "SQLCMDSS.DLL", ""),
    (4, "Snapshot", "SQLREPSS.DLL", "SNAPSHOT.EXE"),
    (5, "LogReader", "SQLREPSS.DLL", "logread.exe"),
    (6, "Distribution", "SQLREPSS.DLL", "DISTRIB.EXE"),
    (7, "Merge", "SQLREPSS.DLL", "REPLMERG.EXE"),
    (8, "QueueReader", "sqlrepss.dll", "qrdrsvc.exe"),
    (9, "ANALYSISQUERY", "SQLOLAPSS.DLL", ""),
    (10, "ANALYSISCOMMAND", "SQLOLAPSS.DLL", ""),
    (11, "SSIS", "SQLDTSSS.DLL", "DTExec.exe"),
    (12, "PowerShell", "SQLPOWERSHELLSS.DLL", "SQLPS.exe"),
];

/// Linux has only T-SQL and replication.
fn subsystems(base: &Base) -> Value {
    let there = SUBSYSTEMS
        .iter()
        .filter(|(id, ..)| !base.linux || matches!(id, 1 | 4..=8));
    let rows = there.map(|(id, name, dll, exe)| {
        json!({
            "subsystem_id": id, "subsystem": name, "subsystem_dll": dll,
            "agent_exe": (!exe.is_empty()).then_some(exe),
        })
    });
    rows.collect()
}

const PURGE_JOB: &str = "3F2504E0-4F89-11D3-9A0C-0305E82C3301";

/// The job that setup makes, which purges the history of policies.
fn purge_job(fact: &str, texts: &mut Vec<ModuleLine>) -> Value {
    match fact {
        "jobs" => json!([{
            "job_id": PURGE_JOB, "name": "syspolicy_purge_history", "enabled": 1,
            "owner_sid": "0x01", "start_step_id": 1, "category_id": 0,
            "date_created": INSTALLED, "date_modified": INSTALLED,
        }]),
        "job_steps" => {
            let step = |id: i32, name: &str, command: &str, texts: &mut Vec<ModuleLine>| {
                json!({
                    "job_id": PURGE_JOB, "step_id": id, "step_name": name, "subsystem": "TSQL",
                    "command": step_text(PURGE_JOB, id, command, texts), "database_name": "master",
                })
            };
            json!([
                step(
                    1,
                    "Verify that automation is enabled.",
                    "IF (msdb.dbo.fn_syspolicy_is_automation_enabled() != 1) BEGIN RAISERROR(34022, 16, 1) END",
                    texts
                ),
                step(
                    2,
                    "Purge history.",
                    "EXEC msdb.dbo.sp_syspolicy_purge_history",
                    texts
                ),
            ])
        }
        "job_servers" => json!([{"job_id": PURGE_JOB, "server_id": 0}]),
        "job_schedules" => json!([{"job_id": PURGE_JOB, "schedule_id": 8}]),
        _ => json!([{
            "schedule_id": 8, "name": "syspolicy_purge_history_schedule", "owner_sid": "0x01",
            "enabled": 1, "freq_type": 4, "date_modified": INSTALLED,
        }]),
    }
}

/// The fact of a step's command, whose text goes apart.
pub fn step_text(job: &str, step: i32, command: &str, texts: &mut Vec<ModuleLine>) -> Value {
    let sha256 = sha256_hex(command.as_bytes());
    texts.push(ModuleLine {
        database: Some("msdb".to_owned()),
        object_id: 0,
        part: Some(format!("job {job} step {step}")),
        sha256: sha256.clone(),
        definition: command.to_owned(),
    });
    json!({"sha256": sha256, "utf16_units": command.encode_utf16().count()})
}
