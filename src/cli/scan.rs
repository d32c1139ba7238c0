//! `scan`: judges T-SQL files that have not been deployed yet.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::args::{Scan, ScanFormat};
use super::{Exit, output, print};
use crate::report::{self, ScannedFile, Unread};
use crate::rules::Excerpt;
use crate::tsql::{self, Member, Observation};

/// Names of files that hold T-SQL, looked for in folders. A file that is named itself is always read.
const EXTENSIONS: &[&str] = &[
    "sql", "tsql", "ddl", "prc", "proc", "sp", "udf", "fnc", "trg", "vw",
];

pub(super) fn scan(args: &Scan) -> anyhow::Result<Exit> {
    let files = files(&args.paths)?;
    let keeps_text = matches!(args.format, ScanFormat::Table);
    let (mut scanned, unread) = read_all(&files, keeps_text);
    let objects = scanned.iter_mut().flat_map(|file| &mut file.file.objects);
    let member = |object| Member {
        database: "",
        name: None,
        is_callable: true,
        object,
    };
    tsql::connect(&mut objects.map(member).collect::<Vec<_>>());
    let scanned: Vec<ScannedFile> = scanned.into_iter().map(Scanned::with_lines).collect();
    let terminal = output::Terminal::of_stdout();
    print(&match args.format {
        ScanFormat::Table => report::annotated(&scanned, &unread, terminal.width, terminal.color),
        ScanFormat::Jsonl => report::jsonl(&scanned)?,
        ScanFormat::Sarif => report::sarif(&scanned, &unread)?,
    })?;
    for file in &unread {
        output::note(&format!("{}: {}", file.path, file.why));
    }
    let worst = report::worst(&scanned);
    Ok(match args.fail_on.severity() {
        _ if !unread.is_empty() => Exit::Incomplete,
        Some(threshold) if worst.is_some_and(|worst| worst >= threshold) => Exit::Findings,
        _ => Exit::Clean,
    })
}

/// The files that the arguments name, in order of path, each once: files, folders, patterns, `-`.
fn files(paths: &[String]) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    for given in paths {
        let path = Path::new(given);
        if given == "-" || path.is_file() {
            files.push(given.clone());
        } else if path.is_dir() {
            let before = files.len();
            walk(path, &mut files)?;
            if files.len() == before {
                bail!(
                    "{given} holds no T-SQL file (*.{})",
                    EXTENSIONS.join(", *.")
                );
            }
        } else if given.contains(['*', '?', '[']) {
            let before = files.len();
            for found in glob::glob(given).with_context(|| format!("{given} is no pattern"))? {
                let found =
                    found.with_context(|| format!("cannot read what {given} stands for"))?;
                if found.is_file() {
                    files.push(found.to_string_lossy().into_owned());
                }
            }
            if files.len() == before {
                bail!("{given} stands for no file");
            }
        } else {
            files.push(given.clone()); // not there, or no file: said when it is read
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// T-SQL files under a folder. Links to folders are not followed: they could lead around for ever.
fn walk(folder: &Path, files: &mut Vec<String>) -> anyhow::Result<()> {
    let place = || format!("cannot read {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(place)? {
        let entry = entry.with_context(place)?;
        let path = entry.path();
        if entry.file_type().with_context(place)?.is_dir() {
            walk(&path, files)?;
            continue;
        }
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        if EXTENSIONS.contains(&extension.as_str()) && path.is_file() {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// A file beside what is shown of it besides what was found.
struct Scanned {
    file: ScannedFile,
    /// Its text, where lines of it are shown: the texts of all files are many times what is found in them.
    text: Option<String>,
    /// Why it was not read whole, though what is in it was.
    unread: Option<Unread>,
}

impl Scanned {
    /// Keeps of the text the lines that sinks stand on.
    fn with_lines(mut self) -> ScannedFile {
        if let Some(text) = self.text {
            let sinks = self.file.objects.iter().flat_map(|object| &object.sinks);
            let line = |sink: &Observation| Excerpt::of(&text, &sink.span, sink.command.as_deref());
            self.file.lines = sinks.map(line).collect();
        }
        self.file
    }
}

fn unread_directive(path: &str, text: &str) -> Option<Unread> {
    let (line, what) = tsql::first_unread_directive(text)?;
    let why = format!("line {line} has sqlcmd put in {what}; scan what sqlcmd makes of it");
    let path = path.to_owned();
    Some(Unread { path, why })
}

/// Reads and analyses the files on every core, and gives them in order.
fn read_all(files: &[String], keeps_text: bool) -> (Vec<Scanned>, Vec<Unread>) {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Scanned, Unread>)>> = Mutex::default();
    let work = || {
        while let Some((index, file)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            files.get(index).map(|file| (index, file))
        } {
            let result = read_one(file, keeps_text);
            let mut done = done
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            done.push((index, result));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(files.len()) {
            scope.spawn(work);
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    let (mut scanned, mut unread) = (Vec::new(), Vec::new());
    for (_, result) in done {
        match result {
            Ok(mut file) => {
                unread.extend(file.unread.take());
                scanned.push(file);
            }
            Err(file) => unread.push(file),
        }
    }
    (scanned, unread)
}

fn read_one(given: &str, keeps_text: bool) -> Result<Scanned, Unread> {
    let path = shown(given);
    let bytes = if given == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map(|_| bytes)
    } else {
        std::fs::read(PathBuf::from(given))
    };
    let bytes = bytes.map_err(|error| Unread {
        path: path.clone(),
        why: error.to_string(),
    })?;
    let text = decode(bytes);
    let unread = unread_directive(&path, &text);
    let file = ScannedFile {
        path,
        objects: tsql::observe_script(&text),
        lines: Vec::new(),
    };
    let text = keeps_text.then_some(text);
    Ok(Scanned { file, text, unread })
}

/// A path as it is shown everywhere: `/` between its parts, without a leading `./`.
fn shown(given: &str) -> String {
    let path = if cfg!(windows) {
        given.replace('\\', "/")
    } else {
        given.to_owned()
    };
    path.strip_prefix("./").map_or(path.clone(), str::to_owned)
}

/// UTF-16 of which the mark was left out: of most pairs of bytes the same one is zero, as in no other encoding.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    const LOOKED_AT: usize = 512;
    let (pairs, _) = bytes.as_chunks::<2>();
    let pairs = pairs.get(..LOOKED_AT.min(pairs.len()))?;
    let zeros = |place: usize| {
        let zeros = pairs.iter().filter(|pair| pair.get(place) == Some(&0));
        zeros.count()
    };
    let most = |count: usize| count * 4 > pairs.len() * 3;
    match (zeros(0), zeros(1)) {
        (0, low) if most(low) => Some(UTF_16LE),
        (high, 0) if most(high) => Some(UTF_16BE),
        _ => None,
    }
}

/// By byte-order mark; else UTF-16 where its zeros show it, UTF-8 if it is that, and Windows-1252, as SQL Server's own
/// tools save files.
pub(super) fn decode(bytes: Vec<u8>) -> String {
    let decoded = |encoding: &'static Encoding, bytes: &[u8]| {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        text.into_owned()
    };
    if let Some((encoding, mark)) = Encoding::for_bom(&bytes) {
        return decoded(encoding, bytes.get(mark..).unwrap_or_default());
    }
    if let Some(encoding) = unmarked_utf16(&bytes) {
        return decoded(encoding, &bytes);
    }
    String::from_utf8(bytes).unwrap_or_else(|error| decoded(WINDOWS_1252, error.as_bytes()))
}
