//! Generated customers with a realistic distribution: a few buy much and many buy little or
//! nothing, most live in a few cities, and many fields are unknown.

use bson::{DateTime, RawDocumentBuf, rawdoc};
use domain::{AttributeValue, Text, Timestamp};
use projections::customers::{CustomerDocument, EventFacts};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Earliest time, 2023-01-01T00:00:00Z.
const START: i64 = 1_672_531_200_000;

/// Upper bound of all generated times, 2026-01-01T00:00:00Z.
pub(super) const NOW: i64 = 1_767_225_600_000;

/// Generator of customers. The same seed gives the same customers.
pub(super) struct CustomerGenerator {
    random: StdRng,
    next: u64,
    count: u64,
}

impl CustomerGenerator {
    pub(super) fn new(count: u64, seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            next: 0,
            count,
        }
    }

    /// Returns up to `size` more customers, as documents of the view.
    pub(super) fn batch(&mut self, size: u64) -> anyhow::Result<Vec<RawDocumentBuf>> {
        let mut batch = Vec::new();
        while self.next < self.count && (batch.len() as u64) < size {
            let document = bson::serialize_to_raw_document_buf(&self.generate()?)?;
            let id = format!("c-{:07}", self.next);
            let mut placed = rawdoc! {"_id": id, "_partition": 0, "_number": self.next as i64};
            for element in &document {
                let (key, value) = element?;
                placed.append(key, value);
            }
            batch.push(placed);
            self.next += 1;
        }
        Ok(batch)
    }

    fn generate(&mut self) -> anyhow::Result<CustomerDocument> {
        let n = self.next;
        let name = format!("Name{} Family{}", n % 977, n % 10_007);
        let mut customer = CustomerDocument {
            registered: true,
            email: Some(format!("name{n}@example.com")),
            phone: self.perhaps(0.7).then(|| format!("+49 30 {n:07}")),
            city: self
                .perhaps(0.85)
                .then(|| format!("City{:03}", self.skewed(200))),
            country: self
                .perhaps(0.9)
                .then(|| format!("Country{:02}", self.skewed(20))),
            tags: self.tags(),
            registered_at: self.perhaps(0.95).then(|| self.instant()),
            unsubscribed: self.perhaps(0.05),
            search: vec![format!("c-{n:07}"), name.to_lowercase()],
            name: Some(name),
            ..CustomerDocument::default()
        };
        self.attributes(&mut customer)?;
        self.orders(&mut customer)?;
        self.visits(&mut customer)?;
        customer.derive();
        Ok(customer)
    }

    fn attributes(&mut self, customer: &mut CustomerDocument) -> anyhow::Result<()> {
        if self.perhaps(0.6) {
            let tier = ["gold", "silver", "silver", "bronze", "bronze", "bronze"][self.below(6)];
            let tier = AttributeValue::Text(Text::try_from(tier.to_owned())?);
            customer.attributes.insert("tier".to_owned(), tier);
        }
        if self.perhaps(0.5) {
            let age = AttributeValue::Integer(18 + self.below(70) as i64);
            customer.attributes.insert("age".to_owned(), age);
        }
        Ok(())
    }

    fn orders(&mut self, customer: &mut CustomerDocument) -> anyhow::Result<()> {
        if self.perhaps(0.3) {
            return Ok(());
        }
        // Most customers have one or two orders, one in a thousand has more than a hundred.
        let orders = (1.0 / (1.0 - self.random.random::<f64>()).powf(0.7)).min(300.0) as i64;
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        let mut times = Vec::new();
        for _ in 0..orders {
            let at = self.instant().timestamp_millis();
            (first, last) = (first.min(at), last.max(at));
            times.push(Timestamp::from_millis(at)?);
            let amount = 800.0 / (1.0 - self.random.random::<f64>()).powf(0.6);
            customer.total_spend += amount.min(1e6) as i64;
        }
        customer.order_count = orders;
        customer.average_order_value = Some(customer.total_spend / orders);
        customer.first_order_at = Some(DateTime::from_millis(first));
        customer.last_order_at = Some(DateTime::from_millis(last));
        customer.order_times = times.into_iter().collect();
        Ok(())
    }

    fn visits(&mut self, customer: &mut CustomerDocument) -> anyhow::Result<()> {
        if self.perhaps(0.4) {
            return Ok(());
        }
        let mut times = Vec::new();
        let visits = (1.0 / (1.0 - self.random.random::<f64>()).powf(0.8)).min(100.0) as i64;
        for _ in 0..visits {
            let at = Timestamp::from_millis(self.instant().timestamp_millis())?;
            times.push(at);
        }
        let last = times.iter().max();
        let facts = EventFacts {
            count: visits,
            last_at: last.map(|at| DateTime::from_millis(at.millis())),
            times: times.into_iter().collect(),
            ..EventFacts::default()
        };
        customer.events.insert("visit".to_owned(), facts);
        Ok(())
    }

    fn tags(&mut self) -> Vec<String> {
        let mut tags = Vec::new();
        for (tag, share) in [("newsletter", 0.3), ("returned", 0.08), ("vip", 0.02)] {
            if self.perhaps(share) {
                tags.push(tag.to_owned());
            }
        }
        if self.perhaps(0.4) {
            tags.push(format!("tag{:02}", self.skewed(30)));
        }
        tags
    }

    /// Returns a random time. Recent times are more frequent.
    fn instant(&mut self) -> DateTime {
        let share = self.random.random::<f64>().sqrt();
        DateTime::from_millis(START + ((NOW - START) as f64 * share) as i64)
    }

    fn perhaps(&mut self, share: f64) -> bool {
        self.random.random::<f64>() < share
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound)
    }

    /// Returns a random number below the bound. Small numbers are more frequent: a fifth of the
    /// numbers below 200 are 0.
    fn skewed(&mut self, bound: usize) -> usize {
        let share = self.random.random::<f64>().powi(3);
        (share * bound as f64) as usize
    }
}
