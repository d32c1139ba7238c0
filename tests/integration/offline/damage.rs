//! What may happen to an output on its way, and what must not pass.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use mssql_posture::collect::offline::{ImportError, Output, script};
use mssql_posture::ids::InstanceId;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::{assert_same, imported, saved};
use crate::support::cli::Cli;
use crate::support::instance::{Instance, sample};
use crate::support::tds_server::Options;

/// One run, and another of another server.
static RUN: LazyLock<String> = LazyLock::new(|| run(16));
static OTHER: LazyLock<String> = LazyLock::new(|| run(12));

fn run(version: u16) -> String {
    saved(&Instance::new(sample::recording(version)).start(Options::default()))
}

fn refused(output: impl AsRef<[u8]>) -> ImportError {
    Output::read(output.as_ref()).expect_err("it is refused")
}

fn records(output: &str) -> Vec<&str> {
    output.lines().collect()
}

#[test]
fn import_takes_what_clients_do_to_lines() {
    let due = imported(RUN.as_bytes());
    let lines = records(&RUN);
    let wrapped = |width: usize, end: &str| {
        let mut text = String::new();
        for line in &lines {
            for piece in line.as_bytes().chunks(width) {
                write!(text, "{}{end}", std::str::from_utf8(piece).unwrap()).unwrap();
            }
        }
        text
    };
    let mut noisy =
        String::from("Msg 5701, Level 0\r\nChanged database context to 'master'.\r\n\r\n");
    for line in &lines {
        write!(noisy, "{line}\r\n(1 rows affected)\r\n<<\r\n").unwrap();
    }
    noisy += "\r\nCompletion time: 2026-02-03T04:05:06.7+01:00 \u{2014} größer > >> <<\r\n";
    let wide = |order: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
        let mark = mark.then_some(0xFEFF).into_iter();
        mark.chain(noisy.encode_utf16()).flat_map(order).collect()
    };
    let unix = RUN.replace("\r\n", "\n");
    let utf8 = format!("\u{feff}{noisy}");
    let code_page: Vec<u8> = noisy
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect();
    for (what, output) in [
        ("80 columns", wrapped(80, "\r\n").into_bytes()),
        ("7 columns", wrapped(7, "\n").into_bytes()),
        ("padding", wrapped(256, "   \r\n").into_bytes()),
        ("one line", RUN.replace("\r\n", " ").into_bytes()),
        ("LF", unix.into_bytes()),
        ("noise", noisy.clone().into_bytes()),
        ("UTF-8", utf8.into_bytes()),
        ("a code page", code_page),
        ("UTF-16LE", wide(u16::to_le_bytes, true)),
        ("UTF-16BE", wide(u16::to_be_bytes, true)),
        ("UTF-16LE without a mark", wide(u16::to_le_bytes, false)),
    ] {
        let read = Output::read(&output).map(drop);
        assert_eq!(read, Ok(()), "{what}");
        assert_same(&due, &imported(&output));
    }
}

#[test]
fn import_refuses_what_is_cut_off_anywhere() {
    let lines = records(&RUN);
    for kept in 1..lines.len() {
        let text = lines[..kept].join("\n");
        let record = u32::try_from(kept).unwrap();
        assert_eq!(refused(&text), ImportError::CutOff { record });
        // In the middle of the next record.
        let next = lines[kept];
        for half in [next.len() / 2, next.len() - 1] {
            let text = format!("{text}\n{}", &next[..half]);
            assert_eq!(refused(&text), ImportError::CutOff { record }, "{half}");
        }
        // The beginning is cut off.
        let text = lines[kept..].join("\n");
        let found = record + 1;
        assert_eq!(refused(&text), ImportError::Missing { due: 1, found });
    }
    assert_eq!(refused(""), ImportError::NoRecords);
    assert_eq!(
        refused("Msg 18456, Level 14: Login failed"),
        ImportError::NoRecords
    );
    let message = refused(lines[..9].join("\n")).to_string();
    assert!(
        message.contains("cut off") && message.contains("save all"),
        "{message}"
    );
}

