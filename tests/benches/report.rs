//! How long reports take: `cargo bench --bench report`. The demo in every format, against the same run as JSON alone;
//! then estates made of the demo's own findings: 1,000 instances with 300 each as HTML, JSON and CSV, with the most
//! memory that the process ever took, and the largest page of an estate of 5,000 instances and of one instance with
//! 100,000 findings. JSON, which serde writes without a layout, is what the others are measured against.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mssql_posture::ids::InstanceId;
use mssql_posture::report::{self, Assessment, Earlier, Templates, VerdictEntry};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVERY: &str =
    "json,jsonl,html,md,summary,csv,xlsx,sarif,oscal,cklb,ocsf,junit,opengraph,prom";
const ROUNDS: usize = 5;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let json = best(|| audit(out, "json"));
    let every = best(|| audit(out, EVERY));
    println!("the demo: judged and written as JSON {}", shown(json));
    println!(
        "  every other format besides  {}",
        shown(every.saturating_sub(json))
    );
    let text = std::fs::read_to_string(out.join("demo/assessment.json")).unwrap();
    let demo: Assessment = serde_json::from_str(&text).unwrap();

    let estate = estate(&demo, 1_000, 300);
    println!("1,000 instances with 300 findings each");
    let (json, bytes) = timed(|| {
        let mut file = counted(out, "assessment.json");
        serde_json::to_writer_pretty(&mut file.0, &estate).unwrap();
        file.end()
    });
    println!("  JSON  {}, {}", shown(json), megabytes(bytes));
    let (csv, bytes) = timed(|| {
        let mut file = counted(out, "verdicts.csv");
        file.0
            .write_all(&report::verdicts_csv(&estate).unwrap())
            .unwrap();
        file.end()
    });
    println!(
        "  CSV   {}, {}, {}",
        shown(csv),
        megabytes(bytes),
        ratio(csv, json)
    );
    let (html, pages) = timed(|| write_pages(&estate, out));
    println!(
        "  HTML  {}, {} in {} pages, {}",
        shown(html),
        megabytes(pages.bytes),
        pages.count,
        ratio(html, json)
    );
    println!(
        "  together {}; most memory {}",
        shown(json + csv + html),
        most_memory()
    );
    drop(estate);

    for (instances, findings) in [(5_000, 20), (1, 100_000)] {
        let estate = self::estate(&demo, instances, findings);
        let (took, pages) = timed(|| write_pages(&estate, out));
        println!(
            "{instances} instances with {findings} findings each: {}, largest page {}",
            shown(took),
            megabytes(pages.largest)
        );
        assert!(pages.largest < 5_000_000, "no browser opens that");
    }
}

/// The demo by the binary, as a user has it.
fn audit(folder: &Path, formats: &str) {
    let out = folder.join("demo");
    let _ = std::fs::remove_dir_all(&out);
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
    let ran = Command::new(env!("CARGO_BIN_EXE_mssql-posture"))
        .args(["audit", demo, "--format", formats, "-o"])
        .arg(&out)
        .output()
        .unwrap();
    assert_eq!(
        ran.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// Instances like the demo's, with its findings over and over.
fn estate(demo: &Assessment, instances: usize, findings: usize) -> Assessment {
    let all = demo.instances.iter().flat_map(|own| &own.verdicts);
    let failed: Vec<&VerdictEntry> = all.filter(|v| v.outcome == "fail").collect();
    let mut estate = Assessment::new(demo.as_of.clone());
    estate.frameworks.clone_from(&demo.frameworks);
    for n in 0..instances {
        let mut own = demo.instances[n % demo.instances.len()].clone();
        own.id = InstanceId::new(format!("sql-{n:04}.corp.example"));
        own.verdicts = (0..findings)
            .map(|at| failed[(n + at) % failed.len()].clone())
            .collect();
        estate.instances.push(own);
    }
    estate.close()
}

struct Pages {
    count: usize,
    bytes: u64,
    largest: usize,
}

fn write_pages(estate: &Assessment, out: &Path) -> Pages {
    let mut pages = Pages {
        count: 0,
        bytes: 0,
        largest: 0,
    };
    std::fs::create_dir_all(out.join("instances")).unwrap();
    for page in report::html(estate, Earlier::default(), &Templates::default()).unwrap() {
        let page = page.unwrap();
        std::fs::write(out.join(&page.path), &page.html).unwrap();
        pages.count += 1;
        pages.bytes += page.html.len() as u64;
        pages.largest = pages.largest.max(page.html.len());
    }
    pages
}

struct Counted(std::io::BufWriter<std::fs::File>);

fn counted(folder: &Path, name: &str) -> Counted {
    Counted(std::io::BufWriter::new(
        std::fs::File::create(folder.join(name)).unwrap(),
    ))
}

impl Counted {
    fn end(self) -> u64 {
        self.0.into_inner().unwrap().metadata().unwrap().len()
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let made = work();
    (began.elapsed(), made)
}

fn best(mut work: impl FnMut()) -> Duration {
    (0..ROUNDS).map(|_| timed(&mut work).0).min().unwrap()
}

fn shown(took: Duration) -> String {
    format!("{:.2} s", took.as_secs_f64())
}

fn ratio(took: Duration, json: Duration) -> String {
    format!("{:.1} times JSON", took.as_secs_f64() / json.as_secs_f64())
}

fn megabytes(bytes: impl TryInto<u64>) -> String {
    let bytes = bytes.try_into().ok().unwrap();
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// As Linux counts it.
fn most_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(
        || "not known here".to_owned(),
        |line| line.trim().to_owned(),
    )
}
