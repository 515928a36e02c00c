//! Events as stored in the log: a type tag with its schema version, and JSON.

mod codec;
#[cfg(test)]
mod tests;

use cqrs_es::DomainEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    ActivityEvent, AddressEvent, ApiKeyEvent, AssistanceEvent, CampaignEvent, ClaimEvent,
    CustomerEvent, DemoEvent, ImportEvent, LogRecord, MergesEvent, MessageEvent, OrderEvent,
    QuarantineEvent, RefusalEvent, SegmentEvent, Subject, UserEvent, ViewEvent,
};

/// An event that can be written to the log and read back.
///
/// Implemented by enums with one newtype or struct variant per event type. A
/// serde attribute renames each variant to its type tag, `name.version`;
/// serde's derive then determines the rest.
pub trait LoggedEvent: Serialize + DeserializeOwned {
    /// Returns the type tags of this kind of event.
    fn tags() -> &'static [&'static str] {
        codec::variants::<Self>()
    }

    /// Returns the event's type tag, one of [`Self::tags`].
    fn tag(&self) -> &'static str {
        codec::tag(self)
    }

    /// Returns the event's content as JSON, without its type.
    fn data(&self) -> Box<RawValue> {
        codec::content(self)
    }

    /// Decodes an event from its tag and the JSON that [`Self::data`] returns.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] for a tag that is not among [`Self::tags`],
    /// [`DecodeError::Malformed`] for data that does not fit it.
    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        codec::decode(tag, data)
    }
}

/// Implements [`LoggedEvent`], and [`DomainEvent`] for events of aggregates.
macro_rules! logged_events {
    (aggregates: $($event:ty),*; records: $($record:ty),*) => {
        $(impl LoggedEvent for $event {}

        impl DomainEvent for $event {
            fn event_type(&self) -> String {
                let (name, _version) = split(self.tag());
                name.to_owned()
            }

            fn event_version(&self) -> String {
                let (_name, version) = split(self.tag());
                version.to_owned()
            }
        })*
        $(impl LoggedEvent for $record {})*
    };
}

logged_events! {
    aggregates: ActivityEvent, AddressEvent, ApiKeyEvent, CampaignEvent, ClaimEvent, CustomerEvent, DemoEvent, ImportEvent, MergesEvent, MessageEvent,
        OrderEvent, QuarantineEvent, SegmentEvent, UserEvent, ViewEvent;
    records: AssistanceEvent, LogRecord, RefusalEvent
}

/// Splits a tag into its name and version.
fn split(tag: &str) -> (&str, &str) {
    tag.split_once('.').unwrap_or((tag, ""))
}

/// Reason why an entry of the log cannot be decoded as an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The type is unknown to this program; a newer one may have written it.
    #[error("unknown event type {0:?}")]
    Unknown(String),
    /// The data does not have the form that its type requires.
    #[error("malformed {tag}: {source}")]
    Malformed {
        /// Type tag of the event.
        tag: String,
        /// Error of the JSON parser.
        source: serde_json::Error,
    },
}

/// Any event of the domain.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Event of a customer.
    Customer(CustomerEvent),
    /// Event of an order.
    Order(OrderEvent),
    /// Event of an activity.
    Activity(ActivityEvent),
    /// Event of a view.
    View(ViewEvent),
    /// Event of a segment.
    Segment(SegmentEvent),
    /// Event of a campaign.
    Campaign(CampaignEvent),
    /// Event of a message.
    Message(MessageEvent),
    /// Event of a user.
    User(UserEvent),
    /// Event of an API key.
    ApiKey(ApiKeyEvent),
    /// Record of a refused request.
    Refusal(RefusalEvent),
    /// Record of a call for assistance.
    Assistance(AssistanceEvent),
    /// Record about the log itself.
    Log(LogRecord),
    /// Decision about a quarantined event.
    Quarantine(QuarantineEvent),
    /// Event of the demo shop's load.
    Demo(DemoEvent),
    /// Event of an import.
    Import(ImportEvent),
    /// Event of an address.
    Address(AddressEvent),
    /// Event of a claim.
    Claim(ClaimEvent),
    /// Event of the merge of customers under way.
    Merges(MergesEvent),
}

