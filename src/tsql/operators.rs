//! Operators between values: `+` of texts, and arithmetic on whole numbers that are known.

use super::folded::{Budget, Folded, MOST_ALTERNATIVES, reasons};
use super::value::{Kind, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    /// A comparison or the like.
    Other,
}

impl Operator {
    pub(super) fn of(mark: &str) -> Option<Self> {
        Some(match mark {
            "+" => Self::Plus,
            "-" => Self::Minus,
            "*" => Self::Times,
            "/" => Self::Divide,
            "%" => Self::Modulo,
            "&" => Self::And,
            "|" => Self::Or,
            "^" => Self::Xor,
            _ => return None,
        })
    }

    fn binds_closer(self) -> bool {
        matches!(self, Self::Times | Self::Divide | Self::Modulo)
    }

    fn apply(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Plus => a.checked_add(b),
            Self::Minus => a.checked_sub(b),
            Self::Times => a.checked_mul(b),
            Self::Divide => a.checked_div(b),
            Self::Modulo => a.checked_rem(b),
            Self::And => Some(a & b),
            Self::Or => Some(a | b),
            Self::Xor => Some(a ^ b),
            Self::Other => None,
        }
    }
}

/// What has been read of an expression without parentheses: `sum + product * value`.
#[derive(Debug)]
pub(super) struct Operand {
    sum: Option<(Folded, Operator)>,
    product: Option<(Folded, Operator)>,
    value: Option<Folded>,
    /// The signs before the value make `factor * value + offset` of it: `-x`, and `~x`, which is `-x - 1`.
    factor: i64,
    offset: i64,
}

impl Default for Operand {
    fn default() -> Self {
        Self {
            sum: None,
            product: None,
            value: None,
            factor: 1,
            offset: 0,
        }
    }
}

impl Operand {
    /// A sign before a value.
    pub(super) fn sign(&mut self, operator: Operator) {
        if operator == Operator::Minus {
            self.factor = -self.factor;
        }
    }

    /// `~` before a value.
    pub(super) fn complement(&mut self) {
        self.offset = self.offset.saturating_sub(self.factor);
        self.factor = -self.factor;
    }

    pub(super) fn set(&mut self, value: Folded) {
        self.value = Some(value);
    }

    /// The value read last, without what stands before it.
    pub(super) fn take_last(&mut self) -> Option<Folded> {
        self.value.take()
    }

    /// The next value; one that follows another without an operator is no expression that is understood.
    pub(super) fn add(&mut self, mut value: Folded, origin: usize, budget: &mut Budget) {
        if self.value.is_some() {
            self.operator(Operator::Plus, origin, budget);
            value.open(reasons::EXPRESSION);
        }
        if self.factor != 1 || self.offset != 0 {
            let (factor, offset) = (self.factor, self.offset);
            value = value.map(|value| match value.as_integer() {
                Some(number) => number
                    .checked_mul(factor)
                    .and_then(|number| number.checked_add(offset))
                    .map_or_else(
                        || Value::number(Kind::Integer, origin),
                        |number| Value::integer(number, origin),
                    ),
                None => Value::number(Kind::Numeric, origin),
            });
            (self.factor, self.offset) = (1, 0);
        }
        if let Some((left, operator)) = self.product.take() {
            value = combine(left, operator, &value, origin, budget);
        }
        self.value = Some(value);
    }

    pub(super) fn operator(&mut self, operator: Operator, origin: usize, budget: &mut Budget) {
        let Some(value) = self.value.take() else {
            return;
        };
        if operator.binds_closer() {
            self.product = Some((value, operator));
            return;
        }
        let sum = match self.sum.take() {
            Some((left, pending)) => combine(left, pending, &value, origin, budget),
            None => value,
        };
        self.sum = Some((sum, operator));
    }

    /// The whole, after which the next begins.
    pub(super) fn take(&mut self, origin: usize, budget: &mut Budget) -> Option<Folded> {
        let mut operand = std::mem::take(self);
        let value = operand
            .value
            .take()
            .or_else(|| operand.product.take().map(|(left, _)| left));
        match (operand.sum, value) {
            (Some((left, operator)), Some(value)) => {
                Some(combine(left, operator, &value, origin, budget))
            }
            (sum, value) => value.or(sum.map(|(left, _)| left)),
        }
    }
}

/// `left operator right`
#[allow(clippy::needless_pass_by_value)] // both are used up
pub(super) fn combine(
    mut left: Folded,
    operator: Operator,
    right: &Folded,
    origin: usize,
    budget: &mut Budget,
) -> Folded {
    if operator == Operator::Plus {
        left.append(right, origin, budget);
        return left;
    }
    let pairs = left.values().len() * right.values().len();
    let mut result: Option<Folded> = None;
    if pairs <= MOST_ALTERNATIVES {
        for a in left.values() {
            for b in right.values() {
                let numbers = a.as_integer().zip(b.as_integer());
                let whole = numbers.and_then(|(a, b)| operator.apply(a, b));
                let less = b.as_integer().filter(|_| operator == Operator::Minus);
                let less = less.and_then(i64::checked_neg);
                let measure = a
                    .measure
                    .zip(less)
                    .and_then(|(measure, less)| measure.plus(less));
                let value = match (whole, measure) {
                    (Some(number), _) => Value::integer(number, origin),
                    (None, Some(_)) => Value::measuring(measure, origin),
                    (None, None) => Value::number(Kind::Numeric, origin),
                };
                match &mut result {
                    Some(result) => result.add_alternative(&value.into(), budget),
                    None => result = Some(value.into()),
                }
            }
        }
    }
    let mut result = result.unwrap_or_else(|| Value::number(Kind::Numeric, origin).into());
    result.derive_from(&left);
    result.derive_from(right);
    result
}
