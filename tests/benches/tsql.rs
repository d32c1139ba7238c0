//! How fast T-SQL is analysed, and how that compares with a general SQL tokenizer and a plain text search over the same
//! bytes: `cargo bench --bench tsql [MEGABYTES]`.
//!
//! Times are those of one thread on a processor, as Linux counts them (elsewhere by the clock), the best of a few
//! rounds. Every large or hostile text is judged in a process of its own, whose peak memory is read when it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss
)]

#[path = "tsql/corpus.rs"]
mod corpus;
#[path = "tsql/hostile.rs"]
mod hostile;

use corpus::Module;
use mssql_posture::tsql::{count_tokens, observe_module};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::tokenizer::Tokenizer;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Each figure is the best of so many rounds.
const ROUNDS: usize = 7;
/// As long as this the texts are judged again and again: processor time is counted in steps of milliseconds.
const ROUND: Duration = Duration::from_millis(400);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|a| a == "--hostile") {
        return hostile_alone(&arguments[at + 1]);
    }
    // `cargo bench` adds `--bench`.
    let megabytes: usize = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(12);
    let estate = corpus::estate(megabytes << 20);
    let scripts = corpus::scripts(megabytes << 20);
    println!("T-SQL, one thread, MB (10^6 bytes) per second of processor time, best of {ROUNDS}");
    println!("{:<44} {:>8} {:>7} {:>9}", "texts", "modules", "MB", "MB/s");
    let quiet: Vec<&Module> = estate
        .iter()
        .chain(&scripts)
        .filter(|m| !m.is_loud)
        .collect();
    let loud: Vec<&Module> = estate
        .iter()
        .chain(&scripts)
        .filter(|m| m.is_loud)
        .collect();
    let all: Vec<&Module> = estate.iter().chain(&scripts).collect();

    let calls = |module: &&Module| {
        let object = observe_module(&module.text, true);
        object.calls.iter().any(|call| !call.is_function)
    };
    let (calling, silent): (Vec<&Module>, Vec<&Module>) = quiet.iter().partition(|m| calls(m));

    let lexer = row("lexer alone, all", &all, |text| count_tokens(text, true));
    row("analysed: no sink word, execution or call", &silent, sinks);
    row("analysed: calls of other modules only", &calling, sinks);
    let without = row("both of these", &quiet, sinks);
    let with = row("analysed: a sink word or execution", &loud, sinks);
    row(
        "analysed: the estate",
        &estate.iter().collect::<Vec<_>>(),
        sinks,
    );
    row(
        "analysed: the scripts",
        &scripts.iter().collect::<Vec<_>>(),
        sinks,
    );
    let tokenizer = row("sqlparser's tokenizer, T-SQL dialect, all", &all, |text| {
        let tokens = Tokenizer::new(&MsSqlDialect {}, text).tokenize();
        tokens.map_or(0, |tokens| tokens.len())
    });
    scan(&all);
    let search = text_search(&all);

    println!("\nratios");
    println!(
        "    lexer / sqlparser's tokenizer            {:>6.1}",
        lexer / tokenizer
    );
    println!(
        "    analysed without / sqlparser's tokenizer {:>6.1}",
        without / tokenizer
    );
    println!(
        "    analysed with / sqlparser's tokenizer    {:>6.1}",
        with / tokenizer
    );
    if let Some(search) = search {
        println!(
            "    analysed without / ripgrep               {:>6.2}",
            without / search
        );
        println!(
            "    analysed with / ripgrep                  {:>6.2}",
            with / search
        );
    }
    println!("\nlarge and hostile texts, each in a process of its own");
    println!(
        "{:<44} {:>7} {:>9} {:>9} {:>7}",
        "text", "MB", "s", "peak MB", "sinks"
    );
    for (name, _) in hostile::TEXTS {
        let itself = std::env::current_exe().unwrap();
        let ran = Command::new(itself).args(["--hostile", name]).output();
        print!("{}", String::from_utf8(ran.unwrap().stdout).unwrap());
    }
}

fn sinks(text: &str) -> usize {
    observe_module(text, true).sinks.len()
}

