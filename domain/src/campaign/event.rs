//! Events of campaigns.

use serde::{Deserialize, Serialize};

use super::{AudienceSize, CampaignContent, DeterminedOutcome, Launch};
use crate::CustomerId;

/// Event of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CampaignEvent {
    /// The campaign was created.
    #[serde(rename = "campaign_created.1")]
    Created(CampaignContent),
    /// The draft was given this content.
    #[serde(rename = "campaign_updated.1")]
    Updated(CampaignContent),
    /// The draft was deleted.
    #[serde(rename = "campaign_deleted.1")]
    Deleted {},
    /// The draft was launched for the time in its content.
    #[serde(rename = "campaign_scheduled.1")]
    Scheduled {
        /// Digest of the idempotency key with which the launch may be repeated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<u64>,
    },
    /// The campaign was launched.
    #[serde(rename = "campaign_launched.1")]
    Launched(Launch),
    /// Every recipient has a message, queued or suppressed.
    #[serde(rename = "campaign_resolved.1")]
    Resolved(AudienceSize),
    /// These customers cannot be evaluated. Recorded together with
    /// [`Self::Resolved`], which holds their number.
    #[serde(rename = "campaign_undetermined.1")]
    Undetermined {
        /// At most [`MAX_LISTED_UNDETERMINED`] customers.
        customers: Vec<CustomerId>,
    },
    /// An event that could not be folded was retried or skipped, so that one
    /// customer is no longer undetermined.
    #[serde(rename = "campaign_recipient_determined.1")]
    RecipientDetermined {
        /// Customer who was undetermined.
        customer_id: CustomerId,
        /// Outcome for the customer.
        outcome: DeterminedOutcome,
    },
    /// The campaign was paused.
    #[serde(rename = "campaign_paused.1")]
    Paused {},
    /// The campaign was resumed.
    #[serde(rename = "campaign_resumed.1")]
    Resumed {},
    /// Undeliverable messages were queued again.
    #[serde(rename = "campaign_retried.1")]
    Retried {
        /// Number of messages that were queued again.
        requeued: u64,
    },
    /// Every message is suppressed, or was sent and has its receipt.
    #[serde(rename = "campaign_completed.1")]
    Completed {},
    /// The campaign was cancelled.
    #[serde(rename = "campaign_cancelled.1")]
    Cancelled {},
    /// The campaign was not launched in time, since no worker ran.
    #[serde(rename = "campaign_missed.1")]
    Missed {},
}

/// Maximum number of undetermined customers that a campaign lists. Further ones
/// are counted only and are not determined later.
pub const MAX_LISTED_UNDETERMINED: usize = 1_000;
