//! Keeping audiences counted, as customers change and the clock moves on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::Utc;
use domain::Timestamp;
use projections::segments::LiveSegment;
use projections::{Audience, Basis, QueryError, Store};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// How soon it is looked again whether customers have changed.
const PAUSE: Duration = Duration::from_secs(1);

/// How often what changes with the clock alone is counted again.
const CLOCK: Duration = Duration::from_secs(10);

/// How many times as long as counting took MongoDB is then left in peace.
const REST: u32 = 2;

/// For how long a segment that could not be counted is left alone.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// What takes longer than this is counted beside the others, so that none of
/// them waits for it.
const QUICK: Duration = Duration::from_millis(250);

/// Which segments are counted one after the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// Those that are counted quickly, and those never counted.
    Quick,
    /// Those that took longer last time.
    Slow,
}

impl Lane {
    fn of(audience: Option<&Audience>) -> Self {
        match audience {
            Some(audience) if audience.took_ms > QUICK.as_millis() as i64 => Self::Slow,
            _ => Self::Quick,
        }
    }
}

/// Counts what is due, again and again.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    let lanes = [Lane::Quick, Lane::Slow].map(|lane| keep(&shared.store, lane, stop));
    futures::future::join_all(lanes).await;
}

async fn keep(store: &Store, lane: Lane, stop: &CancellationToken) {
    let mut failed = Failed::default();
    while !stop.is_cancelled() {
        let start = Instant::now();
        match stop
            .run_until_cancelled(count_due(store, lane, &mut failed))
            .await
        {
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

/// Segments that could not be counted, and when that was.
#[derive(Default)]
struct Failed(HashMap<String, Instant>);

impl Failed {
    fn is_recent(&self, segment: &LiveSegment) -> bool {
        let at = self.0.get(segment.segment_id.as_str());
        at.is_some_and(|at| at.elapsed() < AFTER_FAILURE)
    }
}

/// Counts each audience that is not what it should be, the oldest first.
async fn count_due(store: &Store, lane: Lane, failed: &mut Failed) -> Result<(), QueryError> {
    let segments = store.live_segments().await?;
    let ids: Vec<&str> = segments.iter().map(|s| s.segment_id.as_str()).collect();
    store.keep_audiences(&ids).await?;
    let known = store.audiences(&ids).await?;
    let basis = store.basis().await?;
    let now = Timestamp::from(Utc::now());
    let audience = |segment: &LiveSegment| known.get(segment.segment_id.as_str());
    let is_due = |segment: &&LiveSegment| {
        Lane::of(audience(segment)) == lane
            && is_due(segment, audience(segment), &basis, now)
            && !failed.is_recent(segment)
    };
    let mut due: Vec<&LiveSegment> = segments.iter().filter(is_due).collect();
    due.sort_by_key(|segment| audience(segment).map(|audience| audience.as_of));
    for segment in due {
        if let Err(error) = count(store, segment).await {
            // What ails MongoDB ails all of them.
            store.ping().await?;
            tracing::warn!(segment = %segment.segment_id, %error, "an audience cannot be counted");
            failed
                .0
                .insert(segment.segment_id.to_string(), Instant::now());
        }
    }
    Ok(())
}

async fn count(store: &Store, segment: &LiveSegment) -> Result<(), QueryError> {
    let LiveSegment {
        segment_id,
        rules,
        version,
    } = segment;
    // Asked for each: the longer others took, the more has come in.
    let basis = store.basis().await?;
    let now = Timestamp::from(Utc::now());
    let counting = store.count_audience(segment_id.as_str(), *version, rules, now, &basis);
    let audience = counting.await?;
    tracing::debug!(segment = %segment_id, audience.count, audience.took_ms, "counted");
    Ok(())
}

fn is_due(
    segment: &LiveSegment,
    audience: Option<&Audience>,
    basis: &Basis,
    now: Timestamp,
) -> bool {
    let Some(audience) = audience else {
        return true;
    };
    let age = now.millis() - audience.as_of.timestamp_millis();
    // A clock may have been set back.
    let old = !(0..CLOCK.as_millis() as i64).contains(&age);
    let by_clock = segment.rules.is_relative() && old;
    by_clock || !audience.is_of(segment.version, basis)
}

#[cfg(test)]
mod tests {
    use bson::DateTime;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000).unwrap()
    }

    fn basis(positions: &str) -> Basis {
        Basis {
            generation: 1,
            positions: positions.to_owned(),
        }
    }

    fn segment(rules: &str) -> LiveSegment {
        LiveSegment {
            segment_id: "seg_1".try_into().unwrap(),
            rules: rules.parse().unwrap(),
            version: 2,
        }
    }

    fn counted_at_0() -> Audience {
        Audience {
            segment: "seg_1".to_owned(),
            version: 2,
            count: 1,
            total: 2,
            as_of: DateTime::from_millis(0),
            basis: basis("0:7"),
            took_ms: 3,
        }
    }

    #[test]
    fn an_audience_is_due_when_something_has_changed() {
        let (plain, known) = (segment("total_spend > 1"), counted_at_0());
        let due =
            |audience, basis: &str, now| is_due(&plain, audience, &super::tests::basis(basis), now);
        assert!(due(None, "0:7", at(0)));
        assert!(!due(Some(&known), "0:7", at(1_000)));
        assert!(due(Some(&known), "0:8", at(1)));
        let changed = LiveSegment {
            version: 3,
            ..plain.clone()
        };
        assert!(is_due(&changed, Some(&known), &basis("0:7"), at(1)));
    }

    #[test]
    fn what_takes_long_is_counted_beside_the_others() {
        let slow = Audience {
            took_ms: 251,
            ..counted_at_0()
        };
        assert!(Lane::of(Some(&slow)) == Lane::Slow);
        assert!(Lane::of(Some(&counted_at_0())) == Lane::Quick);
        assert!(Lane::of(None) == Lane::Quick);
    }

    #[test]
    fn what_the_clock_changes_is_due_by_the_clock() {
        let (relative, known) = (segment("days_since_last_order > 90"), counted_at_0());
        let due = |now| is_due(&relative, Some(&known), &basis("0:7"), now);
        assert!(!due(at(9)));
        assert!(due(at(10)));
        assert!(due(at(-1)), "the clock was set back");
    }
}
