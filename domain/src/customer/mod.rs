//! Customers, as the shop describes them.

mod changes;
mod consent;
mod consent_record;
mod consent_state;
#[cfg(test)]
mod consent_tests;
mod event;
mod merge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use changes::{AddressChanges, CustomerChanges, ProfileChanges};
pub use consent::{Addresses, Consent};
pub use consent_record::{ConsentRecord, ConsentWarning, RecordConsent};
pub use event::{Absorbed, CustomerEvent};
pub use merge::Forwarding;

use consent_state::ConsentDecision;
use merge::TakenOver;

use crate::digest::digest;
use crate::updated_at::is_older;
use crate::{
    AttributeChanges, AttributeKey, AttributeValue, Change, CustomerId, MAX_ATTRIBUTES, Timestamp,
};

/// Maximum number of tags of a customer.
pub const MAX_TAGS: usize = 100;

/// Commands on customers. A command whose effect is already in place makes no
/// event.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are records of data, and a box for each costs more than the space"
)]
#[derive(Debug, Clone)]
pub enum CustomerCommand {
    /// Records a customer's data. Omitted fields stay unchanged.
    Record(CustomerChanges),
    /// Records a consent or an opt-out by hand.
    RecordConsent(RecordConsent),
    /// Merges the customer into another one.
    Merge {
        /// The other customer.
        into: CustomerId,
    },
    /// Takes over data of another customer, who was merged into this one.
    TakeOver(Box<Forwarding>),
    /// Records that what was recorded about the merged customer up to the event of
    /// this number is copied.
    Forwarded {
        /// Number of the event in the customer's partition.
        up_to: u64,
    },
}

/// What commands on customers need in addition.
#[derive(Debug, Clone, Copy)]
pub struct CustomerServices {
    /// Time of the command.
    pub now: Timestamp,
}

/// Reason why a command on a customer is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    /// The change would give the customer this many attributes.
    #[error("a customer has at most {MAX_ATTRIBUTES} attributes, this one would have {0}")]
    TooManyAttributes(usize),
    /// The change would give the customer this many tags.
    #[error("a customer has at most {MAX_TAGS} tags, this one would have {0}")]
    TooManyTags(usize),
    /// The customer was merged into another one than the given one.
    #[error("the customer was merged into {0}")]
    Merged(CustomerId),
    /// A consent is recorded by hand for a customer who is not recorded.
    #[error("there is no such customer")]
    Unknown,
    /// A consent is recorded by hand with a time that is not after the opt-out.
    #[error(
        "the customer opted out at {opted_out}, and only a later consent lifts that; without a \
         time, the consent is of now"
    )]
    ConsentNotLater {
        /// Time of the opt-out.
        opted_out: Timestamp,
    },
}

/// Customer aggregate, with which later changes are compared.
///
/// It holds a digest of each field that has a value, not the value: changes
/// need only an equality check, and so personal data stays in the log. Of an
/// attribute that is an object, it holds a digest of each value, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Customer {
    #[serde(rename = "r")]
    registered: bool,
    #[serde(rename = "f", default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, u64>,
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, u64>,
    #[serde(rename = "i", default, skip_serializing_if = "Addresses::is_empty")]
    addresses: Addresses,
    #[serde(
        rename = "u",
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::as_optional_millis"
    )]
    updated_at: Option<Timestamp>,
    /// Customer that this one was merged into.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    merged: Option<CustomerId>,
    /// Number of the last event of the merged customer that is copied.
    #[serde(rename = "w", default, skip_serializing_if = "is_zero")]
    forwarded: u64,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    taken_over: TakenOver,
    /// Time of the opt-out, or of a consent that had a time.
    #[serde(
        rename = "c",
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::as_optional_millis"
    )]
    consent_at: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Digest of tags whose values the head does not know, since those of a merged
/// customer were added.
const UNKNOWN_TAGS: u64 = 0;

impl Customer {
    /// Returns whether the customer opted out, and their addresses.
    pub fn consent(&self) -> Consent {
        Consent {
            is_unsubscribed: self.is_unsubscribed(),
            addresses: self.addresses,
        }
    }

    /// Returns whether the command has an older version of the customer than
    /// the recorded one. It then changes nothing but consent, which an opt-out
    /// withdraws.
    pub fn is_stale(&self, command: &CustomerCommand) -> bool {
        matches!(command, CustomerCommand::Record(changes) if self.is_older(changes))
    }

