//! Words for what the assessment holds as codes, and server names made fit to stand in a sentence.

use crate::ids::release;
use crate::report::visible;
use crate::rules::{Place, Subject};
use crate::snapshot::Encryption;

/// `2019` for `15.0.4345.5`; the number itself where it has no name here.
pub fn version_name(product_version: &str) -> String {
    let named = release(product_version);
    named.map_or_else(|| visible(product_version), str::to_owned)
}

/// `Enterprise` for `Enterprise Edition: Core-based Licensing (64-bit)`.
pub fn edition_name(edition: &str) -> String {
    visible(edition.split(" Edition").next().unwrap_or(edition))
}

/// `25`, or `25–65` where what was not seen may add to it.
pub fn interval(low: u32, high: u32) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}–{high}")
    }
}

/// Points that may be taken off.
pub fn signed(low: i32, high: i32) -> String {
    let one = |points: i32| points.to_string().replace('-', "−");
    if low == high {
        one(low)
    } else {
        format!("{} to {}", one(low), one(high))
    }
}

/// `1 instance`, `2 instances`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{count} {noun}")
}

/// A JSON word for people: `not_collected` becomes `not collected`.
pub fn spaced(word: &str) -> String {
    visible(&word.replace('_', " "))
}

/// A server name for a sentence: as it is where it reads as one word, else in double quotes with
/// those inside doubled, so that a name cannot pass for the words around it.
pub fn quoted(name: &str) -> String {
    let shown = visible(name);
    let is_word = |c: char| c.is_alphanumeric() || "_-.\\$#@/".contains(c);
    if !shown.is_empty() && shown.chars().all(is_word) {
        shown
    } else {
        format!("\"{}\"", shown.replace('"', "\"\""))
    }
}

/// `module dbo.Purge in database Sales`.
pub fn subject(subject: &Subject) -> String {
    let kind = spaced(&subject.kind);
    let place = subject.database.as_ref().map(|d| quoted(d.as_str()));
    match (subject.name.as_deref().map(quoted), place) {
        (Some(name), Some(place)) => format!("{kind} {name} in database {place}"),
        (Some(name), None) | (None, Some(name)) => format!("{kind} {name}"),
        (None, None) => kind,
    }
}

/// `line 12, column 3`.
pub fn place(place: &Place) -> String {
    format!("line {}, column {}", place.line, place.column)
}

/// How a text comes to what it reaches.
const HOWS: &[(&str, &str)] = &[
    ("direct", "in the module's own code"),
    ("dynamic_literal", "inside a text that is executed"),
    (
        "dynamic_concat",
        "in a text that is executed, its name put together from pieces",
    ),
    ("synonym", "by a synonym"),
    (
        "via_variable_proc_name",
        "by a variable that holds the name",
    ),
    ("via_module", "by a call of another module"),
];

/// The words for a `how`.
pub fn how(word: &str) -> String {
    let named = HOWS.iter().find(|(how, _)| *how == word);
    named.map_or_else(|| spaced(word), |(_, words)| (*words).to_owned())
}

/// Whether a caller or data decides what is run.
pub fn taint(tainted: Option<bool>) -> &'static str {
    match tainted {
        Some(true) => "a parameter or data flows into what is run",
        Some(false) => "neither a parameter nor data flows into what is run",
        None => "whether a parameter or data flows into what is run cannot be told",
    }
}

/// The TLS mode asked for, and whether it leaves data readable on the way.
pub fn encryption(mode: Encryption) -> (&'static str, bool) {
    match mode {
        Encryption::Strict => ("TLS before anything else (strict)", false),
        Encryption::Required => ("TLS for everything", false),
        Encryption::LoginOnly => ("TLS for the login only; the facts travelled readable", true),
        Encryption::Off => ("none; login and facts travelled readable", true),
    }
}

/// The first few of a list, and how many more there are.
pub fn first_of(items: &[String], most: usize) -> String {
    first_of_all(items, most, 0)
}

/// The same of a list that itself leaves some out.
pub fn first_of_all(items: &[String], most: usize, left_out: usize) -> String {
    let shown = items
        .iter()
        .take(most)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match items.len().saturating_sub(most) + left_out {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DatabaseName;

    #[test]
    fn versions_and_editions_are_short() {
        assert_eq!(version_name("15.0.4345.5"), "2019");
        assert_eq!(version_name("10.50.1600.1"), "10.50.1600.1");
        assert_eq!(version_name("\u{1b}[2J"), "\\u{1b}[2J");
        for (edition, name) in [
            (
                "Enterprise Edition: Core-based Licensing (64-bit)",
                "Enterprise",
            ),
            ("Express Edition with Advanced Services (64-bit)", "Express"),
            (
                "Enterprise Evaluation Edition (64-bit)",
                "Enterprise Evaluation",
            ),
            (
                "Azure SQL Edge Developer (64-bit)",
                "Azure SQL Edge Developer (64-bit)",
            ),
        ] {
            assert_eq!(edition_name(edition), name);
        }
    }

    #[test]
    fn a_name_cannot_pass_for_the_words_around_it() {
        let sales = DatabaseName::new("Sales");
        let plain = Subject::within("module", &sales, "dbo.Purge");
        assert_eq!(subject(&plain), "module dbo.Purge in database Sales");
        let posing = Subject::within("module", &sales, "dbo.p in database master");
        assert_eq!(
            subject(&posing),
            "module \"dbo.p in database master\" in database Sales"
        );
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(
            subject(&Subject::server("extended_procedure", "xp_x")),
            "extended procedure xp_x"
        );
        assert_eq!(subject(&Subject::instance()), "instance");
    }

    #[test]
    fn every_way_to_a_sink_has_words() {
        use crate::tsql::How;
        for word in [
            How::Direct,
            How::DynamicLiteral,
            How::DynamicConcat,
            How::Synonym,
            How::ViaVariableProcName,
            How::ViaModule,
        ] {
            assert!(how(word.as_str()).contains(' '), "{word:?}");
        }
        assert_eq!(how("by_post"), "by post");
    }

    #[test]
    fn lists_say_how_much_they_leave_out() {
        let items = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        assert_eq!(first_of(&items, 3), "a, b, c");
        assert_eq!(first_of(&items, 1), "a and 2 more");
        assert_eq!(first_of_all(&items, 3, 2), "a, b, c and 2 more");
    }
}
