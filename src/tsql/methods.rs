//! Methods of xml: `….value('path', 'type')`, with which text is decoded and glued-together rows are read back.

use super::code::Code;
use super::decode;
use super::expression::Expression;
use super::folded::{Folded, Taint, reasons};
use super::source::Source;
use super::types::DataType;
use super::value::{Kind, Value};
use super::xml_paths;

impl Expression<'_, '_> {
    /// The result of a method called on `receiver`.
    pub(super) fn method(
        &mut self,
        name: &str,
        receiver: &Folded,
        arguments: &[Folded],
        origin: usize,
    ) -> Folded {
        let taint = arguments
            .iter()
            .fold(receiver.taint, |taint, argument| taint.and(argument.taint));
        let unknown = || Folded::from_outside(origin, taint, reasons::FUNCTION);
        let path = arguments
            .first()
            .and_then(Folded::only)
            .filter(|path| path.is_exact());
        let (Some(path), Some(to)) = (path, arguments.get(1).and_then(Folded::only)) else {
            return unknown();
        };
        let reads = name.eq_ignore_ascii_case("value") && to.is_exact();
        if !reads || !self.budget.spend(receiver.len()) {
            return unknown();
        }
        let to_folded = Folded::from(to.clone());
        let code = Code::lex(Source::executed(&to_folded, 0), true);
        let (data_type, _) = DataType::read(&code, 0);
        let value = match self.constructed(path) {
            Some(value) => value,
            None => receiver.map(|xml| content(xml, path.text(), data_type, origin)),
        };
        let mut value = value.converted(data_type, origin, false);
        value.because(reasons::FUNCTION);
        value
    }

    /// `xs:base64Binary(…)` and `xs:hexBinary(…)` of a string, a variable or a column.
    fn constructed(&mut self, path: &Value) -> Option<Folded> {
        let text = path.text().trim();
        let (is_base64, rest) = match text.strip_prefix("xs:base64Binary") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("xs:hexBinary")?),
        };
        let argument = within_parentheses(rest)?;
        let value = self.query_argument(argument, path.origin(0))?;
        let decoded = value.map(|value| decoded(value, is_base64));
        Some(decoded)
    }

    /// A string, `sql:variable("@x")`, `sql:column("c")`, or a substring of one from a place on.
    fn query_argument(&mut self, argument: &str, origin: usize) -> Option<Folded> {
        let argument = argument.trim();
        if let Some(inner) = argument
            .strip_prefix("substring")
            .and_then(within_parentheses)
        {
            let (inner, from) = inner.rsplit_once(',')?;
            let from = from.trim().parse::<usize>().ok()?.saturating_sub(1);
            let value = self.query_argument(inner, origin)?;
            return Some(
                value.map(|value| match value.text().char_indices().nth(from) {
                    Some((at, _)) => value.part(at..value.len()),
                    None => Value::default(),
                }),
            );
        }
        if let Some(name) = argument
            .strip_prefix("sql:variable")
            .and_then(within_parentheses)
        {
            let name = quoted(name)?;
            let known = self.variables.get_named(name).cloned();
            return Some(known.unwrap_or_else(|| Folded::unknown(origin)));
        }
        if argument.starts_with("sql:column") {
            let name = quoted(within_parentheses(argument.strip_prefix("sql:column")?)?)?;
            let own = name.rsplit('.').next().unwrap_or(name);
            let known = self.cell(own);
            return Some(
                known.unwrap_or_else(|| Folded::from_outside(origin, Taint::DATA, reasons::DATA)),
            );
        }
        let text = quoted(argument)?;
        Some(Folded::from(Value::made(text, Kind::National, origin)))
    }
}

fn within_parentheses(text: &str) -> Option<&str> {
    text.trim()
        .strip_prefix('(')?
        .strip_suffix(')')
        .map(str::trim)
}

fn quoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let quote = text
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    text.strip_prefix(quote)?.strip_suffix(quote)
}

fn decoded(value: &Value, is_base64: bool) -> Value {
    let origin = value.origin(0);
    let text = value.text();
    let bytes = match is_base64 {
        _ if !value.is_exact() => None,
        true => decode::from_base64(text),
        false => decode::from_hex(text),
    };
    match bytes {
        Some(bytes) => Value::made(&decode::to_hex(&bytes), Kind::Binary, origin),
        None => Value::hole(super::holes::HOLE, Kind::Other, origin),
    }
}

/// The text of what a path finds, where that can be told; else that of the one element there is, or all of it.
fn content(xml: &Value, path: &str, to: DataType, origin: usize) -> Value {
    if xml.is_null() {
        return Value::null();
    }
    let text = xml.text();
    let plain = text.contains('&').then(|| xml.without_entities());
    let whole = plain.as_ref().unwrap_or(xml);
    let found = || xml_paths::find(text, path).filter(|_| xml.is_exact());
    let value = match found().or_else(|| single_element(text)) {
        _ if !text.contains('<') => whole.clone(),
        Some(inner) => xml.part(inner).without_entities(),
        None if path.trim() == "." => without_tags(xml),
        None => xml.blurred(origin),
    };
    let mut value = value.to_text(true, None);
    if to.base == super::types::Base::Binary {
        value = decoded(&value, true);
    }
    value
}

/// What `<name>…</name>` holds, if that is all and there are no tags in it.
fn single_element(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.trim_start().strip_prefix('<')?.find('>')?
        + (text.len() - text.trim_start().len())
        + 2;
    let end = text.rfind("</")?;
    let inner = text.get(start..end)?;
    (!inner.contains('<')).then_some(start..end)
}

fn without_tags(xml: &Value) -> Value {
    let mut whole = Value::of_kind(Kind::National);
    let text = xml.text();
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find('<')) {
        whole.append_part(xml, at..at + open);
        let close = text.get(at + open..).and_then(|rest| rest.find('>'));
        at = close.map_or(text.len(), |close| at + open + close + 1);
    }
    whole.append_part(xml, at.min(text.len())..text.len());
    whole.without_entities()
}
