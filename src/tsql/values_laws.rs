//! Laws that hold for every text that code builds: however it is built, it does the same.

#![allow(clippy::unwrap_used)]

use super::laws::sql;
use super::{Sink, observe_module};
use proptest::prelude::*;

/// What a text does, wherever it was written. How it is tainted is said of each place, of which one text may have more
/// than another.
fn effects(sql: &str) -> Vec<(Sink, Option<String>)> {
    let sinks = observe_module(sql, true).sinks.into_iter();
    let effects = sinks.map(|o| (o.sink, o.option));
    let mut effects: Vec<_> = effects.collect();
    effects.sort();
    effects.dedup();
    effects
}

fn quoted(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[allow(clippy::format_collect)] // short enough
fn hex(bytes: &[u8]) -> String {
    super::decode::to_hex(bytes).to_lowercase()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - group.len()));
        let digit = |place: usize| char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize]);
        (0..4)
            .map(|place| {
                if place > group.len() {
                    '='
                } else {
                    digit(place)
                }
            })
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// The text in parts of the given lengths, over and over.
fn parts(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut rest: Vec<char> = text.chars().collect();
    let mut parts = Vec::new();
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let tail = rest.split_off((*length).min(rest.len()));
        parts.push(rest.into_iter().collect());
        rest = tail;
    }
    parts
}

/// The code without what a constant is spelt differently with: a backslash at a line's end is no part of it.
fn code() -> impl Strategy<Value = String> {
    sql()
        .prop_map(|code| code.replace('\\', ""))
        .prop_filter("not empty", |code| !code.is_empty())
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1..12_usize, 1..8)
}

