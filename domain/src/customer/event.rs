//! Events of customers.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::CustomerChanges;
use crate::event::{DecodeError, LoggedEvent, from_json, tag_name, tag_version, to_json};

/// Event of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CustomerEvent {
    /// `customer_registered.1`: the customer was recorded for the first time.
    Registered(CustomerChanges),
    /// `customer_updated.1`: some fields changed.
    Updated(CustomerChanges),
}

const REGISTERED: &str = "customer_registered.1";
const UPDATED: &str = "customer_updated.1";

impl CustomerEvent {
    /// Returns the fields that this event changes.
    pub fn changes(&self) -> &CustomerChanges {
        match self {
            Self::Registered(changes) | Self::Updated(changes) => changes,
        }
    }
}

impl LoggedEvent for CustomerEvent {
    const TAGS: &'static [&'static str] = &[REGISTERED, UPDATED];

    fn tag(&self) -> &'static str {
        match self {
            Self::Registered(_) => REGISTERED,
            Self::Updated(_) => UPDATED,
        }
    }

    fn data(&self) -> Box<RawValue> {
        to_json(self.changes())
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            REGISTERED => from_json(tag, data).map(Self::Registered),
            UPDATED => from_json(tag, data).map(Self::Updated),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for CustomerEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}
