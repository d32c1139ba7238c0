//! Secrets that calls give by position: `sp_addlinkedsrvlogin 'L', 'false', NULL, 'u', 'secret'`. No word stands beside
//! them, so that only the procedure's list of parameters says which they are.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// Which of a call's values is a secret.
enum Secret {
    /// That of a parameter: by place from 1, or by name, in lower case.
    At(usize, &'static str),
    /// The value at the second place, where the property at the first is a password.
    Of(usize, usize),
}

use Secret::{At, Of};

/// Procedures and functions of SQL Server that take a secret, by Microsoft's page on each.
const TAKERS: &[(&str, &[Secret])] = &[
    ("sp_addlogin", &[At(2, "@passwd")]),
    ("sp_password", &[At(1, "@old"), At(2, "@new")]),
    ("sp_addlinkedsrvlogin", &[At(5, "@rmtpassword")]),
    ("sp_addapprole", &[At(2, "@password")]),
    ("sp_setapprole", &[At(2, "@password")]),
    ("sp_approlepassword", &[At(2, "@newpwd")]),
    ("sp_change_users_login", &[At(4, "@password")]),
    ("sp_control_dbmasterkey_password", &[At(2, "@password")]),
    ("sp_xp_cmdshell_proxy_account", &[At(2, "@pwd")]),
    ("xp_sqlagent_proxy_account", &[At(4, "@password")]),
    ("sp_adddistributor", &[At(3, "@password")]),
    ("sp_changedistributor_password", &[At(1, "@password")]),
    ("sp_adddistpublisher", &[At(5, "@password")]),
    ("sp_changedistpublisher", &[Of(2, 3)]),
    ("sp_addsubscriber", &[At(4, "@password")]),
    ("sp_changesubscriber", &[At(4, "@password")]),
    ("sp_link_publication", &[At(6, "@password")]),
    ("sp_changesubscription", &[Of(5, 6)]),
    ("sp_changemergesubscription", &[Of(4, 5)]),
    ("sp_change_subscription_properties", &[Of(4, 5)]),
    (
        "sp_addpublication_snapshot",
        &[At(15, "@publisher_password"), At(17, "@job_password")],
    ),
    (
        "sp_addlogreader_agent",
        &[At(2, "@job_password"), At(6, "@publisher_password")],
    ),
    (
        "sp_changelogreader_agent",
        &[At(2, "@job_password"), At(5, "@publisher_password")],
    ),
    ("sp_addqreader_agent", &[At(2, "@job_password")]),
    ("sp_changeqreader_agent", &[At(2, "@job_password")]),
    (
        "sp_addpushsubscription_agent",
        &[
            At(6, "@subscriber_password"),
            At(8, "@job_password"),
            At(21, "@dts_package_password"),
        ],
    ),
    (
        "sp_addpullsubscription_agent",
        &[
            At(8, "@subscriber_password"),
            At(13, "@distributor_password"),
            At(31, "@ftp_password"),
            At(37, "@dts_package_password"),
            At(44, "@job_password"),
        ],
    ),
    (
        "sp_addmergepushsubscription_agent",
        &[
            At(6, "@subscriber_password"),
            At(9, "@publisher_password"),
            At(11, "@job_password"),
        ],
    ),
    (
        "sp_addmergepullsubscription_agent",
        &[
            At(7, "@publisher_password"),
            At(13, "@subscriber_password"),
            At(17, "@distributor_password"),
            At(35, "@ftp_password"),
            At(48, "@internet_password"),
            At(53, "@job_password"),
        ],
    ),
    (
        "sp_add_log_shipping_primary_database",
        &[At(9, "@monitor_server_password")],
    ),
    (
        "sp_change_log_shipping_primary_database",
        &[At(7, "@monitor_server_password")],
    ),
    (
        "sp_add_log_shipping_secondary_primary",
        &[At(11, "@monitor_server_password")],
    ),
    (
        "sp_change_log_shipping_secondary_primary",
        &[At(8, "@monitor_server_password")],
    ),
    ("sysmail_add_account_sp", &[At(10, "@password")]),
    // The page has a @timeout in front of it that servers have behind it.
    (
        "sysmail_update_account_sp",
        &[At(11, "@password"), At(12, "@password")],
    ),
    ("pwdencrypt", &[At(1, "")]),
    ("pwdcompare", &[At(1, "")]),
    ("encryptbypassphrase", &[At(1, "")]),
    ("decryptbypassphrase", &[At(1, "")]),
    ("decryptbykeyautocert", &[At(2, "")]),
    ("decryptbykeyautoasymkey", &[At(2, "")]),
    ("decryptbycert", &[At(3, "")]),
    ("decryptbyasymkey", &[At(3, "")]),
    ("signbycert", &[At(3, "")]),
    ("signbyasymkey", &[At(3, "")]),
];

/// Bytes behind a name that are looked at, and values: a text that is made of names is read in bounded time.
const LONGEST_CALL: usize = 4 << 10;
const MOST_VALUES: usize = 60;
/// Values that are none.
const NONE: &[&str] = &["null", "default", "output", "out"];

static NAMES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    let names = TAKERS.iter().map(|(name, _)| name);
    builder.ascii_case_insensitive(true).build(names).ok()
});

