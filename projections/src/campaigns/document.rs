//! What is known of a campaign.

use bson::DateTime;
use domain::rules::Rules;
use domain::{AudienceSize, CampaignId, CampaignStatus, Launch, SegmentId, Template};
use serde::{Deserialize, Serialize};

use crate::date::date;

/// A campaign as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignDocument {
    /// Which.
    pub campaign_id: CampaignId,
    /// What it is called.
    pub name: String,
    /// How far it is.
    pub status: CampaignStatus,
    /// The segment it is for, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_id: Option<SegmentId>,
    /// Which customers are meant: the rules it was given, or those that its
    /// launch fixed. A segment's are not known before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
    /// What is sent.
    pub template: Template,
    /// When it is to be launched by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<DateTime>,
    /// How many messages a second are sent at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// Labels, in order.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What its launch fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<LaunchDocument>,
    /// How many customers it means, once that was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<AudienceSize>,
    /// Whether some of the undetermined were determined after the launch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_determined: bool,
    /// When it was created.
    pub created_at: DateTime,
    /// On whose behalf.
    pub created_by: String,
    /// When it was launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched_at: Option<DateTime>,
    /// When it was completed or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime>,
    /// When something last happened to it.
    pub updated_at: DateTime,
    /// The aggregate's version.
    pub version: i64,
}

/// What a launch fixed: who gets what, whatever changes later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaunchDocument {
    /// Which customers are meant.
    pub rules: Rules,
    /// How far the log was: `0:12,1:7`.
    pub positions: String,
    /// The instant that relative dates are worked out for.
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
