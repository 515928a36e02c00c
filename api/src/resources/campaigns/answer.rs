//! Response bodies of campaigns.

use std::collections::BTreeMap;

use domain::{
    Audience, AudienceSize, CampaignContent, CampaignId, CampaignStatus, SegmentId, Text, Timestamp,
};
use projections::campaign_stats::CampaignFigures;
use projections::campaigns::{CampaignDocument, Campaigns, LaunchDocument};
use projections::{Waiting, WaitingReason};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::schema;
use crate::resources::shared::quarantined::{Quarantined, ShowsDocument};
use crate::resources::shared::rules::GroupSchema;

/// A campaign that was just created.
#[derive(Serialize, ToSchema)]
pub(super) struct CampaignWritten {
    /// The campaign's id.
    #[schema(value_type = schema::CampaignId)]
    campaign_id: CampaignId,
    /// The campaign's name.
    #[schema(example = "Come back")]
    name: String,
    /// The campaign's status.
    #[schema(value_type = schema::CampaignStatus)]
    status: CampaignStatus,
    /// The segment that the campaign is for; `null` if it has rules of its own.
    #[schema(value_type = Option<schema::SegmentId>)]
    segment_id: Option<SegmentId>,
    /// Rules that select the audience, as JSON. For a segment these are the
    /// rules that the launch fixed; `null` before the launch.
    #[schema(value_type = Option<GroupSchema>)]
    rules: Option<Value>,
    /// The rules as text.
    #[schema(example = "total_spend > 100000 AND days_since_last_order > 90")]
    text: Option<String>,
    /// The message to send.
    message: CampaignMessage,
    /// Time of the automatic launch; `null` if there is none.
    #[schema(value_type = Option<schema::Time>)]
    scheduled_at: Option<Timestamp>,
    /// Maximum number of messages sent per second.
    #[schema(example = 50)]
    messages_per_second: Option<u32>,
    /// Labels, in order.
    #[schema(example = json!(["spring"]))]
    tags: Vec<String>,
}

/// The message to send.
#[derive(Serialize, ToSchema)]
struct CampaignMessage {
    /// Jinja template over the customer's fields.
    #[schema(example = "Hi {{ name | default('there') }}, we miss you!")]
    template: String,
}

/// A campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(super) struct CampaignResponse {
    /// The campaign's content.
    #[serde(flatten)]
    written: CampaignWritten,
    /// State that the launch fixed; `null` before the launch.
    launch: Option<LaunchResponse>,
    /// The size of the audience; `null` until it is known.
    size: Option<SizeResponse>,
    /// Counts of the campaign's messages.
    statistics: Statistics,
    /// Reason why the campaign waits; `null` if it does not.
    waiting_for: Option<WaitingResponse>,
    /// Time of the campaign's creation.
    #[schema(value_type = schema::Time)]
    created_at: Timestamp,
    /// The actor who created the campaign.
    #[schema(example = "key:bootstrap")]
    created_by: String,
    /// Time of the campaign's launch.
    #[schema(value_type = Option<schema::Time>)]
    launched_at: Option<Timestamp>,
    /// Time at which the campaign was completed or canceled.
    #[schema(value_type = Option<schema::Time>)]
    ended_at: Option<Timestamp>,
    /// Time of the campaign's last change.
    #[schema(value_type = schema::Time)]
    updated_at: Timestamp,
    /// Version of the aggregate, as in the audit trail.
    version: i64,
    /// The quarantined event of this campaign; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// A reason why a campaign waits.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitingFor)]
struct WaitingResponse {
    /// `breaker`, while `sending`: queued messages wait. The circuit breaker is
    /// open, because the vendor is unavailable, or its URL or credential is
    /// wrong. Sending continues automatically once the vendor accepts a message.
    /// `trimmed`, while `scheduled`, `launching`, or `paused`: the audience
    /// cannot be resolved, since that needs events that were trimmed from the
    /// log. Nothing is sent. Cancel the campaign, unless an operator restores
    /// the log.
    /// `memory`, while `launching`, `sending`, or `paused`: Redis is short of
    /// memory. Messages are neither queued nor sent; the remaining memory is
    /// reserved for receipts and the results of messages that were sent. The
    /// campaign continues automatically once memory is available.
    #[schema(value_type = schema::WaitingReason)]
    reason: &'static str,
    /// Time at which the wait began.
    #[schema(value_type = schema::Time)]
    since: Timestamp,
    /// The problem, in plain words.
    #[schema(example = "the vendor answered 401 Unauthorized")]
    detail: String,
}

