//! What a handler tells the test server to send: typed rows and tokens, with faults in between.
//! This is the border between the wire (this folder) and the simulated catalog (`support/instance`).

use std::time::Duration;

/// A column's TDS type. Lengths are in characters for `NVarChar`, in bytes otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    DateTime,
    /// Fractional digits 0 to 7.
    DateTime2(u8),
    /// Fractional digits 0 to 7.
    DateTimeOffset(u8),
    UniqueIdentifier,
    /// `char(n)` under the server's collation; the value brings its padding.
    Char(u16),
    /// `varchar(n)` under the server's collation.
    VarChar(u16),
    VarCharMax,
    /// `nchar` and `nvarchar(n)`, `sysname` is `NVarChar(128)`.
    NVarChar(u16),
    NVarCharMax,
    VarBinary(u16),
    VarBinaryMax,
    /// `sql_variant`; the value says its base type.
    Variant,
}

/// One value of a row; `Null` fits each nullable type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bit(bool),
    /// Any integer type; the column's type decides the width.
    Int(i64),
    Float(f64),
    Text(String),
    /// Text as raw UTF-16 units, so that lone surrogates can be sent.
    Utf16(Vec<u16>),
    Bytes(Vec<u8>),
    /// Days since 1900-01-01 and 1/300 seconds since midnight, as `datetime` has it on the wire.
    DateTime {
        days: i32,
        ticks: u32,
    },
    /// 100-nanosecond units since 0001-01-01T00:00 (UTC for an offset type) and the offset in minutes.
    Instant {
        units: i64,
        offset_minutes: i16,
    },
    Guid([u8; 16]),
    /// A `sql_variant` with its base type.
    Variant(Box<Type>, Box<Value>),
}

/// A column of a result set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
}

/// An ERROR (class 11 and up) or INFO (class 10 and below) token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub number: i32,
    pub state: u8,
    pub class: u8,
    pub text: String,
}

/// One thing the server does while answering a request, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// COLMETADATA.
    Columns(Vec<Column>),
    /// ROW against the last `Columns`.
    Row(Vec<Value>),
    /// NBCROW against the last `Columns`.
    NbcRow(Vec<Value>),
    /// Only the first half of the ROW token's bytes (then usually `Close` or `Stall`).
    HalfRow(Vec<Value>),
    /// ERROR or INFO, by class.
    Message(Message),
    /// ENVCHANGE of the current database.
    Database { new: String, old: String },
    /// DONE; the server sets DONE_MORE on all but the last of an answer, DONE_ERROR if a
    /// `Message` of class 11 and up came since the previous DONE.
    Done { rows: u64 },
    /// Send what is buffered, then wait.
    Sleep(Duration),
    /// Send what is buffered, then say nothing more until the client goes away.
    Stall,
    /// Send what is buffered, then close the socket without an end of message.
    Close,
    /// Bytes as they are, for malformed answers.
    Raw(Vec<u8>),
}

/// What LOGIN7 said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
    pub application: String,
    pub client_host: String,
    pub server_name: String,
    pub database: String,
    pub read_only_intent: bool,
    pub packet_size: u32,
    pub tds_version: u32,
    /// A federated-authentication token (Entra ID), when one was sent.
    pub access_token: Option<String>,
}

/// How a login ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginAnswer {
    Accept {
        database: String,
    },
    /// ERROR token, then the connection is closed.
    Refuse(Message),
    /// ENVCHANGE routing to another host, as a listener with read-only routing answers.
    Route {
        host: String,
        port: u16,
    },
}
