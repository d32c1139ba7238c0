//! Functions of single values that are known, or known in part. What they cannot follow leaves the pieces of its
//! arguments, set off by holes.

use super::decode;
use super::folded::Budget;
use super::functions::{Function, Side};
use super::holes::{self, HOLE};
use super::json;
use super::text_building::holes_after_replacing;
use super::value::{Kind, Measure, Value};
use std::ops::Range;

/// Whether the result depends on where in its argument a text stands.
pub(super) fn counts_on_place(function: Function) -> bool {
    matches!(
        function,
        Function::Substring
            | Function::Take(_)
            | Function::Reverse
            | Function::Stuff
            | Function::Length
            | Function::Bytes
            | Function::Position
            | Function::Pattern
            | Function::Code(_)
            | Function::Base64
    )
}

/// The result for these values.
pub(super) fn apply(
    function: Function,
    values: &[&Value],
    origin: usize,
    budget: &mut Budget,
) -> Value {
    let length: usize = values.iter().map(|value| value.len()).sum();
    if !budget.spend(Budget::PER_VALUE + length) {
        return Value::hole(HOLE, Kind::Other, origin);
    }
    let is_null = values.first().is_none_or(|first| first.is_null());
    if is_null && !matches!(function, Function::Concat | Function::Join) {
        return Value::null();
    }
    let arguments = Arguments { values, origin };
    let result = match function {
        Function::Concat => Some(joined(None, values)),
        Function::Join => arguments
            .get(0)
            .map(|by| joined(Some(by), arguments.from(1))),
        Function::Character(wide) => Some(arguments.character(wide)),
        Function::Code(wide) => return arguments.code(wide),
        Function::Replace => arguments.replace(budget),
        Function::Translate => arguments.translate(),
        Function::Reverse => arguments.text(0).map(|text| text.reversed()),
        Function::Stuff => arguments.stuff(),
        Function::Substring => arguments.substring(),
        Function::Take(side) => arguments.take(side),
        Function::Trim(side) => arguments.trim(0, 1, side),
        Function::TrimOf(side) => arguments.trim(1, 0, side),
        Function::Case(upper) => arguments
            .text(0)
            .map(|text| text.map(false, |t| cased(t, upper))),
        Function::Replicate => arguments.replicate(budget),
        Function::Space => arguments.space(),
        Function::QuoteName => arguments.quoted(),
        Function::Format => arguments.formatted(),
        Function::Length => return arguments.length(false),
        Function::Bytes => return arguments.length(true),
        Function::Position => return arguments.position(),
        Function::Pattern => return arguments.pattern(),
        Function::Str => return arguments.number_text(),
        Function::Absolute => return arguments.absolute(),
        Function::Base64 => arguments.base64(),
        Function::HexText => arguments.hex_text(),
        Function::Escaped => arguments.unescaped(),
        Function::JsonEscape => arguments.escaped_for_json(),
        Function::JsonValue => arguments.json_value(),
        Function::NamePart => arguments.name_part(),
        _ => None,
    };
    result.unwrap_or_else(|| arguments.blurred())
}

/// The texts one after the other, without NULL, and with `by` between them.
fn joined(by: Option<&Value>, values: &[&Value]) -> Value {
    let mut whole = Value::default();
    let mut first = true;
    for value in values.iter().filter(|value| !value.is_null()) {
        let by = by.filter(|_| !first);
        for part in by.into_iter().chain([*value]) {
            let national = whole.kind == Kind::National || part.kind == Kind::National;
            whole.append(&part.to_text(national, None));
            whole.kind = if national { Kind::National } else { Kind::Text };
        }
        first = false;
    }
    whole
}

/// A character in the other case, where it has one of the same length.
fn cased(text: &str, upper: bool) -> String {
    let change = |c: char| {
        let mut other: Vec<char> = if upper {
            c.to_uppercase().collect()
        } else {
            c.to_lowercase().collect()
        };
        match (other.pop(), other.is_empty()) {
            (Some(single), true) => single,
            _ => c,
        }
    };
    text.chars().map(change).collect()
}

/// The text as the usual collations compare it, each character in as many bytes as before.
pub(super) fn folded_case(text: &str) -> String {
    let fold = |c: char| {
        let lower = cased(c.encode_utf8(&mut [0; 4]), false).chars().next();
        lower
            .filter(|lower| lower.len_utf8() == c.len_utf8())
            .unwrap_or(c)
    };
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().map(fold).collect()
    }
}

