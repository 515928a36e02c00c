//! Comparison of the log with the campaign's records and the views.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use domain::{
    AddressId, CampaignStatus, CustomerId, DeterminedOutcome, MessageCount, MessageId,
    MessageStatus,
};
use eventlog::{Log, Positions};

use super::duplicates::AddressUses;
use super::ledger::CampaignLedger;
use super::opt_outs::UnsubscribedAddresses;
use super::refusals::StopPeriods;
use super::report::{
    Discrepancy, DiscrepancyKind, LaunchedCampaign, MAX_DISCREPANCIES, ReconcileError,
    Reconciliation,
};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;
use crate::runtime::wait::WaitError;
use crate::runtime::withheld::Withheld;
use crate::views::campaign_stats::CampaignStats;
use crate::views::messages::Messages;

/// Time for the views to reach the positions that the log was read up to.
const PATIENCE: Duration = Duration::from_secs(3);

/// Maximum number of attempts to compare the views while the campaign keeps
/// changing.
const ROUNDS: usize = 5;

/// Number of messages read from the view at once.
const BATCH: usize = 5_000;

/// Number of messages by status.
type Counts = BTreeMap<MessageStatus, u64>;

/// Number of events that change no status.
#[derive(Clone, Copy, PartialEq, Eq)]
struct EventCounts {
    complained: u64,
    refused_receipts: u64,
}

