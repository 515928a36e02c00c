//! Order in which segments are counted, and the time limit for each count.
//!
//! The duration of a count is not known beforehand. Each segment starts in the first
//! lane, where MongoDB aborts counts that take longer than half a second. An aborted
//! segment moves to the next lane, which runs concurrently and has a higher limit.
//! No segment therefore waits for a count that takes longer than its own lane allows,
//! and a cheap segment is counted soon, however slow others are. Within a lane the
//! segment that has waited longest comes first.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::Timestamp;
use projections::segments::LiveSegment;
use projections::{CountBasis, SegmentAudience};

/// Time limit for one count, by lane.
pub(super) const LANES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(4),
    Duration::from_secs(60),
];

/// Interval between counts of segments whose rules are relative to the current time.
const CLOCK: Duration = Duration::from_secs(10);

/// Longest time between counts of a segment, so that its history has a point of
/// every day.
const HALF_DAY: Duration = Duration::from_secs(12 * 60 * 60);

/// Delay before the next attempt at a segment that could not be counted.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Last failed attempt of each segment that was not counted since, by segment id.
#[derive(Default)]
pub(super) struct CountAttempts(HashMap<String, CountAttempt>);

#[derive(Debug, Clone, Copy)]
struct CountAttempt {
    /// Version of the segment at the attempt.
    version: i64,
    /// Lane of the next attempt.
    lane: usize,
    at: Timestamp,
    /// True if the next attempt is delayed by [`AFTER_FAILURE`].
    is_delayed: bool,
}

/// Segments to count, and what is known about their audiences.
pub(super) struct AudienceSnapshot<'a> {
    pub(super) segments: &'a [LiveSegment],
    pub(super) audiences: &'a HashMap<String, SegmentAudience>,
    pub(super) basis: &'a CountBasis,
    pub(super) now: Timestamp,
}

impl CountAttempts {
    /// Returns the segments of a lane whose audience is out of date, in the order in
    /// which they should be counted.
    pub(super) fn due<'a>(
        &self,
        lane: usize,
        known: &AudienceSnapshot<'a>,
    ) -> Vec<&'a LiveSegment> {
        let audience = |segment: &LiveSegment| known.audiences.get(segment.segment_id.as_str());
        let is_due = |segment: &&LiveSegment| {
            self.lane(segment, audience(segment)) == lane
                && is_due(segment, audience(segment), known.basis, known.now)
                && !self.is_delayed(segment, known.now)
        };
        let mut due: Vec<&LiveSegment> = known.segments.iter().filter(is_due).collect();
        // `None` sorts first: segments that were neither counted nor tried.
        due.sort_by_key(|segment| {
            let counted = audience(segment).map(|audience| audience.as_of.timestamp_millis());
            counted.max(self.attempt_of(segment).map(|attempt| attempt.at.millis()))
        });
        due
    }

    /// Records that the segment was counted. From now on, the duration in its audience
    /// determines its lane.
    pub(super) fn record_count(&mut self, segment: &LiveSegment) {
        // The rules may have changed during the count. The count says nothing about
        // an attempt with other rules, so such an attempt is kept.
        if self.attempt_of(segment).is_some() {
            self.0.remove(segment.segment_id.as_str());
        }
    }

    /// Records that the count exceeded the lane's time limit. The segment moves to
    /// the next lane; in the last lane its next attempt is delayed.
    pub(super) fn record_timeout(&mut self, segment: &LiveSegment, lane: usize, at: Timestamp) {
        let is_last = lane + 1 >= LANES.len();
        let next = if is_last { lane } else { lane + 1 };
        self.insert(segment, next, at, is_last);
    }

    /// Records that the segment could not be counted for another reason.
    pub(super) fn record_failure(&mut self, segment: &LiveSegment, lane: usize, at: Timestamp) {
        self.insert(segment, lane, at, true);
    }

    /// Removes the attempts of all other segments.
    pub(super) fn retain(&mut self, segments: &[LiveSegment]) {
        let live: HashSet<&str> = segments.iter().map(|s| s.segment_id.as_str()).collect();
        self.0.retain(|id, _| live.contains(id.as_str()));
    }

    fn insert(&mut self, segment: &LiveSegment, lane: usize, at: Timestamp, is_delayed: bool) {
        let attempt = CountAttempt {
            version: segment.version,
            lane,
            at,
            is_delayed,
        };
        self.0.insert(segment.segment_id.to_string(), attempt);
    }

    /// Returns the last failed attempt with the segment's current rules.
    fn attempt_of(&self, segment: &LiveSegment) -> Option<&CountAttempt> {
        let attempt = self.0.get(segment.segment_id.as_str())?;
        (attempt.version == segment.version).then_some(attempt)
    }

    fn lane(&self, segment: &LiveSegment, audience: Option<&SegmentAudience>) -> usize {
        if let Some(attempt) = self.attempt_of(segment) {
            return attempt.lane;
        }
        let audience = audience.filter(|audience| audience.version == segment.version);
        audience.map_or(0, |audience| lane_of(audience.took_ms))
    }

    fn is_delayed(&self, segment: &LiveSegment, now: Timestamp) -> bool {
        let attempt = self
            .attempt_of(segment)
            .filter(|attempt| attempt.is_delayed);
        attempt.is_some_and(|attempt| is_within(AFTER_FAILURE, attempt.at.millis(), now))
    }
}

