//! Segment's protocol: `POST /v1/batch`, `/v1/identify`, `/v1/track` and those that have
//! no effect, so that its existing SDKs can send here.
//!
//! A thin adapter of data ingestion. [`call`] reads a call leniently, [`identify`] and
//! [`track`] map it, and [`record`] passes all to the same commands as `/api/data/*`.
//! [`credential`] translates the key. SDKs drop a request that is refused with 4xx, and
//! send it again after 429 and 5xx. A request is therefore refused as a whole only if
//! nothing of it can be read; each call that cannot be recorded has its own result.

mod answer;
mod body;
mod call;
pub(crate) mod credential;
mod identify;
mod record;
mod time;
mod track;
mod values;
mod warning;
mod waves;

use std::sync::Arc;

use axum::extract::{Request, State};
use commands::Context;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::answer::CallsResponse;
use self::call::CallType;
use self::record::Calls;
use self::time::Receipt;
use crate::http::body::batch::{self, Items};
use crate::http::body::item::{RawItem, malformed, unexpected_start};
use crate::http::extract::Path;
use crate::http::limits::AnswerMemory;
use crate::http::openapi::NotFound;
use crate::http::payload::{self, BodyFormat, CompleteBody};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::{self, Caller};
use crate::resources::data::ingest::MAX_ITEMS;
use crate::state::{AppContext, AppState};

/// Paths of the operations.
const PATHS: [&str; 4] = ["/v1/batch", "/v1/identify", "/v1/track", "/v1/{type}"];

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(post_batch))
        .routes(routes!(post_identify))
        .routes(routes!(post_track))
        .routes(routes!(post_without_effect))
}

/// Body of a batch.
#[derive(Deserialize)]
struct BatchBody<'a> {
    #[serde(borrow)]
    batch: &'a RawValue,
    #[serde(rename = "sentAt", default)]
    sent_at: Json,
}

/// Calls of a batch. Members other than these are ignored.
#[derive(ToSchema)]
#[schema(as = SegmentBatch, example = json!({
    "batch": [
        {"type": "identify", "userId": "c-1001", "traits": {"email": "ada@example.com"}},
        {"type": "track", "userId": "c-1001", "messageId": "ajs-1", "event": "Order Completed"}
    ]
}))]
#[expect(dead_code, reason = "describes the body")]
struct BatchSchema {
    /// Calls, at most 10,000. Those of the types `identify` and `track` are recorded.
    #[schema(max_items = 10_000)]
    batch: Vec<schema::SegmentCall>,
    /// Time of sending, by the client's clock.
    #[schema(rename = "sentAt", value_type = Option<schema::Time>)]
    sent_at: Option<String>,
    /// API key, for a request without `Authorization`.
    #[schema(rename = "writeKey")]
    write_key: Option<String>,
}

/// Records the calls of an SDK.
///
/// Each call has its own result. Calls with the same `messageId` are recorded once.
#[utoipa::path(
    post,
    path = "/v1/batch",
    tag = "Segment's protocol",
    request_body = BatchSchema,
    responses(
        (status = 200, description = "Calls not rejected are durably recorded", body = CallsResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`")))
    )
)]
async fn post_batch(
    State(app): State<AppState>,
    Caller(context): Caller,
    request: Request,
) -> Result<CallsResponse, Problem> {
    let body = receive(&app, request).await?;
    let text = payload::text(&body)?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(unexpected_start(text, "the body must be an object"));
    }
    let read: BatchBody = serde_json::from_str(text).map_err(|error| match error.is_data() {
        true => Problem::field(ProblemKind::InvalidField, "/batch", error.to_string()),
        false => malformed(&error, None),
    })?;
    let calls = read.batch.get();
    let Items::Many(raw_items) = batch::split(BodyFormat::Json, calls, MAX_ITEMS)? else {
        let reason = "must be an array of calls".to_owned();
        return Err(Problem::field(ProblemKind::InvalidField, "/batch", reason));
    };
    record(&app, &context, &raw_items, None, &read.sent_at).await
}

/// Registers or updates a customer from the traits of an SDK's call.
#[utoipa::path(
    post,
    path = "/v1/identify",
    tag = "Segment's protocol",
    request_body(content = schema::SegmentCall, example = json!({
        "userId": "c-1001",
        "traits": {"name": "Ada Example", "email": "ada@example.com", "plan": "gold"}
    })),
    responses(
        (status = 200, description = "Durably recorded, unless rejected", body = CallsResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`")))
    )
)]
async fn post_identify(
    State(app): State<AppState>,
    Caller(context): Caller,
    request: Request,
) -> Result<CallsResponse, Problem> {
    record_one(&app, &context, request, CallType::Identify).await
}

