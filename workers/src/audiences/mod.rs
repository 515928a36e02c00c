//! Keeping audiences counted, as customers change and the clock moves on.

mod order;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use domain::Timestamp;
use projections::segments::LiveSegment;
use projections::{QueryError, Store};
use tokio_util::sync::CancellationToken;

use crate::unit::Shared;
use order::{Attempts, Known, LANES};

/// How soon it is looked again whether customers have changed.
const PAUSE: Duration = Duration::from_secs(1);

/// How many times as long as counting took a lane then rests. Each lane rests
/// for itself.
const REST: u32 = 2;

/// For how long a lane counts before it rests, but for the count under way. A
/// segment that is created meanwhile waits no longer for its first attempt.
const ROUND: Duration = Duration::from_millis(500);

/// Counts what is due, again and again.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    let counter = Counter {
        store: &shared.store,
        attempts: Mutex::default(),
    };
    let lanes = (0..LANES.len()).map(|lane| counter.keep(lane, stop));
    futures::future::join_all(lanes).await;
}

struct Counter<'a> {
    store: &'a Store,
    attempts: Mutex<Attempts>,
}

impl Counter<'_> {
    async fn keep(&self, lane: usize, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let start = Instant::now();
            match stop.run_until_cancelled(self.count_due(lane)).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::warn!(%error, "audiences cannot be counted, trying again");
                }
            }
            let rest = PAUSE.max(start.elapsed() * REST);
            stop.run_until_cancelled(tokio::time::sleep(rest)).await;
        }
    }

    /// Counts audiences of a lane that are not what they should be, for a round.
    async fn count_due(&self, lane: usize) -> Result<(), QueryError> {
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
        Ok(())
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
