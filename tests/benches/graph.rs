//! How long the privilege graph takes: `cargo bench --bench graph` for one huge instance (100,000 principals, 1,000,000
//! grants and memberships, 200,000 modules) searched from a loaded snapshot with observations, on one thread;
//! `cargo bench --bench graph estate` for 10,000 instances of 300 principals with 20,000 links; `cargo bench --bench
//! graph assess` for the huge instance from file to report by the program itself.
//!
//! Every shape is made here by arithmetic, the same in every run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation
)]

#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mssql_posture::graph::{CodeCall, CodeSink, Estate, Graph, Limits, ModuleCode};
use mssql_posture::ids::{DatabaseName, InstanceId, PrincipalId};
use mssql_posture::score;
use mssql_posture::snapshot::{
    ModuleLine, Object, Observed, Permission, RoleMember, render_module_lines, sha256_hex,
};
use mssql_posture::tsql::Sink;
use support::privileges::{Built, estate};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LOGINS: i32 = 50_000;
const ROLES: i32 = 500;
const MODULES: i32 = 200_000;
const INSTANCES: usize = 10_000;
const MODULE_BYTES: usize = 2_000;

fn main() {
    let shapes = ["estate", "assess"];
    let shape = std::env::args().find(|arg| shapes.contains(&arg.as_str()));
    match shape.as_deref() {
        Some("estate") => an_estate(),
        Some(_) => assessed(),
        None => one_huge(),
    }
}

/// 50,000 logins with a user each, 500 roles, memberships and grants up to a million rows, 200,000 modules.
fn huge() -> Built {
    let mut lines = String::from("version 16.0.4210.1\noption xp_cmdshell = 1\ndatabase Big\n");
    let _ = writeln!(lines, "database Trusted trustworthy\nin Trusted:");
    let mut built = estate(&lines);
    let db = built
        .snapshot
        .databases
        .iter()
        .position(|d| d.name.as_str() == "Big");
    principals(&mut built, db.unwrap());
    modules(&mut built, db.unwrap());
    permissions(&mut built, db.unwrap());
    built
}

fn principals(built: &mut Built, db: usize) {
    let login = |id: i32| {
        serde_json::json!({
            "principal_id": id, "name": format!("login{id}"), "sid": format!("0x{id:032x}"), "type": "S",
            "is_disabled": false,
        })
    };
    let user = |id: i32| {
        serde_json::json!({
            "principal_id": id, "name": format!("user{id}"), "sid": format!("0x{:032x}", id + 1000), "type": "S",
            "authentication_type": 1,
        })
    };
    let role = |id: i32| serde_json::json!({"principal_id": id, "name": format!("role{id}"), "type": "R", "owning_principal_id": 1});
    for id in 1..=LOGINS {
        add(
            &mut built.snapshot.server.server_principals,
            login(1000 + id),
        );
        let row = permission(100, 0, 1000 + id, "COSQ");
        push(&mut built.snapshot.server.server_permissions, row);
        let facts = &mut built.snapshot.databases[db];
        add(&mut facts.database_principals, user(id + 100));
        push(
            &mut facts.database_permissions,
            permission(0, 0, id + 100, "CO"),
        );
    }
    for id in 1..=ROLES {
        let facts = &mut built.snapshot.databases[db];
        add(&mut facts.database_principals, role(100_000 + id));
    }
}

fn permission(class: i32, major_id: i32, grantee: i32, code: &str) -> Permission {
    Permission {
        class,
        major_id,
        minor_id: 0,
        grantee_principal_id: PrincipalId(grantee),
        grantor_principal_id: PrincipalId(1),
        r#type: code.to_owned(),
        permission_name: None,
        state: "G".to_owned(),
    }
}

fn add<T: serde::de::DeserializeOwned>(list: &mut Observed<Vec<T>>, row: serde_json::Value) {
    push(list, serde_json::from_value(row).expect("a row"));
}

fn push<T>(list: &mut Observed<Vec<T>>, row: T) {
    match list {
        Observed::Known { value } => value.push(row),
        _ => panic!("a list that was not seen"),
    }
}

/// Every user is in four roles; roles and users hold EXECUTE on modules, some ALTER.
fn permissions(built: &mut Built, db: usize) {
    let facts = &mut built.snapshot.databases[db];
    for id in 1..=LOGINS {
        for turn in 1..=4 {
            let row = RoleMember {
                role_principal_id: PrincipalId(100_001 + (id * turn * 7) % ROLES),
                member_principal_id: PrincipalId(id + 100),
            };
            push(&mut facts.database_role_members, row);
        }
    }
    for id in 0..700_000 {
        let module = 1_000 + id % MODULES;
        let grantee = match id % 3 {
            0 => 100_001 + (id / 3) % ROLES,
            _ => 101 + (id * 31) % LOGINS,
        };
        let code = if id % 50 == 0 { "AL" } else { "EX" };
        push(
            &mut facts.database_permissions,
            permission(1, module, grantee, code),
        );
    }
}

