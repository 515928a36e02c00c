//! Audiences: the number of customers in each segment, as last counted.
//!
//! Not a view: an audience changes with events of any customer, and with the
//! clock. The workers count it again when the basis of the last count is out of
//! date.

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

use crate::runtime::checkpoint::Checkpoints;
use crate::runtime::date::date;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;
use crate::runtime::writes::{DUPLICATE, failed_only_with};
use crate::views::customers::Customers;

/// A segment's audience, as stored in the collection `audiences`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentAudience {
    /// Id of the segment.
    #[serde(rename = "_id")]
    pub segment: String,
    /// Version of the segment that was counted.
    pub version: i64,
    /// Number of customers who match.
    pub count: i64,
    /// Number of all customers.
    pub total: i64,
    /// Instant at which the rules' relative dates were resolved.
    pub as_of: DateTime,
    /// State of the view that was counted.
    pub basis: CountBasis,
    /// Duration of the count, in milliseconds.
    pub took_ms: i64,
}

/// State of the view `customers` before a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountBasis {
    /// Generation of the view `customers`.
    pub generation: i32,
    /// Positions of that generation before the count. At least the events up to
    /// these are counted.
    pub positions: String,
}

impl Store {
    /// Returns the current state of the view `customers`.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn basis(&self) -> Result<CountBasis, QueryError> {
        let generation = self.generations().active(Customers::NAME).await?;
        Ok(self.basis_of(generation).await?)
    }

    pub(crate) async fn basis_of(&self, generation: i32) -> Result<CountBasis, Error> {
        let checkpoints = Checkpoints::of(self, Customers::NAME, generation);
        let reached: Positions = checkpoints
            .all()
            .await?
            .iter()
            .map(|c| c.position())
            .collect();
        Ok(CountBasis {
            generation,
            positions: reached.to_string(),
        })
    }

    /// Returns the audiences of these segments, as far as they have been
    /// counted.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn audiences(
        &self,
        of: &[&str],
    ) -> Result<HashMap<String, SegmentAudience>, QueryError> {
        let found = self
            .audience_collection()
            .find(doc! {"_id": {"$in": of}})
            .await?;
        let by_segment = found.map_ok(|audience| (audience.segment.clone(), audience));
        Ok(by_segment.try_collect().await?)
    }

    /// Counts a segment's customers and stores the result, also in the segment's
    /// history, unless a later version of the segment was counted meanwhile.
    ///
    /// # Errors
    /// [`QueryError::TooLong`] if MongoDB does not finish within `limit`; any
    /// other if it does not answer.
    pub async fn count_audience(
        &self,
        segment: &str,
        version: i64,
        rules: &Rules,
        now: Timestamp,
        basis: &CountBasis,
        limit: Duration,
    ) -> Result<SegmentAudience, QueryError> {
        let counted = self.count_members_within(rules, now, limit).await?;
        let audience = SegmentAudience {
            segment: segment.to_owned(),
            version,
            count: counted.members as i64,
            total: counted.customers as i64,
            as_of: date(now),
            basis: basis.clone(),
            took_ms: counted.took.as_millis() as i64,
        };
        // The point first: if the process dies in between, the next count still
        // differs from the stored one.
        let before = self.audiences(&[segment]).await?.remove(segment);
        self.record_count(before.as_ref(), &audience).await?;
        let audiences = self.audience_collection();
        // A later version of the segment may have been counted meanwhile. Its
        // count stays: then the upsert fails with a duplicate key.
        let unless_newer = doc! {"_id": segment, "version": {"$lte": version}};
        let replace = audiences.replace_one(unless_newer, &audience);
        match replace.upsert(true).await {
            Err(error) if !failed_only_with(&error, DUPLICATE) => Err(error.into()),
            _ => Ok(audience),
        }
    }

    /// Deletes the audiences of all segments but these.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn keep_audiences(&self, of: &[&str]) -> Result<(), QueryError> {
        let others = doc! {"_id": {"$nin": of}};
        self.audience_collection().delete_many(others).await?;
        Ok(())
    }

    fn audience_collection(&self) -> Collection<SegmentAudience> {
        self.database().collection("audiences")
    }
}

impl SegmentAudience {
    /// Returns whether another count would give the same result, except for
    /// dates that have passed since.
    pub fn is_of(&self, version: i64, basis: &CountBasis) -> bool {
        self.version == version && self.basis == *basis
    }
}
