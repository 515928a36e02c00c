//! Features by which customers are compared.

use bson::{Bson, DateTime, Document, RawDocument};
use domain::Timestamp;

/// Feature by which customers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Time since the last order.
    Recency,
    /// Number of orders.
    Frequency,
    /// Total spend.
    Spend,
    /// Number of activities.
    Activity,
}

/// The number 1 in fixed point. Sums of integers are the same in any order, and
/// equal values have a distance of exactly 0.
const ONE: f64 = (1u64 << 30) as f64;

/// Decay time of recency in days: an order that long ago counts 1/e of one today.
const RECENCY_DECAY_DAYS: f64 = 90.0;

const DAY_MILLIS: i64 = 86_400_000;

impl Feature {
    /// All features, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Recency, Self::Frequency, Self::Spend, Self::Activity];

    /// Returns the name of the feature's values: that of the rules' field, where
    /// there is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recency => "days_since_last_order",
            Self::Frequency => "order_count",
            Self::Spend => "total_spend",
            Self::Activity => "activities",
        }
    }

    /// Transforms a value to the scale of the comparison, in fixed point. Nine and
    /// ten orders are closer there than none and one. A customer who never ordered
    /// is placed like one who ordered years before the store's last order.
    fn scaled(self, value: Option<i64>, clock: Clock) -> i64 {
        let scaled = match (self, value) {
            (_, None) => 0.0,
            (Self::Recency, Some(days)) => {
                // An order that came in during the scan may be later than the last.
                let before_last = (days - clock.idle_days).max(0);
                (-before_last as f64 / RECENCY_DECAY_DAYS).exp()
            }
            (_, Some(value)) => (value.max(0) as f64).ln_1p(),
        };
        (scaled * ONE).round() as i64
    }

    /// Transforms a value on the scale back to the feature's own unit. `None` where
    /// no value corresponds to it.
    pub(crate) fn unscaled(self, scaled: f64, clock: Clock) -> Option<f64> {
        let scaled = scaled / ONE;
        match self {
            Self::Recency if scaled <= 0.0 => None,
            Self::Recency => Some(clock.idle_days as f64 - RECENCY_DECAY_DAYS * scaled.ln()),
            _ => Some(scaled.exp_m1()),
        }
    }
}

/// Reference times for recency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    now: Timestamp,
    /// Whole days since the last order in the store. Recency is measured from that
    /// order: in a store that has been idle for years, all values of
    /// `exp(-days / 90)` would round to 0. The common factor changes no distance.
    idle_days: i64,
}

impl Clock {
    /// Creates a clock. `latest` is the time of the last order in the store.
    pub(crate) fn new(now: Timestamp, latest: Option<DateTime>) -> Self {
        let clock = Self { now, idle_days: 0 };
        let idle_days = latest.map_or(0, |at| clock.days_since(at));
        Self { idle_days, ..clock }
    }

    /// Returns the whole days since a time; 0 for a time in the future.
    fn days_since(self, at: DateTime) -> i64 {
        let age = self.now.millis().saturating_sub(at.timestamp_millis());
        age.max(0) / DAY_MILLIS
    }
}

/// Returns the projection with the fields that the features are computed from.
pub(crate) fn fields() -> Document {
    let names = FIELDS
        .iter()
        .map(|name| ((*name).to_owned(), Bson::from(1)));
    names.collect()
}

const FIELDS: [&str; 5] = [
    "last_order_at",
    "order_count",
    "total_spend",
    "events",
    "other_events",
];

/// Features of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    values: [Option<i64>; 4],
    scaled: [i64; 4],
}

impl Profile {
    /// Creates a profile from the days since the last order, the number of orders,
    /// the spend in minor units, and the number of activities. A customer who never
    /// ordered has no days.
    pub(crate) fn new(values: [Option<i64>; 4], clock: Clock) -> Self {
        let scaled = Feature::ALL.map(|feature| feature.scaled(values[feature as usize], clock));
        Self { values, scaled }
    }

    /// Reads a profile from a customer's document, which needs only the [`fields`].
    pub(crate) fn read(customer: &RawDocument, clock: Clock) -> Result<Self, bson::error::Error> {
        let last = customer.get("last_order_at")?;
        let last = last.and_then(|at| at.as_datetime());
        let values = [
            last.map(|at| clock.days_since(at)),
            Some(customer.get_i64("order_count")?),
            Some(customer.get_i64("total_spend")?),
            Some(activities(customer)?),
        ];
        Ok(Self::new(values, clock))
    }

    /// Returns a feature in its own unit.
    pub(crate) fn value(&self, feature: Feature) -> Option<i64> {
        self.values[feature as usize]
    }

    /// Returns a feature on the scale of the comparison.
    pub(crate) fn scaled(&self, feature: Feature) -> i64 {
        self.scaled[feature as usize]
    }
}

/// Returns the number of a customer's activities of all names.
fn activities(customer: &RawDocument) -> Result<i64, bson::error::Error> {
    let mut sum = customer.get_i64("other_events")?;
    for activity in customer.get_document("events")?.iter() {
        let (_, facts) = activity?;
        let facts = facts.as_document();
        let count = facts.map(|facts| facts.get_i64("count")).transpose()?;
        sum = sum.saturating_add(count.unwrap_or_default());
    }
    Ok(sum)
}
