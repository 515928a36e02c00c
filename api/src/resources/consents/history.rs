//! Consents and opt-outs of a customer, from the customer's events.

use std::net::IpAddr;

use commands::Context;
use domain::{
    Change, CustomerEvent, CustomerId, Email, Event, Phone, RecordConsent, Subject, Timestamp,
};
use eventlog::Position;
use projections::{EntryReader, ReadError, Recorded};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::position::PositionText;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::state::AppContext;

/// Source of data that names none.
const DATA: &str = "data";

/// State of a customer's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConsentChoice {
    /// The customer consented to messages.
    Subscribed,
    /// The customer opted out of messages.
    Unsubscribed,
}

/// A recorded consent or opt-out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Consent, example = json!({
    "state": "subscribed",
    "at": "2026-11-23T01:02:03.000Z",
    "recorded_at": "2026-11-23T01:05:00.000Z",
    "source": "phone call",
    "wording": "Yes, send me the newsletter.",
    "addresses": {"email": "ada@example.com"},
    "ip": "192.0.2.7",
    "actor": "user:usr_1",
    "request_id": "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11",
    "position": "3:1842"
}))]
pub(super) struct ConsentItem {
    /// The customer's choice.
    state: ConsentChoice,
    /// Time at which the customer chose it; the time of the record if that is unknown.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// Time at which it was recorded.
    #[schema(value_type = schema::Time)]
    recorded_at: Timestamp,
    /// Where the customer chose it: as it was recorded by hand, `segment` for calls of
    /// Segment's SDKs, `data` for other data.
    #[schema(value_type = schema::Text128)]
    source: String,
    /// Words to which the customer agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::Text2000, nullable = false)]
    wording: Option<String>,
    /// The customer's addresses at that time.
    addresses: ConsentAddresses,
    /// IP address of the client that recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false, example = "192.0.2.7")]
    ip: Option<IpAddr>,
    /// Merged customer from whom it was taken over. Its consents have the original
    /// actor and IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>, nullable = false)]
    merged_from: Option<CustomerId>,
    /// Actor who recorded it.
    #[schema(example = "key:bootstrap")]
    actor: String,
    /// Id of the request that recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11")]
    request_id: Option<String>,
    /// Position of the event in the log.
    #[schema(value_type = schema::Position)]
    pub(super) position: PositionText,
}

/// Addresses of a customer.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(super) struct ConsentAddresses {
    /// Email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false, example = "ada@example.com")]
    email: Option<Email>,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false, example = "+442079460958")]
    phone: Option<Phone>,
}

/// Returns a consent that was just recorded of a customer whose earlier events the log no
/// longer has. The view has the addresses.
pub(super) async fn just_recorded(
    app: &AppContext,
    context: &Context,
    id: &CustomerId,
    given: RecordConsent,
    position: Position,
) -> Result<ConsentItem, Problem> {
    let document = app.store.customer(id.as_str()).await?.unwrap_or_default();
    let RecordConsent {
        unsubscribed,
        record,
    } = given;
    Ok(ConsentItem {
        state: match unsubscribed {
            true => ConsentChoice::Unsubscribed,
            false => ConsentChoice::Subscribed,
        },
        at: record.at.unwrap_or(context.now),
        recorded_at: context.now,
        source: record.source.map_or_else(|| DATA.to_owned(), String::from),
        wording: record.wording.map(String::from),
        addresses: ConsentAddresses {
            email: document.email.and_then(|email| email.try_into().ok()),
            phone: document.phone.and_then(|phone| phone.try_into().ok()),
        },
        ip: context.address,
        merged_from: None,
        actor: context.actor.clone(),
        request_id: context.request.clone(),
        position: PositionText(position),
    })
}

/// Returns the consents and opt-outs of a customer, oldest first; `None` if no data of the
/// customer is recorded.
///
/// # Errors
/// 503 if the log does not answer, 410 if it no longer has all events of the customer.
pub(super) async fn history(
    app: &AppContext,
    customer: &CustomerId,
) -> Result<Option<Vec<ConsentItem>>, Problem> {
    let subject = Subject::Customer(customer.clone());
    let log = app.commands.log();
    let key = log.layout().key(subject.to_string(), subject.route());
    let entries = log.history(&key).await?;
    if entries.is_empty() {
        return Ok(None);
    }
    let mut reader = EntryReader::default();
    let mut addresses = ConsentAddresses::default();
    let mut items = Vec::new();
    for entry in entries {
        match reader.read(entry) {
            Ok(recorded) => items.extend(item(&recorded, &mut addresses)),
            // The event was written by a newer program, or is in quarantine; the
            // customer's other events do not depend on it.
            Err(ReadError::Unknown(_) | ReadError::Malformed(_)) => {}
        }
    }
    Ok(Some(items))
}

/// Applies an event to the addresses. Returns the consent or the opt-out that it has.
fn item(recorded: &Recorded, addresses: &mut ConsentAddresses) -> Option<ConsentItem> {
    let Event::Customer(event) = &recorded.event else {
        return None;
    };
    let changes = event.changes()?;
    addresses.email = changes.profile.email.clone().or(addresses.email.take());
    addresses.phone = changes.profile.phone.clone().or(addresses.phone.take());
    let state = match changes.unsubscribed {
        Change::Keep => return None,
        Change::Set(true) => ConsentChoice::Unsubscribed,
        Change::Set(false) | Change::Clear => ConsentChoice::Subscribed,
    };
    let consent = changes.consent.clone().unwrap_or_default();
    let metadata = &recorded.metadata;
    let merged_from = match event {
        CustomerEvent::Absorbed(absorbed) => Some(absorbed.from.clone()),
        _ => None,
    };
    Some(ConsentItem {
        state,
        merged_from,
        at: consent.at.unwrap_or(metadata.at),
        recorded_at: metadata.at,
        source: consent.source.map_or_else(|| DATA.to_owned(), String::from),
        wording: consent.wording.map(String::from),
        addresses: addresses.clone(),
        ip: metadata.address,
        actor: metadata.actor.clone(),
        request_id: metadata.request.clone(),
        position: PositionText(recorded.position),
    })
}
