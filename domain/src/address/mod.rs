//! Addresses: email addresses and phone numbers, whoever has them.
//!
//! An address knows which customers opted out with it, and whether it is on the
//! suppression list. It does not know who has it: customers refer to their
//! addresses, and no decision needs the reverse.

mod event;
mod id;
mod listed_for;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

pub use event::AddressEvent;
pub use id::{AddressId, AddressIdError, AddressKey, AddressKeyError};
pub use listed_for::ListedFor;

use crate::{BounceKind, Channel, CustomerId, MessageId, Text, Timestamp};

/// Maximum number of customers on an address's list. An address of more
/// customers who opted out is a placeholder and stays unsubscribed.
pub const MAX_UNSUBSCRIBED: usize = 256;

/// Period in which soft bounces count, in milliseconds.
pub const SOFT_BOUNCES_WITHIN: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Address to which a message was sent, and the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentTo {
    /// Kind of address.
    pub channel: Channel,
    /// The address.
    pub to: Text<254>,
    /// The message.
    pub message: MessageId,
}

/// Commands on an address. A command whose effect is already in place makes no
/// event.
#[derive(Debug, Clone)]
pub enum AddressCommand {
    /// Puts a customer on the list of those who opted out. `version` is the
    /// number of the customer's events on which that was decided.
    Unsubscribe {
        /// Customer who opts out.
        customer: CustomerId,
        /// Number of the customer's events.
        version: u64,
    },
    /// Takes a customer off that list, unless they were put on it on the basis of
    /// a later version.
    Resubscribe {
        /// Customer who opts in.
        customer: CustomerId,
        /// Number of the customer's events.
        version: u64,
    },
    /// Records that a message bounced. A hard bounce puts the address on the
    /// suppression list, and so do soft ones of `limit` messages within
    /// [`SOFT_BOUNCES_WITHIN`].
    RecordBounce {
        /// Kind of the bounce.
        kind: BounceKind,
        /// Address and message.
        sent: SentTo,
        /// Reason that the vendor gave.
        reason: Option<Text<256>>,
        /// Time of the bounce.
        at: Timestamp,
        /// Number of soft bounces that suffices.
        limit: u32,
    },
    /// Records a complaint, which puts the address on the suppression list.
    RecordComplaint(SentTo),
    /// Puts the address on the suppression list by hand.
    Suppress {
        /// Kind of address.
        channel: Channel,
        /// The address.
        to: Text<254>,
    },
    /// Takes the address off the suppression list.
    Unsuppress,
}

/// Error of commands on addresses: none is ever rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {}

/// Address aggregate. It is small, since Redis holds one for every address that
/// somebody opted out with or that is on the suppression list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Address {
    /// Digest of each customer who opted out, and the version of the customer on
    /// which that was decided.
    #[serde(rename = "u", default, skip_serializing_if = "Vec::is_empty")]
    unsubscribed: Vec<(u64, u64)>,
    /// True once more customers opted out than the list has room for.
    #[serde(rename = "m", default, skip_serializing_if = "is_false")]
    more: bool,
    /// Reason why the address is on the suppression list.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    listed: Option<ListedFor>,
    /// The last messages that bounced or were complained about.
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    returned: Vec<Returned>,
}

/// A message that bounced or was complained about: a digest of its id and of the
/// worst that happened, and the time in milliseconds if it is a soft bounce that
/// counts, or else 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Returned(u64, i64);

/// Outcome that counts against an address, in order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Return {
    SoftBounce,
    HardBounce,
    Complaint,
}

impl From<BounceKind> for Return {
    fn from(kind: BounceKind) -> Self {
        match kind {
            BounceKind::Soft => Self::SoftBounce,
            BounceKind::Hard => Self::HardBounce,
        }
    }
}

impl Returned {
    /// Bits of the digest that have the [`Return`] instead.
    const KIND: u64 = 3;

    fn new(message: &str, kind: Return, at: i64) -> Self {
        let digest = xxh3_64(message.as_bytes()) & !Self::KIND;
        Self(digest | kind as u64, at)
    }

    fn is_of(self, message: &str) -> bool {
        (self.0 ^ xxh3_64(message.as_bytes())) & !Self::KIND == 0
    }