    fn is_older(&self, changes: &CustomerChanges) -> bool {
        is_older(changes.updated_at, self.updated_at)
    }

    /// Returns whether the customer opted out of messages.
    pub fn is_unsubscribed(&self) -> bool {
        // The field is a boolean, so its digest determines the value and heads
        // need no separate field for it.
        self.fields.get("unsubscribed") == Some(&digest(&true))
    }

    /// Returns the event that these changes make, reduced to the fields that
    /// actually change; `None` if nothing changes. Changes that are older than
    /// the recorded `updated_at` change nothing but an opt-out, whichever fields
    /// they have. Changes without `updated_at` leave the recorded one. `now` is the
    /// time of an opt-out without one.
    ///
    /// # Errors
    /// [`CustomerError`] if a limit would be exceeded.
    pub fn decide(
        &self,
        changes: CustomerChanges,
        now: Timestamp,
    ) -> Result<Option<CustomerEvent>, CustomerError> {
        if let Change::Set(tags) = &changes.tags
            && tags.len() > MAX_TAGS
        {
            return Err(CustomerError::TooManyTags(tags.len()));
        }
        if is_older(changes.updated_at, self.updated_at) {
            return Ok(self.record_stale(changes, now));
        }
        let effective = self.effective(changes, now);
        let mut attributes = self.attributes.clone();
        apply_attributes(&mut attributes, &effective.profile.attributes);
        // A customer of an earlier limit can still be changed.
        if attributes.len() > MAX_ATTRIBUTES.max(self.attributes.len()) {
            return Err(CustomerError::TooManyAttributes(attributes.len()));
        }
        Ok(match self.registered {
            false => Some(CustomerEvent::Registered(effective)),
            true if effective == CustomerChanges::default() => None,
            true => Some(CustomerEvent::Updated(effective)),
        })
    }

    /// Returns the changes without those that have no effect.
    fn effective(&self, changes: CustomerChanges, now: Timestamp) -> CustomerChanges {
        let decision = self.decide_consent(&changes);
        let CustomerChanges {
            profile,
            addresses,
            city,
            country,
            tags,
            registered_at,
            unsubscribed: _,
            consent,
            updated_at,
        } = changes;
        let (unsubscribed, consent) = match decision {
            ConsentDecision::Recorded { unsubscribed } => (
                Change::Set(unsubscribed),
                consent_state::kept(consent, unsubscribed, now),
            ),
            ConsentDecision::Unchanged | ConsentDecision::Ignored(_) => (Change::Keep, None),
        };
        CustomerChanges {
            profile: ProfileChanges {
                name: self.field("name", profile.name),
                email: self.field("email", profile.email),
                phone: self.field("phone", profile.phone),
                attributes: self.effective_attributes(profile.attributes),
            },
            addresses: self.addresses.effective(addresses),
            city: self.field("city", city),
            country: self.field("country", country),
            tags: self.field("tags", tags),
            registered_at: self.field("registered_at", registered_at),
            unsubscribed,
            consent,
            // A later time is recorded even if no field changes: otherwise, a
            // version in between that arrives afterwards would be applied.
            updated_at: updated_at.filter(|at| Some(*at) != self.updated_at),
        }
    }

    fn field<T: Serialize>(&self, name: &str, change: Change<T>) -> Change<T> {
        effective(self.fields.get(name), change)
    }

    fn effective_attributes(&self, change: Change<AttributeChanges>) -> Change<AttributeChanges> {
        match change {
            Change::Set(changes) => {
                let kept: AttributeChanges = changes
                    .into_iter()
                    .filter(|(key, change)| self.is_effective(key, change))
                    .collect();
                if kept.is_empty() {
                    Change::Keep
                } else {
                    Change::Set(kept)
                }
            }
            Change::Clear if self.attributes.is_empty() => Change::Keep,
            other => other,
        }
    }

    fn is_effective(&self, key: &AttributeKey, change: &Change<AttributeValue>) -> bool {
        let before: BTreeMap<&str, u64> = self
            .attributes
            .iter()
            .filter(|(path, _)| is_at(path, key))
            .map(|(path, digest)| (path.as_str(), *digest))
            .collect();
        match change {
            Change::Keep => false,
            Change::Clear => !before.is_empty(),
            Change::Set(value) => {
                let after = digests_of(key, value);
                !after
                    .iter()
                    .map(|(path, digest)| (path.as_str(), *digest))
                    .eq(before)
            }
        }
    }

