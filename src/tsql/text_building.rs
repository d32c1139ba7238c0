//! Functions that put text together from what they are given: REPLACE, QUOTENAME, FORMATMESSAGE and the like.

use super::code::Code;
use super::folded::{Budget, Folded, Source};
use super::holes::{self, HOLE, NUMBER_HOLE};
use super::text_functions::{Arguments, folded_case};
use super::value::{Kind, Value};

/// A name has no more characters.
const LONGEST_NAME: usize = 128;

impl Arguments<'_> {
    pub(super) fn replace(&self, budget: &mut Budget) -> Option<Value> {
        let (text, pattern, by) = (self.text(0)?, self.exact(1)?, self.text(2)?);
        if self.from(1).iter().any(|value| value.is_null()) {
            return Some(Value::null());
        }
        if pattern.len() == 0 {
            return Some(text);
        }
        let text = holes_after_replacing(&text, pattern.text(), by.text());
        let searched = folded_case(text.text());
        let wanted = folded_case(pattern.text());
        let count = searched.matches(wanted.as_str()).count();
        let added = count.saturating_mul(by.len());
        if added > budget.longest || !budget.spend(added) {
            return None;
        }
        let mut replaced = Value::of_kind(text.kind);
        let mut from = 0;
        for (at, found) in searched.match_indices(wanted.as_str()) {
            replaced.append_part(&text, from..at);
            replaced.append(&by);
            from = at + found.len();
        }
        if from == 0 {
            return Some(text);
        }
        replaced.append_part(&text, from..text.len());
        if by.kind == Kind::National {
            replaced.kind = Kind::National;
        }
        Some(replaced)
    }

    pub(super) fn translate(&self) -> Option<Value> {
        let (text, from, to) = (self.exact(0)?, self.exact(1)?, self.exact(2)?);
        let from: Vec<char> = folded_case(from.text()).chars().collect();
        let to: Vec<char> = to.text().chars().collect();
        if from.len() != to.len() {
            return None;
        }
        let translated = |c: char| {
            let folded = folded_case(c.encode_utf8(&mut [0; 4])).chars().next();
            let place = from.iter().position(|f| Some(*f) == folded);
            place.and_then(|place| to.get(place)).copied().unwrap_or(c)
        };
        Some(text.map(true, |t| t.chars().map(translated).collect()))
    }

    pub(super) fn replicate(&self, budget: &mut Budget) -> Option<Value> {
        let (text, count) = (self.text(0)?, self.integer(1)?);
        let Ok(count) = usize::try_from(count) else {
            return Some(Value::null());
        };
        let length = text.len().saturating_mul(count);
        if length > budget.longest || !budget.spend(length) {
            return None;
        }
        let mut result = Value::of_kind(text.kind);
        (0..count).for_each(|_| result.append(&text));
        Some(result)
    }

    pub(super) fn space(&self) -> Option<Value> {
        const MOST: usize = 8000;
        let count = usize::try_from(self.integer(0)?).ok()?;
        Some(Value::made(
            &" ".repeat(count.min(MOST)),
            Kind::Text,
            self.origin,
        ))
    }

    /// QUOTENAME of no more characters than a name may have: the text between delimiters, in which the closing one is doubled.
    pub(super) fn quoted(&self) -> Option<Value> {
        let text = self.text(0)?;
        let by = match self.get(1) {
            Some(_) => self.exact(1)?.text().chars().next().unwrap_or('['),
            None => '[',
        };
        if text.is_exact() && text.text().chars().count() > LONGEST_NAME {
            return Some(Value::null());
        }
        let (open, close) = match by {
            '[' | ']' => ('[', ']'),
            '(' | ')' => ('(', ')'),
            '<' | '>' => ('<', '>'),
            '{' | '}' => ('{', '}'),
            '\'' | '"' | '`' => (by, by),
            _ => return Some(Value::null()),
        };
        let set = holes::delimiter(close);
        let inner = text.map_holes(|hole| match holes::doubled(hole) {
            Some(has) if set != 0 => holes::hole(has | set),
            Some(_) => HOLE,
            None => hole,
        });
        let mut result = Value::made(&open.to_string(), Kind::National, self.origin);
        let mut from = 0;
        for (at, _) in inner.text().match_indices(close) {
            result.append_part(&inner, from..at + close.len_utf8());
            from = at;
        }
        result.append_part(&inner, from..inner.len());
        result.append(&Value::made(
            &close.to_string(),
            Kind::National,
            self.origin,
        ));
        Some(result)
    }

    /// PARSENAME: a part of a name, counted from its last.
    pub(super) fn name_part(&self) -> Option<Value> {
        let (text, place) = (Folded::from(self.exact(0)?), self.integer(1)?);
        let code = Code::lex(Source::executed(&text, 0), true);
        let name = code.name(0)?;
        let dots = usize::try_from(place).ok()?.checked_sub(1)?;
        let mut at = name.last;
        for _ in 0..dots {
            while at > name.first && !code.is(at, ".") {
                at -= 1;
            }
            at = at.checked_sub(1).filter(|at| *at >= name.first)?;
        }
        let (part, start) = code.part(at);
        let is_plain = !code.is(at, ".") && !part.contains("]]") && !part.contains("\"\"");
        is_plain.then(|| text.value(0).part(start..start + part.len()))
    }

    /// FORMATMESSAGE and xp_sprintf: `%s` and its like are the arguments in turn.
    /// A text that FORMATMESSAGE cuts to a precision and sets to a width.
    fn shaped(&self, text: &Value, flags: &str) -> Option<Value> {
        let (width, precision) = measures(flags)?;
        let length = text.text().chars().count();
        if width == 0 && precision.is_none() {
            return Some(text.clone());
        }
        if !text.is_exact() {
            return None;
        }
        let cut = precision.and_then(|most| text.text().char_indices().nth(most));
        let text = cut.map_or_else(|| text.clone(), |(end, _)| text.part(0..end));
        let length = precision.map_or(length, |most| most.min(length));
        let blanks = " ".repeat(width.saturating_sub(length));
        let blanks = Value::made(&blanks, text.kind, self.origin);
        let (mut whole, rest) = if flags.starts_with('-') {
            (text, blanks)
        } else {
            (blanks, text)
        };
        whole.append(&rest);
        Some(whole)
    }

    pub(super) fn formatted(&self) -> Option<Value> {
        let format = self
            .text(0)
            .filter(|_| self.get(0).is_some_and(|f| f.kind.is_text()))?;
        let mut result = Value::of_kind(format.kind);
        let mut arguments = self.from(1).iter();
        let text = format.text();
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find('%')) {
            let at = from + at;
            result.append_part(&format, from..at);
            let rest = text.get(at + 1..)?;
            let flags = rest.len()
                - rest
                    .trim_start_matches(|c: char| c.is_ascii_digit() || "-+0# .lh*".contains(c))
                    .len();
            let kind = rest.get(flags..).and_then(|rest| rest.chars().next());
            match kind {
                Some('%') => result.append_part(&format, at..at + 1),
                Some('s' | 'S') => match arguments.next() {
                    Some(value) if value.is_null() => {
                        result.append(&Value::made("(null)", Kind::Text, self.origin));
                    }
                    Some(value) => {
                        let text = value.to_text(value.kind == Kind::National, None);
                        result.append(&self.shaped(&text, rest.get(..flags)?)?);
                    }
                    None => {}
                },
                Some('d' | 'i' | 'u') => match arguments.next() {
                    Some(value) if value.as_integer().is_some() => result.append(value),
                    _ => result.append(&self.number()),
                },
                Some('x' | 'X' | 'o') => {
                    arguments.next();
                    result.append(&self.number());
                }
                _ => return None,
            }
            from = at + 1 + flags + 1;
        }
        result.append_part(&format, from.min(text.len())..text.len());
        Some(result)
    }
}

