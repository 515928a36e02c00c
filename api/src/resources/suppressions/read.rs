//! Handler of `GET /api/suppressions`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{Channel, ListedFor};
use projections::Page;
use projections::suppressions::{SuppressionDocument, Suppressions};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::SuppressedResponse;
use super::{export, write};
use crate::http::after::After;
use crate::http::extract::Query;
use crate::http::paging::{Limit, Listed, page};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::resources::campaigns::table::prefers_csv;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined;
use crate::state::{AppContext, AppState};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SuppressionParams {
    /// Lists only this address, if it is on the list: an email address, a phone number, or
    /// the id of an address. Not allowed for CSV, which has all rows.
    #[param(inline, value_type = Option<schema::AddressOrId>)]
    address: Option<String>,
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

impl SuppressionParams {
    fn chooses_rows(&self) -> bool {
        self.limit.is_some() || self.cursor.is_some() || self.address.is_some()
    }
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
        true if params.chooses_rows() => {
            let detail =
                "query: limit, cursor and address are not allowed for CSV, which has all rows";
            return Err(Problem::new(ProblemKind::InvalidParameter, detail));
        }
        true => export::csv_response(app, params.detail, params.channel).await?,
        false => {
            let found = find(&app, params).await?;
            let mut listed = Listed::from_page(found, SuppressedResponse::from);
            quarantined::mark(&app, &mut listed.items).await?;
            Json(listed).into_response()
        }
    };
    // The same URL has two representations: caches must keep them apart.
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().append(header::VARY, vary);
    Ok(response)
}

/// Maximum length of an address in characters.
const MAX_ADDRESS: usize = 254;

async fn find(
    app: &AppContext,
    params: SuppressionParams,
) -> Result<Page<SuppressionDocument>, Problem> {
    let SuppressionParams {
        address,
        detail,
        channel,
        limit,
        cursor,
        ..
    } = params;
    let Some(text) = address else {
        let page = page(limit, cursor);
        return Ok(app.store.suppressions(detail, channel, &page).await?);
    };
    if text.chars().count() > MAX_ADDRESS {
        let detail = format!("query: address: at most {MAX_ADDRESS} characters");
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    // A text that is no address is on no list.
    let one = match write::address_id(app, &text)? {
        Some(id) => app.store.suppression(id).await?,
        None => None,
    };
    let matches = |one: &SuppressionDocument| {
        detail.is_none_or(|detail| one.detail == Some(detail))
            && channel.is_none_or(|channel| one.channel == Some(channel))
    };
    Ok(Page {
        items: one.into_iter().filter(matches).collect(),
        next_cursor: None,
    })
}
