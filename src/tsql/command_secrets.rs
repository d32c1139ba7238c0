//! Where secrets stand in commands of other programs than SQL Server's, as they are put together in code and as hosts record
//! them.

/// As those of [`mask_secrets`](super::mask_secrets): words of which each match has one, and the pattern.
pub(super) const PATTERNS: &[(&[&str], &str)] = &[
    // --password=…, --password …, -Password '…', /password:…, --token=…
    (
        &["pass", "pwd", "token", "secret", "key"],
        r#"(?i)(?:^|[\s"'])(?:--?|/)(?:password|passwd|passphrase|pass|pwd|(?:access|auth|client)?[_-]?(?:token|secret)|api[_-]?key)(?:\s*[=:]\s*|\s+)(?P<secret>"[^"]*"|'[^']*'|[^\s"']+)"#,
    ),
    // curl -u user:…
    (
        &["curl"],
        r#"(?i)\bcurl(?:\.exe)?\b[^\r\n]*?\s(?:-u|--user|--proxy-user)[\s=]*["']?[^\s:"']+:(?P<secret>[^\s"']+)"#,
    ),
    // http://user:…@host
    (
        &["://"],
        r#"(?i)[a-z][a-z0-9+.-]*://[^\s/:@"']*:(?P<secret>[^\s/"']+)@"#,
    ),
    // ConvertTo-SecureString … without quotation marks, and with its switches before it.
    (
        &["convertto-securestring"],
        r#"(?i)ConvertTo-SecureString(?:\s+-(?:AsPlainText|Force))*\s+(?:-String\s+)?(?P<secret>[^\s"'$(-][^\s"']*)"#,
    ),
    (
        &["convertto-securestring"],
        r#"(?i)ConvertTo-SecureString(?:\s+-(?:AsPlainText|Force))+\s+(?:-String\s+)?["']{1,2}(?P<secret>[^"']+)["']"#,
    ),
    (
        &["convertto-securestring"],
        r#"(?i)["'](?P<secret>[^"']+)["']\s*\|\s*ConvertTo-SecureString"#,
    ),
];

#[cfg(test)]
mod tests {
    use super::super::mask_secrets;

    /// Every secret is `hunter2`.
    const MASKED: &[(&str, &str)] = &[
        ("x --password=hunter2 -v", "x --password=*** -v"),
        ("x --password \"hunter2\"", "x --password ***"),
        ("x /pwd:hunter2", "x /pwd:***"),
        ("x -Password 'hunter2'", "x -Password ***"),
        ("x --client-secret=hunter2", "x --client-secret=***"),
        (
            "curl -u admin:hunter2 http://x",
            "curl -u admin:*** http://x",
        ),
        (
            "curl -s --user \"a:hunter2\" x",
            "curl -s --user \"a:***\" x",
        ),
        (
            "curl http://u:hunter2@host/a?b@c",
            "curl http://u:***@host/a?b@c",
        ),
        (
            "git clone ssh://u:hunt@er2@host/",
            "git clone ssh://u:***@host/",
        ),
        (
            "ConvertTo-SecureString hunter2 -AsPlainText",
            "ConvertTo-SecureString *** -AsPlainText",
        ),
        (
            "ConvertTo-SecureString -AsPlainText -Force -String hunter2",
            "ConvertTo-SecureString -AsPlainText -Force -String ***",
        ),
        (
            "ConvertTo-SecureString -AsPlainText 'hunter2' -Force",
            "ConvertTo-SecureString -AsPlainText '***' -Force",
        ),
        (
            "'hunter2' | ConvertTo-SecureString",
            "'***' | ConvertTo-SecureString",
        ),
    ];

    #[test]
    fn secrets_of_commands_are_masked_and_the_rest_stays() {
        for (text, shown) in MASKED {
            assert_eq!(mask_secrets(text), *shown, "{text}");
        }
    }

    #[test]
    fn commands_without_secrets_stay_as_they_are() {
        for text in [
            "curl -s http://host:8080/a",
            "http://host:8080/x",
            "net accounts /minpwlen:8",
            "x --passwordless",
            "-- the password is rotated by the vault",
            "ConvertTo-SecureString $text -AsPlainText",
            "ConvertTo-SecureString (Get-Content x)",
            "SELECT a -key FROM b",
        ] {
            assert_eq!(mask_secrets(text), text);
        }
    }
}
