//! One number a round. Ratios are taken within a round, so that what else the
//! machine does meanwhile is in both numbers.

use serde::{Deserialize, Serialize};

/// A number of each round, the first round first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Series(pub(crate) Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, number: f64) {
        self.0.push(number);
    }

    /// The middle one, or the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
        match (sorted.get(low), sorted.get(high)) {
            (Some(low), Some(high)) => f64::midpoint(*low, *high),
            _ => f64::NAN,
        }
    }

    pub(crate) fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    pub(crate) fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    /// This over that, round by round.
    pub(crate) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(this, other)| this / other).collect())
    }

    /// This less that, round by round.
    pub(crate) fn less(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(this, other)| this - other).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends() {
        let odd = Series(vec![9.0, 1.0, 4.0]);
        assert_eq!((odd.median(), odd.least(), odd.most()), (4.0, 1.0, 9.0));
        assert_eq!(Series(vec![4.0, 1.0, 9.0, 2.0]).median(), 3.0);
        assert!(Series::default().median().is_nan());
    }

    #[test]
    fn ratios_are_those_of_one_round() {
        // A machine that was twice as slow in the second round changes nothing.
        let (slow, quick) = (Series(vec![10.0, 20.0]), Series(vec![5.0, 10.0]));
        assert_eq!(slow.over(&quick), Series(vec![2.0, 2.0]));
        assert_eq!(slow.less(&quick), Series(vec![5.0, 10.0]));
    }
}
