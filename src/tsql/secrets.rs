//! Secrets that authors left in their code: masked before the code, or a command that it builds, is shown.

mod calls;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex_lite::{Captures, Regex};

use super::command_secrets;

/// What stands in a secret's place.
const MASK: &str = "***";

/// Where secrets stand: words of which each match has one, in lower case, and the pattern. Its group `secret` is
/// replaced; the rest stays.
const PATTERNS: &[(&[&str], &str)] = &[
    // PASSWORD = '…', SECRET = N'…', @rmtpassword = '…', MEDIAPASSWORD = '…', ENCRYPTION BY PASSWORD = '…'
    (
        NAMES,
        r"(?i)(?:password|passwd|passphrase|secret|pwd)\s*=\s*N?'(?P<secret>(?:[^']|'')+)(?:'|$)",
    ),
    // The same in text inside text, where quotes are doubled.
    (
        NAMES,
        r"(?i)(?:password|passwd|passphrase|secret|pwd)\s*=\s*N?''(?P<secret>(?:[^']|'''')+)(?:''|$)",
    ),
    // Texts in double quotes, where QUOTED_IDENTIFIER is off.
    (
        NAMES,
        r#"(?i)(?:password|passwd|passphrase|secret|pwd)\s*=\s*"(?P<secret>[^"]+)(?:"|$)"#,
    ),
    (&["password"], r"(?i)PASSWORD\s*=\s*(?P<secret>0x[0-9a-f]+)"),
    // CREATE SYMMETRIC KEY … WITH KEY_SOURCE = '…': who knows it makes the same key.
    (
        &["key_source"],
        r"(?i)\bKEY_SOURCE\s*=\s*N?'(?P<secret>(?:[^']|'')+)(?:'|$)",
    ),
    (
        &["key_source"],
        r"(?i)\bKEY_SOURCE\s*=\s*N?''(?P<secret>(?:[^']|'''')+)(?:''|$)",
    ),
    // Connection strings, keys of storage accounts and the like.
    (
        &["password", "pwd"],
        r#"(?i)[;'"]\s*(?:password|pwd)\s*=\s*(?P<secret>[^'";\s][^'";]*)"#,
    ),
    (
        &["key", "sharedaccess", "token", "secret"],
        r#"(?i)\b(?:accountkey|sharedaccesskey|sharedaccesssignature|access[_-]?token|api[_-]?key|client[_-]?secret)\s*=\s*(?P<secret>[^'";\s]+)"#,
    ),
    (&["sig="], r"(?i)[?&]sig=(?P<secret>[^&'\s]+)"),
    (
        &["bearer", "basic"],
        r"(?i)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9+/=._~-]{8,})",
    ),
    // OPENROWSET('provider', 'server';'user';'password', …
    (
        &["openrowset"],
        r"(?i)OPENROWSET\s*\(\s*'[^']*'\s*,\s*'[^']*'\s*;\s*'[^']*'\s*;\s*'(?P<secret>[^']*)'",
    ),
    // sqlcmd, osql, isql, bcp -P …; psexec -p …; net use … /user:… …
    (
        &["sqlcmd", "osql", "isql", "bcp"],
        r#"(?i)\b(?:sqlcmd|osql|isql|bcp)(?:\.exe)?\b[^\r\n]*?\s-P\s*(?P<secret>"[^"]*"|[^\s"']+)"#,
    ),
    (
        &["psexec", "plink", "pscp", "winscp", "curl", "wget"],
        r#"(?i)\b(?:psexec|plink|pscp|winscp|curl|wget)(?:64)?(?:\.exe|\.com)?\b[^\r\n]*?\s(?:-p|-pw|--password)[\s=]+(?P<secret>"[^"]*"|[^\s"']+)"#,
    ),
    (
        &["/user:"],
        r#"(?i)\bnet\s+use\b[^\r\n]*?/user:\S+\s+(?P<secret>"[^"]*"|[^\s"'/]+)"#,
    ),
    (
        &["/user:"],
        r#"(?i)\bnet\s+use\s+(?:[a-z*]:?\s+)?\\\\\S+\s+(?P<secret>"[^"]*"|[^\s"'/]+)\s+/user:"#,
    ),
    (
        &["/add"],
        r#"(?i)\bnet\s+user\s+\S+\s+(?P<secret>"[^"]*"|[^\s"'/]+)\s+/add"#,
    ),
    (
        &["/pass:"],
        r#"(?i)\bcmdkey\b[^\r\n]*?/pass:(?P<secret>"[^"]*"|[^\s"']+)"#,
    ),
    (
        &["schtasks", "wmic", "runas"],
        r#"(?i)\b(?:schtasks|wmic|runas)\b[^\r\n]*?(?:/rp|/password:?)\s*(?P<secret>"[^"]*"|[^\s"']+)"#,
    ),
    (
        &["convertto-securestring"],
        r#"(?i)ConvertTo-SecureString\s+(?:-String\s+)?["']{1,2}(?P<secret>[^"']+)["']"#,
    ),
];

