//! Handler of `GET /api/campaigns/{id}/reconcile`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use domain::{CampaignId, CampaignStatus, MessageId, Timestamp};
use projections::{
    Discrepancy, JobKind, LaunchedCampaign, Reconciliation, Withheld, reconcile, require_whole,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::find::{head, launch_of, unknown};
use crate::http::after::Satisfied;
use crate::http::deadline::Deadline;
use crate::http::extract::{Path, Query};
use crate::http::openapi::{Conflict, NotFound, Trimmed};
use crate::http::position::PositionText;
use crate::http::prefer::Prefer;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::jobs::{JobResponse, LongRequest, respond};
use crate::state::AppState;

/// A campaign's accounts, computed from the log. If there are no discrepancies,
/// `planned` is the sum of `sent`, `failed`, `suppressed`, and `pending`.
#[derive(Serialize, ToSchema)]
#[schema(as = Reconciliation)]
pub(super) struct ReconciliationResponse {
    /// The campaign.
    #[schema(value_type = schema::CampaignId)]
    campaign_id: CampaignId,
    /// The campaign's status after the log was read.
    #[schema(value_type = schema::CampaignStatus)]
    status: CampaignStatus,
    /// Customers who matched the rules at the launch, by the log.
    #[schema(example = 5_258)]
    planned: u64,
    /// Messages that the vendor accepted and has not failed to deliver.
    #[schema(example = 4_702)]
    sent: u64,
    /// Messages of `sent` that were delivered.
    #[schema(example = 4_681)]
    delivered: u64,
    /// Messages of `sent` without a receipt within the time for one.
    #[schema(example = 0)]
    unconfirmed: u64,
    /// Messages that were not delivered, or that the vendor did not accept.
    #[schema(example = 499)]
    failed: u64,
    /// Messages of `failed` that the recipient's provider returned.
    #[schema(example = 12)]
    bounced: u64,
    /// Messages of `failed` that the vendor refused for good.
    #[schema(example = 3)]
    rejected: u64,
    /// Messages of `failed` that could not be handed to the vendor.
    #[schema(example = 2)]
    undeliverable: u64,
    /// Messages that were suppressed.
    #[schema(example = 57)]
    suppressed: u64,
    /// Messages that are still to be sent.
    #[schema(example = 0)]
    pending: u64,
    /// Messages of `sent` without a receipt, while there is time for one. The logs
    /// list them with `status=sent`.
    #[schema(example = 21)]
    awaiting_receipt: u64,
    /// Time at which the vendor accepted the first message that awaits a receipt.
    #[schema(value_type = Option<schema::Time>)]
    awaiting_since: Option<Timestamp>,
    /// Messages that their recipient complained about, whatever their status.
    #[schema(example = 1)]
    complained: u64,
    /// Receipts of the campaign's messages that were refused. At most eight per
    /// message are recorded; the recipient's events have the reasons.
    #[schema(example = 0)]
    refused_receipts: u64,
    /// Customers for whom a match cannot be determined, because one of their
    /// events was in quarantine at the launch. Customers who got a message since
    /// are in `planned` instead.
    #[schema(example = 0)]
    undetermined: u64,
    /// Events of the campaign's messages and statistics that the views could not
    /// fold, at most 1,000. The documents they affect are not compared.
    quarantined: Vec<QuarantinedResponse>,
    /// `true` if the views were compared too. That requires that they had caught
    /// up with the log and did not change during the comparison.
    views_compared: bool,
    /// `true` if all texts were compared. Texts of a newer program cannot be.
    texts_compared: bool,
    /// Discrepancies, at most 1,000.
    discrepancies: Vec<DiscrepancyResponse>,
    /// Total number of discrepancies.
    #[schema(example = 0)]
    discrepancies_found: u64,
}

/// An event that a view could not fold.
#[derive(Serialize, ToSchema)]
#[schema(as = ReconcileQuarantined)]
struct QuarantinedResponse {
    /// Position of the event in the log.
    #[schema(value_type = schema::Position)]
    position: PositionText,
    /// The view.
    #[schema(example = "messages")]
    view: String,
    /// The document's id in the view.
    #[schema(example = "msg_1f0c_c-1")]
    document: String,
    /// Reason why the event cannot be folded.
    #[schema(example = "malformed message_delivered.1: missing field `vendor_message_id`")]
    reason: String,
}

/// A discrepancy.
#[derive(Serialize, ToSchema)]
#[schema(as = Discrepancy)]
struct DiscrepancyResponse {
    /// `missing_message`: a customer of the audience has no message.
    /// `unexpected_message`: a customer outside the audience has a message.
    /// `size_differs`: the campaign recorded another audience size.
    /// `statistics_differ`, `view_differs`: a view differs from the log.
    /// `sent_after_unsubscribe`: a message was sent more than a second after its
    /// customer unsubscribed, or another customer with the address, or by a sender
    /// that had read the unsubscription.
    /// `sent_after_stop`: a message was sent more than a second after the
    /// campaign was paused or canceled.
    /// `text_differs`: the text rendered from a message's values is not the text
    /// that was recorded when the message was queued.
    /// `address_queued_twice`: messages to several customers with one address were
    /// queued.
    /// `duplicate_without_message`: a customer was suppressed as a duplicate, but the
    /// message of the other customer was not queued.
    #[schema(value_type = schema::DiscrepancyKind)]
    kind: &'static str,
    /// The customer; absent if the discrepancy is not about a single customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    customer_id: Option<String>,
    /// The customer's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::MessageId>)]
    message_id: Option<String>,
    /// Description of the discrepancy.
    #[schema(example = "is a recipient but has no message")]
    detail: String,
}

/// Accounts for every recipient of a campaign.
///
/// The audience and the outcome of each message are computed again from the log,
/// and compared with each other, with the records of the campaign, and with the
/// views. The operation reads the whole log: if that takes long, or if the client
/// prefers it, the response is a job.
#[utoipa::path(
    get,
    path = "/api/campaigns/{id}/reconcile",
    tag = "Campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        Satisfied,
        Prefer
    ),
    responses(
        (status = 200, description = "The reconciliation", body = ReconciliationResponse),
        (status = 202, description = "Continues as a job", body = JobResponse,
            headers(("Location" = inline(schema::Path), description = "The job's path"))),
        NotFound, Conflict, Trimmed
    )
)]
pub(super) async fn reconcile_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
    Query(satisfied): Query<Satisfied>,
    Extension(deadline): Extension<Deadline>,
    Prefer { respond_async }: Prefer,
) -> Result<Response, Problem> {
    let campaign = head(&app, &id).await?;
    let request = LongRequest {
        kind: JobKind::Reconciliation,
        subject: id.to_string(),
        after: satisfied.positions(),
        respond_async,
        deadline,
    };
    let launch = launch_of(&app, &id).await?;
    let content = app.commands.campaign_content(&id).await?;
    let template = content.ok_or_else(|| unknown(&id))?.template;
    let mut launched = LaunchedCampaign::of(id, &campaign, launch, template);
    require_whole(app.commands.log()).await?;
    let reading = app.clone();
    respond(&app, &context, request, |read| async move {
        let log = reading.commands.log();
        let id = launched.campaign.clone();
        let head = async { Ok::<_, Problem>(reading.commands.campaign(&id).await?) };
        let found = reconcile(&reading.store, log, &mut launched, &read, head).await?;
        Ok(ReconciliationResponse::new(launched, found))
    })
    .await
}

