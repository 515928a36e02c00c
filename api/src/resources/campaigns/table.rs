//! The communication log as CSV, streamed while it is read.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use commands::CommandError;
use domain::{CampaignId, Channel, MessageStatus, Timestamp};
use futures::stream;
use projections::{Page, PageRequest, QueryError};

use super::formula::escape_formulas;
use super::message::MessageResponse;
use super::texts::{self, Rendered};
use crate::http::problem::Problem;
use crate::resources::shared::quarantined::{self, Quarantined};
use crate::state::{AppContext, AppState};

/// Number of rows read per batch.
const BATCH: usize = 1_000;

const COLUMNS: [&str; 27] = [
    "customer_id",
    "message_id",
    "status",
    "channel",
    "to",
    "text",
    "attempts",
    "problem",
    "suppression",
    "suppression_detail",
    "vendor_message_id",
    "reason",
    "queued_at",
    "retry_at",
    "sent_at",
    "ended_at",
    "updated_at",
    "text_problem",
    "bounce",
    "complained_at",
    "deferred_at",
    "opened_at",
    "clicked_at",
    "clicked_url",
    "refused_receipts",
    "quarantined_position",
    "quarantined_reason",
];

/// Error that interrupts a CSV response.
#[derive(Debug, thiserror::Error)]
enum TableError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("CSV: {0}")]
    Csv(String),
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Query(error) => error.into(),
            TableError::Command(error) => error.into(),
            TableError::Csv(error) => {
                tracing::error!(%error, "a CSV row cannot be written");
                Self::internal()
            }
        }
    }
}

/// Returns whether a request prefers CSV to JSON, by its `Accept` headers.
pub(crate) fn prefers_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter();
    let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
    let accept = accept.join(",").to_ascii_lowercase();
    let ranges: Vec<(&str, f32)> = accept.split(',').map(range).collect();
    let csv = preference(&ranges, "text/csv", "text/*");
    csv.0 > 0.0 && csv > preference(&ranges, "application/json", "application/*")
}

/// Parses a media range and its quality.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
    (name, quality.unwrap_or(1.0))
}

/// Returns how much a media type is preferred: its quality, then how specifically
/// it is named.
fn preference(ranges: &[(&str, f32)], exact: &str, family: &str) -> (f32, u8) {
    for (name, weight) in [(exact, 3), (family, 2), ("*/*", 1)] {
        if let Some((_, quality)) = ranges.iter().find(|(range, _)| *range == name) {
            return (*quality, weight);
        }
    }
    (0.0, 0)
}

/// Responds with all rows. A failure to read the first batch is a problem. A
/// later failure aborts the response, so that a client cannot mistake a part
/// for the whole.
pub(super) async fn csv_response(
    app: AppState,
    campaign: CampaignId,
    status: Option<MessageStatus>,
) -> Result<Response, Problem> {
    let name = format!("attachment; filename=\"{campaign}.csv\"");
    let first = read(&app, &campaign, status, None).await?;
    let rows = stream::try_unfold(Some(NextPage::First(first)), move |next| {
        let (app, campaign) = (app.clone(), campaign.clone());
        async move {
            next_chunk(&app, &campaign, status, next)
                .await
                .inspect_err(|error| {
                    tracing::warn!(%error, "a CSV response was aborted");
                })
        }
    });
    let mut response = Body::from_stream(rows).into_response();
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, media_type);
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Next page of a CSV response.
enum NextPage {
    /// First page, which was read before the response began.
    First(Page<Rendered>),
    /// Page after this cursor.
    After(String),
}

/// Returns the next page as CSV, and the page after it; `None` at the end.
async fn next_chunk(
    app: &AppContext,
    campaign: &CampaignId,
    status: Option<MessageStatus>,
    next: Option<NextPage>,
) -> Result<Option<(Bytes, Option<NextPage>)>, TableError> {
    let Some(next) = next else {
        return Ok(None);
    };
    let mut table = csv::Writer::from_writer(Vec::new());
    let page = match next {
        NextPage::First(page) => {
            table.write_record(COLUMNS).map_err(failed)?;
            page
        }
        NextPage::After(cursor) => read(app, campaign, status, Some(cursor)).await?,
    };
    let messages = page.items.into_iter().map(MessageResponse::from);
    let mut messages: Vec<_> = messages.collect();
    quarantined::mark(app, &mut messages).await?;
    for message in messages {
        let row = row(message);
        table
            .write_record(row.iter().map(|cell| escape_formulas(cell).into_owned()))
            .map_err(failed)?;
    }
    let bytes = table.into_inner().map_err(failed)?;
    Ok(Some((bytes.into(), page.next_cursor.map(NextPage::After))))
}

async fn read(
    app: &AppContext,
    campaign: &CampaignId,
    status: Option<MessageStatus>,
    cursor: Option<String>,
) -> Result<Page<Rendered>, TableError> {
    let page = PageRequest {
        limit: BATCH,
        cursor,
    };
    let page = app.store.messages(campaign, status, &page).await?;
    Ok(texts::render_page(app, page).await?)
}

fn failed(error: impl std::fmt::Display) -> TableError {
    TableError::Csv(error.to_string())
}

fn row(message: MessageResponse) -> [String; COLUMNS.len()] {
    let text = Option::unwrap_or_default;
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let channel = message.channel.map(|channel| match channel {
        Channel::Email => "email".to_owned(),
        Channel::Phone => "phone".to_owned(),
    });
    let (suppression, detail) = match message.suppression {
        Some(suppression) => (Some(suppression.reason), suppression.detail),
        None => (None, None),
    };
    let (position, reason) = match message.quarantined {
        Some(Quarantined { position, reason }) => (Some(position.0.to_string()), Some(reason)),
        None => (None, None),
    };
    [
        message.customer_id.into(),
        message.message_id,
        message.status.name().to_owned(),
        text(channel),
        text(message.to),
        text(message.text),
        message.attempts.to_string(),
        text(message.problem),
        text(suppression),
        text(detail),
        text(message.vendor_message_id),
        text(message.reason),
        at(Some(message.queued_at)),
        at(message.retry_at),
        at(message.sent_at),
        at(message.ended_at),
        at(Some(message.updated_at)),
        text(message.text_problem),
        text(message.bounce.map(|bounce| bounce.name().to_owned())),
        at(message.complained_at),
        at(message.deferred_at),
        at(message.opened_at),
        at(message.clicked_at),
        text(message.clicked_url),
        message.refused_receipts.to_string(),
        text(position),
        text(reason),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefers(accept: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        prefers_csv(&headers)
    }

    #[test]
    fn csv_is_chosen_only_if_it_is_preferred() {
        for accept in [
            &["text/csv"][..],
            &["Text/CSV; header=present"],
            &["text/csv, */*"],
            &["application/json;q=0.5, text/csv;q=0.9"],
            &["application/json; q=0.5", "text/csv"],
        ] {
            assert!(prefers(accept), "{accept:?}");
        }
        for accept in [
            &[][..],
            &["*/*"],
            &["application/json"],
            &["text/html, application/xhtml+xml"],
            &["text/csv;q=0"],
            &["text/csv;q=0.1, application/json"],
            &["text/csv, application/json"],
        ] {
            assert!(!prefers(accept), "{accept:?}");
        }
    }
}
