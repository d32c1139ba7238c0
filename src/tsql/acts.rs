//! A statement as an audit records it: which procedures it calls with which values, and who is granted what. A record
//! holds one statement that ran, so that this reads only what stands in it as it is written: a value that a variable
//! holds is not known, and text inside strings is no code.

use super::code::{Code, Name};
use super::lexer::{LONGEST, TokenKind};
use super::source::Source;

/// What a statement does by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Acts {
    /// Calls of procedures, in order.
    pub calls: Vec<ActCall>,
    /// GRANT, DENY and REVOKE, in order.
    pub grants: Vec<ActGrant>,
}

/// A call as it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct ActCall {
    /// One to four parts without delimiters; a part left out is empty.
    pub callee: Vec<String>,
    /// What is passed, in order.
    pub arguments: Vec<ActArgument>,
}

/// An argument as it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct ActArgument {
    /// The parameter's name with `@`, where it is given by name.
    pub name: Option<String>,
    /// The value; `None` of a variable.
    pub value: Option<String>,
}

/// What is done to permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantAct {
    /// GRANT.
    Grant,
    /// DENY.
    Deny,
    /// REVOKE.
    Revoke,
}

/// A permission as it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct ActPermission {
    /// Its name in upper case; `ALL` too.
    pub name: String,
    /// Whether it is of some columns alone.
    pub is_of_columns: bool,
}

/// A change of permissions as it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct ActGrant {
    /// Which of the three it is.
    pub act: GrantAct,
    /// Whether it is about the right to grant: WITH GRANT OPTION, or REVOKE GRANT OPTION FOR.
    pub grant_option: bool,
    /// The permissions.
    pub permissions: Vec<ActPermission>,
    /// The class before `::` in upper case, where one is written.
    pub class: Option<String>,
    /// The parts of the securable's name; empty where none is named.
    pub on: Vec<String>,
    /// Who gets or loses them.
    pub to: Vec<String>,
}

impl ActCall {
    /// The value that a parameter gets, by its name or its place.
    pub fn value(&self, parameter: &str, place: usize) -> Option<&str> {
        self.argument(parameter, place)?.value.as_deref()
    }

    /// What is passed for a parameter, by its name or its place.
    pub fn argument(&self, parameter: &str, place: usize) -> Option<&ActArgument> {
        let named = |argument: &&ActArgument| {
            let name = argument.name.as_deref();
            name.is_some_and(|name| name.eq_ignore_ascii_case(parameter))
        };
        let by_name = self.arguments.iter().find(named);
        let by_place = self.arguments.get(place).filter(|own| own.name.is_none());
        by_name.or(by_place)
    }
}

/// What a statement does by name. Of one that makes a module nothing: its body did not run. A text that is too long to be
/// read does nothing either.
pub fn acts(text: &str) -> Acts {
    let mut found = Acts::default();
    if text.len() > LONGEST {
        return found;
    }
    let code = Code::lex(Source::Outermost(text), true);
    if is_module(&code) {
        return found;
    }
    let mut at = 0;
    while at < code.len() {
        at = if code.is_word(at, &["exec", "execute"]) {
            called(&code, at + 1, &mut found)
        } else if let Some(act) = grant_act(&code, at).filter(|_| !is_option(&code, at)) {
            granted(&code, act, at + 1, &mut found)
        } else if at == 0 && code.keyword(0).is_none() {
            called(&code, 0, &mut found)
        } else {
            at + 1
        };
    }
    found
}

fn grant_act(code: &Code, at: usize) -> Option<GrantAct> {
    const ACTS: [(&str, GrantAct); 3] = [
        ("grant", GrantAct::Grant),
        ("deny", GrantAct::Deny),
        ("revoke", GrantAct::Revoke),
    ];
    let mut acts = ACTS.into_iter();
    acts.find(|(word, _)| code.is_word(at, &[word]))
        .map(|(_, act)| act)
}

/// WITH GRANT OPTION.
fn is_option(code: &Code, at: usize) -> bool {
    at > 0 && code.is_word(at - 1, &["with"])
}

/// Whether a statement makes or alters a module as a whole.
pub fn makes_module(text: &str) -> bool {
    text.len() <= LONGEST && is_module(&Code::lex(Source::Outermost(text), true))
}

fn is_module(code: &Code) -> bool {
    const KINDS: &[&str] = &["proc", "procedure", "function", "trigger", "view"];
    let or_alter = usize::from(code.is_word(1, &["or"])) * 2;
    code.is_word(0, &["create", "alter"]) && code.is_word(1 + or_alter, KINDS)
}

