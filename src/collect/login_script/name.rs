//! Names and other texts as a script can carry them.

/// Longest name of a login, in UTF-16 units (sysname).
const LONGEST_NAME: usize = 128;

/// The name of a login that can stand in a script: in brackets, in quotes, in a comment, and before sqlcmd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginName(String);

/// Why a name cannot stand in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginNameError {
    /// Empty, or longer than any login's.
    #[error("a login's name has 1 to 128 characters")]
    Length,
    /// A character that a script cannot carry where everybody can see it.
    #[error(
        "it holds {0:?}, which a script cannot carry visibly: only letters, digits, spaces and ASCII punctuation can stand in one"
    )]
    Character(char),
    /// sqlcmd would put something in its place.
    #[error("it holds \"$(\", which sqlcmd would replace")]
    Variable,
}

impl LoginName {
    /// Takes a name that a script can carry.
    ///
    /// # Errors
    /// What keeps it from being carried.
    pub fn new(name: &str) -> Result<Self, LoginNameError> {
        if name.is_empty() || name.encode_utf16().count() > LONGEST_NAME {
            return Err(LoginNameError::Length);
        }
        if let Some(odd) = name.chars().find(|c| !is_plain(*c)) {
            return Err(LoginNameError::Character(odd));
        }
        if name.contains("$(") {
            return Err(LoginNameError::Variable);
        }
        Ok(Self(name.to_owned()))
    }

    /// As an identifier: in brackets, `]` doubled.
    pub(super) fn quoted(&self) -> String {
        format!("[{}]", self.0.replace(']', "]]"))
    }

    pub(super) fn literal(&self) -> String {
        literal(&self.0)
    }

    /// Whether it is a Windows account or group: no SQL login has a backslash.
    pub(super) fn is_windows(&self) -> bool {
        self.0.contains('\\')
    }
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || c.is_ascii_graphic()
}

/// A text as a T-SQL expression. Whatever a reader could not see, and whatever sqlcmd would replace, is spelt out.
pub fn literal(text: &str) -> String {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let end = |plain: &mut String, parts: &mut Vec<String>| {
        if !plain.is_empty() {
            parts.push(format!("N'{}'", std::mem::take(plain)));
        }
    };
    for c in text.chars() {
        if c == '(' && plain.ends_with('$') {
            end(&mut plain, &mut parts);
        }
        if is_plain(c) {
            plain.push(c);
            if c == '\'' {
                plain.push(c);
            }
            continue;
        }
        end(&mut plain, &mut parts);
        parts.extend(
            c.encode_utf16(&mut [0; 2])
                .iter()
                .map(|unit| format!("NCHAR({unit})")),
        );
    }
    end(&mut plain, &mut parts);
    if parts.is_empty() {
        "N''".to_owned()
    } else {
        parts.join(" + ")
    }
}

/// A text inside a comment: what could end or disguise its line is left out.
pub(super) fn comment(text: &str) -> String {
    let seen = text.chars().map(|c| if is_plain(c) { c } else { '?' });
    seen.collect::<String>().replace("$(", "$ (")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_is_carried_or_refused() {
        let name = LoginName::new("o'brien]; DROP").unwrap();
        assert_eq!(name.quoted(), "[o'brien]]; DROP]");
        assert_eq!(name.literal(), "N'o''brien]; DROP'");
        assert_eq!(LoginName::new(""), Err(LoginNameError::Length));
        assert_eq!(
            LoginName::new(&"a".repeat(129)),
            Err(LoginNameError::Length)
        );
        assert_eq!(LoginName::new("a$(b)"), Err(LoginNameError::Variable));
        for odd in ['\n', '\u{202e}', '\u{200b}', '\u{2028}', '\0'] {
            assert_eq!(
                LoginName::new(&format!("a{odd}")),
                Err(LoginNameError::Character(odd))
            );
        }
    }

    #[test]
    fn a_literal_shows_all_of_its_text() {
        for (text, shown) in [
            ("", "N''"),
            ("a'b", "N'a''b'"),
            ("two\r\nlines", "N'two' + NCHAR(13) + NCHAR(10) + N'lines'"),
            ("$(x)$$(y)", "N'$' + N'(x)$$' + N'(y)'"),
            ("🔒", "NCHAR(55357) + NCHAR(56594)"),
            ("\u{202e}x", "NCHAR(8238) + N'x'"),
        ] {
            assert_eq!(literal(text), shown);
        }
    }
}
