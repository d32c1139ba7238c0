//! LOGIN7 (MS-TDS 2.2.6.4): reading it.

use super::answer::Login;
use super::bytes::{Reader, utf16};

/// Length of the fixed part, up to and with `cbSSPILong`.
const FIXED: usize = 94;
const READ_ONLY_INTENT: u8 = 0x20;
const HAS_EXTENSION: u8 = 0x10;

const FEDAUTH: u8 = 0x02;
const FEATURE_TERMINATOR: u8 = 0xFF;
/// `bFedAuthLibrary` of a client that sends the token within LOGIN7.
const SECURITY_TOKEN: u8 = 0x01;

/// A LOGIN7 message: what the handler sees, and what only the wire needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login7 {
    pub login: Login,
    /// The client repeats the server's FEDAUTHREQUIRED.
    pub federated_echo: bool,
}

pub(super) fn parse(message: &[u8]) -> Result<Login7, String> {
    let mut fixed = Reader::new(
        message
            .get(..FIXED)
            .ok_or("LOGIN7 is shorter than its fixed part")?,
    );
    let length = fixed.u32()?;
    if usize::try_from(length) != Ok(message.len()) {
        return Err(format!(
            "LOGIN7 says {length} bytes and has {}",
            message.len()
        ));
    }
    let mut login = Login {
        tds_version: fixed.u32()?,
        packet_size: fixed.u32()?,
        // Offsets of MS-TDS 2.2.6.4, each pointing at a pair of offset and length.
        client_host: text(message, 36)?,
        user: text(message, 40)?,
        password: password(message, 44)?,
        application: text(message, 48)?,
        server_name: text(message, 52)?,
        database: text(message, 68)?,
        read_only_intent: message[26] & READ_ONLY_INTENT != 0,
        access_token: None,
    };
    let mut federated_echo = false;
    if message[27] & HAS_EXTENSION != 0 {
        let at = Reader::new(field(message, 56, 1)?).u32()?;
        let features = usize::try_from(at)
            .ok()
            .and_then(|at| message.get(at..))
            .ok_or("LOGIN7: FeatureExt lies outside the message")?;
        if let Some((echo, token)) = federated_token(features)? {
            federated_echo = echo;
            login.access_token = Some(token);
        }
    }
    Ok(Login7 {
        login,
        federated_echo,
    })
}

/// The bytes of the field whose offset and length stand at `at`; `unit` is the length's unit.
fn field(message: &[u8], at: usize, unit: usize) -> Result<&[u8], String> {
    let mut pair = Reader::new(&message[at..at + 4]);
    let start = usize::from(pair.u16()?);
    let length = usize::from(pair.u16()?) * unit;
    if length == 0 {
        return Ok(&[]);
    }
    message
        .get(start..start + length)
        .ok_or_else(|| format!("LOGIN7: the field at {at} lies outside the message"))
}

fn text(message: &[u8], at: usize) -> Result<String, String> {
    utf16(field(message, at, 2)?)
}

/// The client swaps each byte's halves and then flips the bits of 0xA5.
fn password(message: &[u8], at: usize) -> Result<String, String> {
    let plain: Vec<u8> = field(message, at, 2)?
        .iter()
        .map(|byte| (byte ^ 0xA5).rotate_left(4))
        .collect();
    utf16(&plain)
}

/// The FEDAUTH feature: whether it echoes the server's demand, and the access token.
fn federated_token(features: &[u8]) -> Result<Option<(bool, String)>, String> {
    let mut features = Reader::new(features);
    let mut found = None;
    loop {
        let feature = features.u8()?;
        if feature == FEATURE_TERMINATOR {
            return Ok(found);
        }
        let length = features.u32()?;
        let data = features.take(usize::try_from(length).map_err(|e| e.to_string())?)?;
        if feature == FEDAUTH {
            let mut data = Reader::new(data);
            let options = data.u8()?;
            if options >> 1 != SECURITY_TOKEN {
                return Err(format!("LOGIN7: FEDAUTH by library {}", options >> 1));
            }
            let bytes = data.u32()?;
            let token = data.take(usize::try_from(bytes).map_err(|e| e.to_string())?)?;
            found = Some((options & 1 == 1, utf16(token)?));
        }
    }
}
