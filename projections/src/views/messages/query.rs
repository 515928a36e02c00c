//! Queries of the view `messages`.

use std::collections::HashMap;

use bson::{Bson, DateTime, Document, doc};
use domain::{CampaignId, CustomerId, MessageId, MessageStatus, Timestamp};
use eventlog::Partition;
use futures::TryStreamExt;
use serde::Deserialize;

use super::{MessageDocument, Messages};
use crate::runtime::date::date;
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

/// Statuses of the messages that count toward a customer's frequency cap.
const CAPPED_STATUSES: [MessageStatus; 6] = [
    MessageStatus::Queued,
    MessageStatus::Sent,
    MessageStatus::Delivered,
    MessageStatus::Failed,
    MessageStatus::Bounced,
    MessageStatus::Unconfirmed,
];

/// Filter of the messages that are due to be sent.
pub struct DueMessages<'a> {
    /// Campaign of the messages.
    pub campaign: &'a CampaignId,
    /// Partitions of the customers.
    pub partitions: &'a [Partition],
    /// Current time. Messages whose next attempt is later are not due.
    pub now: Timestamp,
    /// Latest time at which an attempt can be due. A message with a later one is due
    /// at once: it was deferred by a clock that has since been set back.
    pub latest: Timestamp,
}

impl Store {
    /// Returns a message; `None` for an unknown id.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn message(&self, id: &MessageId) -> Result<Option<MessageDocument>, QueryError> {
        let messages = self.serving::<MessageDocument>(Messages::NAME).await?;
        Ok(messages.find_one(doc! {"_id": id.to_string()}).await?)
    }

    /// Returns a page of a campaign's messages, ordered by customer id, with one status
    /// or with any.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer, or the cursor is invalid.
    pub async fn messages(
        &self,
        campaign: &CampaignId,
        status: Option<MessageStatus>,
        page: &PageRequest,
    ) -> Result<Page<MessageDocument>, QueryError> {
        let mut filter = of_campaign(campaign, page.after::<String>()?.as_deref());
        if let Some(status) = status {
            filter.insert("status", status.name());
        }
        let messages = self.serving::<MessageDocument>(Messages::NAME).await?;
        let cursor = messages
            .find(filter)
            .sort(doc! {"_id": 1})
            .limit(page.fetch())
            .await?;
        let found = cursor.try_collect().await?;
        Ok(page.cut(found, |message: &MessageDocument| {
            message.message_id.clone()
        }))
    }

    /// Returns up to `limit` messages that are due, ordered by id, starting after
    /// `after`.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn messages_due(
        &self,
        due: &DueMessages<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MessageDocument>, QueryError> {
        let mut filter = of_campaign(due.campaign, after);
        filter.insert("status", MessageStatus::Queued.name());
        let deferred = doc! {"$gt": date(due.now), "$lte": date(due.latest)};
        filter.insert("retry_at", doc! {"$not": deferred});
        let partitions = due.partitions.iter().map(|p| i32::from(*p));
        let partitions: Vec<i32> = partitions.collect();
        filter.insert("_partition", doc! {"$in": partitions});
        let messages = self.serving::<MessageDocument>(Messages::NAME).await?;
        let find = messages.find(filter).sort(doc! {"_id": 1});
        let cursor = find.limit(to_i64(limit)).await?;
        Ok(cursor.try_collect().await?)
    }

    /// Returns the ids of up to `limit` messages of a campaign with one of these
    /// statuses, in ascending order, starting after `after`.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn messages_with(
        &self,
        campaign: &CampaignId,
        statuses: &[MessageStatus],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MessageId>, QueryError> {
        #[derive(Deserialize)]
        struct RecipientRow {
            customer_id: CustomerId,
        }
        let names: Vec<_> = statuses.iter().map(|status| status.name()).collect();
        let mut filter = of_campaign(campaign, after);
        filter.insert("status", doc! {"$in": names});
        let messages = self.serving::<RecipientRow>(Messages::NAME).await?;
        let find = messages.find(filter).sort(doc! {"_id": 1});
        let found = find
            .projection(doc! {"customer_id": 1})
            .limit(to_i64(limit))
            .await?;
        let id = |recipient: RecipientRow| MessageId {
            campaign: campaign.clone(),
            customer: recipient.customer_id,
        };
        Ok(found.map_ok(id).try_collect().await?)
    }

    /// Returns the ids of up to `limit` messages that await a receipt and were recorded
    /// as sent before an instant, the earliest first.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn messages_awaiting_receipt(
        &self,
        sent_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<MessageId>, QueryError> {
        let messages = self.serving::<MessageKey>(Messages::NAME).await?;
        let find = messages.find(awaiting(doc! {"$lt": date(sent_before)}));
        let found = find
            .sort(doc! {"sent_at": 1})
            .projection(doc! {"campaign_id": 1, "customer_id": 1, "sent_at": 1})
            .limit(to_i64(limit))
            .await?;
        let id = |key: MessageKey| MessageId {
            campaign: key.campaign_id,
            customer: key.customer_id,
        };
        Ok(found.map_ok(id).try_collect().await?)
    }

    /// Returns the time at which the first of the messages that await a receipt was
    /// recorded as sent; `None` if no message awaits one.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn first_awaiting_receipt(&self) -> Result<Option<Timestamp>, QueryError> {
        let messages = self.serving::<MessageKey>(Messages::NAME).await?;
        let find = messages.find_one(awaiting(doc! {"$ne": Bson::Null}));
        let first = find
            .sort(doc! {"sent_at": 1})
            .projection(doc! {"campaign_id": 1, "customer_id": 1, "sent_at": 1})
            .await?;
        let sent_at = first.and_then(|first| first.sent_at);
        Ok(sent_at.map(|at| at.to_chrono().into()))
    }

    /// Returns how many messages each of these customers has had queued since an
    /// instant, without those that were suppressed or not accepted by the vendor.
    /// Customers without messages are absent.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn sent_since(
        &self,
        customers: &[&str],
        since: Timestamp,
    ) -> Result<HashMap<String, u64>, QueryError> {
        #[derive(Deserialize)]
        struct CustomerCount {
            #[serde(rename = "_id")]
            customer: String,
            count: i64,
        }
        let filter = doc! {
            "customer_id": {"$in": customers},
            "queued_at": {"$gte": date(since)},
            "status": {"$in": CAPPED_STATUSES.map(MessageStatus::name).to_vec()},
        };
        let count = doc! {"_id": "$customer_id", "count": {"$sum": 1i64}};
        let messages = self.serving::<Document>(Messages::NAME).await?;
        let counted = messages
            .aggregate([doc! {"$match": filter}, doc! {"$group": count}])
            .with_type::<CustomerCount>()
            .await?;
        let by_customer = |row: CustomerCount| (row.customer, row.count.unsigned_abs());
        Ok(counted.map_ok(by_customer).try_collect().await?)
    }
}

/// Part of a message's document that identifies it, and when it was sent.
#[derive(Deserialize)]
struct MessageKey {
    campaign_id: CampaignId,
    customer_id: CustomerId,
    sent_at: Option<DateTime>,
}

/// Returns the filter of the messages that await a receipt, by when they were sent. A
/// partial index on that time serves it.
fn awaiting(sent_at: Document) -> Document {
    doc! {"status": MessageStatus::Sent.name(), "sent_at": sent_at}
}

/// Returns the filter of a campaign's messages after an id. The ids of a
/// campaign's messages share a prefix, so the index on `_id` serves queries
/// that have no index of their own.
fn of_campaign(campaign: &CampaignId, after: Option<&str>) -> Document {
    let first = MessageId::start(campaign);
    let end = MessageId::end(campaign);
    let after = after.filter(|after| **after > *first).unwrap_or(&first);
    doc! {"campaign_id": campaign.as_str(), "_id": {"$gt": after, "$lt": end}}
}

fn to_i64(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
