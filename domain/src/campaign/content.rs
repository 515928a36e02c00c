//! What a campaign says, and what its launch fixes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::rules::Rules;
use crate::{SegmentId, Template, TemplateIdentity, Text, Timestamp};

/// The most messages a second that a campaign may ask for.
pub const MAX_RATE: u32 = 100_000;

/// How many tags a campaign may have.
pub const MAX_CAMPAIGN_TAGS: usize = 20;

/// What a campaign says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignContent {
    /// What it is called.
    pub name: Text<200>,
    /// Whom it is for.
    pub audience: Audience,
    /// What is sent.
    pub template: Template,
    /// When it is to be launched by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Timestamp>,
    /// Whether its creation is its launch too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_once: bool,
    /// How many messages a second are sent at most, 1 to [`MAX_RATE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Text<64>>,
}

/// Whom a campaign is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// A segment, with the rules that it has at the launch.
    SegmentId(SegmentId),
    /// These rules.
    Rules(Rules),
}

/// What a launch fixes: who gets what, whatever changes later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// Which customers are meant.
    pub rules: Rules,
    /// The campaign's template, and the rendering rules for its messages.
    pub template: TemplateIdentity,
    /// How far the log was: customers are taken as its events up to here make
    /// them. `0:12,1:7`
    pub positions: Text<65536>,
    /// The instant that relative dates are worked out for.
    pub clock: Timestamp,
    /// A digest of the key under which the launch may be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<u64>,
}

/// How many customers a launch meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceSize {
    /// All who match the rules.
    pub planned: u64,
    /// Those among them who have a message queued.
    pub queued: u64,
    /// Those who get none.
    pub suppressed: u64,
    /// Beside all these: those of whom nobody can tell whether they match,
    /// because an event of theirs cannot be folded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undetermined: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl AudienceSize {
    /// The size once one of the undetermined is determined.
    #[must_use]
    pub fn with_determined(self, outcome: DeterminedOutcome) -> Self {
        let (queued, suppressed) = match outcome {
            DeterminedOutcome::Queued => (1, 0),
            DeterminedOutcome::Suppressed => (0, 1),
            DeterminedOutcome::NotMeant => (0, 0),
        };
        Self {
            planned: self.planned + queued + suppressed,
            queued: self.queued + queued,
            suppressed: self.suppressed + suppressed,
            undetermined: self.undetermined.saturating_sub(1),
        }
    }
}

/// What became of a customer of whom could not be told at first whether the
/// campaign is for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeterminedOutcome {
    /// They match, and have a message queued.
    Queued,
    /// They match, and get none.
    Suppressed,
    /// They do not match.
    NotMeant,
}
