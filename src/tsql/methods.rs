//! Methods of xml: `….value('path', 'type')`, with which text is decoded and glued-together rows are read back.

use super::code::{Code, Name};
use super::decode;
use super::expression::{Columns, Expression};
use super::folded::{Folded, Taint, reasons};
use super::rows::Rows;
use super::source::Source;
use super::types::DataType;
use super::value::{Kind, Value};
use super::xml_paths;
use std::rc::Rc;

/// What taking a byte of a document apart costs.
const PER_BYTE: usize = 8;

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
        if !reads || !self.budget.spend(receiver.len() * steps(path)) {
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

    /// The column of xml whose method a call by this name is.
    pub(super) fn receiver(&mut self, name: Name) -> Option<Folded> {
        let column = name.last.checked_sub(2).filter(|at| *at >= name.first)?;
        let cell = self.cell(self.code.part(column).0)?;
        let is_xml = |value: &Rc<Value>| matches!(value.kind, Kind::Xml | Kind::Node);
        cell.values().iter().all(is_xml).then_some(cell)
    }

    /// `@x.nodes(…)` or `t.x.nodes(…)`, whose receiver is given and whose NODES is at `at`: an element for each row.
    pub(super) fn nodes(&mut self, receiver: &Folded, at: usize) -> Option<Rows> {
        if !self.code.is_any(at, &["nodes"]) || !self.code.is(at + 1, "(") {
            return None;
        }
        let (path, _) = self.with(Columns::None, at + 2);
        let (path, xml) = (path.only()?, receiver.only()?);
        let is_xml = matches!(xml.kind, Kind::Xml | Kind::Node);
        let is_known = is_xml && xml.is_exact() && path.is_exact();
        if !is_known || !self.budget.spend(xml.len() * steps(path) * PER_BYTE) {
            return None;
        }
        let found = xml_paths::nodes(xml.text(), path.text(), xml.kind == Kind::Node)?;
        let node = |range| vec![Folded::from(xml.part(range).of(Kind::Node))];
        let rows: Vec<Vec<Folded>> = found.into_iter().map(node).collect();
        // In elements within elements a text is kept again and again.
        let kept: usize = rows.iter().flatten().map(Folded::len).sum();
        self.budget.spend(kept).then(|| Rows {
            columns: vec![String::new()],
            rows,
            ..Rows::default()
        })
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

/// How often a path makes one go over the document.
fn steps(path: &Value) -> usize {
    1 + path.text().matches('/').count()
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
    let is_node = xml.kind == Kind::Node;
    let found = || xml_paths::find(text, path, is_node).filter(|_| xml.is_exact());
    let single = || single_element(text).filter(|_| !is_node);
    let value = match found().or_else(single) {
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
        let close = xml_paths::tag_end(text, at + open);
        at = close.map_or(text.len(), |close| close + 1);
    }
    whole.append_part(xml, at.min(text.len())..text.len());
    whole.without_entities()
}
