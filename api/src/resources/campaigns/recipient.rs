//! Handler of `GET /api/campaigns/{id}/recipients/{customer_id}`: explains why a
//! customer got a message, or got none.

use axum::Json;
use axum::extract::State;
use domain::{
    CampaignId, CampaignStatus, Channel, CustomerId, Event, Launch, MessageEvent, MessageId,
    MessageStatus, Subject, Suppression, Text, Timestamp,
};
use eventlog::{Entry, Positions};
use projections::audit::Audit;
use projections::messages::Messages;
use projections::recipients::{PastCustomer, customer_at};
use projections::{EntryReader, ReadError, Recorded};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::find::{MAX_VIEW_WAIT, head, launch_of};
use super::message::SuppressionResponse;
use super::reachable::MessageRecipient;
use super::texts::{self, ShownEvent};
use crate::http::after::Satisfied;
use crate::http::extract::{Path, Query};
use crate::http::openapi::{Conflict, NotFound};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::segments::NodeVerdict;
use crate::resources::shared::quarantined::{self, Quarantined, ShowsDocument};
use crate::state::{AppContext, AppState};

/// Explanation of why a customer got a message, or got none.
#[derive(Serialize, ToSchema)]
#[schema(as = Recipient)]
pub(super) struct RecipientResponse {
    /// The campaign.
    #[schema(value_type = schema::CampaignId)]
    campaign_id: CampaignId,
    /// The customer.
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    /// `true` if the customer existed at the launch.
    known: bool,
    /// `true` if the customer matched the rules.
    matched: bool,
    /// `true` if a match cannot be determined, because one of the customer's
    /// events was in quarantine at the launch.
    undetermined: bool,
    /// The time that relative dates refer to.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
    /// Result of each node of the rules, with the customer's values at the
    /// launch; empty if the customer did not exist.
    rules: Vec<NodeVerdict>,
    /// Reason why the customer gets no message. While the message is still to be sent,
    /// the reason why it would be suppressed now, by the customer's subscription and
    /// their address; `null` if there is none.
    suppression: Option<SuppressionResponse>,
    /// The customer's message; `null` if there is none.
    message: Option<MessageHistory>,
}

