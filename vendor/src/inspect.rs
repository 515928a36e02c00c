//! Endpoints for tests and operators: sent messages, counts, settings, health.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::{Counts, Sent};
use crate::problem::{FieldError, Problem, parse, parse_value};
use crate::serve::Vendor;
use crate::settings::Settings;
use crate::stats::Stats;

/// Query of `GET /vendor/messages`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// 1 to 500; 50 if left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<usize>,
}

/// A page of what was sent, oldest first.
#[derive(Serialize)]
pub(crate) struct Page {
    items: Vec<Sent>,
    next_cursor: Option<String>,
}

const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 500;

/// `GET /vendor/messages?limit&cursor`.
pub(crate) async fn messages(
    State(vendor): State<Arc<Vendor>>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(query) = query.map_err(|rejection| {
        Problem::new(rejection.status(), "invalid-query", rejection.body_text())
    })?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        let detail = format!("limit must be 1 to {LARGEST_LIMIT}");
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-query",
            detail,
        ));
    }
    let start = query.cursor.unwrap_or(0);
    // One more than asked for tells whether there is a next page.
    let mut items = vendor.ledger.page(start, limit + 1);
    let next_cursor = (items.len() > limit).then(|| (start + limit).to_string());
    items.truncate(limit);
    Ok(Json(Page { items, next_cursor }))
}

/// `GET /vendor/stats`: the ledger's counts, and those since the start.
pub(crate) async fn stats(State(vendor): State<Arc<Vendor>>) -> Json<Value> {
    #[derive(Serialize)]
    struct Answer<'a> {
        ledger: Counts,
        since_start: &'a Stats,
    }
    let answer = Answer {
        ledger: vendor.ledger.counts(),
        since_start: &vendor.stats,
    };
    // Counters always have a JSON form.
    Json(serde_json::to_value(answer).unwrap_or_default())
}

/// `GET /vendor/settings`.
pub(crate) async fn settings(State(vendor): State<Arc<Vendor>>) -> Json<Settings> {
    Json(vendor.controls.settings())
}

/// `PUT /vendor/settings`: in force from now on. A field left out keeps its
/// value. Answers the settings in force.
pub(crate) async fn put_settings(
    State(vendor): State<Arc<Vendor>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Settings>, Problem> {
    let changes: Map<String, Value> = parse(&headers, body)?;
    let Ok(Value::Object(mut merged)) = serde_json::to_value(vendor.controls.settings()) else {
        // A struct of numbers always has a JSON form.
        return Err(Problem::fields(Vec::<FieldError>::new()));
    };
    merged.extend(changes);
    let settings: Settings = parse_value(Value::Object(merged))?;
    vendor.controls.replace(settings);
    Ok(Json(vendor.controls.settings()))
}

/// `GET /healthz`: the process answers. An outage does not change that.
pub(crate) async fn healthz() -> Json<Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

/// Any other path.
pub(crate) async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "there is nothing at this path",
    )
}

/// A known path with another method.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this path does not take that method",
    )
}
