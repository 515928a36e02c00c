//! Subjects of events, and their keys in the log.

use std::fmt;

use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, utf8_percent_encode,
};

use unicode_normalization::UnicodeNormalization;

use crate::{
    ActivityId, AddressId, AddressIdError, CampaignId, CustomerId, Day, DayError, Epoch, IdError,
    ImportId, KeyId, LogPosition, OrderId, SegmentId, UserId, ViewName,
};

/// Subject of an event: an aggregate or a series of plain records.
///
/// Its text form is the key in the log: `customer/c-1`, `order/c-1/o-17`,
/// `activity/c-1/e-3`, `message/c-1/cmp_…`, `view/customers`, `segment/seg_…`,
/// `campaign/cmp_…`, `user/usr_…`, `api_key/key_…`, `quarantine/3:17`,
/// `demo/shop`, `import/imp_…`, `address/ADDRESS`, `claim/ADDRESS/cmp_…`. Ids of orders, activities, and messages are unique within
/// their customer, so the key alone determines the partition. Plain records
/// have keys too, but no heads: `refusals/2026-11-23`, `assistance/2026-11-23`,
/// `log/EPOCH`. Each part is percent-encoded, except for
/// `A-Z a-z 0-9 . _ : @ + -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A customer.
    Customer(CustomerId),
    /// An order of a customer.
    Order(CustomerId, OrderId),
    /// An activity of a customer.
    Activity(CustomerId, ActivityId),
    /// A campaign.
    Campaign(CampaignId),
    /// A campaign's message to a customer.
    Message(CustomerId, CampaignId),
    /// A view.
    View(ViewName),
    /// A segment.
    Segment(SegmentId),
    /// A user.
    User(UserId),
    /// An API key.
    ApiKey(KeyId),
    /// Refused requests of a day.
    Refusals(Day),
    /// Calls for assistance of a day.
    Assistance(Day),
    /// The log itself, under this epoch.
    Log(Epoch),
    /// A quarantined event: views could not fold it.
    Quarantine(LogPosition),
    /// The load of the demo shop.
    Demo,
    /// An import.
    Import(ImportId),
    /// An email address or a phone number.
    Address(AddressId),
    /// A claim of an address for a campaign's message.
    Claim(AddressId, CampaignId),
    /// The merge of customers under way.
    Merges,
}

/// Id of the demo shop's load, of which a log has at most one.
const DEMO: &str = "shop";

/// Id of the merge under way, of which a log has at most one.
const MERGES: &str = "all";

/// Reason why a key of the log cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The kind is unknown, or the number of parts is wrong.
    #[error("{0:?} is not the key of an aggregate known here")]
    Unknown(String),
    /// A part is not an id.
    #[error("{0:?}: {1}")]
    Id(String, IdError),
    /// A part is not a day.
    #[error("{0:?}: {1}")]
    Day(String, DayError),
    /// A part is not the id of an address.
    #[error("{0:?}: {1}")]
    Address(String, AddressIdError),
    /// A part is not a position in the log.
    #[error("{0:?}: a position is PARTITION:NUMBER")]
    Position(String),
}

impl Subject {
    /// Returns the text that determines the partition: the customer's id, or
    /// else the aggregate's own id.
    pub fn route(&self) -> &str {
        match self {
            Self::Address(address) | Self::Claim(address, _) => address.as_str(),
            Self::Customer(customer)
            | Self::Order(customer, _)
            | Self::Activity(customer, _)
            | Self::Message(customer, _) => customer.as_str(),
            Self::View(name) => name.as_str(),
            Self::Segment(segment) => segment.as_str(),
            Self::Campaign(campaign) => campaign.as_str(),
            Self::User(user) => user.as_str(),
            Self::ApiKey(key) => key.as_str(),
            Self::Refusals(day) | Self::Assistance(day) => day.as_str(),
            Self::Log(epoch) => epoch.as_str(),
            Self::Quarantine(event) => event.as_str(),
            Self::Demo => DEMO,
            Self::Import(import) => import.as_str(),
            Self::Merges => MERGES,
        }
    }

    /// Returns the partition, if it does not follow from the route. Decisions
    /// about an event are stored in the event's own partition, after the event.
    pub fn partition(&self) -> Option<u16> {
        match self {
            Self::Quarantine(event) => Some(event.partition()),
            _ => None,
        }
    }