/// The byte at which the character with this number, from 0, begins; the end where there are fewer.
fn offset(text: &str, characters: usize) -> usize {
    if text.is_ascii() {
        return characters.min(text.len());
    }
    text.char_indices()
        .nth(characters)
        .map_or(text.len(), |(at, _)| at)
}

/// The number, from 1, of the character at which the wanted text is found behind the first `start`; 0 where it is not.
fn position_of(wanted: &str, text: &str, start: usize) -> Option<i64> {
    let start = offset(text, start);
    let searched = folded_case(text);
    let found = searched.get(start..)?.find(&folded_case(wanted));
    let characters = |end| searched.get(..end).map(|before| before.chars().count() + 1);
    match found {
        Some(at) => i64::try_from(characters(start + at)?).ok(),
        None => Some(0),
    }
}

/// Where the text that is known ends.
fn known_bytes(text: &str) -> usize {
    if holes::has_holes(text) {
        text.find(holes::is_hole).unwrap_or(text.len())
    } else {
        text.len()
    }
}

/// A length or a place beyond every text that is not known.
const BEYOND: i64 = 4000;

/// The arguments of one call.
pub(super) struct Arguments<'a> {
    values: &'a [&'a Value],
    pub(super) origin: usize,
}

impl<'a> Arguments<'a> {
    pub(super) fn get(&self, at: usize) -> Option<&'a Value> {
        self.values.get(at).copied()
    }

    pub(super) fn from(&self, at: usize) -> &'a [&'a Value] {
        self.values.get(at..).unwrap_or_default()
    }

    /// The argument as text.
    pub(super) fn text(&self, at: usize) -> Option<Value> {
        let value = self.get(at)?;
        let national = value.kind == Kind::National;
        Some(value.to_text(national, None))
    }

    pub(super) fn exact(&self, at: usize) -> Option<Value> {
        self.text(at).filter(Value::is_exact)
    }

    pub(super) fn integer(&self, at: usize) -> Option<i64> {
        self.get(at)?.as_integer()
    }

    pub(super) fn number(&self) -> Value {
        Value::number(Kind::Integer, self.origin)
    }

    /// What the result may be made of, when it cannot be told what it is.
    fn blurred(&self) -> Value {
        let mut whole = Value::default();
        for value in self.values.iter().filter(|value| value.len() > 0) {
            if !value.kind.is_number() && !value.is_numeric() {
                whole.append(&value.blurred(self.origin));
            }
        }
        match (
            whole.len(),
            self.values.iter().any(|value| value.is_numeric()),
        ) {
            (0, true) => Value::number(Kind::Text, self.origin),
            (0, false) => Value::hole(HOLE, Kind::Text, self.origin),
            _ => whole,
        }
    }

    fn character(&self, wide: bool) -> Value {
        let Some(code) = self.integer(0) else {
            return Value::hole(HOLE, Kind::Text, self.origin);
        };
        let character = match u8::try_from(code) {
            Ok(byte) if !wide => Some(decode::from_cp1252(byte)),
            _ if wide => u32::try_from(code).ok().and_then(char::from_u32),
            _ => None,
        };
        let Some(character) = character else {
            return Value::null();
        };
        let kind = if wide { Kind::National } else { Kind::Text };
        Value::decoded(character.encode_utf8(&mut [0; 4]), kind, self.origin)
    }

    fn code(&self, wide: bool) -> Value {
        let text = self.text(0).unwrap_or_default();
        let code = match text.text().chars().next() {
            None => return Value::null(),
            Some(hole) if holes::is_hole(hole) => None,
            Some(character) if wide => Some(u32::from(character)),
            Some(character) => {
                Some(decode::to_cp1252(decode::best_fit(character)).map_or(63, u32::from))
            }
        };
        code.map_or_else(
            || self.number(),
            |code| Value::integer(i64::from(code), self.origin),
        )
    }

    /// How many bytes of the text are before the place that an argument measures from its end, blanks there left
    /// out; `more` is added to it.
    fn bytes_before(&self, text: &Value, argument: usize, more: i64) -> Option<usize> {
        let beyond = self.get(argument)?.measure?.beyond(text.text())?;
        let whole = text.text().trim_end_matches(' ');
        let cut = usize::try_from(beyond.checked_add(more)?.min(0).checked_neg()?).ok()?;
        let start = match cut {
            0 => whole.len(),
            _ => whole
                .char_indices()
                .rev()
                .nth(cut - 1)
                .map_or(0, |(at, _)| at),
        };
        (!holes::has_holes(whole.get(start..)?)).then_some(start)
    }

    fn stuff(&self) -> Option<Value> {
        let text = self.text(0)?;
        if let Some(start) = self.bytes_before(&text, 1, -1) {
            let by = self.text(3).filter(|_| self.integer(2) == Some(1))?;
            let mut result = text.part(0..start);
            result.append(&by);
            return Some(result);
        }
        let (start, length) = (self.integer(1)?, self.integer(2)?);
        let by = self.text(3)?;
        let known = text.text().get(..known_bytes(text.text()))?;
        let count = i64::try_from(known.chars().count()).ok()?;
        if start < 1 || length < 0 || (text.is_exact() && start > count) {
            return Some(Value::null());
        }
        let end = start.saturating_add(length) - 1;
        if !text.is_exact() && end > count {
            return None;
        }
        let range = self.byte_range(text.text(), start - 1, end)?;
        let mut result = text.part(0..range.start);
        if !by.is_null() {
            result.append(&by);
        }
        result.append_part(&text, range.end..text.len());
        Some(result)
    }

    /// The bytes of the characters from `start` to before `end`, from 0.
    #[allow(clippy::unused_self)] // reads as the other steps do
    fn byte_range(&self, text: &str, start: i64, end: i64) -> Option<Range<usize>> {
        let start = usize::try_from(start.max(0)).ok()?;
        let end = usize::try_from(end.max(0)).ok()?;
        let start = offset(text, start);
        Some(start..offset(text, end).max(start))
    }

    fn substring(&self) -> Option<Value> {
        let start = self.integer(1)?;
        if let Some(text) = self.text(0).filter(|text| text.kind.is_text())
            && let Some(end) = self.bytes_before(&text, 2, start.saturating_sub(1))
        {
            let begin = self.byte_range(text.text(), start.saturating_sub(1), i64::MAX)?;
            let is_known = begin.start <= known_bytes(text.text());
            return is_known.then(|| text.part(begin.start..end.max(begin.start)));
        }
        let length = self.integer(2)?;
        if length < 0 {
            return Some(Value::null());
        }
        let (begin, end) = (
            start.saturating_sub(1),
            start.saturating_sub(1).saturating_add(length),
        );
        let value = self.get(0)?;
        if value.kind == Kind::Binary {
            if !value.is_exact() {
                return Some(Value::hole(HOLE, Kind::Binary, self.origin));
            }
            let range =
                self.byte_range(value.text(), begin.saturating_mul(2), end.saturating_mul(2))?;
            return Some(value.part(range));
        }
        let text = self.text(0)?;
        let known = known_bytes(text.text());
        let range = self.byte_range(text.text(), begin, end)?;
        let to_the_end = length >= BEYOND && range.start <= known;
        if range.end > known && !text.is_exact() && !to_the_end {
            return None;
        }
        Some(text.part(range))
    }

    fn take(&self, side: Side) -> Option<Value> {
        let text = self.text(0)?;
        if side == Side::Left
            && let Some(end) = self.bytes_before(&text, 1, 0)
        {
            return Some(text.part(0..end));
        }
        if let Some(measure) = self.get(1)?.measure {
            // RIGHT, of all but the first characters.
            let skipped = usize::try_from(measure.beyond(text.text())?.checked_neg()?).ok()?;
            let start = offset(text.text(), skipped);
            let is_known = start <= known_bytes(text.text());
            return is_known.then(|| text.part(start..text.len()));
        }
        let count = usize::try_from(self.integer(1)?).ok()?;
        if side == Side::Left {
            let end = offset(text.text(), count);
            return (end <= known_bytes(text.text())).then(|| text.part(0..end));
        }
        let start = text.text().char_indices().rev().take(count).last();
        let start = start.map_or(text.len(), |(at, _)| at);
        let tail = text.text().get(start..)?;
        (text.is_exact() || !holes::has_holes(tail)).then(|| text.part(start..text.len()))
    }

    /// The argument at `text` without the characters at `of`, or blanks, at its ends.
    fn trim(&self, text: usize, of: usize, side: Side) -> Option<Value> {
        let text = self.text(text)?;
        let of = match self.get(of) {
            Some(_) => self.exact(of)?,
            None => Value::made(" ", Kind::Text, self.origin),
        };
        let of: Vec<char> = of.text().chars().collect();
        let trimmed = |c: char| of.contains(&c);
        // A number's text stays one.
        let numbers_stay = format!("{}@", of.iter().collect::<String>());
        let text = holes_after_replacing(&text, &numbers_stay, "");
        let mut rest = text.text();
        let mut start = 0;
        if side != Side::Right {
            let left = rest.trim_start_matches(trimmed);
            start = rest.len() - left.len();
            rest = left;
        }
        if side != Side::Left {
            rest = rest.trim_end_matches(trimmed);
        }
        Some(text.part(start..start + rest.len()))
    }

    /// LEN, which counts no blanks at the end, or DATALENGTH in bytes.
    fn length(&self, bytes: bool) -> Value {
        let Some(value) = self.get(0) else {
            return Value::null();
        };
        if !value.is_exact() {
            let measure = (!bytes).then(|| Measure::of(value.text()));
            return Value::measuring(measure, self.origin);
        }
        let units = |text: &str| text.encode_utf16().count();
        let length = match (value.kind, bytes) {
            (Kind::Binary, _) => value.len() / 2,
            (_, false) => units(value.text().trim_end_matches(' ')),
            (Kind::National, true) => units(value.text()) * 2,
            (Kind::Text, true) => value.text().chars().count(),
            _ => return self.number(),
        };
        i64::try_from(length).map_or_else(|_| self.number(), |n| Value::integer(n, self.origin))
    }

    /// CHARINDEX
    fn position(&self) -> Value {
        let position = || {
            let (wanted, text) = (self.exact(0)?, self.exact(1)?);
            let start = match self.get(2) {
                Some(start) => usize::try_from(start.as_integer()?.max(1)).ok()? - 1,
                None => 0,
            };
            position_of(wanted.text(), text.text(), start)
        };
        position().map_or_else(|| self.number(), |at| Value::integer(at, self.origin))
    }

    /// PATINDEX of `%text%`.
    fn pattern(&self) -> Value {
        let position = || {
            let (pattern, text) = (self.exact(0)?, self.exact(1)?);
            let wanted = pattern.text().strip_prefix('%')?.strip_suffix('%')?;
            let is_plain = !wanted.contains(['%', '_', '[']);
            is_plain.then(|| position_of(wanted, text.text(), 0))?
        };
        position().map_or_else(|| self.number(), |at| Value::integer(at, self.origin))
    }

    /// STR: a number, set to the right.
    fn number_text(&self) -> Value {
        const LENGTH: i64 = 10;
        let length = if self.get(1).is_some() {
            self.integer(1)
        } else {
            Some(LENGTH)
        };
        let length = length
            .and_then(|length| usize::try_from(length).ok())
            .filter(|l| *l <= 8000);
        match (self.integer(0), length) {
            (Some(number), Some(length)) => {
                Value::made(&format!("{number:>length$}"), Kind::Text, self.origin)
            }
            _ => Value::number(Kind::Text, self.origin),
        }
    }

    fn absolute(&self) -> Value {
        let number = self.integer(0).and_then(i64::checked_abs);
        number.map_or_else(
            || self.number(),
            |number| Value::integer(number, self.origin),
        )
    }

    fn base64(&self) -> Option<Value> {
        let text = self.exact(0)?;
        let bytes = decode::from_base64(text.text())?;
        Some(Value::made(
            &decode::to_hex(&bytes),
            Kind::Binary,
            text.origin(0),
        ))
    }

    fn json_value(&self) -> Option<Value> {
        json::member(&self.exact(0)?, self.exact(1)?.text())
    }

    fn escaped_for_json(&self) -> Option<Value> {
        let (text, form) = (self.exact(0)?, self.exact(1)?);
        let is_json = form.text().trim().eq_ignore_ascii_case("json");
        is_json.then(|| text.map(false, decode::to_json).of(Kind::National))
    }

    fn unescaped(&self) -> Option<Value> {
        let (text, mark) = (self.exact(0)?, self.exact(1));
        let mark = mark.map_or(Some('\\'), |mark| mark.text().chars().next())?;
        let plain = decode::from_unicode_escapes(text.text(), mark)?;
        Some(Value::decoded(&plain, Kind::National, text.origin(0)))
    }

    fn hex_text(&self) -> Option<Value> {
        let value = self.get(0).filter(|value| value.kind == Kind::Binary)?;
        let digits = holes::map_holes(value.text(), |_| holes::NUMBER_HOLE);
        let text = format!("0x{}", digits.to_ascii_lowercase());
        Some(Value::made(&text, Kind::National, value.origin(0)))
    }
}
