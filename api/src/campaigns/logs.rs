//! `GET /api/campaigns/{id}/logs`: the communication log.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{CampaignId, Channel, CustomerId, MessageStatus, Timestamp};
use projections::campaigns::Campaigns;
use projections::messages::{Messages, SuppressionDocument};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::texts::{self, Rendered};
use super::{missing, table};
use crate::after::{self, After};
use crate::consistency::Consistency;
use crate::extract::{Path, Query};
use crate::openapi::OneProblems;
use crate::paging::{Limit, Listed, page};
use crate::problem::{Problem, ProblemKind};
use crate::quarantined::{self, Quarantined, ShowsDocument};
use crate::schema;
use crate::state::{AppState, Shared};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogParams {
    /// Only messages that are as far as this.
    #[param(inline, value_type = Option<schema::MessageStatus>)]
    status: Option<MessageStatus>,
    /// How many at most. Not for CSV, which has all.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// The `next_cursor` of the page before. Not for CSV.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the views have these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// What became of one customer's message.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageResponse {
    /// To whom.
    #[schema(value_type = schema::Id)]
    pub(super) customer_id: CustomerId,
    /// Which.
    #[schema(value_type = schema::MessageId)]
    pub(super) message_id: String,
    /// How far it is.
    #[schema(value_type = schema::MessageStatus)]
    pub(super) status: MessageStatus,
    /// By which way it goes; `null` if it never was to be sent.
    #[schema(value_type = Option<schema::Channel>)]
    pub(super) channel: Option<Channel>,
    /// To which address.
    #[schema(example = "ada@example.com")]
    pub(super) to: Option<String>,
    /// What it says, rendered from the values that were recorded when it was
    /// queued.
    #[schema(example = "Hi Ada Example, we miss you!")]
    pub(super) text: Option<String>,
    /// Why there is no text, if it cannot be rendered again as it was recorded.
    #[schema(example = "the text is not the one that was recorded when the message was queued")]
    pub(super) text_problem: Option<String>,
    /// How many attempts to hand it over have failed since it was last queued.
    #[schema(example = 0)]
    pub(super) attempts: u32,
    /// What went wrong last with handing it over.
    #[schema(example = "the vendor answers 503")]
    pub(super) problem: Option<String>,
    /// Why it is suppressed.
    pub(super) suppression: Option<SuppressionResponse>,
    /// What the vendor calls it.
    #[schema(example = "vm_17")]
    pub(super) vendor_message_id: Option<String>,
    /// Why it did not arrive, as the vendor says.
    #[schema(example = "mailbox_full")]
    pub(super) reason: Option<String>,
    /// When it was last queued, or suppressed if it never was.
    #[schema(value_type = schema::Time)]
    pub(super) queued_at: Timestamp,
    /// When the next attempt is due.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) retry_at: Option<Timestamp>,
    /// When the vendor took it.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) sent_at: Option<Timestamp>,
    /// When it arrived, failed, was given up or suppressed.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) ended_at: Option<Timestamp>,
    /// When something last happened to it.
    #[schema(value_type = schema::Time)]
    pub(super) updated_at: Timestamp,
    /// The event that holds the message back; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) quarantined: Option<Quarantined>,
}

/// Why a customer gets no message.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(super) struct SuppressionResponse {
    /// In a word: `unsubscribed`, `no_address`, `template`, `frequency_cap`,
    /// `cancelled`.
    #[schema(example = "no_address")]
    pub(super) reason: String,
    /// What else there is to say.
    #[schema(example = "in campaign cmp_01936f2e7d1c7a309a511f0b6a0f9c11")]
    pub(super) detail: Option<String>,
}

/// A campaign's messages, one row per customer, by customer. With
/// `Accept: text/csv` all of them as a table, in which a cell that a
/// spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(
    get,
    path = "/api/campaigns/{id}/logs",
    tag = "campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        LogParams,
        Consistency
    ),
    responses(
        (status = 200, description = "A page of them, or all as a table", content(
            (Listed<MessageResponse> = "application/json"),
            (String = "text/csv")
        )),
        OneProblems
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
    check_known(&app, &id).await?;
    let mut response = match table::is_wanted(&headers) {
        true if params.limit.is_some() || params.cursor.is_some() => {
            let detail = "query: limit and cursor are for pages; a table has all rows";
            return Err(Problem::new(ProblemKind::InvalidParameter, detail));
        }
        true => table::answer(app, id, params.status).await?,
        false => {
            let page = page(params.limit, params.cursor);
            let found = app.store.messages(&id, params.status, &page).await?;
            let found = texts::rendered(&app, found).await?;
            let mut messages = Listed::from_page(found, MessageResponse::from);
            quarantined::mark(&app, &mut messages.items).await?;
            Json(messages).into_response()
        }
    };
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().append(header::VARY, vary);
    Ok(response)
}

async fn check_known(app: &Shared, id: &CampaignId) -> Result<(), Problem> {
    match app.store.campaign(id).await? {
        Some(_) => Ok(()),
        None => Err(missing(app, id).await),
    }
}

impl From<Rendered> for MessageResponse {
    fn from(rendered: Rendered) -> Self {
        let Rendered { message, text } = rendered;
        let (text, text_problem) = match text {
            Some(Ok(text)) => (Some(text), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        Self {
            customer_id: message.customer_id,
            message_id: message.message_id,
            status: message.status,
            channel: message.channel,
            to: message.to,
            text,
            text_problem,
            attempts: message.attempts,
            problem: message.problem,
            suppression: message.suppression.map(SuppressionResponse::from),
            vendor_message_id: message.vendor_message_id,
            reason: message.reason,
            queued_at: message.queued_at.to_chrono().into(),
            retry_at: message.retry_at.map(|at| at.to_chrono().into()),
            sent_at: message.sent_at.map(|at| at.to_chrono().into()),
            ended_at: message.ended_at.map(|at| at.to_chrono().into()),
            updated_at: message.updated_at.to_chrono().into(),
            quarantined: None,
        }
    }
}

impl ShowsDocument for MessageResponse {
    type View = Messages;

    fn document_id(&self) -> String {
        self.message_id.clone()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}

impl From<SuppressionDocument> for SuppressionResponse {
    fn from(suppression: SuppressionDocument) -> Self {
        Self {
            reason: suppression.reason,
            detail: suppression.detail,
        }
    }
}
