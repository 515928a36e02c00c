//! Follower of merged customers: copies what was recorded about them to the customers
//! they were merged into, and what is recorded later.
//!
//! The view `customers` says which merged customers have events that are not copied.
//! Their events are read through the audit trail in the order of the log, and copied
//! page by page. Then the merged customer's own history says how far that went. Every
//! step can be repeated, so a crash loses and doubles nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use commands::{CommandError, Commands, Context, LaterData, Merge, MovedOrders};
use domain::{
    ActivityId, Change, CustomerChanges, CustomerEvent, CustomerId, Event, Move, OrderEvent,
    Subject,
};
use eventlog::{Log, LogError};
use projections::{EntryReader, QueryError, ReadError, Store, Topics};
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::periodic::{NextRun, Periodic, PeriodicTask};
use crate::shared::SharedResources;

/// Actor of the recorded events.
const ACTOR: &str = "worker:merging";

/// Longest time between two checks.
const LOOK: Duration = Duration::from_secs(5);

/// Shortest time between two checks. Every order gives a notice.
const SHORTEST: Duration = Duration::from_millis(200);

/// Number of merged customers that one run copies from.
const CUSTOMERS: usize = 100;

/// Number of events that are copied before the progress is recorded.
const PAGE: usize = 500;

/// Number of events without anything to copy after which the progress is recorded
/// too, so that they are not read again.
const SKIPPED: usize = 1_000;

const TASK: Periodic = Periodic {
    name: "copy merged customers",
    topics: Topics::CUSTOMERS,
    after_failure: LOOK,
};

/// Copies merged customers until stopped.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    TASK.run(shared, stop, Merging).await;
}

struct Merging;

impl PeriodicTask for Merging {
    type Error = MergingError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, MergingError> {
        let follower = Follower {
            store: &shared.store,
            log: &shared.log,
            commands: &shared.commands,
        };
        let mut failure = None;
        for customer in shared.store.merges_under_way(CUSTOMERS).await? {
            // One that cannot be copied does not hold up the others.
            if let Err(error) = follower.follow(&customer).await {
                tracing::warn!(%error, "a merged customer is not copied yet");
                failure = Some(error);
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(NextRun {
                least: SHORTEST,
                most: LOOK,
            }),
        }
    }
}

/// Reason why a merged customer is not copied. The work is retried.
#[derive(Debug, thiserror::Error)]
enum MergingError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("{0} cannot be read: {1}")]
    Unreadable(eventlog::Position, ReadError),
}

struct Follower<'a> {
    store: &'a Store,
    log: &'a Log,
    commands: &'a Commands,
}

/// What a page of events holds for the other customer.
#[derive(Default)]
struct Page {
    /// The customer's data after the merge.
    data: Vec<LaterData>,
    orders: BTreeSet<domain::OrderId>,
    /// Activities, each with whether it was recorded after the merge.
    activities: BTreeMap<ActivityId, bool>,
    /// Number of the last event.
    last: u64,
    /// Whether there is anything to copy.
    has_content: bool,
    events: usize,
}

impl Follower<'_> {
    /// Copies what is not copied of a merged customer.
    async fn follow(&self, customer: &CustomerId) -> Result<(), MergingError> {
        let Some(merge) = self.commands.merge_of(customer).await? else {
            return Ok(());
        };
        let context = context();
        if merge.forwarded < merge.at.number {
            self.commands.take_over_data(&context, &merge).await?;
        }
        let (mut at, mut skipped) = (merge.forwarded, 0);
        let mut moved = MovedOrders::default();
        loop {
            let page = self.read(&merge, at).await?;
            if page.events == 0 {
                break;
            }
            at = page.last;
            skipped += page.events;
            if page.has_content || skipped >= SKIPPED {
                let copied = self.copy(&context, &merge, page).await?;
                moved.moved += copied.moved;
                moved.kept += copied.kept;
                self.commands.record_forwarded(&context, &merge, at).await?;
                skipped = 0;
            }
        }
        if moved != MovedOrders::default() {
            tracing::info!(
                orders = moved.moved,
                kept = moved.kept,
                "orders of a merged customer were moved"
            );
        }
        Ok(())
    }

    async fn read(&self, merge: &Merge, after: u64) -> Result<Page, MergingError> {
        let events = self
            .store
            .customer_events(self.log, &merge.customer, after, PAGE)
            .await?;
        let mut reader = EntryReader::default();
        let mut page = Page::default();
        for (position, entry) in events.iter().zip(self.log.entries(&events).await?) {
            let what = || "an event of the audit trail is missing".to_owned();
            let at = *position;
            let entry = entry.ok_or_else(|| LogError::Damaged { at, what: what() })?;
            match reader.read(entry) {
                Ok(recorded) => {
                    page.add(recorded.subject, recorded.event, at.number, merge.at.number);
                }
                Err(_) if self.commands.is_event_skipped(at).await? => page.pass(at.number),
                Err(error) => return Err(MergingError::Unreadable(at, error)),
            }
        }
        Ok(page)
    }

    async fn copy(
        &self,
        context: &Context,
        merge: &Merge,
        page: Page,
    ) -> Result<MovedOrders, MergingError> {
        let commands = self.commands;
        if !page.data.is_empty() {
            commands.forward_data(context, merge, page.data).await?;
        }
        if !page.activities.is_empty() {
            commands
                .copy_activities(context, merge, page.activities)
                .await?;
        }
        let orders: Vec<_> = page.orders.into_iter().collect();
        Ok(commands.move_orders(context, merge, orders).await?)
    }
}

impl Page {
    /// Passes over an event.
    fn pass(&mut self, number: u64) {
        self.events += 1;
        self.last = number;
    }

    fn add(&mut self, subject: Subject, event: Event, number: u64, merged_at: u64) {
        self.pass(number);
        let is_later = number > merged_at;
        match (subject, event) {
            (Subject::Order(_, order), Event::Order(event)) => {
                // One that moved alone may have been copied just before.
                let is_copied = matches!(
                    event,
                    OrderEvent::Moved {
                        how: Move::WithCustomer | Move::LeftOut,
                        ..
                    }
                );
                if is_copied {
                    return;
                }
                self.orders.insert(order);
            }
            (Subject::Activity(_, activity), Event::Activity(_)) => {
                let later = self.activities.entry(activity).or_default();
                *later |= is_later;
            }
            (_, Event::Customer(event)) => match event {
                CustomerEvent::Registered(changes) | CustomerEvent::Updated(changes) => {
                    self.add_data(number, changes, false, is_later);
                }
                CustomerEvent::Absorbed(absorbed) => {
                    let fills = absorbed.fills;
                    let mut changes = absorbed.changes;
                    if fills && !absorbed.tags.is_empty() {
                        changes.tags = Change::Set(absorbed.tags);
                    }
                    self.add_data(number, changes, fills, is_later);
                }
                CustomerEvent::Merged { .. } => {}
                CustomerEvent::Forwarded { .. } => return,
            },
            // Messages stay with the customer to whom they were sent.
            _ => return,
        }
        self.has_content = true;
    }

    /// Adds data, unless it is from before the merge: that is taken over as a whole.
    fn add_data(&mut self, number: u64, changes: CustomerChanges, fills: bool, is_later: bool) {
        if is_later {
            self.data.push(LaterData {
                number,
                changes,
                fills,
            });
        }
    }
}

fn context() -> Context {
    Context {
        actor: ACTOR.to_owned(),
        request: None,
        address: None,
        now: now(),
    }
}
