//! A partition's part of a campaign, as the log has it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;
use domain::rules::Predicate;
use domain::{
    CustomerId, Event, MessageContent, MessageEvent, MessageStatus, Renderer, ReproduceError,
    Subject, Timestamp,
};
use eventlog::{Entry, Log, Partition, Position, Positions};

use super::refusals::Unsubscribed;
use super::{Launched, MAX_DISCREPANCIES};
use crate::customers::{CustomerDocument, Customers};
use crate::quarantine::{SkippedEvents, Until};
use crate::replay::{CustomersInMemory, Replay, Replayed};
use crate::view::View;
use crate::{LongRead, ProjectError, Recorded, Store};

/// Customers asked before another task gets its turn.
const TURN: usize = 64;

/// What is looked for.
#[derive(Clone)]
pub(super) struct Plan {
    predicate: Arc<Predicate>,
    /// The deployment's time zone.
    zone: Tz,
    /// How far the log was at the launch.
    positions: Positions,
    /// What the keys of the campaign's messages end with.
    suffix: Arc<str>,
    /// Renders the campaign's texts again.
    renderer: Arc<Result<Renderer, ReproduceError>>,
}

impl Plan {
    pub(super) fn new(launched: &Launched, zone: Tz) -> Result<Self, ProjectError> {
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

    /// Why a message's text cannot be reproduced, if it cannot.
    fn text_problem(&self, message: &MessageContent) -> Option<ReproduceError> {
        match &*self.renderer {
            Ok(renderer) => renderer.reproduce(message.template, &message.content).err(),
            Err(error) => Some(error.clone()),
        }
    }

    fn is_message(&self, entry: &Entry) -> bool {
        entry.key.starts_with("message/") && entry.key.ends_with(&*self.suffix)
    }
}

/// Who was meant, and what became of each message, up to a place in the log.
pub(super) struct Ledger {
    plan: Plan,
    replay: Replay,
    /// Who was meant.
    pub(super) expected: HashSet<CustomerId>,
    /// Of whom nobody can tell whether they were.
    pub(super) undetermined: HashSet<CustomerId>,
    /// How far each message is.
    pub(super) messages: HashMap<CustomerId, MessageStatus>,
    /// Of which messages a receipt is to come, and when the vendor took each.
    pub(super) awaiting: HashMap<CustomerId, Timestamp>,
    unsubscribed: Unsubscribed,
    /// When the requests of sent messages began, where their senders recorded it.
    pub(super) begun: Vec<(CustomerId, Timestamp)>,
    /// Messages to customers who had unsubscribed.
    pub(super) unwanted: Faults,
    /// Messages whose recorded text cannot be reproduced.
    pub(super) differing_texts: Faults,
    /// Whether there are texts that only a newer program can check.
    pub(super) has_unchecked_texts: bool,
}

/// Messages with one kind of fault: [`MAX_DISCREPANCIES`] of them in detail,
/// and the number of the others.
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

impl Ledger {
    /// Reads the partition to its end.
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
            awaiting: HashMap::new(),
            unsubscribed: Unsubscribed::default(),
            begun: Vec::new(),
            unwanted: Faults::default(),
            differing_texts: Faults::default(),
            has_unchecked_texts: false,
        };
        let customers = ledger.fold_customers(skipped.await?).await?;
        ledger.choose(customers).await;
        ledger.go_on(log).await?;
        Ok(ledger)
    }

    pub(super) fn partition(&self) -> Partition {
        self.replay.at().partition
    }

    /// How far it was read.
    pub(super) fn at(&self) -> Position {
        self.replay.at()
    }

    /// Reads on to where the partition ends now. Returns whose messages have
    /// changed.
    pub(super) async fn go_on(&mut self, log: &Log) -> Result<HashSet<CustomerId>, ProjectError> {
        let end = log.last(self.partition()).await?.number;
        let mut touched = HashSet::new();
        loop {
            let plan = &self.plan;
            let events = self
                .replay
                .next(end, |entry| {
                    plan.is_message(entry) || Unsubscribed::may_concern(entry)
                })
                .await?;
            let Some(events) = events else {
                return Ok(touched);
            };
            for (index, replayed) in events.iter().enumerate() {
                // What cannot be read is withheld from the views too.
                let Replayed::Event(event) = replayed else {
                    continue;
                };
                // Texts are rendered, and others get a turn.
                if index % TURN == 0 {
                    tokio::task::yield_now().await;
                }
                self.unsubscribed.note(event);
                touched.extend(self.take_message(event));
            }
        }
    }

    /// Customers as the events up to the launch make them.
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
                }
                customers.fold(replayed);
            }
        }
        let (customers, undetermined) = customers.into_parts();
        let undetermined = undetermined.into_iter();
        // A key that cannot be read is no customer's.
        self.undetermined = undetermined.flat_map(CustomerId::try_from).collect();
        Ok(customers)
    }

    async fn choose(&mut self, customers: HashMap<String, CustomerDocument>) {
        for (index, (id, document)) in customers.into_iter().enumerate() {
            // Whoever has gone away is not computed for, and others get a turn.
            if index % TURN == 0 {
                tokio::task::yield_now().await;
            }
            if self.plan.predicate.matches(&document.facts())
                && let Ok(id) = CustomerId::try_from(id)
            {
                self.expected.insert(id);
            }
        }
        let all = self.expected.union(&self.undetermined).cloned().collect();
        self.unsubscribed.keep(&all);
    }

    fn take_message(&mut self, event: &Recorded) -> Option<CustomerId> {
        let (Subject::Message(customer, _), Event::Message(happened)) =
            (&event.subject, &event.event)
        else {
            return None;
        };
        if let MessageEvent::Sent { handover, .. } = happened {
            let began = handover.began_at.map(|at| (customer.clone(), at));
            self.begun.extend(began);
            if let Some(detail) = self.unsubscribed.judge(customer, handover) {
                self.unwanted.add(customer, detail);
            }
        }
        if let MessageEvent::Queued(content) = happened
            && let Some(problem) = self.plan.text_problem(content)
        {
            match problem.needs_newer_program() {
                true => self.has_unchecked_texts = true,
                false => self.differing_texts.add(customer, problem.to_string()),
            }
        }
        let status = happened.status()?;
        match status {
            MessageStatus::Sent => self.awaiting.insert(customer.clone(), event.metadata.at),
            _ => self.awaiting.remove(customer),
        };
        self.messages.insert(customer.clone(), status);
        Some(customer.clone())
    }
}
