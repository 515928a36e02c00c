//! `GET /api/campaigns/{id}/recipients/{customer_id}`: why somebody got a
//! message, or did not.

use axum::Json;
use axum::extract::State;
use domain::{
    CampaignId, CustomerId, Event, Launch, MessageEvent, MessageId, MessageStatus, Subject,
    Timestamp,
};
use eventlog::{Entry, Positions};
use projections::audit::Audit;
use projections::messages::{Messages, SuppressionDocument};
use projections::recipients::{PastCustomer, customer_at};
use projections::{EntryReader, ReadError, Recorded};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::logs::SuppressionResponse;
use super::texts::{self, ShownEvent};
use super::{PATIENCE, head, launch_of};
use crate::after::Satisfied;
use crate::extract::{Path, Query};
use crate::openapi::ChangeProblems;
use crate::problem::Problem;
use crate::quarantined::{self, Quarantined, ShowsDocument};
use crate::schema;
use crate::segments::NodeVerdict;
use crate::state::{AppState, Shared};

/// Why a customer got a message, or did not.
#[derive(Serialize, ToSchema)]
#[schema(as = Recipient)]
pub(super) struct RecipientResponse {
    /// Which campaign.
    #[schema(value_type = schema::CampaignId)]
    campaign_id: CampaignId,
    /// Who.
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    /// Whether anything was known of them at the launch.
    known: bool,
    /// Whether the rules meant them.
    matched: bool,
    /// Whether nobody can tell, because an event of theirs was in quarantine at
    /// the launch.
    undetermined: bool,
    /// The instant that relative dates were worked out for.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
    /// What each node of the rules said, with the values that they had at the
    /// launch. None if nothing was known of them.
    rules: Vec<NodeVerdict>,
    /// Why they get no message, if that is so.
    suppression: Option<SuppressionResponse>,
    /// Their message, if there is one.
    message: Option<MessageHistory>,
}

/// A message, as the log tells of it.
#[derive(Serialize, ToSchema)]
struct MessageHistory {
    /// Which.
    #[schema(value_type = schema::MessageId)]
    message_id: String,
    /// How far it is.
    #[schema(value_type = Option<schema::MessageStatus>)]
    status: Option<MessageStatus>,
    /// Why it is suppressed, if it is.
    #[serde(skip)]
    suppression: Option<SuppressionDocument>,
    /// All that happened to it, in order, but for events that cannot be read.
    events: Vec<MessageHappened>,
    /// An event of it that cannot be read; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// Something that happened to a message.
#[derive(Serialize, ToSchema)]
struct MessageHappened {
    /// Where the log holds it.
    #[schema(value_type = schema::Position)]
    position: String,
    /// Type and schema version.
    #[schema(example = "message_sent.1")]
    r#type: String,
    /// When it was recorded.
    #[schema(value_type = schema::Time)]
    recorded_at: Timestamp,
    /// On whose behalf.
    #[schema(example = "worker:delivery")]
    actor: String,
    /// In which request, if a request is what brought it.
    #[schema(example = "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11")]
    request_id: Option<String>,
    /// What the event says; where the message was queued, with its `text`, or
    /// `text_problem` if that cannot be rendered as recorded.
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
}

/// Why a customer got a message, or did not: what each node of the rules said
/// of them at the launch, and all that happened to their message.
#[utoipa::path(
    get,
    path = "/api/campaigns/{id}/recipients/{customer_id}",
    tag = "campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        ("customer_id" = inline(schema::Id), Path, description = "The customer's id"),
        Satisfied
    ),
    responses(
        (status = 200, description = "What decided", body = RecipientResponse),
        ChangeProblems
    )
)]
pub(super) async fn get_recipient(
    State(app): State<AppState>,
    Path((id, customer_id)): Path<(CampaignId, CustomerId)>,
    _satisfied: Query<Satisfied>,
) -> Result<Json<RecipientResponse>, Problem> {
    head(&app, &id).await?;
    let launch = launch_of(&app, &id).await?;
    let (verdicts, undetermined) = match at_launch(&app, &launch, &customer_id).await? {
        PastCustomer::Unknown => (None, false),
        PastCustomer::Undetermined => (None, true),
        PastCustomer::Known(document) => {
            let verdicts = launch.rules.explain(&document.facts(), launch.clock);
            let verdicts: Vec<_> = verdicts.into_iter().map(NodeVerdict::from).collect();
            (Some(verdicts), false)
        }
    };
    let message = MessageId {
        campaign: id.clone(),
        customer: customer_id.clone(),
    };
    let mut message = history(&app, &message).await?;
    quarantined::mark(&app, &mut message).await?;
    let suppression = message.as_mut().and_then(|m| m.suppression.take());
    let whole = verdicts.iter().flatten().next();
    Ok(Json(RecipientResponse {
        campaign_id: id,
        known: verdicts.is_some() || undetermined,
        undetermined,
        matched: whole.is_some_and(NodeVerdict::matches),
        as_of: launch.clock,
        rules: verdicts.unwrap_or_default(),
        customer_id,
        suppression: suppression.map(SuppressionResponse::from),
        message,
    }))
}