/// A call whose name, or the variable that takes its result, is at `at`; the token after it.
fn called(code: &Code, at: usize, found: &mut Acts) -> usize {
    let at = if code.is_variable(at) && code.is(at + 1, "=") {
        at + 2
    } else {
        at
    };
    let Some(name) = code.name(at) else {
        return at + 1;
    };
    let mut call = ActCall {
        callee: code.parts(name),
        arguments: Vec::new(),
    };
    let mut next = name.next;
    while next < code.len() && !ends(code, next) {
        let name =
            (code.is_variable(next) && code.is(next + 1, "=")).then(|| code.text(next).to_owned());
        next += if name.is_some() { 2 } else { 0 };
        let value = value(code, next);
        call.arguments.push(ActArgument { name, value });
        while next < code.len() && !ends(code, next) && !code.is(next, ",") {
            next += 1;
        }
        next += usize::from(code.is(next, ","));
    }
    found.calls.push(call);
    next.max(at + 1)
}

fn ends(code: &Code, at: usize) -> bool {
    let begins = |word: super::words::Keyword| word.begins_statement();
    code.is(at, ";") || code.keyword(at).is_some_and(begins)
}

/// A literal, or a word that stands for one.
fn value(code: &Code, at: usize) -> Option<String> {
    let written = code.text(at);
    match code.kind(at)? {
        TokenKind::String => {
            let inner = written.strip_prefix(['N', 'n']).unwrap_or(written);
            let quote = inner.chars().next()?;
            let inner = inner.strip_prefix(quote)?;
            let inner = inner.strip_suffix(quote).unwrap_or(inner);
            Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
        }
        TokenKind::Number | TokenKind::Binary | TokenKind::Word => Some(written.to_owned()),
        TokenKind::BracketedName | TokenKind::QuotedName => {
            let name = code.name(at)?;
            code.parts(name).pop()
        }
        TokenKind::Punctuation if written == "-" => Some(format!("-{}", code.text(at + 1))),
        _ => None,
    }
}

/// A change of permissions whose first permission is at `at`; the token after it.
fn granted(code: &Code, act: GrantAct, at: usize, found: &mut Acts) -> usize {
    let mut grant = ActGrant {
        act,
        grant_option: false,
        permissions: Vec::new(),
        class: None,
        on: Vec::new(),
        to: Vec::new(),
    };
    let mut next = at;
    if code.is_word(next, &["grant"]) && code.is_word(next + 1, &["option"]) {
        grant.grant_option = true;
        next += 3; // REVOKE GRANT OPTION FOR
    }
    next = permissions(code, next, &mut grant);
    if code.is_word(next, &["on"]) {
        next = securable(code, next + 1, &mut grant);
    }
    next += usize::from(code.is_word(next, &["to", "from"]));
    while let Some(name) = named(code, next) {
        grant.to.extend(code.parts(name).pop());
        next = name.next.max(next + 1);
        if !code.is(next, ",") {
            break;
        }
        next += 1;
    }
    grant.grant_option |= code.is_word(next, &["with"]) && code.is_word(next + 1, &["grant"]);
    found.grants.push(grant);
    next.max(at + 1)
}

fn ends_part(code: &Code, at: usize) -> bool {
    at >= code.len() || code.is(at, ";") || code.is_word(at, &["on", "to", "from"])
}

/// The permissions from `next` on; the token after them.
fn permissions(code: &Code, mut next: usize, grant: &mut ActGrant) -> usize {
    let (mut words, mut is_of_columns) = (Vec::new(), false);
    let mut add = |words: &mut Vec<String>, is_of_columns: &mut bool| {
        grant.permissions.push(ActPermission {
            name: std::mem::take(words).join(" "),
            is_of_columns: std::mem::take(is_of_columns),
        });
    };
    while !ends_part(code, next) {
        if code.is(next, ",") {
            add(&mut words, &mut is_of_columns);
        } else if code.is(next, "(") {
            is_of_columns = true;
            next = code.after_group(next).max(next + 1);
            continue;
        } else {
            words.push(code.text(next).to_ascii_uppercase());
        }
        next += 1;
    }
    add(&mut words, &mut is_of_columns);
    next
}

/// Class and name of what the permissions are on, from `next` on; the token after them.
fn securable(code: &Code, mut next: usize, grant: &mut ActGrant) -> usize {
    let mut words = Vec::new();
    while !ends_part(code, next) {
        if code.is(next, ":") {
            // What stood there was the class, of several words perhaps.
            if !words.is_empty() {
                grant.class = Some(std::mem::take(&mut words).join(" "));
            }
            next += 1;
        } else if code.is(next, "(") {
            // Columns may stand after the name as well.
            grant
                .permissions
                .iter_mut()
                .for_each(|own| own.is_of_columns = true);
            next = code.after_group(next).max(next + 1);
        } else if let Some(name) = named(code, next) {
            grant.on = code.parts(name);
            words.push(code.dotted(name).to_ascii_uppercase());
            next = name.next.max(next + 1);
        } else {
            next += 1;
        }
    }
    next
}

