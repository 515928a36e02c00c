//! Source, wording and time of a consent or an opt-out. The event's metadata has the
//! rest: actor, request and IP address.

use serde::{Deserialize, Serialize};

use crate::{Text, Timestamp};

/// Source, wording and time of a consent or an opt-out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// Where the person said it; `None` for data that names no source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Text<128>>,
    /// Words to which the person agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wording: Option<Text<2000>>,
    /// Time at which the person said it. In an event, an opt-out without a time of
    /// its own has the time at which it was recorded, and a consent has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Command to record a consent or an opt-out by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordConsent {
    /// True for an opt-out, false for a consent.
    pub unsubscribed: bool,
    /// Source, wording and time; without a time, that of the command.
    pub record: ConsentRecord,
}

/// Reason why what data says about consent had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentWarning {
    /// The customer opted out, and the data proves no later consent.
    StillUnsubscribed {
        /// Time of the opt-out; `None` if it is unknown.
        since: Option<Timestamp>,
        /// True if the data has a consent with a time, which is not later.
        is_dated: bool,
    },
    /// The customer consented after the opt-out that the data has.
    StillSubscribed {
        /// Time of the consent.
        since: Timestamp,
    },
}