/// A width and a precision before `s`.
fn measures(flags: &str) -> Option<(usize, Option<usize>)> {
    let (width, precision) = match flags.split_once('.') {
        Some((width, precision)) => (width, Some(precision.parse().ok()?)),
        None => (flags, None),
    };
    let width = width.trim_matches(['-', ' ', 'l', 'h']);
    let width = if width.is_empty() {
        Some(0)
    } else {
        width.parse().ok()
    };
    Some((width.filter(|width| *width <= LONGEST_NAME)?, precision))
}

/// The text with the holes it has after `pattern` was replaced in it: delimiters stay doubled only if the replacing
/// leaves them alone or doubles them.
pub(super) fn holes_after_replacing(text: &Value, pattern: &str, by: &str) -> Value {
    let delimiters = [('\'', "'", "''"), (']', "]", "]]"), ('"', "\"", "\"\"")];
    text.map_holes(|hole| {
        let Some(mut has) = holes::doubled(hole) else {
            let in_numbers =
                |c: char| c.is_alphanumeric() || " -:.,/+{}()".contains(c) || c == NUMBER_HOLE;
            return if pattern.chars().all(in_numbers) {
                HOLE
            } else {
                hole
            };
        };
        for (delimiter, one, two) in delimiters {
            let set = holes::delimiter(delimiter);
            if pattern == one && by == two {
                has |= set;
            } else if pattern.contains(delimiter) || by.contains(delimiter) || holes::has_holes(by)
            {
                has &= !set;
            }
        }
        holes::hole(has)
    })
}
