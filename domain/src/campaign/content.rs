//! Content of a campaign, and the data that its launch fixes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::digest;
use crate::rules::Rules;
use crate::{CampaignId, Change, SegmentId, Template, TemplateIdentity, Text, Timestamp};

/// Maximum rate of a campaign, in messages per second.
pub const MAX_RATE: u32 = 100_000;

/// Maximum number of tags of a campaign.
pub const MAX_CAMPAIGN_TAGS: usize = 20;

/// Content of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignContent {
    /// Name of the campaign.
    pub name: Text<200>,
    /// Audience of the campaign.
    pub audience: Audience,
    /// Template of the messages.
    pub template: Template,
    /// Time of the automatic launch, for a scheduled campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Timestamp>,
    /// True if the campaign is launched as part of its creation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_once: bool,
    /// Maximum number of messages sent per second, 1 to [`MAX_RATE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// Labels of the campaign.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Text<64>>,
    /// Request that made the campaign, if it is a clone of another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone_of: Option<CloneRequest>,
}

/// Request to clone a campaign. A repeated request is recognized by it, even if
/// the cloned campaign has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloneRequest {
    /// Campaign to clone.
    pub campaign_id: CampaignId,
    /// Name of the clone; by default `Copy of` and the name of the campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<200>>,
}

/// Changes to the content of a draft. Absent parts stay unchanged.
#[derive(Debug, Clone, Default)]
pub struct CampaignChanges {
    /// New name.
    pub name: Option<Text<200>>,
    /// New audience.
    pub audience: Option<Audience>,
    /// New template.
    pub template: Option<Template>,
    /// Time of the launch.
    pub scheduled_at: Change<Timestamp>,
    /// Maximum number of messages sent per second.
    pub messages_per_second: Change<u32>,
    /// Complete new set of labels.
    pub tags: Option<BTreeSet<Text<64>>>,
}

impl CampaignContent {
    /// Returns the content of a draft that clones a campaign with this content.
    /// The time of the launch is not cloned.
    #[must_use]
    pub fn cloned(self, request: CloneRequest) -> Self {
        let name = match &request.name {
            Some(name) => name.clone(),
            // The text is never empty, so there is always something to keep.
            None => Text::cut(&format!("Copy of {}", self.name.as_str())).unwrap_or(self.name),
        };
        Self {
            name,
            scheduled_at: None,
            at_once: false,
            clone_of: Some(request),
            ..self
        }
    }

    /// Returns the content after these changes.
    #[must_use]
    pub fn with(self, changes: CampaignChanges) -> Self {
        Self {
            name: changes.name.unwrap_or(self.name),
            audience: changes.audience.unwrap_or(self.audience),
            template: changes.template.unwrap_or(self.template),
            scheduled_at: changes.scheduled_at.or(self.scheduled_at),
            messages_per_second: changes.messages_per_second.or(self.messages_per_second),
            tags: changes.tags.unwrap_or(self.tags),
            ..self
        }
    }

    /// Returns a digest of the creation that has this content. A clone is
    /// created by its request alone: its content is that of another campaign at
    /// that time.
    pub(super) fn creation_digest(&self) -> u64 {
        match &self.clone_of {
            Some(request) => digest(request),
            None => digest(self),
        }
    }
}

/// Audience of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The customers of a segment, by the rules that it has at the launch.
    SegmentId(SegmentId),
    /// The customers that match these rules.
    Rules(Rules),
}

/// Data that a launch fixes. Recipients and texts follow from it alone,
/// regardless of later changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// Rules that select the recipients.
    pub rules: Rules,
    /// Template and version of the rendering rules of the messages.
    pub template: TemplateIdentity,
    /// Log positions, as `0:12,1:7`. Rules are evaluated on the state of
    /// customers after the events up to these positions.
    pub positions: Text<65536>,
    /// Time that relative dates in the rules refer to.
    pub clock: Timestamp,
    /// Digest of the idempotency key with which the launch may be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<u64>,
}

/// Size of a launch's audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceSize {
    /// Number of customers that match the rules.
    pub planned: u64,
    /// Number of those with a queued message.
    pub queued: u64,
    /// Number of those with a suppressed message.
    pub suppressed: u64,
    /// Number of customers for whom it is unknown if they match the rules,
    /// because one of their events cannot be folded. Not included in the counts
    /// above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undetermined: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl AudienceSize {
    /// Returns the size after one undetermined customer was determined.
    #[must_use]
    pub fn with_determined(self, outcome: DeterminedOutcome) -> Self {
        let (queued, suppressed) = match outcome {
            DeterminedOutcome::Queued => (1, 0),
            DeterminedOutcome::Suppressed => (0, 1),
            DeterminedOutcome::Unmatched => (0, 0),
        };
        Self {
            planned: self.planned + queued + suppressed,
            queued: self.queued + queued,
            suppressed: self.suppressed + suppressed,
            undetermined: self.undetermined.saturating_sub(1),
        }
    }
}

/// Outcome for a customer who was undetermined at the launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeterminedOutcome {
    /// The customer matches the rules and has a queued message.
    Queued,
    /// The customer matches the rules, but the message is suppressed.
    Suppressed,
    /// The customer does not match the rules.
    #[serde(rename = "not_meant")]
    Unmatched,
}
