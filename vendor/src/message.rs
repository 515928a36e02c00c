//! Messages: in requests, in memory, in the API and in receipts.

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use crate::outcome::{DeliveryFailure, MessageOutcome};

/// Index of a message in the ledger, starting at 0.
pub(crate) type Number = usize;

/// Message to send. It is sent once per `message_id`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendRequest {
    pub(crate) message_id: String,
    pub(crate) to: String,
    pub(crate) text: String,
    /// URL to which the receipt is posted. The URL of the first request counts.
    pub(crate) callback_url: String,
}

/// Message in memory, without its id.
pub(crate) struct LedgerMessage {
    pub(crate) to: Box<str>,
    /// Fingerprint of recipient and text.
    pub(crate) content: u64,
    pub(crate) accepted_ms: i64,
    pub(crate) outcome: MessageOutcome,
    /// Index into the ledger's callback URLs.
    pub(crate) callback: u32,
    pub(crate) requested: u32,
    pub(crate) acknowledged: bool,
}

/// State of a message's receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReceiptState {
    /// Not due or not acknowledged yet.
    Pending,
    /// Acknowledged with a 2xx.
    Acknowledged,
    /// Never posted, because its message drew the outcome `lost`.
    Lost,
}

/// Delivery status in a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryStatus {
    Delivered,
    Failed,
    Bounced,
}

/// Receipt in the body of a post.
#[derive(Serialize)]
pub(crate) struct PostedReceipt<'a> {
    message_id: &'a str,
    vendor_message_id: String,
    status: DeliveryStatus,
    /// Kind of a bounce.
    #[serde(skip_serializing_if = "Option::is_none")]
    bounce: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<DeliveryFailure>,
    occurred_at: String,
}

/// Message in `GET /vendor/messages`. `requested` counts the accepted requests for it, including
/// the first.
#[derive(Serialize)]
pub(crate) struct SentMessage {
    message_id: String,
    vendor_message_id: String,
    to: String,
    requested: u32,
    accepted_at: String,
    outcome: DeliveryStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<DeliveryFailure>,
    receipt: ReceiptState,
}

/// Counts of messages by state.
#[derive(Default, Serialize)]
pub(crate) struct MessageCounts {
    /// Number of messages that were sent.
    accepted: u64,
    /// Number of requests for a message that was sent before.
    repeated: u64,
    delivered: u64,
    failed: u64,
    receipts_pending: u64,
    receipts_acknowledged: u64,
    receipts_lost: u64,
}

/// Returns the vendor's own id of a message.
pub(crate) fn vendor_message_id(number: Number) -> String {
    format!("vm_{}", number + 1)
}

impl LedgerMessage {
    pub(crate) fn receipt(&self) -> ReceiptState {
        match (self.outcome.lost, self.acknowledged) {
            (true, _) => ReceiptState::Lost,
            (false, true) => ReceiptState::Acknowledged,
            (false, false) => ReceiptState::Pending,
        }
    }

    /// Returns the time of the delivery or failure, in milliseconds since 1970.
    pub(crate) fn occurred_ms(&self) -> i64 {
        self.accepted_ms
            .saturating_add_unsigned(self.outcome.delay_ms)
    }

    pub(crate) fn receipt_body<'a>(&self, number: Number, id: &'a str) -> PostedReceipt<'a> {
        PostedReceipt {
            message_id: id,
            vendor_message_id: vendor_message_id(number),
            status: self.outcome.into(),
            bounce: self.outcome.bounced.then_some(match self.outcome.failure {
                Some(DeliveryFailure::UnknownRecipient) => "hard",
                _ => "soft",
            }),
            reason: self.outcome.failure,
            occurred_at: rfc3339(self.occurred_ms()),
        }
    }

    pub(crate) fn sent(&self, number: Number, id: &str) -> SentMessage {
        SentMessage {
            message_id: id.to_owned(),
            vendor_message_id: vendor_message_id(number),
            to: self.to.to_string(),
            requested: self.requested,
            accepted_at: rfc3339(self.accepted_ms),
            outcome: self.outcome.into(),
            reason: self.outcome.failure,
            receipt: self.receipt(),
        }
    }
}

impl From<MessageOutcome> for DeliveryStatus {
    fn from(outcome: MessageOutcome) -> Self {
        match outcome.failure {
            None => Self::Delivered,
            Some(_) if outcome.bounced => Self::Bounced,
            Some(_) => Self::Failed,
        }
    }
}

impl MessageCounts {
    pub(crate) fn add(&mut self, message: &LedgerMessage) {
        self.accepted += 1;
        self.repeated += u64::from(message.requested - 1);
        match message.outcome.into() {
            DeliveryStatus::Delivered => self.delivered += 1,
            DeliveryStatus::Failed | DeliveryStatus::Bounced => self.failed += 1,
        }
        match message.receipt() {
            ReceiptState::Pending => self.receipts_pending += 1,
            ReceiptState::Acknowledged => self.receipts_acknowledged += 1,
            ReceiptState::Lost => self.receipts_lost += 1,
        }
    }
}

fn rfc3339(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}
