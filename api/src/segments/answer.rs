//! A segment as clients see it.

use domain::{SegmentContent, SegmentId, Timestamp};
use projections::Audience;
use projections::segments::{SegmentDocument, Segments};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::quarantined::{Quarantined, ShowsDocument};
use crate::rules::GroupSchema;
use crate::schema;

/// A segment as it was just written.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentWritten)]
pub(super) struct Written {
    /// Patron's name for it.
    #[schema(value_type = schema::SegmentId)]
    pub(super) segment_id: SegmentId,
    /// What it is called.
    #[schema(example = "Big spenders who stay away")]
    name: String,
    /// What it is for.
    #[schema(example = "For the spring letter")]
    description: Option<String>,
    /// Which customers are meant, as JSON.
    #[schema(value_type = GroupSchema)]
    rules: Value,
    /// The same as a text.
    #[schema(example = "total_spend > 100000 AND days_since_last_order > 90")]
    text: String,
}

/// A segment.
#[derive(Serialize, ToSchema)]
#[schema(as = Segment)]
pub(super) struct SegmentResponse {
    /// What it says.
    #[serde(flatten)]
    written: Written,
    /// The segment's version since its content is this; the audit trail has
    /// the same.
    #[schema(example = 3)]
    version: i64,
    /// When it was created.
    #[schema(value_type = schema::Time)]
    created_at: Timestamp,
    /// On whose behalf.
    #[schema(example = "key:bootstrap")]
    created_by: String,
    /// When its content was last changed.
    #[schema(value_type = schema::Time)]
    updated_at: Timestamp,
    /// On whose behalf.
    #[schema(example = "key:bootstrap")]
    updated_by: String,
    /// When it was archived.
    #[schema(value_type = Option<schema::Time>)]
    archived_at: Option<Timestamp>,
    /// On whose behalf.
    archived_by: Option<String>,
    /// What needs it: while anything does, it cannot be archived.
    held_by: Vec<String>,
    /// How many customers it means, as last counted; `null` in the seconds
    /// before it is first counted, and when it is archived.
    audience: Option<AudienceResponse>,
    /// The event that holds the segment back; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// How many customers a segment means. Counted again within seconds when
/// customers change, and as the clock moves on.
#[derive(Serialize, ToSchema)]
#[schema(as = Audience)]
struct AudienceResponse {
    /// How many match.
    #[schema(example = 5_258)]
    count: i64,
    /// How many customers there are.
    #[schema(example = 23_570)]
    total_customers: i64,
    /// The segment's version that was counted.
    #[schema(example = 3)]
    version: i64,
    /// When.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
    /// At least these events of customers are in it.
    #[schema(example = "0:12,1:7")]
    positions: String,
    /// How long counting took, in milliseconds.
    #[schema(example = 2)]
    took_ms: i64,
}

impl Written {
    /// From what was sent, so that the answer to a repetition is the same.
    pub(super) fn new(segment_id: SegmentId, content: SegmentContent) -> Self {
        Self {
            segment_id,
            name: content.name.into(),
            description: content.description.map(String::from),
            rules: content.rules.to_json(),
            text: content.rules.to_string(),
        }
    }
}

impl SegmentResponse {
    pub(super) fn new(document: SegmentDocument, audience: Option<Audience>) -> Self {
        let is_archived = document.archived_at.is_some();
        let written = Written {
            segment_id: document.segment_id,
            name: document.name,
            description: document.description,
            rules: document.rules.to_json(),
            text: document.text,
        };
        Self {
            written,
            version: document.version,
            created_at: document.created_at.to_chrono().into(),
            created_by: document.created_by,
            updated_at: document.updated_at.to_chrono().into(),
            updated_by: document.updated_by,
            archived_at: document.archived_at.map(|at| at.to_chrono().into()),
            archived_by: document.archived_by,
            held_by: document.held_by,
            // The last count of what is archived may still lie there.
            audience: audience
                .filter(|_| !is_archived)
                .map(AudienceResponse::from),
            quarantined: None,
        }
    }
}

impl ShowsDocument for SegmentResponse {
    type View = Segments;

    fn document_id(&self) -> String {
        self.written.segment_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}

impl From<Audience> for AudienceResponse {
    fn from(audience: Audience) -> Self {
        Self {
            count: audience.count,
            total_customers: audience.total,
            version: audience.version,
            as_of: audience.as_of.to_chrono().into(),
            positions: audience.basis.positions,
            took_ms: audience.took_ms,
        }
    }
}
