//! Server text made harmless and honest: what a terminal or a browser would obey, hide or reorder
//! becomes an escape that can be seen.

use std::fmt::Write as _;

/// Characters that control, format or are shown as nothing, as inclusive ranges in order: the
/// general categories Cc, Cf, Zl and Zp and the property Default_Ignorable_Code_Point of Unicode 17.
/// A right-to-left override can make one name look like another, and a zero-width space can make two
/// names look the same.
const HIDDEN: &[(u32, u32)] = &[
    (0x00, 0x1f),
    (0x7f, 0x9f),
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x600, 0x605),
    (0x61c, 0x61c),
    (0x6dd, 0x6dd),
    (0x70f, 0x70f),
    (0x890, 0x891),
    (0x8e2, 0x8e2),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    // Most of what there is to look at, and there may be hundreds of megabytes.
    if (0x20..0x7f).contains(&code) {
        return false;
    }
    let next = HIDDEN.partition_point(|(first, _)| *first <= code);
    next > 0 && code <= HIDDEN[next - 1].1
}

/// The text with every control, bidi, zero-width and other format character as a visible escape:
/// `\n`, `\r`, `\t`, or `\u{202e}` with the code point in hex. Everything else, backslashes too, is
/// left as it is, so that ordinary names stay readable. The result has one line.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            hidden if is_hidden(hidden) => shown.extend(hidden.escape_unicode()),
            plain => shown.push(plain),
        }
    }
    shown
}

/// A JSON text with every such character but its own line feeds as a JSON escape: still the same
/// JSON, with nothing in it that is obeyed or hidden.
pub fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_hidden(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}"); // writing to a string cannot fail
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_in_order_and_apart() {
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
        assert!(HIDDEN.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
    }

    #[test]
    fn escapes_are_the_documented_ones() {
        for (text, shown) in [
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            (
                "\u{202e}sql\u{2066}x\u{2069}",
                "\\u{202e}sql\\u{2066}x\\u{2069}",
            ),
            ("a\u{200b}b\u{feff}c\u{ad}", "a\\u{200b}b\\u{feff}c\\u{ad}"),
            ("\u{9b}2J\u{0}", "\\u{9b}2J\\u{0}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn names_of_all_languages_stay() {
        for name in [
            r"CORP\svc",
            "Größe",
            "שלום",
            "数据库",
            "O'Neil ]] \"x\"",
            "a\\u{202e}",
        ] {
            assert_eq!(visible(name), name);
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let row =
            serde_json::json!({ "name": "a\u{202e}b\u{7f}\u{e0041}\u{1b}\n", "n": [1, null] });
        let shown = visible_json(&serde_json::to_string_pretty(&row).unwrap());
        assert!(shown.contains(r"a\u202eb\u007f\udb40\udc41\u001b\n"));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            row
        );
    }

    // The strategies' character classes come from regex-syntax's own copy of the Unicode tables.
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_hidden_character_becomes_ascii(
            text in r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]{1,20}"
        ) {
            prop_assert!(visible(&text).chars().all(|c| c.is_ascii_graphic()));
        }

        #[test]
        fn every_other_assigned_character_stays(
            text in r"[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}--\p{Default_Ignorable_Code_Point}]{0,20}"
        ) {
            prop_assert_eq!(visible(&text), text);
        }

        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_hidden(c)));
            prop_assert_eq!(visible(&shown), shown);
        }

        #[test]
        fn printable_ascii_stays(text in "[ -~]*") {
            prop_assert_eq!(visible(&text), text);
        }
    }
}
