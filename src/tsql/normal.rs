//! A text without what changes nothing: two texts with one normal form are the same code.

use super::lexer::{LONGEST, Lexer, TokenKind};

/// Reserved words of Transact-SQL, in lower case and in order. None can be a name without delimiters, so that their case
/// means nothing on any server; of every other word it may, where the collation is case-sensitive.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "add", "all", "alter", "and", "any", "as", "asc", "authorization", "backup", "begin", "between", "break", "browse",
    "bulk", "by", "cascade", "case", "check", "checkpoint", "close", "clustered", "coalesce", "collate", "column",
    "commit", "compute", "constraint", "contains", "containstable", "continue", "convert", "create", "cross", "current",
    "current_date", "current_time", "current_timestamp", "current_user", "cursor", "database", "dbcc", "deallocate",
    "declare", "default", "delete", "deny", "desc", "disk", "distinct", "distributed", "double", "drop", "dump", "else",
    "end", "errlvl", "escape", "except", "exec", "execute", "exists", "exit", "external", "fetch", "file", "fillfactor",
    "for", "foreign", "freetext", "freetexttable", "from", "full", "function", "goto", "grant", "group", "having",
    "holdlock", "identity", "identity_insert", "identitycol", "if", "in", "index", "inner", "insert", "intersect", "into",
    "is", "join", "key", "kill", "left", "like", "lineno", "load", "merge", "national", "nocheck", "nonclustered", "not",
    "null", "nullif", "of", "off", "offsets", "on", "open", "opendatasource", "openquery", "openrowset", "openxml",
    "option", "or", "order", "outer", "over", "percent", "pivot", "plan", "precision", "primary", "print", "proc",
    "procedure", "public", "raiserror", "read", "readtext", "reconfigure", "references", "replication", "restore",
    "restrict", "return", "revert", "revoke", "right", "rollback", "rowcount", "rowguidcol", "rule", "save", "schema",
    "select", "session_user", "set", "setuser", "shutdown", "some", "statistics", "system_user", "table", "tablesample",
    "textsize", "then", "to", "top", "tran", "transaction", "trigger", "truncate", "tsequal", "union", "unique",
    "unpivot", "update", "updatetext", "use", "user", "values", "varying", "view", "waitfor", "when", "where", "while",
    "with", "within", "writetext",
];

/// `public` is a role's name as well, which `GRANT … TO Public` writes in any case; it is compared as it is written.
const ALSO_NAMES: &[&str] = &["public"];

/// A text's normal form: its tokens without white space and comments, reserved words in lower case, all else byte for byte:
/// names, variables, strings, numbers, delimiters. Tokens are kept apart, so that what a blank divides stays divided. A
/// text that is too long for the lexer is its own normal form.
pub fn normalised(text: &str, quoted_identifier: bool) -> Vec<u8> {
    let mut normal = Vec::with_capacity(text.len());
    if text.len() > LONGEST {
        return text.as_bytes().to_vec();
    }
    for token in Lexer::new(text, quoted_identifier) {
        if matches!(
            token.kind,
            TokenKind::WhiteSpace | TokenKind::LineComment | TokenKind::BlockComment
        ) {
            continue;
        }
        let span = token.start as usize..token.end as usize;
        let written = text.get(span).unwrap_or_default();
        // The length in front keeps tokens apart whatever they hold.
        normal.extend((token.end - token.start).to_le_bytes());
        let start = normal.len();
        normal.extend(written.as_bytes());
        if token.kind == TokenKind::Word
            && is_reserved(written)
            && let Some(word) = normal.get_mut(start..)
        {
            word.make_ascii_lowercase();
        }
    }
    normal
}

fn is_reserved(word: &str) -> bool {
    const LONGEST_WORD: usize = 17;
    let mut lower = [0; LONGEST_WORD];
    // On the stack: every word of every text comes by.
    let Some(lower) = lower.get_mut(..word.len()) else {
        return false;
    };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    let found = RESERVED.binary_search_by(|own| own.as_bytes().cmp(lower));
    let found = found.ok().and_then(|at| RESERVED.get(at));
    found.is_some_and(|own| !ALSO_NAMES.contains(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        normalised(one, true) == normalised(other, true)
    }

    #[test]
    fn reserved_words_are_in_order_and_no_longer_than_is_looked_for() {
        assert!(RESERVED.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(RESERVED.iter().map(|word| word.len()).max(), Some(17));
    }

    #[test]
    fn white_space_comments_and_the_case_of_reserved_words_change_nothing() {
        for (one, other) in [
            (
                "CREATE PROC p AS SELECT 1",
                "create  proc p\r\nas\tselect 1\n",
            ),
            (
                "SELECT a, b",
                "SELECT a /* all /* of */ them */,\n-- and\nb",
            ),
            ("EXEC('x')", "exec ( 'x' )"),
            ("SELECT\u{a0}1", "SELECT 1"),
        ] {
            assert!(same(one, other), "{one} | {other}");
        }
    }

    #[test]
    fn everything_else_is_code() {
        for (one, other, why) in [
            ("SELECT 1", "SELECT 2", "a number"),
            ("SELECT ab", "SELECT a b", "a blank divides"),
            ("SELECT 'a  b'", "SELECT 'a b'", "white space in a string"),
            (
                "EXEC('-- x')",
                "EXEC('')",
                "a comment in a string is code that is executed",
            ),
            ("SELECT 'A'", "SELECT 'a'", "case in a string"),
            (
                "SELECT Name",
                "SELECT name",
                "a name, on a case-sensitive server",
            ),
            ("SELECT @A", "SELECT @a", "a variable, likewise"),
            ("SELECT [a]", "SELECT a", "delimiters are kept"),
            (
                "SELECT 1 --\n+1",
                "SELECT 1 -- +1",
                "the comment swallows code",
            ),
            ("SELECT N'x'", "SELECT N 'x'", "an alias and a prefix"),
            ("GRANT x TO Public", "GRANT x TO public", "a role's name"),
            (
                "/* x */ EXEC p",
                "/* x EXEC p */",
                "code moved into a comment",
            ),
        ] {
            assert!(!same(one, other), "{why}: {one} | {other}");
        }
    }

    #[test]
    fn quotes_mean_what_the_setting_says() {
        let text = "SELECT \"a--b\"";
        assert_eq!(
            normalised(text, true).len(),
            normalised(text, false).len(),
            "neither reading makes a comment of it"
        );
    }
}