    /// Returns the kind of subject: `order`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Order(..) => "order",
            Self::Activity(..) => "activity",
            Self::View(_) => "view",
            Self::Segment(_) => "segment",
            Self::Campaign(_) => "campaign",
            Self::Message(..) => "message",
            Self::User(_) => "user",
            Self::ApiKey(_) => "api_key",
            Self::Refusals(_) => "refusals",
            Self::Assistance(_) => "assistance",
            Self::Log(_) => "log",
            Self::Quarantine(_) => "quarantine",
            Self::Demo => "demo",
            Self::Import(_) => "import",
            Self::Address(_) => "address",
            Self::Claim(..) => "claim",
            Self::Merges => "merges",
        }
    }

    /// Returns the customer that the subject belongs to, if any.
    pub fn customer(&self) -> Option<&CustomerId> {
        match self {
            Self::Customer(customer)
            | Self::Order(customer, _)
            | Self::Activity(customer, _)
            | Self::Message(customer, _) => Some(customer),
            Self::View(_)
            | Self::Segment(_)
            | Self::Campaign(_)
            | Self::User(_)
            | Self::ApiKey(_)
            | Self::Refusals(_)
            | Self::Assistance(_)
            | Self::Log(_)
            | Self::Quarantine(_)
            | Self::Demo
            | Self::Import(_)
            | Self::Address(_)
            | Self::Claim(..)
            | Self::Merges => None,
        }
    }

    /// Parses a key.
    ///
    /// # Errors
    /// [`SubjectError`] if the key has none of the forms above.
    pub fn parse(key: &str) -> Result<Self, SubjectError> {
        let mut parts = key.split('/');
        let kind = parts.next();
        // Only the canonical encoding of a part is accepted, so that an
        // aggregate has exactly one key.
        let mut part = || {
            let part = parts.next()?;
            let decoded = percent_decode_str(part).decode_utf8().ok();
            Some(decoded.filter(|decoded| encoded(decoded).to_string() == part))
        };
        let (first, second, third) = match (part(), part(), part()) {
            (Some(None), _, _) | (_, Some(None), _) => {
                return Err(SubjectError::Unknown(key.to_owned()));
            }
            (first, second, third) => (first.flatten(), second.flatten(), third),
        };
        let subject = match (kind, first.as_deref(), second.as_deref(), third) {
            (Some("customer"), Some(c), None, None) => CustomerId::try_from(c).map(Self::Customer),
            (Some("order"), Some(c), Some(o), None) => {
                both(c, OrderId::try_from(o)).map(|(c, o)| Self::Order(c, o))
            }
            (Some("activity"), Some(c), Some(a), None) => {
                both(c, ActivityId::try_from(a)).map(|(c, a)| Self::Activity(c, a))
            }
            (Some("view"), Some(name), None, None) => ViewName::try_from(name).map(Self::View),
            (Some("segment"), Some(s), None, None) => SegmentId::try_from(s).map(Self::Segment),
            (Some("campaign"), Some(c), None, None) => CampaignId::try_from(c).map(Self::Campaign),
            (Some("message"), Some(c), Some(m), None) => {
                both(c, CampaignId::try_from(m)).map(|(c, m)| Self::Message(c, m))
            }
            (Some("user"), Some(u), None, None) => UserId::try_from(u).map(Self::User),
            (Some("api_key"), Some(k), None, None) => KeyId::try_from(k).map(Self::ApiKey),
            (Some("log"), Some(epoch), None, None) => Epoch::try_from(epoch).map(Self::Log),
            (Some("refusals"), Some(day), None, None) => {
                return of_day(key, day).map(Self::Refusals);
            }
            (Some("assistance"), Some(day), None, None) => {
                return of_day(key, day).map(Self::Assistance);
            }
            (Some("quarantine"), Some(event), None, None) => {
                let event = LogPosition::parse(event).map(Self::Quarantine);
                return event.ok_or_else(|| SubjectError::Position(key.to_owned()));
            }
            (Some("demo"), Some(DEMO), None, None) => return Ok(Self::Demo),
            (Some("merges"), Some(MERGES), None, None) => return Ok(Self::Merges),
            (Some("import"), Some(i), None, None) => ImportId::try_from(i).map(Self::Import),
            (Some("address"), Some(a), None, None) => return of_address(key, a).map(Self::Address),
            (Some("claim"), Some(a), Some(c), None) => {
                let address = of_address(key, a)?;
                CampaignId::try_from(c).map(|campaign| Self::Claim(address, campaign))
            }
            _ => return Err(SubjectError::Unknown(key.to_owned())),
        };
        let subject = subject.map_err(|e| SubjectError::Id(key.to_owned(), e))?;
        // Composing an id changes it, and then this is not the aggregate's key.
        match subject.to_string() == key {
            true => Ok(subject),
            false => Err(SubjectError::Unknown(key.to_owned())),
        }
    }

    /// Parses a key that a person or a client wrote: parts may have any
    /// percent-encoding or none, as long as a `/` within an id is encoded, and
    /// ids are composed.
    ///
    /// # Errors
    /// [`SubjectError`] if the text names no subject.
    pub fn named(text: &str) -> Result<Self, SubjectError> {
        let canonical = |part: &str| {
            let text = text_of_key_part(part)?;
            Some(key_part(&text.nfc().collect::<String>()))
        };
        let parts: Option<Vec<String>> = text.split('/').map(canonical).collect();
        let key = parts.ok_or_else(|| SubjectError::Unknown(text.to_owned()))?;
        Self::parse(&key.join("/"))
    }
}

