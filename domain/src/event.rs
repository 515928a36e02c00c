//! Events as the log keeps them: a type with its schema version, and JSON.

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
    /// Every type this kind of event has, as `name.version`.
    const TAGS: &'static [&'static str];

    /// The event's own, one of [`Self::TAGS`].
    fn tag(&self) -> &'static str;

    /// The event's content as JSON, without its type.
    fn data(&self) -> Box<RawValue>;

    /// Reads what [`Self::data`] wrote.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] for a tag that is not among [`Self::TAGS`],
    /// [`DecodeError::Malformed`] for data that does not fit it.
    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError>;
}

/// Why an entry of the log could not be read as an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A type this program does not know, perhaps written by a newer one.
    #[error("unknown event type {0:?}")]
    Unknown(String),
    /// Data that is not what its type says.
    #[error("malformed {tag}: {source}")]
    Malformed {
        /// The type.
        tag: String,
        /// What the parser says.
        source: serde_json::Error,
    },
}

/// Any event of the domain.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Of a customer.
    Customer(CustomerEvent),
    /// Of an order.
    Order(OrderEvent),
    /// Of an activity.
    Activity(ActivityEvent),
    /// Of a read model.
    View(ViewEvent),
    /// Of a segment.
    Segment(SegmentEvent),
    /// Of a campaign.
    Campaign(CampaignEvent),
    /// Of a message.
    Message(MessageEvent),
    /// Of a user.
    User(UserEvent),
    /// Of an API key.
    ApiKey(ApiKeyEvent),
    /// Of a day's refusals.
    Refusal(RefusalEvent),
    /// Of a day's assistance.
    Assistance(AssistanceEvent),
    /// Of the log itself.
    Log(LogRecord),
    /// Of an event that views could not fold.
    Quarantine(QuarantineEvent),
}

impl Event {
    /// Reads an entry's type and data.
    ///
    /// # Errors
    /// As [`LoggedEvent::decode`].
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

    /// Whether such an aggregate has events of this type.
    pub fn is_known(subject: &Subject, tag: &str) -> bool {
        Self::tags_of(subject).contains(&tag)
    }

    /// The types of events that such an aggregate has.
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

/// Every event type there is, as `name.version`.
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

/// The content of an event that says nothing but that it happened.
#[derive(Serialize, Deserialize)]
pub(crate) struct NoContent {}

/// JSON of an event's content.
pub(crate) fn to_json<T: Serialize>(content: &T) -> Box<RawValue> {
    // Event contents are structs of texts, integers and finite numbers with
    // text keys; serde_json has no error for those.
    serde_json::value::to_raw_value(content).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Reads an event's content, naming its type when that fails.
pub(crate) fn from_json<T: DeserializeOwned>(tag: &str, data: &str) -> Result<T, DecodeError> {
    serde_json::from_str(data).map_err(|source| DecodeError::Malformed {
        tag: tag.to_owned(),
        source,
    })
}

/// `name` of `name.version`, for `cqrs_es`.
pub(crate) fn tag_name(tag: &str) -> String {
    tag.split_once('.').map_or(tag, |(name, _)| name).to_owned()
}

/// `version` of `name.version`, for `cqrs_es`.
pub(crate) fn tag_version(tag: &str) -> String {
    tag.split_once('.').map_or("", |(_, v)| v).to_owned()
}
