//! Customers who are like those whom rules match.
//!
//! Customers are compared by recency, frequency and monetary value, the
//! measures of RFM analysis (Hughes, *Strategic Database Marketing*, 1994),
//! and by how much they do. Each is brought onto a scale on which equal steps
//! mean about as much: recency fades as `exp(-days / 90)`, everything else is
//! `ln(1 + x)`. How far somebody is from the mean of those whom the rules match
//! is the standardised Euclidean distance: differences are divided by the
//! standard deviation of the whole store. A model that nobody needs to train,
//! and that says for each customer what made them alike.

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

use super::filter::filter;
use super::members::read;
use super::{CustomerDocument, Customers};
use crate::scan::{BATCH, PATIENCE, each};
use crate::view::View;
use crate::{QueryError, Store};

use nearest::{Candidate, Nearest};
pub use profile::Feature;
use profile::{Clock, Profile, fields};
use scale::{Moments, Scale};

/// The most that are found at once.
pub const MAX_LOOKALIKES: usize = 100;

/// Who is like those whom rules match.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookalikes {
    /// The rules match nobody whom one could be like.
    NoMembers,
    /// They match somebody.
    Found {
        /// Whom they match, on average.
        audience: Centre,
        /// The nearest of all others, the nearest first; of those as near, by
        /// id. None if the rules match everybody.
        items: Vec<Lookalike>,
    },
}

/// Some customers, on average.
#[derive(Debug, Clone, PartialEq)]
pub struct Centre {
    /// How many they are.
    pub customers: u64,
    /// The mean of each feature, in its own unit. It is taken on the scale
    /// that features are compared on, so that few who buy much move it little.
    /// No days since the last order if nobody ever ordered.
    pub typical: BTreeMap<Feature, Option<f64>>,
}

/// Somebody who is like them.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookalike {
    /// Who.
    pub id: String,
    /// All about them.
    pub document: CustomerDocument,
    /// How far they are from the mean, in standard deviations; nought for who
    /// is just like it.
    pub distance: f64,
    /// What makes them so, the most alike first. What is the same for
    /// everybody in the store says nothing, and is not there.
    pub features: Vec<Likeness>,
}

/// How like the mean one feature of a customer is.
#[derive(Debug, Clone, PartialEq)]
pub struct Likeness {
    /// Which.
    pub feature: Feature,
    /// The customer's, in its own unit; `None` for who never ordered.
    pub value: Option<i64>,
    /// The mean, in the same unit.
    pub typical: Option<f64>,
    /// How far it is from the mean, in standard deviations. Negative where it
    /// is less, or where the last order is longer ago.
    pub difference: f64,
}

impl Store {
    /// Up to `limit` customers whom the rules do not match now, but who are
    /// most like those whom they do; [`MAX_LOOKALIKES`] at most. Reads the
    /// members once and everybody twice, seconds each for a million, with what
    /// each of them did. Memory for a batch and the winners.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer, or not in time.
    pub async fn lookalikes(
        &self,
        rules: &Rules,
        now: Timestamp,
        limit: usize,
    ) -> Result<Lookalikes, QueryError> {
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let clock = Clock::new(now, last_order(&customers).await?);
        let inside = rules.at(now);
        let members = moments(&customers, filter(&inside), clock).await?;
        let everybody = match members.count() {
            0 => Moments::default(),
            _ => moments(&customers, doc! {}, clock).await?,
        };
        let Some(scale) = Scale::new(members, &everybody, clock) else {
            return Ok(Lookalikes::NoMembers);
        };
        let outside = filter(&Predicate::Not(Box::new(inside)));
        let nearest = Nearest::new(limit.min(MAX_LOOKALIKES));
        let nearest = compared(&customers, outside, clock, &scale, nearest).await?;
        Ok(Lookalikes::Found {
            audience: scale.centre(),
            items: items(&customers, nearest, &scale).await?,
        })
    }
}

/// When anybody last ordered.
async fn last_order(customers: &Collection<RawDocumentBuf>) -> Result<Option<DateTime>, Error> {
    let latest = customers
        .find_one(doc! {})
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
    let look = |customer: &RawDocument| {
        moments.add(&Profile::read(customer, clock)?);
        Ok(())
    };
    each(cursor, look).await?;
    Ok(moments)
}

async fn compared(
    customers: &Collection<RawDocumentBuf>,
    filter: Document,
    clock: Clock,
    scale: &Scale,
    mut nearest: Nearest,
) -> Result<Nearest, Error> {
    let find = customers.find(filter).projection(fields());
    let cursor = find.batch_size(BATCH).max_time(PATIENCE).await?;
    let look = |customer: &RawDocument| {
        let profile = Profile::read(customer, clock)?;
        nearest.offer(scale.distance(&profile), customer.get_str("_id")?, profile);
        Ok(())
    };
    each(cursor, look).await?;
    Ok(nearest)
}

/// The nearest, with their documents.
async fn items(
    customers: &Collection<RawDocumentBuf>,
    nearest: Nearest,
    scale: &Scale,
) -> Result<Vec<Lookalike>, Error> {
    let nearest = nearest.into_vec();
    let ids: Vec<&str> = nearest.iter().map(|found| found.id.as_str()).collect();
    let find = customers.find(doc! {"_id": {"$in": ids}});
    let documents = read(find.max_time(PATIENCE).await?).await?;
    let mut documents: HashMap<_, _> = documents.into_iter().collect();
    let item = |found: Candidate| {
        let document = documents.remove(&found.id)?;
        Some(scale.lookalike(found, document))
    };
    Ok(nearest.into_iter().filter_map(item).collect())
}

impl Scale {
    fn centre(&self) -> Centre {
        let typical = Feature::ALL.map(|feature| (feature, self.typical(feature)));
        Centre {
            customers: self.customers(),
            typical: typical.into(),
        }
    }

    fn lookalike(&self, found: Candidate, document: CustomerDocument) -> Lookalike {
        Lookalike {
            features: self.likenesses(&found.profile),
            id: found.id,
            document,
            distance: found.distance,
        }
    }

    fn likenesses(&self, profile: &Profile) -> Vec<Likeness> {
        let likeness = |feature| {
            Some(Likeness {
                feature,
                value: profile.value(feature),
                typical: self.typical(feature),
                difference: self.difference(profile, feature)?,
            })
        };
        let mut all: Vec<_> = Feature::ALL.into_iter().filter_map(likeness).collect();
        all.sort_by(|a, b| a.difference.abs().total_cmp(&b.difference.abs()));
        all
    }
}
