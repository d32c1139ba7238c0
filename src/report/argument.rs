//! Values from servers and inventories as arguments of commands that people copy into a shell.

/// A value as one argument, the same in every shell: as it is, or between double quotes. None where that cannot be: with
/// what `sh`, PowerShell or `cmd` obey between double quotes, or where it would be taken for an option.
pub fn argument(value: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    // Letters of any script, and of what is left nothing ends quotes, escapes or stands for something else.
    let is_inert = |c: char| c.is_alphanumeric() || " .-_,:;/\\()[]{}=+#~&|<>*?^@'".contains(c);
    if value.is_empty() || value.starts_with('-') {
        return None;
    }
    if value.chars().all(is_plain) {
        return Some(value.to_owned());
    }
    // In `sh` a backslash takes the meaning of another and of the quote that ends.
    let is_whole = !value.contains("\\\\") && !value.ends_with('\\');
    (is_whole && value.chars().all(is_inert)).then(|| format!("\"{value}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_the_same_in_every_shell_or_none() {
        for (value, due) in [
            ("erp-prod", Some("erp-prod")),
            ("SQL01\\ERP_1", Some("\"SQL01\\ERP_1\"")),
            ("sql01,1433", Some("\"sql01,1433\"")),
            ("a; touch pwned #", Some("\"a; touch pwned #\"")),
            ("O'Hara & co", Some("\"O'Hara & co\"")),
            ("Żółw", Some("\"Żółw\"")),
            ("x`; touch pwned #", None),
            ("$(id)", None),
            ("%PATH%", None),
            ("a!b", None),
            ("a\" --output b", None),
            ("a“ b", None),
            ("a\\\\b", None),
            ("a\\", None),
            ("a\nb", None),
            ("a\u{202e}b", None),
            ("--help", None),
            ("", None),
        ] {
            assert_eq!(argument(value).as_deref(), due, "{value}");
        }
    }
}
