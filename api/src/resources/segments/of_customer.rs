//! Handler of `GET /api/customers/{id}/segments`.

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::{CustomerId, SegmentId, Timestamp};
use projections::customers::Customers;
use projections::segments::{SegmentDocument, Segments};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::after::AfterParam;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::Listed;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::customers;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined::{self, Quarantined, ShowsDocument};
use crate::state::AppState;

/// A segment that a customer is in.
#[derive(Serialize, ToSchema)]
#[schema(as = CustomerSegment)]
pub(super) struct CustomerSegmentResponse {
    /// The segment's id.
    #[schema(value_type = schema::SegmentId)]
    segment_id: SegmentId,
    /// The segment's name.
    #[schema(example = "Big spenders without a recent order")]
    name: String,
    /// The segment's purpose.
    #[schema(example = "For the spring letter")]
    description: Option<String>,
    /// The segment's rules as text.
    #[schema(example = "total_spend > 100000 AND days_since_last_order > 90")]
    text: String,
    /// The segment's version at its last change of content, as in the audit
    /// trail.
    #[schema(example = 3)]
    version: i64,
    /// The quarantined event of this segment; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// Lists the segments that a customer is in now, newest first.
///
/// Archived segments are not listed. The list has one page.
#[utoipa::path(
    get,
    path = "/api/customers/{id}/segments",
    tag = "Customers",
    params(("id" = inline(schema::Id), Path, description = "The customer's id"), AfterParam, Consistency),
    responses(
        (status = 200, description = "The segments", body = Listed<CustomerSegmentResponse>),
        NotFound
    )
)]
pub(super) async fn list_customer_segments(
    State(app): State<AppState>,
    Path(id): Path<CustomerId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<Listed<CustomerSegmentResponse>>, Problem> {
    let freshness = consistency.with(params.after());
    tokio::try_join!(
        after::wait::<Segments>(&app, freshness),
        after::wait::<Customers>(&app, freshness),
    )?;
    let found = app.store.customer(id.as_str()).await?;
    let Some(customer) = found else {
        return Err(customers::missing(&app, &id).await);
    };
    let now = Timestamp::from(Utc::now());
    let segments = match customer.merged {
        Some(_) => Vec::new(),
        None => app.store.segments_of(&customer.facts(), now).await?,
    };
    let segments = segments.into_iter().map(CustomerSegmentResponse::from);
    let mut items: Vec<_> = segments.collect();
    quarantined::mark(&app, &mut items).await?;
    Ok(Json(Listed {
        items,
        next_cursor: None,
    }))
}

impl From<SegmentDocument> for CustomerSegmentResponse {
    fn from(document: SegmentDocument) -> Self {
        Self {
            segment_id: document.segment_id,
            name: document.name,
            description: document.description,
            text: document.text,
            version: document.version,
            quarantined: None,
        }
    }
}

impl ShowsDocument for CustomerSegmentResponse {
    type View = Segments;

    fn document_id(&self) -> String {
        self.segment_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}