/// State that a launch fixed. Recipients and texts follow from it, whatever
/// changes later.
#[derive(Serialize, ToSchema)]
#[schema(as = Launch)]
struct LaunchResponse {
    /// Positions of the log at the launch. Customers are evaluated in the state
    /// that the events up to these positions make.
    #[schema(example = "0:12,1:7")]
    positions: String,
    /// The time that relative dates refer to.
    #[schema(value_type = schema::Time)]
    clock: Timestamp,
}

/// Number of customers in the audience of a launch.
#[derive(Serialize, ToSchema)]
#[schema(as = AudienceSize)]
struct SizeResponse {
    /// Customers who match the rules.
    #[schema(example = 5_258)]
    planned: u64,
    /// Customers whose message was queued.
    #[schema(example = 5_201)]
    queued: u64,
    /// Customers whose message was suppressed.
    #[schema(example = 57)]
    suppressed: u64,
    /// Customers who are not in `planned`, because one of their events is in
    /// quarantine and so it is unknown whether they match. They get no message
    /// until that event is resolved.
    #[schema(example = 0)]
    undetermined: u64,
}

/// Counts of a campaign's messages. `audience` is always the sum of `sent`,
/// `failed`, `suppressed`, and `pending`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Statistics {
    /// All messages.
    #[schema(example = 5_258)]
    audience: i64,
    /// Messages that are to be sent.
    #[schema(example = 0)]
    queued: i64,
    /// Messages that the vendor accepted and has not failed to deliver, as far as is
    /// known.
    #[schema(example = 4_702)]
    sent: i64,
    /// Messages of `sent` that were delivered.
    #[schema(example = 4_681)]
    delivered: i64,
    /// Messages of `sent` without a receipt within the time for one. A late receipt
    /// still counts.
    #[schema(example = 0)]
    unconfirmed: i64,
    /// Messages that were not delivered, or that the vendor did not accept.
    #[schema(example = 499)]
    failed: i64,
    /// Messages of `failed` that the recipient's provider returned, some after they
    /// were delivered.
    #[schema(example = 12)]
    bounced: i64,
    /// Messages of `failed` that the vendor refused for good.
    #[schema(example = 3)]
    rejected: i64,
    /// Messages of `failed` that could not be handed to the vendor; `retry`
    /// queues them again.
    #[schema(example = 2)]
    undeliverable: i64,
    /// Messages that will not be sent.
    #[schema(example = 57)]
    suppressed: i64,
    /// Messages without a final status: the same as `queued`.
    #[schema(example = 0)]
    pending: i64,
    /// Messages of `sent` without a receipt, while there is time for one.
    #[schema(example = 21)]
    awaiting_receipt: i64,
    /// Messages that their recipient complained about, whatever their status.
    #[schema(example = 1)]
    complained: i64,
    /// Messages that were opened, as far as the vendor reports it.
    #[schema(example = 1_204)]
    opened: i64,
    /// Messages with a link that was followed, as far as the vendor reports it.
    #[schema(example = 310)]
    clicked: i64,
    /// Receipts of the messages that were refused, at most eight per message.
    #[schema(example = 0)]
    refused_receipts: i64,
    /// Suppressed messages by reason.
    #[schema(example = json!({"unsubscribed": 41, "no_address": 16}))]
    suppressed_for: BTreeMap<String, i64>,
    /// Time of the last change of any message. If this is long ago and
    /// `awaiting_receipt` is not 0, the vendor has stopped sending receipts.
    #[schema(value_type = Option<schema::Time>)]
    last_at: Option<Timestamp>,
    /// `true` if the counts leave out an event that is in quarantine.
    incomplete: bool,
}

/// A campaign's status after a command.
#[derive(Serialize, ToSchema)]
#[schema(as = Steered)]
pub(super) struct TransitionResponse {
    /// The campaign.
    #[schema(value_type = schema::CampaignId)]
    pub(super) campaign_id: CampaignId,
    /// The status that the command led to.
    #[schema(value_type = schema::CampaignStatus)]
    pub(super) status: CampaignStatus,
}

