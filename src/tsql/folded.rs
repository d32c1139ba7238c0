//! What an expression comes to: the values it may have, and what is said of them all.

pub(super) use super::source::Source;
pub(super) use super::taint::Taint;

use super::branches;
use super::holes::{self, HOLE};
use super::types::DataType;
use super::value::{Kind, Value};
use smallvec::{SmallVec, smallvec};
use std::ops::Range;
use std::rc::Rc;

/// How many bytes may be copied or walked again while one text is judged: linear in it, so that variables that
/// double at each step and code that executes a long value again and again end.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    left: usize,
    /// No value is longer, in bytes.
    pub(super) longest: usize,
}

impl Budget {
    const PER_BYTE: usize = 16;
    /// What the handling of a value costs besides its bytes.
    pub(super) const PER_VALUE: usize = 64;
    /// Small modules may execute the same value many times.
    const AT_LEAST: usize = 4 << 20;
    /// However long the text is, so that the longest end in time.
    const AT_MOST: usize = 48 << 20;
    const LONGEST_AT_LEAST: usize = 1 << 20;

    pub(super) fn for_text(text: &str) -> Self {
        Self::sharing(text.len(), Self::AT_LEAST)
    }

    /// For one of many texts: beyond what its length allows it may take no more than `shared`.
    pub(super) fn sharing(length: usize, shared: usize) -> Self {
        let by_length = length.saturating_mul(Self::PER_BYTE).min(Self::AT_MOST);
        Self {
            left: by_length.saturating_add(Self::AT_LEAST.min(shared)),
            longest: length.saturating_mul(2).max(Self::LONGEST_AT_LEAST),
        }
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Takes `bytes`; false, and nothing more to take ever, when there are not as many left.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// Reasons why a value is open, as they are said to a reader.
pub(super) mod reasons {
    pub(in super::super) const BUDGET: &str = "the budget is spent";
    pub(in super::super) const ALTERNATIVES: &str = "too many possible values";
    pub(in super::super) const LENGTH: &str = "the value is too long";
    pub(in super::super) const PARAMETER: &str = "a parameter";
    pub(in super::super) const DATA: &str = "data that is read";
    pub(in super::super) const ROWS: &str = "rows that are read";
    pub(in super::super) const ORDER: &str = "the order of rows";
    pub(in super::super) const ELSEWHERE: &str = "a value from elsewhere";
    pub(in super::super) const ENVIRONMENT: &str = "a value of the environment";
    pub(in super::super) const LOOP: &str = "a loop that goes on changing it";
    pub(in super::super) const EXPRESSION: &str = "an expression that is not understood";
    pub(in super::super) const FUNCTION: &str = "a function of text that is not known";
    pub(in super::super) const TEXT: &str = "text that is not known";
}

/// So many values are kept even where two would show as much.
const FEW_ALTERNATIVES: usize = 4;

/// A value may be one of so many.
pub(super) const MOST_ALTERNATIVES: usize = 32;

/// As much of a value is shown, in bytes.
const LONGEST_SHOWN: usize = 4096;

/// Values that something may have: nearly always one, which takes no allocation besides its own.
pub(super) type Values = SmallVec<[Rc<Value>; 1]>;

/// The values that something may have, never none.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    values: Values,
    /// Whether the value may be something that is not spelt out here.
    open: bool,
    reason: Option<&'static str>,
    pub(super) taint: Taint,
    /// Whether pieces of the text may be missing or repeated, so that nothing may count on their place.
    pub(super) loose: bool,
}

impl Default for Folded {
    fn default() -> Self {
        Self::from(Value::default())
    }
}

impl From<Value> for Folded {
    fn from(value: Value) -> Self {
        Self {
            values: smallvec![Rc::new(value)],
            open: false,
            reason: None,
            taint: Taint::CLEAN,
            loose: false,
        }
    }
}

impl Folded {
    /// A value of which nothing is known.
    pub(super) fn unknown(origin: usize) -> Self {
        Self::from_outside(origin, Taint::UNKNOWN, reasons::ELSEWHERE)
    }

    /// A value of which nothing is known but where it comes from.
    pub(super) fn from_outside(origin: usize, taint: Taint, reason: &'static str) -> Self {
        let mut value = Self::from(Value::hole(HOLE, Kind::Other, origin));
        value.taint = taint;
        value.reason = Some(reason);
        value
    }

