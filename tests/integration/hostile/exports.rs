//! Exported files that somebody made to break their reader, or that broke on the way: no panic, bounded work, and never
//! fewer events in silence.

use std::time::{Duration, Instant};

use mssql_posture::collect::{EventWindow, ExportError, ExportOptions, Exports, in_memory};
use mssql_posture::ids::InstanceId;
use proptest::prelude::*;

use crate::changes::host::{AT, created};
use crate::support::evtx::{self, BODY};

const SQLSERVR: &str = "C:\\X\\MSSQL16.MSSQLSERVER\\MSSQL\\Binn\\sqlservr.exe";
const CHUNK: usize = 65536;
const HEADER: usize = 4096;

/// Events of servers and hosts, and what is unseen; none of a file that is refused.
fn read(bytes: &[u8]) -> Option<(usize, Vec<String>)> {
    let mut exports = Exports::new(ExportOptions {
        window: EventWindow {
            since: "1900-01-01T00:00:00Z".parse().unwrap(),
            until: None,
            most: 1_000_000,
        },
        target: Some(InstanceId::new("a")),
        utc_offset_minutes: Some(0),
        scratch: in_memory(),
    });
    match exports.read("x", &mut &bytes[..]) {
        Ok(()) => {}
        Err(ExportError::Io(error)) => panic!("{error}"),
        Err(_) => return None,
    }
    let all = exports.finish().unwrap();
    let found = all
        .iter()
        .map(|one| one.events().count() + one.host().len())
        .sum();
    let sources = all.iter().flat_map(|one| &one.target.sources);
    let needs = sources.flat_map(|source| source.seen.needs()).collect();
    Some((found, needs))
}

fn log() -> Vec<u8> {
    let events: Vec<_> = (0..9)
        .map(|n| created(SQLSERVR, "C:\\Windows\\cmd.exe", "cmd /c dir", AT + n))
        .collect();
    evtx::log(&events, 3)
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    for chunk in bytes[HEADER..].chunks_exact_mut(CHUNK) {
        evtx::seal(chunk);
    }
    bytes
}

/// A place in a chunk.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap()
}

/// Definitions of templates that each hold two of the next, the last of them a token that is none.
fn doubling(levels: u32) -> Vec<u8> {
    let length = 24 + 4 + 2 * 14 + 1;
    // The record: a template by its place, without values.
    let body_length = 4 + 14 + 1;
    let first = place(BODY + body_length + 4);
    let instance = |at: u32| {
        [
            &[0x0c, 1, 0, 0, 0, 0][..],
            &at.to_le_bytes(),
            &0_u32.to_le_bytes(),
        ]
        .concat()
    };
    let body = [&[0x0f, 1, 1, 0][..], &instance(first), &[0]].concat();
    let definitions = (1..=levels).flat_map(|level| {
        let next = first + (level % levels.max(1)) * length;
        let inner = if level == levels {
            [0x0f, 1, 1, 0].repeat(7)
        } else {
            [instance(next), instance(next)].concat()
        };
        let size = 4 + place(inner.len()) + 1;
        [
            &[0; 20][..],
            &size.to_le_bytes(),
            &[0x0f, 1, 1, 0],
            &inner,
            &[0],
        ]
        .concat()
    });
    evtx::log_of(&body, &definitions.collect::<Vec<u8>>())
}

/// A record that begins with a template, whose definition follows at once.
fn start_of_instance() -> Vec<u8> {
    [
        &[0x0f, 1, 1, 0, 0x0c, 1, 0, 0, 0, 0][..],
        &place(BODY + 14).to_le_bytes(),
    ]
    .concat()
}

