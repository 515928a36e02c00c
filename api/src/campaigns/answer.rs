//! A campaign as clients see it.

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

use crate::quarantined::{Quarantined, ShowsDocument};
use crate::rules::GroupSchema;
use crate::schema;

/// A campaign as it was just created.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignWritten)]
pub(super) struct Written {
    /// Patron's name for it.
    #[schema(value_type = schema::CampaignId)]
    campaign_id: CampaignId,
    /// What it is called.
    #[schema(example = "Come back")]
    name: String,
    /// How far it is.
    #[schema(value_type = schema::CampaignStatus)]
    status: CampaignStatus,
    /// The segment it is for, if it is for one.
    #[schema(value_type = Option<schema::SegmentId>)]
    segment_id: Option<SegmentId>,
    /// Which customers are meant. Of a segment, the rules that the launch
    /// fixed; `null` before that.
    #[schema(value_type = Option<GroupSchema>)]
    rules: Option<Value>,
    /// The same as a text.
    #[schema(example = "total_spend > 100000 AND days_since_last_order > 90")]
    text: Option<String>,
    /// What is sent.
    message: MessageResponse,
    /// When it is, or was, to be launched by itself.
    #[schema(value_type = Option<schema::Time>)]
    scheduled_at: Option<Timestamp>,
    /// How many messages a second are sent at most.
    #[schema(example = 50)]
    messages_per_second: Option<u32>,
    /// Labels, in order.
    #[schema(example = json!(["spring"]))]
    tags: Vec<String>,
}

/// What is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignMessage)]
struct MessageResponse {
    /// Jinja over the customer's fields.
    #[schema(example = "Hi {{ name | default('there') }}, we miss you!")]
    template: String,
}

/// A campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(super) struct CampaignResponse {
    /// What it says.
    #[serde(flatten)]
    written: Written,
    /// What its launch fixed, once it was launched.
    launch: Option<LaunchResponse>,
    /// How many customers it means, once that was found out.
    size: Option<SizeResponse>,
    /// What became of its messages.
    statistics: Statistics,
    /// Why the campaign does not go on; `null` if nothing holds it back.
    waiting_for: Option<WaitingResponse>,
    /// When it was created.
    #[schema(value_type = schema::Time)]
    created_at: Timestamp,
    /// On whose behalf.
    #[schema(example = "key:bootstrap")]
    created_by: String,
    /// When it was launched.
    #[schema(value_type = Option<schema::Time>)]
    launched_at: Option<Timestamp>,
    /// When it was completed or cancelled.
    #[schema(value_type = Option<schema::Time>)]
    ended_at: Option<Timestamp>,
    /// When something last happened to it.
    #[schema(value_type = schema::Time)]
    updated_at: Timestamp,
    /// The aggregate's version; the audit trail has the same.
    version: i64,
    /// The event that holds the campaign back; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// A reason why a campaign does not go on.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitingFor)]
struct WaitingResponse {
    /// `breaker`, while `sending`: queued messages wait. The circuit breaker is
    /// open, because the vendor is away or its URL or credential is wrong.
    /// Sending continues by itself once the vendor accepts a message.
    /// `trimmed`, while `scheduled`, `launching` or `paused`: the audience cannot
    /// be found, since that needs events that were trimmed from the log. Nothing
    /// is sent. Cancel the campaign, unless an operator restores the log.
    /// `memory`, while `launching`, `sending` or `paused`: Redis is short of
    /// memory. Messages are neither queued nor sent, since what is left is for
    /// receipts and the results of what was sent. The campaign continues by
    /// itself once there is memory again.
    #[schema(value_type = schema::WaitingReason)]
    reason: &'static str,
    /// When the wait began.
    #[schema(value_type = schema::Time)]
    since: Timestamp,
    /// The problem, in plain words.
    #[schema(example = "the vendor answered 401 Unauthorized")]
    detail: String,
}

/// What a launch fixed: who gets what, whatever changes later.
#[derive(Serialize, ToSchema)]
#[schema(as = Launch)]
struct LaunchResponse {
    /// How far the log was: customers are taken as it had them then.
    #[schema(example = "0:12,1:7")]
    positions: String,
    /// The instant that relative dates are worked out for.
    #[schema(value_type = schema::Time)]
    clock: Timestamp,
}

