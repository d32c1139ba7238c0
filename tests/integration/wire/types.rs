//! Types and values: in ROW and NBCROW, with and without room for NULL, short and very long.

use tiberius::{ColumnData, Uuid};

use super::{assert_clean, column, connect, done, serve};
use crate::support::driver::{Driver, config};
use crate::support::tds_server::answer::{Column, Step, Type, Value};
use crate::support::tds_server::{LATIN1_GENERAL_CI_AS, Options, TdsServer};

/// A type, a value of it, and how the driver must print it.
fn samples() -> Vec<(Type, Value, String)> {
    let guid = [
        0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE,
        0xFF,
    ];
    let uuid: Uuid = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
    let mut samples = vec![
        (Type::Bit, Value::Bit(true), "Bit(Some(true))".to_owned()),
        (Type::TinyInt, Value::Int(255), "U8(Some(255))".to_owned()),
        (
            Type::SmallInt,
            Value::Int(-32768),
            "I16(Some(-32768))".to_owned(),
        ),
        (
            Type::Int,
            Value::Int(i32::MIN.into()),
            format!("I32(Some({}))", i32::MIN),
        ),
        (
            Type::BigInt,
            Value::Int(i64::MIN),
            format!("I64(Some({}))", i64::MIN),
        ),
        (
            Type::Float,
            Value::Float(-0.1),
            "F64(Some(-0.1))".to_owned(),
        ),
        (
            Type::UniqueIdentifier,
            Value::Guid(guid),
            format!("Guid(Some({uuid}))"),
        ),
    ];
    samples.extend(texts_and_bytes());
    samples.extend(times());
    samples.extend(variants());
    samples
}

fn texts_and_bytes() -> Vec<(Type, Value, String)> {
    let text = |text: &str| format!("String(Some({text:?}))");
    let bytes = [0_u8, 1, 0xFE, 0xFF];
    let binary = format!("Binary(Some({bytes:?}))");
    vec![
        (Type::Char(4), Value::Text("é € ".into()), text("é € ")),
        (
            Type::VarChar(8000),
            Value::Text("café €".into()),
            text("café €"),
        ),
        (Type::VarCharMax, Value::Text("œuvre".into()), text("œuvre")),
        (
            Type::NVarChar(128),
            Value::Text("naïve 😀 \u{202e}".into()),
            text("naïve 😀 \u{202e}"),
        ),
        (Type::NVarChar(10), Value::Text(String::new()), text("")),
        (
            Type::NVarCharMax,
            Value::Text("größer".into()),
            text("größer"),
        ),
        (Type::NVarCharMax, Value::Text(String::new()), text("")),
        (
            Type::NVarChar(3),
            Value::Utf16(vec![0x61, 0x20AC, 0x62]),
            text("a€b"),
        ),
        (
            Type::VarBinary(85),
            Value::Bytes(bytes.to_vec()),
            binary.clone(),
        ),
        (Type::VarBinaryMax, Value::Bytes(bytes.to_vec()), binary),
        (
            Type::VarBinaryMax,
            Value::Bytes(Vec::new()),
            "Binary(Some([]))".to_owned(),
        ),
    ]
}

fn times() -> Vec<(Type, Value, String)> {
    // 2024-02-29T12:34:56.1234567
    let units = (738_944_i64 * 86_400 + 45_296) * 10_000_000 + 1_234_567;
    let at = |offset_minutes| Value::Instant {
        units,
        offset_minutes,
    };
    let datetime2 = |increments: i64, scale: u8| {
        format!(
            "DateTime2 {{ date: Date(738944), time: Time {{ increments: {increments}, scale: {scale} }} }}"
        )
    };
    vec![
        (
            Type::DateTime,
            Value::DateTime {
                days: -53690,
                ticks: 25_919_999,
            },
            "DateTime(Some(DateTime { days: -53690, seconds_fragments: 25919999 }))".to_owned(),
        ),
        (
            Type::DateTime2(7),
            at(0),
            format!("DateTime2(Some({}))", datetime2(452_961_234_567, 7)),
        ),
        (
            Type::DateTime2(3),
            at(0),
            format!("DateTime2(Some({}))", datetime2(45_296_123, 3)),
        ),
        (
            Type::DateTime2(0),
            at(0),
            format!("DateTime2(Some({}))", datetime2(45_296, 0)),
        ),
        (
            Type::DateTimeOffset(7),
            at(-210),
            format!(
                "DateTimeOffset(Some(DateTimeOffset {{ datetime2: {}, offset: -210 }}))",
                datetime2(452_961_234_567, 7)
            ),
        ),
    ]
}

