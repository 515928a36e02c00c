//! Why a message is suppressed, by what its address knows.

use domain::{
    Address, AddressEvent, AddressId, Channel, CustomerId, Event, MessageContent, MessageId,
    Subject, Suppression, Text, Timestamp,
};
use projections::customers::CustomerDocument;
use projections::{EntryReader, ReadError};

use super::message::SuppressionResponse;
use crate::http::problem::Problem;
use crate::state::AppContext;

/// A message, and the id of the address that it goes to.
pub(super) struct MessageRecipient<'a> {
    app: &'a AppContext,
    id: MessageId,
    /// True if the customer was unsubscribed at the launch.
    was_unsubscribed: bool,
    address: Option<AddressId>,
}

impl<'a> MessageRecipient<'a> {
    /// Returns the recipient of a message: at the address that was recorded when it was
    /// queued, or else at that of the customer at the launch.
    ///
    /// # Errors
    /// The problem of a process without the address key.
    pub(super) fn new(
        app: &'a AppContext,
        id: MessageId,
        customer: Option<&CustomerDocument>,
        recorded: Option<(Channel, Text<254>)>,
    ) -> Result<Self, Problem> {
        let to = recorded.or_else(|| {
            let customer = customer?;
            MessageContent::address(customer.email.as_deref(), customer.phone.as_deref())
        });
        let key = app.commands.address_key()?;
        Ok(Self {
            app,
            id,
            was_unsubscribed: customer.is_some_and(|customer| customer.unsubscribed),
            address: to.map(|(channel, to)| key.recipient(channel, to.as_str())),
        })
    }

    /// Returns the recorded reason why the message is suppressed, with the customer who
    /// had opted out with the address by then.
    ///
    /// # Errors
    /// The problem of a log that does not answer.
    pub(super) async fn suppression(
        &self,
        why: &Suppression,
        since: Timestamp,
    ) -> Result<SuppressionResponse, Problem> {
        match (why, self.address) {
            (Suppression::Unsubscribed, Some(address)) => {
                unsubscribed(self.app, &self.id.customer, address, Some(since)).await
            }
            _ => Ok(SuppressionResponse::from(why)),
        }
    }

    /// Returns the reason why the message would be suppressed now, in the order in
    /// which reasons are given; `None` if there is none.
    ///
    /// # Errors
    /// The problem of a log that does not answer.
    pub(super) async fn expected_suppression(
        &self,
    ) -> Result<Option<SuppressionResponse>, Problem> {
        let unsubscribed = SuppressionResponse::from(&Suppression::Unsubscribed);
        if self.was_unsubscribed {
            return Ok(Some(unsubscribed));
        }
        let Some(address) = self.address else {
            return Ok(Some(SuppressionResponse::from(&Suppression::NoAddress)));
        };
        let heads = [(self.id.clone(), address)];
        let heads = self.app.commands.message_heads(&heads).await?.pop();
        match heads {
            Some(heads) if heads.has_opted_out => Ok(Some(unsubscribed)),
            Some(heads) => {
                suppression_at(self.app, &self.id.customer, address, &heads.address).await
            }
            None => Ok(None),
        }
    }
}

/// Returns the reason why campaigns send nothing to a customer now, whatever the
/// campaign; `None` if they send.
///
/// # Errors
/// The problem of a log that does not answer.
pub(crate) async fn suppression_of(
    app: &AppContext,
    id: &CustomerId,
    customer: &CustomerDocument,
) -> Result<Option<SuppressionResponse>, Problem> {
    if customer.unsubscribed {
        return Ok(Some(SuppressionResponse::from(&Suppression::Unsubscribed)));
    }
    let to = MessageContent::address(customer.email.as_deref(), customer.phone.as_deref());
    let Some((channel, to)) = to else {
        return Ok(Some(SuppressionResponse::from(&Suppression::NoAddress)));
    };
    let address = app.commands.address_key()?.recipient(channel, to.as_str());
    match app.commands.addresses(&[address]).await?.pop() {
        Some(head) => suppression_at(app, id, address, &head).await,
        None => Ok(None),
    }
}

/// Returns the reason why a message to the customer at this address would be
/// suppressed now; `None` if the address allows it.
///
/// # Errors
/// The problem of a log that does not answer.
pub(super) async fn suppression_at(
    app: &AppContext,
    customer: &CustomerId,
    id: AddressId,
    address: &Address,
) -> Result<Option<SuppressionResponse>, Problem> {
    if address.is_unsubscribed() {
        let unsubscribed = unsubscribed(app, customer, id, None).await?;
        return Ok(Some(unsubscribed));
    }
    let listed = address.listed_for();
    Ok(listed.map(|detail| SuppressionResponse::from(&Suppression::SuppressionList { detail })))
}

/// Returns the reason `unsubscribed`. Its detail names another customer who opted out
/// with the address, unless the customer did. `until` is the time of the suppression;
/// later events make no difference.
///
/// # Errors
/// The problem of a log that does not answer.
async fn unsubscribed(
    app: &AppContext,
    customer: &CustomerId,
    id: AddressId,
    until: Option<Timestamp>,
) -> Result<SuppressionResponse, Problem> {
    let opted_out = opted_out(app, id, until).await?;
    let is_own = opted_out.contains(customer);
    let others = opted_out.first().filter(|_| !is_own);
    let detail = others.map(|first| match opted_out.len() {
        1 => format!("customer {first} unsubscribed with the same address"),
        count => {
            let more = count - 1;
            format!("customer {first} and {more} more unsubscribed with the same address")
        }
    });
    Ok(SuppressionResponse {
        detail,
        ..SuppressionResponse::from(&Suppression::Unsubscribed)
    })
}

/// Returns the customers who opted out with an address, first to last. The head has
/// only digests of them.
async fn opted_out(
    app: &AppContext,
    id: AddressId,
    until: Option<Timestamp>,
) -> Result<Vec<CustomerId>, Problem> {
    let subject = Subject::Address(id);
    let log = app.commands.log();
    let key = log.layout().key(subject.to_string(), subject.route());
    let mut reader = EntryReader::default();
    let mut opted_out = Vec::new();
    for entry in log.history(&key).await? {
        let recorded = match reader.read(entry) {
            Ok(recorded) => recorded,
            // The address itself passes over such an event too.
            Err(ReadError::Unknown(_) | ReadError::Malformed(_)) => continue,
        };
        if until.is_some_and(|until| recorded.metadata.at > until) {
            continue;
        }
        match recorded.event {
            Event::Address(AddressEvent::Unsubscribed { customer, .. }) => {
                opted_out.retain(|known| *known != customer);
                opted_out.push(customer);
            }
            Event::Address(AddressEvent::Resubscribed { customer, .. }) => {
                opted_out.retain(|known| *known != customer);
            }
            _ => {}
        }
    }
    Ok(opted_out)
}