/// Comparison of the ledgers of all partitions with the campaign's records and
/// the views.
pub(super) struct Judge<'a> {
    log: &'a Log,
    launched: &'a LaunchedCampaign,
    ledgers: Vec<CampaignLedger>,
    result: Reconciliation,
    /// Events of the campaign that the views could not fold.
    withheld: Vec<Withheld>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        log: &'a Log,
        launched: &'a LaunchedCampaign,
        ledgers: Vec<CampaignLedger>,
    ) -> Self {
        Self {
            log,
            launched,
            ledgers,
            result: Reconciliation::default(),
            withheld: Vec::new(),
        }
    }

    /// Compares the views with the log once both are at the same positions. If
    /// the campaign changes while the views are read, they are compared again,
    /// [`ROUNDS`] times at most. If the campaign changes during every attempt,
    /// the views stay uncompared.
    pub(super) async fn compare_views(&mut self, store: &Store) -> Result<(), ReconcileError> {
        for _ in 0..ROUNDS {
            let ends: Positions = self.ledgers.iter().map(CampaignLedger::at).collect();
            if !have_caught_up(store, &ends).await? {
                return Ok(());
            }
            let (counts, events) = (self.counts(), self.events());
            let before = store.withheld_of(&self.launched.campaign).await?;
            let shown = self.statistics(store).await?;
            let differing = self.differing(store).await?;
            let after = store.withheld_of(&self.launched.campaign).await?;
            // The comparison counts only if neither the campaign's messages nor
            // the quarantine changed while the views were read.
            if self.catch_up().await?.is_empty() && before == after {
                self.result.views_compared = true;
                self.withheld = after;
                if !self
                    .withheld
                    .iter()
                    .any(|one| one.view == CampaignStats::NAME)
                {
                    self.judge_statistics(&counts, &shown.0);
                    self.judge_events(events, shown.1);
                }
                for (customer, detail) in differing {
                    if !self.is_withheld(&customer) {
                        self.report(DiscrepancyKind::ViewDiffers, Some(customer), detail);
                    }
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns whether the customer's message has an event that could not be
    /// folded.
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

    /// Returns the addresses that got a message after an opt-out with them. It may
    /// have been lifted by then, which only the address's history shows.
    pub(super) fn doubtful_addresses(&self) -> HashSet<AddressId> {
        let mut doubtful = HashSet::new();
        for ledger in &self.ledgers {
            for message in &ledger.begun {
                let address = ledger.addresses.get(&message.customer).copied();
                // The address is in another partition than the customer.
                let has_opt_out = |address: &AddressId| {
                    let mut ledgers = self.ledgers.iter();
                    ledgers.any(|other| other.opt_outs.may_precede(*address, message.at))
                };
                doubtful.extend(address.filter(has_opt_out));
            }
        }
        doubtful
    }

    /// Returns the result. `stops` and the histories of the doubtful addresses must
    /// be read after the ledgers, so that they include every resumption and every
    /// lifted opt-out before a message in the ledgers.
    pub(super) fn verdict(
        mut self,
        stops: &StopPeriods,
        unsubscribed: &UnsubscribedAddresses,
    ) -> Reconciliation {
        let counts = self.counts();
        let count = |status| counts.get(&status).copied().unwrap_or_default();
        let counted = |of: MessageCount| {
            let statuses = counts.iter().filter(|(status, _)| status.count() == of);
            statuses.map(|(_, count)| count).sum::<u64>()
        };
        self.result.sent = counted(MessageCount::Sent);
        self.result.failed = counted(MessageCount::Failed);
        self.result.suppressed = counted(MessageCount::Suppressed);
        self.result.pending = counted(MessageCount::Pending);
        self.result.delivered = count(MessageStatus::Delivered);
        self.result.awaiting_receipt = count(MessageStatus::Sent);
        self.result.unconfirmed = count(MessageStatus::Unconfirmed);
        self.result.bounced = count(MessageStatus::Bounced);
        self.result.rejected = count(MessageStatus::Rejected);
        self.result.undeliverable = count(MessageStatus::Undeliverable);
        let events = self.events();
        self.result.complained = events.complained;
        self.result.refused_receipts = events.refused_receipts;
        let awaiting = self.ledgers.iter().flat_map(|l| l.awaiting.values());
        self.result.awaiting_since = awaiting.min().copied();
        self.settle_undetermined();
        self.result.withheld = self.withheld.clone();
        self.result.withheld.truncate(MAX_DISCREPANCIES);
        self.result.texts_compared = !self.ledgers.iter().any(|l| l.has_unchecked_texts);
        self.judge_size(counts.values().sum());
        self.judge_addresses();
        self.judge_recipients(stops, unsubscribed);
        self.result
    }

    /// Settles the customers who were undetermined at the launch by the
    /// campaign's records, even if this program can fold their events:
    /// customers with a message were recipients, and customers without one are
    /// counted separately.
    fn settle_undetermined(&mut self) {
        let LaunchedCampaign {
            undetermined,
            determined,
            size,
            ..
        } = self.launched;
        // The campaign lists only some of its undetermined customers.
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
                        let is_unmatched =
                            determined.get(&customer) == Some(&DeterminedOutcome::Unmatched);
                        self.result.undetermined += u64::from(!is_unmatched);
                    }
                }
            }
            let missing = ledger.expected.iter();
            let missing = missing
                .filter(|id| !ledger.messages.contains_key(*id))
                .cloned();
            for customer in missing.take(unlisted as usize).collect::<Vec<_>>() {
                ledger.expected.remove(&customer);
                self.result.undetermined += 1;
                unlisted -= 1;
            }
            self.result.planned += ledger.expected.len() as u64;
        }
    }

    fn judge_recipients(&mut self, stops: &StopPeriods, unsubscribed: &UnsubscribedAddresses) {
        for ledger in std::mem::take(&mut self.ledgers) {
            for (kind, faults) in [
                (
                    DiscrepancyKind::SentAfterUnsubscribe,
                    ledger.sent_after_unsubscribe,
                ),
                (DiscrepancyKind::TextDiffers, ledger.differing_texts),
            ] {
                for (customer, detail) in faults.listed {
                    self.report(kind, Some(customer), detail);
                }
                self.result.found += faults.others;
            }
            for message in ledger.begun {
                let address = ledger.addresses.get(&message.customer);
                let address = address.filter(|_| !message.is_after_unsubscribe);
                let by_another = address.and_then(|id| unsubscribed.judge(*id, message.at));
                for (kind, detail) in [
                    (DiscrepancyKind::SentAfterUnsubscribe, by_another),
                    (DiscrepancyKind::SentAfterStop, stops.judge(message.at)),
                ] {
                    if let Some(detail) = detail {
                        self.report(kind, Some(message.customer.clone()), detail);
                    }
                }
            }
            let unexpected = ledger.messages.keys();
            let unexpected = unexpected.filter(|id| !ledger.expected.contains(*id));
            let mut unexpected: Vec<_> = unexpected.cloned().collect();
            unexpected.sort_unstable();
            for customer in unexpected {
                let detail = "has a message but is not a recipient".to_owned();
                self.report(DiscrepancyKind::UnexpectedMessage, Some(customer), detail);
            }
            let missing = ledger.expected.into_iter();
            let missing = missing.filter(|id| !ledger.messages.contains_key(id));
            let mut missing: Vec<_> = missing.collect();
            missing.sort_unstable();
            for customer in missing {
                if self.is_withheld(&customer) {
                    continue;
                }
                // Until all messages are queued, a recipient without one is only
                // pending, and a campaign that was cancelled before that leaves
                // it out.
                match (self.launched.size, self.launched.status) {
                    (Some(_), _) => {
                        let detail = "is a recipient but has no message".to_owned();
                        self.report(DiscrepancyKind::MissingMessage, Some(customer), detail);
                    }
                    (None, CampaignStatus::Cancelled) => self.result.suppressed += 1,
                    (None, _) => self.result.pending += 1,
                }
            }
        }
    }

    fn judge_addresses(&mut self) {
        let uses = self
            .ledgers
            .iter_mut()
            .map(|ledger| std::mem::take(&mut ledger.recipients));
        let is_resolved = self.launched.size.is_some();
        for (kind, customer, detail) in AddressUses::all(uses).judge(is_resolved) {
            self.report(kind, Some(customer), detail);
        }
    }

    fn judge_size(&mut self, messages: u64) {
        let Some(size) = self.launched.size else {
            return;
        };
        let recorded = size.queued + size.suppressed;
        for (what, recorded, counted) in [
            ("recipients", size.planned, self.result.planned),
            ("messages", recorded, messages),
        ] {
            if recorded != counted {
                let detail =
                    format!("the campaign recorded {recorded} {what}, the log has {counted}");
                self.report(DiscrepancyKind::SizeDiffers, None, detail);
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
                self.report(DiscrepancyKind::StatisticsDiffer, None, detail);
            }
        }
    }

    fn judge_events(&mut self, counted: EventCounts, shown: EventCounts) {
        for (what, counted, shown) in [
            ("complained", counted.complained, shown.complained),
            (
                "refused receipts",
                counted.refused_receipts,
                shown.refused_receipts,
            ),
        ] {
            if counted != shown {
                let detail = format!("the statistics have {shown} {what}, the log has {counted}");
                self.report(DiscrepancyKind::StatisticsDiffer, None, detail);
            }
        }
    }

    fn events(&self) -> EventCounts {
        let ledgers = self.ledgers.iter();
        EventCounts {
            complained: ledgers.clone().map(|ledger| ledger.complained).sum(),
            refused_receipts: ledgers.map(|ledger| ledger.refused_receipts).sum(),
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

    async fn statistics(&self, store: &Store) -> Result<(Counts, EventCounts), ReconcileError> {
        let id = &self.launched.campaign;
        let figures = store.campaign_stats(&[id]).await?.remove(id);
        let figures = figures.unwrap_or_default();
        let count = |status| (status, figures.by_status.of(status) as u64);
        let events = EventCounts {
            complained: figures.marks.complained as u64,
            refused_receipts: figures.refused_receipts as u64,
        };
        Ok((MessageStatus::ALL.map(count).into(), events))
    }

    /// Returns the differences between the view `messages` and the log, by
    /// customer.
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
                        logged => differing.push(difference(&id.customer, Some(status), logged)),
                    }
                }
                match page.into_iter().last() {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
        }
        let absent = unseen.into_iter();
        differing.extend(absent.map(|(id, logged)| difference(id, None, Some(logged))));
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

    /// Reads the log to its current end. Returns the customers with changed
    /// messages.
    async fn catch_up(&mut self) -> Result<HashSet<CustomerId>, ReconcileError> {
        let mut touched = HashSet::new();
        for ledger in &mut self.ledgers {
            touched.extend(ledger.catch_up(self.log).await?);
        }
        Ok(touched)
    }

    fn report(&mut self, kind: DiscrepancyKind, customer: Option<CustomerId>, detail: String) {
        self.result.found += 1;
        if self.result.discrepancies.len() < MAX_DISCREPANCIES {
            self.result.discrepancies.push(Discrepancy {
                kind,
                customer,
                detail,
            });
        }
    }
}

fn difference(
    customer: &CustomerId,
    shown: Option<MessageStatus>,
    logged: Option<MessageStatus>,
) -> (CustomerId, String) {
    let word = |status: Option<MessageStatus>| status.map_or("missing", MessageStatus::name);
    let detail = format!(
        "is {} in the view and {} in the log",
        word(shown),
        word(logged)
    );
    (customer.clone(), detail)
}

/// Waits for both views to reach these positions. Returns whether they did.
async fn have_caught_up(store: &Store, ends: &Positions) -> Result<bool, ReconcileError> {
    for view in [CampaignStats::NAME, Messages::NAME] {
        match store.wait_for(view, ends, PATIENCE).await {
            Ok(()) => {}
            Err(WaitError::Behind { .. }) => return Ok(false),
            Err(WaitError::Mongo(error)) => return Err(QueryError::from(error).into()),
        }
    }
    Ok(true)
}
