//! Notices of folded events, which wake waiting tasks in all processes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Subject;
use eventlog::{Log, Notice, Partition, Position, Positions};
use tokio::sync::watch;

/// Set of topics of events, so that tasks wait for some events only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Topics(u32);

impl Topics {
    /// Customers, their orders and activity.
    pub const CUSTOMERS: Self = Self(1);
    /// Campaigns.
    pub const CAMPAIGNS: Self = Self(2);
    /// Messages.
    pub const MESSAGES: Self = Self(4);
    /// Segments.
    pub const SEGMENTS: Self = Self(8);
    /// Requests to rebuild views.
    pub const VIEWS: Self = Self(16);
    /// No topic.
    pub const NONE: Self = Self(0);
    /// Every topic, other events included.
    pub const ALL: Self = Self(63);
    const OTHERS: Self = Self(32);
    const COUNT: usize = 6;

    /// Returns the topic of events about a subject.
    pub(crate) fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Customer(_) | Subject::Order(..) | Subject::Activity(..) => Self::CUSTOMERS,
            Subject::Campaign(_) => Self::CAMPAIGNS,
            Subject::Message(..) => Self::MESSAGES,
            Subject::Segment(_) => Self::SEGMENTS,
            Subject::View(_) => Self::VIEWS,
            Subject::User(_)
            | Subject::ApiKey(_)
            | Subject::Refusals(_)
            | Subject::Assistance(_)
            | Subject::Log(_)
            | Subject::Quarantine(_)
            | Subject::Demo
            | Subject::Import(_)
            | Subject::Address(_)
            | Subject::Claim(..)
            | Subject::Merges => Self::OTHERS,
        }
    }

    /// Returns the union of two sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A connection that is silent for this long may be dead, and is replaced.
const SILENCE: Duration = Duration::from_secs(30);

/// Positions that owners have folded, as far as this process knows. Clones share
/// them.
#[derive(Debug, Clone)]
pub struct Folded(Arc<watch::Sender<FoldProgress>>);

#[derive(Debug, Default)]
struct FoldProgress {
    numbers: BTreeMap<Partition, u64>,
    /// Number of notices on each topic.
    notices: [u64; Topics::COUNT],
}

impl Default for Folded {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::default()))
    }
}

/// Subscription to notices on some topics.
pub struct Watcher {
    known: watch::Receiver<FoldProgress>,
    topics: Topics,
    seen: u64,
}

impl Folded {
    /// Records that a partition was folded up to a position, with events on
    /// these topics.
    pub fn note(&self, position: Position, topics: Topics) {
        self.apply_notice(Some(position), topics);
    }

    fn apply_notice(&self, position: Option<Position>, topics: Topics) {
        self.0.send_modify(|known| {
            let place = position.map(|at| (at.partition, at.number));
            known.numbers.extend(place);
            for (bit, count) in known.notices.iter_mut().enumerate() {
                *count += u64::from(topics.0 >> bit & 1);
            }
        });
    }

    /// Wakes the tasks, in all processes, that wait for these topics. For
    /// changes that no owner reports by folding events.
    pub async fn announce(&self, log: &Log, topics: Topics) {
        self.apply_notice(None, topics);
        self.send(log, None, topics).await;
    }

    /// Receives notices from other processes, until dropped.
    pub async fn listen(&self, log: &Log) {
        loop {
            match log.notices().await {
                Ok(mut notices) => {
                    // Notices that were published before the subscription are
                    // lost, so every waiting task checks for itself.
                    self.0.send_modify(|known| {
                        known.notices.iter_mut().for_each(|count| *count += 1);
                    });
                    let mut next = async || tokio::time::timeout(SILENCE, notices.next()).await;
                    while let Ok(Some(Notice { position, topics })) = next().await {
                        self.apply_notice(position, Topics(topics));
                    }
                }
                Err(error) => tracing::debug!(%error, "notices cannot be received; retrying"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Publishes to other processes that a partition was folded up to a
    /// position.
    pub async fn publish(&self, log: &Log, position: Position, topics: Topics) {
        self.send(log, Some(position), topics).await;
    }

    async fn send(&self, log: &Log, position: Option<Position>, topics: Topics) {
        let topics = topics.0;
        // Not an error: waiting tasks also check periodically.
        if let Err(error) = log.publish(Notice { position, topics }).await {
            tracing::debug!(%error, "a notice was not published");
        }
    }

    /// Returns a subscription to notices on these topics from now on.
    pub fn watch(&self, topics: Topics) -> Watcher {
        let known = self.0.subscribe();
        let seen = known.borrow().on(topics);
        Watcher {
            known,
            topics,
            seen,
        }
    }

    /// Returns once all of these positions are known to be folded, or after
    /// `timeout`. Unknown positions may be folded all the same.
    pub(crate) async fn reach(&self, positions: &Positions, timeout: Duration) {
        let mut known = self.0.subscribe();
        let has_all = |known: &FoldProgress| {
            let reached = |wanted: Position| known.numbers.get(&wanted.partition).copied();
            positions
                .iter()
                .all(|wanted| reached(wanted).is_some_and(|number| number >= wanted.number))
        };
        // After a timeout, too, the caller checks the checkpoints.
        let _ended = tokio::time::timeout(timeout, known.wait_for(has_all)).await;
    }
}

impl FoldProgress {
    fn on(&self, topics: Topics) -> u64 {
        let on = |(bit, count): (usize, &u64)| (topics.0 >> bit & 1 == 1).then_some(*count);
        self.notices.iter().enumerate().filter_map(on).sum()
    }
}

impl Watcher {
    /// Returns once there has been a notice since the last call, or after
    /// `timeout`.
    pub async fn changed(&mut self, timeout: Duration) {
        let (topics, seen) = (self.topics, self.seen);
        let is_new = |known: &FoldProgress| known.on(topics) != seen;
        let waiting = self.known.wait_for(is_new);
        let waited = tokio::time::timeout(timeout, waiting).await;
        let is_over = matches!(waited, Ok(Err(_)));
        drop(waited);
        if is_over {
            // The sender is gone, so the process is shutting down. Sleep
            // instead of spinning.
            tokio::time::sleep(timeout).await;
        }
        self.seen = self.known.borrow().on(topics);
    }
}
