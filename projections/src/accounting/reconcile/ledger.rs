//! The part of a campaign that one partition of the log contains.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;
use domain::rules::Predicate;
use domain::{
    AddressId, CustomerId, Event, MessageEvent, MessageStatus, Renderer, ReproduceError, Subject,
    Timestamp,
};
use eventlog::{Log, Partition, Position, Positions};

use super::duplicates::AddressUses;
use super::opt_outs::AddressOptOuts;
use super::refusals::Unsubscribed;
use super::report::{LaunchedCampaign, MAX_DISCREPANCIES};
use crate::runtime::decisions::{SkippedEvents, Until};
use crate::runtime::error::ProjectError;
use crate::runtime::long_read::LongRead;
use crate::runtime::recorded::Recorded;
use crate::runtime::store::Store;
use crate::runtime::view::View;
use crate::views::customers::replay::{CustomersInMemory, Replay, Replayed};
use crate::views::customers::{CustomerDocument, Customers};

/// Number of customers or events that are processed before the task yields.
const TURN: usize = 64;

/// Inputs of the reconciliation that all partitions share.
#[derive(Clone)]
pub(super) struct Plan {
    predicate: Arc<Predicate>,
    /// Time zone of the deployment.
    zone: Tz,
    /// Positions of the launch.
    positions: Positions,
    /// Suffix of the keys of the campaign's messages.
    suffix: Arc<str>,
    /// Renderer of the campaign's texts.
    renderer: Arc<Result<Renderer, ReproduceError>>,
}

impl Plan {
    pub(super) fn new(launched: &LaunchedCampaign, zone: Tz) -> Result<Self, ProjectError> {
        let launch = &launched.launch;
        let renderer = Renderer::by_rules(&launched.template, launch.template.rules);
        Ok(Self {
            zone,
            predicate: Arc::new(launch.rules.at(launch.clock)),
            positions: launch.positions.as_str().parse()?,
            suffix: format!("/{}", launched.campaign).into(),
            renderer: Arc::new(renderer.map_err(ReproduceError::from)),
        })
    }

    fn launched_at(&self, partition: Partition) -> u64 {
        self.positions.number(partition)
    }
}

/// Expected recipients and the status of each message, up to a position of the
/// partition.
pub(super) struct CampaignLedger {
    plan: Plan,
    replay: Replay,
    /// Expected recipients.
    pub(super) expected: HashSet<CustomerId>,
    /// Customers for whom it is unknown whether they are recipients.
    pub(super) undetermined: HashSet<CustomerId>,
    /// Status of each message.
    pub(super) messages: HashMap<CustomerId, MessageStatus>,
    /// Addresses of the messages that were queued, and duplicates that were not.
    pub(super) recipients: AddressUses,
    /// Number of messages that their recipient complained about.
    pub(super) complained: u64,
    /// Number of refused receipts of the campaign's messages.
    pub(super) refused_receipts: u64,
    /// Time when each message that awaits a receipt was recorded as sent.
    pub(super) awaiting: HashMap<CustomerId, Timestamp>,
    unsubscribed: Unsubscribed,
    /// Address of each expected recipient at the launch. Customers whose events are
    /// from before addresses had ids are left out.
    pub(super) addresses: HashMap<CustomerId, AddressId>,
    /// Opt-outs with the addresses of the partition.
    pub(super) opt_outs: AddressOptOuts,
    /// Sent messages for which the sender recorded the begin of the request.
    pub(super) begun: Vec<BegunMessage>,
    /// Messages to customers who had unsubscribed.
    pub(super) sent_after_unsubscribe: Faults,
    /// Messages with a recorded text that cannot be reproduced.
    pub(super) differing_texts: Faults,
    /// True if only a newer program can check some of the texts.
    pub(super) has_unchecked_texts: bool,
}

/// Message whose request to the vendor began at a known time.
pub(super) struct BegunMessage {
    pub(super) customer: CustomerId,
    pub(super) at: Timestamp,
    /// True if the customer had unsubscribed, so that the message is at fault
    /// already.
    pub(super) is_after_unsubscribe: bool,
}

/// Messages with one kind of fault. At most [`MAX_DISCREPANCIES`] are listed,
/// the others only counted.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) listed: Vec<(CustomerId, String)>,
    pub(super) others: u64,
}

impl Faults {
    fn add(&mut self, customer: &CustomerId, detail: String) {
        match self.listed.len() < MAX_DISCREPANCIES {
            true => self.listed.push((customer.clone(), detail)),
            false => self.others += 1,
        }
    }
}

impl CampaignLedger {
    /// Reads the partition to its current end.
    pub(super) async fn read(
        store: &Store,
        log: &Log,
        plan: &Plan,
        partition: Partition,
        reading: &LongRead,
    ) -> Result<Self, ProjectError> {
        let until = Until::Number(plan.launched_at(partition));
        let skipped = store.skipped_in(log, Customers::NAME, partition, until);
        let mut ledger = Self {
            plan: plan.clone(),
            replay: Replay::of(log, partition, reading),
            expected: HashSet::new(),
            undetermined: HashSet::new(),
            messages: HashMap::new(),
            recipients: AddressUses::default(),
            complained: 0,
            refused_receipts: 0,
            awaiting: HashMap::new(),
            unsubscribed: Unsubscribed::default(),
            addresses: HashMap::new(),
            opt_outs: AddressOptOuts::default(),
            begun: Vec::new(),
            sent_after_unsubscribe: Faults::default(),
            differing_texts: Faults::default(),
            has_unchecked_texts: false,
        };
        let customers = ledger.fold_customers(skipped.await?).await?;
        ledger.select_recipients(customers).await;
        ledger.catch_up(log).await?;
        Ok(ledger)
    }

