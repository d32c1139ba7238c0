//! PRELOGIN (MS-TDS 2.2.6.5): what the client offers, what the server answers, and which encryption
//! follows from the two.

use super::Encryption;

const VERSION: u8 = 0x00;
const ENCRYPTION: u8 = 0x01;
const INSTOPT: u8 = 0x02;
const THREADID: u8 = 0x03;
const MARS: u8 = 0x04;
const FEDAUTHREQUIRED: u8 = 0x06;
const TERMINATOR: u8 = 0xFF;

/// Values of the ENCRYPTION option.
mod encrypt {
    pub const OFF: u8 = 0x00;
    pub const ON: u8 = 0x01;
    pub const NOT_SUPPORTED: u8 = 0x02;
    pub const REQUIRED: u8 = 0x03;
    /// Set by a client that brings a certificate of its own.
    pub const CLIENT_CERTIFICATE: u8 = 0x80;
}

/// What is said in the clear and what inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    Nothing,
    /// Only the first packet of LOGIN7.
    Login,
    Everything,
}

/// The client's options that matter to the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PreLogin {
    encryption: u8,
    federated: Option<u8>,
    has_thread: bool,
    /// The instance that the client wants to reach; empty if it does not say.
    instance: String,
}

impl PreLogin {
    pub fn parse(message: &[u8]) -> Result<Self, String> {
        let mut parsed = Self {
            encryption: encrypt::NOT_SUPPORTED,
            federated: None,
            has_thread: false,
            instance: String::new(),
        };
        for (index, entry) in message.chunks(5).enumerate() {
            let [option, offset_high, offset_low, length_high, length_low] = match *entry {
                [TERMINATOR, ..] => return Ok(parsed),
                [o, oh, ol, lh, ll] => [o, oh, ol, lh, ll],
                _ => break,
            };
            if (index == 0) != (option == VERSION) {
                return Err("PRELOGIN: VERSION is not the first option".to_owned());
            }
            let start = usize::from(u16::from_be_bytes([offset_high, offset_low]));
            let length = usize::from(u16::from_be_bytes([length_high, length_low]));
            let data = message
                .get(start..start + length)
                .ok_or_else(|| format!("PRELOGIN: option {option} lies outside the message"))?;
            parsed.accept(option, data)?;
        }
        Err("PRELOGIN: options without a terminator".to_owned())
    }

    fn accept(&mut self, option: u8, data: &[u8]) -> Result<(), String> {
        match (option, data) {
            (VERSION, [_, _, _, _, _, _]) => {}
            (ENCRYPTION, [value]) => self.encryption = value & !encrypt::CLIENT_CERTIFICATE,
            (INSTOPT, [name @ .., 0]) => {
                self.instance = String::from_utf8_lossy(name).into_owned();
            }
            (THREADID, _) => self.has_thread = true,
            (FEDAUTHREQUIRED, [value]) => self.federated = Some(*value),
            (VERSION | ENCRYPTION | FEDAUTHREQUIRED, _) => {
                return Err(format!("PRELOGIN: option {option} of {} bytes", data.len()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The server's ENCRYPTION value and what it means, by the table of MS-TDS 2.2.6.5.
    /// Under a strict policy TLS already stands, and the option says nothing any more.
    fn negotiate(&self, policy: Encryption) -> (u8, Cover) {
        match (policy, self.encryption) {
            (Encryption::Strict, _) => (encrypt::NOT_SUPPORTED, Cover::Nothing),
            (Encryption::NotSupported, _) | (Encryption::Off, encrypt::NOT_SUPPORTED) => {
                (encrypt::NOT_SUPPORTED, Cover::Nothing)
            }
            (Encryption::Off, encrypt::OFF) => (encrypt::OFF, Cover::Login),
            (Encryption::On, encrypt::OFF | encrypt::NOT_SUPPORTED) => {
                (encrypt::REQUIRED, Cover::Everything)
            }
            (Encryption::Off | Encryption::On, _) => (encrypt::ON, Cover::Everything),
        }
    }

    /// The payload of the server's PRELOGIN and the encryption that follows.
    pub fn answer(&self, options: &super::Options) -> (Vec<u8>, Cover) {
        let (encryption, cover) = self.negotiate(options.encryption);
        let version = options.version;
        let [build_high, build_low] = version.build.to_be_bytes();
        let own = options.instance.as_ref();
        let another = own.is_some_and(|own| {
            !self.instance.is_empty() && !own.eq_ignore_ascii_case(&self.instance)
        });
        let product = vec![version.major, version.minor, build_high, build_low, 0, 0];
        let mut options = vec![
            (VERSION, product),
            (ENCRYPTION, vec![encryption]),
            (INSTOPT, vec![u8::from(another)]),
        ];
        if self.has_thread {
            options.push((THREADID, Vec::new()));
        }
        options.push((MARS, vec![0]));
        if let Some(federated) = self.federated {
            options.push((FEDAUTHREQUIRED, vec![federated]));
        }
        (laid_out(&options), cover)
    }

    /// What LOGIN7 must echo in its FEDAUTH feature.
    pub fn federated(&self) -> bool {
        self.federated == Some(1)
    }
}

fn laid_out(options: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut data: Vec<u8> = Vec::new();
    let start = options.len() * 5 + 1;
    for (option, value) in options {
        let short = |length| {
            u16::try_from(length)
                .expect("a short message")
                .to_be_bytes()
        };
        table.push(*option);
        table.extend(short(start + data.len()));
        table.extend(short(value.len()));
        data.extend(value);
    }
    table.push(TERMINATOR);
    table.extend(data);
    table
}
