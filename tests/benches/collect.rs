//! How long an audit of 200 instances takes over a network with 20 ms round trips, and how that compares
//! with the bare driver draining the same batches: `cargo bench --bench collect [INSTANCES]`. And one huge instance:
//! `cargo bench --bench collect modules` (200,000 in one database), `databases` (5,000) or `principals` (100,000).
//!
//! Servers are simulated in this process, so both contenders share its two cores with them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use mssql_posture::ids::{DatabaseName, PrincipalId};
use mssql_posture::snapshot::{Object, Observed, Permission, ServerPrincipal};
use support::estate::Estate;
use support::instance::{Instance, PASSWORD, Recording, RunningInstance, USER, sample};
use support::tds_server::{LogKind, Options};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::compat::TokioAsyncWriteCompatExt;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LATENCY: Duration = Duration::from_millis(20);
const USER_DATABASES: i32 = 20;
const MODULES: i32 = 50;
const MODULE_BYTES: usize = 1024;
const CONCURRENCY: usize = 16;
const HUGE_MODULES: i32 = 200_000;
const HUGE_DATABASES: i32 = 5_000;
const HUGE_PRINCIPALS: i32 = 100_000;
const HUGE_MODULE_BYTES: usize = 4096;

fn main() {
    let huge = ["modules", "databases", "principals"];
    if let Some(shape) = std::env::args().find(|arg| huge.contains(&arg.as_str())) {
        return one_huge(&shape);
    }
    // `cargo bench` adds `--bench`.
    let number = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(200);
    let template = template(USER_DATABASES, MODULES, MODULE_BYTES);
    let servers: Vec<RunningInstance> = (0..number).map(|n| start(&template, n, LATENCY)).collect();
    let estate = servers
        .iter()
        .enumerate()
        .fold(Estate::new(), |estate, (n, server)| {
            estate.with(&format!("srv{n:03}"), server)
        });

    let start = Instant::now();
    let running = estate
        .audit(&["--fail-on", "never", "--format", "json", "--allow-partial"])
        .start();
    let resident = peak_resident(running.id());
    let ran = running.wait();
    let audit = start.elapsed();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for server in &servers {
        server.assert_clean();
    }

    let round_trips: Vec<usize> = servers.iter().map(RunningInstance::round_trips).collect();
    let databases = template.snapshot.databases.len();
    let start = Instant::now();
    let (rows, bytes) = drain(&servers);
    let bare = start.elapsed();

    println!(
        "instances            {number} of {databases} databases, {USER_DATABASES} of them with {MODULES} modules of {MODULE_BYTES} bytes"
    );
    println!(
        "round trip           {} ms, concurrency {CONCURRENCY}",
        LATENCY.as_millis()
    );
    println!(
        "round trips          {} per instance (most), bound {}",
        round_trips.iter().max().unwrap(),
        6 + 2 * databases
    );
    println!(
        "audit                {:.1} s (collect, judge, write {} files)",
        audit.as_secs_f64(),
        ran.files("out").len()
    );
    println!("peak resident        {} MB", resident >> 10);
    println!(
        "bare driver          {:.1} s for the same batches ({rows} rows, {} MB of text)",
        bare.as_secs_f64(),
        bytes >> 20
    );
    println!(
        "audit / bare driver  {:.2}",
        audit.as_secs_f64() / bare.as_secs_f64()
    );
}

/// One instance that is huge in one way.
fn one_huge(shape: &str) {
    let template = match shape {
        "modules" => template(1, HUGE_MODULES, HUGE_MODULE_BYTES),
        "databases" => template(HUGE_DATABASES, 1, MODULE_BYTES),
        _ => with_principals(template(1, 1, MODULE_BYTES)),
    };
    let server = [start(&template, 0, Duration::ZERO)];
    drop(template);
    let run = Estate::with_defaults("timeouts = { query_seconds = 600, target_seconds = 900 }")
        .with("huge", &server[0]);
    let start = Instant::now();
    let running = run.collect(&["--allow-partial"]).start();
    let resident = peak_resident(running.id());
    let ran = running.wait();
    let collect = start.elapsed();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    server[0].assert_clean();
    let trips = server[0].round_trips();
    let start = Instant::now();
    let (rows, bytes) = drain(&server);
    let bare = start.elapsed();
    println!("huge in              {shape}");
    println!("round trips          {trips}");
    println!("collect              {:.1} s", collect.as_secs_f64());
    println!("peak resident        {} MB", resident >> 10);
    println!(
        "bare driver          {:.1} s for the same batches ({rows} rows, {} MB of text)",
        bare.as_secs_f64(),
        bytes >> 20
    );
    println!(
        "collect / bare       {:.2}",
        collect.as_secs_f64() / bare.as_secs_f64()
    );
}

/// Logins, each with a permission and a role.
fn with_principals(mut recording: Recording) -> Recording {
    let server = &mut recording.snapshot.server;
    let (Observed::Known { value: logins }, Observed::Known { value: permissions }) = (
        &mut server.server_principals,
        &mut server.server_permissions,
    ) else {
        panic!("the sample is seen whole");
    };
    let (login, permission) = (logins[0].clone(), permissions[0].clone());
    for id in 1_000..1_000 + HUGE_PRINCIPALS {
        logins.push(ServerPrincipal {
            principal_id: PrincipalId(id),
            name: format!("CORP\\user{id}"),
            sid: Some(format!("0x01050000000000051500000000000000{id:08x}")),
            ..login.clone()
        });
        permissions.push(Permission {
            grantee_principal_id: PrincipalId(id),
            ..permission.clone()
        });
    }
    recording
}

