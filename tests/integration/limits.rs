//! What `explain CODE-002` says is not followed is never passed over: it counts as text that could not be read.

use crate::support::cli::Cli;
use mssql_posture::tsql::{Sink, observe_module};

/// The words of the explanation, and code that they are about.
const NOT_FOLLOWED: &[(&str, &str)] = &[
    (
        "what user-defined functions return",
        "DECLARE @x varchar(99) = dbo.f() EXEC(@x)",
    ),
    (
        "give back in OUTPUT parameters",
        "DECLARE @x varchar(99) EXEC dbo.p @x OUTPUT EXEC(@x)",
    ),
    (
        "rows of real tables",
        "DECLARE @x varchar(99) SELECT @x = t FROM dbo.t EXEC(@x)",
    ),
    (
        "files",
        "DECLARE @x varchar(99) SELECT @x = BulkColumn FROM OPENROWSET(BULK 'f', SINGLE_CLOB) AS b EXEC(@x)",
    ),
    (
        "rows that procedures return",
        "DECLARE @x varchar(99) CREATE TABLE #t (c varchar(99)) INSERT #t EXEC dbo.p SELECT @x = c FROM #t EXEC(@x)",
    ),
    (
        "DECOMPRESS",
        "DECLARE @x varchar(99) = CAST(DECOMPRESS(0x1F8B08) AS varchar(99)) EXEC(@x)",
    ),
    (
        "decryption",
        "DECLARE @x varchar(99) = CAST(DECRYPTBYPASSPHRASE('p', 0x01) AS varchar(99)) EXEC(@x)",
    ),
    (
        "recursive queries over real tables",
        "DECLARE @x varchar(99); WITH c AS (SELECT 1 AS n, CAST('' AS varchar(99)) AS s UNION ALL \
         SELECT c.n + 1, CAST(c.s + t.s AS varchar(99)) FROM c JOIN dbo.t AS t ON t.n = c.n) \
         SELECT @x = s FROM c; EXEC(@x)",
    ),
    (
        "XML taken apart by conditions in a path",
        "DECLARE @d xml = '<a>EXEC xp_cmdshell</a>', @x varchar(99) \
         SELECT @x = n.value('.', 'varchar(99)') FROM @d.nodes('/a[1=1]') AS t(n) EXEC(@x)",
    ),
];

fn is_unread(text: &str) -> bool {
    let sinks = observe_module(text, true).sinks;
    sinks
        .iter()
        .any(|sink| sink.sink == Sink::DynamicUnresolved)
}

#[test]
fn what_is_not_followed_counts_as_unread() {
    let explained = Cli::new(&["explain", "CODE-002"]).run().code(0).stdout;
    let explained = explained.split_whitespace().collect::<Vec<_>>().join(" ");
    for (words, text) in NOT_FOLLOWED {
        assert!(explained.contains(words), "{words}");
        assert!(is_unread(text), "{words}: {text}");
    }
}

#[test]
fn more_than_32_values_and_nine_deep_count_as_unread() {
    let branches: Vec<String> = (0..33)
        .map(|n| format!("IF @a = {n} SET @x = 'EXEC dbo.p{n} '"))
        .collect();
    let branches = branches.join(" ");
    assert!(is_unread(&format!(
        "DECLARE @x varchar(99) {branches} EXEC(@x)"
    )));
    let nested = |depth| {
        (0..depth).fold("EXEC xp_cmdshell".to_owned(), |inner, _| {
            format!("EXEC('{}')", inner.replace('\'', "''"))
        })
    };
    assert!(!is_unread(&nested(8)));
    assert!(is_unread(&nested(9)));
}