/// A customer as they were at a launch.
async fn at_launch(
    app: &Shared,
    launch: &Launch,
    customer: &CustomerId,
) -> Result<PastCustomer, Problem> {
    let positions: Positions = launch.positions.as_str().parse().map_err(|error| {
        tracing::error!(%error, "a launch has no positions");
        Problem::internal()
    })?;
    app.store
        .wait_for(Audit::NAME, &positions, PATIENCE)
        .await?;
    let log = app.commands.log();
    Ok(customer_at(&app.store, log, customer, &positions).await?)
}

/// The message as the log tells of it, if there is one.
async fn history(app: &Shared, id: &MessageId) -> Result<Option<MessageHistory>, Problem> {
    let subject = Subject::Message(id.customer.clone(), id.campaign.clone());
    let log = app.commands.log();
    let key = log.layout().key(subject.to_string(), subject.route());
    let mut history = MessageHistory {
        message_id: id.to_string(),
        status: None,
        suppression: None,
        events: Vec::new(),
        quarantined: None,
    };
    let entries = log.history(&key).await?;
    let events = entries.iter().map(|entry| ShownEvent {
        tag: &entry.tag,
        key: &entry.key,
        data: &entry.data,
    });
    let shown = texts::shown(app, &events.collect::<Vec<_>>()).await?;
    let mut reader = EntryReader::default();
    for (entry, data) in entries.into_iter().zip(shown) {
        history.add(&mut reader, entry, data);
    }
    Ok((!history.events.is_empty()).then_some(history))
}

impl MessageHistory {
    fn add(&mut self, reader: &mut EntryReader, entry: Entry, data: Option<Box<RawValue>>) {
        let recorded = match reader.read(entry) {
            Ok(recorded) => recorded,
            // A newer program wrote it, or it is malformed: then it is in
            // quarantine, as `quarantined` says, or an operator skipped it.
            Err(ReadError::Unknown(_) | ReadError::Malformed(_)) => return,
        };
        if let Event::Message(happened) = &recorded.event
            && let Some(status) = happened.status()
        {
            self.status = Some(status);
            self.suppression = match happened {
                MessageEvent::Suppressed { why, .. } => Some(SuppressionDocument::from(why)),
                _ => None,
            };
        }
        self.events.push(MessageHappened::new(recorded, data));
    }
}

impl MessageHappened {
    fn new(recorded: Recorded, data: Option<Box<RawValue>>) -> Self {
        Self {
            position: recorded.position.to_string(),
            r#type: recorded.tag,
            recorded_at: recorded.metadata.at,
            actor: recorded.metadata.actor.clone(),
            request_id: recorded.metadata.request.clone(),
            data,
        }
    }
}

impl ShowsDocument for MessageHistory {
    type View = Messages;

    fn document_id(&self) -> String {
        self.message_id.clone()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}
