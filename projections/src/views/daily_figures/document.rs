//! Document of the view `daily_figures`.

use serde::{Deserialize, Serialize};

/// Figures of one day for the customers of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyFiguresDocument {
    /// Day in the deployment's time zone, such as `2026-11-23`.
    pub day: String,
    /// Figures of the day.
    #[serde(flatten)]
    pub figures: DayFigures,
}

/// Figures of a day.
///
/// Customers, orders and activity count as they are now, on the day that the
/// shop gave. Messages count when something happened to them: a message that
/// failed and was then sent again counts in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DayFigures {
    /// Customers whose profile was first recorded with a `registered_at` on this
    /// day, or on this day without one. Each counts once; later profiles change
    /// nothing.
    pub customers: i64,
    /// Orders placed on this day that are neither cancelled nor refunded.
    pub orders: i64,
    /// Sum of the amounts of these orders without what was paid back, in minor
    /// units.
    pub revenue: i64,
    /// What was paid back of these orders, in minor units. `revenue` is without
    /// it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: i64,
    /// Activities that occurred on this day.
    pub activity: i64,
    /// Messages that the vendor accepted. A message without a record of that
    /// counts when its first receipt says that something happened to it.
    pub sent: i64,
    /// Messages that arrived, by their receipts.
    pub delivered: i64,
    /// Messages that did not arrive, by their receipts, that the vendor refused, or that
    /// were given up.
    pub failed: i64,
    /// Messages that were suppressed.
    pub suppressed: i64,
}

fn is_zero(figure: &i64) -> bool {
    *figure == 0
}

impl DayFigures {
    /// Returns the revenue before refunds, in minor units; `None` beyond 64 bits.
    pub fn gross_revenue(&self) -> Option<i64> {
        self.revenue.checked_add(self.refunded)
    }

    /// Returns the figures with those of others added; `None` if a sum exceeds
    /// 64 bits.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self {
            customers: self.customers.checked_add(other.customers)?,
            orders: self.orders.checked_add(other.orders)?,
            revenue: self.revenue.checked_add(other.revenue)?,
            refunded: self.refunded.checked_add(other.refunded)?,
            activity: self.activity.checked_add(other.activity)?,
            sent: self.sent.checked_add(other.sent)?,
            delivered: self.delivered.checked_add(other.delivered)?,
            failed: self.failed.checked_add(other.failed)?,
            suppressed: self.suppressed.checked_add(other.suppressed)?,
        })
    }
}
