//! The kinds of data, for items that do not come from a request.

use commands::Context;
use domain::ImportKind;

use super::customers::CustomerBody;
use super::events::EventBody;
use super::ingest::{ItemOutcome, check_many, record_many};
use super::orders::OrderBody;
use crate::http::body::item::RawItem;
use crate::http::problem::Problem;
use crate::state::AppContext;

/// Records items of this kind like `POST /api/data/{kind}`. Returns their outcomes in the
/// given order.
///
/// # Errors
/// The problem with the batch as a whole. Some of its items may have been recorded;
/// repeating it is safe.
pub(crate) async fn record(
    app: &AppContext,
    context: &Context,
    kind: ImportKind,
    raw_items: &[RawItem<'_>],
) -> Result<Vec<ItemOutcome>, Problem> {
    match kind {
        ImportKind::Customers => record_many::<CustomerBody>(app, context, raw_items).await,
        ImportKind::Orders => record_many::<OrderBody>(app, context, raw_items).await,
        ImportKind::Events => record_many::<EventBody>(app, context, raw_items).await,
    }
}

/// Checks items of this kind without recording them. Returns the problem of each that
/// would be rejected whatever is recorded.
pub(crate) fn check(
    app: &AppContext,
    kind: ImportKind,
    raw_items: &[RawItem<'_>],
) -> Vec<Result<(), Problem>> {
    match kind {
        ImportKind::Customers => check_many::<CustomerBody>(app, raw_items),
        ImportKind::Orders => check_many::<OrderBody>(app, raw_items),
        ImportKind::Events => check_many::<EventBody>(app, raw_items),
    }
}