/// Returns the first lane whose limit is at least twice the last duration.
fn lane_of(took_ms: i64) -> usize {
    let leaves = |limit: &Duration| i128::from(took_ms) * 2 <= limit.as_millis() as i128;
    LANES.iter().position(leaves).unwrap_or(LANES.len() - 1)
}

fn is_due(
    segment: &LiveSegment,
    audience: Option<&SegmentAudience>,
    basis: &CountBasis,
    now: Timestamp,
) -> bool {
    let Some(audience) = audience else {
        return true;
    };
    let longest = if segment.rules.is_relative() {
        CLOCK
    } else {
        HALF_DAY
    };
    let by_clock = !is_within(longest, audience.as_of.timestamp_millis(), now);
    by_clock || !audience.is_of(segment.version, basis)
}

/// Returns whether `at_millis` is less than `time` ago.
fn is_within(time: Duration, at_millis: i64, now: Timestamp) -> bool {
    // A time in the future means that the clock was set back. It counts as old, since
    // a segment would otherwise not be counted until the clock has caught up.
    (0..time.as_millis() as i64).contains(&(now.millis() - at_millis))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000).unwrap()
    }

    fn basis(positions: &str) -> CountBasis {
        CountBasis {
            generation: 1,
            positions: positions.to_owned(),
        }
    }

    fn segment(id: &str, rules: &str) -> LiveSegment {
        LiveSegment {
            segment_id: id.try_into().unwrap(),
            rules: rules.parse().unwrap(),
            version: 2,
        }
    }

    fn counted(id: &str, as_of: i64, took_ms: i64) -> (String, SegmentAudience) {
        let audience = SegmentAudience {
            segment: id.to_owned(),
            version: 2,
            count: 1,
            total: 2,
            as_of: DateTime::from_timestamp(as_of, 0).unwrap().into(),
            basis: basis("0:7"),
            took_ms,
        };
        (id.to_owned(), audience)
    }

    /// Fixture: segments by name, some of them with a counted audience.
    struct Shop {
        segments: Vec<LiveSegment>,
        audiences: HashMap<String, SegmentAudience>,
        attempts: CountAttempts,
    }

    impl Shop {
        fn new(
            ids: &[&str],
            audiences: impl IntoIterator<Item = (String, SegmentAudience)>,
        ) -> Self {
            Self {
                segments: ids.iter().map(|id| segment(id, "visits > 1")).collect(),
                audiences: audiences.into_iter().collect(),
                attempts: CountAttempts::default(),
            }
        }

        /// Returns the due segments of each lane after all customers have changed.
        fn due(&self, now: i64) -> Vec<Vec<String>> {
            let known = AudienceSnapshot {
                segments: &self.segments,
                audiences: &self.audiences,
                basis: &basis("0:8"),
                now: at(now),
            };
            let lanes = 0..LANES.len();
            lanes
                .map(|lane| {
                    let due = self.attempts.due(lane, &known).into_iter();
                    due.map(|segment| segment.segment_id.to_string()).collect()
                })
                .collect()
        }
    }

    #[test]
    fn an_audience_is_due_when_something_has_changed_and_twice_a_day() {
        let (plain, known) = (
            segment("seg_1", "total_spend > 1"),
            counted("seg_1", 0, 3).1,
        );
        let due = |audience, positions: &str, now| is_due(&plain, audience, &basis(positions), now);
        assert!(due(None, "0:7", at(0)));
        assert!(!due(Some(&known), "0:7", at(12 * 60 * 60 - 1)));
        assert!(due(Some(&known), "0:7", at(12 * 60 * 60)));
        assert!(due(Some(&known), "0:8", at(1)));
        let changed = LiveSegment {
            version: 3,
            ..plain.clone()
        };
        assert!(is_due(&changed, Some(&known), &basis("0:7"), at(1)));
    }

    #[test]
    fn relative_rules_are_due_periodically() {
        let relative = segment("seg_1", "days_since_last_order > 90");
        let known = counted("seg_1", 0, 3).1;
        let due = |now| is_due(&relative, Some(&known), &basis("0:7"), now);
        assert!(!due(at(9)));
        assert!(due(at(10)));
        assert!(due(at(-1)), "the clock was set back");
    }

    #[test]
    fn a_segment_is_counted_in_the_lane_with_twice_its_last_duration() {
        let lanes = [0, 250, 251, 2_000, 2_001, 30_000, 60_000].map(lane_of);
        assert_eq!(lanes, [0, 0, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn segments_never_counted_come_first_and_then_the_oldest_count() {
        let audiences = [counted("seg_a", 9, 3), counted("seg_b", 5, 3)];
        let shop = Shop::new(&["seg_a", "seg_b", "seg_c"], audiences);
        assert_eq!(shop.due(10)[0], ["seg_c", "seg_b", "seg_a"]);
    }

    #[test]
    fn a_segment_that_takes_long_is_tried_once_before_it_leaves_the_first_lane() {
        let mut shop = Shop::new(&["seg_a", "seg_b"], []);
        let slow = shop.segments[0].clone();
        shop.attempts.record_timeout(&slow, 0, at(1));
        assert_eq!(shop.due(1), [vec!["seg_b"], vec!["seg_a"], vec![]]);
        shop.attempts.record_timeout(&slow, 1, at(5));
        assert_eq!(shop.due(5), [vec!["seg_b"], vec![], vec!["seg_a"]]);
        // Changed rules start in the first lane, whatever a count with the old ones yields.
        shop.segments[0].version = 3;
        assert_eq!(shop.due(5)[0], ["seg_a", "seg_b"]);
        let slow_again = shop.segments[0].clone();
        shop.attempts.record_timeout(&slow_again, 0, at(6));
        shop.attempts.record_count(&slow);
        assert_eq!(shop.due(6)[1], ["seg_a"]);
    }

    #[test]
    fn slow_segments_are_counted_in_turn() {
        let audiences = [counted("seg_a", 100, 9_000), counted("seg_b", 130, 9_000)];
        let mut shop = Shop::new(&["seg_a", "seg_b", "seg_c"], audiences);
        let new = shop.segments[2].clone();
        shop.attempts.record_timeout(&new, 1, at(110));
        assert_eq!(shop.due(140)[2], ["seg_a", "seg_c", "seg_b"]);
        // A segment that failed in the last lane waits for its delay.
        shop.attempts.record_timeout(&new, 2, at(150));
        assert_eq!(shop.due(200)[2], ["seg_a", "seg_b"]);
        assert_eq!(shop.due(210)[2], ["seg_a", "seg_b", "seg_c"]);
    }

    #[test]
    fn a_segment_returns_to_the_first_lane_once_it_is_counted_quickly() {
        let mut shop = Shop::new(&["seg_a"], [counted("seg_a", 1, 3)]);
        let once_slow = shop.segments[0].clone();
        shop.attempts.record_timeout(&once_slow, 0, at(2));
        assert_eq!(shop.due(3)[1], ["seg_a"]);
        shop.attempts.record_count(&once_slow);
        assert_eq!(shop.due(3)[0], ["seg_a"]);
    }
}
