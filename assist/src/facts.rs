//! What a store says about itself.

use std::collections::BTreeMap;

use domain::{Currency, Name};

/// What requests may refer to: aggregates and the names of groups, nothing
/// about any one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What its money is.
    pub currency: Currency,
    /// The 10th, 20th, … 90th percentile of each measure, money in minor units,
    /// of the customers who have any. A measure is absent where too few have.
    pub quantiles: BTreeMap<Measure, [i64; 9]>,
    /// The most common cities, each with how many customers live there.
    pub cities: BTreeMap<String, u64>,
    /// The most common countries.
    pub countries: BTreeMap<String, u64>,
    /// The most common tags.
    pub tags: BTreeMap<String, u64>,
    /// The most common kinds of activity, each with how many customers it is
    /// known of.
    pub activities: BTreeMap<Name, u64>,
}

/// A number by which customers are high or low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// `total_spend`
    TotalSpend,
    /// `order_count`
    OrderCount,
    /// `average_order_value`
    AverageOrderValue,
    /// `visits`
    Visits,
}

impl Measure {
    /// All there are.
    pub const ALL: [Self; 4] = [
        Self::TotalSpend,
        Self::OrderCount,
        Self::AverageOrderValue,
        Self::Visits,
    ];

    /// The field of the rules.
    pub fn field(self) -> &'static str {
        match self {
            Self::TotalSpend => "total_spend",
            Self::OrderCount => "order_count",
            Self::AverageOrderValue => "average_order_value",
            Self::Visits => "visits",
        }
    }
}

impl Facts {
    /// Of a store of which nothing is known but its currency.
    pub fn new(currency: Currency) -> Self {
        Self {
            currency,
            quantiles: BTreeMap::new(),
            cities: BTreeMap::new(),
            countries: BTreeMap::new(),
            tags: BTreeMap::new(),
            activities: BTreeMap::new(),
        }
    }

    /// The value below which so many percent of the customers lie, of the
    /// multiples of ten from 10 to 90.
    pub fn quantile(&self, measure: Measure, percent: u8) -> Option<i64> {
        let index = usize::from(percent / 10).checked_sub(1)?;
        let is_known = percent.is_multiple_of(10);
        let values = self.quantiles.get(&measure).filter(|_| is_known)?;
        values.get(index).copied()
    }
}
