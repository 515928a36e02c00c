//! `GET /api/campaigns/{id}/reconcile`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use domain::{CampaignId, CampaignStatus, MessageId, Timestamp};
use projections::{
    Discrepancy, JobKind, Launched, Reconciliation, Withheld, reconcile, require_whole,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{head, launch_of, unknown};
use crate::after::Satisfied;
use crate::caller::Caller;
use crate::deadline::Deadline;
use crate::extract::{Path, Query};
use crate::jobs::{JobResponse, LongRequest, respond};
use crate::openapi::ReconcileProblems;
use crate::position::PositionText;
use crate::prefer::Prefer;
use crate::problem::Problem;
use crate::schema;
use crate::state::AppState;

/// What a campaign comes to by the log itself. Where nothing is wrong,
/// `planned` is the sum of `sent`, `failed`, `suppressed` and `pending`.
#[derive(Serialize, ToSchema)]
#[schema(as = Reconciliation)]
pub(super) struct ReconciliationResponse {
    /// Which campaign.
    #[schema(value_type = schema::CampaignId)]
    campaign_id: CampaignId,
    /// Its status when the log had been read.
    #[schema(value_type = Option<schema::CampaignStatus>)]
    status: CampaignStatus,
    /// Customers who match the rules, as the log had them at the launch.
    #[schema(example = 5_258)]
    planned: u64,
    /// The vendor has their messages.
    #[schema(example = 4_702)]
    sent: u64,
    /// Those of `sent` that arrived.
    #[schema(example = 4_681)]
    delivered: u64,
    /// Did not arrive, or could not be handed over.
    #[schema(example = 499)]
    failed: u64,
    /// Get none.
    #[schema(example = 57)]
    suppressed: u64,
    /// Are still to be sent.
    #[schema(example = 0)]
    pending: u64,
    /// Those of `sent` of which the vendor says nothing yet; the logs tell
    /// which, by `status=sent`.
    #[schema(example = 21)]
    awaiting_receipt: u64,
    /// When the vendor took the first of these.
    #[schema(value_type = Option<schema::Time>)]
    awaiting_since: Option<Timestamp>,
    /// Customers of whom nobody can tell whether they match, because an event of
    /// theirs was in quarantine at the launch. Those who got a message since are
    /// among `planned` instead.
    #[schema(example = 0)]
    undetermined: u64,
    /// What the views could not fold of the campaign's messages and figures, at
    /// most 1,000: these are not compared.
    quarantined: Vec<QuarantinedResponse>,
    /// Whether the views had caught up with the log and rested long enough to
    /// be compared too.
    views_compared: bool,
    /// Whether all texts could be checked. Those of a newer program cannot.
    texts_compared: bool,
    /// What does not fit, at most 1,000.
    discrepancies: Vec<DiscrepancyResponse>,
    /// How many there are.
    #[schema(example = 0)]
    discrepancies_found: u64,
}

/// An event that a view could not fold.
#[derive(Serialize, ToSchema)]
#[schema(as = ReconcileQuarantined)]
struct QuarantinedResponse {
    /// Where the event is in the log.
    #[schema(value_type = schema::Position)]
    position: PositionText,
    /// The view.
    #[schema(example = "messages")]
    view: String,
    /// The document's id in the view.
    #[schema(example = "msg_1f0c_c-1")]
    document: String,
    /// Why the event cannot be folded.
    #[schema(example = "malformed message_delivered.1: missing field `vendor_message_id`")]
    reason: String,
}

/// Something that does not fit.
#[derive(Serialize, ToSchema)]
#[schema(as = Discrepancy)]
struct DiscrepancyResponse {
    /// `missing_message`: somebody was meant and has no message.
    /// `unexpected_message`: somebody has one and was not meant.
    /// `size_differs`: the campaign recorded another number.
    /// `statistics_differ`, `view_differs`: a view says otherwise.
    /// `sent_after_unsubscribe`: a message was sent more than a second after its
    /// customer unsubscribed, or by a sender that had read the unsubscription.
    /// `sent_after_stop`: a message was sent more than a second after the
    /// campaign was paused or cancelled.
    /// `text_differs`: the text that a message's values give is not the one that
    /// was recorded when it was queued.
    #[schema(value_type = schema::DiscrepancyKind)]
    kind: &'static str,
    /// About whom, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    customer_id: Option<String>,
    /// Their message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::MessageId>)]
    message_id: Option<String>,
    /// What.
    #[schema(example = "was meant and has no message")]
    detail: String,
}

/// Accounts for every recipient of a campaign.
///
/// Who was meant is found out anew from the log, and so is what became of each
/// message; both are held against each other, against what the campaign
/// recorded and against the views. Reads all of the log: if that takes long, or
/// the client prefers it, the answer is a job.
#[utoipa::path(
    get,
    path = "/api/campaigns/{id}/reconcile",
    tag = "campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        Satisfied,
        Prefer
    ),
    responses(
        (status = 200, description = "What it comes to", body = ReconciliationResponse),
        (status = 202, description = "It continues as a job", body = JobResponse,
            headers(("Location" = String, description = "The job's path"))),
        ReconcileProblems
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
    let mut launched = Launched::of(id, &campaign, launch, template);
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

/// A reconciliation as `GET /api/campaigns/{id}/reconcile` answers it.
pub fn reconciliation_document(launched: Launched, found: Reconciliation) -> impl Serialize {
    ReconciliationResponse::new(launched, found)
}

impl ReconciliationResponse {
    fn new(launched: Launched, found: Reconciliation) -> Self {
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
            failed: found.failed,
            suppressed: found.suppressed,
            pending: found.pending,
            awaiting_receipt: found.awaiting_receipt,
            awaiting_since: found.awaiting_since,
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
