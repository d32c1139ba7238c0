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
    if text.len() > LONGEST {
        return text.as_bytes().to_vec();
    }
    let mut normal = Vec::with_capacity(text.len());
    for (kind, written) in code(text, quoted_identifier) {
        // The length in front keeps tokens apart whatever they hold.
        let length = u32::try_from(written.len()).unwrap_or(u32::MAX);
        normal.extend(length.to_le_bytes());
        let start = normal.len();
        normal.extend(written.as_bytes());
        if is_reserved(kind, written)
            && let Some(word) = normal.get_mut(start..)
        {
            word.make_ascii_lowercase();
        }
    }
    normal
}

/// Whether two texts have one normal form, found without writing either down and with no look at what comes after the
/// first difference.
pub fn is_same_code(one: &str, other: &str, quoted_identifier: bool) -> bool {
    if one.len().max(other.len()) > LONGEST {
        return one == other;
    }
    let mut rest = code(other, quoted_identifier);
    code(one, quoted_identifier).all(|(kind, written)| {
        rest.next().is_some_and(|(other_kind, other)| {
            written == other
                || (written.eq_ignore_ascii_case(other)
                    && is_reserved(kind, written)
                    && is_reserved(other_kind, other))
        })
    }) && rest.next().is_none()
}

/// The normal form of a T-SQL job step. Agent puts values into `$(…)` before the server reads it, in comments too, and a
/// value may end the comment: of a step that has such a place every byte counts.
pub fn normalised_step(text: &str) -> Vec<u8> {
    if is_filled(text) {
        return text.as_bytes().to_vec();
    }
    normalised(text, false)
}

/// Whether two job steps have one normal form.
pub fn is_same_step(one: &str, other: &str) -> bool {
    if is_filled(one) || is_filled(other) {
        return one == other;
    }
    is_same_code(one, other, false)
}

fn is_filled(step: &str) -> bool {
    step.contains("$(")
}

/// The tokens that are code: what kind each is of, and how it is written.
fn code(text: &str, quoted_identifier: bool) -> impl Iterator<Item = (TokenKind, &str)> {
    let looks = [
        TokenKind::WhiteSpace,
        TokenKind::LineComment,
        TokenKind::BlockComment,
    ];
    Lexer::new(text, quoted_identifier)
        .filter(move |token| !looks.contains(&token.kind))
        .map(|token| {
            let span = token.start as usize..token.end as usize;
            (token.kind, text.get(span).unwrap_or_default())
        })
}

fn is_reserved(kind: TokenKind, word: &str) -> bool {
    const LONGEST_WORD: usize = 17;
    let mut lower = [0; LONGEST_WORD];
    // On the stack: every word of every text comes by.
    let Some(lower) = lower
        .get_mut(..word.len())
        .filter(|_| kind == TokenKind::Word)
    else {
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
        let is_same = is_same_code(one, other, true);
        assert_eq!(is_same, normalised(one, true) == normalised(other, true));
        is_same
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

    proptest::proptest! {
        #[test]
        fn both_ways_of_comparing_agree(
            one in PIECES, other in PIECES, start in PIECES, quoted: bool,
        ) {
            for (one, other) in [
                (one.clone(), other.clone()),
                (format!("{start}{one}"), format!("{start}{other}")),
                (one.clone(), one.to_ascii_uppercase()),
            ] {
                proptest::prop_assert_eq!(
                    is_same_code(&one, &other, quoted),
                    normalised(&one, quoted) == normalised(&other, quoted)
                );
            }
        }
    }

    /// Texts in which tokens begin, end and run into each other.
    const PIECES: &str =
        r#"(select|Select|public| |--|/\*|\*/|\n|'|"|\[|\]|n|N|1|\.|@|é|\(){0,12}"#;

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
