//! How long two large snapshots take to be compared: `cargo bench --bench drift` runs the binary's `diff` on two snapshots
//! of one instance with 200,000 modules of 1 KB each, from its start to its end, judging of both sides among it. One token
//! of one module is another; in the second run every other module was reformatted too. In the same run, what it takes to
//! read the same module text with serde_json alone, and to hash it with SHA-256.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mssql_posture::drift::{Side, compare};
use mssql_posture::ids::InstanceId;
use mssql_posture::snapshot::{ModuleLine, ModuleTexts, Snapshot, sha256_hex};
use support::recording::{Base, Recording};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DATABASES: [&str; 4] = ["Sales", "Stock", "Ledger", "Archive"];
const MODULES: usize = 50_000;
const PLANTED: usize = 31_337;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("before");
    write(&before, |id| text(id, " ", "="));
    let planted = |id: usize| if id == PLANTED { "<>" } else { "=" };
    for (about, blank) in [
        ("one token", " "),
        ("one token, and all reformatted", "\n    "),
    ] {
        let after = folder.path().join("after");
        let _ = fs::remove_dir_all(&after);
        write(&after, |id| {
            text(id, if id == PLANTED { " " } else { blank }, planted(id))
        });
        let (time, resident, found) = run(&before, &after);
        let kinds = |class: &str| {
            let changes = found["instances"][0]["changes"].as_array().unwrap().iter();
            changes.filter(|c| c["text"]["class"] == class).count()
        };
        let cosmetic = if blank == " " {
            0
        } else {
            MODULES * DATABASES.len() - DATABASES.len()
        };
        assert_eq!(
            (kinds("code"), kinds("cosmetic")),
            (DATABASES.len(), cosmetic)
        );
        println!("{} modules; {about}", MODULES * DATABASES.len());
        println!(
            "  diff from start to end  {:.1} s, {} MB at most",
            time.as_secs_f64(),
            resident >> 10
        );
        let alone = alone(&before, &after);
        println!("  the comparison alone    {:.1} s", alone.as_secs_f64());
        let (parsed, hashed, bytes) = bare(&[&before, &after]);
        println!(
            "  serde_json reads both   {:.1} s ({} MB), SHA-256 of both {:.1} s",
            parsed.as_secs_f64(),
            bytes >> 20,
            hashed.as_secs_f64()
        );
        println!(
            "  diff / serde_json       {:.1}",
            time.as_secs_f64() / parsed.as_secs_f64()
        );
    }
}

/// About 1 KB.
fn text(id: usize, blank: &str, compares: &str) -> String {
    let mut text = format!(
        "CREATE PROCEDURE dbo.p{id} @From datetime, @Customer int{blank}AS\nSET NOCOUNT ON;\n"
    );
    for part in 0..9 {
        writeln!(
            text,
            "UPDATE dbo.Orders{part} SET Total = Total + {id},{blank}Changed = GETDATE() WHERE CustomerId {compares} @Customer AND Made >= @From;"
        )
        .unwrap();
    }
    text
}

fn write(folder: &Path, text: impl Fn(usize) -> String) {
    let mut r = Recording::new(Base::windows("BIG", 16));
    for database in DATABASES {
        r.add_database(database, "sa");
        for id in 0..MODULES {
            r.add_module(database, &format!("dbo.p{id}"), "P", &text(id));
        }
    }
    let recorded = r.finish();
    fs::create_dir_all(folder).unwrap();
    fs::write(
        folder.join("BIG.snapshot.json"),
        recorded.snapshot.render().unwrap(),
    )
    .unwrap();
    fs::write(folder.join("BIG.modules.jsonl"), recorded.module_text).unwrap();
}

fn run(before: &Path, after: &Path) -> (Duration, u64, serde_json::Value) {
    let out = before.with_file_name("diff.json");
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mssql-posture"))
        .args(["diff", "--format", "json", "--fail-on", "never"])
        .args([before, after])
        .stdin(Stdio::null())
        .stdout(fs::File::create(&out).unwrap())
        .spawn()
        .unwrap();
    let resident = peak_resident(child.id());
    let code = child.wait().unwrap().code();
    let time = start.elapsed();
    assert_eq!(code, Some(0));
    let found = serde_json::from_str(&fs::read_to_string(out).unwrap()).unwrap();
    (time, resident, found)
}

fn alone(before: &Path, after: &Path) -> Duration {
    let read = |folder: &Path| {
        let text = fs::read_to_string(folder.join("BIG.snapshot.json")).unwrap();
        let snapshot = Snapshot::from_json(&text).unwrap();
        let text = fs::read_to_string(folder.join("BIG.modules.jsonl")).unwrap();
        let texts = ModuleTexts::from_jsonl(&text, &snapshot.module_text.sha256).unwrap();
        (snapshot, texts)
    };
    let (old, new) = (read(before), read(after));
    let start = Instant::now();
    let side = |own: &'static str| InstanceId::new(own);
    let found = compare(
        &side("BIG"),
        &Side::new((&old.0, &old.1), None),
        &Side::new((&new.0, &new.1), None),
    );
    assert!(!found.changes.is_empty());
    start.elapsed()
}

/// What nobody can do without: reading the lines, and hashing them.
fn bare(folders: &[&Path]) -> (Duration, Duration, usize) {
    let texts: Vec<String> = folders
        .iter()
        .map(|f| fs::read_to_string(f.join("BIG.modules.jsonl")).unwrap())
        .collect();
    let start = Instant::now();
    for text in &texts {
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<ModuleLine>(line).unwrap());
        assert_eq!(
            lines.filter(|line| !line.definition.is_empty()).count(),
            text.lines().count()
        );
    }
    let parsed = start.elapsed();
    let start = Instant::now();
    let hashes: Vec<String> = texts
        .iter()
        .map(|text| sha256_hex(text.as_bytes()))
        .collect();
    assert!(hashes.iter().all(|hash| hash.len() == 64));
    (parsed, start.elapsed(), texts.iter().map(String::len).sum())
}

/// The most memory the process had resident, in KiB, read until it ends (Linux; elsewhere 0).
fn peak_resident(id: u32) -> u64 {
    let mut peak = 0;
    loop {
        let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) else {
            return peak;
        };
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let Some(line) = line else { return peak };
        peak = line.trim().trim_end_matches(" kB").parse().unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(20));
    }
}