fn variants() -> Vec<(Type, Value, String)> {
    let variant = |ty, value| Value::Variant(Box::new(ty), Box::new(value));
    vec![
        (
            Type::Variant,
            variant(Type::Int, Value::Int(-1)),
            "I32(Some(-1))".to_owned(),
        ),
        (
            Type::Variant,
            variant(Type::TinyInt, Value::Int(7)),
            "U8(Some(7))".to_owned(),
        ),
        (
            Type::Variant,
            variant(Type::Bit, Value::Bit(true)),
            "Bit(Some(true))".to_owned(),
        ),
        (
            Type::Variant,
            variant(Type::NVarChar(60), Value::Text("TCP €".into())),
            "String(Some(\"TCP €\"))".to_owned(),
        ),
    ]
}

fn printed(driver: &mut Driver) -> Vec<Vec<String>> {
    let reply = driver.batch("x");
    assert!(reply.error.is_none(), "{:?}", reply.error);
    let rows = reply.sets[0].rows.iter();
    rows.map(|row| row.iter().map(|value| format!("{value:?}")).collect())
        .collect()
}

fn columns(nullable: bool) -> Vec<Column> {
    let samples = samples().into_iter().enumerate();
    samples
        .map(|(at, (ty, ..))| Column {
            name: format!("c{at}"),
            // There is no sql_variant without room for NULL on the wire.
            nullable: nullable || ty == Type::Variant,
            ty,
        })
        .collect()
}

#[test]
fn every_type_arrives_in_a_row_and_in_a_row_with_a_bitmap() {
    let values: Vec<Value> = samples().into_iter().map(|(_, value, _)| value).collect();
    let due: Vec<String> = samples().into_iter().map(|(.., due)| due).collect();
    for nullable in [true, false] {
        let steps = vec![
            Step::Columns(columns(nullable)),
            Step::Row(values.clone()),
            Step::NbcRow(values.clone()),
            done(2),
        ];
        let (server, mut driver) = super::answering(steps);
        for row in printed(&mut driver) {
            assert_eq!(row, due, "nullable: {nullable}");
        }
        assert_clean(&server);
    }
}

#[test]
fn nulls_arrive_wherever_they_stand() {
    let all: Vec<Value> = samples().into_iter().map(|(_, value, _)| value).collect();
    let due: Vec<String> = samples().into_iter().map(|(.., due)| due).collect();
    // Every second, the others, and all.
    let patterns: [fn(usize) -> bool; 3] = [|at| at % 2 == 0, |at| at % 2 == 1, |_| true];
    for is_null in patterns {
        let row: Vec<Value> = all
            .iter()
            .enumerate()
            .map(|(at, value)| {
                if is_null(at) {
                    Value::Null
                } else {
                    value.clone()
                }
            })
            .collect();
        let steps = vec![
            Step::Columns(columns(true)),
            Step::Row(row.clone()),
            Step::NbcRow(row),
            done(2),
        ];
        let (server, mut driver) = super::answering(steps);
        let rows = printed(&mut driver);
        assert_eq!(rows[0], rows[1]);
        for (at, value) in rows[0].iter().enumerate() {
            if is_null(at) {
                assert!(value.ends_with("(None)"), "column {at} is {value}");
            } else {
                assert_eq!(*value, due[at]);
            }
        }
        assert_clean(&server);
    }
}

/// Texts around the border of chunks and packets, and one far beyond.
fn lengths() -> [usize; 8] {
    [1, 251, 252, 2044, 20_000, 20_001, 40_000, 3 << 20]
}