fn of_address(key: &str, address: &str) -> Result<AddressId, SubjectError> {
    AddressId::try_from(address).map_err(|e| SubjectError::Address(key.to_owned(), e))
}

fn of_day(key: &str, day: &str) -> Result<Day, SubjectError> {
    Day::try_from(day).map_err(|e| SubjectError::Day(key.to_owned(), e))
}

fn both<T>(customer: &str, id: Result<T, IdError>) -> Result<(CustomerId, T), IdError> {
    Ok((CustomerId::try_from(customer)?, id?))
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = match self {
            Self::Customer(customer) => (customer.as_str(), None),
            Self::Order(customer, order) => (customer.as_str(), Some(order.as_str())),
            Self::Activity(customer, activity) => (customer.as_str(), Some(activity.as_str())),
            Self::Message(customer, campaign) => (customer.as_str(), Some(campaign.as_str())),
            Self::View(name) => (name.as_str(), None),
            Self::Segment(segment) => (segment.as_str(), None),
            Self::Campaign(campaign) => (campaign.as_str(), None),
            Self::User(user) => (user.as_str(), None),
            Self::ApiKey(key) => (key.as_str(), None),
            Self::Refusals(day) | Self::Assistance(day) => (day.as_str(), None),
            Self::Log(epoch) => (epoch.as_str(), None),
            Self::Quarantine(event) => (event.as_str(), None),
            Self::Demo => (DEMO, None),
            Self::Import(import) => (import.as_str(), None),
            Self::Address(address) => (address.as_str(), None),
            Self::Claim(address, campaign) => (address.as_str(), Some(campaign.as_str())),
            Self::Merges => (MERGES, None),
        };
        write!(f, "{}/{}", self.kind(), encoded(first))?;
        second.map_or(Ok(()), |second| write!(f, "/{}", encoded(second)))
    }
}

/// Characters that are percent-encoded in a part of a key: all except letters,
/// digits, and those below. So no id contains the `/` between parts or any
/// other separator that readers of keys split at.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'_')
    .remove(b':')
    .remove(b'@')
    .remove(b'+')
    .remove(b'-');

/// Encodes an id or a name as a part of a key: percent-encoded, without a `/`.
pub fn key_part(part: &str) -> String {
    encoded(part).to_string()
}

/// Decodes a part of a key; `None` if the result is not UTF-8.
pub fn text_of_key_part(part: &str) -> Option<String> {
    let text = percent_decode_str(part).decode_utf8().ok()?;
    Some(text.into_owned())
}

fn encoded(part: &str) -> PercentEncode<'_> {
    utf8_percent_encode(part, ENCODED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        for key in [
            "customer/c-1",
            "order/c-1/o:17",
            "activity/c-1/e.3",
            "view/customers",
            "segment/seg_1",
            "campaign/cmp_1",
            "message/c-1/cmp_1",
            "user/usr_1",
            "api_key/key_1",
            "refusals/2026-11-23",
            "assistance/2026-11-23",
            "log/00ff",
            "quarantine/3:17",
            "demo/shop",
            "merges/all",
            "import/imp_1",
            "address/AAECAwQFBgcICQoLDA0-",
            "claim/AAECAwQFBgcICQoLDA0_/cmp_1",
            "order/%23%C3%9C%201/a%2Fb",
            "activity/100%25/%252F",
        ] {
            assert_eq!(Subject::parse(key).unwrap().to_string(), key);
        }
    }

    #[test]
    fn a_person_may_write_a_key_in_any_encoding() {
        let named = |text: &str| Subject::named(text).map(|subject| subject.to_string());
        let key = Ok("order/%C3%84/%231001".to_owned());
        assert_eq!(named("order/Ä/#1001"), key);
        assert_eq!(named("order/A\u{308}/%231001"), key);
        assert_eq!(named("order/%c3%84/#1001"), key);
        assert_eq!(named("customer/a%2Fb").as_deref(), Ok("customer/a%2Fb"));
        assert!(named("customer/a/b").is_err());
        assert!(named("customer/%ff").is_err());
    }

    #[test]
    fn other_keys_are_refused() {
        for key in [
            "",
            "customer",
            "customer/a/b",
            "order/c-1",
            "ghost/1",
            "order/c-1/",
            "refusals/yesterday",
            "refusals/2026-1-2",
            "assistance/today",
            "customer/c%2D1",
            "quarantine/3",
            "quarantine/3:017",
            "quarantine/99999:1",
            "customer/%ff",
            "customer/A%CC%88",
            "customer/ä",
            "customer/c%2f1",
            "order/c-1/o%201%20",
            "demo/other",
            "merges/some",
            "import/imp_1/x",
            "address/short",
            "claim/AAECAwQFBgcICQoLDA0_",
        ] {
            assert!(Subject::parse(key).is_err(), "{key}");
        }
    }
}
