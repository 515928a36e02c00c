//! Refusals: rejected requests and receipts of consequence.
//!
//! Refusals are plain records: no command is decided on them, so they have no
//! head, no version, and no order. The refusals of a day share a key. The
//! metadata holds the actor, the request, and the address.

use serde::{Deserialize, Serialize};

use crate::Text;

/// Reason why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusalReason {
    /// The credential's role does not permit the request.
    Role,
    /// The signature of a signed request is wrong or too old.
    Signature,
    /// The token of a session was tampered with.
    Token,
    /// A receipt of the vendor concerns no known message.
    Receipt,
}

/// Request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Reason for the refusal.
    pub why: RefusalReason,
    /// HTTP method: `POST`.
    pub method: Text<16>,
    /// Path of the request: `/api/segments`.
    pub path: Text<512>,
    /// Details in words.
    pub detail: Text<256>,
    /// Number of similar refusals that went unrecorded since the last recorded
    /// one. Sampling bounds the number of events under many refused requests.
    #[serde(default)]
    pub unrecorded: u64,
}

/// Record of refusals on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RefusalEvent {
    /// A request was refused.
    #[serde(rename = "request_refused.1")]
    Refused(Refusal),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LoggedEvent;

    fn refusal(why: RefusalReason) -> Refusal {
        Refusal {
            why,
            method: Text::cut("POST").unwrap(),
            path: Text::cut("/api/segments").unwrap(),
            detail: Text::cut("a viewer may not do that").unwrap(),
            unrecorded: 7,
        }
    }

    #[test]
    fn refusals_survive_the_log() {
        let event = RefusalEvent::Refused(refusal(RefusalReason::Signature));
        let raw = event.data();
        let data = raw.get();
        assert_eq!(
            data,
            r#"{"why":"signature","method":"POST","path":"/api/segments","detail":"a viewer may not do that","unrecorded":7}"#
        );
        assert_eq!(RefusalEvent::decode(event.tag(), data).unwrap(), event);
        assert!(RefusalEvent::decode("request_refused.2", data).is_err());
        assert!(RefusalEvent::decode(event.tag(), "{}").is_err());
    }
}