#[test]
fn import_refuses_missing_and_exchanged_records() {
    let lines = records(&RUN);
    for at in 1..lines.len() - 1 {
        let due = u32::try_from(at + 1).unwrap();
        let mut without = lines.clone();
        without.remove(at);
        let found = due + 1;
        assert_eq!(
            refused(without.join("\n")),
            ImportError::Missing { due, found }
        );
        let mut exchanged = lines.clone();
        exchanged.swap(at, at + 1);
        assert_eq!(
            refused(exchanged.join("\n")),
            ImportError::Missing { due, found }
        );
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        let found = due;
        let due = due + 1;
        assert_eq!(
            refused(twice.join("\n")),
            ImportError::Missing { due, found }
        );
        // A record of another run with the right number.
        let mut foreign = lines.clone();
        if let Some(other) = records(&OTHER).get(at) {
            foreign[at] = other;
            assert_eq!(
                refused(foreign.join("\n")),
                ImportError::Edited { record: found }
            );
        }
    }
}

#[test]
fn import_refuses_any_edited_character() {
    let lines = records(&RUN);
    // A character of each record in turn, so that every place in a record is met.
    for (at, line) in lines.iter().enumerate() {
        for step in 0..4 {
            let place = (at * 37 + step * 211) % line.len();
            for with in ["0", "F", ":", ">", "é"] {
                if &line[place..=place] == with {
                    continue;
                }
                let edited = format!("{}{with}{}", &line[..place], &line[place + 1..]);
                let mut all = lines.clone();
                all[at] = &edited;
                let error = refused(all.join("\n"));
                let told = !matches!(error, ImportError::Malformed { .. });
                assert!(told, "{at} {place} {with}: {error}");
            }
        }
    }
    let mut all = lines.clone();
    let edited = lines[4].replacen("ask", "ack", 1);
    all[4] = &edited;
    assert_eq!(refused(all.join("\n")), ImportError::Edited { record: 5 });
}

#[test]
fn import_refuses_two_runs_in_one_file() {
    let (one, two) = (records(&RUN), records(&OTHER));
    let last = |lines: &[&str]| u32::try_from(lines.len()).unwrap();
    for (first, second) in [(&one, &two), (&one, &one), (&two, &one)] {
        let text = format!("{}\n{}", first.join("\n"), second.join("\n"));
        assert_eq!(
            refused(&text),
            ImportError::SecondRun {
                record: last(first)
            }
        );
        let text = format!("{}\n{}", first[..40].join("\n"), second.join("\n"));
        assert_eq!(refused(&text), ImportError::SecondRun { record: 40 });
        let text = format!("{}\n{}", first.join("\n"), &second[0][..30]);
        assert_eq!(
            refused(&text),
            ImportError::SecondRun {
                record: last(first)
            }
        );
        if first == second {
            continue;
        }
        let text = format!("{}\n{}", first[..40].join("\n"), second[40..].join("\n"));
        assert_eq!(refused(&text), ImportError::Edited { record: 41 });
    }
}

#[test]
fn import_refuses_other_scripts_and_says_which() {
    let version = format!(",{},", env!("CARGO_PKG_VERSION"));
    let other = RUN.replacen(&version, ",9.8.7,", 1);
    let says = |output: &str, says: &str| {
        let ran = Cli::new(&["import", "out.txt", "-o", "out"]).file("out.txt", output);
        assert!(!ran.run().code(2).says(says).path("out").exists());
    };
    says(&other, "made by the script of mssql-posture 9.8.7");
    says(&other, "collect again with the script that this one prints");
    says(
        &RUN.replacen("open,1,", "open,2,", 1),
        "whose form 2 this version does not read",
    );
    let hash = &script().sha256;
    let edited = RUN.replacen(hash.as_str(), &hash.replace(&hash[..1], "0"), 1);
    if edited != *RUN {
        says(&edited, "another build of the same version made it");
    }
    // A script that somebody changed and hashed anew is another script.
    let text = script()
        .text
        .replace("SELECT database_id, name", "SELECT database_id,  name");
    let (first, rest) = text.split_once('\n').unwrap();
    let sha256 = mssql_posture::snapshot::sha256_hex(rest.as_bytes());
    let text = format!("{}\n{rest}", first.replace(hash.as_str(), &sha256));
    let server = Instance::new(sample::recording(16)).start(Options::default());
    says(
        &server.messages(&text).join("\n"),
        "the script or the output was edited",
    );
}