fn modules(built: &mut Built, db: usize) {
    let name = DatabaseName::new("Big");
    for id in 0..MODULES {
        let object_id = 1_000 + id;
        let facts = &mut built.snapshot.databases[db];
        let object = Object {
            object_id,
            name: format!("p{id}"),
            schema_id: 1,
            principal_id: None,
            parent_object_id: 0,
            r#type: "P".to_owned(),
            create_date: None,
            modify_date: None,
            is_ms_shipped: Some(false),
        };
        push(&mut facts.objects, object);
        let text = text_of(id);
        let module = serde_json::json!({
            "object_id": object_id, "uses_quoted_identifier": true,
            "execute_as_principal_id": if id % 100 == 0 { Some(-2) } else { None },
            "definition": {"state": "known", "value": {"sha256": sha256_hex(text.as_bytes()), "utf16_units": text.len()}},
        });
        add(&mut facts.modules, module);
        let mut sinks = Vec::new();
        if id % 100 == 0 {
            let (is_dynamic, is_tainted) = (true, Some(true));
            let sink = if id % 200 == 0 {
                Sink::DynamicUnresolved
            } else {
                Sink::XpCmdshell
            };
            sinks.push(CodeSink {
                sink,
                is_dynamic,
                is_tainted,
            });
        }
        let calls = [id / 2, id / 3].map(|callee| CodeCall {
            database: name.clone(),
            object_id: 1_000 + callee,
            is_dynamic: false,
        });
        built.code.modules.push(ModuleCode {
            database: Some(name.clone()),
            object_id,
            sinks,
            calls: calls.into(),
        });
    }
}

fn text_of(id: i32) -> String {
    let mut text = format!("CREATE PROCEDURE dbo.p{id} @text nvarchar(max) AS\nBEGIN\n");
    let _ = writeln!(text, "EXEC dbo.p{}; EXEC dbo.p{};", id / 2, id / 3);
    if id % 100 == 0 {
        text.push_str(if id % 200 == 0 {
            "EXEC (@text);\n"
        } else {
            "EXEC xp_cmdshell @text;\n"
        });
    }
    while text.len() < MODULE_BYTES {
        let _ = writeln!(
            text,
            "UPDATE dbo.t SET a = a + {} WHERE b = N'{id}';",
            text.len()
        );
    }
    text.push_str("END");
    text
}

fn one_huge() {
    let built = huge();
    let snapshot = &built.snapshot;
    let facts = snapshot
        .databases
        .iter()
        .find(|d| d.name.as_str() == "Big")
        .unwrap();
    let rows = facts.database_permissions.seen().len()
        + facts.database_role_members.seen().len()
        + snapshot.server.server_permissions.seen().len();
    let principals =
        snapshot.server.server_principals.seen().len() + facts.database_principals.seen().len();
    println!("principals           {principals}");
    println!("grants, memberships  {rows}");
    println!("modules              {MODULES}");
    let before = peak_resident();
    let start = Instant::now();
    let mut graph = Graph::new(snapshot, &built.code, &built.groups);
    let made = start.elapsed();
    println!("graph made           {:.2} s", made.as_secs_f64());
    let start = Instant::now();
    let surveyed = graph.survey(Limits::default());
    println!(
        "every route searched {:.2} s",
        start.elapsed().as_secs_f64()
    );
    let reached: u32 = surveyed
        .iter()
        .map(|s| s.open.count + s.armable.count + s.waiting.count)
        .sum();
    println!("                     {reached} ways of principals, each counted once a channel");
    let start = Instant::now();
    let (exposure, _) = score::exposure(&mut graph, &[]);
    println!(
        "exposure             {:.2} s ({}–{})",
        start.elapsed().as_secs_f64(),
        exposure.low,
        exposure.high
    );
    let start = Instant::now();
    let fixes = score::fix_first(&graph, &|_| Vec::new(), &[], &exposure);
    println!(
        "fix first            {:.2} s ({} changes)",
        start.elapsed().as_secs_f64(),
        fixes.len()
    );
    println!("memory, snapshot     {before} MB");
    println!("memory, peak         {} MB", peak_resident());
}

