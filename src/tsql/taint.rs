//! What a value hangs on besides what is written in the text.

/// Whose values are in a value: those of parameters of the module, data it reads, or something that cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Taint {
    /// One bit for each parameter by its place; the last stands for every one from there on.
    parameters: u64,
    /// Rows, files, results of commands, what the caller's session holds.
    data: bool,
    /// It cannot be told: what a procedure put into it, or what nobody assigned.
    elsewhere: bool,
}

/// The place from which on parameters are not told apart.
const LAST: u32 = u64::BITS - 1;

impl Taint {
    pub(super) const CLEAN: Self = Self {
        parameters: 0,
        data: false,
        elsewhere: false,
    };
    pub(super) const DATA: Self = Self {
        data: true,
        ..Self::CLEAN
    };
    pub(super) const UNKNOWN: Self = Self {
        elsewhere: true,
        ..Self::CLEAN
    };

    /// Of the parameter at this place, from 0.
    pub(super) fn of_parameter(place: usize) -> Self {
        let bit = u32::try_from(place).unwrap_or(LAST).min(LAST);
        Self {
            parameters: 1 << bit,
            ..Self::CLEAN
        }
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            parameters: self.parameters | other.parameters,
            data: self.data || other.data,
            elsewhere: self.elsewhere || other.elsewhere,
        }
    }

    /// Whether a parameter or data is in it; `None` where that cannot be told.
    pub(super) fn is_tainted(self) -> Option<bool> {
        if self.parameters != 0 || self.data {
            return Some(true);
        }
        (!self.elsewhere).then_some(false)
    }

    /// Whether any parameter is in it.
    pub(super) fn has_parameters(self) -> bool {
        self.parameters != 0
    }

    /// Whether the parameter at this place is in it.
    pub(super) fn has_parameter(self, place: usize) -> bool {
        self.parameters & Self::of_parameter(place).parameters != 0
    }

    /// The same where what is in each parameter is known: `passed` tells, by the parameter's place, and is asked for
    /// none that is not in the value.
    pub(super) fn through_call(self, parameters: usize, passed: impl Fn(usize) -> Self) -> Self {
        let own = Self {
            parameters: 0,
            ..self
        };
        let places = (0..parameters).filter(|place| self.has_parameter(*place));
        places.fold(own, |taint, place| taint.and(passed(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_told_apart_and_followed_through_calls() {
        let first = Taint::of_parameter(0);
        let third = Taint::of_parameter(2).and(Taint::UNKNOWN);
        assert_eq!(first.is_tainted(), Some(true));
        assert_eq!(Taint::UNKNOWN.is_tainted(), None);
        assert_eq!(Taint::CLEAN.is_tainted(), Some(false));
        assert!(third.has_parameter(2) && !third.has_parameter(0));
        let passed = |place| {
            if place == 2 {
                Taint::CLEAN
            } else {
                Taint::DATA
            }
        };
        assert_eq!(first.through_call(3, passed), Taint::DATA);
        assert_eq!(third.through_call(3, passed), Taint::UNKNOWN);
        assert_eq!(
            third.through_call(2, passed),
            Taint::UNKNOWN,
            "there is no third"
        );
    }

    #[test]
    fn parameters_without_a_bit_of_their_own_count_as_each_other() {
        let far = Taint::of_parameter(200);
        assert!(far.has_parameter(63) && far.has_parameter(1000) && !far.has_parameter(62));
        let passed = |place| {
            if place == 90 {
                Taint::DATA
            } else {
                Taint::CLEAN
            }
        };
        assert_eq!(far.through_call(100, passed), Taint::DATA);
    }
}
