//! What does not fit.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{CampaignStatus, CustomerId, DeterminedOutcome, MessageId, MessageStatus};
use eventlog::{Log, Positions};

use super::ledger::Ledger;
use super::refusals::StopPeriods;
use super::{
    Discrepancy, DiscrepancyKind, Launched, MAX_DISCREPANCIES, ROUNDS, ReconcileError,
    Reconciliation, have_caught_up,
};
use crate::campaign_stats::CampaignStats;
use crate::messages::Messages;
use crate::view::View;
use crate::{Store, Withheld};

/// Messages asked for at once.
const BATCH: usize = 5_000;

/// How many messages are how far.
type Counts = BTreeMap<MessageStatus, u64>;

/// Holds ledgers of all partitions, in order, against everything else.
pub(super) struct Judge<'a> {
    log: &'a Log,
    launched: &'a Launched,
    ledgers: Vec<Ledger>,
    whole: Reconciliation,
    /// What the views could not fold of the campaign.
    withheld: Vec<Withheld>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(log: &'a Log, launched: &'a Launched, ledgers: Vec<Ledger>) -> Self {
        Self {
            log,
            launched,
            ledgers,
            whole: Reconciliation::default(),
            withheld: Vec::new(),
        }
    }

    /// Holds the views against the log, where they get to the same place. What
    /// changes while they are read is compared again; a campaign that never
    /// rests that long is not.
    pub(super) async fn compare_views(&mut self, store: &Store) -> Result<(), ReconcileError> {
        for _ in 0..ROUNDS {
            let ends: Positions = self.ledgers.iter().map(Ledger::at).collect();
            if !have_caught_up(store, &ends).await? {
                return Ok(());
            }
            let counts = self.counts();
            let before = store.withheld_of(&self.launched.campaign).await?;
            let shown = self.statistics(store).await?;
            let differing = self.differing(store).await?;
            let after = store.withheld_of(&self.launched.campaign).await?;
            if self.go_on().await?.is_empty() && before == after {
                self.whole.views_compared = true;
                self.withheld = after;
                if !self
                    .withheld
                    .iter()
                    .any(|one| one.view == CampaignStats::NAME)
                {
                    self.judge_statistics(&counts, &shown);
                }
                for (customer, detail) in differing {
                    if !self.is_withheld(&customer) {
                        self.tell(DiscrepancyKind::ViewDiffers, Some(customer), detail);
                    }
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether the customer's message has an event that could not be folded.
    fn is_withheld(&self, customer: &CustomerId) -> bool {
        let id = MessageId {
            campaign: self.launched.campaign.clone(),
            customer: customer.clone(),
        };
        let id = id.to_string();
        self.withheld
            .iter()
            .any(|one| one.view == Messages::NAME && one.document == id)
    }

    /// What it all comes to. `stops` must be read after the ledgers, so that
    /// they include every resumption before a message in the ledgers.
    pub(super) fn verdict(mut self, stops: &StopPeriods) -> Reconciliation {
        let counts = self.counts();
        let count = |status| counts.get(&status).copied().unwrap_or_default();
        let delivered = count(MessageStatus::Delivered);
        self.whole.sent = count(MessageStatus::Sent) + delivered;
        self.whole.delivered = delivered;
        self.whole.failed = count(MessageStatus::Failed) + count(MessageStatus::Undeliverable);
        self.whole.suppressed = count(MessageStatus::Suppressed);
        self.whole.pending = count(MessageStatus::Queued);
        self.whole.awaiting_receipt = count(MessageStatus::Sent);
        let awaiting = self.ledgers.iter().flat_map(|l| l.awaiting.values());
        self.whole.awaiting_since = awaiting.min().copied();
        self.settle_undetermined();
        self.whole.withheld = self.withheld.clone();
        self.whole.withheld.truncate(MAX_DISCREPANCIES);
        self.whole.texts_compared = !self.ledgers.iter().any(|l| l.has_unchecked_texts);
        self.judge_size(counts.values().sum());
        self.judge_recipients(stops);
        self.whole
    }

    /// Takes those who were undetermined at the launch for what the campaign
    /// recorded, whatever this program makes of their events: with a message they
    /// were meant, and without one they count beside the others.
    fn settle_undetermined(&mut self) {
        let Launched {
            undetermined,
            determined,
            size,
            ..
        } = self.launched;
        // More than the campaign lists.
        let recorded = size.map_or(0, |size| size.undetermined);
        let mut unlisted = recorded.saturating_sub(undetermined.len() as u64);
        for ledger in &mut self.ledgers {
            let mut known: HashSet<CustomerId> = std::mem::take(&mut ledger.undetermined);
            if size.is_some() {
                let listed = ledger.expected.iter();
                let listed = listed.filter(|id| undetermined.contains(*id)).cloned();
                known.extend(listed.collect::<Vec<_>>());
            }
            for customer in known {
                match ledger.messages.contains_key(&customer) {
                    true => drop(ledger.expected.insert(customer)),
                    false => {
                        ledger.expected.remove(&customer);
                        let is_not_meant =
                            determined.get(&customer) == Some(&DeterminedOutcome::NotMeant);
                        self.whole.undetermined += u64::from(!is_not_meant);
                    }
                }
            }
            let missing = ledger.expected.iter();
            let missing = missing
                .filter(|id| !ledger.messages.contains_key(*id))
                .cloned();
            for customer in missing.take(unlisted as usize).collect::<Vec<_>>() {
                ledger.expected.remove(&customer);
                self.whole.undetermined += 1;
                unlisted -= 1;
            }
            self.whole.planned += ledger.expected.len() as u64;
        }
    }

    fn judge_recipients(&mut self, stops: &StopPeriods) {
        for ledger in std::mem::take(&mut self.ledgers) {
            for (kind, faults) in [
                (DiscrepancyKind::SentAfterUnsubscribe, ledger.unwanted),
                (DiscrepancyKind::TextDiffers, ledger.differing_texts),
            ] {
                for (customer, detail) in faults.listed {
                    self.tell(kind, Some(customer), detail);
                }
                self.whole.found += faults.others;
            }
            for (customer, began_at) in ledger.begun {
                if let Some(detail) = stops.judge(began_at) {
                    self.tell(DiscrepancyKind::SentAfterStop, Some(customer), detail);
                }
            }
            let unexpected = ledger.messages.keys();
            let unexpected = unexpected.filter(|id| !ledger.expected.contains(*id));
            let mut unexpected: Vec<_> = unexpected.cloned().collect();
            unexpected.sort_unstable();
            for customer in unexpected {
                let detail = "has a message and was not meant".to_owned();
                self.tell(DiscrepancyKind::UnexpectedMessage, Some(customer), detail);
            }
            let missing = ledger.expected.into_iter();
            let missing = missing.filter(|id| !ledger.messages.contains_key(id));
            let mut missing: Vec<_> = missing.collect();
            missing.sort_unstable();
            for customer in missing {
                if !self.is_withheld(&customer) {
                    self.judge_missing(customer);
                }
            }
        }
    }

    /// Somebody was meant and has no message: until all are queued that is no
    /// more than early, and a campaign cancelled before that leaves them out.
    fn judge_missing(&mut self, customer: CustomerId) {
        match (self.launched.size, self.launched.status) {
            (Some(_), _) => {
                let detail = "was meant and has no message".to_owned();
                self.tell(DiscrepancyKind::MissingMessage, Some(customer), detail);
            }
            (None, CampaignStatus::Cancelled) => self.whole.suppressed += 1,
            (None, _) => self.whole.pending += 1,
        }
    }

    fn judge_size(&mut self, messages: u64) {
        let Some(size) = self.launched.size else {
            return;
        };
        let recorded = size.queued + size.suppressed;
        for (what, recorded, counted) in [
            ("recipients", size.planned, self.whole.planned),
            ("messages", recorded, messages),
        ] {
            if recorded != counted {
                let detail =
                    format!("the campaign recorded {recorded} {what}, the log has {counted}");
                self.tell(DiscrepancyKind::SizeDiffers, None, detail);
            }
        }
    }

    fn judge_statistics(&mut self, counts: &Counts, shown: &Counts) {
        for status in MessageStatus::ALL {
            let of = |counts: &Counts| counts.get(&status).copied().unwrap_or_default();
            let (counted, shown) = (of(counts), of(shown));
            if counted != shown {
                let name = status.name();
                let detail = format!("the statistics have {shown} {name}, the log has {counted}");
                self.tell(DiscrepancyKind::StatisticsDiffer, None, detail);
            }
        }
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        for status in self
            .ledgers
            .iter()
            .flat_map(|ledger| ledger.messages.values())
        {
            *counts.entry(*status).or_default() += 1;
        }
        counts
    }

    async fn statistics(&self, store: &Store) -> Result<Counts, ReconcileError> {
        let id = &self.launched.campaign;
        let figures = store.campaign_stats(&[id]).await?.remove(id);
        let by_status = figures.map(|figures| figures.by_status).unwrap_or_default();
        let counts = MessageStatus::ALL.map(|status| (status, by_status.of(status) as u64));
        Ok(counts.into())
    }

    /// What the view `messages` has otherwise than the log, or has not.
    async fn differing(&self, store: &Store) -> Result<Vec<(CustomerId, String)>, ReconcileError> {
        let ledgers = self.ledgers.iter().flat_map(|ledger| &ledger.messages);
        let mut unseen: HashMap<&CustomerId, MessageStatus> =
            ledgers.map(|(id, status)| (id, *status)).collect();
        let mut differing = Vec::new();
        for status in MessageStatus::ALL {
            let mut after: Option<MessageId> = None;
            loop {
                let page = self.page(store, status, after.as_ref()).await?;
                for id in &page {
                    match unseen.remove(&id.customer) {
                        Some(logged) if logged == status => {}
                        logged => differing.push(told(&id.customer, Some(status), logged)),
                    }
                }
                match page.into_iter().last() {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
        }
        let absent = unseen.into_iter();
        differing.extend(absent.map(|(id, logged)| told(id, None, Some(logged))));
        differing.sort_unstable();
        Ok(differing)
    }

    async fn page(
        &self,
        store: &Store,
        status: MessageStatus,
        after: Option<&MessageId>,
    ) -> Result<Vec<MessageId>, ReconcileError> {
        let after = after.map(MessageId::to_string);
        let campaign = &self.launched.campaign;
        let statuses = [status];
        let page = store.messages_with(campaign, &statuses, after.as_deref(), BATCH);
        Ok(page.await?)
    }

    /// Reads the log on. Returns whose messages have changed.
    async fn go_on(&mut self) -> Result<HashSet<CustomerId>, ReconcileError> {
        let mut touched = HashSet::new();
        for ledger in &mut self.ledgers {
            touched.extend(ledger.go_on(self.log).await?);
        }
        Ok(touched)
    }

    fn tell(&mut self, kind: DiscrepancyKind, customer: Option<CustomerId>, detail: String) {
        self.whole.found += 1;
        if self.whole.discrepancies.len() < MAX_DISCREPANCIES {
            self.whole.discrepancies.push(Discrepancy {
                kind,
                customer,
                detail,
            });
        }
    }
}

fn told(
    customer: &CustomerId,
    shown: Option<MessageStatus>,
    logged: Option<MessageStatus>,
) -> (CustomerId, String) {
    let word = |status: Option<MessageStatus>| status.map_or("not there", MessageStatus::name);
    let detail = format!(
        "is {} in the view and {} in the log",
        word(shown),
        word(logged)
    );
    (customer.clone(), detail)
}