/// An output of these lines with a chain that holds, as somebody could make it who means to.
fn forged(lines: &[String]) -> String {
    let mut hash: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&script().sha256[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let body = format!("{}:{line}", at + 1);
        hash = Sha256::new()
            .chain_update(&hash)
            .chain_update(&body)
            .finalize()
            .to_vec();
        write!(text, "<<posture:{body}:").unwrap();
        for byte in &hash {
            write!(text, "{byte:02X}").unwrap();
        }
        text += ">>\n";
    }
    text
}

fn contents(output: &str) -> Vec<String> {
    let content = |line: &&str| {
        let (_, rest) = line.split_once(':').unwrap();
        let (_, rest) = rest.split_once(':').unwrap();
        rest.rsplit_once(':').unwrap().0.to_owned()
    };
    records(output).iter().map(content).collect()
}

#[test]
fn import_refuses_records_that_fit_together_and_make_no_sense() {
    let lines = contents(&RUN);
    assert_eq!(Output::read(forged(&lines).as_bytes()).map(drop), Ok(()));
    let changed = |from: &str, to: &str| -> Vec<String> {
        let changed: Vec<String> = lines.iter().map(|line| line.replace(from, to)).collect();
        assert_ne!(changed, lines, "{from}");
        changed
    };
    let without = |word: &str| -> Vec<String> {
        lines
            .iter()
            .filter(|line| !line.contains(word))
            .cloned()
            .collect()
    };
    for wrong in [
        changed("ask,0,databases,", "ask,0,nothing,"),
        changed("ask,0,databases,", "ask,7,databases,"),
        changed("end,", "and,"),
        changed("r,000000", "r,0000"),
        changed("skip,", "skap,"),
        changed("close,", "close,1"),
        changed("close,", "close,x,"),
        without(",context,"),
        without(",host,"),
        without("in,"),
        vec![lines[0].clone(), lines.last().unwrap().clone()],
    ] {
        let error = Output::read(forged(&wrong).as_bytes()).map(drop).err();
        let read = matches!(
            error,
            Some(ImportError::Malformed { .. } | ImportError::CutOff { .. })
        );
        assert!(read, "{error:?}");
    }
    // The opening record names another version, session or server than the answers do.
    for (from, to) in [
        (",16,58,", ",17,58,"),
        (",16,58,", ",16,59,"),
        ("570053003100", "570053003200"),
    ] {
        let mut wrong = lines.clone();
        wrong[0] = wrong[0].replacen(from, to, 1);
        assert_ne!(wrong[0], lines[0], "{from}");
        let read = Output::read(forged(&wrong).as_bytes());
        let error = read.and_then(|read| read.into_collected(InstanceId::new("a")).map(drop));
        assert!(
            matches!(error, Err(ImportError::Malformed { .. })),
            "{error:?}"
        );
    }
}

/// Lines cut to what a record takes, which a line may be longer than.
fn chunked(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut records = vec![String::new()];
    for line in lines {
        for piece in line.as_bytes().chunks(800) {
            if records.last().unwrap().len() + piece.len() > 1700 {
                records.push(String::new());
            }
            *records.last_mut().unwrap() += std::str::from_utf8(piece).unwrap();
        }
    }
    records
}

