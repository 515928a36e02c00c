//! Messages that were sent although they were no longer allowed: to customers
//! who had unsubscribed, or of a campaign that was paused or cancelled.

use std::collections::{HashMap, HashSet};

use domain::{CampaignEvent, CampaignId, Change, CustomerId, Event, Handover, Subject, Timestamp};
use eventlog::{Entry, Log};

use crate::runtime::error::ProjectError;
use crate::runtime::recorded::{EntryReader, Recorded};
use crate::views::customers::replay::{Replayed, read};

/// Milliseconds after a refusal within which a request may still begin. A
/// sender reads the heads at most 200 ms before the request. The rest allows
/// for clock skew, and for the time until a refusal is recorded.
pub(super) const GRACE_MS: i64 = 1_000;

/// Start of a period in which messages are refused, or allowed again.
#[derive(Debug, Clone, Copy)]
pub(super) struct PermissionChange {
    /// Number of the event in its partition.
    number: u64,
    /// Time when the event was recorded.
    at: Timestamp,
    refuses: bool,
}

/// Times when a campaign was paused or cancelled, and when it was resumed.
#[derive(Debug, Clone, Default)]
pub(super) struct StopPeriods(Vec<PermissionChange>);

/// Times when customers unsubscribed and subscribed again.
#[derive(Debug, Default)]
pub(super) struct Unsubscribed(HashMap<CustomerId, Vec<PermissionChange>>);

impl StopPeriods {
    /// Reads the campaign's own history.
    ///
    /// # Errors
    /// [`ProjectError`] if the log does not answer or cannot be read.
    pub(super) async fn read(log: &Log, campaign: &CampaignId) -> Result<Self, ProjectError> {
        let subject = Subject::Campaign(campaign.clone());
        let key = log.layout().key(subject.to_string(), subject.route());
        let mut reader = EntryReader::default();
        let mut stops = Self::default();
        for entry in log.history(&key).await? {
            if let Some(Replayed::Event(event)) = read(&mut reader, entry) {
                stops.note(&event);
            }
        }
        Ok(stops)
    }

    fn note(&mut self, event: &Recorded) {
        let refuses = match &event.event {
            Event::Campaign(CampaignEvent::Paused {} | CampaignEvent::Cancelled {}) => true,
            Event::Campaign(
                CampaignEvent::Launched(_)
                | CampaignEvent::Resumed {}
                | CampaignEvent::Retried { .. },
            ) => false,
            _ => return,
        };
        self.0.push(change(event, refuses));
    }

    /// Returns a description if a request that began at this time came too late
    /// after the campaign was paused or cancelled; `None` if it was in time.
    pub(super) fn judge(&self, began_at: Timestamp) -> Option<String> {
        let late = late_by(&self.0, began_at)?;
        Some(format!(
            "was sent {late} ms after the campaign was paused or cancelled"
        ))
    }
}

impl Unsubscribed {
    /// Returns whether an entry may change a customer's subscription. Other
    /// entries need not be decoded.
    pub(super) fn may_concern(entry: &Entry) -> bool {
        entry.key.starts_with("customer/") && entry.data.contains("\"unsubscribed\"")
    }

    /// Records a change of the customer's subscription, if the event is one.
    pub(super) fn note(&mut self, event: &Recorded) {
        let (Subject::Customer(customer), Event::Customer(happened)) =
            (&event.subject, &event.event)
        else {
            return;
        };
        let Some(changes) = happened.changes() else {
            return;
        };
        let refuses = match changes.unsubscribed {
            Change::Keep => return,
            Change::Clear => false,
            Change::Set(unsubscribed) => unsubscribed,
        };
        // Customers that never unsubscribed, the majority, take no memory.
        if refuses || self.0.contains_key(customer) {
            let changes = self.0.entry(customer.clone()).or_default();
            changes.push(change(event, refuses));
        }
    }

    /// Drops all customers but these.
    pub(super) fn keep(&mut self, customers: &HashSet<CustomerId>) {
        self.0.retain(|customer, _| customers.contains(customer));
    }

