//! Reasons why an address is on the suppression list.

use serde::{Deserialize, Serialize};

/// Reason why an address is on the suppression list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListedFor {
    /// A message to it bounced for good.
    HardBounce,
    /// Its owner complained about a message.
    Complaint,
    /// Several messages to it bounced.
    SoftBounces,
    /// Somebody put it on the list.
    Manual,
}

impl ListedFor {
    /// All reasons.
    pub const ALL: [Self; 4] = [
        Self::HardBounce,
        Self::Complaint,
        Self::SoftBounces,
        Self::Manual,
    ];

    /// Returns the name in JSON and in views: `hard_bounce`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::SoftBounces => "soft_bounces",
            Self::Manual => "manual",
        }
    }
}