fn named(code: &Code, at: usize) -> Option<Name> {
    if at >= code.len() {
        None
    } else {
        code.name(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn call(text: &str) -> ActCall {
        let mut found = acts(text);
        assert_eq!(found.calls.len(), 1, "{text}");
        found.calls.pop().unwrap()
    }

    #[test]
    fn calls_have_the_values_that_are_written() {
        for text in [
            "EXEC sp_configure 'xp_cmdshell', 1",
            "sp_configure xp_cmdshell, 1;",
            "exec @r = [sys].sp_configure @configvalue = 1, @configname = N'xp_cmdshell' -- on",
        ] {
            let own = call(text);
            assert_eq!(own.callee.last().unwrap(), "sp_configure");
            assert_eq!(own.value("@configname", 0), Some("xp_cmdshell"), "{text}");
            assert_eq!(own.value("@configvalue", 1), Some("1"), "{text}");
        }
        let own = call("EXEC msdb.dbo.sp_add_job @job_name = N'it''s', @job_id = @id OUTPUT");
        assert_eq!(own.value("@job_name", 0), Some("it's"));
        assert_eq!(own.value("@job_id", 9), None);
        // A parameter that is named takes no place.
        assert_eq!(own.value("@other", 0), None);
    }

    #[test]
    fn text_and_bodies_that_did_not_run_are_no_calls() {
        for text in [
            "SELECT 'EXEC sp_configure ''xp_cmdshell'', 1'",
            "-- EXEC sp_configure 'xp_cmdshell', 1",
            "CREATE PROCEDURE p AS EXEC sp_configure 'xp_cmdshell', 1",
            "CREATE OR ALTER PROC p AS EXEC sp_configure 'xp_cmdshell', 1",
            "/* a */ ALTER TRIGGER t ON d AFTER INSERT AS EXEC p",
        ] {
            assert_eq!(acts(text), Acts::default(), "{text}");
        }
    }

    #[test]
    fn grants_name_permission_securable_and_who() {
        for (text, permissions, class, on, to) in [
            (
                "GRANT CONTROL SERVER, VIEW SERVER STATE TO [CORP\\x], y",
                &["CONTROL SERVER", "VIEW SERVER STATE"][..],
                None,
                &[][..],
                &["CORP\\x", "y"][..],
            ),
            (
                "GRANT SELECT (a, b) ON OBJECT::[dbo].[t] TO public WITH GRANT OPTION",
                &["SELECT (columns)"],
                Some("OBJECT"),
                &["dbo", "t"],
                &["public"],
            ),
            (
                "revoke grant option for impersonate on login::sa from y",
                &["IMPERSONATE"],
                Some("LOGIN"),
                &["sa"],
                &["y"],
            ),
            (
                "DENY SELECT ON t (a) TO y",
                &["SELECT (columns)"],
                None,
                &["t"],
                &["y"],
            ),
            (
                "GRANT CONTROL ON xml schema collection :: dbo.x TO y",
                &["CONTROL"],
                Some("XML SCHEMA COLLECTION"),
                &["dbo", "x"],
                &["y"],
            ),
        ] {
            let found = acts(text).grants;
            assert_eq!(found.len(), 1, "{text}");
            let own = found.first().unwrap();
            let shown = own.permissions.iter().map(|own| {
                let of = if own.is_of_columns { " (columns)" } else { "" };
                format!("{}{of}", own.name)
            });
            assert_eq!(shown.collect::<Vec<_>>(), permissions, "{text}");
            assert_eq!(own.class.as_deref(), class, "{text}");
            assert_eq!(
                (&own.on[..], &own.to[..]),
                (&strings(on)[..], &strings(to)[..]),
                "{text}"
            );
        }
    }

    fn strings(of: &[&str]) -> Vec<String> {
        of.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn grants_say_which_of_the_three_they_are_and_whether_about_the_right_to_grant() {
        for (text, act, option) in [
            ("GRANT a TO b", GrantAct::Grant, false),
            ("GRANT a TO b, c WITH GRANT OPTION", GrantAct::Grant, true),
            (
                "GRANT a ON b TO c WITH GRANT OPTION AS d",
                GrantAct::Grant,
                true,
            ),
            ("DENY a TO b CASCADE", GrantAct::Deny, false),
            ("REVOKE a FROM b", GrantAct::Revoke, false),
            (
                "REVOKE GRANT OPTION FOR a FROM b CASCADE",
                GrantAct::Revoke,
                true,
            ),
        ] {
            let found = acts(text).grants;
            assert_eq!(found.len(), 1, "{text}");
            let own = found.first().unwrap();
            assert_eq!((own.act, own.grant_option), (act, option), "{text}");
        }
    }

    #[test]
    fn what_is_cut_names_no_more_than_stands_there() {
        for (text, calls, grantees) in [
            ("EXEC", 0, 0),
            ("EXEC @r =", 0, 0),
            ("EXEC a.", 1, 0),
            ("exec p @a =", 1, 0),
            ("GRANT", 0, 0),
            ("GRANT a ON", 0, 0),
            ("GRANT a ON b TO", 0, 0),
            ("GRANT a TO b, ", 0, 1),
        ] {
            let found = acts(text);
            let to: usize = found.grants.iter().map(|own| own.to.len()).sum();
            assert_eq!((found.calls.len(), to), (calls, grantees), "{text}");
        }
    }
}
