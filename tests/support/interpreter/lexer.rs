//! Tokens of T-SQL batches: with variables, comments and operators, unlike those of `contract`.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word, as written.
    Word(String),
    /// `@x` or `@@X`, as written.
    Variable(String),
    /// A name in brackets.
    Bracketed(String),
    /// A text, and whether it is `N'…'`.
    Text(String, bool),
    Number(i64),
    Symbol(&'static str),
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub token: Token,
    pub start: usize,
    pub end: usize,
}

const SYMBOLS: [&str; 14] = [
    "<>", "<=", ">=", "(", ")", ",", ".", "=", ";", "*", "-", "+", "<", ">",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, String> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at += blank(&text[at..])?;
        let (token, length) = token(&text[at..])?;
        let last = token == Token::End;
        tokens.push(Placed {
            token,
            start: at,
            end: at + length,
        });
        if last {
            return Ok(tokens);
        }
        at += length;
    }
}

/// Length of white space and comments; comments nest.
fn blank(text: &str) -> Result<usize, String> {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let spaces = rest.len() - rest.trim_start().len();
        at += spaces;
        let rest = &text[at..];
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            let mut depth = 0_usize;
            let mut inner = 0;
            loop {
                let here = &rest[inner..];
                let step = here.chars().next().ok_or("a comment does not end")?;
                if here.starts_with("/*") {
                    depth += 1;
                    inner += 2;
                } else if here.starts_with("*/") {
                    depth -= 1;
                    inner += 2;
                    if depth == 0 {
                        break;
                    }
                } else {
                    inner += step.len_utf8();
                }
            }
            at += inner;
        } else if spaces == 0 {
            return Ok(at);
        }
    }
}

fn token(rest: &str) -> Result<(Token, usize), String> {
    let Some(first) = rest.chars().next() else {
        return Ok((Token::End, 0));
    };
    let wide = rest.starts_with("N'");
    if wide || first == '\'' {
        let prefix = usize::from(wide);
        let (inner, length) = quoted(&rest[prefix..], '\'').ok_or("a text does not end")?;
        return Ok((Token::Text(inner, wide), prefix + length));
    }
    if first == '[' {
        let (inner, length) = quoted(rest, ']').ok_or("a bracket does not end")?;
        return Ok((Token::Bracketed(inner), length));
    }
    if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        return Ok((Token::Symbol(symbol), symbol.len()));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '@';
    let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
    let found = &rest[..length];
    match first {
        '0'..='9' => found
            .parse()
            .map(|number| (Token::Number(number), length))
            .map_err(|e| format!("{found}: {e}")),
        '@' if length > 1 => Ok((Token::Variable(found.to_owned()), length)),
        _ if length > 0 => Ok((Token::Word(found.to_owned()), length)),
        other => Err(format!("the character {other:?}")),
    }
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
