//! `POST /api/data/events`

use axum::extract::{Request, State};
use axum::response::Response;
use commands::{ActivityRecord, CommandError, Context, Outcome};
use domain::{
    ActivityContent, ActivityError, ActivityId, CustomerId, MAX_ATTRIBUTES, Name, Properties,
    TextError, leaf_count,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Ingested;
use super::ingest::{Ingest, Received, ingest};
use crate::http::body::batch::OneOrMany;
use crate::http::body::given_time::GivenTime;
use crate::http::body::shop_id::shop_id;
use crate::http::body::{BodyRules, Input};
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
    /// Name of the kind of activity. It is recorded in lowercase with `_` between words:
    /// `Order Completed` is recorded as `order_completed`.
    #[schema(value_type = schema::EventName)]
    name: EventName,
    /// Time at which it happened.
    #[schema(value_type = schema::SentTime)]
    occurred_at: GivenTime,
    /// Custom properties, at most 64. Objects nest up to three names deep, and their values
    /// count one by one. Nulls and empty values are left out.
    #[serde(default)]
    #[schema(value_type = schema::Properties)]
    properties: Properties,
    /// Time at which the source last changed the event. An item that is older than what is
    /// recorded changes nothing and is `stale`; one of the same time, or without a time, is
    /// applied. At most five minutes in the future.
    #[serde(default)]
    #[schema(value_type = Option<schema::SentTime>)]
    updated_at: Option<GivenTime>,
}

/// Name of an activity, folded.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct EventName {
    name: Name,
    /// `true` if the name that was sent differs.
    is_changed: bool,
}

impl TryFrom<String> for EventName {
    type Error = TextError;

    fn try_from(sent: String) -> Result<Self, TextError> {
        let name = Name::folded(&sent)?;
        let is_changed = name.as_str() != sent;
        Ok(Self { name, is_changed })
    }
}

/// Records activity, such as visits.
///
/// Repeating an event changes nothing. An event with the same id and different
/// content replaces the content, unless its `updated_at` is older than the recorded
/// one.
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
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        let count = leaf_count(&self.properties.0);
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

    fn into_item(self, received: Received) -> Result<(String, ActivityRecord), Problem> {
        let id = self.event_id.as_str().to_owned();
        let content = ActivityContent {
            name: self.name.name,
            occurred_at: self.occurred_at.in_zone(received.rules.zone),
            properties: self.properties.0,
            updated_at: received.updated_at(self.updated_at)?,
        };
        let item = ActivityRecord {
            customer: self.customer_id,
            activity: self.event_id,
            content,
        };
        Ok((id, item))
    }

    fn changed_name(&self) -> Option<String> {
        self.name.is_changed.then(|| self.name.name.to_string())
    }

    async fn record(
        app: &AppContext,
        context: &Context,
        items: Vec<ActivityRecord>,
    ) -> Result<Vec<Result<Outcome, Problem>>, CommandError> {
        record_events(app, context, items).await
    }
}

/// Records activity. Returns one outcome per item, in the given order.
pub(crate) async fn record_events(
    app: &AppContext,
    context: &Context,
    items: Vec<ActivityRecord>,
) -> Result<Vec<Result<Outcome, Problem>>, CommandError> {
    let outcomes = app.commands.record_activities(context, items).await?;
    let refused = |outcome: Result<_, ActivityError>| outcome.map_err(|error| refused(&error));
    Ok(outcomes.into_iter().map(refused).collect())
}

fn refused(error: &ActivityError) -> Problem {
    let pointer = match error {
        ActivityError::TooManyProperties(_) => "/properties",
    };
    Problem::field(ProblemKind::Refused, pointer, error.to_string())
}
