//! Watches what goes over a connection until the login is out: whether a password may have reached the server
//! when nothing comes back, and at which step a server fell silent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What was seen on a connection.
#[derive(Debug, Default)]
pub struct Seen {
    answered: AtomicBool,
    login_sent: AtomicBool,
}

impl Seen {
    /// Whether the server sent anything.
    pub fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Whether LOGIN7, and with it the credential, may have been sent.
    pub fn login_sent(&self) -> bool {
        self.login_sent.load(Ordering::Relaxed)
    }
}

/// A connection that is watched.
#[derive(Debug)]
pub struct Watched {
    tcp: TcpStream,
    frames: Frames,
    seen: Arc<Seen>,
}

impl Watched {
    /// Watches from the first byte; `strict` says that TLS comes before TDS.
    pub fn new(tcp: TcpStream, strict: bool) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        let watched = Self {
            tcp,
            frames: Frames::new(strict),
            seen: Arc::clone(&seen),
        };
        (watched, seen)
    }
}

/// The frames that a client sends: TDS packets (MS-TDS 2.2.3.1), and TLS records once TLS stands.
#[derive(Debug)]
struct Frames {
    header: Vec<u8>,
    left: usize,
    /// How many TLS records of application data must be seen for one of them to hold LOGIN7: inside strict TLS
    /// the first may be the handshake's end or PRELOGIN.
    records: u32,
}

const TLS_RECORDS: std::ops::RangeInclusive<u8> = 0x14..=0x17;
const TLS_DATA: u8 = 0x17;
const TLS_HEADER: usize = 5;
const TDS_LOGIN7: u8 = 0x10;
const TDS_HEADER: usize = 8;

impl Frames {
    fn new(strict: bool) -> Self {
        Self {
            header: Vec::with_capacity(TDS_HEADER),
            left: 0,
            records: if strict { 2 } else { 1 },
        }
    }

    /// Takes what was sent; whether LOGIN7 may be in it.
    fn sent(&mut self, mut bytes: &[u8]) -> bool {
        let mut login = false;
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len());
                self.left -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            self.header.push(*first);
            bytes = rest;
            login |= self.header_is_of_login();
        }
        login
    }

    fn header_is_of_login(&mut self) -> bool {
        let (kind, body) = match *self.header.as_slice() {
            [kind, _, _, high, low] if TLS_RECORDS.contains(&kind) => {
                (kind, usize::from(u16::from_be_bytes([high, low])))
            }
            [kind, _, high, low, _, _, _, _] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                (kind, length.saturating_sub(TDS_HEADER))
            }
            _ => return false,
        };
        let tls = self.header.len() == TLS_HEADER;
        self.left = body;
        self.header.clear();
        if tls && kind == TLS_DATA {
            self.records = self.records.saturating_sub(1);
            return self.records == 0;
        }
        !tls && kind == TDS_LOGIN7
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.seen.answered.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written
            && !self.seen.login_sent()
            && self.frames.sent(bytes.get(..count).unwrap_or_default())
        {
            self.seen.login_sent.store(true, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TDS packet, and a TLS record, of this type.
    fn tds(kind: u8) -> Vec<u8> {
        [&[kind, 1, 0, 12, 0, 0, 1, 0][..], &[0x10; 4]].concat()
    }

    fn tls(kind: u8) -> Vec<u8> {
        [&[kind, 3, 3, 0, 3][..], &[0x17; 3]].concat()
    }

    /// Whether the login counts as sent, however the bytes are cut into writes.
    fn login(strict: bool, frames: &[Vec<u8>]) -> bool {
        let bytes = frames.concat();
        let whole = Frames::new(strict).sent(&bytes);
        let mut single = Frames::new(strict);
        let cut = bytes
            .iter()
            .fold(false, |login, byte| login | single.sent(&[*byte]));
        assert_eq!(whole, cut);
        whole
    }

    #[test]
    fn the_login_is_told_from_what_goes_before_it() {
        assert!(!login(false, &[tds(0x12)]), "PRELOGIN");
        assert!(
            !login(false, &[tds(0x12), tds(0x12)]),
            "the handshake goes in PRELOGIN packets"
        );
        assert!(
            login(false, &[tds(0x12), tds(0x12), tls(0x17)]),
            "encrypted"
        );
        assert!(login(false, &[tds(0x12), tds(0x10)]), "in the clear");
        assert!(!login(true, &[tls(0x16), tls(0x14)]), "a handshake");
        assert!(
            !login(true, &[tls(0x16), tls(0x17)]),
            "its end, or PRELOGIN"
        );
        assert!(
            login(true, &[tls(0x16), tls(0x17), tls(0x17)]),
            "may be LOGIN7"
        );
    }
}