/// Measures and prints; gives MB/s.
fn row(name: &str, modules: &[&Module], mut judge: impl FnMut(&str) -> usize) -> f64 {
    let bytes: usize = modules.iter().map(|module| module.text.len()).sum();
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Stopwatch::start();
        let mut passes = 0;
        while start.wall.elapsed() < ROUND {
            let results: usize = modules.iter().map(|module| judge(&module.text)).sum();
            std::hint::black_box(results);
            passes += 1;
        }
        best = best.min(start.elapsed() / passes);
    }
    let rate = bytes as f64 / 1e6 / best.as_secs_f64();
    println!(
        "{name:<44} {:>8} {:>7.1} {rate:>9.1}",
        modules.len(),
        bytes as f64 / 1e6
    );
    rate
}

/// Time of this thread on a processor: others share the machine.
struct Stopwatch {
    wall: Instant,
    processor: Option<Duration>,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            wall: Instant::now(),
            processor: processor_time(),
        }
    }

    fn elapsed(&self) -> Duration {
        match (self.processor, processor_time()) {
            (Some(start), Some(end)) => end.saturating_sub(start),
            _ => self.wall.elapsed(),
        }
    }
}

fn processor_time() -> Option<Duration> {
    let counted = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = counted.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// How fast the binary reads the same texts from files, one for each module, on every core: by the clock, from its start to
/// its end.
fn scan(modules: &[&Module]) {
    let folder = tempfile::tempdir().unwrap();
    for (number, module) in modules.iter().enumerate() {
        fs::write(folder.path().join(format!("{number}.sql")), &module.text).unwrap();
    }
    let run = || {
        let start = Instant::now();
        let ran = Command::new(env!("CARGO_BIN_EXE_mssql-posture"))
            .args(["scan", "--format", "jsonl"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(1), "findings");
        start.elapsed()
    };
    let best = (0..ROUNDS).map(|_| run()).min().unwrap();
    let bytes: usize = modules.iter().map(|module| module.text.len()).sum();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{:<44} {:>8} {:>7.1} {:>9.1}",
        format!("`scan` of as many files, {cores} cores, by the clock"),
        modules.len(),
        bytes as f64 / 1e6,
        bytes as f64 / 1e6 / best.as_secs_f64()
    );
}

/// How fast ripgrep counts lines with one word, in one thread, over the same texts in one file; `None` where it is not
/// installed. It finds comments as well as calls, and nothing that is put together.
fn text_search(modules: &[&Module]) -> Option<f64> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.sql");
    let texts: Vec<&str> = modules.iter().map(|module| module.text.as_str()).collect();
    let text = texts.join("\r\nGO\r\n");
    fs::write(&path, &text).unwrap();
    let search = |path: &std::path::Path| {
        let start = Instant::now();
        let ran = Command::new("rg")
            .args(["-j1", "-c", "-i", "xp_cmdshell"])
            .arg(path)
            .output();
        ran.ok().map(|_| start.elapsed())
    };
    let empty = folder.path().join("empty.sql");
    fs::write(&empty, "").unwrap();
    let Some(starting) = (0..ROUNDS).filter_map(|_| search(&empty)).min() else {
        println!("ripgrep is not installed: no comparison with it");
        return None;
    };
    let best = (0..ROUNDS).filter_map(|_| search(&path)).min()?;
    let best = best.saturating_sub(starting).max(Duration::from_micros(1));
    let rate = text.len() as f64 / 1e6 / best.as_secs_f64();
    let megabytes = text.len() as f64 / 1e6;
    println!(
        "{:<44} {:>8} {megabytes:>7.1} {rate:>9.1}",
        "ripgrep -c -i xp_cmdshell, its start not counted", 1
    );
    Some(rate)
}

fn hostile_alone(name: &str) {
    let (_, text) = hostile::TEXTS
        .iter()
        .find(|(other, _)| *other == name)
        .unwrap();
    let text = text();
    let start = Stopwatch::start();
    let object = observe_module(&text, true);
    let elapsed = start.elapsed();
    println!(
        "{name:<44} {:>7.1} {:>9.3} {:>9} {:>7}",
        text.len() as f64 / 1e6,
        elapsed.as_secs_f64(),
        peak_resident().map_or_else(|| "?".to_owned(), |kib| (kib >> 10).to_string()),
        object.sinks.len(),
    );
}

/// The most memory this process had resident, in KiB (Linux).
fn peak_resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
