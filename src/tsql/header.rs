//! The header of a module: from CREATE or ALTER to where its body begins.

use super::code::{Code, Name};
use super::lexer::TokenKind;
use super::object::{Kind, Parameter};
use super::types::DataType;
use super::words::Keyword;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) name: Name,
    pub(super) parameters: Vec<Declared>,
    pub(super) is_encrypted: bool,
    /// The first token of the body.
    pub(super) body: usize,
}

/// A parameter and what is declared of it.
#[derive(Debug)]
pub(super) struct Declared {
    /// The token of its name.
    pub(super) at: usize,
    pub(super) parameter: Parameter,
    pub(super) data_type: DataType,
    /// The token of its default.
    pub(super) default: Option<usize>,
}

/// What CREATE may be followed by, and whether it can have parameters.
const KINDS: &[(&str, Kind, bool)] = &[
    ("proc", Kind::Procedure, true),
    ("procedure", Kind::Procedure, true),
    ("function", Kind::Function, true),
    ("aggregate", Kind::Function, true),
    ("trigger", Kind::Trigger, false),
    ("view", Kind::View, false),
];

/// What a trigger is fired by.
const EVENTS: &[&str] = &["insert", "update", "delete"];

impl Header {
    /// The header whose kind is the token at `at`.
    pub(super) fn read(code: &Code, at: usize) -> Option<Self> {
        let row = KINDS.iter().find(|(word, ..)| code.is_word(at, &[word]))?;
        let (_, kind, has_parameters) = *row;
        if code.keyword(at + 1).is_some() {
            return None;
        }
        let name = code.name(at + 1)?;
        let numbered =
            code.is(name.next, ";") && code.kind(name.next + 1) == Some(TokenKind::Number);
        let mut next = name.next + if numbered { 2 } else { 0 };
        let mut parameters = Vec::new();
        if has_parameters {
            let grouped = code.is(next, "(") && code.is_variable(next + 1);
            next = list(code, next + usize::from(grouped), &mut parameters);
            next += usize::from(grouped && code.is(next, ")"));
        }
        let mut header = Self {
            kind,
            name,
            parameters,
            is_encrypted: false,
            body: next,
        };
        header.find_body(code);
        Some(header)
    }

    /// Steps over what stands between the parameters and the body.
    fn find_body(&mut self, code: &Code) {
        let mut at = self.body;
        self.body = loop {
            if code.is(at, "(") {
                at = code.after_group(at);
                continue;
            }
            self.is_encrypted |= code.is_word(at, &["encryption"]);
            match code.keyword(at) {
                Some(Keyword::As) => break at + 1,
                Some(Keyword::Execute) if code.keyword(at + 1) == Some(Keyword::As) => at += 2,
                Some(_) if self.kind == Kind::Trigger && code.is_word(at, EVENTS) => {}
                Some(keyword) if keyword.begins_statement() || keyword == Keyword::Select => {
                    break at;
                }
                _ if code.is(at, ";") || at >= code.len() => break at,
                _ if is_external_name(code, at) => break at,
                _ => {}
            }
            at += 1;
        };
    }
}

/// What the CREATE or ALTER at `at` makes: the token after it, unless the word stands in a list of permissions.
pub(super) fn created(code: &Code, at: usize) -> Option<usize> {
    if let Some(before) = at.checked_sub(1) {
        let in_list = [",", "("].iter().any(|mark| code.is(before, mark));
        if in_list || code.is_word(before, &["grant", "deny", "revoke", "for"]) {
            return None;
        }
    }
    let or_alter = code.is_word(at + 1, &["or"]) && code.is_word(at + 2, &["alter"]);
    Some(at + if or_alter { 3 } else { 1 })
}

/// The token after the one at `at`, or after the module's header that begins there.
#[inline]
pub(super) fn after(code: &Code, at: usize) -> usize {
    match code.keyword(at) {
        Some(Keyword::Create | Keyword::Alter) => after_created(code, at),
        _ => at + 1,
    }
}

fn after_created(code: &Code, at: usize) -> usize {
    let header = created(code, at).and_then(|what| Header::read(code, what));
    header.map_or(at + 1, |header| header.body.max(at + 1))
}

/// `EXTERNAL NAME`
pub(super) fn is_external_name(code: &Code, at: usize) -> bool {
    code.is_word(at, &["external"]) && code.is_word(at + 1, &["name"])
}

/// Reads parameters from the token at `at` on, and gives the token after them.
fn list(code: &Code, mut at: usize, parameters: &mut Vec<Declared>) -> usize {
    while code.is_variable(at) {
        let after_as = at + 1 + usize::from(code.is_word(at + 1, &["as"]));
        let (data_type, after_type) = DataType::read(code, after_as);
        let type_name = code.name(after_as).map(|name| code.dotted(name));
        let mut parameter = Parameter {
            name: code.text(at).to_owned(),
            type_name: type_name.unwrap_or_default(),
            has_default: false,
            is_output: false,
        };
        let name = at;
        at = after_type;
        let mut default = None;
        while !ends_parameter(code, at) {
            if code.is(at, "=") {
                parameter.has_default = true;
                default = Some(at + 1);
            }
            parameter.is_output |= code.is_word(at, &["out", "output"]);
            at = if code.is(at, "(") {
                code.after_group(at)
            } else {
                at + 1
            };
        }
        parameters.push(Declared {
            at: name,
            parameter,
            data_type,
            default,
        });
        if !code.is(at, ",") {
            break;
        }
        at += 1;
    }
    at
}

fn ends_parameter(code: &Code, at: usize) -> bool {
    let ends =
        |keyword: Keyword| keyword.ends_list() || matches!(keyword, Keyword::As | Keyword::Clause);
    at >= code.len()
        || [",", ")", ";"].iter().any(|mark| code.is(at, mark))
        || code.keyword(at).is_some_and(ends)
        || code.is_word(at, &["returns"])
}
