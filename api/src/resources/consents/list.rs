//! Handler of `GET /api/customers/{id}/consents`.

use axum::Json;
use axum::extract::State;
use domain::CustomerId;
use projections::QueryError;
use projections::customers::Customers;
use serde::Deserialize;
use utoipa::IntoParams;

use super::history::{ConsentItem, history};
use crate::http::after::After;
use crate::http::extract::{Path, Query};
use crate::http::openapi::{NotFound, Trimmed};
use crate::http::paging::{Limit, Listed, page};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::customers;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::state::AppState;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ConsentParams {
    /// Maximum number of items in the page.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view of customers has these positions. The list itself always has
    /// all earlier writes.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Lists the consents and opt-outs of a customer, newest first.
///
/// Each has its source, its wording, its time, the customer's addresses at that time, and
/// the actor and the IP address that recorded it. The first one is the current state.
#[utoipa::path(
    get,
    path = "/api/customers/{id}/consents",
    tag = "Customers",
    params(("id" = inline(schema::Id), Path, description = "The customer's id"), ConsentParams, Consistency),
    responses(
        (status = 200, description = "A page of consents", body = Listed<ConsentItem>),
        NotFound, Trimmed
    )
)]
pub(super) async fn list_consents(
    State(app): State<AppState>,
    Path(id): Path<CustomerId>,
    Query(params): Query<ConsentParams>,
    consistency: Consistency,
) -> Result<Json<Listed<ConsentItem>>, Problem> {
    let page = page(params.limit, params.cursor);
    let before = page.after::<u64>().map_err(QueryError::from)?;
    let consents = match history(&app, &id).await? {
        Some(consents) => consents,
        None => {
            // Customers may be known from their orders or activity alone.
            after::wait::<Customers>(&app, consistency.with(params.after.as_ref())).await?;
            if app.store.customer(id.as_str()).await?.is_none() {
                return Err(customers::missing(&app, &id).await);
            }
            Vec::new()
        }
    };
    let number = |item: &ConsentItem| item.position.0.number;
    let is_after = |item: &ConsentItem| before.is_none_or(|before| number(item) < before);
    let items = consents.into_iter().rev().filter(is_after);
    let items = items.take(page.limit + 1).collect();
    Ok(Json(Listed::from_page(page.cut(items, number), |item| {
        item
    })))
}
