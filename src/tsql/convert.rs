//! Conversions between kinds of values, written or implied.

use super::decode;
use super::holes::{HOLE, NUMBER_HOLE};
use super::types::{Base, DataType, Length};
use super::value::{Kind, Value};

impl Value {
    /// As a value of this type, by CONVERT's style where there is one; `declared`: assigned to what was declared so.
    pub(super) fn converted(
        &self,
        to: DataType,
        style: Option<i64>,
        origin: usize,
        declared: bool,
    ) -> Self {
        if self.is_null() {
            return self.clone();
        }
        let longest = to.longest(declared);
        match to.base {
            Base::Varying { national } => self.to_text(national, style).cut(longest),
            Base::Fixed { national } => self.to_text(national, style).cut(longest).filled(longest),
            Base::Integer => self.to_integer(origin),
            Base::Numeric => self.to_number(origin),
            Base::Binary => self.to_binary(to.length, longest, style, origin),
            Base::Xml if self.kind.is_text() => self.of(Kind::Xml),
            Base::Xml | Base::Other => self.clone(),
        }
    }

    /// As varchar or nvarchar of any length.
    pub(super) fn to_text(&self, national: bool, style: Option<i64>) -> Self {
        let kind = if national { Kind::National } else { Kind::Text };
        match self.kind {
            Kind::Binary if matches!(style, Some(1 | 2)) => {
                let mut value = Self::of_kind(kind);
                if style == Some(1) {
                    value.append(&Self::made("0x", kind, self.origin(0)));
                }
                value.append(self);
                value
            }
            Kind::Binary => match decode::from_hex(self.text()) {
                Some(bytes) => {
                    Self::decoded(&decode::to_text(&bytes, national), kind, self.origin(0))
                }
                None => Self::hole(HOLE, kind, self.origin(0)),
            },
            Kind::National if !national && !self.text().is_ascii() => {
                let fit = |text: &str| text.chars().map(decode::best_fit).collect();
                self.map(false, fit).of(kind)
            }
            _ => self.of(kind),
        }
    }

    /// The first characters, as many as a type holds; a text that is not known whole is left.
    fn cut(self, longest: usize) -> Self {
        if self.len() <= longest || !self.is_exact() {
            return self;
        }
        let end = self.text().char_indices().nth(longest);
        match end {
            Some((end, _)) => self.part(0..end),
            None => self,
        }
    }

    fn filled(mut self, length: usize) -> Self {
        const MOST: usize = 8000;
        let blanks = length.min(MOST).saturating_sub(self.text().chars().count());
        if blanks > 0 && self.is_exact() {
            let origin = self.origin(self.len());
            self.push(&" ".repeat(blanks), origin);
        }
        self
    }

    fn to_integer(&self, origin: usize) -> Self {
        match self.as_integer() {
            None if self.measure.is_some() => self.clone(),
            Some(number) => Self::integer(number, self.origin(0)),
            None if self.text().trim_matches(' ').is_empty() => Self::integer(0, origin),
            None => Self::number(Kind::Integer, origin),
        }
    }

    fn to_number(&self, origin: usize) -> Self {
        let harmless =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '/' | ' ');
        // Text becomes a date or a number spelt another way.
        let kept =
            self.kind.is_number() || (self.is_numeric() && self.text().chars().all(harmless));
        if kept {
            self.map_holes(|_| NUMBER_HOLE).of(Kind::Numeric)
        } else {
            Self::number(Kind::Numeric, origin)
        }
    }

    fn to_binary(&self, stated: Length, longest: usize, style: Option<i64>, origin: usize) -> Self {
        let unknown = || Self::hole(HOLE, Kind::Other, origin);
        let bytes = match self.kind {
            Kind::Binary => decode::from_hex(self.text()),
            Kind::Integer => self
                .as_integer()
                .map(|number| integer_bytes(number, stated)),
            Kind::Text | Kind::National if !self.is_exact() => None,
            Kind::Text | Kind::National => match style {
                Some(1) => {
                    let text = self.text();
                    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
                    digits.and_then(decode::from_hex)
                }
                Some(2) => decode::from_hex(self.text()),
                _ => Some(decode::to_bytes(self.text(), self.kind == Kind::National)),
            },
            _ => None,
        };
        let Some(mut bytes) = bytes else {
            return unknown();
        };
        bytes.truncate(longest);
        Self::made(&decode::to_hex(&bytes), Kind::Binary, self.origin(0))
    }

    /// `self + right`, for texts, numbers and binaries alike.
    pub(super) fn concatenate(&mut self, right: &Self, origin: usize) {
        let numbers = self.kind == Kind::Integer || right.kind == Kind::Integer;
        if numbers && let (Some(a), Some(b)) = (self.as_integer(), right.as_integer()) {
            *self = match a.checked_add(b) {
                Some(sum) => Self::integer(sum, self.origin(0)),
                None => Self::number(Kind::Integer, origin),
            };
            return;
        }
        let measures = (self.measure, right.measure);
        if numbers && let (Some(measure), None) | (None, Some(measure)) = measures {
            let more = self.as_integer().or(right.as_integer());
            *self = Self::measuring(more.and_then(|more| measure.plus(more)), origin);
            return;
        }
        let number_like = |kind: Kind| kind.is_number() || kind == Kind::Other;
        let is_sum = (self.kind.is_number() && number_like(right.kind))
            || (right.kind.is_number() && number_like(self.kind));
        if is_sum {
            *self = Self::number(Kind::Numeric, origin);
            return;
        }
        match (self.kind, right.kind) {
            (Kind::Binary, kind) if kind.is_text() => {
                *self = self.to_text(kind == Kind::National, None);
                self.append(right);
            }
            (kind, Kind::Binary) if kind.is_text() => {
                self.append(&right.to_text(kind == Kind::National, None));
            }
            _ => self.append(right),
        }
        self.kind = match (self.kind, right.kind) {
            (Kind::Binary, Kind::Binary) => Kind::Binary,
            (Kind::National, _) | (_, Kind::National) => Kind::National,
            (Kind::Other, Kind::Other | Kind::Binary) => Kind::Other,
            _ => Kind::Text,
        };
    }
}

/// As many low bytes as the type holds, or those of an int or a bigint.
fn integer_bytes(number: i64, stated: Length) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let natural = if i32::try_from(number).is_ok() { 4 } else { 8 };
    let length = match stated {
        Length::Is(length) => length.min(8),
        _ => natural,
    };
    bytes.get(8 - length..).unwrap_or_default().to_vec()
}
