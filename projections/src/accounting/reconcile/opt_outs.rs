//! Messages that were sent to an address with which a customer had unsubscribed.

use std::collections::HashMap;

use domain::{Address, AddressEvent, AddressId, Event, Subject, Timestamp};
use eventlog::{Entry, Log};
use futures::{StreamExt, TryStreamExt, stream};

use super::refusals::{GRACE_MS, PermissionChange, change, late_by};
use crate::runtime::error::ProjectError;
use crate::runtime::recorded::{EntryReader, Recorded};
use crate::views::customers::replay::{Replayed, read};

/// Number of addresses whose history is read concurrently.
const AT_ONCE: usize = 16;

/// Time of the first opt-out with each address of a partition. Nearly all
/// addresses with an opt-out get no message after it, and their later history
/// makes no difference.
#[derive(Debug, Default)]
pub(super) struct AddressOptOuts(HashMap<AddressId, Timestamp>);

/// Times when addresses became unsubscribed, and when they no longer were.
#[derive(Debug, Default)]
pub(super) struct UnsubscribedAddresses(HashMap<AddressId, Vec<PermissionChange>>);

impl AddressOptOuts {
    /// Returns whether an entry may be an opt-out. Other entries need not be
    /// decoded.
    pub(super) fn may_concern(entry: &Entry) -> bool {
        entry.key.starts_with("address/") && entry.tag.starts_with("address_unsubscribed.")
    }

    /// Records an opt-out with an address, if the event is one.
    pub(super) fn note(&mut self, event: &Recorded) {
        if let (Subject::Address(address), Event::Address(AddressEvent::Unsubscribed { .. })) =
            (&event.subject, &event.event)
        {
            self.0.entry(*address).or_insert(event.metadata.at);
        }
    }

    /// Returns whether the address may have been unsubscribed when a request began
    /// at this time.
    pub(super) fn may_precede(&self, address: AddressId, began_at: Timestamp) -> bool {
        let first = self.0.get(&address);
        first.is_some_and(|first| began_at.millis() - first.millis() > GRACE_MS)
    }
}

impl UnsubscribedAddresses {
    /// Reads the histories of these addresses.
    ///
    /// # Errors
    /// [`ProjectError`] if the log does not answer or cannot be read.
    pub(super) async fn read(
        log: &Log,
        addresses: impl Iterator<Item = AddressId>,
    ) -> Result<Self, ProjectError> {
        let histories = addresses.map(|address| async move {
            let subject = Subject::Address(address);
            let key = log.layout().key(subject.to_string(), subject.route());
            Ok::<_, ProjectError>((address, changes(log.history(&key).await?)))
        });
        let read = stream::iter(histories).buffer_unordered(AT_ONCE);
        Ok(Self(read.try_collect().await?))
    }

    /// Returns a description if a request that began at this time came too late
    /// after the address was unsubscribed; `None` if it was in time.
    pub(super) fn judge(&self, address: AddressId, began_at: Timestamp) -> Option<String> {
        let late = late_by(self.0.get(&address)?, began_at)?;
        Some(format!(
            "was sent {late} ms after a customer with the same address had unsubscribed"
        ))
    }
}

/// Returns when an address became unsubscribed, and when it no longer was.
fn changes(history: Vec<Entry>) -> Vec<PermissionChange> {
    let (mut reader, mut address) = (EntryReader::default(), Address::default());
    let mut changes = Vec::new();
    for entry in history {
        if let Some(Replayed::Event(event)) = read(&mut reader, entry)
            && let Event::Address(happened) = &event.event
        {
            let before = address.is_unsubscribed();
            address = address.after(happened.clone());
            if address.is_unsubscribed() != before {
                changes.push(change(&event, !before));
            }
        }
    }
    changes
}
