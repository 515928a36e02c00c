//! What is asked of messages.

use std::collections::HashMap;

use bson::{Document, doc};
use domain::{CampaignId, CustomerId, MessageId, MessageStatus, Timestamp};
use eventlog::Partition;
use futures::TryStreamExt;
use serde::Deserialize;

use super::{MessageDocument, Messages};
use crate::date::date;
use crate::view::View;
use crate::{Page, PageRequest, QueryError, Store};

/// Those that count towards what a customer gets.
const COUNTED: [MessageStatus; 4] = [
    MessageStatus::Queued,
    MessageStatus::Sent,
    MessageStatus::Delivered,
    MessageStatus::Failed,
];

/// Which messages are to be sent now.
pub struct Due<'a> {
    /// Of which campaign.
    pub campaign: &'a CampaignId,
    /// Of customers in these partitions.
    pub partitions: &'a [Partition],
    /// Those that rest until later are not among them.
    pub now: Timestamp,
    /// Those that rest until later than this are, because nothing rests that
    /// long but by a clock that was put back since.
    pub latest: Timestamp,
}

impl Store {
    /// One message.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn message(&self, id: &MessageId) -> Result<Option<MessageDocument>, QueryError> {
        let messages = self.serving::<MessageDocument>(Messages::NAME).await?;
        Ok(messages.find_one(doc! {"_id": id.to_string()}).await?)
    }

    /// Messages of a campaign by their customers' ids, all or those that are
    /// as far as this.
    ///
    /// # Errors
    /// [`QueryError`].
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

    /// Up to `limit` messages that are to be sent now, by id, those after
    /// `after`.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn messages_due(
        &self,
        due: &Due<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<MessageDocument>, QueryError> {
        let mut filter = of_campaign(due.campaign, after);
        filter.insert("status", MessageStatus::Queued.name());
        let rests = doc! {"$gt": date(due.now), "$lte": date(due.latest)};
        filter.insert("retry_at", doc! {"$not": rests});
        let partitions = due.partitions.iter().map(|p| i32::from(*p));
        let partitions: Vec<i32> = partitions.collect();
        filter.insert("_partition", doc! {"$in": partitions});
        let messages = self.serving::<MessageDocument>(Messages::NAME).await?;
        let find = messages.find(filter).sort(doc! {"_id": 1});
        let cursor = find.limit(most(limit)).await?;
        Ok(cursor.try_collect().await?)
    }

    /// The ids of up to `limit` messages of a campaign that are as far as one
    /// of these says, in order, those after `after`.
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
        struct Found {
            customer_id: CustomerId,
        }
        let names: Vec<_> = statuses.iter().map(|status| status.name()).collect();
        let mut filter = of_campaign(campaign, after);
        filter.insert("status", doc! {"$in": names});
        let messages = self.serving::<Found>(Messages::NAME).await?;
        let find = messages.find(filter).sort(doc! {"_id": 1});
        let found = find
            .projection(doc! {"customer_id": 1})
            .limit(most(limit))
            .await?;
        let id = |found: Found| MessageId {
            campaign: campaign.clone(),
            customer: found.customer_id,
        };
        Ok(found.map_ok(id).try_collect().await?)
    }

    /// How many messages each of these customers has had queued since an
    /// instant, but for those that were not sent after all. Who had none is
    /// not in there.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn sent_since(
        &self,
        customers: &[&str],
        since: Timestamp,
    ) -> Result<HashMap<String, u64>, QueryError> {
        #[derive(Deserialize)]
        struct Counted {
            #[serde(rename = "_id")]
            customer: String,
            count: i64,
        }
        let filter = doc! {
            "customer_id": {"$in": customers},
            "queued_at": {"$gte": date(since)},
            "status": {"$in": COUNTED.map(MessageStatus::name).to_vec()},
        };
        let count = doc! {"_id": "$customer_id", "count": {"$sum": 1i64}};
        let messages = self.serving::<Document>(Messages::NAME).await?;
        let counted = messages
            .aggregate([doc! {"$match": filter}, doc! {"$group": count}])
            .with_type::<Counted>()
            .await?;
        let by_customer = |counted: Counted| (counted.customer, counted.count.unsigned_abs());
        Ok(counted.map_ok(by_customer).try_collect().await?)
    }
}

/// The messages of a campaign, those after this one. Their ids begin alike:
/// `_id` finds them where no other index does.
fn of_campaign(campaign: &CampaignId, after: Option<&str>) -> Document {
    let first = MessageId::start(campaign);
    // No character of a customer's id is as high.
    let end = format!("{first}\u{7f}");
    let after = after.filter(|after| **after > *first).unwrap_or(&first);
    doc! {"campaign_id": campaign.as_str(), "_id": {"$gt": after, "$lt": end}}
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