proptest! {
    #[test]
    fn split_text_does_what_the_whole_does(code in code(), lengths in lengths()) {
        let whole = effects(&format!("EXEC({})", quoted(&code)));
        let parts: Vec<String> = parts(&code, &lengths).iter().map(|part| quoted(part)).collect();
        prop_assert_eq!(&effects(&format!("EXEC({})", parts.join(" + "))), &whole);
        prop_assert_eq!(&effects(&format!("EXEC(CONCAT({}, ''))", parts.join(", "))), &whole);
        let appended: Vec<String> = parts.iter().map(|part| format!("SET @v += {part} ")).collect();
        let appended = appended.concat();
        let declared = "DECLARE @v nvarchar(max) = N'' ";
        prop_assert_eq!(&effects(&format!("{declared} SET @v += {appended} EXEC(@v)")), &whole);
        let rows: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
        let rows = rows.join(", ");
        let selected = format!("{declared}SELECT @v = @v + c FROM (VALUES {rows}) v(c) EXEC(@v)");
        prop_assert_eq!(&effects(&selected), &whole);
        let table = format!("DECLARE @t TABLE (c nvarchar(max)) INSERT INTO @t VALUES {rows} ");
        let aggregated = format!("{table}{declared}SELECT @v = STRING_AGG(c, '') FROM @t EXEC(@v)");
        prop_assert_eq!(&effects(&aggregated), &whole);
    }

    #[test]
    fn encoded_text_does_what_it_does_plainly(code in code()) {
        let whole = effects(&format!("EXEC({})", quoted(&code)));
        let bytes = utf16(&code);
        let binary = format!("CAST(0x{} AS nvarchar(max))", hex(&bytes));
        prop_assert_eq!(&effects(&format!("EXEC({binary})")), &whole);
        let decoded = format!("CAST(N'' AS xml).value('xs:base64Binary(\"{}\")', 'varbinary(max)')", base64(&bytes));
        let decoded = format!("DECLARE @v nvarchar(max) = CAST({decoded} AS nvarchar(max)) EXEC(@v)");
        prop_assert_eq!(&effects(&decoded), &whole);
        let reversed: String = code.chars().rev().collect();
        prop_assert_eq!(&effects(&format!("EXEC(REVERSE({}))", quoted(&reversed))), &whole);
        let numbers: Vec<String> = code.chars().map(|c| format!("NCHAR({})", u32::from(c))).collect();
        prop_assert_eq!(&effects(&format!("EXEC({})", numbers.join("+"))), &whole);
    }

    #[test]
    fn text_with_junk_taken_out_does_what_it_does(code in code(), at in any::<prop::sample::Index>()) {
        let whole = effects(&format!("EXEC({})", quoted(&code)));
        let mut characters: Vec<char> = code.chars().collect();
        let at = at.index(characters.len());
        characters.splice(at..at, ['ß', 'ß']);
        let marked: String = characters.iter().collect();
        prop_assert_eq!(&effects(&format!("EXEC(REPLACE({}, N'ß', ''))", quoted(&marked))), &whole);
        prop_assert_eq!(&effects(&format!("EXEC(STUFF({}, {}, 2, ''))", quoted(&marked), at + 1)), &whole);
        let (left, right) = (at, characters.len() - at - 2);
        let cut = format!("EXEC(LEFT({m}, {left}) + RIGHT({m}, {right}))", m = quoted(&marked));
        prop_assert_eq!(&effects(&cut), &whole);
    }

    #[test]
    fn text_by_a_parameter_of_executed_text_is_the_same(code in code()) {
        let whole = effects(&format!("EXEC({})", quoted(&code)));
        let inner = format!("EXEC sp_executesql N'EXEC(@s)', N'@s nvarchar(max)', @s = {}", quoted(&code));
        prop_assert_eq!(&effects(&inner), &whole);
    }

    /// What is not known is said to be so, whatever is known before and after it.
    #[test]
    fn a_hole_is_never_read(code in code(), at in any::<prop::sample::Index>()) {
        let characters: Vec<char> = code.chars().collect();
        let (left, right) = characters.split_at(at.index(characters.len()));
        let (left, right): (String, String) = (left.iter().collect(), right.iter().collect());
        let sql = format!("CREATE PROC p @p nvarchar(99) AS EXEC({} + @p + {})", quoted(&left), quoted(&right));
        let unresolved = |effect: &(Sink, Option<String>)| effect.0 == Sink::DynamicUnresolved;
        prop_assert!(effects(&sql).iter().any(unresolved));
    }

    #[test]
    fn any_nest_of_functions_comes_to_something(parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..60)) {
        let expression: String = parts.concat();
        observe_module(&format!("DECLARE @v nvarchar(max), @x int = 3 SET @v = {expression} EXEC(@v)"), true);
        observe_module(&format!("SELECT @v = {expression} FROM (VALUES ({expression})) v(c) EXEC(@v)"), true);
    }
}

/// Pieces of expressions, in any order.
const PARTS: &[&str] = &[
    "(",
    ")",
    ")",
    ")",
    ",",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "|",
    "^",
    "~",
    "=",
    "<",
    ".",
    "1",
    "0",
    "-1",
    "9223372036854775807",
    "0x",
    "0x1",
    "0x7800",
    "1.5",
    "$1",
    "NULL",
    "'a'",
    "N'é'",
    "''",
    "'%s%d%%%'",
    "']'",
    "@v",
    "@x",
    "@y",
    "@@SPID",
    "c",
    "v.c",
    "*",
    "CHAR(",
    "NCHAR(",
    "ASCII(",
    "UNICODE(",
    "REPLACE(",
    "TRANSLATE(",
    "REVERSE(",
    "STUFF(",
    "SUBSTRING(",
    "LEFT(",
    "RIGHT(",
    "TRIM(",
    "LTRIM(",
    "FROM",
    "UPPER(",
    "REPLICATE(",
    "SPACE(",
    "QUOTENAME(",
    "FORMATMESSAGE(",
    "STRING_AGG(",
    "WITHIN GROUP (ORDER BY ",
    "CHOOSE(",
    "IIF(",
    "ISNULL(",
    "COALESCE(",
    "NULLIF(",
    "LEN(",
    "DATALENGTH(",
    "CHARINDEX(",
    "STR(",
    "ABS(",
    "CONCAT(",
    "CONCAT_WS(",
    "CAST(",
    "AS varchar(3))",
    "AS varbinary)",
    "AS xml)",
    "CONVERT(varchar(9),",
    ".value('.', 'nvarchar(9)')",
    ".value('xs:base64Binary(\"eHA=\")', 'varbinary(9)')",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "(SELECT",
    "FROM t",
    "FROM (VALUES (1, 'x'), (2, 'y')) v(i, c)",
    "FOR XML PATH('')",
    "ORDER BY 1",
    "UNION ALL SELECT",
    "STRING_SPLIT(",
    " ",
];

