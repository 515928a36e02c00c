//! How far customers are from each other.

use super::profile::{Clock, Feature, Profile};

/// Sums over customers, exact in any order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Moments {
    count: i128,
    sums: [i128; 4],
    squares: [i128; 4],
}

impl Moments {
    /// One customer more.
    pub(super) fn add(&mut self, profile: &Profile) {
        self.count += 1;
        for feature in Feature::ALL {
            let scaled = i128::from(profile.scaled(feature));
            self.sums[feature as usize] += scaled;
            self.squares[feature as usize] += scaled * scaled;
        }
    }

    /// How many customers.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.count).unwrap_or_default()
    }

    /// The mean, in the feature's own unit. `None` where nobody has any.
    pub(super) fn typical(&self, feature: Feature, clock: Clock) -> Option<f64> {
        let sum = self.sums[feature as usize] as f64;
        match self.count {
            0 => None,
            count => feature.unscaled(sum / count as f64, clock),
        }
    }

    /// The standard deviation; `None` if all are the same.
    fn spread(&self, feature: Feature) -> Option<f64> {
        let (sum, squares) = (self.sums[feature as usize], self.squares[feature as usize]);
        let variance = self.count * squares - sum * sum;
        (variance > 0).then(|| (variance as f64).sqrt() / self.count as f64)
    }
}

/// Distances to the mean of some customers.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    clock: Clock,
    members: Moments,
    spreads: [Option<f64>; 4],
}

impl Scale {
    /// To the mean of the members, in standard deviations of everybody. There
    /// has to be a member.
    pub(super) fn new(members: Moments, everybody: &Moments, clock: Clock) -> Option<Self> {
        let spreads = Feature::ALL.map(|feature| everybody.spread(feature));
        (members.count > 0).then_some(Self {
            clock,
            members,
            spreads,
        })
    }

    /// How far a feature is from the mean, in standard deviations. `None` if
    /// it is the same for everybody in the store.
    pub(super) fn difference(&self, profile: &Profile, feature: Feature) -> Option<f64> {
        let spread = self.spreads[feature as usize]?;
        let count = self.members.count;
        let off = i128::from(profile.scaled(feature)) * count - self.members.sums[feature as usize];
        Some(off as f64 / count as f64 / spread)
    }

    /// The root mean square of the differences; nought only for who is exactly
    /// as the mean.
    pub(super) fn distance(&self, profile: &Profile) -> f64 {
        let (mut squares, mut features) = (0.0, 0);
        for feature in Feature::ALL {
            if let Some(difference) = self.difference(profile, feature) {
                squares += difference * difference;
                features += 1;
            }
        }
        match features {
            0 => 0.0,
            features => (squares / f64::from(features)).sqrt(),
        }
    }

    /// How many members there are.
    pub(super) fn customers(&self) -> u64 {
        self.members.count()
    }

    /// The mean of the members, in the feature's own unit.
    pub(super) fn typical(&self, feature: Feature) -> Option<f64> {
        self.members.typical(feature, self.clock)
    }
}