/// Records the event of an SDK's call as activity.
#[utoipa::path(
    post,
    path = "/v1/track",
    tag = "Segment's protocol",
    request_body(content = schema::SegmentCall, example = json!({
        "userId": "c-1001",
        "messageId": "ajs-1",
        "event": "Order Completed",
        "properties": {"total": 19.99},
        "timestamp": "2026-11-23T01:02:03Z"
    })),
    responses(
        (status = 200, description = "Durably recorded, unless rejected", body = CallsResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`")))
    )
)]
async fn post_track(
    State(app): State<AppState>,
    Caller(context): Caller,
    request: Request,
) -> Result<CallsResponse, Problem> {
    record_one(&app, &context, request, CallType::Track).await
}

/// Accepts an SDK's call of a type that has no effect.
///
/// The call is answered as `ignored`, and not recorded.
#[utoipa::path(
    post,
    path = "/v1/{type}",
    tag = "Segment's protocol",
    params(("type" = inline(schema::SegmentIgnored), Path, description = "Type of the call")),
    request_body(content = schema::SegmentCall),
    responses(
        (status = 200, description = "Ignored", body = CallsResponse),
        NotFound
    )
)]
async fn post_without_effect(
    State(app): State<AppState>,
    Caller(context): Caller,
    Path(name): Path<String>,
    request: Request,
) -> Result<CallsResponse, Problem> {
    let Some(name) = call::without_effect(&name) else {
        let detail = format!("there is no call /v1/{name}");
        return Err(Problem::new(ProblemKind::NotFound, detail));
    };
    receive(&app, request).await?;
    let mut calls = Calls::default();
    calls.ignore(name);
    Ok(CallsResponse::new(
        calls.into_results(),
        answer_memory(&app, &context),
    ))
}

async fn record_one(
    app: &AppContext,
    context: &Context,
    request: Request,
    r#type: CallType,
) -> Result<CallsResponse, Problem> {
    let body = receive(app, request).await?;
    let text = payload::text(&body)?;
    match batch::split(BodyFormat::Json, text, 1)? {
        Items::One(raw) => {
            // A batch checks the syntax of its calls when it is divided into them.
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map_err(|error| malformed(&error, None))?;
            record(app, context, &[raw], Some(r#type), &Json::Null).await
        }
        Items::Many(_) => Err(unexpected_start(text, "the body must be an object")),
    }
}

/// Reads the body of a request.
async fn receive(app: &AppContext, request: Request) -> Result<CompleteBody, Problem> {
    app.shed.check()?;
    body::require(request.headers())?;
    let headers = request.headers().clone();
    let read = payload::read(request, app.body_budget.reserve(), app.body_limit).await?;
    body::decoded(&headers, read, app.body_limit)
}

async fn record(
    app: &AppContext,
    context: &Context,
    raw_items: &[RawItem<'_>],
    r#type: Option<CallType>,
    sent_at: &Json,
) -> Result<CallsResponse, Problem> {
    // The upload may take a while; calls are recorded at the time of their receipt.
    let context = &Context {
        now: caller::now(),
        ..context.clone()
    };
    // A time of sending that cannot be read corrects no clock.
    let zone = app.store.zone();
    let receipt = Receipt {
        sent_at: time::parse(sent_at, zone),
        received_at: context.now,
        zone,
    };
    let mut calls = Calls::with(app.contacts);
    for (index, raw) in raw_items.iter().enumerate() {
        calls.add(index, *raw, r#type, receipt);
    }
    let mut memory = answer_memory(app, context);
    memory.grow(calls.answer_bytes())?;
    let results = calls.record(app, context).await?;
    Ok(CallsResponse::new(results, memory))
}

fn answer_memory(app: &AppContext, context: &Context) -> AnswerMemory {
    app.answer_budget.open(&Arc::from(context.actor.as_str()))
}
