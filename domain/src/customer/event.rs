//! Events of customers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::CustomerChanges;
use crate::{CustomerId, Text};

/// Event of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CustomerEvent {
    /// The customer was recorded for the first time.
    #[serde(rename = "customer_registered.1")]
    Registered(CustomerChanges),
    /// Some fields changed.
    #[serde(rename = "customer_updated.1")]
    Updated(CustomerChanges),
    /// The customer was merged into another one. Everything that was recorded about
    /// the customer is copied there, and so is what is recorded later.
    #[serde(rename = "customer_merged.1")]
    Merged {
        /// The other customer.
        into: CustomerId,
    },
    /// What was recorded about the merged customer up to an event is copied.
    #[serde(rename = "customer_forwarded.1")]
    Forwarded {
        /// Number of that event in the customer's partition.
        up_to: u64,
    },
    /// Data of another customer, who was merged into this one, was taken over.
    #[serde(rename = "customer_absorbed.1")]
    Absorbed(Box<Absorbed>),
}

/// Data of a merged customer that another one took over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Absorbed {
    /// The merged customer.
    pub from: CustomerId,
    /// Number of the last event of the merged customer whose data this is.
    pub up_to: u64,
    /// Fields that this event changes.
    #[serde(default)]
    pub changes: CustomerChanges,
    /// Whether only empty fields were filled, as with data from before a merge.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fills: bool,
    /// Tags that are added, while there is room for them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Text<64>>,
    /// Attributes for which there was no room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl CustomerEvent {
    /// Returns the fields that this event changes; `None` if it is not about fields.
    pub fn changes(&self) -> Option<&CustomerChanges> {
        match self {
            Self::Registered(changes) | Self::Updated(changes) => Some(changes),
            Self::Absorbed(absorbed) => Some(&absorbed.changes),
            Self::Merged { .. } | Self::Forwarded { .. } => None,
        }
    }
}
