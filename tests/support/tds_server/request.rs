//! SQL batches and remote procedure calls (MS-TDS 2.2.6.7 and 2.2.6.6): finding the statement.

use super::bytes::{Reader, utf16};
use super::packet::{Message, kind};

/// What the client asks after its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Batch(String),
    Rpc {
        /// As the client names it; well-known numbers are given their names.
        procedure: String,
        /// The text of the statement when the procedure is `sp_executesql`.
        statement: Option<String>,
    },
}

/// Procedures a client may call by number (`ProcID` of MS-TDS 2.2.6.6).
const WELL_KNOWN: [&str; 16] = [
    "",
    "sp_cursor",
    "sp_cursoropen",
    "sp_cursorprepare",
    "sp_cursorexecute",
    "sp_cursorprepexec",
    "sp_cursorunprepare",
    "sp_cursorfetch",
    "sp_cursoroption",
    "sp_cursorclose",
    "sp_executesql",
    "sp_prepare",
    "sp_execute",
    "sp_prepexec",
    "sp_prepexecrpc",
    "sp_unprepare",
];

const NTEXT: u8 = 0x63;
const NVARCHAR: u8 = 0xE7;
const COLLATION: usize = 5;
/// The length of a `max` type, whose value comes in chunks.
const CHUNKED: u16 = 0xFFFF;

impl Request {
    pub(super) fn parse(message: &Message) -> Result<Self, String> {
        let mut body = Reader::new(&message.payload);
        skip_headers(&mut body)?;
        match message.kind {
            kind::SQL_BATCH => Ok(Self::Batch(utf16(body.rest())?)),
            kind::RPC => rpc(&mut body),
            other => Err(format!("message of type {other:#04x} is not a request")),
        }
    }
}

/// ALL_HEADERS: its total length, then headers that must fill it exactly.
fn skip_headers(body: &mut Reader<'_>) -> Result<(), String> {
    let total = usize::try_from(body.u32()?).map_err(|e| e.to_string())?;
    let rest = total
        .checked_sub(4)
        .ok_or_else(|| format!("ALL_HEADERS of {total} bytes"))?;
    let mut headers = Reader::new(body.take(rest).map_err(|e| format!("ALL_HEADERS: {e}"))?);
    while !headers.is_empty() {
        let length = usize::try_from(headers.u32()?).map_err(|e| e.to_string())?;
        let rest = length
            .checked_sub(4)
            .ok_or_else(|| format!("a header of {length} bytes in ALL_HEADERS"))?;
        headers
            .take(rest)
            .map_err(|e| format!("ALL_HEADERS: {e}"))?;
    }
    Ok(())
}

fn rpc(body: &mut Reader<'_>) -> Result<Request, String> {
    let units = body.u16()?;
    let procedure = if units == 0xFFFF {
        let id = body.u16()?;
        let known = WELL_KNOWN
            .get(usize::from(id))
            .filter(|name| !name.is_empty());
        known
            .ok_or_else(|| format!("RPC: procedure number {id}"))?
            .to_string()
    } else {
        body.text(usize::from(units))?
    };
    let _options = body.u16()?;
    let statement = if procedure.eq_ignore_ascii_case("sp_executesql") {
        Some(text_parameter(body).map_err(|e| format!("sp_executesql: {e}"))?)
    } else {
        None
    };
    Ok(Request::Rpc {
        procedure,
        statement,
    })
}

/// The next parameter, which must be of a Unicode text type.
fn text_parameter(body: &mut Reader<'_>) -> Result<String, String> {
    let name = body.u8()?;
    body.text(usize::from(name))?;
    let _status = body.u8()?;
    match body.u8()? {
        NVARCHAR => {
            let longest = body.u16()?;
            body.take(COLLATION)?;
            if longest == CHUNKED {
                return chunked_text(body);
            }
            let bytes = body.u16()?;
            utf16(body.take(usize::from(bytes))?)
        }
        NTEXT => {
            let _longest = body.u32()?;
            body.take(COLLATION)?;
            let bytes = body.u32()?;
            utf16(body.take(usize::try_from(bytes).map_err(|e| e.to_string())?)?)
        }
        other => Err(format!("the statement is of type {other:#04x}")),
    }
}

fn chunked_text(body: &mut Reader<'_>) -> Result<String, String> {
    let _total = body.u64()?;
    let mut bytes = Vec::new();
    loop {
        let length = usize::try_from(body.u32()?).map_err(|e| e.to_string())?;
        if length == 0 {
            return utf16(&bytes);
        }
        bytes.extend_from_slice(body.take(length)?);
    }
}
