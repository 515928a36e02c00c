//! Events of campaigns.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AudienceSize, CampaignContent, DeterminedOutcome, Launch};
use crate::CustomerId;
use crate::event::{
    DecodeError, LoggedEvent, NoContent, from_json, tag_name, tag_version, to_json,
};

/// Event of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CampaignEvent {
    /// `campaign_created.1`: the campaign was created.
    Created(CampaignContent),
    /// `campaign_launched.1`: the campaign was launched.
    Launched(Launch),
    /// `campaign_resolved.1`: every recipient has a message, queued or
    /// suppressed.
    Resolved(AudienceSize),
    /// `campaign_undetermined.1`: these customers cannot be evaluated. Recorded
    /// together with [`Self::Resolved`], which holds their number.
    Undetermined {
        /// At most [`MAX_LISTED_UNDETERMINED`] customers.
        customers: Vec<CustomerId>,
    },
    /// `campaign_recipient_determined.1`: an event that could not be folded was
    /// retried or skipped, so that one customer is no longer undetermined.
    RecipientDetermined {
        /// Customer who was undetermined.
        customer_id: CustomerId,
        /// Outcome for the customer.
        outcome: DeterminedOutcome,
    },
    /// `campaign_paused.1`: the campaign was paused.
    Paused {},
    /// `campaign_resumed.1`: the campaign was resumed.
    Resumed {},
    /// `campaign_retried.1`: undeliverable messages were queued again.
    Retried {
        /// Number of messages that were queued again.
        requeued: u64,
    },
    /// `campaign_completed.1`: every message is suppressed, or was sent and has
    /// its receipt.
    Completed {},
    /// `campaign_cancelled.1`: the campaign was cancelled.
    Cancelled {},
    /// `campaign_missed.1`: the campaign was not launched in time, since no
    /// worker ran.
    Missed {},
}

const CREATED: &str = "campaign_created.1";
const LAUNCHED: &str = "campaign_launched.1";
const RESOLVED: &str = "campaign_resolved.1";
const UNDETERMINED: &str = "campaign_undetermined.1";
const RECIPIENT_DETERMINED: &str = "campaign_recipient_determined.1";
const PAUSED: &str = "campaign_paused.1";
const RESUMED: &str = "campaign_resumed.1";
const RETRIED: &str = "campaign_retried.1";
const COMPLETED: &str = "campaign_completed.1";
const CANCELLED: &str = "campaign_cancelled.1";
const MISSED: &str = "campaign_missed.1";

/// Maximum number of undetermined customers that a campaign lists. Further ones
/// are counted only and are not determined later.
pub const MAX_LISTED_UNDETERMINED: usize = 1_000;

#[derive(Serialize, Deserialize)]
struct UndeterminedData {
    customers: Vec<CustomerId>,
}

#[derive(Serialize, Deserialize)]
struct RecipientData {
    customer_id: CustomerId,
    outcome: DeterminedOutcome,
}

#[derive(Serialize, Deserialize)]
struct RetriedData {
    requeued: u64,
}

impl LoggedEvent for CampaignEvent {
    const TAGS: &'static [&'static str] = &[
        CREATED,
        LAUNCHED,
        RESOLVED,
        UNDETERMINED,
        RECIPIENT_DETERMINED,
        PAUSED,
        RESUMED,
        RETRIED,
        COMPLETED,
        CANCELLED,
        MISSED,
    ];

    fn tag(&self) -> &'static str {
        match self {
            Self::Created(_) => CREATED,
            Self::Launched(_) => LAUNCHED,
            Self::Resolved(_) => RESOLVED,
            Self::Undetermined { .. } => UNDETERMINED,
            Self::RecipientDetermined { .. } => RECIPIENT_DETERMINED,
            Self::Paused {} => PAUSED,
            Self::Resumed {} => RESUMED,
            Self::Retried { .. } => RETRIED,
            Self::Completed {} => COMPLETED,
            Self::Cancelled {} => CANCELLED,
            Self::Missed {} => MISSED,
        }
    }

    fn data(&self) -> Box<RawValue> {
        match self {
            Self::Created(content) => to_json(content),
            Self::Launched(launch) => to_json(launch),
            Self::Resolved(size) => to_json(size),
            Self::Undetermined { customers } => to_json(&UndeterminedData {
                customers: customers.clone(),
            }),
            Self::RecipientDetermined {
                customer_id,
                outcome,
            } => to_json(&RecipientData {
                customer_id: customer_id.clone(),
                outcome: *outcome,
            }),
            Self::Retried { requeued } => to_json(&RetriedData {
                requeued: *requeued,
            }),
            Self::Paused {}
            | Self::Resumed {}
            | Self::Completed {}
            | Self::Cancelled {}
            | Self::Missed {} => to_json(&NoContent {}),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            CREATED => from_json(tag, data).map(Self::Created),
            LAUNCHED => from_json(tag, data).map(Self::Launched),
            RESOLVED => from_json(tag, data).map(Self::Resolved),
            UNDETERMINED => from_json(tag, data)
                .map(|UndeterminedData { customers }| Self::Undetermined { customers }),
            RECIPIENT_DETERMINED => from_json(tag, data).map(|data: RecipientData| {
                let RecipientData {
                    customer_id,
                    outcome,
                } = data;
                Self::RecipientDetermined {
                    customer_id,
                    outcome,
                }
            }),
            RETRIED => {
                from_json(tag, data).map(|RetriedData { requeued }| Self::Retried { requeued })
            }
            PAUSED => from_json(tag, data).map(|NoContent {}| Self::Paused {}),
            RESUMED => from_json(tag, data).map(|NoContent {}| Self::Resumed {}),
            COMPLETED => from_json(tag, data).map(|NoContent {}| Self::Completed {}),
            CANCELLED => from_json(tag, data).map(|NoContent {}| Self::Cancelled {}),
            MISSED => from_json(tag, data).map(|NoContent {}| Self::Missed {}),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for CampaignEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}
