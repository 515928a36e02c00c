//! Handler of `GET /api/suppressions`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{Channel, ListedFor};
use projections::suppressions::Suppressions;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::SuppressedResponse;
use super::export;
use crate::http::after::After;
use crate::http::extract::Query;
use crate::http::paging::{Limit, Listed, page};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::resources::campaigns::table::prefers_csv;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined;
use crate::state::AppState;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SuppressionParams {
    /// Lists only addresses that are on the list for this reason.
    #[param(inline, value_type = Option<schema::ListedFor>)]
    detail: Option<ListedFor>,
    /// Lists only addresses of this kind.
    #[param(inline, value_type = Option<schema::Channel>)]
    channel: Option<Channel>,
    /// The maximum number of addresses. Not allowed for CSV, which has all rows.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Not allowed for CSV.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has reached these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Lists the addresses on the suppression list, newest first.
///
/// With `Accept: text/csv` the response is a table of all of them. In it, a cell that a
/// spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(
    get,
    path = "/api/suppressions",
    tag = "Suppressions",
    params(SuppressionParams, Consistency),
    responses(
        (status = 200, description = "A page of addresses, or a table of all", content(
            (Listed<SuppressedResponse> = "application/json"),
            (String = "text/csv")
        ))
    )
)]
pub(super) async fn list_suppressions(
    State(app): State<AppState>,
    Query(params): Query<SuppressionParams>,
    consistency: Consistency,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    after::wait::<Suppressions>(&app, consistency.with(params.after.as_ref())).await?;
    let mut response = match prefers_csv(&headers) {
        true if params.limit.is_some() || params.cursor.is_some() => {
            let detail = "query: limit and cursor are not allowed for CSV, which has all rows";
            return Err(Problem::new(ProblemKind::InvalidParameter, detail));
        }
        true => export::csv_response(app, params.detail, params.channel).await?,
        false => {
            let page = page(params.limit, params.cursor);
            let found = app.store.suppressions(params.detail, params.channel, &page);
            let mut listed = Listed::from_page(found.await?, SuppressedResponse::from);
            quarantined::mark(&app, &mut listed.items).await?;
            Json(listed).into_response()
        }
    };
    // The same URL has two representations: caches must keep them apart.
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().append(header::VARY, vary);
    Ok(response)
}