#[test]
fn import_refuses_floods_before_they_take_memory_or_time() {
    let lines = contents(&RUN);
    let close = lines.last().unwrap().clone();
    let find = |start: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(start))
            .unwrap()
    };
    let databases = find("ask,0,databases,");
    let (ask, rows) = lines[databases].split_once(';').unwrap();
    let row = rows.split(';').find(|line| line.starts_with("r,")).unwrap();
    let (_, cells) = row.strip_prefix("r,").unwrap().split_once(',').unwrap();
    let many = 1..=32_768;
    let says = |what: &str, flood: Vec<String>, says: &str| {
        let all = [&lines[..databases], &flood, std::slice::from_ref(&close)].concat();
        let output = forged(&all);
        let start = Instant::now();
        let error = refused(&output);
        assert!(
            matches!(error, ImportError::Malformed { .. }),
            "{what}: {error}"
        );
        assert!(error.to_string().contains(says), "{what}: {error}");
        let took = start.elapsed();
        assert!(took < Duration::from_secs(20), "{what}: {took:?}");
    };
    let most = "more than the 32767 databases that an instance can hold";
    let listed = many.clone().map(|id| format!("r,{id:08X},{cells};"));
    let listed = std::iter::once(format!("{ask};")).chain(listed);
    says("rows", chunked(listed), most);
    let skipped = many.clone().map(|id| format!("skip,{id};"));
    says("skip", chunked(skipped), most);
    let entered = many.clone().map(|id| format!("in,{id},6100;"));
    says("in", chunked(entered), most);
    let mixed = many.map(|id| match id % 2 {
        0 => format!("in,{id},6100;"),
        _ => format!("skip,{id};"),
    });
    says("both", chunked(mixed), most);
    let commas = format!("{};", ",".repeat(2_000_000));
    let fields = "a line has more than 11 fields";
    says("commas", chunked([commas.clone()]), fields);
    let end = format!("{ask};end{commas}");
    says("an end of commas", chunked([end]), fields);
    let cells = format!("{ask};r{commas}");
    says(
        "a row of commas",
        chunked([cells]),
        "a row of databases has other values",
    );
    let wide = format!("{ask};{row}{commas}");
    says(
        "a wide row",
        chunked([wide]),
        "a row of databases has other values",
    );
    let name = format!("in,5,{};", "6100".repeat(129));
    says("a long name", chunked([name]), "a database has no name");
    let opening = lines[0].strip_suffix(';').unwrap();
    let output = forged(&[chunked([format!("{opening}{commas}")]), vec![close.clone()]].concat());
    assert!(refused(output).to_string().contains(fields));
}

#[test]
fn import_takes_as_many_databases_as_an_instance_can_hold() {
    let mut lines = contents(&RUN);
    let close = lines.pop().unwrap();
    let skipped = |last: i32| chunked((1_000..last).map(|id| format!("skip,{id};")));
    let met = lines
        .iter()
        .filter(|line| line.starts_with("in,") || line.starts_with("skip,"));
    let room = 32_767 - i32::try_from(met.count()).unwrap();
    let all = |count: i32| [lines.clone(), skipped(1_000 + count), vec![close.clone()]].concat();
    assert_eq!(
        Output::read(forged(&all(room)).as_bytes()).map(drop),
        Ok(())
    );
    let error = refused(forged(&all(room + 1))).to_string();
    assert!(error.contains("more than the 32767 databases"), "{error}");
}

#[test]
fn import_believes_no_database_without_its_proof() {
    let lines = contents(&RUN);
    let at = lines
        .iter()
        .rposition(|line| line.contains(",context,"))
        .unwrap();
    let mut wrong = lines.clone();
    wrong[at] = wrong[at].replacen("r,00000001", "r,00000063", 1);
    assert_ne!(wrong[at], lines[at]);
    let (snapshot, _) = imported(forged(&wrong).as_bytes());
    let thrown = snapshot.databases.iter().filter(|d| {
        d.objects
            .needs()
            .concat()
            .contains("could not be proven to come from database id")
    });
    assert_eq!(thrown.count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn import_never_panics(
        lines in proptest::collection::vec("(open,1,[a-z,0-9-]{0,40}|ask,[0-9]{0,2},[a-z_]{0,9},2026-01-01T00:00:00Z|r(,[0-9A-F-]{0,9}){0,5}|end,-?[0-9]{0,12}|err,1,[0-9A]{0,12},[0-9A-F]{0,8}|in,[0-9-]{0,3},[0-9A-F]{0,8}|skip,1|close,0,0,0,2026-01-01T00:00:00Z);", 0..12),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let opening = contents(&RUN)[0].clone();
        let all: Vec<String> = std::iter::once(opening).chain(lines).collect();
        let output = forged(&all);
        let _ = Output::read(output.as_bytes()).map(|read| read.into_collected(InstanceId::new("a")));
        let _ = Output::read(&bytes);
        let mut mixed = RUN.clone().into_bytes();
        let at = cut.index(mixed.len());
        mixed.splice(at..(at + 5).min(RUN.len()), bytes);
        let _ = Output::read(&mixed).map(|read| read.into_collected(InstanceId::new("a")));
    }
}