/// What a secret is assigned to.
const NAMES: &[&str] = &["password", "passwd", "passphrase", "secret", "pwd"];

struct Secrets {
    /// Finds the words of all patterns at once, which is much faster than trying each pattern.
    words: AhoCorasick,
    /// For each word the place of its pattern.
    patterns_of_words: Vec<usize>,
    patterns: Vec<Regex>,
}

static SECRETS: LazyLock<Option<Secrets>> = LazyLock::new(|| {
    let all = || PATTERNS.iter().chain(command_secrets::PATTERNS);
    let pairs = all().enumerate();
    let pairs = pairs.flat_map(|(place, (words, _))| words.iter().map(move |word| (place, word)));
    let (patterns_of_words, words): (Vec<usize>, Vec<&str>) = pairs.unzip();
    let patterns = all().map(|(_, pattern)| Regex::new(pattern));
    let mut builder = AhoCorasick::builder();
    Some(Secrets {
        words: builder.ascii_case_insensitive(true).build(words).ok()?,
        patterns_of_words,
        patterns: patterns.collect::<Result<_, _>>().ok()?,
    })
});

impl Secrets {
    /// The patterns that may match, in their order.
    fn candidates(&self, text: &str) -> impl Iterator<Item = &Regex> {
        let mut may_match = vec![false; self.patterns.len()];
        for found in self.words.find_overlapping_iter(text) {
            let place = self.patterns_of_words.get(found.pattern().as_usize());
            if let Some(may) = place.and_then(|place| may_match.get_mut(*place)) {
                *may = true;
            }
        }
        let patterns = self.patterns.iter().zip(may_match);
        patterns.filter_map(|(pattern, may)| may.then_some(pattern))
    }
}

/// The text with `***` for every secret that is recognised. It is for showing only: judgement reads the text itself.
pub fn mask_secrets(text: &str) -> Cow<'_, str> {
    let (Some(secrets), Some(given)) = (SECRETS.as_ref(), calls::secrets(text)) else {
        return Cow::Borrowed(MASK);
    };
    let mut shown = with_masks(text, &given);
    for pattern in secrets.candidates(text) {
        let masked = pattern.replace_all(&shown, |found: &Captures<'_>| {
            let (Some(whole), Some(secret)) = (found.get(0), found.name("secret")) else {
                return MASK.to_owned();
            };
            let before = shown.get(whole.start()..secret.start()).unwrap_or_default();
            let after = shown.get(secret.end()..whole.end()).unwrap_or_default();
            format!("{before}{MASK}{after}")
        });
        if let Cow::Owned(masked) = masked {
            shown = Cow::Owned(masked);
        }
    }
    shown
}