    pub(super) fn partition(&self) -> Partition {
        self.replay.at().partition
    }

    /// Returns the position of the last entry read.
    pub(super) fn at(&self) -> Position {
        self.replay.at()
    }

    /// Reads the partition to its current end. Returns the customers with
    /// changed messages.
    pub(super) async fn catch_up(
        &mut self,
        log: &Log,
    ) -> Result<HashSet<CustomerId>, ProjectError> {
        let end = log.last(self.partition()).await?.number;
        let mut touched = HashSet::new();
        loop {
            let plan = &self.plan;
            let events = self
                .replay
                .next(end, |entry| {
                    let is_message =
                        entry.key.starts_with("message/") && entry.key.ends_with(&*plan.suffix);
                    is_message
                        || Unsubscribed::may_concern(entry)
                        || AddressOptOuts::may_concern(entry)
                })
                .await?;
            let Some(events) = events else {
                return Ok(touched);
            };
            for (index, replayed) in events.iter().enumerate() {
                // Entries that cannot be decoded are withheld from the views
                // too.
                let Replayed::Event(event) = replayed else {
                    continue;
                };
                // Rendering texts takes time, so yield to other tasks.
                if index % TURN == 0 {
                    tokio::task::yield_now().await;
                }
                self.unsubscribed.note(event);
                self.opt_outs.note(event);
                touched.extend(self.fold_message(event));
            }
        }
    }

    /// Folds customers up to the launch's positions.
    async fn fold_customers(
        &mut self,
        skipped: SkippedEvents,
    ) -> Result<HashMap<String, CustomerDocument>, ProjectError> {
        let end = self.plan.launched_at(self.partition());
        let mut customers = CustomersInMemory::new(self.plan.zone, skipped);
        while let Some(events) = self.replay.next(end, |_| true).await? {
            for replayed in &events {
                if let Replayed::Event(event) = replayed {
                    self.unsubscribed.note(event);
                    self.opt_outs.note(event);
                }
                customers.fold(replayed);
            }
        }
        let (customers, undetermined) = customers.into_parts();
        let undetermined = undetermined.into_iter();
        // A key that cannot be parsed belongs to no customer.
        self.undetermined = undetermined.flat_map(CustomerId::try_from).collect();
        Ok(customers)
    }

    async fn select_recipients(&mut self, customers: HashMap<String, CustomerDocument>) {
        for (index, (id, document)) in customers.into_iter().enumerate() {
            // Yield to other tasks. If the request was aborted, the work ends
            // here.
            if index % TURN == 0 {
                tokio::task::yield_now().await;
            }
            if self.plan.predicate.matches(&document.facts())
                && let Ok(id) = CustomerId::try_from(id)
            {
                if let Some(address) = document.message_address() {
                    self.addresses.insert(id.clone(), address);
                }
                self.expected.insert(id);
            }
        }
        let all = self.expected.union(&self.undetermined).cloned().collect();
        self.unsubscribed.keep(&all);
    }

    fn fold_message(&mut self, event: &Recorded) -> Option<CustomerId> {
        let (Subject::Message(customer, _), Event::Message(happened)) =
            (&event.subject, &event.event)
        else {
            return None;
        };
        if let MessageEvent::Sent { handover, .. } = happened {
            let fault = self.unsubscribed.judge(customer, handover);
            self.begun.extend(handover.began_at.map(|at| BegunMessage {
                customer: customer.clone(),
                at,
                is_after_unsubscribe: fault.is_some(),
            }));
            if let Some(detail) = fault {
                self.sent_after_unsubscribe.add(customer, detail);
            }
        }
        self.recipients.note(customer, happened);
        if let MessageEvent::Queued(message) = happened {
            let problem = match &*self.plan.renderer {
                Ok(renderer) => renderer.reproduce(message.template, &message.content).err(),
                Err(error) => Some(error.clone()),
            };
            match problem {
                None => {}
                Some(problem) if problem.needs_newer_program() => self.has_unchecked_texts = true,
                Some(problem) => self.differing_texts.add(customer, problem.to_string()),
            }
        }
        match happened {
            MessageEvent::Complained(_) => self.complained += 1,
            MessageEvent::ReceiptRefused(_) => self.refused_receipts += 1,
            _ => {}
        }
        let Some(status) = happened.status() else {
            // The statistics count these too, so a comparison must begin again.
            return happened.is_counted().then(|| customer.clone());
        };
        match status {
            MessageStatus::Sent => self.awaiting.insert(customer.clone(), event.metadata.at),
            _ => self.awaiting.remove(customer),
        };
        self.messages.insert(customer.clone(), status);
        Some(customer.clone())
    }
}
