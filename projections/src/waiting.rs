//! Reasons why campaigns with queued messages are not being sent, as the
//! workers report them.
//!
//! Not a view: it is folded from no events. A worker repeats a report for as
//! long as it holds, and a report that is not repeated expires, so that nothing
//! is left of a worker that died. Only MongoDB's clock decides on expiry, which
//! makes the clocks of workers and readers irrelevant.

use std::collections::HashMap;
use std::time::Duration;

use bson::{DateTime, Document, doc};
use domain::{CampaignId, Timestamp};
use futures::TryStreamExt;
use mongodb::Collection;
use serde::{Deserialize, Serialize};

use crate::date::date;
use crate::{QueryError, Store};

/// A reason why a campaign's queued messages are not being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The kind of reason.
    pub reason: WaitingReason,
    /// When the wait began.
    pub since: Timestamp,
    /// The problem, in plain words.
    pub detail: String,
}

/// Kinds of reasons to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingReason {
    /// The circuit breaker is open.
    Breaker,
}

impl WaitingReason {
    /// All there are.
    pub const ALL: [Self; 1] = [Self::Breaker];

    /// `breaker`
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
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
    /// Reports what a campaign waits for. The report expires after `lifetime`.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn record_waiting(
        &self,
        campaign: &CampaignId,
        waiting: &Waiting,
        lifetime: Duration,
    ) -> Result<(), QueryError> {
        let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let set = doc! {
            "reason": waiting.reason.name(),
            "since": date(waiting.since),
            "detail": {"$literal": &waiting.detail},
            "until": {"$add": ["$$NOW", lifetime]},
        };
        let update = vec![doc! {"$set": set}];
        let id = doc! {"_id": campaign.as_str()};
        let collection = self.waiting_collection::<Document>();
        collection.update_one(id, update).upsert(true).await?;
        Ok(())
    }

    /// Deletes the reports of these campaigns, and all that have expired.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn forget_waiting(&self, campaigns: &[&CampaignId]) -> Result<(), QueryError> {
        let ids: Vec<&str> = campaigns.iter().map(|id| id.as_str()).collect();
        let expired = doc! {"$expr": {"$lte": ["$until", "$$NOW"]}};
        let filter = doc! {"$or": [{"_id": {"$in": ids}}, expired]};
        self.waiting_collection::<Document>()
            .delete_many(filter)
            .await?;
        Ok(())
    }

    /// Reports that have not expired, of these campaigns.
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
            .waiting_collection::<WaitingDocument>()
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

    fn waiting_collection<T: Send + Sync>(&self) -> Collection<T> {
        self.database().collection("waiting")
    }
}