impl CampaignWritten {
    /// Builds the response from the request, so that a repeated request gets
    /// the same response.
    pub(super) fn new(campaign_id: CampaignId, content: &CampaignContent) -> Self {
        let (segment_id, rules) = match &content.audience {
            Audience::SegmentId(segment) => (Some(segment.clone()), None),
            Audience::Rules(rules) => (None, Some(rules)),
        };
        Self {
            campaign_id,
            name: content.name.as_str().to_owned(),
            status: match (content.at_once, content.scheduled_at) {
                (true, _) => CampaignStatus::Launching,
                (false, Some(_)) => CampaignStatus::Scheduled,
                (false, None) => CampaignStatus::Draft,
            },
            segment_id,
            rules: rules.map(domain::rules::Rules::to_json),
            text: rules.map(ToString::to_string),
            message: CampaignMessage {
                template: content.template.to_string(),
            },
            scheduled_at: content.scheduled_at,
            messages_per_second: content.messages_per_second,
            tags: content.tags.iter().cloned().map(Text::into).collect(),
        }
    }
}

impl CampaignResponse {
    /// Builds the response. `waiting` is the reason to wait that the workers
    /// last reported.
    pub(super) fn new(
        document: CampaignDocument,
        figures: CampaignFigures,
        incomplete: bool,
        waiting: Option<Waiting>,
    ) -> Self {
        // A report may be older than the views, so its reason may no longer apply.
        let still_holds = match waiting.as_ref().map(|waiting| waiting.reason) {
            None => false,
            Some(WaitingReason::Breaker) => {
                document.status == CampaignStatus::Sending && figures.queued() > 0
            }
            Some(WaitingReason::Memory) => {
                use CampaignStatus::{Launching, Paused, Sending};
                match document.status {
                    Launching | Paused => document.size.is_none(),
                    Sending => figures.queued() > 0,
                    _ => false,
                }
            }
            Some(WaitingReason::Trimmed) => {
                use CampaignStatus::{Launching, Paused, Scheduled};
                let waits = matches!(document.status, Scheduled | Launching | Paused);
                waits && document.size.is_none()
            }
        };
        let written = CampaignWritten {
            campaign_id: document.campaign_id,
            name: document.name,
            status: document.status,
            segment_id: document.segment_id,
            text: document.rules.as_ref().map(ToString::to_string),
            rules: document.rules.map(|rules| rules.to_json()),
            message: CampaignMessage {
                template: document.template.into(),
            },
            scheduled_at: document.scheduled_at.map(|at| at.to_chrono().into()),
            messages_per_second: document.messages_per_second,
            tags: document.tags,
        };
        Self {
            written,
            launch: document.launch.map(LaunchResponse::from),
            size: document.size.map(SizeResponse::from),
            statistics: Statistics::new(figures, incomplete),
            waiting_for: waiting.filter(|_| still_holds).map(WaitingResponse::from),
            created_at: document.created_at.to_chrono().into(),
            created_by: document.created_by,
            launched_at: document.launched_at.map(|at| at.to_chrono().into()),
            ended_at: document.ended_at.map(|at| at.to_chrono().into()),
            updated_at: document.updated_at.to_chrono().into(),
            version: document.version,
            quarantined: None,
        }
    }
}

impl ShowsDocument for CampaignResponse {
    type View = Campaigns;

    fn document_id(&self) -> String {
        self.written.campaign_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}

impl From<LaunchDocument> for LaunchResponse {
    fn from(launch: LaunchDocument) -> Self {
        Self {
            positions: launch.positions,
            clock: launch.clock.to_chrono().into(),
        }
    }
}

impl From<Waiting> for WaitingResponse {
    fn from(waiting: Waiting) -> Self {
        Self {
            reason: waiting.reason.name(),
            since: waiting.since,
            detail: waiting.detail,
        }
    }
}

impl From<AudienceSize> for SizeResponse {
    fn from(size: AudienceSize) -> Self {
        Self {
            planned: size.planned,
            queued: size.queued,
            suppressed: size.suppressed,
            undetermined: size.undetermined,
        }
    }
}

impl Statistics {
    /// Builds the counts. `incomplete` is `true` if they leave out an event.
    pub(super) fn new(figures: CampaignFigures, incomplete: bool) -> Self {
        Self {
            audience: figures.audience(),
            queued: figures.queued(),
            sent: figures.sent(),
            delivered: figures.delivered(),
            unconfirmed: figures.by_status.unconfirmed,
            failed: figures.failed(),
            bounced: figures.by_status.bounced,
            rejected: figures.by_status.rejected,
            undeliverable: figures.undeliverable(),
            suppressed: figures.suppressed(),
            pending: figures.pending(),
            awaiting_receipt: figures.awaiting_receipt(),
            complained: figures.marks.complained,
            opened: figures.marks.opened,
            clicked: figures.marks.clicked,
            refused_receipts: figures.refused_receipts,
            suppressed_for: figures.suppressed_for,
            last_at: figures.last_at.map(|at| at.to_chrono().into()),
            incomplete,
        }
    }
}
