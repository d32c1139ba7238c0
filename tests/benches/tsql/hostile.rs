//! Texts that are large, or made to be slow.

use super::corpus;
use std::fmt::Write as _;

/// A name and what makes the text.
type Text = (&'static str, fn() -> String);

pub const TEXTS: &[Text] = &[
    ("a module of 20 MB", || corpus::large(20_000_000)),
    ("100 000 nested parentheses", || {
        format!("EXEC({}'a'{})", "(".repeat(100_000), ")".repeat(100_000))
    }),
    ("100 000 nested calls of REVERSE", || {
        format!(
            "EXEC({}'a'{})",
            "REVERSE(".repeat(100_000),
            ")".repeat(100_000)
        )
    }),
    ("100 000 nested queries", || {
        format!(
            "DECLARE @x int SET @x = {}",
            "(SELECT @x = ".repeat(100_000)
        )
    }),
    ("1 000 000 concatenations in one expression", || {
        format!("EXEC('SELECT ' {})", "+ 'a' ".repeat(1_000_000))
    }),
    ("1 000 000 concatenations in statements", || {
        format!(
            "DECLARE @x varchar(max) = '' {} EXEC(@x)",
            "SET @x = @x + 'a' ".repeat(1_000_000)
        )
    }),
    ("1 000 000 concatenations to either side", || {
        format!(
            "DECLARE @x varchar(max) = '' {} EXEC(@x)",
            "SET @x = 'b' + @x + 'a' ".repeat(1_000_000)
        )
    }),
    ("10 000 000 quotes that close", || {
        format!("EXEC('{}')", "''".repeat(5_000_000))
    }),
    ("10 000 001 quotes that do not", || {
        format!("EXEC('{}", "''".repeat(5_000_000))
    }),
    ("quotes nested twenty deep", || {
        let mut text = "EXEC xp_cmdshell 'x'".to_owned();
        for _ in 0..20 {
            text = format!("EXEC('{}')", text.replace('\'', "''"));
        }
        text
    }),
    ("one variable doubled 1 000 times", || {
        format!(
            "DECLARE @x varchar(max) = 'SELECT 1 ' {} EXEC(@x)",
            "SET @x = @x + @x ".repeat(1_000)
        )
    }),
    ("1 000 variables, each twice the last", || {
        let mut text = "DECLARE @x0 varchar(max) = 'EXEC p ' ".to_owned();
        for number in 1..1_000 {
            let _ = write!(
                text,
                "DECLARE @x{number} varchar(max) = @x{0} + @x{0} ",
                number - 1
            );
        }
        text.push_str("EXEC(@x999)");
        text
    }),
    ("a variable executed while it doubles", || {
        format!(
            "DECLARE @x varchar(max) = 'EXEC p ' {}",
            "SET @x = @x + @x EXEC(@x) ".repeat(10_000)
        )
    }),
    ("20 000 branches that each add a clause", || {
        let mut text = "DECLARE @x varchar(max) = 'SELECT 1 WHERE 1 = 1' ".to_owned();
        for number in 0..20_000 {
            let _ = write!(text, "IF @a{number} = 1 SET @x += ' AND c{number} = 1' ");
        }
        text.push_str("EXEC(@x)");
        text
    }),
    ("2 000 nested loops", || {
        format!(
            "DECLARE @x varchar(max) = '' {} {} EXEC(@x)",
            "WHILE 1 = 1 BEGIN SET @x = @x + 'a' ".repeat(2_000),
            "END ".repeat(2_000)
        )
    }),
];
