//! `POST /api/data/events`

use axum::extract::{Request, State};
use axum::response::Response;
use chrono_tz::Tz;
use commands::{ActivityRecord, CommandError, Context, Outcome};
use domain::{
    ActivityContent, ActivityError, ActivityId, Attributes, Currency, CustomerId, MAX_ATTRIBUTES,
    Name,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Ingested;
use super::ingest::{Ingest, ingest};
use crate::http::body::Input;
use crate::http::body::batch::OneOrMany;
use crate::http::body::given_time::GivenTime;
use crate::http::body::shop_id::shop_id;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_events))
}

/// An activity of a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an event object")]
#[schema(as = EventIn, example = json!({
    "event_id": "e-3",
    "customer_id": "c-1001",
    "name": "visit",
    "occurred_at": "2026-11-23T01:02:03Z",
    "properties": {"page": "/sale"}
}))]
pub(super) struct EventBody {
    /// Id of the event, unique within its customer.
    #[serde(deserialize_with = "shop_id")]
    #[schema(value_type = schema::SentId)]
    event_id: ActivityId,
    /// Customer of the event. The customer need not be registered.
    #[serde(deserialize_with = "shop_id")]
    #[schema(value_type = schema::SentId)]
    customer_id: CustomerId,
    /// Name of the kind of activity.
    #[schema(value_type = schema::Name)]
    name: Name,
    /// Time at which it happened.
    #[schema(value_type = schema::SentTime)]
    occurred_at: GivenTime,
    /// Custom properties, at most 64.
    #[serde(default)]
    #[schema(value_type = schema::Attributes)]
    properties: Attributes,
}

/// Records activity, such as visits.
///
/// Repeating an event changes nothing. An event with the same id and different
/// content replaces the content.
#[utoipa::path(
    post,
    path = "/api/data/events",
    tag = "Data ingestion",
    request_body(content(
        (OneOrMany<EventBody> = "application/json"),
        (String = "application/x-ndjson")
    )),
    responses(
        (status = 202, description = "Durably recorded; of a batch, the items not rejected",
            body = Ingested,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`")))
    )
)]
async fn post_events(
    State(app): State<AppState>,
    Caller(context): Caller,
    request: Request,
) -> Result<Response, Problem> {
    ingest::<EventBody>(&app, &context, request).await
}

impl Input for EventBody {
    fn check(&self, _: Currency) -> Result<(), Problem> {
        let count = self.properties.len();
        match count <= MAX_ATTRIBUTES {
            true => Ok(()),
            false => Err(refused(&ActivityError::TooManyProperties(count))),
        }
    }
}

impl Ingest for EventBody {
    const KIND: &'static str = "events";
    const ID: &'static str = "event_id";
    type Item = ActivityRecord;

    fn into_item(self, zone: Tz) -> Result<(String, ActivityRecord), Problem> {
        let id = self.event_id.as_str().to_owned();
        let content = ActivityContent {
            name: self.name,
            occurred_at: self.occurred_at.in_zone(zone),
            properties: self.properties,
        };
        let item = ActivityRecord {
            customer: self.customer_id,
            activity: self.event_id,
            content,
        };
        Ok((id, item))
    }

    async fn record(
        app: &AppContext,
        context: &Context,
        items: Vec<ActivityRecord>,
    ) -> Result<Vec<Result<Outcome, Problem>>, CommandError> {
        let outcomes = app.commands.record_activities(context, items).await?;
        let refused = |outcome: Result<_, ActivityError>| outcome.map_err(|error| refused(&error));
        Ok(outcomes.into_iter().map(refused).collect())
    }
}

fn refused(error: &ActivityError) -> Problem {
    let pointer = match error {
        ActivityError::TooManyProperties(_) => "/properties",
    };
    Problem::field(ProblemKind::Refused, pointer, error.to_string())
}
