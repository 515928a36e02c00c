//! The suppression list as CSV, streamed while it is read.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{Channel, ListedFor};
use futures::stream;
use projections::suppressions::SuppressionDocument;
use projections::{Page, PageRequest, QueryError};

use super::answer::SuppressedResponse;
use crate::http::problem::Problem;
use crate::resources::campaigns::escape_formulas;
use crate::state::{AppContext, AppState};

/// Number of rows read per batch.
const BATCH: usize = 1_000;

const COLUMNS: [&str; 9] = [
    "address",
    "channel",
    "detail",
    "hard_bounces",
    "soft_bounces",
    "complaints",
    "created_at",
    "created_by",
    "address_id",
];

/// Error that interrupts a CSV response.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("CSV: {0}")]
    Csv(String),
}

/// Which addresses to export.
#[derive(Clone, Copy)]
struct Filter {
    detail: Option<ListedFor>,
    channel: Option<Channel>,
}

/// Responds with all rows. A failure to read the first batch is a problem. A later
/// failure aborts the response, so that a client cannot mistake a part for the whole.
pub(super) async fn csv_response(
    app: AppState,
    detail: Option<ListedFor>,
    channel: Option<Channel>,
) -> Result<Response, Problem> {
    let filter = Filter { detail, channel };
    let first = read(&app, filter, None).await?;
    let rows = stream::try_unfold(Some((first, true)), move |page| {
        let app = app.clone();
        async move {
            let Some((page, is_first)) = page else {
                return Ok(None);
            };
            let next = match page.next_cursor.clone() {
                Some(cursor) => Some((read(&app, filter, Some(cursor)).await?, false)),
                None => None,
            };
            Ok::<_, ExportError>(Some((chunk(page, is_first)?, next)))
        }
    });
    let mut response = Body::from_stream(rows).into_response();
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, media_type);
    let name = HeaderValue::from_static("attachment; filename=\"suppressions.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

async fn read(
    app: &AppContext,
    filter: Filter,
    cursor: Option<String>,
) -> Result<Page<SuppressionDocument>, QueryError> {
    let page = PageRequest {
        limit: BATCH,
        cursor,
    };
    let Filter { detail, channel } = filter;
    app.store.suppressions(detail, channel, &page).await
}

fn chunk(page: Page<SuppressionDocument>, is_first: bool) -> Result<Bytes, ExportError> {
    let failed = |error: csv::Error| ExportError::Csv(error.to_string());
    let mut table = csv::Writer::from_writer(Vec::new());
    if is_first {
        table.write_record(COLUMNS).map_err(failed)?;
    }
    for document in page.items {
        let row = row(SuppressedResponse::from(document));
        let cells = row.iter().map(|cell| escape_formulas(cell).into_owned());
        table.write_record(cells).map_err(failed)?;
    }
    let bytes = table.into_inner();
    let bytes = bytes.map_err(|error| ExportError::Csv(error.to_string()))?;
    Ok(bytes.into())
}

fn row(one: SuppressedResponse) -> [String; COLUMNS.len()] {
    let name = Option::unwrap_or_default;
    [
        one.address.unwrap_or_default(),
        name(one.channel.map(Channel::name)).to_owned(),
        name(one.detail.map(ListedFor::name)).to_owned(),
        one.hard_bounces.to_string(),
        one.soft_bounces.to_string(),
        one.complaints.to_string(),
        one.created_at.to_string(),
        one.created_by,
        one.address_id.to_string(),
    ]
}