    /// A number, of which nothing else is known.
    pub(super) fn number(kind: Kind, origin: usize, taint: Taint) -> Self {
        let mut number = Self::from(Value::number(kind, origin));
        number.taint = taint;
        number
    }

    /// Whether it is NULL for certain.
    pub(super) fn is_null(&self) -> bool {
        !self.open && self.values.iter().all(|value| value.is_null())
    }

    pub(super) fn null() -> Self {
        Self::from(Value::null())
    }

    /// Whether some of the text that would be executed as code cannot be read.
    pub(super) fn is_open(&self) -> bool {
        self.open || !self.values.iter().all(|value| value.holes_are_contained())
    }

    /// Whether the values spelt out are not all.
    pub(super) fn has_more(&self) -> bool {
        self.open
    }

    /// Whether this is the empty text that an expression may begin with.
    pub(super) fn is_blank(&self) -> bool {
        self.len() == 0 && !self.open && self.values.len() == 1 && self.value(0).kind == Kind::Text
    }

    /// Says that the value may also be something else: of numbers, another number.
    pub(super) fn open(&mut self, reason: &'static str) {
        if self.values.iter().all(|value| value.kind.is_number()) {
            let origin = self.value(0).origin(0);
            self.values = smallvec![Rc::new(Value::number(Kind::Numeric, origin))];
            return;
        }
        self.open = true;
        self.reason = self.reason.or(Some(reason));
    }

    /// Says why the value is open, if it is, unless that has been said.
    pub(super) fn because(&mut self, reason: &'static str) {
        if self.open || self.values.iter().any(|value| value.text().contains(HOLE)) {
            self.reason = self.reason.or(Some(reason));
        }
    }

    /// Why the value is open, as can be said to a reader, if it is.
    pub(super) fn reason(&self) -> &'static str {
        self.reason.unwrap_or(reasons::TEXT)
    }

    /// Whether a parameter of the module, or data it reads, is in the value; `None` where that cannot be told.
    #[cfg(test)]
    pub(super) fn taint(&self) -> Option<bool> {
        self.taint.is_tainted()
    }

    /// The longest of the values this may have, or the first of those, holes as `…`, cut after a few KB.
    pub(super) fn shown(&self) -> String {
        let longest = self.values.iter().rev().max_by_key(|value| value.len());
        let text = longest.map_or("", |value| value.text());
        let mut ends = LONGEST_SHOWN..text.len();
        let cut = ends.find(|at| text.is_char_boundary(*at));
        let mut shown = String::new();
        holes::show(
            text.get(..cut.unwrap_or(text.len())).unwrap_or_default(),
            &mut shown,
        );
        if cut.is_some() {
            shown.push('…');
        }
        shown
    }