/// Returns a reconciliation in the form of `GET /api/campaigns/{id}/reconcile`.
pub fn reconciliation_document(
    launched: LaunchedCampaign,
    found: Reconciliation,
) -> impl Serialize {
    ReconciliationResponse::new(launched, found)
}

impl ReconciliationResponse {
    fn new(launched: LaunchedCampaign, found: Reconciliation) -> Self {
        let campaign = launched.campaign;
        let discrepancies = found.discrepancies.into_iter();
        Self {
            discrepancies: discrepancies
                .map(|discrepancy| DiscrepancyResponse::new(&campaign, discrepancy))
                .collect(),
            campaign_id: campaign,
            status: launched.status,
            planned: found.planned,
            sent: found.sent,
            delivered: found.delivered,
            unconfirmed: found.unconfirmed,
            failed: found.failed,
            bounced: found.bounced,
            rejected: found.rejected,
            undeliverable: found.undeliverable,
            suppressed: found.suppressed,
            pending: found.pending,
            awaiting_receipt: found.awaiting_receipt,
            awaiting_since: found.awaiting_since,
            complained: found.complained,
            refused_receipts: found.refused_receipts,
            undetermined: found.undetermined,
            quarantined: found
                .withheld
                .iter()
                .map(QuarantinedResponse::from)
                .collect(),
            views_compared: found.views_compared,
            texts_compared: found.texts_compared,
            discrepancies_found: found.found,
        }
    }
}

impl From<&Withheld> for QuarantinedResponse {
    fn from(withheld: &Withheld) -> Self {
        Self {
            position: PositionText(withheld.position()),
            view: withheld.view.clone(),
            document: withheld.document.clone(),
            reason: withheld.reason.clone(),
        }
    }
}

impl DiscrepancyResponse {
    fn new(campaign: &CampaignId, discrepancy: Discrepancy) -> Self {
        let message = discrepancy.customer.clone().map(|customer| MessageId {
            campaign: campaign.clone(),
            customer,
        });
        Self {
            kind: discrepancy.kind.name(),
            customer_id: discrepancy.customer.map(String::from),
            message_id: message.map(|id| id.to_string()),
            detail: discrepancy.detail,
        }
    }
}