/// One instance with so many databases and modules.
fn template(databases: i32, modules_each: i32, module_bytes: usize) -> Recording {
    let mut recording = sample::recording(16);
    let Observed::Known { value: rows } = &mut recording.snapshot.server.databases else {
        panic!("the sample is seen whole");
    };
    rows.retain(|row| row.database_id <= 4);
    recording.snapshot.databases.retain(|d| d.database_id <= 4);
    recording
        .modules
        .retain(|m| m.database.as_deref() != Some("erp"));
    let model_row = rows.iter().find(|row| row.name == "model").unwrap().clone();
    let model = recording
        .snapshot
        .databases
        .iter()
        .find(|d| d.name.as_str() == "model")
        .unwrap()
        .clone();
    for id in 5..5 + databases {
        let name = format!("user_{id}");
        let mut row = model_row.clone();
        row.database_id = id;
        row.name.clone_from(&name);
        rows.push(row);
        let mut facts = model.clone();
        facts.database_id = id;
        facts.name = DatabaseName::new(&name);
        let mut objects = Vec::new();
        let mut modules = Vec::new();
        for n in 0..modules_each {
            let object_id = 100_000 + n;
            objects.push(object(object_id));
            modules.push(sample::module(
                Some(&name),
                object_id,
                &module_text(id, n, module_bytes),
                &mut recording.modules,
            ));
        }
        facts.objects = Observed::Known { value: objects };
        facts.modules = Observed::Known { value: modules };
        recording.snapshot.databases.push(facts);
    }
    recording
}

fn object(object_id: i32) -> Object {
    Object {
        object_id,
        name: format!("procedure_{object_id}"),
        schema_id: 1,
        principal_id: None,
        parent_object_id: 0,
        r#type: "P".to_owned(),
        create_date: None,
        modify_date: None,
        is_ms_shipped: Some(false),
    }
}

/// Code as procedures have it.
fn module_text(database: i32, number: i32, length: usize) -> String {
    let mut text = format!(
        "CREATE PROCEDURE dbo.procedure_{number} @from date, @to date AS\nSET NOCOUNT ON;\n"
    );
    while text.len() < length {
        let step = text.len();
        let _ = writeln!(
            text,
            "INSERT INTO dbo.log_{database} (moment, what) SELECT SYSUTCDATETIME(), N'step '' {step}' FROM dbo.orders WHERE placed BETWEEN @from AND @to;"
        );
    }
    text.truncate(length);
    text
}

fn start(template: &Recording, number: usize, latency: Duration) -> RunningInstance {
    let mut recording = template.clone();
    if let Observed::Known { value } = &mut recording.snapshot.server.server_identity {
        value.server_name = Some(format!("SRV{number:03}"));
    }
    Instance::new(recording).start(Options {
        latency,
        ..Options::default()
    })
}

/// The most memory the process had resident, in KiB, read until it ends (Linux; elsewhere 0).
fn peak_resident(id: u32) -> u64 {
    let mut peak = 0;
    loop {
        let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) else {
            return peak;
        };
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // A process that ended and was not waited for has no memory left to tell of.
        let Some(line) = line else { return peak };
        peak = line.trim().trim_end_matches(" kB").parse().unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The bare driver: the same batches over as many sessions, every row read and dropped.
fn drain(servers: &[RunningInstance]) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut waiting: Vec<_> = servers
        .iter()
        .map(|s| (s.port(), s.ca_pem().to_owned(), sessions(s)))
        .collect();
    runtime.block_on(async {
        let mut working = JoinSet::new();
        let mut sum = (0, 0);
        loop {
            while working.len() < CONCURRENCY
                && let Some((port, ca, sessions)) = waiting.pop()
            {
                working.spawn(drain_instance(port, ca, sessions));
            }
            let Some(drained) = working.join_next().await else {
                return sum;
            };
            let (rows, bytes) = drained.unwrap();
            sum = (sum.0 + rows, sum.1 + bytes);
        }
    })
}

/// The batches of each session of a server.
fn sessions(server: &RunningInstance) -> Vec<Vec<String>> {
    let mut sessions: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for entry in server.log() {
        if let LogKind::Batch(text) = entry.kind {
            sessions.entry(entry.session).or_default().push(text);
        }
    }
    sessions.into_values().collect()
}

async fn drain_instance(port: u16, ca: String, sessions: Vec<Vec<String>>) -> (usize, usize) {
    let sessions = sessions
        .into_iter()
        .map(|batches| drain_session(port, ca.clone(), batches));
    let drained = futures_util::future::join_all(sessions).await;
    drained
        .into_iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

async fn drain_session(port: u16, ca: String, batches: Vec<String>) -> (usize, usize) {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(port);
    config.authentication(AuthMethod::sql_server(USER, PASSWORD));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca_bundle(ca.into_bytes());
    let tcp = TcpStream::connect(config.get_addr()).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let login = Box::pin(Client::connect(config, tcp.compat_write()));
    let mut client = login.await.unwrap();
    let (mut rows, mut bytes) = (0, 0);
    for batch in batches {
        let mut stream = client.simple_query(batch).await.unwrap();
        while let Some(item) = stream.try_next().await.unwrap() {
            if let QueryItem::Row(row) = item {
                rows += 1;
                for value in row {
                    if let tiberius::ColumnData::String(Some(text)) = value {
                        bytes += text.len();
                    }
                }
            }
        }
    }
    (rows, bytes)
}
