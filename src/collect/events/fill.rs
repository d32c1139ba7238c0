//! Values in the statements of `changes`. Paths and names come from the server, where whoever may create an audit chose
//! them: they are attacker-controlled.

use crate::collect::query::Query;

/// Longest path in UTF-16 units that both table functions take whole: `sys.fn_trace_gettable` has nvarchar(256),
/// `sys.fn_get_audit_file` nvarchar(260), and a longer one would be cut off into another path.
const LONGEST_PATH: usize = 256;

/// A value that a statement can get.
#[derive(Clone, Copy, Debug)]
pub enum Fill<'a> {
    /// Goes between `N'` and `'`.
    Text(&'a str),
    /// A number.
    Count(u32),
}

/// Why a statement was not made, and so not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// A line end could continue a literal in another way than it looks, and no path has one.
    #[error(
        "{0} holds a control character: look at who made that path, and read its files by hand"
    )]
    Control(&'static str),
    /// The server would cut it off.
    #[error("{0} is longer than {LONGEST_PATH} characters: read its files by hand")]
    TooLong(&'static str),
    /// A defect of ours.
    #[error("{query} asks for a value named {name:?}, which it is not given")]
    Unknown {
        /// The query.
        query: &'static str,
        /// The placeholder.
        name: String,
    },
}

/// The statement with each `$(name)` replaced, in one pass: a value that looks like a placeholder stays what it is. A
/// text can end its quotes in no way: `'` is the only character that ends an N'…', and is doubled.
///
/// # Errors
/// A text that cannot be a path, or a placeholder without a value.
pub fn fill(query: &Query, values: &[(&'static str, Fill<'_>)]) -> Result<String, FillError> {
    let mut text = String::with_capacity(query.text.len());
    let mut rest = query.text;
    while let Some((before, after)) = rest.split_once("$(") {
        let (name, after) = after.split_once(')').unwrap_or((after, ""));
        text.push_str(before);
        match values.iter().find(|(known, _)| *known == name) {
            Some((name, Fill::Text(value))) => text.push_str(&quoted(name, value)?),
            Some((_, Fill::Count(count))) => text.push_str(&count.to_string()),
            None => {
                return Err(FillError::Unknown {
                    query: query.name,
                    name: name.to_owned(),
                });
            }
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

fn quoted(name: &'static str, value: &str) -> Result<String, FillError> {
    if value.chars().any(char::is_control) {
        return Err(FillError::Control(name));
    }
    if value.encode_utf16().count() > LONGEST_PATH {
        return Err(FillError::TooLong(name));
    }
    Ok(value.replace('\'', "''"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::collect::query;

    fn reach() -> &'static Query {
        let mut queries = query::events().iter();
        queries.find(|q| q.name == "audit_file_reach").unwrap()
    }

    fn filled(pattern: &str) -> Result<String, FillError> {
        let values = [
            ("pattern", Fill::Text(pattern)),
            ("since", Fill::Text("2026-09-01T00:00:00")),
        ];
        fill(reach(), &values)
    }

    #[test]
    fn a_path_cannot_end_its_quotes_nor_take_another_values_place() {
        let text = filled("C:\\a'), DEFAULT; SHUTDOWN --$(since)").unwrap();
        assert!(
            text.contains("(N'C:\\a''), DEFAULT; SHUTDOWN --$(since)', DEFAULT, DEFAULT)"),
            "{text}"
        );
        assert!(text.contains("< N'2026-09-01T00:00:00'"), "{text}");
    }

    #[test]
    fn what_is_no_path_is_not_sent() {
        for hostile in ["a\nb", "a\\\r\nb", "a\0b", "a\u{85}b"] {
            assert_eq!(filled(hostile), Err(FillError::Control("pattern")));
        }
        assert!(filled(&"x".repeat(LONGEST_PATH)).is_ok());
        let long = "\u{1f512}".repeat(LONGEST_PATH / 2 + 1);
        assert_eq!(filled(&long), Err(FillError::TooLong("pattern")));
        let missing = fill(reach(), &[]);
        assert!(matches!(missing, Err(FillError::Unknown { .. })));
    }
}
