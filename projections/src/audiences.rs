//! Audiences: how many customers match each segment, as last counted.
//!
//! No fold: an audience changes with events of any customer, and with the
//! clock. The workers count it anew; what it was counted on tells when that is
//! due.

use std::collections::HashMap;
use std::time::Duration;

use bson::{DateTime, doc};
use domain::Timestamp;
use domain::rules::Rules;
use eventlog::Positions;
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoints;
use crate::customers::Customers;
use crate::date::date;
use crate::view::View;
use crate::writes::{DUPLICATE, failed_only_with};
use crate::{QueryError, Store};

/// A segment's audience, as it stands in the collection `audiences`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audience {
    /// The segment.
    #[serde(rename = "_id")]
    pub segment: String,
    /// The segment's version that was counted.
    pub version: i64,
    /// How many customers match.
    pub count: i64,
    /// How many customers there are.
    pub total: i64,
    /// The instant that the rules' relative dates were worked out for.
    pub as_of: DateTime,
    /// What it was counted on.
    pub basis: Basis,
    /// How long counting the members took, in milliseconds.
    pub took_ms: i64,
}

/// How far the customers were that were counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The generation of the view `customers`.
    pub generation: i32,
    /// Its positions before counting: at least these events are in the count.
    pub positions: String,
}

impl Store {
    /// How far the view `customers` is.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn basis(&self) -> Result<Basis, QueryError> {
        let generation = self.generations().active(Customers::NAME).await?;
        Ok(self.basis_of(generation).await?)
    }

    pub(crate) async fn basis_of(&self, generation: i32) -> Result<Basis, Error> {
        let checkpoints = Checkpoints::of(self, Customers::NAME, generation);
        let reached: Positions = checkpoints
            .all()
            .await?
            .iter()
            .map(|c| c.position())
            .collect();
        Ok(Basis {
            generation,
            positions: reached.to_string(),
        })
    }

    /// The audiences of these segments, where they have been counted.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn audiences(&self, of: &[&str]) -> Result<HashMap<String, Audience>, QueryError> {
        let found = self
            .audience_collection()
            .find(doc! {"_id": {"$in": of}})
            .await?;
        let by_segment = found.map_ok(|audience| (audience.segment.clone(), audience));
        Ok(by_segment.try_collect().await?)
    }

    /// Counts a segment's customers and keeps what came out, unless a later
    /// version of the segment was counted meanwhile.
    ///
    /// # Errors
    /// [`QueryError::TooLong`] if MongoDB does not find the members within
    /// `limit`; another one if it does not answer.
    pub async fn count_audience(
        &self,
        segment: &str,
        version: i64,
        rules: &Rules,
        now: Timestamp,
        basis: &Basis,
        limit: Duration,
    ) -> Result<Audience, QueryError> {
        let counted = self.count_members_within(rules, now, limit).await?;
        let audience = Audience {
            segment: segment.to_owned(),
            version,
            count: counted.members as i64,
            total: counted.customers as i64,
            as_of: date(now),
            basis: basis.clone(),
            took_ms: counted.took.as_millis() as i64,
        };
        let audiences = self.audience_collection();
        // Rules that were replaced while this was counted may have been counted
        // since: that count stays.
        let unless_newer = doc! {"_id": segment, "version": {"$lte": version}};
        let replace = audiences.replace_one(unless_newer, &audience);
        match replace.upsert(true).await {
            Err(error) if !failed_only_with(&error, DUPLICATE) => Err(error.into()),
            _ => Ok(audience),
        }
    }

    /// Forgets the audiences of all segments but these.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn keep_audiences(&self, of: &[&str]) -> Result<(), QueryError> {
        let others = doc! {"_id": {"$nin": of}};
        self.audience_collection().delete_many(others).await?;
        Ok(())
    }

    fn audience_collection(&self) -> Collection<Audience> {
        self.database().collection("audiences")
    }
}

impl Audience {
    /// Whether the count is still what counting again would give, but for
    /// dates that the clock has passed.
    pub fn is_of(&self, version: i64, basis: &Basis) -> bool {
        self.version == version && self.basis == *basis
    }
}
