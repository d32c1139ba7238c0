//! TDS packets: the eight-byte header, and messages cut into packets of the negotiated size.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Packet types of MS-TDS 2.2.3.1.1.
pub(super) mod kind {
    pub const SQL_BATCH: u8 = 0x01;
    pub const RPC: u8 = 0x03;
    pub const TABULAR: u8 = 0x04;
    pub const ATTENTION: u8 = 0x06;
    pub const TRANSACTION_MANAGER: u8 = 0x0E;
    pub const LOGIN7: u8 = 0x10;
    pub const PRELOGIN: u8 = 0x12;
}

const END_OF_MESSAGE: u8 = 0x01;
const IGNORE: u8 = 0x02;
const RESET_CONNECTION: u8 = 0x08;
const RESET_CONNECTION_KEEP_TRANSACTION: u8 = 0x10;

pub(super) const HEADER: usize = 8;
/// The packet size in force until LOGIN7 is answered.
pub(super) const DEFAULT_PACKET: usize = 4096;
pub(super) const PACKET_SIZES: std::ops::RangeInclusive<usize> = 512..=32767;
/// The largest request that is read; a driver test never sends more.
const MESSAGE_CAP: usize = 64 << 20;

/// A whole message from the client.
#[derive(Debug)]
pub(super) struct Message {
    pub kind: u8,
    pub payload: Vec<u8>,
    /// The client asked for a reset of the session before this request.
    pub reset: bool,
    /// The client asks to forget what it sent (it broke off while sending).
    pub ignore: bool,
}

/// Why no message could be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The client closed the connection between two messages.
    Gone,
    /// The bytes are not TDS; the text says what was seen.
    Malformed(String),
}

impl From<io::Error> for ReadError {
    /// A connection that breaks is a client that went away: tests kill clients on purpose.
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// One packet: its type, its status bits, and its payload appended to `payload`.
pub(super) async fn read_packet<R: AsyncRead + Unpin>(
    from: &mut R,
    payload: &mut Vec<u8>,
) -> Result<(u8, u8), ReadError> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header).await?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if length < HEADER {
        return Err(ReadError::Malformed(format!(
            "packet header {header:02x?} has a length below {HEADER}"
        )));
    }
    let start = payload.len();
    if start + length > MESSAGE_CAP {
        return Err(ReadError::Malformed("message over 64 MiB".to_owned()));
    }
    payload.resize(start + length - HEADER, 0);
    from.read_exact(&mut payload[start..]).await?;
    Ok((header[0], header[1]))
}

/// Reads packets up to the one that ends the message.
pub(super) async fn read_message<R: AsyncRead + Unpin>(from: &mut R) -> Result<Message, ReadError> {
    let mut payload = Vec::new();
    let (kind, first) = read_packet(from, &mut payload).await?;
    let mut last = first;
    while !ends_message(last) {
        let (next, status) = read_packet(from, &mut payload).await?;
        if next != kind {
            return Err(ReadError::Malformed(format!(
                "packet of type {next:#04x} inside a message of type {kind:#04x}"
            )));
        }
        last = status;
    }
    Ok(Message {
        kind,
        payload,
        reset: first & (RESET_CONNECTION | RESET_CONNECTION_KEEP_TRANSACTION) != 0,
        ignore: last & IGNORE != 0,
    })
}

pub(super) fn ends_message(status: u8) -> bool {
    status & END_OF_MESSAGE != 0
}

/// A message to the client that is being written: payload goes in, packets come out.
pub(super) struct Outgoing {
    pub payload: Vec<u8>,
    kind: u8,
    session: u16,
    packet_size: usize,
    next_packet: u8,
}

impl Outgoing {
    pub fn new(kind: u8, session: u16, packet_size: usize) -> Self {
        Self {
            payload: Vec::new(),
            kind,
            session,
            packet_size,
            next_packet: 1,
        }
    }

    /// The full packets so far. At least one byte stays behind, because the packet that ends the
    /// message must not be empty.
    pub fn take_full(&mut self) -> Vec<u8> {
        let room = self.packet_size - HEADER;
        let whole = self.payload.len().saturating_sub(1) / room * room;
        self.cut(whole, false)
    }

    /// All of the payload so far, the last packet perhaps short, and the message still open.
    pub fn take_all(&mut self) -> Vec<u8> {
        self.cut(self.payload.len(), false)
    }

    /// All of the payload and the end of the message.
    pub fn finish(&mut self) -> Vec<u8> {
        let packets = self.cut(self.payload.len(), true);
        self.next_packet = 1;
        packets
    }

    fn cut(&mut self, length: usize, end: bool) -> Vec<u8> {
        let room = self.packet_size - HEADER;
        let mut packets = Vec::with_capacity(length + (length / room + 1) * HEADER);
        let mut chunks = self.payload[..length].chunks(room).peekable();
        if end && chunks.peek().is_none() {
            packets.extend(header(
                self.kind,
                END_OF_MESSAGE,
                0,
                self.session,
                self.next_packet,
            ));
        }
        while let Some(chunk) = chunks.next() {
            let last = end && chunks.peek().is_none();
            let status = if last { END_OF_MESSAGE } else { 0 };
            packets.extend(header(
                self.kind,
                status,
                chunk.len(),
                self.session,
                self.next_packet,
            ));
            packets.extend_from_slice(chunk);
            self.next_packet = self.next_packet.wrapping_add(1);
        }
        self.payload.drain(..length);
        packets
    }
}

fn header(kind: u8, status: u8, payload: usize, session: u16, packet: u8) -> [u8; HEADER] {
    let length = u16::try_from(payload + HEADER).expect("a packet fits its length field");
    let [length_high, length_low] = length.to_be_bytes();
    let [session_high, session_low] = session.to_be_bytes();
    [
        kind,
        status,
        length_high,
        length_low,
        session_high,
        session_low,
        packet,
        0,
    ]
}
