//! What is known of a segment.

use bson::DateTime;
use domain::SegmentId;
use domain::rules::Rules;
use serde::{Deserialize, Serialize};

/// A segment as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentDocument {
    /// Which.
    pub segment_id: SegmentId,
    /// What it is called.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which customers are meant.
    pub rules: Rules,
    /// The rules as a text.
    pub text: String,
    /// When it was created.
    pub created_at: DateTime,
    /// On whose behalf.
    pub created_by: String,
    /// When its content was last changed.
    pub updated_at: DateTime,
    /// On whose behalf.
    pub updated_by: String,
    /// The aggregate's version since its content is this.
    pub version: i64,
    /// When it was archived, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime>,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_by: Option<String>,
    /// What needs it, in order.
    pub held_by: Vec<String>,
}
