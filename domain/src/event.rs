//! Events as stored in the log: a type tag with its schema version, and JSON.

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ActivityEvent, ApiKeyEvent, AssistanceEvent, CampaignEvent, CustomerEvent, LogRecord,
    MessageEvent, OrderEvent, QuarantineEvent, RefusalEvent, SegmentEvent, Subject, UserEvent,
    ViewEvent,
};

/// An event that can be written to the log and read back.
pub trait LoggedEvent: Sized {
    /// Type tags of this kind of event, as `name.version`.
    const TAGS: &'static [&'static str];

    /// Returns the event's type tag, one of [`Self::TAGS`].
    fn tag(&self) -> &'static str;

    /// Returns the event's content as JSON, without its type.
    fn data(&self) -> Box<RawValue>;

    /// Decodes an event from its tag and the JSON that [`Self::data`] returns.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] for a tag that is not among [`Self::TAGS`],
    /// [`DecodeError::Malformed`] for data that does not fit it.
    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError>;
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
        }
    }

    /// Returns whether this kind of aggregate has events of this type.
    pub fn is_known(subject: &Subject, tag: &str) -> bool {
        Self::tags_of(subject).contains(&tag)
    }

    /// Returns the type tags of events of this kind of aggregate.
    pub fn tags_of(subject: &Subject) -> &'static [&'static str] {
        match subject {
            Subject::Customer(_) => CustomerEvent::TAGS,
            Subject::Order(..) => OrderEvent::TAGS,
            Subject::Activity(..) => ActivityEvent::TAGS,
            Subject::View(_) => ViewEvent::TAGS,
            Subject::Segment(_) => SegmentEvent::TAGS,
            Subject::Campaign(_) => CampaignEvent::TAGS,
            Subject::Message(..) => MessageEvent::TAGS,
            Subject::User(_) => UserEvent::TAGS,
            Subject::ApiKey(_) => ApiKeyEvent::TAGS,
            Subject::Refusals(_) => RefusalEvent::TAGS,
            Subject::Assistance(_) => AssistanceEvent::TAGS,
            Subject::Log(_) => LogRecord::TAGS,
            Subject::Quarantine(_) => QuarantineEvent::TAGS,
        }
    }
}

/// Returns all event types, as `name.version`.
pub fn type_tags() -> impl Iterator<Item = &'static str> {
    [
        CustomerEvent::TAGS,
        OrderEvent::TAGS,
        ActivityEvent::TAGS,
        ViewEvent::TAGS,
        SegmentEvent::TAGS,
        CampaignEvent::TAGS,
        MessageEvent::TAGS,
        UserEvent::TAGS,
        ApiKeyEvent::TAGS,
        RefusalEvent::TAGS,
        AssistanceEvent::TAGS,
        LogRecord::TAGS,
        QuarantineEvent::TAGS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Content of an event that has no data.
#[derive(Serialize, Deserialize)]
pub(crate) struct NoContent {}

/// Serializes the content of an event to JSON.
pub(crate) fn to_json<T: Serialize>(content: &T) -> Box<RawValue> {
    // Contents of events are structs of strings, integers, and finite numbers
    // with string keys, for which serde_json has no error.
    serde_json::value::to_raw_value(content).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Parses the content of an event. Errors name the event's type.
pub(crate) fn from_json<T: DeserializeOwned>(tag: &str, data: &str) -> Result<T, DecodeError> {
    serde_json::from_str(data).map_err(|source| DecodeError::Malformed {
        tag: tag.to_owned(),
        source,
    })
}

/// Returns `name` of `name.version`, for `cqrs_es`.
pub(crate) fn tag_name(tag: &str) -> String {
    tag.split_once('.').map_or(tag, |(name, _)| name).to_owned()
}

/// Returns `version` of `name.version`, for `cqrs_es`.
pub(crate) fn tag_version(tag: &str) -> String {
    tag.split_once('.').map_or("", |(_, v)| v).to_owned()
}