impl Event {
    /// Decodes an entry of the log from its tag and data.
    ///
    /// # Errors
    /// As for [`LoggedEvent::decode`].
    pub fn decode(subject: &Subject, tag: &str, data: &str) -> Result<Self, DecodeError> {
        match subject {
            Subject::Customer(_) => CustomerEvent::decode(tag, data).map(Self::Customer),
            Subject::Order(..) => OrderEvent::decode(tag, data).map(Self::Order),
            Subject::Activity(..) => ActivityEvent::decode(tag, data).map(Self::Activity),
            Subject::View(_) => ViewEvent::decode(tag, data).map(Self::View),
            Subject::Segment(_) => SegmentEvent::decode(tag, data).map(Self::Segment),
            Subject::Campaign(_) => CampaignEvent::decode(tag, data).map(Self::Campaign),
            Subject::Message(..) => MessageEvent::decode(tag, data).map(Self::Message),
            Subject::User(_) => UserEvent::decode(tag, data).map(Self::User),
            Subject::ApiKey(_) => ApiKeyEvent::decode(tag, data).map(Self::ApiKey),
            Subject::Refusals(_) => RefusalEvent::decode(tag, data).map(Self::Refusal),
            Subject::Assistance(_) => AssistanceEvent::decode(tag, data).map(Self::Assistance),
            Subject::Log(_) => LogRecord::decode(tag, data).map(Self::Log),
            Subject::Quarantine(_) => QuarantineEvent::decode(tag, data).map(Self::Quarantine),
            Subject::Demo => DemoEvent::decode(tag, data).map(Self::Demo),
            Subject::Import(_) => ImportEvent::decode(tag, data).map(Self::Import),
            Subject::Address(_) => AddressEvent::decode(tag, data).map(Self::Address),
            Subject::Claim(..) => ClaimEvent::decode(tag, data).map(Self::Claim),
            Subject::Merges => MergesEvent::decode(tag, data).map(Self::Merges),
        }
    }

    /// Returns whether this kind of aggregate has events of this type.
    pub fn is_known(subject: &Subject, tag: &str) -> bool {
        Self::tags_of(subject).contains(&tag)
    }

    /// Returns the type tags of events of this kind of aggregate.
    pub fn tags_of(subject: &Subject) -> &'static [&'static str] {
        match subject {
            Subject::Customer(_) => CustomerEvent::tags(),
            Subject::Order(..) => OrderEvent::tags(),
            Subject::Activity(..) => ActivityEvent::tags(),
            Subject::View(_) => ViewEvent::tags(),
            Subject::Segment(_) => SegmentEvent::tags(),
            Subject::Campaign(_) => CampaignEvent::tags(),
            Subject::Message(..) => MessageEvent::tags(),
            Subject::User(_) => UserEvent::tags(),
            Subject::ApiKey(_) => ApiKeyEvent::tags(),
            Subject::Refusals(_) => RefusalEvent::tags(),
            Subject::Assistance(_) => AssistanceEvent::tags(),
            Subject::Log(_) => LogRecord::tags(),
            Subject::Quarantine(_) => QuarantineEvent::tags(),
            Subject::Demo => DemoEvent::tags(),
            Subject::Import(_) => ImportEvent::tags(),
            Subject::Address(_) => AddressEvent::tags(),
            Subject::Claim(..) => ClaimEvent::tags(),
            Subject::Merges => MergesEvent::tags(),
        }
    }
}

/// Returns all event types, as `name.version`.
pub fn type_tags() -> impl Iterator<Item = &'static str> {
    [
        CustomerEvent::tags(),
        OrderEvent::tags(),
        ActivityEvent::tags(),
        ViewEvent::tags(),
        SegmentEvent::tags(),
        CampaignEvent::tags(),
        MessageEvent::tags(),
        UserEvent::tags(),
        ApiKeyEvent::tags(),
        RefusalEvent::tags(),
        AssistanceEvent::tags(),
        LogRecord::tags(),
        QuarantineEvent::tags(),
        DemoEvent::tags(),
        ImportEvent::tags(),
        AddressEvent::tags(),
        ClaimEvent::tags(),
        MergesEvent::tags(),
    ]
    .into_iter()
    .flatten()
    .copied()
}
