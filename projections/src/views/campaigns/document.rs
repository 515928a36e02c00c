//! Document of the view `campaigns`.

use bson::DateTime;
use domain::rules::Rules;
use domain::{AudienceSize, CampaignId, CampaignStatus, Launch, SegmentId, Template};
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;

/// The current state of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignDocument {
    /// Id of the campaign.
    pub campaign_id: CampaignId,
    /// Name of the campaign.
    pub name: String,
    /// Status of the campaign.
    pub status: CampaignStatus,
    /// Segment of the audience, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_id: Option<SegmentId>,
    /// Rules of the audience: those that the campaign was given, or those that
    /// its launch fixed. Absent before the launch if the audience is a segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
    /// Template of the messages.
    pub template: Template,
    /// Time of the scheduled launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<DateTime>,
    /// Maximum number of messages sent per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// Labels, in order.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Values fixed by the launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<LaunchDocument>,
    /// Size of the audience, once it was determined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<AudienceSize>,
    /// True if some undetermined customers were determined after the launch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_determined: bool,
    /// True if the draft was deleted. Queries leave out such a document.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_deleted: bool,
    /// Time when the campaign was created.
    pub created_at: DateTime,
    /// Actor that created the campaign.
    pub created_by: String,
    /// Time when the campaign was launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched_at: Option<DateTime>,
    /// Time when the campaign was completed or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime>,
    /// Time of the campaign's last event.
    pub updated_at: DateTime,
    /// Version of the aggregate.
    pub version: i64,
}

/// Values fixed by a launch. Later changes do not affect its recipients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaunchDocument {
    /// Rules of the audience.
    pub rules: Rules,
    /// Positions of the log at the launch, such as `0:12,1:7`.
    pub positions: String,
    /// Instant at which relative dates in the rules are resolved.
    pub clock: DateTime,
}

impl From<Launch> for LaunchDocument {
    fn from(launch: Launch) -> Self {
        Self {
            rules: launch.rules,
            positions: launch.positions.into(),
            clock: date(launch.clock),
        }
    }
}
