//! Counting of the segments' audiences, as customers change and time passes.

mod order;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use projections::segments::LiveSegment;
use projections::{QueryError, Store, Topics};
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::periodic::{NextRun, Periodic, PeriodicTask};
use crate::shared::SharedResources;
use order::{AudienceSnapshot, CountAttempts, LANES};

/// Longest time between checks of whether customers have changed.
const PAUSE: Duration = Duration::from_secs(1);

/// Idle time of a lane after a round, as a multiple of the round's duration. It
/// limits counting to a third of the time, so that MongoDB keeps capacity for requests.
const REST: u32 = 2;

/// Time after which a lane starts no further count in a round. It bounds how long a
/// new segment waits for its first attempt.
const ROUND: Duration = Duration::from_millis(500);

/// Longest time between rounds while there are no segments.
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

/// Counts audiences that are due until `stop` is cancelled.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    let counter = AudienceCounter {
        store: &shared.store,
        attempts: Mutex::default(),
    };
    let lanes = TASKS.into_iter().enumerate();
    let lanes = lanes.map(|(number, task)| {
        let counter = &counter;
        task.run(shared, stop, CountingLane { counter, number })
    });
    futures::future::join_all(lanes).await;
}

struct AudienceCounter<'a> {
    store: &'a Store,
    attempts: Mutex<CountAttempts>,
}

struct CountingLane<'a> {
    counter: &'a AudienceCounter<'a>,
    number: usize,
}

impl PeriodicTask for CountingLane<'_> {
    type Error = QueryError;

    async fn run(&mut self, _: &SharedResources) -> Result<NextRun, QueryError> {
        let start = Instant::now();
        let has_segments = self.counter.count_due(self.number).await?;
        Ok(NextRun {
            least: start.elapsed() * REST,
            most: if has_segments { PAUSE } else { IDLE },
        })
    }
}

impl AudienceCounter<'_> {
    /// Runs one round of a lane: counts its segments whose audience is out of date.
    /// Returns whether there are any segments.
    async fn count_due(&self, lane: usize) -> Result<bool, QueryError> {
        let store = self.store;
        let segments = store.live_segments().await?;
        let ids: Vec<&str> = segments.iter().map(|s| s.segment_id.as_str()).collect();
        if lane == 0 {
            store.keep_audiences(&ids).await?;
            self.attempts().retain(&segments);
        }
        let audiences = store.audiences(&ids).await?;
        let basis = store.basis().await?;
        let known = AudienceSnapshot {
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

    /// Counts one segment and records the result or the failed attempt.
    ///
    /// # Errors
    /// Only errors that concern all segments, such as an unreachable MongoDB.
    async fn count(&self, segment: &LiveSegment, lane: usize) -> Result<(), QueryError> {
        let LiveSegment {
            segment_id: id,
            rules,
            version,
        } = segment;
        // Read for each segment: a basis from the start of the round would be older
        // than the data that is counted, and the segment would be due again at once.
        let basis = self.store.basis().await?;
        let (now_counting, limit) = (now(), LANES[lane]);
        let counting =
            self.store
                .count_audience(id.as_str(), *version, rules, now_counting, &basis, limit);
        match counting.await {
            Ok(audience) => {
                self.attempts().record_count(segment);
                tracing::debug!(segment = %id, audience.count, audience.took_ms, "counted");
            }
            Err(error @ QueryError::TooLong(_)) => {
                self.attempts().record_timeout(segment, lane, now());
                if lane + 1 == LANES.len() {
                    tracing::warn!(segment = %id, %error, "an audience could not be counted");
                } else {
                    tracing::debug!(segment = %id, ?limit, "the audience is counted in the next lane");
                }
            }
            Err(error) => {
                // If MongoDB itself is down, the whole round fails and no attempt is
                // recorded.
                self.store.ping().await?;
                self.attempts().record_failure(segment, lane, now());
                tracing::warn!(segment = %id, %error, "an audience could not be counted");
            }
        }
        Ok(())
    }

    fn attempts(&self) -> MutexGuard<'_, CountAttempts> {
        // A panic cannot leave the map in a broken state: each change is a single
        // insertion or removal.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