/// A template that is its own content.
fn endless() -> Vec<u8> {
    let definition = place(BODY + 14);
    let instance = [
        &[0x0c, 1, 0, 0, 0, 0][..],
        &definition.to_le_bytes(),
        &0_u32.to_le_bytes(),
    ]
    .concat();
    let inner = [&[0x0f, 1, 1, 0][..], &instance, &[0]].concat();
    let size = place(inner.len()).to_le_bytes();
    let head = start_of_instance();
    evtx::log_of(
        &[
            &head[..],
            &[0; 20],
            &size,
            &inner,
            &0_u32.to_le_bytes(),
            &[0],
        ]
        .concat(),
        &[],
    )
}

/// More values than there are bytes.
fn countless() -> Vec<u8> {
    let head = start_of_instance();
    evtx::log_of(
        &[
            &head[..],
            &[0; 20],
            &5_u32.to_le_bytes(),
            &[0x0f, 1, 1, 0, 0],
            &u32::MAX.to_le_bytes(),
        ]
        .concat(),
        &[],
    )
}

/// Elements within one another.
fn deep() -> Vec<u8> {
    let mut body = vec![0x0f, 1, 1, 0];
    for _ in 0..400 {
        let at = place(BODY + body.len() + 1 + 4 + 4);
        body.extend([0x01, 0, 0, 0, 0]);
        body.extend(at.to_le_bytes());
        body.extend([0, 0, 0, 0, 0, 0, 1, 0, b'x', 0, 0, 0, 0x02]);
    }
    evtx::log_of(&body, &[])
}

/// Elements within one another with names as long as they may be, and in the innermost short ones without number: each has
/// a path of all their names.
fn paths(long: usize) -> Vec<u8> {
    const NESTED: usize = 15;
    let mut body = vec![0x0f, 1, 1, 0];
    let open = |body: &mut Vec<u8>, name: &str, known: Option<u32>| {
        body.extend([0x01, 0, 0, 0, 0]);
        let here = place(BODY + body.len() + 4);
        body.extend(known.unwrap_or(here).to_le_bytes());
        if known.is_none() {
            body.extend([0; 6]);
            body.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            body.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
            body.extend([0, 0]);
        }
        body.push(0x02);
        here
    };
    let name = "N".repeat(long);
    let first = open(&mut body, &name, None);
    for _ in 1..NESTED {
        open(&mut body, &name, Some(first));
    }
    let leaf = open(&mut body, "e", None);
    body.push(0x04);
    // Ten instances of a template of ten instances of one of a thousand leaves.
    let instance = |body: &mut Vec<u8>, at: u32| {
        body.extend([0x0c, 1, 0, 0, 0, 0]);
        body.extend(at.to_le_bytes());
    };
    let template = |body: &mut Vec<u8>, inner: &[u8]| {
        let at = place(BODY + body.len() + 10);
        instance(body, at);
        body.extend([0; 20]);
        body.extend(place(inner.len() + 1).to_le_bytes());
        body.extend(inner);
        body.push(0);
        body.extend([0; 4]);
        at
    };
    let mut leaves = Vec::new();
    for _ in 0..1000 {
        // In a template an element begins with the gap that it hangs on.
        leaves.extend([0x01, 0, 0, 0, 0, 0, 0]);
        leaves.extend(leaf.to_le_bytes());
        leaves.extend([0x02, 0x08, b'A', 0, 0x04]);
    }
    let inner = template(&mut body, &leaves);
    let mut ten = Vec::new();
    for _ in 0..10 {
        instance(&mut ten, inner);
        ten.extend([0; 4]);
    }
    let outer = template(&mut body, &ten);
    for _ in 0..10 {
        instance(&mut body, outer);
        body.extend([0; 4]);
    }
    body.extend([0x04; NESTED]);
    body.push(0);
    evtx::log_of(&body, &[])
}

