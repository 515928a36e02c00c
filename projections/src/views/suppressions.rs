//! The view `suppressions`.

use bson::{DateTime, Document, doc};
use domain::{AddressEvent, AddressId, BounceKind, Channel, Event, ListedFor, Subject};
use eventlog::Position;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::recorded::Recorded;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::{FoldError, View};

/// The view `suppressions`: one document per address that somebody unsubscribed
/// with, that returned a message, or that was ever on the suppression list. Queries
/// return those on the list.
pub struct Suppressions;

/// The current state of an address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuppressionDocument {
    /// Id of the address.
    pub address_id: AddressId,
    /// True while the address is on the suppression list.
    pub is_listed: bool,
    /// Kind of address, once it was on the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The address, once it was on the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Reason why it is or was on the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<ListedFor>,
    /// Number of hard bounces.
    #[serde(default)]
    pub hard_bounces: i64,
    /// Number of soft bounces.
    #[serde(default)]
    pub soft_bounces: i64,
    /// Number of complaints.
    #[serde(default)]
    pub complaints: i64,
    /// Time at which the address was last put on the list, or of its first event.
    pub created_at: DateTime,
    /// Actor who put it there, or caused its first event.
    pub created_by: String,
}

impl View for Suppressions {
    const NAME: &'static str = "suppressions";
    type Document = SuppressionDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Address(address) => Some(address.to_string()),
            _ => None,
        }
    }

    fn fold(
        document: Option<SuppressionDocument>,
        event: &Recorded,
    ) -> Result<SuppressionDocument, FoldError> {
        let (Subject::Address(id), Event::Address(happened)) = (&event.subject, &event.event)
        else {
            return Err(FoldError(format!("{} is not an address", event.subject)));
        };
        let mut document = document.unwrap_or_else(|| SuppressionDocument {
            address_id: *id,
            is_listed: false,
            channel: None,
            to: None,
            detail: None,
            hard_bounces: 0,
            soft_bounces: 0,
            complaints: 0,
            created_at: date(event.metadata.at),
            created_by: event.metadata.actor.clone(),
        });
        match happened {
            AddressEvent::Unsubscribed { .. } | AddressEvent::Resubscribed { .. } => {}
            AddressEvent::Bounced { kind, .. } => match kind {
                BounceKind::Hard => document.hard_bounces += 1,
                BounceKind::Soft => document.soft_bounces += 1,
            },
            AddressEvent::Complained { .. } => document.complaints += 1,
            AddressEvent::Suppressed {
                channel,
                to,
                detail,
            } => {
                document.is_listed = true;
                document.channel = Some(*channel);
                document.to = Some(to.as_str().to_owned());
                document.detail = Some(*detail);
                document.created_at = date(event.metadata.at);
                document.created_by.clone_from(&event.metadata.actor);
            }
            AddressEvent::Unsuppressed {} => document.is_listed = false,
        }
        Ok(document)
    }

    fn indexes() -> Vec<IndexModel> {
        let newest = doc! {"is_listed": 1, "created_at": -1, "_id": -1};
        vec![IndexModel::builder().keys(newest).build()]
    }
}

impl Store {
    /// Returns an address that is on the suppression list; `None` for any other.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn suppression(
        &self,
        id: AddressId,
    ) -> Result<Option<SuppressionDocument>, QueryError> {
        let all = self
            .serving::<SuppressionDocument>(Suppressions::NAME)
            .await?;
        let listed = doc! {"_id": id.as_str(), "is_listed": true};
        Ok(all.find_one(listed).await?)
    }

    /// Returns a page of the suppression list, newest first: only addresses that are
    /// on it for this reason and of this kind, if given.
    ///
    /// # Errors
    /// [`QueryError`] if the cursor is invalid or MongoDB does not answer.
    pub async fn suppressions(
        &self,
        detail: Option<ListedFor>,
        channel: Option<Channel>,
        page: &PageRequest,
    ) -> Result<Page<SuppressionDocument>, QueryError> {
        let mut listed: Document = doc! {"is_listed": true};
        if let Some(detail) = detail {
            listed.insert("detail", detail.name());
        }
        if let Some(channel) = channel {
            listed.insert("channel", channel.name());
        }
        let place = |one: &SuppressionDocument| (one.created_at, one.address_id.to_string());
        self.newest(Suppressions::NAME, listed, page, place).await
    }
}

#[cfg(test)]
mod tests {
    use domain::{MessageId, Text, Timestamp};

    use super::*;
    use crate::views::history::{folded, history};

    fn text<const MAX: usize>(text: &str) -> Text<MAX> {
        Text::try_from(text.to_owned()).unwrap()
    }

    fn document(events: Vec<AddressEvent>) -> SuppressionDocument {
        let subject = Subject::Address("AAECAwQFBgcICQoLDA0O".try_into().unwrap());
        folded::<Suppressions>(&history(&subject, events, Event::Address)).unwrap()
    }

    fn listed(detail: ListedFor) -> AddressEvent {
        AddressEvent::Suppressed {
            channel: Channel::Email,
            to: text("ada@example.com"),
            detail,
        }
    }

    #[test]
    fn an_address_is_listed_until_it_is_lifted() {
        let message = MessageId {
            campaign: 1.into(),
            customer: "c-1".try_into().unwrap(),
        };
        let bounced = AddressEvent::Bounced {
            kind: BounceKind::Hard,
            message: text(&message.to_string()),
            at: Timestamp::EPOCH,
            reason: None,
        };
        let one = document(vec![bounced.clone(), listed(ListedFor::HardBounce)]);
        assert!(one.is_listed);
        assert_eq!(
            (one.hard_bounces, one.to.as_deref()),
            (1, Some("ada@example.com"))
        );
        assert_eq!(one.detail, Some(ListedFor::HardBounce));
        let lifted = document(vec![
            listed(ListedFor::Manual),
            AddressEvent::Unsuppressed {},
        ]);
        assert!(!lifted.is_listed);
        assert!(!document(vec![bounced]).is_listed);
    }
}
