//! Tokens of the server's answer (MS-TDS 2.2.7) other than rows.

use super::answer::{Column, Message};
use super::bytes::{put_b_varchar, put_sized, put_us_varchar, put_utf16};
use super::value::put_type;
use super::{Collation, Version};

const COLMETADATA: u8 = 0x81;
const RETURNSTATUS: u8 = 0x79;
const ERROR: u8 = 0xAA;
const INFO: u8 = 0xAB;
const LOGINACK: u8 = 0xAD;
const FEATUREEXTACK: u8 = 0xAE;
const ENVCHANGE: u8 = 0xE3;

/// The first class that is an error and not a message.
const ERROR_CLASS: u8 = 11;

/// Which of the three DONE tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Batch = 0xFD,
    Procedure = 0xFE,
    InProcedure = 0xFF,
}

/// Status bits of DONE.
pub(super) mod status {
    pub const FINAL: u16 = 0x0000;
    pub const MORE: u16 = 0x0001;
    pub const ERROR: u16 = 0x0002;
    pub const COUNT: u16 = 0x0010;
    pub const ATTENTION: u16 = 0x0020;
}

const SELECT: u16 = 0x00C1;

pub(super) fn put_done(out: &mut Vec<u8>, token: Done, status: u16, rows: u64) {
    out.push(token as u8);
    out.extend(status.to_le_bytes());
    let command = if status & status::COUNT == 0 {
        0
    } else {
        SELECT
    };
    out.extend(command.to_le_bytes());
    out.extend(rows.to_le_bytes());
}

pub(super) fn put_return_status(out: &mut Vec<u8>, status: i32) {
    out.push(RETURNSTATUS);
    out.extend(status.to_le_bytes());
}

pub(super) fn is_error(message: &Message) -> bool {
    message.class >= ERROR_CLASS
}

pub(super) fn put_message(
    out: &mut Vec<u8>,
    message: &Message,
    server: &str,
) -> Result<(), String> {
    let token = if is_error(message) { ERROR } else { INFO };
    put_sized(out, token, |out| {
        out.extend(message.number.to_le_bytes());
        out.extend([message.state, message.class]);
        put_us_varchar(out, &message.text)?;
        put_b_varchar(out, server)?;
        put_b_varchar(out, "")?;
        out.extend(1_u32.to_le_bytes());
        Ok(())
    })
}

pub(super) fn put_columns(
    out: &mut Vec<u8>,
    columns: &[Column],
    collation: Collation,
) -> Result<(), String> {
    const NULLABLE: u16 = 0x0001;
    const UPDATEABILITY_UNKNOWN: u16 = 0x0008;
    out.push(COLMETADATA);
    let count = u16::try_from(columns.len()).map_err(|e| e.to_string())?;
    out.extend(count.to_le_bytes());
    for column in columns {
        let user_type = 0_u32;
        out.extend(user_type.to_le_bytes());
        let nullable = if column.nullable { NULLABLE } else { 0 };
        out.extend((UPDATEABILITY_UNKNOWN | nullable).to_le_bytes());
        put_type(out, column, collation).map_err(|e| format!("column {}: {e}", column.name))?;
        put_b_varchar(out, &column.name)?;
    }
    Ok(())
}

/// ENVCHANGE types (MS-TDS 2.2.7.9).
const DATABASE: u8 = 1;
const LANGUAGE: u8 = 2;
const PACKET_SIZE: u8 = 4;
const COLLATION: u8 = 7;
const RESET_ACKNOWLEDGED: u8 = 18;
const ROUTING: u8 = 20;

fn put_environment(out: &mut Vec<u8>, kind: u8, new: &str, old: &str) -> Result<(), String> {
    put_sized(out, ENVCHANGE, |out| {
        out.push(kind);
        put_b_varchar(out, new)?;
        put_b_varchar(out, old)
    })
}

pub(super) fn put_database(out: &mut Vec<u8>, new: &str, old: &str) -> Result<(), String> {
    put_environment(out, DATABASE, new, old)
}

pub(super) fn put_language(out: &mut Vec<u8>) -> Result<(), String> {
    put_environment(out, LANGUAGE, "us_english", "")
}

pub(super) fn put_packet_size(out: &mut Vec<u8>, new: usize, old: usize) -> Result<(), String> {
    put_environment(out, PACKET_SIZE, &new.to_string(), &old.to_string())
}

pub(super) fn put_collation(out: &mut Vec<u8>, collation: Collation) -> Result<(), String> {
    put_sized(out, ENVCHANGE, |out| {
        out.extend([COLLATION, 5]);
        out.extend(collation);
        out.push(0);
        Ok(())
    })
}

pub(super) fn put_reset_acknowledged(out: &mut Vec<u8>) -> Result<(), String> {
    put_environment(out, RESET_ACKNOWLEDGED, "", "")
}

pub(super) fn put_routing(out: &mut Vec<u8>, host: &str, port: u16) -> Result<(), String> {
    const TCP: u8 = 0;
    let units = host.encode_utf16().count();
    let host_units = u16::try_from(units).map_err(|e| e.to_string())?;
    put_sized(out, ENVCHANGE, |out| {
        out.push(ROUTING);
        let value = u16::try_from(5 + units * 2).map_err(|e| e.to_string())?;
        out.extend(value.to_le_bytes());
        out.push(TCP);
        out.extend(port.to_le_bytes());
        out.extend(host_units.to_le_bytes());
        put_utf16(out, host);
        let old_value = 0_u16;
        out.extend(old_value.to_le_bytes());
        Ok(())
    })
}

/// LOGINACK. The version of TDS stands big-endian here, and little-endian in LOGIN7.
pub(super) fn put_login_ack(out: &mut Vec<u8>, tds: u32, version: Version) -> Result<(), String> {
    const SQL_TSQL: u8 = 1;
    put_sized(out, LOGINACK, |out| {
        out.push(SQL_TSQL);
        out.extend(tds.to_be_bytes());
        put_b_varchar(out, "Microsoft SQL Server")?;
        out.extend([version.major, version.minor]);
        out.extend(version.build.to_be_bytes());
        Ok(())
    })
}

/// FEATUREEXTACK for a token that came without a nonce: the feature and no data.
pub(super) fn put_federated_ack(out: &mut Vec<u8>) {
    const FEDAUTH: u8 = 0x02;
    const TERMINATOR: u8 = 0xFF;
    out.extend([FEATUREEXTACK, FEDAUTH, 0, 0, 0, 0, TERMINATOR]);
}