fn long_texts(packet_size: u32) -> (TdsServer, Driver) {
    let server = serve(Options::default(), |_| {
        let mut steps = vec![Step::Columns(vec![
            column("text", Type::NVarCharMax),
            column("bytes", Type::VarBinaryMax),
        ])];
        steps.extend(lengths().map(|length| {
            let bytes = length.to_le_bytes().repeat(length / 8 + 1);
            Step::Row(vec![Value::Text("ä".repeat(length)), Value::Bytes(bytes)])
        }));
        steps
    });
    let mut config = config(server.port(), server.ca_pem(), super::USER, super::PASSWORD);
    config.packet_size(packet_size);
    let driver = Driver::connect(&config).unwrap();
    (server, driver)
}

#[test]
fn long_values_cross_packets_of_every_size() {
    for packet_size in [512, 4096, 32767] {
        let (server, mut driver) = long_texts(packet_size);
        let reply = driver.batch("x");
        assert!(reply.error.is_none(), "{:?}", reply.error);
        for (row, length) in reply.sets[0].rows.iter().zip(lengths()) {
            let [
                ColumnData::String(Some(text)),
                ColumnData::Binary(Some(bytes)),
            ] = row.as_slice()
            else {
                panic!("{packet_size}: {length}");
            };
            assert_eq!(text.chars().filter(|c| *c == 'ä').count(), length);
            assert_eq!(text.len(), 2 * length);
            assert_eq!(bytes.as_ref(), length.to_le_bytes().repeat(length / 8 + 1));
        }
        assert_eq!(reply.sets[0].rows.len(), lengths().len());
        assert_clean(&server);
    }
}

#[test]
fn a_lone_surrogate_is_sent_as_it_is() {
    let row = vec![Value::Utf16(vec![0x61, 0xD800, 0x62])];
    let steps = vec![
        Step::Columns(vec![column("n", Type::NVarChar(128))]),
        Step::Row(row),
    ];
    let (server, mut strict) = super::answering(steps);
    assert!(strict.batch("x").error.is_some());
    let mut lossy = config(server.port(), server.ca_pem(), super::USER, super::PASSWORD);
    lossy.lossy_utf16_decoding(true);
    let mut lossy = Driver::connect(&lossy).unwrap();
    assert_eq!(printed(&mut lossy), [["String(Some(\"a\u{FFFD}b\"))"]]);
}

/// The driver reads the bytes of a UTF-8 collation in another code page, which is why no query of ours
/// may return a varchar.
#[test]
fn narrow_text_is_in_the_code_page_of_the_collation() {
    let mut utf8 = LATIN1_GENERAL_CI_AS;
    utf8[3] |= 0x04;
    for (collation, due) in [(LATIN1_GENERAL_CI_AS, "é"), (utf8, "Ã©")] {
        let options = Options {
            collation,
            ..Options::default()
        };
        let server = serve(options, |_| {
            let columns = Step::Columns(vec![column("n", Type::VarChar(10))]);
            vec![columns, Step::Row(vec![Value::Text("é".into())])]
        });
        let mut driver = connect(&server);
        assert_eq!(printed(&mut driver), [[format!("String(Some({due:?}))")]]);
    }
}

#[test]
fn values_that_do_not_fit_are_faults_of_the_test() {
    let bad = [
        (Type::TinyInt, Value::Int(256)),
        (Type::Int, Value::Text("1".into())),
        (Type::NVarChar(2), Value::Text("abc".into())),
        (Type::VarBinary(1), Value::Bytes(vec![1, 2])),
        (Type::NVarChar(4001), Value::Text(String::new())),
        (Type::Variant, Value::Int(1)),
    ];
    for (ty, value) in bad {
        let steps = vec![
            Step::Columns(vec![column("n", ty.clone())]),
            Step::Row(vec![value]),
        ];
        let (server, mut driver) = super::answering(steps);
        assert!(driver.batch("x").error.is_some(), "{ty:?}");
        assert_eq!(server.faults().len(), 1, "{ty:?}");
    }
}