/// One value of a call.
struct Argument {
    /// Of its parameter, in lower case, where the call says it.
    name: Option<String>,
    /// Where it stands, without its quotes.
    value: Range<usize>,
}

/// Where secrets stand that are given by position, in order; none where names cannot be looked for.
pub fn secrets(text: &str) -> Option<Vec<Range<usize>>> {
    let names = NAMES.as_ref()?;
    let mut found = Vec::new();
    for hit in names.find_overlapping_iter(text) {
        let Some((_, secrets)) = TAKERS.get(hit.pattern().as_usize()) else {
            continue;
        };
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$');
        let before = text.get(..hit.start()).and_then(|t| t.chars().next_back());
        let after = text.get(hit.end()..).unwrap_or_default();
        if before.is_some_and(is_word) || after.starts_with(is_word) {
            continue;
        }
        let arguments = arguments(text, hit.end());
        found.extend(
            secrets
                .iter()
                .flat_map(|secret| secret.values(text, &arguments)),
        );
    }
    found.sort_by_key(|range| (range.start, range.end));
    Some(found)
}

impl Secret {
    fn values(&self, text: &str, arguments: &[Argument]) -> Vec<Range<usize>> {
        let at = |place: usize, name: &str| {
            let placed = arguments.iter().zip(1..);
            let own = placed.filter(move |(argument, number)| match &argument.name {
                Some(own) => own == name,
                None => *number == place,
            });
            own.map(|(argument, _)| argument.value.clone()).collect()
        };
        match self {
            At(place, name) => at(*place, name),
            Of(property, value) => {
                let named: Vec<Range<usize>> = at(*property, "@property");
                let is_password = |range: &Range<usize>| {
                    let text = text.get(range.clone()).unwrap_or_default();
                    text.to_ascii_lowercase().contains("password")
                };
                if named.iter().any(is_password) {
                    at(*value, "@value")
                } else {
                    Vec::new()
                }
            }
        }
    }
}

/// The values behind a name, as far as they are ones.
fn arguments(text: &str, start: usize) -> Vec<Argument> {
    let mut end = text.len().min(start + LONGEST_CALL);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    let mut reading = Reading { text, at: start };
    let mut all = Vec::new();
    if !reading.opens() {
        return all;
    }
    while all.len() < MOST_VALUES
        && let Some(argument) = reading.argument()
    {
        all.push(argument);
        reading.skip_blanks();
        if !reading.take(",") {
            break;
        }
    }
    all
}

