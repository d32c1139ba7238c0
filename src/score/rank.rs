//! Which instances to look at first: exposure, weighted by what the inventory says an instance is worth.

use crate::ids::Criticality;

/// The place in the estate's ranking, greatest first: the weight times low and high exposure, so that what could not be
/// seen counts half. An instance of which the inventory says nothing weighs as one of medium criticality.
pub fn rank(criticality: Option<Criticality>, low: u32, high: u32) -> u32 {
    let weight = match criticality {
        Some(Criticality::Low) => 1,
        Some(Criticality::Medium) | None => 2,
        Some(Criticality::High) => 3,
        Some(Criticality::Critical) => 4,
    };
    weight * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criticality_and_the_unseen_raise_a_place() {
        assert!(rank(Some(Criticality::Critical), 30, 30) > rank(Some(Criticality::Low), 100, 100));
        assert!(rank(None, 40, 60) > rank(None, 40, 40));
        assert_eq!(rank(None, 40, 40), rank(Some(Criticality::Medium), 40, 40));
        assert!(rank(Some(Criticality::High), 1, 1) > rank(Some(Criticality::Medium), 1, 1));
    }
}
