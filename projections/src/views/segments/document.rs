//! Document of the view `segments`.

use bson::DateTime;
use domain::SegmentId;
use domain::rules::Rules;
use serde::{Deserialize, Serialize};

/// The current state of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentDocument {
    /// Id of the segment.
    pub segment_id: SegmentId,
    /// Name of the segment.
    pub name: String,
    /// Description of the segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Rules that select the segment's customers.
    pub rules: Rules,
    /// Rules as text.
    pub text: String,
    /// Time when the segment was created.
    pub created_at: DateTime,
    /// Actor that created the segment.
    pub created_by: String,
    /// Time of the last change of the content.
    pub updated_at: DateTime,
    /// Actor that last changed the content.
    pub updated_by: String,
    /// Version of the aggregate at the last change of the content.
    pub version: i64,
    /// Time when the segment was archived, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime>,
    /// Actor that archived the segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_by: Option<String>,
    /// Ids of the holders of the segment, sorted.
    pub held_by: Vec<String>,
}