/// Instances by arithmetic: 250 logins and 50 others each, two links to others.
fn instance(number: usize) -> Built {
    let mut lines = format!("version 16.0.4210.1\ninstance I{number}\ndatabase Db\n");
    let hop = |step: usize| (number * step + step) % INSTANCES;
    for (link, step) in [("one", 7), ("two", 13)] {
        let target = hop(step);
        let _ = writeln!(lines, "link {link} to HOST{target}\\I{target} rpc data");
        let _ = writeln!(lines, "link login {link} default as link_user");
    }
    let mut built = estate(&lines);
    built.snapshot.target = InstanceId::new(format!("i{number}"));
    built.snapshot.connection.endpoint = format!("host{number}\\I{number}");
    for id in 1..=250 {
        let name = if id == 1 {
            "link_user".to_owned()
        } else {
            format!("login{id}")
        };
        let login = serde_json::json!({
            "principal_id": 1000 + id, "name": name, "sid": format!("0x{id:032x}"), "type": "S", "is_disabled": false,
        });
        add(&mut built.snapshot.server.server_principals, login);
        push(
            &mut built.snapshot.server.server_permissions,
            permission(100, 0, 1000 + id, "COSQ"),
        );
    }
    if number.is_multiple_of(100) {
        push(
            &mut built.snapshot.server.server_permissions,
            permission(100, 0, 1001, "CL"),
        );
    }
    built
}

fn an_estate() {
    let mut searching = Duration::ZERO;
    let mut estate = Estate::default();
    let whole = Instant::now();
    for number in 0..INSTANCES {
        let built = instance(number);
        let start = Instant::now();
        let mut graph = Graph::new(&built.snapshot, &built.code, &built.groups);
        score::exposure(&mut graph, &[]);
        estate.enter(&graph, &[]);
        searching += start.elapsed();
    }
    println!(
        "instances            {INSTANCES} of 300 principals, {} links",
        2 * INSTANCES
    );
    println!("each by itself       {:.1} s", searching.as_secs_f64());
    let wanted = estate.wanted();
    println!("arrived at           {} instances", wanted.len());
    let mut arriving = Duration::ZERO;
    for (id, logins) in wanted {
        let number: usize = id.as_str()[1..].parse().unwrap();
        let built = instance(number);
        let start = Instant::now();
        let graph = Graph::new(&built.snapshot, &built.code, &built.groups);
        estate.arrive(&graph, &logins);
        arriving += start.elapsed();
    }
    println!("arrivals             {:.1} s", arriving.as_secs_f64());
    let start = Instant::now();
    let paths = estate.paths(20);
    let joining = start.elapsed();
    println!(
        "chains               {:.1} s ({} told)",
        joining.as_secs_f64(),
        paths.len()
    );
    println!(
        "all, one thread      {:.1} s",
        (searching + arriving + joining).as_secs_f64()
    );
    println!(
        "with making them     {:.1} s",
        whole.elapsed().as_secs_f64()
    );
    println!("memory, peak         {} MB", peak_resident());
}

/// From file to report.
fn assessed() {
    let folder = std::env::temp_dir().join(format!("posture-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut built = huge();
    let lines = (0..MODULES).map(|id| {
        let definition = text_of(id);
        ModuleLine {
            database: Some("Big".to_owned()),
            object_id: 1_000 + id,
            part: None,
            sha256: sha256_hex(definition.as_bytes()),
            definition,
        }
    });
    let (bytes, file) = render_module_lines(lines.collect()).unwrap();
    built.snapshot.module_text = file;
    fs::write(folder.join("huge.modules.jsonl"), &bytes).unwrap();
    fs::write(
        folder.join("huge.snapshot.json"),
        built.snapshot.render().unwrap(),
    )
    .unwrap();
    println!("module text          {} MB", bytes.len() >> 20);
    drop((bytes, built));
    let start = Instant::now();
    let mut running = Command::new(env!("CARGO_BIN_EXE_mssql-posture"))
        .arg("assess")
        .arg(folder.join("huge.snapshot.json"))
        .args(["--as-of", "2026-01-01", "-o"])
        .arg(folder.join("out"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peak = peak_of(running.id());
    let status = running.wait().unwrap();
    println!(
        "assess               {:.1} s ({status})",
        start.elapsed().as_secs_f64()
    );
    println!("memory, peak         {peak} MB");
    fs::remove_dir_all(&folder).unwrap();
}

/// The most memory that this process had resident, in MB (Linux; elsewhere 0).
fn peak_resident() -> u64 {
    peak_in("/proc/self/status").unwrap_or(0)
}

fn peak_in(status: &str) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib >> 10)
}

/// The same of a running process, read until it ends.
fn peak_of(id: u32) -> u64 {
    let mut peak = 0;
    while let Some(now) = peak_in(&format!("/proc/{id}/status")) {
        peak = now;
        std::thread::sleep(Duration::from_millis(20));
    }
    peak
}
