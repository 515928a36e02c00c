//! Events of customers.

use serde::{Deserialize, Serialize};

use super::CustomerChanges;

/// Event of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CustomerEvent {
    /// The customer was recorded for the first time.
    #[serde(rename = "customer_registered.1")]
    Registered(CustomerChanges),
    /// Some fields changed.
    #[serde(rename = "customer_updated.1")]
    Updated(CustomerChanges),
}

impl CustomerEvent {
    /// Returns the fields that this event changes.
    pub fn changes(&self) -> &CustomerChanges {
        match self {
            Self::Registered(changes) | Self::Updated(changes) => changes,
        }
    }
}
