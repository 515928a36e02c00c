//! Response bodies of segments.

use domain::{SegmentContent, SegmentId, Timestamp};
use projections::SegmentAudience;
use projections::segments::{SegmentDocument, Segments};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::schema;
use crate::resources::shared::quarantined::{Quarantined, ShowsDocument};
use crate::resources::shared::rules::GroupSchema;

/// A segment that was just written.
#[derive(Serialize, ToSchema)]
pub(super) struct SegmentWritten {
    /// The segment's id.
    #[schema(value_type = schema::SegmentId)]
    pub(super) segment_id: SegmentId,
    /// The segment's name.
    #[schema(example = "Big spenders without a recent order")]
    name: String,
    /// The segment's purpose.
    #[schema(example = "For the spring letter")]
    description: Option<String>,
    /// Rules that select customers, as JSON.
    #[schema(value_type = GroupSchema)]
    rules: Value,
    /// The rules as text.
    #[schema(example = "total_spend > 100000 AND days_since_last_order > 90")]
    text: String,
}

/// A segment.
#[derive(Serialize, ToSchema)]
#[schema(as = Segment)]
pub(super) struct SegmentResponse {
    /// The segment's content.
    #[serde(flatten)]
    written: SegmentWritten,
    /// The segment's version at its last change of content, as in the audit
    /// trail.
    #[schema(example = 3)]
    version: i64,
    /// Time of the segment's creation.
    #[schema(value_type = schema::Time)]
    created_at: Timestamp,
    /// The actor who created the segment.
    #[schema(example = "key:bootstrap")]
    created_by: String,
    /// Time of the last change of the segment's content.
    #[schema(value_type = schema::Time)]
    updated_at: Timestamp,
    /// The actor who last changed the content.
    #[schema(example = "key:bootstrap")]
    updated_by: String,
    /// Time at which the segment was archived.
    #[schema(value_type = Option<schema::Time>)]
    archived_at: Option<Timestamp>,
    /// The actor who archived the segment.
    archived_by: Option<String>,
    /// Holders, such as campaigns, that need the segment. It cannot be archived
    /// while there are any.
    held_by: Vec<String>,
    /// The last count of matching customers; `null` until the segment is first
    /// counted, which takes seconds, and after it is archived.
    audience: Option<AudienceResponse>,
    /// The quarantined event of this segment; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// Count of the customers in a segment. It is refreshed within seconds when
/// customers change, and as time passes.
#[derive(Serialize, ToSchema)]
#[schema(as = Audience)]
struct AudienceResponse {
    /// Number of customers who match.
    #[schema(example = 5_258)]
    count: i64,
    /// Number of all customers.
    #[schema(example = 23_570)]
    total_customers: i64,
    /// The segment's version that was counted.
    #[schema(example = 3)]
    version: i64,
    /// Time of the count.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
    /// Positions of customers' events that the count includes, at least.
    #[schema(example = "0:12,1:7")]
    positions: String,
    /// Duration of the count in milliseconds.
    #[schema(example = 2)]
    took_ms: i64,
}

impl SegmentWritten {
    /// Builds the response from the request, so that a repeated request gets
    /// the same response.
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
    pub(super) fn new(document: SegmentDocument, audience: Option<SegmentAudience>) -> Self {
        let is_archived = document.archived_at.is_some();
        let written = SegmentWritten {
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
            // The last count of an archived segment may not be deleted yet.
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

impl From<SegmentAudience> for AudienceResponse {
    fn from(audience: SegmentAudience) -> Self {
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
