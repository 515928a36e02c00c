//! Number of aggregates in a deployment, from their heads.

use std::fmt;

use eventlog::{Log, LogError};

/// Number of customers, orders, activities, segments and campaigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// Number of customers.
    pub customers: u64,
    /// Number of orders.
    pub orders: u64,
    /// Number of activities.
    pub activities: u64,
    /// Number of segments, archived or not.
    pub segments: u64,
    /// Number of campaigns.
    pub campaigns: u64,
}

impl Contents {
    /// Counts the heads of a log.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn of(log: &Log) -> Result<Self, LogError> {
        Ok(Self {
            customers: log.head_count("customer").await?,
            orders: log.head_count("order").await?,
            activities: log.head_count("activity").await?,
            segments: log.head_count("segment").await?,
            campaigns: log.head_count("campaign").await?,
        })
    }

    /// Returns whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the number of aggregates of all kinds.
    pub fn total(&self) -> u64 {
        self.customers + self.orders + self.activities + self.segments + self.campaigns
    }

    /// Returns what remains without `others`, of each kind.
    pub(crate) fn without(&self, others: &Self) -> Self {
        Self {
            customers: self.customers.saturating_sub(others.customers),
            orders: self.orders.saturating_sub(others.orders),
            activities: self.activities.saturating_sub(others.activities),
            segments: self.segments.saturating_sub(others.segments),
            campaigns: self.campaigns.saturating_sub(others.campaigns),
        }
    }
}

impl fmt::Display for Contents {
    /// Writes the kinds that there are any of: `3 customers and 1 segment`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.customers, "customer", "customers"),
            (self.orders, "order", "orders"),
            (self.activities, "activity", "activities"),
            (self.segments, "segment", "segments"),
            (self.campaigns, "campaign", "campaigns"),
        ];
        let parts: Vec<String> = kinds
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
            .collect();
        match parts.split_last() {
            None => f.write_str("nothing"),
            Some((only, [])) => f.write_str(only),
            Some((last, before)) => write!(f, "{} and {last}", before.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_named_by_kind() {
        let contents = |customers, orders, segments| Contents {
            customers,
            orders,
            segments,
            ..Contents::default()
        };
        assert_eq!(contents(0, 0, 0).to_string(), "nothing");
        assert_eq!(contents(3, 0, 0).to_string(), "3 customers");
        assert_eq!(contents(3, 0, 1).to_string(), "3 customers and 1 segment");
        assert_eq!(
            contents(1, 2, 3).to_string(),
            "1 customer, 2 orders and 3 segments"
        );
        assert_eq!(
            contents(5, 2, 0).without(&contents(4, 9, 0)),
            contents(1, 0, 0)
        );
    }
}
