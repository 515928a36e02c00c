//! A customer as the comparison sees them.

use bson::{Bson, DateTime, Document, RawDocument};
use domain::Timestamp;

/// What customers are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// How long ago their last order was.
    Recency,
    /// How many orders they placed.
    Frequency,
    /// How much they spent.
    Spend,
    /// How often they did anything else.
    Activity,
}

/// One in fixed point: sums of whole numbers come out the same in any order,
/// and what is equal is equal to the last bit.
const ONE: f64 = (1u64 << 30) as f64;

/// After so many days a last order counts for a third of one today.
const FADING: f64 = 90.0;

const DAY: i64 = 86_400_000;

impl Feature {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Recency, Self::Frequency, Self::Spend, Self::Activity];

    /// What its values are: the rules' field, where there is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recency => "days_since_last_order",
            Self::Frequency => "order_count",
            Self::Spend => "total_spend",
            Self::Activity => "activities",
        }
    }

    /// A value on the scale that it is compared on, in fixed point. Nine
    /// orders and ten are closer there than none and one; who never ordered is
    /// as who did so years before the store's last order.
    fn scaled(self, value: Option<i64>, clock: Clock) -> i64 {
        let scaled = match (self, value) {
            (_, None) => 0.0,
            (Self::Recency, Some(days)) => {
                // An order that has just come in may be later than the last.
                let before = (days - clock.rested).max(0);
                (-before as f64 / FADING).exp()
            }
            (_, Some(value)) => (value.max(0) as f64).ln_1p(),
        };
        (scaled * ONE).round() as i64
    }

    /// The value that lies there on the scale. `None` where there is none.
    pub(super) fn unscaled(self, scaled: f64, clock: Clock) -> Option<f64> {
        let scaled = scaled / ONE;
        match self {
            Self::Recency if scaled <= 0.0 => None,
            Self::Recency => Some(clock.rested as f64 - FADING * scaled.ln()),
            _ => Some(scaled.exp_m1()),
        }
    }
}

/// What days are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    now: Timestamp,
    /// Whole days since anybody's last order. A factor changes no distance, so
    /// that recency is told from there on: of a store that has been at rest
    /// for years it would be too small to tell otherwise.
    rested: i64,
}

impl Clock {
    /// `latest` is when the last order of all was.
    pub(super) fn new(now: Timestamp, latest: Option<DateTime>) -> Self {
        let clock = Self { now, rested: 0 };
        let rested = latest.map_or(0, |at| clock.days_since(at));
        Self { rested, ..clock }
    }

    /// Whole days, none for what is yet to come.
    fn days_since(self, at: DateTime) -> i64 {
        let age = self.now.millis().saturating_sub(at.timestamp_millis());
        age.max(0) / DAY
    }
}

/// What of a document tells the features.
pub(super) fn fields() -> Document {
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

/// One customer's features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    values: [Option<i64>; 4],
    scaled: [i64; 4],
}

impl Profile {
    /// Days, orders, minor units, activities. Who never ordered has no days.
    pub(super) fn new(values: [Option<i64>; 4], clock: Clock) -> Self {
        let scaled = Feature::ALL.map(|feature| feature.scaled(values[feature as usize], clock));
        Self { values, scaled }
    }

    /// Of a customer's document, or of as much of it as [`fields`] names.
    pub(super) fn read(customer: &RawDocument, clock: Clock) -> Result<Self, bson::error::Error> {
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

    /// A feature in its own unit.
    pub(super) fn value(&self, feature: Feature) -> Option<i64> {
        self.values[feature as usize]
    }

    /// A feature on the scale that it is compared on.
    pub(super) fn scaled(&self, feature: Feature) -> i64 {
        self.scaled[feature as usize]
    }
}

/// How often somebody did anything, under whatever name.
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
