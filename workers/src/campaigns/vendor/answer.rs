//! Vendor's answers to messages and batches, and the problem texts in them.

use std::time::Duration;

use domain::Text;
use reqwest::StatusCode;

use crate::campaigns::breaker::VendorState;
use crate::campaigns::clearance::SendDecision;

/// Vendor's answer to one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VendorAnswer {
    /// The vendor accepted the message and assigned it this id.
    Accepted(Text<128>),
    /// The vendor refused this message for good, in its result.
    Rejected(Text<256>),
    /// The vendor refused a request with the message alone. Sending it again is
    /// pointless until the cause is found, which may be the request.
    Refused(Text<256>),
    /// The vendor rejected the whole batch that contained the message. The message
    /// is sent again alone.
    BatchRefused,
    /// The vendor asks for a pause of this length.
    Busy(Duration),
    /// The vendor did not accept the message this time, or may have accepted it.
    Failed(Text<256>),
    /// The vendor will accept the message later: after `rest`, if it says when.
    Deferred {
        problem: Text<256>,
        rest: Option<Duration>,
    },
    /// The vendor did not answer, or a gateway answered in its place.
    Unavailable(Text<256>),
    /// The server does not serve such requests: the URL or the credential is wrong.
    Unserved(Text<256>),
    /// The message was not written to the vendor, for this reason.
    Withheld(SendDecision),
}

/// Vendor's answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VendorReply {
    /// One answer per message, in the order of the batch.
    Each(Vec<VendorAnswer>),
    /// The same answer for all messages.
    Whole(VendorAnswer),
}

impl VendorReply {
    /// Returns what the reply says about the vendor's availability.
    pub(crate) fn vendor_state(&self) -> VendorState {
        match self {
            Self::Whole(VendorAnswer::Unavailable(_) | VendorAnswer::Unserved(_)) => {
                VendorState::Down
            }
            Self::Whole(_) | Self::Each(_) => VendorState::Up,
        }
    }

    /// Returns the problem, if it concerns the vendor rather than a message.
    pub(crate) fn vendor_problem(&self) -> Option<&Text<256>> {
        match self {
            Self::Whole(VendorAnswer::Unavailable(problem) | VendorAnswer::Unserved(problem)) => {
                Some(problem)
            }
            Self::Whole(_) | Self::Each(_) => None,
        }
    }

    /// Keeps the answers to the messages for which `kept` is true.
    pub(crate) fn only(self, kept: impl Iterator<Item = bool>) -> Self {
        match self {
            Self::Each(answers) => {
                let kept = answers
                    .into_iter()
                    .zip(kept)
                    .filter(|(_, is_kept)| *is_kept);
                Self::Each(kept.map(|(answer, _)| answer).collect())
            }
            Self::Whole(answer) => Self::Whole(answer),
        }
    }

    /// Returns one answer for each of `count` messages, in order.
    pub(crate) fn into_answers(self, count: usize) -> Vec<VendorAnswer> {
        match self {
            Self::Each(answers) => answers,
            Self::Whole(answer) => vec![answer; count],
        }
    }
}

/// Formats a status for a problem text: `answered 401 Unauthorized`.
pub(super) fn describe_status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("answered {} {reason}", status.as_u16()),
        None => format!("answered {}", status.as_u16()),
    }
}

#[expect(
    clippy::expect_used,
    reason = "problem texts are plain and far shorter than 256 bytes"
)]
pub(super) fn text(problem: String) -> Text<256> {
    Text::try_from(problem).expect("short and plain")
}
