//! Handler of `GET /api/campaigns/{id}/logs`, the communication log.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{CampaignId, MessageStatus};
use projections::campaigns::Campaigns;
use projections::messages::Messages;
use serde::Deserialize;
use utoipa::IntoParams;

use super::find::missing;
use super::message::MessageResponse;
use super::table;
use super::texts;
use crate::http::after::After;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Limit, Listed, page};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined;
use crate::state::AppState;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogParams {
    /// Lists only messages with this status.
    #[param(inline, value_type = Option<schema::MessageStatus>)]
    status: Option<MessageStatus>,
    /// The maximum number of messages. Not allowed for CSV, which has all rows.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Not allowed for CSV.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the views have reached these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Lists a campaign's messages, one per customer, ordered by customer.
///
/// With `Accept: text/csv` the response is a table of all messages. In it, an
/// apostrophe is before a cell that a spreadsheet would take for a formula, and before
/// such a part of a cell after a semicolon, a tab or a line break.
#[utoipa::path(
    get,
    path = "/api/campaigns/{id}/logs",
    tag = "Campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        LogParams,
        Consistency
    ),
    responses(
        (status = 200, description = "A page of messages, or a table of all", content(
            (Listed<MessageResponse> = "application/json"),
            (String = "text/csv")
        )),
        NotFound
    )
)]
pub(super) async fn get_logs(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Query(params): Query<LogParams>,
    consistency: Consistency,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let freshness = consistency.with(params.after.as_ref());
    tokio::try_join!(
        after::wait::<Campaigns>(&app, freshness),
        after::wait::<Messages>(&app, freshness),
    )?;
    if app.store.campaign(&id).await?.is_none() {
        return Err(missing(&app, &id).await);
    }
    let mut response = match table::prefers_csv(&headers) {
        true if params.limit.is_some() || params.cursor.is_some() => {
            let detail = "query: limit and cursor are not allowed for CSV, which has all rows";
            return Err(Problem::new(ProblemKind::InvalidParameter, detail));
        }
        true => table::csv_response(app, id, params.status).await?,
        false => {
            let page = page(params.limit, params.cursor);
            let found = app.store.messages(&id, params.status, &page).await?;
            let found = texts::render_page(&app, found).await?;
            let mut messages = Listed::from_page(found, MessageResponse::from);
            quarantined::mark(&app, &mut messages.items).await?;
            Json(messages).into_response()
        }
    };
    // The same URL has two representations: caches must keep them apart.
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().append(header::VARY, vary);
    Ok(response)
}
