//! Keeping audiences counted, as customers change and the clock moves on.

mod order;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use domain::Timestamp;
use projections::segments::LiveSegment;
use projections::{QueryError, Store, Topics};
use tokio_util::sync::CancellationToken;

use crate::periodic::{Periodic, Rest, Task};
use crate::shared::Shared;
use order::{Attempts, Known, LANES};

/// How soon it is looked again whether customers have changed.
const PAUSE: Duration = Duration::from_secs(1);

/// How many times as long as counting took a lane then rests. Each lane rests
/// for itself.
const REST: u32 = 2;

/// For how long a lane counts before it rests, but for the count under way. A
/// segment that is created meanwhile waits no longer for its first attempt.
const ROUND: Duration = Duration::from_millis(500);

/// How long a lane rests while there are no segments.
const IDLE: Duration = Duration::from_secs(10);

const TASKS: [Periodic; LANES.len()] = [
    task("count audiences"),
    task("count audiences that take longer"),
    task("count audiences that take longest"),
];

const fn task(name: &'static str) -> Periodic {
    Periodic {
        name,
        topics: Topics::SEGMENTS,
        after_failure: PAUSE,
    }
}

/// Counts what is due, again and again.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    let counter = Counter {
        store: &shared.store,
        attempts: Mutex::default(),
    };
    let lanes = TASKS.into_iter().enumerate();
    let lanes = lanes.map(|(number, task)| {
        let counter = &counter;
        task.run(shared, stop, Lane { counter, number })
    });
    futures::future::join_all(lanes).await;
}

struct Counter<'a> {
    store: &'a Store,
    attempts: Mutex<Attempts>,
}

struct Lane<'a> {
    counter: &'a Counter<'a>,
    number: usize,
}

impl Task for Lane<'_> {
    type Error = QueryError;

    async fn run(&mut self, _: &Shared) -> Result<Rest, QueryError> {
        let start = Instant::now();
        let has_segments = self.counter.count_due(self.number).await?;
        Ok(Rest {
            least: start.elapsed() * REST,
            most: if has_segments { PAUSE } else { IDLE },
        })
    }
}

impl Counter<'_> {
    /// Counts audiences of a lane that are not what they should be, for a round.
    /// Returns whether there are segments at all.
    async fn count_due(&self, lane: usize) -> Result<bool, QueryError> {
        let store = self.store;
        let segments = store.live_segments().await?;
        let ids: Vec<&str> = segments.iter().map(|s| s.segment_id.as_str()).collect();
        if lane == 0 {
            store.keep_audiences(&ids).await?;
            self.attempts().keep(&segments);
        }
        let audiences = store.audiences(&ids).await?;
        let basis = store.basis().await?;
        let known = Known {
            segments: &segments,
            audiences: &audiences,
            basis: &basis,
            now: now(),
        };
        let due = self.attempts().due(lane, &known);
        let start = Instant::now();
        for segment in due {
            if start.elapsed() >= ROUND {
                break;
            }
            self.count(segment, lane).await?;
        }
        Ok(!segments.is_empty())
    }

    /// # Errors
    /// Those that concern all segments.
    async fn count(&self, segment: &LiveSegment, lane: usize) -> Result<(), QueryError> {
        let LiveSegment {
            segment_id: id,
            rules,
            version,
        } = segment;
        // Asked for each: the longer others took, the more has come in.
        let basis = self.store.basis().await?;
        let (now_counting, limit) = (now(), LANES[lane]);
        let counting =
            self.store
                .count_audience(id.as_str(), *version, rules, now_counting, &basis, limit);
        match counting.await {
            Ok(audience) => {
                self.attempts().counted(segment);
                tracing::debug!(segment = %id, audience.count, audience.took_ms, "counted");
            }
            Err(error @ QueryError::TooLong(_)) => {
                self.attempts().took_too_long(segment, lane, now());
                if lane + 1 == LANES.len() {
                    tracing::warn!(segment = %id, %error, "an audience cannot be counted");
                } else {
                    tracing::debug!(segment = %id, ?limit, "counting takes longer");
                }
            }
            Err(error) => {
                // What ails MongoDB ails all of them.
                self.store.ping().await?;
                self.attempts().failed(segment, lane, now());
                tracing::warn!(segment = %id, %error, "an audience cannot be counted");
            }
        }
        Ok(())
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        // Each change is a single insertion or removal.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> Timestamp {
    Timestamp::from(Utc::now())
}
