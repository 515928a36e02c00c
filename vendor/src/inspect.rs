//! Endpoints for tests and operators: sent messages, counts, settings, health.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::{MessageCounts, SentMessage};
use crate::problem::{InvalidField, VendorProblem, parse, parse_value};
use crate::settings::VendorSettings;
use crate::state::Vendor;
use crate::stats::Stats;

/// Query of `GET /vendor/messages`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// Maximum number of messages, 1 to 500; the default is 50.
    limit: Option<usize>,
    /// `next_cursor` of the previous page.
    cursor: Option<usize>,
}

/// Page of sent messages, oldest first.
#[derive(Serialize)]
pub(crate) struct MessagePage {
    items: Vec<SentMessage>,
    next_cursor: Option<String>,
}

const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 500;

/// Handles `GET /vendor/messages?limit&cursor`: lists sent messages.
pub(crate) async fn messages(
    State(vendor): State<Arc<Vendor>>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<MessagePage>, VendorProblem> {
    let Query(query) = query.map_err(|rejection| {
        VendorProblem::new(rejection.status(), "invalid-query", rejection.body_text())
    })?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        let detail = format!("limit must be 1 to {LARGEST_LIMIT}");
        return Err(VendorProblem::new(
            StatusCode::BAD_REQUEST,
            "invalid-query",
            detail,
        ));
    }
    let start = query.cursor.unwrap_or(0);
    // One more message than the limit shows if there is a next page.
    let mut items = vendor.ledger.page(start, limit + 1);
    let next_cursor = (items.len() > limit).then(|| (start + limit).to_string());
    items.truncate(limit);
    Ok(Json(MessagePage { items, next_cursor }))
}

/// Handles `GET /vendor/stats`: returns the ledger's counts, and the counters since the start.
pub(crate) async fn stats(State(vendor): State<Arc<Vendor>>) -> Json<Value> {
    #[derive(Serialize)]
    struct StatsBody<'a> {
        ledger: MessageCounts,
        since_start: &'a Stats,
    }
    let body = StatsBody {
        ledger: vendor.ledger.counts(),
        since_start: &vendor.stats,
    };
    // Counters always have a JSON form.
    Json(serde_json::to_value(body).unwrap_or_default())
}

/// Handles `GET /vendor/settings`: returns the current settings.
pub(crate) async fn settings(State(vendor): State<Arc<Vendor>>) -> Json<VendorSettings> {
    Json(vendor.controls.settings())
}

/// Handles `PUT /vendor/settings`: changes the settings in the body from now on. Omitted fields
/// keep their values. Returns the current settings.
pub(crate) async fn put_settings(
    State(vendor): State<Arc<Vendor>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<VendorSettings>, VendorProblem> {
    let changes: Map<String, Value> = parse(&headers, body)?;
    let Ok(Value::Object(mut merged)) = serde_json::to_value(vendor.controls.settings()) else {
        // A struct of numbers always has a JSON form.
        return Err(VendorProblem::fields(Vec::<InvalidField>::new()));
    };
    merged.extend(changes);
    let settings: VendorSettings = parse_value(Value::Object(merged))?;
    vendor.controls.replace(settings);
    Ok(Json(vendor.controls.settings()))
}

/// Handles `GET /healthz`: always returns 200, even during a simulated outage.
pub(crate) async fn healthz() -> Json<Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

/// Returns 404 for any other path.
pub(crate) async fn not_found() -> VendorProblem {
    VendorProblem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "there is nothing at this path",
    )
}

/// Returns 405 for a known path with another method.
pub(crate) async fn method_not_allowed() -> VendorProblem {
    VendorProblem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this path does not support that method",
    )
}