/// In a process of its own, which may have so much memory and no more.
#[cfg(target_os = "linux")]
#[test]
fn a_small_log_does_not_take_more_memory_than_a_chunk_can_mean() {
    const KIB: u32 = 512 << 10;
    let folder = tempfile::tempdir().unwrap();
    for (name, long) in [("short.evtx", 240), ("long.evtx", 1500)] {
        std::fs::write(folder.path().join(name), paths(long)).unwrap();
        let run = format!(
            "ulimit -d {KIB}; exec {} changes --from-files {name} --target a --since 1900-01-01T00:00 --format jsonl",
            env!("CARGO_BIN_EXE_mssql-posture")
        );
        let mut command = std::process::Command::new("sh");
        let output = command
            .args(["-c", &run])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(3),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            told.contains("than an event has") || told.contains("than a chunk can mean"),
            "{told}"
        );
    }
}

#[test]
fn what_names_itself_without_end_ends() {
    for (name, bytes, due) in [
        ("endless", endless(), "without end"),
        ("countless", countless(), "beyond its record"),
        ("deep", deep(), "without end"),
        ("doubling", doubling(22), "that a chunk can mean"),
        ("paths", paths(240), "more text than a chunk can mean"),
        ("long names", paths(1500), "than an event has"),
    ] {
        let start = Instant::now();
        let (found, needs) = read(&bytes).unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{name}: {:?}",
            start.elapsed()
        );
        assert_eq!(found, 0, "{name}");
        let told = needs
            .iter()
            .any(|need| need.contains(due) || need.contains("more XML than a chunk can mean"));
        assert!(told && needs[0].contains("offset"), "{name}: {needs:?}");
    }
}

#[test]
fn the_sound_log_is_whole() {
    assert_eq!(read(&log()), Some((9, Vec::new())));
    assert_eq!(read(&sealed(log())), Some((9, Vec::new())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_log_that_ends_anywhere_is_not_whole(place in 8_usize..HEADER + 3 * CHUNK) {
        let bytes = log();
        let (found, needs) = read(&bytes[..place]).unwrap();
        prop_assert!(found <= 9 && !needs.is_empty(), "{} {:?}", found, needs);
    }

    #[test]
    fn a_damaged_log_is_read_without_panic_and_says_so(
        damage in prop::collection::vec((0_usize..4200, any::<u8>(), 0_usize..3), 1..6)
    ) {
        let sound = log();
        let mut bytes = sound.clone();
        for (place, value, chunk) in damage {
            bytes[HEADER + chunk * CHUNK + place] = value;
        }
        let is_changed = bytes != sound;
        let (found, needs) = read(&bytes).unwrap();
        // A place that no checksum covers may be changed, but then nothing is lost.
        prop_assert!(found == 9 || !needs.is_empty(), "{} {}", found, is_changed);
        // Whoever means it makes the checksums right.
        read(&sealed(bytes));
    }

    #[test]
    fn a_log_of_anything_is_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        read(&[b"ElfFile\0", &bytes[..]].concat());
        let at = bytes.len().min(1500);
        read(&evtx::log_of(&bytes[..at], &bytes[at..]));
    }

    #[test]
    fn text_of_anything_is_read_without_panic(text in "[\\[{}\\],:\"a-c\n\r 0-9\\\\;]{0,200}") {
        read(text.as_bytes());
        read(format!("event_time,action_id,sequence_number\n{text}").as_bytes());
        read(format!("\"event_time\",\"action_id\",\"sequence_number\"\n{text}").as_bytes());
        read(format!("[{{\"EventID\":4688,\"Channel\":\"Security\"{text}").as_bytes());
    }

    #[test]
    fn an_array_that_ends_anywhere_is_not_whole(place in 0_usize..1000) {
        let row = r#"{"event_time":"2026-09-03 08:00:00","action_id":"CR","sequence_number":1,"statement":"}]"},"#;
        let whole = format!("[{}]", row.repeat(10).trim_end_matches(','));
        let (found, needs) = read(whole.as_bytes()).unwrap();
        prop_assert_eq!((found, needs.len()), (10, 0));
        let cut = &whole[..place.min(whole.len() - 1)];
        if let Some((found, needs)) = read(cut.as_bytes()) {
            prop_assert!(!needs.is_empty() || cut.is_empty(), "{} of {}", found, place);
        }
    }
}
