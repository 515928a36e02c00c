//! Reasons why campaigns make no progress, as the workers report them.
//!
//! Not a view: not folded from events. A worker repeats a report for as long as
//! the reason holds. Reports that are not repeated expire, so that reports of a
//! dead worker disappear. Only MongoDB's clock decides on expiry, which makes
//! the clocks of workers and readers irrelevant.

use std::collections::HashMap;
use std::time::Duration;

use bson::{DateTime, RawArrayBuf, RawDocumentBuf, doc};
use domain::{CampaignId, Timestamp};
use futures::TryStreamExt;
use mongodb::Collection;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::writes::update;

const COLLECTION: &str = "waiting";

/// Reason why a campaign makes no progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Kind of reason.
    pub reason: WaitingReason,
    /// Time when the wait began.
    pub since: Timestamp,
    /// Problem in plain words.
    pub detail: String,
}

/// Kinds of reasons to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingReason {
    /// Queued messages are not being sent, since the circuit breaker is open.
    Breaker,
    /// The campaign cannot be launched, or its audience cannot be found, since
    /// that needs events that were trimmed from the log.
    Trimmed,
    /// Messages are not being queued, or not being sent, since Redis is short
    /// of memory. The rest of the memory is reserved for receipts and for the
    /// results of requests that were sent.
    Memory,
}

impl WaitingReason {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Breaker, Self::Trimmed, Self::Memory];

    /// Returns the wire name, such as `breaker`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Trimmed => "trimmed",
            Self::Memory => "memory",
        }
    }
}

/// A report in the collection `waiting`.
#[derive(Deserialize)]
struct WaitingDocument {
    #[serde(rename = "_id")]
    campaign: CampaignId,
    reason: WaitingReason,
    since: DateTime,
    detail: String,
}

impl Store {
    /// Records the reasons why campaigns wait. Reports expire after `lifetime`.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn record_waiting(
        &self,
        waiting: &HashMap<CampaignId, Waiting>,
        lifetime: Duration,
    ) -> Result<(), QueryError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let mut statements = RawArrayBuf::new();
        for (campaign, waiting) in waiting {
            let set = doc! {
                "reason": waiting.reason.name(),
                "since": date(waiting.since),
                "detail": {"$literal": &waiting.detail},
                "until": {"$add": ["$$NOW", lifetime]},
            };
            let statement = doc! {
                "q": {"_id": campaign.as_str()},
                "u": [{"$set": set}],
                "upsert": true,
            };
            let statement = RawDocumentBuf::try_from(&statement);
            statements.push(statement.map_err(mongodb::error::Error::from)?);
        }
        update(self.database(), COLLECTION, statements).await?;
        Ok(())
    }

    /// Deletes the reports of these campaigns, and all expired ones.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn forget_waiting(&self, campaigns: &[&CampaignId]) -> Result<(), QueryError> {
        if campaigns.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = campaigns.iter().map(|id| id.as_str()).collect();
        let expired = doc! {"$expr": {"$lte": ["$until", "$$NOW"]}};
        let filter = doc! {"$or": [{"_id": {"$in": ids}}, expired]};
        self.waiting_collection().delete_many(filter).await?;
        Ok(())
    }

    /// Returns the unexpired reports of these campaigns.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn waiting(
        &self,
        campaigns: &[&CampaignId],
    ) -> Result<HashMap<CampaignId, Waiting>, QueryError> {
        let ids: Vec<&str> = campaigns.iter().map(|id| id.as_str()).collect();
        let holds = doc! {"$gt": ["$until", "$$NOW"]};
        let found = self
            .waiting_collection()
            .find(doc! {"_id": {"$in": ids}, "$expr": holds})
            .await?;
        let waiting = found.map_ok(|found| {
            let waiting = Waiting {
                reason: found.reason,
                since: found.since.to_chrono().into(),
                detail: found.detail,
            };
            (found.campaign, waiting)
        });
        Ok(waiting.try_collect().await?)
    }

    fn waiting_collection(&self) -> Collection<WaitingDocument> {
        self.database().collection(COLLECTION)
    }
}