    fn set<T: Serialize>(&mut self, name: &str, change: &Change<T>) {
        apply_change(&mut self.fields, name, change);
    }
}

fn effective<T: Serialize>(before: Option<&u64>, change: Change<T>) -> Change<T> {
    match &change {
        Change::Clear if before.is_none() => Change::Keep,
        Change::Set(value) if before == Some(&digest(value)) => Change::Keep,
        _ => change,
    }
}

fn apply_change<T: Serialize>(digests: &mut BTreeMap<String, u64>, name: &str, change: &Change<T>) {
    match change {
        Change::Keep => {}
        Change::Clear => {
            digests.remove(name);
        }
        Change::Set(value) => {
            digests.insert(name.to_owned(), digest(value));
        }
    }
}

fn apply_attributes(digests: &mut BTreeMap<String, u64>, change: &Change<AttributeChanges>) {
    match change {
        Change::Keep => {}
        Change::Clear => digests.clear(),
        Change::Set(changes) => {
            for (key, change) in changes {
                if !change.is_keep() {
                    digests.retain(|path, _| !is_at(path, key));
                }
                if let Change::Set(value) = change {
                    digests.extend(digests_of(key, value));
                }
            }
        }
    }
}

/// Returns whether the path of a value begins with an attribute's key.
fn is_at(path: &str, key: &AttributeKey) -> bool {
    let rest = path.strip_prefix(key.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns the digest of each value of an attribute, by path.
fn digests_of(key: &AttributeKey, value: &AttributeValue) -> BTreeMap<String, u64> {
    let mut digests = BTreeMap::new();
    value.for_each_leaf(key.to_string(), &mut |path, leaf| {
        digests.insert(path, digest(leaf));
    });
    digests
}

impl Aggregate for Customer {
    const TYPE: &'static str = "customer";
    type Command = CustomerCommand;
    type Event = CustomerEvent;
    type Error = CustomerError;
    type Services = CustomerServices;

    async fn handle(
        &mut self,
        command: CustomerCommand,
        services: &CustomerServices,
        sink: &EventSink<Self>,
    ) -> Result<(), CustomerError> {
        let event = match command {
            CustomerCommand::Record(changes) => self.decide(changes, services.now)?,
            CustomerCommand::RecordConsent(given) => {
                Some(self.record_consent(given, services.now)?)
            }
            CustomerCommand::Merge { into } => self.decide_merge(into)?,
            CustomerCommand::TakeOver(forwarding) => self.take_over(*forwarding, services.now),
            CustomerCommand::Forwarded { up_to } => self.decide_forwarded(up_to),
        };
        if let Some(event) = event {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CustomerEvent) {
        match &event {
            CustomerEvent::Registered(_) | CustomerEvent::Updated(_) => self.registered = true,
            CustomerEvent::Merged { into } => self.merged = Some(into.clone()),
            CustomerEvent::Forwarded { up_to } => self.forwarded = *up_to,
            CustomerEvent::Absorbed(absorbed) => {
                self.registered = true;
                self.remember_taken_over(&absorbed.from, absorbed.up_to);
            }
        }
        let Some(changes) = event.changes() else {
            return;
        };
        self.set("name", &changes.profile.name);
        self.set("email", &changes.profile.email);
        self.set("phone", &changes.profile.phone);
        self.addresses.apply(changes.addresses);
        self.set("city", &changes.city);
        self.set("country", &changes.country);
        self.set("tags", &changes.tags);
        self.set("registered_at", &changes.registered_at);
        self.set("unsubscribed", &changes.unsubscribed);
        let consent_at = changes.consent.as_ref().and_then(|consent| consent.at);
        self.consent_at = self.consent_at.max(consent_at);
        apply_attributes(&mut self.attributes, &changes.profile.attributes);
        self.updated_at = changes.updated_at.or(self.updated_at);
        if let CustomerEvent::Absorbed(absorbed) = &event
            && !absorbed.tags.is_empty()
        {
            self.fields.insert("tags".to_owned(), UNKNOWN_TAGS);
        }
    }
}
