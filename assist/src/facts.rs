//! Facts about a store that requests may refer to.

use std::collections::BTreeMap;

use domain::{Currency, Name};

/// Facts about a store: aggregates and names of groups, nothing about an individual
/// customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Currency of the store.
    pub currency: Currency,
    /// 10th, 20th, … 90th percentile of each measure, money in minor units, over the
    /// customers with a value above 0. A measure is absent if too few have one.
    pub quantiles: BTreeMap<Measure, [i64; 9]>,
    /// Most common cities, each with its number of customers.
    pub cities: BTreeMap<String, u64>,
    /// Most common countries, each with its number of customers.
    pub countries: BTreeMap<String, u64>,
    /// Most common tags, each with its number of customers.
    pub tags: BTreeMap<String, u64>,
    /// Most common kinds of activity, each with the number of customers who have any.
    pub activities: BTreeMap<Name, u64>,
}

/// Number by which customers are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Total spend, `total_spend`.
    TotalSpend,
    /// Number of orders, `order_count`.
    OrderCount,
    /// Average order value, `average_order_value`.
    AverageOrderValue,
    /// Number of visits, `visits`.
    Visits,
}

impl Measure {
    /// All measures.
    pub const ALL: [Self; 4] = [
        Self::TotalSpend,
        Self::OrderCount,
        Self::AverageOrderValue,
        Self::Visits,
    ];

    /// Returns the name of the rules' field.
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
    /// Creates the facts of a store of which only the currency is known.
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

    /// Returns the percentile `percent` of a measure; `None` unless it is a multiple of
    /// 10 from 10 to 90 and known.
    pub fn quantile(&self, measure: Measure, percent: u8) -> Option<i64> {
        let index = usize::from(percent / 10).checked_sub(1)?;
        let is_known = percent.is_multiple_of(10);
        let values = self.quantiles.get(&measure).filter(|_| is_known)?;
        values.get(index).copied()
    }
}
