//! Body of receipts.

use domain::{BounceKind, MessageError, MessageId, Receipt, ReceiptKind, Text, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::read::{self, ReceiptStatus};
use crate::http::body::{BodyRules, Input};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;

/// Receipt for a message that the vendor accepted. Vendors add fields of their own, so
/// others are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "a receipt object")]
#[schema(as = ReceiptIn, example = json!({
    "message_id": "msg_01936f2e7d1c7a309a511f0b6a0f9c11_c-1001",
    "vendor_message_id": "vm_17",
    "status": "bounced",
    "bounce": "hard",
    "reason": "550 5.1.1 user unknown",
    "occurred_at": "2026-11-23T01:02:03Z"
}))]
pub(super) struct ReceiptBody {
    /// Id of the message.
    message_id: String,
    /// Vendor's id of the message.
    #[serde(deserialize_with = "read::vendor_message_id")]
    #[schema(value_type = schema::Text128)]
    vendor_message_id: Text<128>,
    /// What happened to the message: `delivered`, `failed`, `bounced`, `complained`,
    /// `deferred`, `opened` or `clicked`, in any case. A receipt with another status is
    /// ignored.
    #[serde(deserialize_with = "read::status")]
    #[schema(value_type = String, example = "bounced")]
    status: ReceiptStatus,
    /// Kind of a bounce: `hard` or `soft`, in any case. A bounce is hard only if this
    /// says so.
    #[serde(default, deserialize_with = "read::word")]
    #[schema(value_type = Option<serde_json::Value>, example = "hard")]
    bounce: Option<String>,
    /// Vendor's reason, in at most 256 bytes; a longer one is cut. An empty text is no
    /// reason, and neither is anything but a text or a number.
    #[serde(default, deserialize_with = "read::text")]
    #[schema(value_type = Option<serde_json::Value>, example = "550 5.1.1 user unknown")]
    reason: Option<Text<256>>,
    /// URL of the link that was clicked, in at most 1,024 bytes; a longer one is cut.
    #[serde(default, deserialize_with = "read::text")]
    #[schema(value_type = Option<serde_json::Value>, example = "https://shop.example/sale")]
    url: Option<Text<1024>>,
    /// Time of what happened, by the vendor's clock. More than five minutes ahead of
    /// the server's clock, it is taken as now; before the message was sent, as the time
    /// of the sending.
    #[serde(deserialize_with = "read::time")]
    #[schema(value_type = schema::ReceiptTime)]
    occurred_at: Timestamp,
}

/// Body of one or many receipts.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two forms of a body")]
pub(super) enum Receipts {
    /// One receipt.
    One(ReceiptBody),
    /// At most 1,000 receipts.
    Many(Vec<ReceiptBody>),
}

impl ReceiptBody {
    /// Returns the id of the message as it was sent, the message, and the receipt.
    ///
    /// # Errors
    /// The problem with an id that belongs to no message.
    pub(super) fn into_receipt(
        self,
        received_at: Timestamp,
    ) -> Result<(String, MessageId, Receipt), Problem> {
        let Ok(message) = self.message_id.parse::<MessageId>() else {
            return Err(unknown_message());
        };
        let is_hard = |bounce: &String| bounce.eq_ignore_ascii_case("hard");
        let kind = match self.status {
            ReceiptStatus::Delivered => ReceiptKind::Delivered,
            ReceiptStatus::Failed => ReceiptKind::Failed,
            ReceiptStatus::Bounced => ReceiptKind::Bounced(match self.bounce.filter(is_hard) {
                Some(_) => BounceKind::Hard,
                None => BounceKind::Soft,
            }),
            ReceiptStatus::Complained => ReceiptKind::Complained,
            ReceiptStatus::Deferred => ReceiptKind::Deferred,
            ReceiptStatus::Opened => ReceiptKind::Opened,
            ReceiptStatus::Clicked => ReceiptKind::Clicked(self.url),
        };
        let receipt = Receipt {
            vendor_message_id: self.vendor_message_id,
            kind,
            reason: self.reason,
            occurred_at: self.occurred_at,
            received_at,
        };
        Ok((self.message_id, message, receipt))
    }
}

impl Input for ReceiptBody {
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        match self.message_id.parse::<MessageId>() {
            Ok(_) => Ok(()),
            Err(_) => Err(unknown_message()),
        }
    }
}

/// Returns the problem of a receipt for a message that does not exist.
pub(super) fn unknown_message() -> Problem {
    refused(&MessageError::Unknown)
}

/// Returns the problem of a receipt that its message refused.
pub(super) fn refused(error: &MessageError) -> Problem {
    let (kind, pointer) = match error {
        MessageError::Unknown | MessageError::NotSent => {
            (ProblemKind::UnknownMessage, "/message_id")
        }
        MessageError::OtherVendorMessage => (ProblemKind::InvalidField, "/vendor_message_id"),
    };
    Problem::field(kind, pointer, error.to_string())
}
