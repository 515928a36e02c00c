//! Lookalikes: customers similar to those that rules match.
//!
//! Customers are compared by recency, frequency and monetary value, the
//! measures of RFM analysis (Hughes, *Strategic Database Marketing*, 1994),
//! and by the number of their activities. Each measure is transformed so that
//! equal steps have about the same meaning: recency to `exp(-days / 90)`, all
//! others to `ln(1 + x)`. The distance of a customer to the mean of the
//! audience is the standardized Euclidean distance: differences are divided by
//! the standard deviation over the whole store. The model needs no training,
//! and explains for each customer which features are similar.

mod nearest;
mod profile;
mod scale;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use bson::{DateTime, Document, RawDocument, RawDocumentBuf, doc};
use domain::Timestamp;
use domain::rules::{Predicate, Rules};
use mongodb::Collection;
use mongodb::error::Error;

use crate::runtime::scan::{BATCH, PATIENCE, each};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;
use crate::views::customers::filter::{filter, living};
use crate::views::customers::members::read_customers;
use crate::views::customers::{CustomerDocument, Customers};

use nearest::{Candidate, Nearest};
pub use profile::Feature;
use profile::{Clock, Profile, fields};
use scale::{Moments, Scale};

/// Maximum number of lookalikes per query.
pub const MAX_LOOKALIKES: usize = 100;

/// Result of a search for lookalikes.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookalikes {
    /// The rules match no customer, so there is nothing to compare with.
    NoMembers,
    /// The rules match at least one customer.
    Found {
        /// Mean of the audience: of the customers that the rules match.
        audience: AudienceMean,
        /// Nearest customers outside the audience, the nearest first; ties are
        /// ordered by id. Empty if the rules match all customers.
        items: Vec<Lookalike>,
    },
}

/// Mean of an audience.
#[derive(Debug, Clone, PartialEq)]
pub struct AudienceMean {
    /// Number of customers in the audience.
    pub customers: u64,
    /// Mean of each feature, in the feature's own unit. It is computed on the scale
    /// of the comparison, so that a few large buyers move it little. The days since
    /// the last order are `None` if no customer ever ordered.
    pub typical: BTreeMap<Feature, Option<f64>>,
}

/// A customer similar to an audience.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookalike {
    /// Id of the customer.
    pub id: String,
    /// Document of the customer.
    pub document: CustomerDocument,
    /// Distance to the mean in standard deviations; 0 for a customer equal to the
    /// mean.
    pub distance: f64,
    /// Features, the most similar first. Features that are equal for all customers
    /// of the store are left out.
    pub features: Vec<FeatureDifference>,
}

/// Comparison of one feature of a customer with the mean.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureDifference {
    /// Feature that is compared.
    pub feature: Feature,
    /// Value of the customer in the feature's own unit; `None` for the recency of a
    /// customer who never ordered.
    pub value: Option<i64>,
    /// Mean of the audience in the same unit.
    pub typical: Option<f64>,
    /// Difference to the mean in standard deviations. Negative if the customer has
    /// less, or ordered longer ago.
    pub difference: f64,
}

impl Store {
    /// Finds up to `limit` customers, at most [`MAX_LOOKALIKES`], that the rules do
    /// not match now but that are most similar to those that they match.
    ///
    /// Reads the members once, all customers once, and all others once more, with
    /// the facts about their activities; each takes seconds for a million. Holds
    /// one batch and the results in memory.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer or takes too long.
    pub async fn lookalikes(
        &self,
        rules: &Rules,
        now: Timestamp,
        limit: usize,
    ) -> Result<Lookalikes, QueryError> {
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let clock = Clock::new(now, last_order(&customers).await?);
        let inside = rules.at(now);
        let members = moments(&customers, living(filter(&inside)), clock).await?;
        // Without members there is nothing to compare with, so the other
        // customers need not be read.
        let all = match members.count() {
            0 => Moments::default(),
            _ => moments(&customers, living(doc! {}), clock).await?,
        };
        let Some(scale) = Scale::new(members, &all, clock) else {
            return Ok(Lookalikes::NoMembers);
        };
        let outside = living(filter(&Predicate::Not(Box::new(inside))));
        let nearest = Nearest::new(limit.min(MAX_LOOKALIKES));
        let nearest = find_nearest(&customers, outside, clock, &scale, nearest).await?;
        let typical = Feature::ALL.map(|feature| (feature, scale.typical(feature)));
        Ok(Lookalikes::Found {
            audience: AudienceMean {
                customers: scale.customers(),
                typical: typical.into(),
            },
            items: load_documents(&customers, nearest, &scale).await?,
        })
    }
}

