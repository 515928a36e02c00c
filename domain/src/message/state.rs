//! State of a message, and its compact form in a head.

use serde::de::Error as _;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use super::{MessageStatus, SuppressionReason};
use crate::{Text, Timestamp};

/// State of a message. It is small, since Redis holds one for every message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageState {
    pub(super) status: MessageStatus,
    /// True if the message was ever queued, so that a vendor may have it.
    pub(super) queued: bool,
    /// Marks that receipts have set, each a bit.
    pub(super) marks: u8,
    /// Number of refused receipts that are recorded, at most [`MAX_REFUSED`].
    pub(super) refused: u8,
    /// Digest of the vendor's id of the message, once it is known.
    pub(super) vendor: Option<u32>,
    /// Time at which the request began that the vendor accepted, if it is known.
    pub(super) sent_at: Option<Timestamp>,
    /// Rank of the receipt that counts.
    pub(super) receipt: Option<i64>,
    /// Number of failed attempts since the message was last queued.
    pub(super) attempts: u32,
    /// Time at which the next attempt of a queued message is due, in milliseconds.
    pub(super) retry_at: Option<i64>,
    /// Reason for the suppression, while the message is suppressed.
    pub(super) why: Option<SuppressionReason>,
}

/// Maximum number of refused receipts that are recorded per message. It bounds the
/// events of a message, however often the vendor repeats them.
pub(super) const MAX_REFUSED: u8 = 8;

impl MessageState {
    pub(super) fn new(status: MessageStatus) -> Self {
        Self {
            status,
            queued: false,
            marks: 0,
            refused: 0,
            vendor: None,
            sent_at: None,
            receipt: None,
            attempts: 0,
            retry_at: None,
            why: None,
        }
    }
}

/// Returns the digest of a vendor's id. It is short, since it only detects ids that
/// were mixed up.
pub(super) fn vendor_digest(id: &Text<128>) -> u32 {
    // 0 stands for an unknown id. The digest is truncated on purpose.
    (xxh3_64(id.as_str().as_bytes()) as u32).max(1)
}

const QUEUED: u16 = 1;
const MARKS_SHIFT: u16 = 1;
const MARKS_MASK: u16 = 0b1111;
const REFUSED_SHIFT: u16 = 5;

/// Compact form: status letter, bits, digest of the vendor's id, acceptance, rank of
/// the receipt, attempts, next attempt, and reason of the suppression. 0 stands for
/// none; trailing zeros are left out. Redis stores a head of at most 64 bytes in a
/// third of the space.
#[derive(Deserialize)]
struct CompactState(
    char,
    u16,
    #[serde(default)] u32,
    #[serde(default)] i64,
    #[serde(default)] i64,
    #[serde(default)] u32,
    #[serde(default)] i64,
    #[serde(default)] Option<SuppressionReason>,
);

impl Serialize for MessageState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = [
            i64::from(self.vendor.unwrap_or_default()),
            self.sent_at.map_or(0, Timestamp::millis),
            self.receipt.unwrap_or_default(),
            i64::from(self.attempts),
            self.retry_at.unwrap_or_default(),
        ];
        let count = match (self.why, numbers.iter().rposition(|number| *number != 0)) {
            (Some(_), _) => numbers.len(),
            (None, last) => last.map_or(0, |last| last + 1),
        };
        let bits = (u16::from(self.queued) * QUEUED)
            | (u16::from(self.marks) << MARKS_SHIFT)
            | (u16::from(self.refused) << REFUSED_SHIFT);
        let length = 2 + count + usize::from(self.why.is_some());
        let mut state = serializer.serialize_seq(Some(length))?;
        state.serialize_element(&self.status.letter())?;
        state.serialize_element(&bits)?;
        for number in &numbers[..count] {
            state.serialize_element(number)?;
        }
        if let Some(why) = &self.why {
            state.serialize_element(why)?;
        }
        state.end()
    }
}

impl<'de> Deserialize<'de> for MessageState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let CompactState(letter, bits, vendor, sent_at, receipt, attempts, retry_at, why) =
            CompactState::deserialize(deserializer)?;
        let status = MessageStatus::of_letter(letter);
        let unknown = || D::Error::custom("the letter stands for no status of a message");
        let some = |number: i64| (number != 0).then_some(number);
        let sent_at = some(sent_at).map(Timestamp::from_millis).transpose();
        Ok(Self {
            status: status.ok_or_else(unknown)?,
            queued: bits & QUEUED != 0,
            // Both are within a byte after the mask and the shift.
            marks: ((bits >> MARKS_SHIFT) & MARKS_MASK) as u8,
            refused: (bits >> REFUSED_SHIFT) as u8,
            vendor: (vendor != 0).then_some(vendor),
            sent_at: sent_at.map_err(D::Error::custom)?,
            receipt: some(receipt),
            attempts,
            retry_at: some(retry_at),
            why,
        })
    }
}