/// How many customers a launch meant.
#[derive(Serialize, ToSchema)]
#[schema(as = AudienceSize)]
struct SizeResponse {
    /// All who match the rules.
    #[schema(example = 5_258)]
    planned: u64,
    /// Those who had a message queued.
    #[schema(example = 5_201)]
    queued: u64,
    /// Those who get none.
    #[schema(example = 57)]
    suppressed: u64,
    /// Beside these: customers of whom nobody can tell whether they match,
    /// because an event of theirs is in quarantine. They get no message until
    /// that is decided.
    #[schema(example = 0)]
    undetermined: u64,
}

/// A campaign's messages in numbers. `audience` is always the sum of `sent`,
/// `failed`, `suppressed` and `pending`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Statistics {
    /// All messages.
    #[schema(example = 5_258)]
    audience: i64,
    /// To be sent.
    #[schema(example = 0)]
    queued: i64,
    /// The vendor has them, and has not failed to deliver them.
    #[schema(example = 4_702)]
    sent: i64,
    /// Those of `sent` that arrived.
    #[schema(example = 4_681)]
    delivered: i64,
    /// Did not arrive, or could not be handed to the vendor.
    #[schema(example = 499)]
    failed: i64,
    /// Those of `failed` that the vendor did not take; `retry` queues them
    /// again.
    #[schema(example = 2)]
    undeliverable: i64,
    /// Will not be sent.
    #[schema(example = 57)]
    suppressed: i64,
    /// Have not ended: the same as `queued`.
    #[schema(example = 0)]
    pending: i64,
    /// Those of `sent` of which the vendor says nothing yet.
    #[schema(example = 21)]
    awaiting_receipt: i64,
    /// How many were suppressed for which reason.
    #[schema(example = json!({"unsubscribed": 41, "no_address": 16}))]
    suppressed_for: BTreeMap<String, i64>,
    /// When something last happened to one of them. Where `awaiting_receipt`
    /// is left and this lies far back, the vendor has gone silent.
    #[schema(value_type = Option<schema::Time>)]
    last_at: Option<Timestamp>,
    /// Whether these numbers leave an event out, because it is in quarantine.
    incomplete: bool,
}

/// What a command on a campaign made of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Steered {
    /// Which.
    #[schema(value_type = schema::CampaignId)]
    pub(super) campaign_id: CampaignId,
    /// How far it is by that.
    #[schema(value_type = schema::CampaignStatus)]
    pub(super) status: CampaignStatus,
}

impl Written {
    /// From what was sent, so that the answer to a repetition is the same.
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
            message: MessageResponse {
                template: content.template.to_string(),
            },
            scheduled_at: content.scheduled_at,
            messages_per_second: content.messages_per_second,
            tags: content.tags.iter().cloned().map(Text::into).collect(),
        }
    }
}

impl CampaignResponse {
    /// `waiting` is why it does not go on, as the workers report it.
    pub(super) fn new(
        document: CampaignDocument,
        figures: CampaignFigures,
        incomplete: bool,
        waiting: Option<Waiting>,
    ) -> Self {
        // A report may be older than what the views have.
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
        let written = Written {
            campaign_id: document.campaign_id,
            name: document.name,
            status: document.status,
            segment_id: document.segment_id,
            text: document.rules.as_ref().map(ToString::to_string),
            rules: document.rules.map(|rules| rules.to_json()),
            message: MessageResponse {
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
    /// `incomplete` says whether the figures leave an event out.
    pub(super) fn new(figures: CampaignFigures, incomplete: bool) -> Self {
        Self {
            audience: figures.audience(),
            queued: figures.queued(),
            sent: figures.sent(),
            delivered: figures.delivered(),
            failed: figures.failed(),
            undeliverable: figures.undeliverable(),
            suppressed: figures.suppressed(),
            pending: figures.pending(),
            awaiting_receipt: figures.awaiting_receipt(),
            suppressed_for: figures.suppressed_for,
            last_at: figures.last_at.map(|at| at.to_chrono().into()),
            incomplete,
        }
    }
}