/// Code that costs much for its length, over and over: it ends.
#[test]
fn values_made_to_be_slow_end() {
    const LENGTH: usize = 200_000;
    let start = "DECLARE @x nvarchar(max) = N'SELECT 1', @y nvarchar(max), @i int = 0 ";
    let table = format!(
        "DECLARE @t TABLE (c nvarchar(9)) INSERT @t VALUES ('a'){} ",
        ",('a')".repeat(999)
    );
    let nest = |open: &str, close: &str| {
        let times = LENGTH / (open.len() + close.len());
        format!("SET @x = {}@x{}", open.repeat(times), close.repeat(times))
    };
    let cases = [
        nest("REPLACE(", ",'a','b')"),
        nest("REVERSE(", ")"),
        nest("CASE WHEN 1=1 THEN ", " END"),
        nest("(", ")"),
        nest("STRING_AGG(", ",'')"),
        nest("(SELECT STRING_AGG(c,'') FROM (VALUES (", ")) v(c))"),
        nest("(SELECT ", ")"),
        nest("-~", ""),
        "SET @x = CONCAT(@x".to_owned() + &", N'a'".repeat(LENGTH / 6),
        "SELECT @x = @x + c FROM (VALUES ('a')".to_owned()
            + &",('a')".repeat(LENGTH / 6)
            + ") v(c)",
        "SELECT @x = @x + c FROM (SELECT 'a' AS c".to_owned()
            + &" UNION ALL SELECT 'a'".repeat(LENGTH / 21)
            + ") v",
    ];
    let fragments = [
        "SET @x = @x + @x; ",
        "SET @x = REPLICATE(@x, 1000000) ",
        "SET @x = REPLACE(@x, 'S', REPLICATE('S', 1000)) ",
        "IF @i = 1 SET @x = @x + N' AND a = 1' ",
        "IF @i = 1 SET @x = @x + N' EXEC p ' ELSE SET @x += N' b ' ",
        "SELECT @x += c FROM @t ",
        "SET @x = (SELECT STRING_AGG(c, '') FROM @t) ",
        "SET @x = (SELECT c + '' FROM @t ORDER BY c FOR XML PATH('')) ",
        "INSERT @t SELECT c FROM @t ",
        "SELECT c INTO #u FROM @t ",
        "INTO #u ",
        "WITH a AS (SELECT c FROM @t), ",
        "DECLARE c CURSOR FOR SELECT c FROM @t OPEN c FETCH c INTO @x ",
        "WHILE @i < 10 BEGIN SET @x = @x + CHAR(65) SET @i += 1 END SET @i = 0 ",
        "WHILE 1 = 1 BEGIN SET @x = @x + CHAR(65) END ",
        "WHILE 1 = 1 BEGIN SET @x = CHAR(65) ",
        "EXEC sp_executesql @x, N'@o nvarchar(9) OUTPUT', @o = @x OUTPUT ",
    ];
    let repeated = fragments.map(|fragment| fragment.repeat(LENGTH / fragment.len()));
    for case in cases.into_iter().chain(repeated) {
        let sinks = observe_module(&format!("{table}{start}{case} EXEC(@x)"), true).sinks;
        assert!(sinks.len() <= LENGTH);
    }
}
