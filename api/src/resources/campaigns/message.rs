//! Response body of a message.

use domain::{BounceKind, Channel, CustomerId, MessageStatus, Suppression, Timestamp};
use projections::messages::{Messages, SuppressionDocument};
use serde::Serialize;
use utoipa::ToSchema;

use super::texts::Rendered;
use crate::http::schema;
use crate::resources::shared::quarantined::{Quarantined, ShowsDocument};

/// The message to one customer.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageResponse {
    /// The recipient.
    #[schema(value_type = schema::Id)]
    pub(super) customer_id: CustomerId,
    /// The message's id.
    #[schema(value_type = schema::MessageId)]
    pub(super) message_id: String,
    /// The message's status.
    #[schema(value_type = schema::MessageStatus)]
    pub(super) status: MessageStatus,
    /// The channel; `null` if the message was never queued.
    #[schema(value_type = Option<schema::Channel>)]
    pub(super) channel: Option<Channel>,
    /// The recipient's address.
    #[schema(example = "ada@example.com")]
    pub(super) to: Option<String>,
    /// The text, rendered from the values that were recorded when the message
    /// was queued.
    #[schema(example = "Hi Ada Example, we miss you!")]
    pub(super) text: Option<String>,
    /// Reason why the text cannot be rendered again as it was recorded.
    #[schema(example = "the text is not the one that was recorded when the message was queued")]
    pub(super) text_problem: Option<String>,
    /// Number of failed delivery attempts since the message was last queued.
    #[schema(example = 0)]
    pub(super) attempts: u32,
    /// Error of the last failed delivery attempt.
    #[schema(example = "the vendor answered 503")]
    pub(super) problem: Option<String>,
    /// Reason why the message is suppressed; `null` if it is not.
    pub(super) suppression: Option<SuppressionResponse>,
    /// The vendor's id of the message.
    #[schema(example = "vm_17")]
    pub(super) vendor_message_id: Option<String>,
    /// The vendor's reason, usually why the message was not delivered.
    #[schema(example = "mailbox_full")]
    pub(super) reason: Option<String>,
    /// Kind of bounce, if the message bounced.
    #[schema(value_type = Option<schema::BounceKind>)]
    pub(super) bounce: Option<BounceKind>,
    /// Time at which the message was last queued, or suppressed if it was never
    /// queued.
    #[schema(value_type = schema::Time)]
    pub(super) queued_at: Timestamp,
    /// Time of the next delivery attempt.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) retry_at: Option<Timestamp>,
    /// Time at which the vendor accepted the message.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) sent_at: Option<Timestamp>,
    /// Time at which the message was delivered, failed or bounced by its receipt, was
    /// rejected, given up or suppressed, or at which the wait for its receipt ended.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) ended_at: Option<Timestamp>,
    /// Time at which the recipient complained.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) complained_at: Option<Timestamp>,
    /// Time at which the vendor first put the delivery off.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) deferred_at: Option<Timestamp>,
    /// Time at which the message was first opened.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) opened_at: Option<Timestamp>,
    /// Time at which a link of the message was first followed.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) clicked_at: Option<Timestamp>,
    /// URL of that link.
    #[schema(example = "https://shop.example/sale")]
    pub(super) clicked_url: Option<String>,
    /// Number of receipts of this message that were refused, at most eight.
    #[schema(example = 0)]
    pub(super) refused_receipts: u32,
    /// Time of the message's last change.
    #[schema(value_type = schema::Time)]
    pub(super) updated_at: Timestamp,
    /// The quarantined event of this message; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) quarantined: Option<Quarantined>,
}

/// Reason why a customer gets no message.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(crate) struct SuppressionResponse {
    /// The reason: `unsubscribed`, `no_address`, `suppression_list`, `template`,
    /// `frequency_cap`, `duplicate_address`, or `cancelled`.
    #[schema(example = "no_address")]
    pub(super) reason: String,
    /// Details of the reason.
    #[schema(example = "in campaign cmp_01936f2e7d1c7a309a511f0b6a0f9c11")]
    pub(super) detail: Option<String>,
}

impl From<Rendered> for MessageResponse {
    fn from(rendered: Rendered) -> Self {
        let Rendered { message, text } = rendered;
        let (text, text_problem) = match text {
            Some(Ok(text)) => (Some(text), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        Self {
            customer_id: message.customer_id,
            message_id: message.message_id,
            status: message.status,
            channel: message.channel,
            to: message.to,
            text,
            text_problem,
            attempts: message.attempts,
            problem: message.problem,
            suppression: message.suppression.map(SuppressionResponse::from),
            vendor_message_id: message.vendor_message_id,
            reason: message.reason,
            bounce: message.bounce,
            queued_at: message.queued_at.to_chrono().into(),
            retry_at: message.retry_at.map(|at| at.to_chrono().into()),
            sent_at: message.sent_at.map(|at| at.to_chrono().into()),
            ended_at: message.ended_at.map(|at| at.to_chrono().into()),
            complained_at: message.marks.complained_at.map(|at| at.to_chrono().into()),
            deferred_at: message.marks.deferred_at.map(|at| at.to_chrono().into()),
            opened_at: message.marks.opened_at.map(|at| at.to_chrono().into()),
            clicked_at: message.marks.clicked_at.map(|at| at.to_chrono().into()),
            clicked_url: message.marks.clicked_url,
            refused_receipts: message.refused_receipts,
            updated_at: message.updated_at.to_chrono().into(),
            quarantined: None,
        }
    }
}

impl ShowsDocument for MessageResponse {
    type View = Messages;

    fn document_id(&self) -> String {
        self.message_id.clone()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}

impl From<&Suppression> for SuppressionResponse {
    fn from(suppression: &Suppression) -> Self {
        SuppressionDocument::from(suppression).into()
    }
}

impl From<SuppressionDocument> for SuppressionResponse {
    fn from(suppression: SuppressionDocument) -> Self {
        Self {
            reason: suppression.reason,
            detail: suppression.detail,
        }
    }
}
