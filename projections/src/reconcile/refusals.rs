//! Messages that were sent although they were not to be any more: to customers
//! who had unsubscribed, or of a campaign that was paused or cancelled.

use std::collections::{HashMap, HashSet};

use domain::{CampaignEvent, CampaignId, Change, CustomerId, Event, Handover, Subject, Timestamp};
use eventlog::{Entry, Log};

use super::DiscrepancyKind;
use crate::replay::read;
use crate::{EntryReader, ProjectError, Recorded};

/// How much later than a refusal a request may begin. A sender reads the heads
/// at most 200 ms before; the rest is for clocks that differ, and for the time
/// that a refusal takes to be recorded.
const GRACE_MS: i64 = 1_000;

/// Something that was said at some time: that no messages are wanted, or that
/// they are again.
#[derive(Debug, Clone, Copy)]
struct Word {
    /// The event's number in its partition.
    number: u64,
    /// When it was recorded.
    at: Timestamp,
    refuses: bool,
}

/// When a campaign was paused or cancelled, and when it went on.
#[derive(Debug, Clone, Default)]
pub(super) struct Stops(Vec<Word>);

/// Which customers have unsubscribed, and when.
#[derive(Debug, Default)]
pub(super) struct Unsubscribed(HashMap<CustomerId, Vec<Word>>);

impl Stops {
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
            if let Some(event) = read(&mut reader, entry)? {
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
        self.0.push(word(event, refuses));
    }

    /// What is wrong with a message that was handed over like this.
    pub(super) fn judge(&self, handover: &Handover) -> Option<(DiscrepancyKind, String)> {
        let late = late_by(&self.0, handover.began_at?)?;
        let detail = format!("was sent {late} ms after the campaign was paused or cancelled");
        Some((DiscrepancyKind::SentAfterStop, detail))
    }
}

impl Unsubscribed {
    /// Whether an entry may say that a customer unsubscribes or subscribes
    /// again, so that only these are read.
    pub(super) fn may_concern(entry: &Entry) -> bool {
        entry.key.starts_with("customer/") && entry.data.contains("\"unsubscribed\"")
    }

    /// Takes in what an event says of its customer, if it says anything.
    pub(super) fn note(&mut self, event: &Recorded) {
        let (Subject::Customer(customer), Event::Customer(happened)) =
            (&event.subject, &event.event)
        else {
            return;
        };
        let refuses = match happened.changes().unsubscribed {
            Change::Keep => return,
            Change::Clear => false,
            Change::Set(unsubscribed) => unsubscribed,
        };
        // Most have never unsubscribed, and take no memory.
        if refuses || self.0.contains_key(customer) {
            let words = self.0.entry(customer.clone()).or_default();
            words.push(word(event, refuses));
        }
    }

    /// Forgets everybody else.
    pub(super) fn keep(&mut self, customers: &HashSet<CustomerId>) {
        self.0.retain(|customer, _| customers.contains(customer));
    }

    /// What is wrong with a message to this customer that was handed over like
    /// this.
    pub(super) fn judge(
        &self,
        customer: &CustomerId,
        handover: &Handover,
    ) -> Option<(DiscrepancyKind, String)> {
        let words = self.0.get(customer)?;
        let known = handover.customer_seen.and_then(|seen| {
            let last = words.iter().rev().find(|word| word.number <= seen)?;
            last.refuses.then_some(last.number)
        });
        let detail = match known {
            Some(number) => format!(
                "was sent though the sender had read event {number}, by which the customer unsubscribed"
            ),
            None => {
                let late = late_by(words, handover.began_at?)?;
                format!("was sent {late} ms after the customer had unsubscribed")
            }
        };
        Some((DiscrepancyKind::SentAfterUnsubscribe, detail))
    }
}

fn word(event: &Recorded, refuses: bool) -> Word {
    Word {
        number: event.position.number,
        at: event.metadata.at,
        refuses,
    }
}

/// By how many milliseconds a request that began at this time came after a
/// refusal that held then, if by more than [`GRACE_MS`].
fn late_by(words: &[Word], began_at: Timestamp) -> Option<i64> {
    let last = words.iter().rev().find(|word| word.at <= began_at)?;
    let late = began_at.millis() - last.at.millis();
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

    /// Ada unsubscribes in event 3 at 10 s and subscribes again in event 8 at
    /// 20 s. How a message begun at this time is judged, whose sender had read
    /// this event.
    fn judged(began_at: Option<i64>, customer_seen: Option<u64>) -> Option<String> {
        let word = |number, at, refuses| Word {
            number,
            at: instant(at),
            refuses,
        };
        let words = vec![word(3, 10_000, true), word(8, 20_000, false)];
        let unsubscribed = Unsubscribed(HashMap::from([(ada(), words)]));
        let handover = Handover {
            vendor_message_id: "vm_1".to_owned().try_into().unwrap(),
            began_at: began_at.map(instant),
            customer_seen,
        };
        let (kind, detail) = unsubscribed.judge(&ada(), &handover)?;
        assert_eq!(kind, DiscrepancyKind::SentAfterUnsubscribe);
        Some(detail)
    }

    #[test]
    fn a_second_after_the_refusal_a_request_is_late() {
        for in_time in [9_000, 10_000, 11_000, 20_000, 60_000] {
            assert_eq!(judged(Some(in_time), None), None, "{in_time}");
        }
        for late in [11_001, 19_999] {
            let detail = format!(
                "was sent {} ms after the customer had unsubscribed",
                late - 10_000
            );
            assert_eq!(judged(Some(late), Some(2)), Some(detail));
        }
    }

    #[test]
    fn what_the_sender_had_read_counts_whatever_the_clocks_say() {
        for seen in [3, 7] {
            let detail = judged(Some(0), Some(seen)).unwrap();
            assert!(detail.contains("had read event 3,"), "{detail}");
        }
        for seen in [0, 2, 8, 9] {
            assert_eq!(judged(Some(0), Some(seen)), None, "{seen}");
        }
    }

    #[test]
    fn what_older_senders_recorded_is_not_judged() {
        assert_eq!(judged(None, None), None);
    }
}