/// The text with the mask in these places, which are in order.
fn with_masks<'t>(text: &'t str, places: &[Range<usize>]) -> Cow<'t, str> {
    let (mut shown, mut done) = (String::new(), 0);
    for place in places.iter().filter(|place| !place.is_empty()) {
        // A call within a secret of another.
        if place.start < done {
            continue;
        }
        shown.push_str(text.get(done..place.start).unwrap_or_default());
        shown.push_str(MASK);
        done = place.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(shown)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert!(SECRETS.is_some());
    }

    #[test]
    fn every_match_has_a_word_of_its_pattern() {
        let secrets = SECRETS.as_ref().unwrap();
        for (text, _) in MASKED {
            for pattern in secrets.patterns.iter().filter(|p| p.is_match(text)) {
                let mut candidates = secrets.candidates(text);
                let is_candidate = candidates.any(|c| c.as_str() == pattern.as_str());
                assert!(is_candidate, "{text} {pattern}");
            }
        }
    }

    /// Text, and what is shown of it. Every secret is `hunter2` or `hunter''2`.
    const MASKED: &[(&str, &str)] = &[
        (
            "CREATE LOGIN a WITH PASSWORD = 'hunter2', CHECK_POLICY = OFF",
            "CREATE LOGIN a WITH PASSWORD = '***', CHECK_POLICY = OFF",
        ),
        (
            "WITH PASSWORD=N'hunter''2' MUST_CHANGE",
            "WITH PASSWORD=N'***' MUST_CHANGE",
        ),
        (
            "EXEC('CREATE LOGIN a WITH PASSWORD = ''hunter2''')",
            "EXEC('CREATE LOGIN a WITH PASSWORD = ''***''')",
        ),
        ("PASSWORD = 0x0200abcdef HASHED", "PASSWORD = *** HASHED"),
        ("@rmtpassword = N'hunter2'", "@rmtpassword = N'***'"),
        (
            "ENCRYPTION BY PASSWORD = 'hunter2'",
            "ENCRYPTION BY PASSWORD = '***'",
        ),
        (
            "CREATE CREDENTIAL c WITH IDENTITY = 'i', SECRET = 'hunter2'",
            "CREATE CREDENTIAL c WITH IDENTITY = 'i', SECRET = '***'",
        ),
        (
            "'Server=s;User Id=sa;Password=hunter2;Database=d'",
            "'Server=s;User Id=sa;Password=***;Database=d'",
        ),
        ("'Server=s;uid=sa;pwd=hunter2'", "'Server=s;uid=sa;pwd=***'"),
        (
            "OPENROWSET('SQLNCLI', 'srv';'sa';'hunter2', 'SELECT 1')",
            "OPENROWSET('SQLNCLI', 'srv';'sa';'***', 'SELECT 1')",
        ),
        (
            "sqlcmd -S s -U sa -P hunter2 -Q \"SELECT 1\"",
            "sqlcmd -S s -U sa -P *** -Q \"SELECT 1\"",
        ),
        ("bcp t out f -Uu -Phunter2 -c", "bcp t out f -Uu -P*** -c"),
        (
            "net use Z: \\\\srv\\share hunter2 /user:dom\\u",
            "net use Z: \\\\srv\\share *** /user:dom\\u",
        ),
        (
            "net use \\\\srv\\share /user:dom\\u hunter2",
            "net use \\\\srv\\share /user:dom\\u ***",
        ),
        ("net user evil hunter2 /add", "net user evil *** /add"),
        (
            "https://x.blob.core.windows.net/c?sv=1&sig=hunter2%3D&se=2",
            "https://x.blob.core.windows.net/c?sv=1&sig=***&se=2",
        ),
        (
            "Authorization: Bearer hunter2hunter2",
            "Authorization: Bearer ***",
        ),
        (
            "AccountKey=hunter2==;EndpointSuffix=x",
            "AccountKey=***;EndpointSuffix=x",
        ),
        (
            "ConvertTo-SecureString 'hunter2' -AsPlainText",
            "ConvertTo-SecureString '***' -AsPlainText",
        ),
        (
            "EXEC sp_addlogin 'u', 'hunter2'",
            "EXEC sp_addlogin 'u', '***'",
        ),
        (
            "EXEC master..sp_addlinkedsrvlogin 'L','false',NULL,'u','hunter2'",
            "EXEC master..sp_addlinkedsrvlogin 'L','false',NULL,'u','***'",
        ),
        (
            "EXEC @rc = [sys].[sp_setapprole] N'r', N'hunter''2', @cookie = @c OUTPUT",
            "EXEC @rc = [sys].[sp_setapprole] N'r', N'***', @cookie = @c OUTPUT",
        ),
        (
            "sp_change_users_login 'Auto_Fix', 'u', NULL, 'hunter2'",
            "sp_change_users_login 'Auto_Fix', 'u', NULL, '***'",
        ),
        (
            "exec sp_approlepassword /* 'a', */ 'r' -- ,'b'\n , \"hunter2\"",
            "exec sp_approlepassword /* 'a', */ 'r' -- ,'b'\n , \"***\"",
        ),
        ("EXEC sp_addapprole r, hunter2", "EXEC sp_addapprole r, ***"),
        (
            "EXEC sp_addapprole '', 'hunter2', 'x'",
            "EXEC sp_addapprole '', '***', 'x'",
        ),
        (
            "EXEC sp_password @new = 'hunter2', @loginame = 'u', @old = 'hunter2'",
            "EXEC sp_password @new = '***', @loginame = 'u', @old = '***'",
        ),
        (
            "EXEC sp_password 'hunter2', 'hunter2', 'u'",
            "EXEC sp_password '***', '***', 'u'",
        ),
        (
            "EXEC('EXEC sp_addlogin ''u'', ''hunter2''')",
            "EXEC('EXEC sp_addlogin ''u'', ''***''')",
        ),
        (
            "EXEC('EXEC(''sp_addlogin ''''u'''', ''''hunter2'''', ''''d'''''')')",
            "EXEC('EXEC(''sp_addlogin ''''u'''', ''''***'''', ''''d'''''')')",
        ),
        (
            "{call sp_adddistpublisher('p', @db, 0, 'sa', 'hunter2', 'd')}",
            "{call sp_adddistpublisher('p', @db, 0, 'sa', '***', 'd')}",
        ),
        (
            "EXEC sp_changesubscription 'p','all','s','d','subscriber_password','hunter2'",
            "EXEC sp_changesubscription 'p','all','s','d','subscriber_password','***'",
        ),
        (
            "SELECT EncryptByPassPhrase('hunter2', @v), PWDCOMPARE(N'hunter2', h)",
            "SELECT EncryptByPassPhrase('***', @v), PWDCOMPARE(N'***', h)",
        ),
        (
            "EXEC sp_addlogin 'u', 'hunter2",
            "EXEC sp_addlogin 'u', '***",
        ),
        (
            "ALTER LOGIN u WITH PASSWORD = \"hunter2\" OLD_PASSWORD = \"hunter2\"",
            "ALTER LOGIN u WITH PASSWORD = \"***\" OLD_PASSWORD = \"***\"",
        ),
        (
            "OPEN MASTER KEY DECRYPTION BY PASSWORD = 'hunter2'",
            "OPEN MASTER KEY DECRYPTION BY PASSWORD = '***'",
        ),
        (
            "WITH ALGORITHM = AES_256, KEY_SOURCE = 'hunter2', IDENTITY_VALUE = 'i'",
            "WITH ALGORITHM = AES_256, KEY_SOURCE = '***', IDENTITY_VALUE = 'i'",
        ),
        (
            "EXEC('… KEY_SOURCE = ''hunter2''')",
            "EXEC('… KEY_SOURCE = ''***''')",
        ),
        (
            "cmdkey /add:s /user:u /pass:hunter2",
            "cmdkey /add:s /user:u /pass:***",
        ),
    ];

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (text, shown) in MASKED {
            assert_eq!(mask_secrets(text), *shown, "{text}");
        }
    }

    #[test]
    fn code_without_secrets_stays_as_it_is() {
        for text in [
            "WHERE password_hash IS NULL",
            "SELECT @password = password FROM dbo.users",
            "EXEC xp_cmdshell 'dir c:\\temp'",
            "dir /p c:\\pwd",
            "-- the password is rotated by the vault",
            "-- sp_password in this text keeps it out of traces; see sp_addlogin, sp_setapprole",
            "EXEC sp_addlogin @name, @password",
            "EXEC dbo.my_sp_addlogin 'u', 'p'; EXEC sp_addlogin_2 'u', 'p'",
            "EXEC sp_changesubscription 'p','all','s','d','sync_type','automatic'",
            "EXEC sp_setapprole 'r', NULL",
        ] {
            assert_eq!(mask_secrets(text), text);
        }
    }
}