/// Returns the time of the last order of any customer.
async fn last_order(customers: &Collection<RawDocumentBuf>) -> Result<Option<DateTime>, Error> {
    let latest = customers
        .find_one(living(doc! {}))
        .projection(doc! {"_id": 0, "last_order_at": 1})
        .sort(doc! {"last_order_at": -1})
        .max_time(PATIENCE)
        .await?;
    let at = |customer: RawDocumentBuf| {
        let at = customer.get("last_order_at").map_err(Error::custom)?;
        Ok(at.and_then(|at| at.as_datetime()))
    };
    latest.map_or(Ok(None), at)
}

async fn moments(
    customers: &Collection<RawDocumentBuf>,
    filter: Document,
    clock: Clock,
) -> Result<Moments, Error> {
    let mut moments = Moments::default();
    let find = customers.find(filter).projection(fields());
    let cursor = find.batch_size(BATCH).max_time(PATIENCE).await?;
    let add = |customer: &RawDocument| {
        moments.add(&Profile::read(customer, clock)?);
        Ok(())
    };
    each(cursor, add).await?;
    Ok(moments)
}

async fn find_nearest(
    customers: &Collection<RawDocumentBuf>,
    filter: Document,
    clock: Clock,
    scale: &Scale,
    mut nearest: Nearest,
) -> Result<Nearest, Error> {
    let find = customers.find(filter).projection(fields());
    let cursor = find.batch_size(BATCH).max_time(PATIENCE).await?;
    let offer = |customer: &RawDocument| {
        let profile = Profile::read(customer, clock)?;
        nearest.offer(scale.distance(&profile), customer.get_str("_id")?, profile);
        Ok(())
    };
    each(cursor, offer).await?;
    Ok(nearest)
}

/// Loads the documents of the nearest customers, and explains their distances.
async fn load_documents(
    customers: &Collection<RawDocumentBuf>,
    nearest: Nearest,
    scale: &Scale,
) -> Result<Vec<Lookalike>, Error> {
    let nearest = nearest.into_vec();
    let ids: Vec<&str> = nearest.iter().map(|found| found.id.as_str()).collect();
    let find = customers.find(doc! {"_id": {"$in": ids}});
    let documents = read_customers(find.max_time(PATIENCE).await?).await?;
    let mut documents: HashMap<_, _> = documents.into_iter().collect();
    // A customer whose document no longer exists is left out.
    let item = |found: Candidate| {
        Some(Lookalike {
            document: documents.remove(&found.id)?,
            features: scale.differences(&found.profile),
            id: found.id,
            distance: found.distance,
        })
    };
    Ok(nearest.into_iter().filter_map(item).collect())
}

impl Scale {
    /// Compares each feature of a customer with the mean, the most similar
    /// first.
    fn differences(&self, profile: &Profile) -> Vec<FeatureDifference> {
        let difference = |feature| {
            Some(FeatureDifference {
                feature,
                value: profile.value(feature),
                typical: self.typical(feature),
                difference: self.difference(profile, feature)?,
            })
        };
        let mut all: Vec<_> = Feature::ALL.into_iter().filter_map(difference).collect();
        all.sort_by(|a, b| a.difference.abs().total_cmp(&b.difference.abs()));
        all
    }
}
