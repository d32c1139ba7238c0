//! Tokens of the T-SQL that the contract allows. There are no comments, no double quotes, no
//! operators but `=`, `<>`, `>=`, `<` and a sign, and no variables but the `@@` ones.

use super::Refused;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word, `@@` included, as written.
    Word(String),
    /// A name in brackets, its doubled `]` undone.
    Bracketed(String),
    Text(String),
    Number(i64),
    Symbol(&'static str),
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub token: Token,
    pub start: usize,
    pub end: usize,
}

const SYMBOLS: [&str; 11] = ["<>", ">=", "<", "(", ")", ",", ".", "=", ";", "*", "-"];

/// Longest batch that is read: far above what the collector sends.
const LONGEST: usize = 1 << 20;

pub(super) fn tokens(batch: &str) -> Result<Vec<Placed>, Refused> {
    if batch.len() > LONGEST {
        return Err(refused(0, "the batch is longer than 1 MiB"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = &batch[at..];
        let start = at + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let (token, length) = token(&batch[start..], start)?;
        let end = start + length;
        let last = token == Token::End;
        tokens.push(Placed { token, start, end });
        if last {
            return Ok(tokens);
        }
        at = end;
    }
}

fn token(rest: &str, at: usize) -> Result<(Token, usize), Refused> {
    let Some(first) = rest.chars().next() else {
        return Ok((Token::End, 0));
    };
    if rest.starts_with("--") || rest.starts_with("/*") {
        return Err(refused(at, "a comment"));
    }
    if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        return Ok((Token::Symbol(symbol), symbol.len()));
    }
    let prefix = usize::from(rest.starts_with("N'") || rest.starts_with("n'"));
    match first {
        '[' => {
            let (name, length) =
                quoted(rest, ']').ok_or_else(|| refused(at, "a bracket that does not end"))?;
            Ok((Token::Bracketed(name), length))
        }
        _ if rest[prefix..].starts_with('\'') => {
            let (text, length) = quoted(&rest[prefix..], '\'')
                .ok_or_else(|| refused(at, "a text that does not end"))?;
            Ok((Token::Text(text), prefix + length))
        }
        '0'..='9' => {
            let length = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let number = rest[..length]
                .parse()
                .map_err(|_| refused(at, "a number beyond bigint"))?;
            Ok((Token::Number(number), length))
        }
        '@' | '_' | 'a'..='z' | 'A'..='Z' => word(rest, at),
        other => Err(refused(at, &format!("the character {other:?}"))),
    }
}

fn word(rest: &str, at: usize) -> Result<(Token, usize), Refused> {
    let body = rest.trim_start_matches('@');
    let signs = rest.len() - body.len();
    let letters = body
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(body.len());
    if letters == 0 || !matches!(signs, 0 | 2) {
        return Err(refused(at, "a variable"));
    }
    let length = signs + letters;
    Ok((Token::Word(rest[..length].to_owned()), length))
}

/// What stands between the first character and the first undoubled `close`, and the length of all.
fn quoted(rest: &str, close: char) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != close {
            inner.push(c);
        } else if chars.next_if(|(_, next)| *next == close).is_some() {
            inner.push(close);
        } else {
            return Some((inner, at + close.len_utf8()));
        }
    }
    None
}

pub(super) fn refused(at: usize, why: &str) -> Refused {
    Refused {
        at,
        why: why.to_owned(),
    }
}

/// Words that are not names unless bracketed (Transact-SQL's reserved keywords).
const RESERVED: &[&str] = &[
    "ADD",
    "ALL",
    "ALTER",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "AUTHORIZATION",
    "BACKUP",
    "BEGIN",
    "BETWEEN",
    "BREAK",
    "BROWSE",
    "BULK",
    "BY",
    "CASCADE",
    "CASE",
    "CHECK",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTERED",
    "COALESCE",
    "COLLATE",
    "COLUMN",
    "COMMIT",
    "COMPUTE",
    "CONSTRAINT",
    "CONTAINS",
    "CONTAINSTABLE",
    "CONTINUE",
    "CONVERT",
    "CREATE",
    "CROSS",
    "CURRENT",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "CURSOR",
    "DATABASE",
    "DBCC",
    "DEALLOCATE",
    "DECLARE",
    "DEFAULT",
    "DELETE",
    "DENY",
    "DESC",
    "DISK",
    "DISTINCT",
    "DISTRIBUTED",
    "DOUBLE",
    "DROP",
    "DUMP",
    "ELSE",
    "END",
    "ERRLVL",
    "ESCAPE",
    "EXCEPT",
    "EXEC",
    "EXECUTE",
    "EXISTS",
    "EXIT",
    "EXTERNAL",
    "FETCH",
    "FILE",
    "FILLFACTOR",
    "FOR",
    "FOREIGN",
    "FREETEXT",
    "FREETEXTTABLE",
    "FROM",
    "FULL",
    "FUNCTION",
    "GOTO",
    "GRANT",
    "GROUP",
    "HAVING",
    "HOLDLOCK",
    "IDENTITY",
    "IDENTITYCOL",
    "IDENTITY_INSERT",
    "IF",
    "IN",
    "INDEX",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "KILL",
    "LEFT",
    "LIKE",
    "LINENO",
    "LOAD",
    "MERGE",
    "NATIONAL",
    "NOCHECK",
    "NONCLUSTERED",
    "NOT",
    "NULL",
    "NULLIF",
    "OF",
    "OFF",
    "OFFSETS",
    "ON",
    "OPEN",
    "OPENDATASOURCE",
    "OPENQUERY",
    "OPENROWSET",
    "OPENXML",
    "OPTION",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PERCENT",
    "PIVOT",
    "PLAN",
    "PRECISION",
    "PRIMARY",
    "PRINT",
    "PROC",
    "PROCEDURE",
    "PUBLIC",
    "RAISERROR",
    "READ",
    "READTEXT",
    "RECONFIGURE",
    "REFERENCES",
    "REPLICATION",
    "RESTORE",
    "RESTRICT",
    "RETURN",
    "REVERT",
    "REVOKE",
    "RIGHT",
    "ROLLBACK",
    "ROWCOUNT",
    "ROWGUIDCOL",
    "RULE",
    "SAVE",
    "SCHEMA",
    "SECURITYAUDIT",
    "SELECT",
    "SEMANTICKEYPHRASETABLE",
    "SEMANTICSIMILARITYDETAILSTABLE",
    "SEMANTICSIMILARITYTABLE",
    "SESSION_USER",
    "SET",
    "SETUSER",
    "SHUTDOWN",
    "SOME",
    "STATISTICS",
    "SYSTEM_USER",
    "TABLE",
    "TABLESAMPLE",
    "TEXTSIZE",
    "THEN",
    "TO",
    "TOP",
    "TRAN",
    "TRANSACTION",
    "TRIGGER",
    "TRUNCATE",
    "TRY_CONVERT",
    "TSEQUAL",
    "UNION",
    "UNIQUE",
    "UNPIVOT",
    "UPDATE",
    "UPDATETEXT",
    "USE",
    "USER",
    "VALUES",
    "VARYING",
    "VIEW",
    "WAITFOR",
    "WHEN",
    "WHERE",
    "WHILE",
    "WITH",
    "WITHIN",
    "WRITETEXT",
];

pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(word))
}
