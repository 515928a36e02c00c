//! Generated orders with a realistic distribution: sorted by time, three per customer on average,
//! with one order for many customers and very many orders for a few.

use domain::{Amount, Currency, CustomerId, OrderContent, OrderId, OrderStatus, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Time of the first order, 2024-01-01T00:00:00Z.
const START: i64 = 1_704_067_200_000;

/// Time from the first to the last order, two years in milliseconds.
const SPAN: i64 = 2 * 365 * 86_400_000;

/// Generator of orders. The same seed gives the same orders.
pub(super) struct OrderGenerator {
    random: StdRng,
    next: u64,
    count: u64,
    customers: u64,
    /// Prefix of the orders' ids.
    prefix: &'static str,
    currency: Currency,
}

/// Generated order.
pub(super) struct GeneratedOrder {
    pub(super) customer: CustomerId,
    pub(super) order: OrderId,
    pub(super) content: OrderContent,
}

impl OrderGenerator {
    pub(super) fn new(count: u64, seed: u64) -> anyhow::Result<Self> {
        Self::of_customers(count, count / 3, seed)
    }

    /// Returns a generator with this number of customers, most of whom have an order.
    pub(super) fn of_customers(count: u64, customers: u64, seed: u64) -> anyhow::Result<Self> {
        Ok(Self {
            random: StdRng::seed_from_u64(seed),
            next: 0,
            count,
            customers,
            prefix: "o",
            currency: Currency::try_from("USD")?,
        })
    }

    /// Sets the prefix of the orders' ids.
    pub(super) fn with_prefix(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    fn generate(&mut self) -> anyhow::Result<GeneratedOrder> {
        let customers = self.customers.max(1) as f64;
        // The cube of a uniform number: the first eighth of the customers has half of the orders.
        let customer = (self.random.random::<f64>().powi(3) * customers) as u64;
        let amount = (500.0 / (1.0 - self.random.random::<f64>())).min(1e7) as i64;
        let at = START + SPAN / self.count as i64 * self.next as i64;
        Ok(GeneratedOrder {
            customer: CustomerId::try_from(format!("c-{customer:07}"))?,
            order: OrderId::try_from(format!("{}-{:08}", self.prefix, self.next))?,
            content: OrderContent {
                amount: Amount::try_from(amount)?,
                refunded_amount: Amount::default(),
                currency: self.currency,
                placed_at: Timestamp::from_millis(at)?,
                status: OrderStatus::Placed,
                items: Vec::new(),
                updated_at: None,
            },
        })
    }

    /// Returns up to `size` more orders.
    pub(super) fn batch(&mut self, size: u64) -> anyhow::Result<Vec<GeneratedOrder>> {
        let mut batch = Vec::new();
        while self.next < self.count && (batch.len() as u64) < size {
            batch.push(self.generate()?);
            self.next += 1;
        }
        Ok(batch)
    }
}

impl GeneratedOrder {
    /// Returns the order as JSON, in the form of the API.
    pub(super) fn to_json(&self) -> String {
        let Self {
            customer,
            order,
            content,
        } = self;
        format!(
            r#"{{"order_id":"{order}","customer_id":"{customer}","amount":{},"currency":"{}","placed_at":"{}"}}"#,
            content.amount.minor(),
            content.currency,
            content.placed_at,
        )
    }
}
