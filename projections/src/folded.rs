//! Tells those who wait that events were folded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Subject;
use eventlog::{Log, Notice, Partition, Position, Positions};
use tokio::sync::watch;

/// What events are about, for those who wait for some of them only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Topics(u32);

impl Topics {
    /// Customers, their orders and activities.
    pub const CUSTOMERS: Self = Self(1);
    /// Campaigns.
    pub const CAMPAIGNS: Self = Self(2);
    /// Messages.
    pub const MESSAGES: Self = Self(4);
    /// Segments.
    pub const SEGMENTS: Self = Self(8);
    /// Requests to rebuild views.
    pub const VIEWS: Self = Self(16);
    /// None.
    pub const NONE: Self = Self(0);
    /// All of these, and everything else.
    pub const ALL: Self = Self(63);
    const OTHERS: Self = Self(32);
    const COUNT: usize = 6;

    /// What an event about this is about.
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
            | Subject::Quarantine(_) => Self::OTHERS,
        }
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A connection that is silent for this long may be dead: it is made anew.
const SILENCE: Duration = Duration::from_secs(30);

/// How far owners have folded, as far as this process knows.
#[derive(Debug, Clone)]
pub struct Folded(Arc<watch::Sender<Known>>);

#[derive(Debug, Default)]
struct Known {
    numbers: BTreeMap<Partition, u64>,
    /// How many notices there were on each topic.
    notices: [u64; Topics::COUNT],
}

impl Default for Folded {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::default()))
    }
}

/// Waits for events on some topics to be folded.
pub struct Watcher {
    known: watch::Receiver<Known>,
    topics: Topics,
    seen: u64,
}

impl Folded {
    /// Says that a partition was folded up to here.
    pub fn note(&self, position: Position, topics: Topics) {
        self.heard(Some(position), topics);
    }

    fn heard(&self, position: Option<Position>, topics: Topics) {
        self.0.send_modify(|known| {
            let place = position.map(|at| (at.partition, at.number));
            known.numbers.extend(place);
            for (bit, count) in known.notices.iter_mut().enumerate() {
                *count += u64::from(topics.0 >> bit & 1);
            }
        });
    }

    /// Tells of something that no owner will tell of by folding it: everybody
    /// who waits for these topics looks.
    pub async fn announce(&self, log: &Log, topics: Topics) {
        self.heard(None, topics);
        self.send(log, None, topics).await;
    }

    /// Makes everybody look who waits.
    fn wake(&self) {
        self.0
            .send_modify(|known| known.notices.iter_mut().for_each(|count| *count += 1));
    }

    /// Hears what other processes have folded, until dropped.
    pub async fn listen(&self, log: &Log) {
        loop {
            match log.notices().await {
                Ok(mut notices) => {
                    // What was published meanwhile is not heard any more.
                    self.wake();
                    let mut next = async || tokio::time::timeout(SILENCE, notices.next()).await;
                    while let Ok(Some(Notice { position, topics })) = next().await {
                        self.heard(position, Topics(topics));
                    }
                }
                Err(error) => tracing::debug!(%error, "notices cannot be heard, trying again"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Tells other processes.
    pub async fn publish(&self, log: &Log, position: Position, topics: Topics) {
        self.send(log, Some(position), topics).await;
    }

    async fn send(&self, log: &Log, position: Option<Position>, topics: Topics) {
        let topics = topics.0;
        // Whoever waits also checks now and then.
        if let Err(error) = log.publish(Notice { position, topics }).await {
            tracing::debug!(%error, "a notice was not published");
        }
    }

    /// Watches for events on these topics from now on.
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
    /// `most`. What is not known may be folded all the same.
    pub(crate) async fn reach(&self, positions: &Positions, most: Duration) {
        let mut known = self.0.subscribe();
        let has_all = |known: &Known| {
            let reached = |wanted: Position| known.numbers.get(&wanted.partition).copied();
            positions
                .iter()
                .all(|wanted| reached(wanted).is_some_and(|number| number >= wanted.number))
        };
        // However this ends, the caller looks for itself.
        let _ended = tokio::time::timeout(most, known.wait_for(has_all)).await;
    }
}

impl Known {
    fn on(&self, topics: Topics) -> u64 {
        let on = |(bit, count): (usize, &u64)| (topics.0 >> bit & 1 == 1).then_some(*count);
        self.notices.iter().enumerate().filter_map(on).sum()
    }
}

impl Watcher {
    /// Returns once there was an event since the last time, or after `most`.
    pub async fn changed(&mut self, most: Duration) {
        let (topics, seen) = (self.topics, self.seen);
        let is_new = |known: &Known| known.on(topics) != seen;
        let waiting = self.known.wait_for(is_new);
        let waited = tokio::time::timeout(most, waiting).await;
        let is_over = matches!(waited, Ok(Err(_)));
        drop(waited);
        if is_over {
            // The process is ending.
            tokio::time::sleep(most).await;
        }
        self.seen = self.known.borrow().on(topics);
    }
}
