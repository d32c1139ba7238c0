//! Names inside sentences. Whoever can create an object chooses its name, and could choose one that reads
//! as our own words; so a name that is not plain stands in quotes, and everything outside quotes is ours.

/// A server's name as it stands in a message: as it is if it consists of ASCII letters, digits and
/// `_ . # $ @ \ -`, else in double quotes with `"` and `\` escaped. Digits alone stand in quotes too: they would be
/// taken for a number. Control and format characters stay; whoever shows the message makes them visible.
pub fn named(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.#$@\\-".contains(c);
    let is_number = name.chars().all(|c| c.is_ascii_digit());
    if !name.is_empty() && !is_number && name.chars().all(plain) {
        return name.to_owned();
    }
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_stand_as_they_are_and_others_in_quotes() {
        for (name, shown) in [
            ("dbo.usp_Refresh-2", "dbo.usp_Refresh-2"),
            (r"CORP\svc$", r"CORP\svc$"),
            ("##tmp@x", "##tmp@x"),
            ("", "\"\""),
            ("100234", "\"100234\""),
            ("100.234", "100.234"),
            (r"CORP\DBA Team", r#""CORP\\DBA Team""#),
            ("a\"b", r#""a\"b""#),
            ("Größe", "\"Größe\""),
            ("\u{430}dmin", "\"\u{430}dmin\""), // Cyrillic а
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(named(name), shown);
        }
    }

    /// The name that a quoted text stands for, and what follows it.
    fn read(shown: &str) -> Option<(String, &str)> {
        let mut name = String::new();
        let mut rest = shown.strip_prefix('"')?.chars();
        loop {
            match rest.next()? {
                '"' => return Some((name, rest.as_str())),
                '\\' => name.push(rest.next()?),
                c => name.push(c),
            }
        }
    }

    proptest! {
        #[test]
        fn no_name_ends_its_quotes(name in any::<String>(), after in "[\" a-z]*") {
            let message = format!("{}{after}", named(&name));
            if let Some((found, rest)) = read(&message) {
                prop_assert_eq!((found, rest), (name, after.as_str()));
            } else {
                prop_assert_eq!(named(&name), name);
            }
        }
    }
}