    /// Returns whether this is a soft bounce that counts together with one at `at`.
    /// Receipts may arrive in any order.
    fn counts_at(self, at: i64) -> bool {
        self.1 != 0 && (at - self.1).abs() < SOFT_BOUNCES_WITHIN
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Maximum number of returned messages that an address remembers, and therefore of
/// soft bounces that can be required for the suppression list.
pub const MAX_RETURNED: usize = 32;

impl Address {
    /// Returns whether a customer with this address opted out of messages.
    pub fn is_unsubscribed(&self) -> bool {
        self.more || !self.unsubscribed.is_empty()
    }

    /// Returns the reason why the address is on the suppression list, if it is.
    pub fn listed_for(&self) -> Option<ListedFor> {
        self.listed
    }

    /// Returns the address after a recorded event.
    #[must_use]
    pub fn after(mut self, event: AddressEvent) -> Self {
        self.apply(event);
        self
    }

    /// Returns the events that a command makes.
    pub fn decide(&self, command: AddressCommand) -> Vec<AddressEvent> {
        match command {
            AddressCommand::Unsubscribe { customer, version } => {
                let is_known = self.entry(&customer).is_some_and(|known| known >= version);
                match is_known || self.more {
                    true => vec![],
                    false => vec![AddressEvent::Unsubscribed { customer, version }],
                }
            }
            AddressCommand::Resubscribe { customer, version } => {
                match self.entry(&customer).is_some_and(|known| known <= version) {
                    true => vec![AddressEvent::Resubscribed { customer, version }],
                    false => vec![],
                }
            }
            AddressCommand::RecordBounce {
                kind,
                sent,
                reason,
                at,
                limit,
            } => self.bounce(kind, sent, reason, at, limit),
            AddressCommand::RecordComplaint(sent) => {
                let Some(message) = self.unless_known(&sent, Return::Complaint) else {
                    return vec![];
                };
                let complained = AddressEvent::Complained { message };
                self.with_listing(complained, sent, Some(ListedFor::Complaint))
            }
            AddressCommand::Suppress { channel, to } => match self.listed {
                Some(_) => vec![],
                None => vec![AddressEvent::Suppressed {
                    channel,
                    to,
                    detail: ListedFor::Manual,
                }],
            },
            AddressCommand::Unsuppress => match self.listed {
                Some(_) => vec![AddressEvent::Unsuppressed {}],
                None => vec![],
            },
        }
    }

    fn bounce(
        &self,
        kind: BounceKind,
        sent: SentTo,
        reason: Option<Text<256>>,
        at: Timestamp,
        limit: u32,
    ) -> Vec<AddressEvent> {
        let Some(message) = self.unless_known(&sent, kind.into()) else {
            return vec![];
        };
        let counted = self.returned.iter();
        let recent = counted.filter(|one| one.counts_at(at.millis())).count();
        let detail = match kind {
            BounceKind::Hard => Some(ListedFor::HardBounce),
            BounceKind::Soft if recent + 1 >= limit as usize => Some(ListedFor::SoftBounces),
            BounceKind::Soft => None,
        };
        let bounced = AddressEvent::Bounced {
            kind,
            message,
            at,
            reason,
        };
        self.with_listing(bounced, sent, detail)
    }

    /// Returns the event, and one that lists the address if it is not listed.
    fn with_listing(
        &self,
        event: AddressEvent,
        sent: SentTo,
        detail: Option<ListedFor>,
    ) -> Vec<AddressEvent> {
        let listed = detail.filter(|_| self.listed.is_none());
        let listed = listed.map(|detail| AddressEvent::Suppressed {
            channel: sent.channel,
            to: sent.to,
            detail,
        });
        [event].into_iter().chain(listed).collect()
    }

    /// Returns the message's id, unless this or something worse is known of it.
    fn unless_known(&self, sent: &SentTo, kind: Return) -> Option<Text<256>> {
        let id = sent.message.to_string();
        let mut of_message = self.returned.iter().filter(|one| one.is_of(&id));
        let is_known = of_message.any(|one| one.0 & Returned::KIND >= kind as u64);
        // An id of a message is shorter than the limit.
        Text::try_from(id).ok().filter(|_| !is_known)
    }

    fn entry(&self, customer: &CustomerId) -> Option<u64> {
        let digest = digest_of(customer);
        let found = self.unsubscribed.iter().find(|(known, _)| *known == digest);
        found.map(|(_, version)| *version)
    }

    fn remove(&mut self, customer: &CustomerId) {
        let digest = digest_of(customer);
        self.unsubscribed.retain(|(known, _)| *known != digest);
    }

    fn remember(&mut self, message: &Text<256>, kind: Return, at: i64) {
        let message = message.as_str();
        self.returned.retain(|one| !one.is_of(message));
        if self.returned.len() == MAX_RETURNED {
            self.returned.remove(0);
        }
        self.returned.push(Returned::new(message, kind, at));
    }
}

fn digest_of(customer: &CustomerId) -> u64 {
    xxh3_64(customer.as_str().as_bytes())
}

impl Aggregate for Address {
    const TYPE: &'static str = "address";
    type Command = AddressCommand;
    type Event = AddressEvent;
    type Error = AddressError;
    type Services = ();

    async fn handle(
        &mut self,
        command: AddressCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), AddressError> {
        for event in self.decide(command) {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AddressEvent) {
        match event {
            AddressEvent::Unsubscribed { customer, version } => {
                self.remove(&customer);
                match self.unsubscribed.len() < MAX_UNSUBSCRIBED {
                    true => self.unsubscribed.push((digest_of(&customer), version)),
                    false => self.more = true,
                }
            }
            AddressEvent::Resubscribed { customer, .. } => self.remove(&customer),
            AddressEvent::Bounced {
                kind, message, at, ..
            } => {
                let counts = kind == BounceKind::Soft;
                let at = if counts { at.millis() } else { 0 };
                self.remember(&message, kind.into(), at);
            }
            AddressEvent::Complained { message } => {
                self.remember(&message, Return::Complaint, 0);
            }
            AddressEvent::Suppressed { detail, .. } => self.listed = Some(detail),
            AddressEvent::Unsuppressed {} => {
                self.listed = None;
                // What was counted does not count again, but a repeated receipt
                // stays known.
                self.returned.iter_mut().for_each(|one| one.1 = 0);
            }
        }
    }
}
