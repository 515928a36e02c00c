//! Distance of customers to the mean of an audience.

use super::profile::{Clock, Feature, Profile};

/// Sums of features over customers. Integers, so the order of additions does not
/// matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Moments {
    count: i128,
    sums: [i128; 4],
    squares: [i128; 4],
}

impl Moments {
    /// Adds a customer.
    pub(crate) fn add(&mut self, profile: &Profile) {
        self.count += 1;
        for feature in Feature::ALL {
            let scaled = i128::from(profile.scaled(feature));
            self.sums[feature as usize] += scaled;
            self.squares[feature as usize] += scaled * scaled;
        }
    }

    /// Returns the number of customers.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.count).unwrap_or_default()
    }

    /// Returns the mean in the feature's own unit. `None` without customers, or if
    /// none of them has a value.
    pub(crate) fn typical(&self, feature: Feature, clock: Clock) -> Option<f64> {
        let sum = self.sums[feature as usize] as f64;
        match self.count {
            0 => None,
            count => feature.unscaled(sum / count as f64, clock),
        }
    }

    /// Returns the standard deviation; `None` if all values are equal.
    fn spread(&self, feature: Feature) -> Option<f64> {
        let (sum, squares) = (self.sums[feature as usize], self.squares[feature as usize]);
        let variance = self.count * squares - sum * sum;
        (variance > 0).then(|| (variance as f64).sqrt() / self.count as f64)
    }
}

/// Mean of an audience and the standard deviations of the store, by which distances
/// are measured.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    clock: Clock,
    members: Moments,
    spreads: [Option<f64>; 4],
}

impl Scale {
    /// Creates a scale from the sums over the members and over all customers. `None`
    /// without members.
    pub(crate) fn new(members: Moments, all: &Moments, clock: Clock) -> Option<Self> {
        let spreads = Feature::ALL.map(|feature| all.spread(feature));
        (members.count > 0).then_some(Self {
            clock,
            members,
            spreads,
        })
    }

    /// Returns the difference of a feature to the mean, in standard deviations.
    /// `None` if the feature is equal for all customers of the store.
    pub(crate) fn difference(&self, profile: &Profile, feature: Feature) -> Option<f64> {
        let spread = self.spreads[feature as usize]?;
        let count = self.members.count;
        // Multiplied by the count, the difference is an exact integer, so that it is
        // 0 for a customer equal to the mean.
        let off = i128::from(profile.scaled(feature)) * count - self.members.sums[feature as usize];
        Some(off as f64 / count as f64 / spread)
    }

    /// Returns the root mean square of the differences; 0 only for a customer equal
    /// to the mean.
    pub(crate) fn distance(&self, profile: &Profile) -> f64 {
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

    /// Returns the number of members.
    pub(crate) fn customers(&self) -> u64 {
        self.members.count()
    }

    /// Returns the mean of the members in the feature's own unit.
    pub(crate) fn typical(&self, feature: Feature) -> Option<f64> {
        self.members.typical(feature, self.clock)
    }
}
