//! Names as certificates hold them: `CN=sql01.corp.example, O=Some Company, Inc., C=DE`.

use std::ops::Range;

/// What stands between attributes.
const SEPARATORS: [char; 3] = [',', '+', ';'];

/// The attributes of a certificate's name, each with the place of its value. Nobody escapes separators in values, so a
/// value goes on until the next attribute.
pub(super) fn attributes(text: &str) -> Vec<(&str, Range<usize>)> {
    let mut found: Vec<(&str, Range<usize>)> = Vec::new();
    let mut next = 0;
    for piece in text.split_inclusive(SEPARATORS) {
        let start = next;
        next += piece.len();
        let end = start + piece.trim_end_matches(SEPARATORS).trim_end().len();
        match (attribute(piece), found.last_mut()) {
            (Some((name, value)), _) => {
                let place = next - value.trim_start().len();
                found.push((name, place.min(end)..end));
            }
            (None, Some((_, place))) => place.end = end,
            (None, None) => {}
        }
    }
    found
}

/// `CN` and what follows the sign.
fn attribute(piece: &str) -> Option<(&str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || ".()-".contains(c);
    let (name, value) = piece.split_once('=')?;
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().all(is_name);
    fits.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_until_the_next_attribute() {
        for (text, due) in [
            ("CN=sql01", vec![("CN", "sql01")]),
            (
                "CN=sql01.corp.example, O=Some Company, Inc., OU=A+B + L=K\u{f6}ln,C=DE",
                vec![
                    ("CN", "sql01.corp.example"),
                    ("O", "Some Company, Inc."),
                    ("OU", "A+B"),
                    ("L", "K\u{f6}ln"),
                    ("C", "DE"),
                ],
            ),
            (
                "OID(1.2.840.113549.1.9.1)= a@b ; E=",
                vec![("OID(1.2.840.113549.1.9.1)", "a@b"), ("E", "")],
            ),
            ("backup of Contoso, 2024", vec![]),
            ("/C=DE/O=Contoso", vec![]),
            ("", vec![]),
        ] {
            let found = attributes(text).into_iter();
            let found: Vec<(&str, &str)> = found.map(|(name, at)| (name, &text[at])).collect();
            assert_eq!(found, due, "{text}");
        }
    }
}
