//! View `messages`: the current state of each message.

mod brackets;
mod document;
mod fold;
mod query;
#[cfg(test)]
mod tests;

use bson::doc;
use domain::{MessageId, MessageStatus, Subject};
use eventlog::Position;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

pub use brackets::SpendBracket;
pub use document::{MessageDocument, MessageMarks, SuppressionDocument};
pub use query::DueMessages;

use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, View};

/// The view `messages`: one document per message, with the message's id. The API
/// serves it as the communication log, and workers find messages to send in it.
/// Only a message's head decides whether the message is still to be sent.
pub struct Messages;

impl View for Messages {
    const NAME: &'static str = "messages";
    const FOLD: i32 = 3;
    const PER_AGGREGATE: bool = true;
    type Document = MessageDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Message(customer, campaign) => {
                let id = MessageId {
                    campaign: campaign.clone(),
                    customer: customer.clone(),
                };
                Some(id.to_string())
            }
            _ => None,
        }
    }

    fn fold(
        document: Option<MessageDocument>,
        event: &Recorded,
    ) -> Result<MessageDocument, FoldError> {
        fold::fold(document, event)
    }

    /// Returns few indexes, since every message is written several times. Listing a
    /// campaign's messages needs none: they are adjacent by `_id`.
    fn indexes() -> Vec<IndexModel> {
        let by_status =
            doc! {"campaign_id": 1, "status": 1, "_id": 1, "retry_at": 1, "_partition": 1};
        let by_customer = doc! {"customer_id": 1, "queued_at": 1};
        let whole = [by_status, by_customer].map(|keys| IndexModel::builder().keys(keys).build());
        // It has only the messages that await a receipt.
        let awaiting = IndexOptions::builder()
            .partial_filter_expression(doc! {"status": MessageStatus::Sent.name()})
            .build();
        let awaiting = IndexModel::builder()
            .keys(doc! {"sent_at": 1})
            .options(awaiting);
        whole.into_iter().chain([awaiting.build()]).collect()
    }
}
