//! Writes Windows event logs, so that tests have logs with the events that they are about: header, chunks with checksums,
//! records as templates with values, names and templates written once a chunk, as Windows does it. That others read them
//! was tried by hand with the crate `evtx` and with python-evtx.

#![allow(clippy::cast_possible_truncation)] // a chunk is 64 KiB

use std::collections::BTreeMap;

const CHUNK: usize = 65536;
const FIRST_RECORD: usize = 512;

/// What an event says besides its System part.
#[derive(Clone, Debug)]
pub enum Data {
    Named(Vec<(String, String)>),
    /// Insertion strings of a message, an array in one `Data`.
    Inserted(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct LoggedEvent {
    pub provider: &'static str,
    pub channel: &'static str,
    pub id: u16,
    pub computer: &'static str,
    /// Seconds since 1970.
    pub seconds: u64,
    pub data: Data,
}

impl LoggedEvent {
    fn filetime(&self) -> u64 {
        116_444_736_000_000_000 + self.seconds * 10_000_000
    }
}

/// A log of these events, at most so many in a chunk.
pub fn log(events: &[LoggedEvent], in_a_chunk: usize) -> Vec<u8> {
    let chunks: Vec<Vec<u8>> = events
        .chunks(in_a_chunk)
        .enumerate()
        .map(|(place, events)| chunk(events, (place * in_a_chunk + 1) as u64))
        .collect();
    let mut file = vec![0; 4096];
    file[..8].copy_from_slice(b"ElfFile\0");
    put(
        &mut file,
        16,
        &(chunks.len().saturating_sub(1) as u64).to_le_bytes(),
    );
    put(&mut file, 24, &(events.len() as u64 + 1).to_le_bytes());
    put(&mut file, 32, &128_u32.to_le_bytes());
    put(&mut file, 36, &1_u16.to_le_bytes());
    put(&mut file, 38, &3_u16.to_le_bytes());
    put(&mut file, 40, &4096_u16.to_le_bytes());
    put(&mut file, 42, &(chunks.len() as u16).to_le_bytes());
    let sum = crc32(&file[..120]);
    put(&mut file, 124, &sum.to_le_bytes());
    file.extend(chunks.into_iter().flatten());
    file
}

/// Where the XML of [`log_of`]'s record begins in its chunk.
pub const BODY: usize = FIRST_RECORD + 24;

/// A log of one record with this for its XML, and that behind it in the chunk, where no record is.
pub fn log_of(body: &[u8], behind: &[u8]) -> Vec<u8> {
    let event = LoggedEvent {
        provider: "x",
        channel: "x",
        id: 1,
        computer: "x",
        seconds: 0,
        data: Data::Inserted(Vec::new()),
    };
    let mut file = log(&[event], 1);
    let chunk = &mut file[4096..];
    let size = (24 + body.len() + 4) as u32;
    put(chunk, FIRST_RECORD + 4, &size.to_le_bytes());
    put(chunk, BODY, body);
    put(chunk, BODY + body.len(), &size.to_le_bytes());
    put(chunk, BODY + body.len() + 4, behind);
    let free = FIRST_RECORD as u32 + size;
    put(chunk, 48, &free.to_le_bytes());
    seal(chunk);
    file
}

/// Makes the checksum of a file's header right again.
pub fn seal_file(header: &mut [u8]) {
    let sum = crc32(&header[..120]);
    put(header, 124, &sum.to_le_bytes());
}

/// Makes the checksums of a chunk right again, whatever was changed in it.
pub fn seal(chunk: &mut [u8]) {
    let free = u32::from_le_bytes(chunk[48..52].try_into().unwrap()) as usize;
    let sum = crc32(&chunk[FIRST_RECORD..free.clamp(FIRST_RECORD, CHUNK)]);
    put(chunk, 52, &sum.to_le_bytes());
    let header = [&chunk[..120], &chunk[128..FIRST_RECORD]].concat();
    put(chunk, 124, &crc32(&header).to_le_bytes());
}

fn chunk(events: &[LoggedEvent], first: u64) -> Vec<u8> {
    let mut writer = Writer {
        bytes: vec![0; FIRST_RECORD],
        names: BTreeMap::new(),
        templates: BTreeMap::new(),
    };
    let mut last_at = FIRST_RECORD;
    for (event, number) in events.iter().zip(first..) {
        last_at = writer.bytes.len();
        writer.record(event, number);
    }
    let free = writer.bytes.len();
    assert!(free <= CHUNK, "too much for a chunk");
    let mut chunk = writer.bytes;
    chunk.resize(CHUNK, 0);
    let last = first + events.len() as u64 - 1;
    chunk[..8].copy_from_slice(b"ElfChnk\0");
    for (at, number) in [(8, first), (16, last), (24, first), (32, last)] {
        put(&mut chunk, at, &number.to_le_bytes());
    }
    put(&mut chunk, 40, &128_u32.to_le_bytes());
    put(&mut chunk, 44, &(last_at as u32).to_le_bytes());
    put(&mut chunk, 48, &(free as u32).to_le_bytes());
    seal(&mut chunk);
    chunk
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

struct Writer {
    /// The chunk so far; offsets are places in it.
    bytes: Vec<u8>,
    names: BTreeMap<String, u32>,
    /// By the root and the names of the data.
    templates: BTreeMap<(&'static str, Vec<String>), u32>,
}

/// A value that fills a gap.
struct Value {
    kind: u8,
    bytes: Vec<u8>,
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn text(value: &str) -> Value {
    Value {
        kind: 0x01,
        bytes: utf16(value),
    }
}

impl Writer {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn record(&mut self, event: &LoggedEvent, number: u64) {
        let start = self.bytes.len();
        self.add(&0x2a2a_u32.to_le_bytes());
        self.add(&0_u32.to_le_bytes());
        self.add(&number.to_le_bytes());
        self.add(&event.filetime().to_le_bytes());
        self.add(&[0x0f, 1, 1, 0, 0x0c, 1]);
        self.template("Event", Vec::new());
        let values = [
            text(event.provider),
            Value {
                kind: 0x06,
                bytes: event.id.to_le_bytes().to_vec(),
            },
            Value {
                kind: 0x11,
                bytes: event.filetime().to_le_bytes().to_vec(),
            },
            Value {
                kind: 0x0a,
                bytes: number.to_le_bytes().to_vec(),
            },
            text(event.channel),
            text(event.computer),
        ];
        // The last value is XML with a template of its own, as logs of Windows have it.
        self.add(&(values.len() as u32 + 1).to_le_bytes());
        self.describe(&values);
        let size_at = self.bytes.len();
        self.add(&[0, 0, 0x21, 0]);
        self.put_in(&values);
        let start_of_data = self.bytes.len();
        self.event_data(&event.data);
        let size = (self.bytes.len() - start_of_data) as u16;
        put(&mut self.bytes, size_at, &size.to_le_bytes());
        self.add(&[0]);
        let size = (self.bytes.len() + 4 - start) as u32;
        self.add(&size.to_le_bytes());
        put(&mut self.bytes, start + 4, &size.to_le_bytes());
    }

    fn describe(&mut self, values: &[Value]) {
        for value in values {
            self.add(&(value.bytes.len() as u16).to_le_bytes());
            self.add(&[value.kind, 0]);
        }
    }

    fn put_in(&mut self, values: &[Value]) {
        for value in values {
            self.add(&value.bytes);
        }
    }

    fn event_data(&mut self, data: &Data) {
        self.add(&[0x0f, 1, 1, 0, 0x0c, 1]);
        let (names, values): (Vec<String>, Vec<Value>) = match data {
            Data::Named(data) => data
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .unzip(),
            Data::Inserted(data) => {
                let bytes = data
                    .iter()
                    .flat_map(|one| utf16(&format!("{one}\0")))
                    .collect();
                (Vec::new(), vec![Value { kind: 0x81, bytes }])
            }
        };
        self.template("EventData", names);
        self.add(&(values.len() as u32).to_le_bytes());
        self.describe(&values);
        self.put_in(&values);
        self.add(&[0]);
    }

    /// The template's number and place, and the first time the template itself.
    fn template(&mut self, root: &'static str, names: Vec<String>) {
        let id = 0x1000 + self.templates.len() as u32;
        let key = (root, names);
        if let Some(offset) = self.templates.get(&key) {
            let offset = *offset;
            let id = self.bytes[offset as usize + 4..offset as usize + 8].to_vec();
            self.add(&id);
            return self.add(&offset.to_le_bytes());
        }
        self.add(&id.to_le_bytes());
        let offset = self.bytes.len() as u32 + 4;
        self.add(&offset.to_le_bytes());
        self.add(&0_u32.to_le_bytes());
        self.add(&id.to_le_bytes());
        self.add(&[7; 12]);
        self.add(&0_u32.to_le_bytes());
        let start = self.bytes.len();
        self.add(&[0x0f, 1, 1, 0]);
        if root == "Event" {
            self.event();
        } else {
            self.data(&key.1);
        }
        self.add(&[0]);
        let size = (self.bytes.len() - start) as u32;
        put(&mut self.bytes, start - 4, &size.to_le_bytes());
        self.templates.insert(key, offset);
    }

    fn event(&mut self) {
        let xmlns = "http://schemas.microsoft.com/win/2004/08/events/event";
        self.element("Event", &[("xmlns", xmlns)], |w| {
            w.element("System", &[], |w| {
                w.empty("Provider", "Name", (0, 0x01));
                w.element("EventID", &[], |w| w.gap(1, 0x06));
                w.empty("TimeCreated", "SystemTime", (2, 0x11));
                w.element("EventRecordID", &[], |w| w.gap(3, 0x0a));
                // Of the process that wrote the record.
                w.element(
                    "Execution",
                    &[("ProcessID", "2222"), ("ThreadID", "8")],
                    |_| {},
                );
                w.element("Channel", &[], |w| w.gap(4, 0x01));
                w.element("Computer", &[], |w| w.gap(5, 0x01));
            });
            w.gap(6, 0x21);
        });
    }

    fn data(&mut self, names: &[String]) {
        self.element("EventData", &[], |w| {
            if names.is_empty() {
                w.element("Data", &[], |w| w.gap(0, 0x81));
            }
            for (name, gap) in names.iter().zip(0..) {
                w.element("Data", &[("Name", name)], |w| w.gap(gap, 0x01));
            }
        });
    }

    fn name(&mut self, name: &str) {
        if let Some(offset) = self.names.get(name) {
            let offset = *offset;
            return self.add(&offset.to_le_bytes());
        }
        let offset = self.bytes.len() as u32 + 4;
        self.names.insert(name.to_owned(), offset);
        self.add(&offset.to_le_bytes());
        self.add(&0_u32.to_le_bytes());
        let hash = name.encode_utf16().fold(0_u32, |hash, unit| {
            hash.wrapping_mul(65599).wrapping_add(u32::from(unit))
        });
        self.add(&(hash as u16).to_le_bytes());
        self.add(&(name.encode_utf16().count() as u16).to_le_bytes());
        self.add(&utf16(name));
        self.add(&[0, 0]);
    }

    fn gap(&mut self, index: u16, kind: u8) {
        self.add(&[0x0e]);
        self.add(&index.to_le_bytes());
        self.add(&[kind]);
    }

    fn open(&mut self, name: &str, has_attributes: bool) -> usize {
        self.add(&[if has_attributes { 0x41 } else { 0x01 }, 0xff, 0xff]);
        let size_at = self.bytes.len();
        self.add(&0_u32.to_le_bytes());
        self.name(name);
        size_at
    }

    /// Fills in a size that was left open: what follows it.
    fn sized(&mut self, at: usize) {
        let size = (self.bytes.len() - at - 4) as u32;
        put(&mut self.bytes, at, &size.to_le_bytes());
    }

    fn element(&mut self, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self)) {
        let size_at = self.open(name, !attributes.is_empty());
        if !attributes.is_empty() {
            let list_at = self.bytes.len();
            self.add(&0_u32.to_le_bytes());
            for (key, value) in attributes {
                self.add(&[0x06]);
                self.name(key);
                self.add(&[0x05, 0x01]);
                self.add(&(value.encode_utf16().count() as u16).to_le_bytes());
                self.add(&utf16(value));
            }
            self.sized(list_at);
        }
        self.add(&[0x02]);
        inner(self);
        self.add(&[0x04]);
        self.sized(size_at);
    }

    fn empty(&mut self, name: &str, key: &str, (gap, kind): (u16, u8)) {
        let size_at = self.open(name, true);
        let list_at = self.bytes.len();
        self.add(&0_u32.to_le_bytes());
        self.add(&[0x06]);
        self.name(key);
        self.gap(gap, kind);
        self.sized(list_at);
        self.add(&[0x03]);
        self.sized(size_at);
    }
}