/// A message's history, from the log.
#[derive(Serialize, ToSchema)]
struct MessageHistory {
    /// The message.
    #[schema(value_type = schema::MessageId)]
    message_id: String,
    /// The message's status.
    #[schema(value_type = Option<schema::MessageStatus>)]
    status: Option<MessageStatus>,
    /// Reason why the message is suppressed, if it is, and the time since when.
    #[serde(skip)]
    suppression: Option<(Suppression, Timestamp)>,
    /// Address of the message, once it was queued.
    #[serde(skip)]
    to: Option<(Channel, Text<254>)>,
    /// All events of the message in order, except those that cannot be read.
    events: Vec<MessageHappened>,
    /// An event of the message that is in quarantine; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// An event of a message.
#[derive(Serialize, ToSchema)]
struct MessageHappened {
    /// Position of the event in the log.
    #[schema(value_type = schema::Position)]
    position: String,
    /// Event type with its schema version.
    #[schema(example = "message_sent.1")]
    r#type: String,
    /// Time at which the event was recorded.
    #[schema(value_type = schema::Time)]
    recorded_at: Timestamp,
    /// The actor who caused the event.
    #[schema(example = "worker:delivery")]
    actor: String,
    /// The request that caused the event; `null` if none did.
    #[schema(example = "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11")]
    request_id: Option<String>,
    /// The event's data. The event that queued the message also has its `text`,
    /// or a `text_problem` if that cannot be rendered as recorded.
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
}

/// Explains why a customer got a message, or got none.
///
/// The response has the result of each node of the rules for the customer at the
/// launch, and all events of their message.
#[utoipa::path(
    get,
    path = "/api/campaigns/{id}/recipients/{customer_id}",
    tag = "Campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        ("customer_id" = inline(schema::Id), Path, description = "The customer's id"),
        Satisfied
    ),
    responses(
        (status = 200, description = "The explanation", body = RecipientResponse),
        NotFound, Conflict
    )
)]
pub(super) async fn get_recipient(
    State(app): State<AppState>,
    Path((id, customer_id)): Path<(CampaignId, CustomerId)>,
    _satisfied: Query<Satisfied>,
) -> Result<Json<RecipientResponse>, Problem> {
    let campaign = head(&app, &id).await?;
    let launch = launch_of(&app, &id).await?;
    let (document, undetermined) = match customer_at_launch(&app, &launch, &customer_id).await? {
        PastCustomer::Unknown => (None, false),
        PastCustomer::Undetermined => (None, true),
        PastCustomer::Known(document) => (Some(document), false),
    };
    let verdicts = document.as_ref().map(|document| {
        let verdicts = launch.rules.explain(&document.facts(), launch.clock);
        verdicts
            .into_iter()
            .map(NodeVerdict::from)
            .collect::<Vec<_>>()
    });
    let message_id = MessageId {
        campaign: id.clone(),
        customer: customer_id.clone(),
    };
    let mut message = history(&app, &message_id).await?;
    quarantined::mark(&app, &mut message).await?;
    let whole = verdicts.iter().flatten().next();
    let matched = whole.is_some_and(NodeVerdict::matches);
    let recorded = message.as_ref().and_then(|message| message.to.clone());
    let recipient = MessageRecipient::new(&app, message_id, document.as_deref(), recorded)?;
    let suppression = match (&message, campaign.status()) {
        (Some(message), _) if message.status != Some(MessageStatus::Queued) => {
            match &message.suppression {
                Some((why, since)) => Some(recipient.suppression(why, *since).await?),
                None => None,
            }
        }
        (None, _) if !matched => None,
        (None, Some(CampaignStatus::Completed | CampaignStatus::Cancelled)) => None,
        _ => recipient.expected_suppression().await?,
    };
    Ok(Json(RecipientResponse {
        campaign_id: id,
        known: verdicts.is_some() || undetermined,
        undetermined,
        matched,
        as_of: launch.clock,
        rules: verdicts.unwrap_or_default(),
        customer_id,
        suppression,
        message,
    }))
}

/// Returns a customer's state at a launch.
async fn customer_at_launch(
    app: &AppContext,
    launch: &Launch,
    customer: &CustomerId,
) -> Result<PastCustomer, Problem> {
    let positions: Positions = launch.positions.as_str().parse().map_err(|error| {
        tracing::error!(%error, "a launch has invalid positions");
        Problem::internal()
    })?;
    // The view `audit` has the positions of the customer's events in the log.
    app.store
        .wait_for(Audit::NAME, &positions, MAX_VIEW_WAIT)
        .await?;
    let log = app.commands.log();
    Ok(customer_at(&app.store, log, customer, &positions).await?)
}

/// Returns a message's history from the log; `None` if it has no events.
async fn history(app: &AppContext, id: &MessageId) -> Result<Option<MessageHistory>, Problem> {
    let subject = Subject::Message(id.customer.clone(), id.campaign.clone());
    let log = app.commands.log();
    let key = log.layout().key(subject.to_string(), subject.route());
    let mut history = MessageHistory {
        message_id: id.to_string(),
        status: None,
        suppression: None,
        to: None,
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
    /// Adds an event, unless it cannot be read.
    fn add(&mut self, reader: &mut EntryReader, entry: Entry, data: Option<Box<RawValue>>) {
        let recorded = match reader.read(entry) {
            Ok(recorded) => recorded,
            // The event was written by a newer program, or it is malformed: then it
            // is in quarantine, as `quarantined` shows, or an operator skipped it.
            Err(ReadError::Unknown(_) | ReadError::Malformed(_)) => return,
        };
        if let Event::Message(MessageEvent::Queued(content)) = &recorded.event {
            self.to = Some((content.channel, content.to.clone()));
        }
        if let Event::Message(happened) = &recorded.event
            && let Some(status) = happened.status()
        {
            self.status = Some(status);
            self.suppression = match happened {
                MessageEvent::Suppressed { why, .. } => Some((why.clone(), recorded.metadata.at)),
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