    /// Whether both spell the same values.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same = |(a, b): (&Rc<Value>, &Rc<Value>)| {
            Rc::ptr_eq(a, b) || (a.kind == b.kind && a.text() == b.text())
        };
        self.open == other.open
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(same)
    }

    /// Whether `other` as one more value that this may have adds nothing.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let has = |value: &Rc<Value>| self.values.iter().any(|known| is_known(known, value));
        self.taint.and(other.taint) == self.taint
            && (self.open || !other.open)
            && (self.loose || !other.loose)
            && other.values.iter().all(has)
    }

    /// The bytes of all values.
    pub(super) fn len(&self) -> usize {
        self.values.iter().map(|value| value.len()).sum()
    }

    pub(super) fn values(&self) -> &[Rc<Value>] {
        &self.values
    }

    /// The value at this place, from 0; the last where there are not as many.
    pub(super) fn value(&self, at: usize) -> &Value {
        const NONE: &Value = &Value::EMPTY;
        let value = self.values.get(at).or(self.values.last());
        value.map_or(NONE, |value| value)
    }

    /// The text of the value at this place.
    pub(super) fn slice(&self, at: usize) -> &str {
        self.value(at).text()
    }

    /// The only value, where there is no other and no more.
    pub(super) fn only(&self) -> Option<&Value> {
        match self.values.as_slice() {
            [value] if !self.open && !self.loose => Some(value),
            _ => None,
        }
    }

    /// The places of the values this may have.
    pub(super) fn batches(&self) -> Range<usize> {
        0..self.values.len()
    }

    pub(super) fn has_alternatives(&self) -> bool {
        self.values.len() > 1
    }

    /// Takes over what is said of another value that went into this one.
    pub(super) fn derive_from(&mut self, other: &Self) {
        self.taint = self.taint.and(other.taint);
        self.reason = self.reason.or(other.reason);
        self.loose |= other.loose;
        if other.open {
            self.open(reasons::TEXT);
        }
    }

    /// The value whose text is not known, with what is said of this one.
    pub(super) fn into_hole(self, origin: usize, reason: &'static str) -> Self {
        let mut hole = Self::from_outside(origin, self.taint, reason);
        hole.reason = self.reason.or(Some(reason));
        hole
    }

    /// Makes `other` one more value this may have.
    pub(super) fn add_alternative(&mut self, other: &Self, budget: &mut Budget) {
        self.derive_from(other);
        for value in &other.values {
            if !self.values.iter().any(|known| is_known(known, value)) {
                self.values.push(Rc::clone(value));
            }
        }
        if self.values.len() <= FEW_ALTERNATIVES {
            return;
        }
        if budget.spend(self.len()) && branches::thin_out(&mut self.values) {
            self.loose = true;
            return;
        }
        if self.values.len() <= MOST_ALTERNATIVES {
            return;
        }
        // The one with most in it is kept before all.
        let most = (0..self.values.len())
            .rev()
            .max_by_key(|at| self.value(*at).len());
        self.values.swap(0, most.unwrap_or(0));
        self.values.truncate(MOST_ALTERNATIVES);
        self.open(reasons::ALTERNATIVES);
    }

    /// Says that the text may be there any number of times.
    pub(super) fn repeat(&mut self) {
        self.loose = true;
        let alone = |value: &Rc<Value>| {
            let is_word =
                |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_@#$'\"".contains(c));
            let text = value.text();
            let joins = is_word(text.chars().next()) && is_word(text.chars().next_back());
            value.stands_alone() && !joins
        };
        if !self.values.iter().all(alone) {
            self.open(reasons::ROWS);
        }
    }

    /// Each value changed by itself.
    pub(super) fn map(&self, change: impl Fn(&Value) -> Value) -> Self {
        let mut mapped = Self {
            values: Values::new(),
            ..self.clone_facts()
        };
        for value in &self.values {
            let value = change(value);
            if !mapped.values.iter().any(|known| **known == value) {
                mapped.values.push(Rc::new(value));
            }
        }
        let numbers = mapped.values.iter().all(|value| value.kind.is_number());
        if let Some(reason) = mapped.reason.filter(|_| mapped.open && numbers) {
            // Any other value is a number as well.
            mapped.open = false;
            mapped.open(reason);
        }
        mapped
    }

    /// The values but NULL; `None` where there is no other.
    pub(super) fn without_null(mut self) -> Option<Self> {
        self.values.retain(|value| !value.is_null());
        (!self.values.is_empty() || self.open).then(|| {
            if self.values.is_empty() {
                self.values.push(Rc::new(Value::default()));
            }
            self
        })
    }

    /// Says that the value may be NULL, as what is not known may be anyway.
    pub(super) fn or_null(&mut self, budget: &mut Budget) {
        if !self.open && self.values.iter().all(|value| value.is_exact()) {
            self.add_alternative(&Self::null(), budget);
        }
    }

    fn clone_facts(&self) -> Self {
        Self {
            values: Values::new(),
            open: self.open,
            reason: self.reason,
            taint: self.taint,
            loose: self.loose,
        }
    }

    /// As a value of this type.
    pub(super) fn converted(&self, data_type: DataType, origin: usize, declared: bool) -> Self {
        let mut data_type = data_type;
        if self.loose {
            // Where pieces may be missing, nobody knows what is cut off.
            data_type.length = super::types::Length::Max;
        }
        self.map(|value| value.converted(data_type, None, origin, declared))
    }

    /// Whether these are values of this type as they stand.
    pub(super) fn fits(&self, data_type: DataType) -> bool {
        use super::types::Base;
        let longest = data_type.longest(true);
        self.values.iter().all(|value| match data_type.base {
            Base::Varying { .. } => {
                let is_cut = longest < super::convert::SHORT && !value.is_exact();
                value.kind.is_text() && value.len() <= longest && !is_cut
            }
            Base::Integer => value.kind == Kind::Integer,
            Base::Numeric => value.kind == Kind::Numeric,
            Base::Other => true,
            _ => value.is_null(),
        })
    }

    /// In a loop a number may go on changing: several become any.
    pub(super) fn widen_numbers(&mut self) {
        let numbers = self.values.iter().all(|value| value.kind.is_number());
        if numbers && self.has_alternatives() {
            self.open(reasons::LOOP);
        }
    }

    /// After `piece` was appended in a loop: more than two repetitions are as good as two.
    pub(super) fn saturate(&mut self, piece: &Self) {
        let mut saturated = false;
        let mut values = Values::new();
        for value in self.values.drain(..) {
            let repeated = piece
                .values
                .iter()
                .find(|piece| value.repeats_thrice(piece));
            let value = match repeated {
                Some(piece) => {
                    saturated = true;
                    Rc::new(value.part(0..value.len() - piece.len()))
                }
                None => value,
            };
            if !values.contains(&value) {
                values.push(value);
            }
        }
        self.values = values;
        if saturated {
            let mut probe = piece.clone();
            probe.repeat();
            self.loose = true;
            if probe.open {
                self.open(reasons::LOOP);
            }
        }
    }

    /// Appends a value, each alternative to each as far as they are few.
    pub(super) fn append(&mut self, other: &Self, origin: usize, budget: &mut Budget) {
        if self.is_null() {
            return;
        }
        if other.is_null() {
            *self = Self::null();
            return;
        }
        self.derive_from(other);
        if let ([_], [right]) = (self.values.as_slice(), other.values.as_slice()) {
            let right = Rc::clone(right);
            return self.append_in_place(&right, origin, budget);
        }
        let right = &other.values;
        let left = std::mem::take(&mut self.values);
        let all = left.len() * right.len();
        let pairs = if all > MOST_ALTERNATIVES {
            self.open(reasons::ALTERNATIVES);
            left.len().max(right.len())
        } else {
            all
        };
        for pair in 0..pairs {
            // Where not all pairs are kept, each value is in one.
            let l = if pairs == all {
                pair / right.len()
            } else {
                pair % left.len()
            };
            let r = pair % right.len();
            let (Some(l), Some(r)) = (left.get(l), right.get(r)) else {
                continue;
            };
            if let Some(null) = [l, r].into_iter().find(|value| value.is_null()) {
                if !self.values.contains(null) {
                    self.values.push(Rc::clone(null));
                }
                continue;
            }
            let mut whole = Self {
                values: smallvec![Rc::clone(l)],
                ..self.clone_facts()
            };
            whole.append_in_place(r, origin, budget);
            self.open |= whole.open;
            self.reason = self.reason.or(whole.reason);
            self.values.append(&mut whole.values);
        }
    }

    /// The pieces are added to the one value, which is copied only where it is shared.
    fn append_in_place(&mut self, right: &Rc<Value>, origin: usize, budget: &mut Budget) {
        let Some(left) = self.values.first_mut() else {
            return;
        };
        let shared = if Rc::strong_count(left) > 1 {
            left.len()
        } else {
            0
        };
        if left.len() + right.len() > budget.longest {
            self.open(reasons::LENGTH);
        } else if budget.spend(shared + right.len()) {
            if let Some(left) = Rc::get_mut(left) {
                left.concatenate(right, origin);
            } else {
                let mut whole = left.copied_before(right);
                whole.concatenate(right, origin);
                *left = Rc::new(whole);
            }
        } else {
            self.open(reasons::BUDGET);
        }
    }
}

/// Whether a value among alternatives makes another one no alternative of its own.
fn is_known(known: &Rc<Value>, value: &Rc<Value>) -> bool {
    let numbers = known.kind.is_number() && value.kind.is_number();
    Rc::ptr_eq(known, value)
        || ((known.kind == value.kind || numbers) && known.text() == value.text())
}
