//! Events of addresses.

use serde::{Deserialize, Serialize};

use super::ListedFor;
use crate::{BounceKind, Channel, CustomerId, Text, Timestamp};

/// Event of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressEvent {
    /// A customer with this address opted out of messages.
    #[serde(rename = "address_unsubscribed.1")]
    Unsubscribed {
        /// Customer who opted out.
        customer: CustomerId,
        /// Number of the customer's events on which this was decided.
        version: u64,
    },
    /// A customer with this address opted in again.
    #[serde(rename = "address_resubscribed.1")]
    Resubscribed {
        /// Customer who opted in.
        customer: CustomerId,
        /// Number of the customer's events on which this was decided.
        version: u64,
    },
    /// A message to this address bounced.
    #[serde(rename = "address_bounced.1")]
    Bounced {
        /// Kind of the bounce.
        kind: BounceKind,
        /// Id of the message.
        message: Text<256>,
        /// Time of the bounce, by the vendor's clock.
        at: Timestamp,
        /// Reason that the vendor gave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text<256>>,
    },
    /// The owner of this address complained about a message.
    #[serde(rename = "address_complained.1")]
    Complained {
        /// Id of the message.
        message: Text<256>,
    },
    /// The address was put on the suppression list.
    #[serde(rename = "address_suppressed.1")]
    Suppressed {
        /// Kind of address.
        channel: Channel,
        /// The address.
        to: Text<254>,
        /// Reason.
        detail: ListedFor,
    },
    /// The address was taken off the suppression list.
    #[serde(rename = "address_unsuppressed.1")]
    Unsuppressed {},
}