struct Reading<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reading<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, start: &str) -> bool {
        let is_there = self.rest().starts_with(start);
        self.at += if is_there { start.len() } else { 0 };
        is_there
    }

    fn take_while(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !is(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Blanks and comments.
    fn skip_blanks(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.take("/*") {
                self.at += self
                    .rest()
                    .find("*/")
                    .map_or(self.rest().len(), |end| end + 2);
            } else if self.take("--") {
                self.take_while(|c| c != '\n');
            } else {
                return;
            }
        }
    }

    /// What stands between a name and its values.
    fn opens(&mut self) -> bool {
        let end = self.at;
        if !self.take("]") {
            self.take("\"");
        }
        if self.take(";") {
            self.take_while(|c| c.is_ascii_digit());
        }
        self.skip_blanks();
        let is_apart = self.at > end || self.rest().starts_with(['\'', '"', '[']);
        self.take("(") || is_apart
    }

    fn argument(&mut self) -> Option<Argument> {
        self.skip_blanks();
        let mut name = None;
        if self.rest().starts_with('@') {
            let own = self.word();
            let end = self.at;
            self.skip_blanks();
            if self.take("=") {
                name = Some(own.to_lowercase());
                self.skip_blanks();
            } else {
                // A variable holds the value, and shows none.
                self.at = end;
                self.skip_blanks();
                self.out();
                return Some(Argument {
                    name,
                    value: end..end,
                });
            }
        }
        let value = self.value()?;
        self.skip_blanks();
        self.out();
        Some(Argument { name, value })
    }

    fn word(&mut self) -> &'t str {
        self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$' | '.' | '-'))
    }

    /// The word that says that a variable gets a value.
    fn out(&mut self) {
        let at = self.at;
        let word = self.word().to_ascii_lowercase();
        if word != "output" && word != "out" {
            self.at = at;
        }
    }

    fn value(&mut self) -> Option<Range<usize>> {
        let rest = self.rest();
        if rest.starts_with(['N', 'n']) && rest.get(1..2) == Some("'") {
            self.at += 1;
        }
        for (open, close) in [("\"", '"'), ("[", ']')] {
            if self.take(open) {
                let start = self.at;
                self.take_while(|c| c != close);
                let value = start..self.at;
                self.at += usize::from(!self.rest().is_empty());
                return Some(value);
            }
        }
        if self.rest().starts_with('\'') {
            return Some(self.quoted());
        }
        let start = self.at;
        let word = self.word();
        let is_none = NONE.iter().any(|none| none.eq_ignore_ascii_case(word));
        let end = self.at;
        self.skip_blanks();
        // A word of a sentence is followed by others.
        let ends = self.rest().is_empty() || self.rest().starts_with([',', ';', ')', '\'']);
        let is_last = ends
            || self
                .text
                .get(end..self.at)
                .is_some_and(|t| t.contains('\n'));
        self.at = end;
        if word.is_empty() || !(is_last || word.starts_with('@')) {
            return None;
        }
        Some(if is_none || word.starts_with('@') {
            end..end
        } else {
            start..end
        })
    }

    fn quotes(&self) -> usize {
        let rest = self.rest();
        rest.len() - rest.trim_start_matches('\'').len()
    }

    /// A text, whose quotes are two, four … where it stands within other texts.
    fn quoted(&mut self) -> Range<usize> {
        let run = self.quotes();
        let behind = self
            .text
            .get(self.at + run..)
            .unwrap_or_default()
            .trim_start();
        if run.is_multiple_of(2) && (behind.is_empty() || behind.starts_with([',', ';', ')', '\n']))
        {
            self.at += run;
            return self.at..self.at;
        }
        // The lowest bit: what is more are quotes within the text.
        let width = run & run.wrapping_neg();
        self.at += width;
        let start = self.at;
        loop {
            self.take_while(|c| c != '\'');
            let run = self.quotes();
            let within = run - run % (2 * width);
            self.at += within;
            if run == 0 || run > within {
                let end = self.at;
                self.at += width.min(run - within);
                return start..end;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_taker_is_named_once_in_lower_case_with_places_that_are_read() {
        for (place, (name, secrets)) in TAKERS.iter().enumerate() {
            assert_eq!(*name, name.to_lowercase());
            assert!(
                TAKERS
                    .iter()
                    .skip(place + 1)
                    .all(|(other, _)| other != name),
                "{name}"
            );
            for secret in *secrets {
                let (last, parameter) = match secret {
                    At(at, parameter) => (*at, *parameter),
                    Of(property, value) => (*value.max(property), "@value"),
                };
                assert!((1..=MOST_VALUES).contains(&last), "{name}");
                let is_function =
                    !name.contains("sp_") && !name.contains("xp_") && !name.contains("_sp");
                assert!(parameter.is_empty() == is_function, "{name}");
                assert_eq!(parameter, parameter.to_lowercase());
            }
        }
    }

    #[test]
    fn each_taker_gives_its_secrets_by_place_and_by_name() {
        for (name, secrets) in TAKERS {
            for secret in *secrets {
                let At(place, parameter) = secret else {
                    continue;
                };
                let before = "1, ".repeat(place - 1);
                let mut texts = vec![format!("{name} ({before}'hunter2')")];
                if !parameter.is_empty() {
                    texts.push(format!("EXEC {name} @x = 1, {parameter}='hunter2'"));
                }
                for text in texts {
                    let found = super::secrets(&text).unwrap();
                    let shown: Vec<&str> =
                        found.iter().filter_map(|r| text.get(r.clone())).collect();
                    assert!(shown.contains(&"hunter2"), "{text}: {shown:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_places_lie_in_it(
            text in "(sp_addlogin|sp_password|[ '\"\\[\\],;@=()N/*é-]|--|\n|ab){0,60}"
        ) {
            for place in secrets(&text).unwrap() {
                prop_assert!(text.get(place.clone()).is_some(), "{:?}", place);
            }
        }
    }

    #[test]
    fn a_text_made_of_names_is_read_in_bounded_time() {
        let start = std::time::Instant::now();
        for part in ["sp_addlogin /* ", "sp_addlogin [", "'sp_addlogin ',"] {
            super::secrets(&part.repeat(5_000)).unwrap();
        }
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