    /// Returns a description if a message to this customer should not have been
    /// sent; `None` otherwise.
    pub(super) fn judge(&self, customer: &CustomerId, handover: &Handover) -> Option<String> {
        let changes = self.0.get(customer)?;
        let seen = handover.customer_seen.unwrap_or_default();
        let read = changes.partition_point(|change| change.number <= seen);
        let (read, unread) = changes.split_at(read);
        match read.last() {
            Some(last) if last.refuses => Some(format!(
                "was sent although the sender had read event {}, the customer's unsubscription",
                last.number
            )),
            // The last change that the sender had read allowed the message, so
            // earlier changes do not count, even if the clocks disagree.
            _ => {
                let late = late_by(unread, handover.began_at?)?;
                Some(format!(
                    "was sent {late} ms after the customer had unsubscribed"
                ))
            }
        }
    }
}

pub(super) fn change(event: &Recorded, refuses: bool) -> PermissionChange {
    PermissionChange {
        number: event.position.number,
        at: event.metadata.at,
        refuses,
    }
}

/// Returns how many milliseconds after a refusal a request began, if the
/// refusal was still in force and the delay exceeds [`GRACE_MS`]. A permission
/// up to [`GRACE_MS`] after the request counts too, since the sender's clock
/// may be behind.
pub(super) fn late_by(changes: &[PermissionChange], began_at: Timestamp) -> Option<i64> {
    let late_for = |change: &PermissionChange| began_at.millis() - change.at.millis();
    let is_permitted =
        |change: &PermissionChange| !change.refuses && (-GRACE_MS..0).contains(&late_for(change));
    if changes.iter().any(is_permitted) {
        return None;
    }
    let last = changes.iter().rev().find(|change| change.at <= began_at)?;
    let late = late_for(last);
    (last.refuses && late > GRACE_MS).then_some(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn ada() -> CustomerId {
        "ada".try_into().unwrap()
    }

    /// Judges a message that began at this time, by a sender that had read this
    /// event. Ada unsubscribes in event 3 at 10 s and subscribes again in event
    /// 8 at 20 s.
    fn judged(began_at: Option<i64>, customer_seen: Option<u64>) -> Option<String> {
        let change = |number, at, refuses| PermissionChange {
            number,
            at: instant(at),
            refuses,
        };
        let changes = vec![change(3, 10_000, true), change(8, 20_000, false)];
        let unsubscribed = Unsubscribed(HashMap::from([(ada(), changes)]));
        let handover = Handover {
            vendor_message_id: "vm_1".to_owned().try_into().unwrap(),
            began_at: began_at.map(instant),
            customer_seen,
        };
        unsubscribed.judge(&ada(), &handover)
    }

    #[test]
    fn a_request_is_late_a_second_after_the_refusal() {
        for in_time in [9_000, 10_000, 11_000, 19_000, 20_000, 60_000] {
            assert_eq!(judged(Some(in_time), None), None, "{in_time}");
        }
        for late in [11_001, 18_999] {
            let detail = format!(
                "was sent {} ms after the customer had unsubscribed",
                late - 10_000
            );
            assert_eq!(judged(Some(late), Some(2)), Some(detail));
        }
    }

    #[test]
    fn events_that_the_sender_had_read_override_the_clocks() {
        for seen in [3, 7] {
            let detail = judged(Some(0), Some(seen)).unwrap();
            assert!(detail.contains("had read event 3,"), "{detail}");
        }
        for seen in [0, 2, 8, 9] {
            assert_eq!(judged(Some(0), Some(seen)), None, "{seen}");
        }
    }

    #[test]
    fn unread_events_are_judged_by_the_clock() {
        assert_eq!(judged(Some(15_000), Some(8)), None);
        assert!(judged(Some(15_000), Some(2)).is_some());
        assert!(judged(Some(15_000), None).is_some());
    }

    #[test]
    fn messages_without_a_begin_time_are_not_judged() {
        assert_eq!(judged(None, None), None);
    }
}
