//! Which segments are counted next, and how long MongoDB may take for each.
//!
//! Nobody can tell beforehand how long a count takes. Each segment begins in the
//! first lane, where MongoDB breaks off what takes longer than half a second. It
//! is then counted in the next lane, beside the first, where it may take longer.
//! So no segment ever waits for a count that takes longer than its own lane
//! allows, and the first count of a plain one comes soon whatever slow ones do.
//! Within a lane they take turns, the one that has waited longest first.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::Timestamp;
use projections::segments::LiveSegment;
use projections::{Audience, Basis};

/// The longest that MongoDB may take for one count, lane by lane.
pub(super) const LANES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(4),
    Duration::from_secs(60),
];

/// How often what changes with the clock alone is counted again.
const CLOCK: Duration = Duration::from_secs(10);

/// For how long a segment that could not be counted is left alone.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// What is known beside the audiences: the last attempt of each segment that was
/// not counted since.
#[derive(Default)]
pub(super) struct Attempts(HashMap<String, Attempt>);

#[derive(Debug, Clone, Copy)]
struct Attempt {
    /// The segment's version then.
    version: i64,
    /// The lane of the next attempt.
    lane: usize,
    at: Timestamp,
    /// Whether it is left alone for a while.
    rests: bool,
}

/// What is counted, and what is known of it.
pub(super) struct Known<'a> {
    pub(super) segments: &'a [LiveSegment],
    pub(super) audiences: &'a HashMap<String, Audience>,
    pub(super) basis: &'a Basis,
    pub(super) now: Timestamp,
}

impl Attempts {
    /// The segments of a lane whose audience is not what it should be, in the
    /// order in which they are counted.
    pub(super) fn due<'a>(&self, lane: usize, known: &Known<'a>) -> Vec<&'a LiveSegment> {
        let audience = |segment: &LiveSegment| known.audiences.get(segment.segment_id.as_str());
        let is_due = |segment: &&LiveSegment| {
            self.lane(segment, audience(segment)) == lane
                && is_due(segment, audience(segment), known.basis, known.now)
                && !self.rests(segment, known.now)
        };
        let mut due: Vec<&LiveSegment> = known.segments.iter().filter(is_due).collect();
        // Those that were neither counted nor tried come first.
        due.sort_by_key(|segment| {
            let counted = audience(segment).map(|audience| audience.as_of.timestamp_millis());
            counted.max(self.of(segment).map(|attempt| attempt.at.millis()))
        });
        due
    }

    /// The segment was counted: its audience says how long that takes.
    pub(super) fn counted(&mut self, segment: &LiveSegment) {
        // An attempt with other rules says nothing about these.
        if self.of(segment).is_some() {
            self.0.remove(segment.segment_id.as_str());
        }
    }

    /// MongoDB did not find the count within the time of this lane; in the last
    /// lane the segment is then left alone for a while.
    pub(super) fn took_too_long(&mut self, segment: &LiveSegment, lane: usize, at: Timestamp) {
        let is_last = lane + 1 >= LANES.len();
        let next = if is_last { lane } else { lane + 1 };
        self.note(segment, next, at, is_last);
    }

    /// The segment could not be counted for another reason.
    pub(super) fn failed(&mut self, segment: &LiveSegment, lane: usize, at: Timestamp) {
        self.note(segment, lane, at, true);
    }

    /// Forgets all segments but these.
    pub(super) fn keep(&mut self, segments: &[LiveSegment]) {
        let live: HashSet<&str> = segments.iter().map(|s| s.segment_id.as_str()).collect();
        self.0.retain(|id, _| live.contains(id.as_str()));
    }

    fn note(&mut self, segment: &LiveSegment, lane: usize, at: Timestamp, rests: bool) {
        let attempt = Attempt {
            version: segment.version,
            lane,
            at,
            rests,
        };
        self.0.insert(segment.segment_id.to_string(), attempt);
    }

    /// The last attempt with these rules.
    fn of(&self, segment: &LiveSegment) -> Option<&Attempt> {
        let attempt = self.0.get(segment.segment_id.as_str())?;
        (attempt.version == segment.version).then_some(attempt)
    }

    fn lane(&self, segment: &LiveSegment, audience: Option<&Audience>) -> usize {
        if let Some(attempt) = self.of(segment) {
            return attempt.lane;
        }
        let audience = audience.filter(|audience| audience.version == segment.version);
        audience.map_or(0, |audience| lane_of(audience.took_ms))
    }

    fn rests(&self, segment: &LiveSegment, now: Timestamp) -> bool {
        let attempt = self.of(segment).filter(|attempt| attempt.rests);
        attempt.is_some_and(|attempt| is_within(AFTER_FAILURE, attempt.at.millis(), now))
    }
}

/// The first lane that leaves a count twice the time that it took last.
fn lane_of(took_ms: i64) -> usize {
    let leaves = |limit: &Duration| i128::from(took_ms) * 2 <= limit.as_millis() as i128;
    LANES.iter().position(leaves).unwrap_or(LANES.len() - 1)
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
    let is_old = !is_within(CLOCK, audience.as_of.timestamp_millis(), now);
    let by_clock = segment.rules.is_relative() && is_old;
    by_clock || !audience.is_of(segment.version, basis)
}

/// Whether it was so long ago at most. A clock may have been set back: then it
/// was not.
fn is_within(time: Duration, at_millis: i64, now: Timestamp) -> bool {
    (0..time.as_millis() as i64).contains(&(now.millis() - at_millis))
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

    fn segment(id: &str, rules: &str) -> LiveSegment {
        LiveSegment {
            segment_id: id.try_into().unwrap(),
            rules: rules.parse().unwrap(),
            version: 2,
        }
    }

    fn counted(id: &str, as_of: i64, took_ms: i64) -> (String, Audience) {
        let audience = Audience {
            segment: id.to_owned(),
            version: 2,
            count: 1,
            total: 2,
            as_of: DateTime::from_millis(as_of * 1_000),
            basis: basis("0:7"),
            took_ms,
        };
        (id.to_owned(), audience)
    }

    /// Plain segments, by their names, of which these were counted.
    struct Shop {
        segments: Vec<LiveSegment>,
        audiences: HashMap<String, Audience>,
        attempts: Attempts,
    }

    impl Shop {
        fn new(ids: &[&str], audiences: impl IntoIterator<Item = (String, Audience)>) -> Self {
            Self {
                segments: ids.iter().map(|id| segment(id, "visits > 1")).collect(),
                audiences: audiences.into_iter().collect(),
                attempts: Attempts::default(),
            }
        }

        /// What is due in each lane once everything has changed.
        fn due(&self, now: i64) -> Vec<Vec<String>> {
            let known = Known {
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
    fn an_audience_is_due_when_something_has_changed() {
        let (plain, known) = (
            segment("seg_1", "total_spend > 1"),
            counted("seg_1", 0, 3).1,
        );
        let due = |audience, positions: &str, now| is_due(&plain, audience, &basis(positions), now);
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
    fn what_the_clock_changes_is_due_by_the_clock() {
        let relative = segment("seg_1", "days_since_last_order > 90");
        let known = counted("seg_1", 0, 3).1;
        let due = |now| is_due(&relative, Some(&known), &basis("0:7"), now);
        assert!(!due(at(9)));
        assert!(due(at(10)));
        assert!(due(at(-1)), "the clock was set back");
    }

    #[test]
    fn a_count_is_in_the_lane_that_leaves_it_twice_its_time() {
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
        shop.attempts.took_too_long(&slow, 0, at(1));
        assert_eq!(shop.due(1), [vec!["seg_b"], vec!["seg_a"], vec![]]);
        shop.attempts.took_too_long(&slow, 1, at(5));
        assert_eq!(shop.due(5), [vec!["seg_b"], vec![], vec!["seg_a"]]);
        // With other rules it may be quick, whatever becomes of a count with the old ones.
        shop.segments[0].version = 3;
        assert_eq!(shop.due(5)[0], ["seg_a", "seg_b"]);
        let slow_again = shop.segments[0].clone();
        shop.attempts.took_too_long(&slow_again, 0, at(6));
        shop.attempts.counted(&slow);
        assert_eq!(shop.due(6)[1], ["seg_a"]);
    }

    #[test]
    fn slow_segments_take_turns() {
        let audiences = [counted("seg_a", 100, 9_000), counted("seg_b", 130, 9_000)];
        let mut shop = Shop::new(&["seg_a", "seg_b", "seg_c"], audiences);
        let new = shop.segments[2].clone();
        shop.attempts.took_too_long(&new, 1, at(110));
        assert_eq!(shop.due(140)[2], ["seg_a", "seg_c", "seg_b"]);
        // One that cannot be counted at all waits for the others.
        shop.attempts.took_too_long(&new, 2, at(150));
        assert_eq!(shop.due(200)[2], ["seg_a", "seg_b"]);
        assert_eq!(shop.due(210)[2], ["seg_a", "seg_b", "seg_c"]);
    }

    #[test]
    fn a_segment_returns_to_the_first_lane_once_it_is_counted_quickly() {
        let mut shop = Shop::new(&["seg_a"], [counted("seg_a", 1, 3)]);
        let once_slow = shop.segments[0].clone();
        shop.attempts.took_too_long(&once_slow, 0, at(2));
        assert_eq!(shop.due(3)[1], ["seg_a"]);
        shop.attempts.counted(&once_slow);
        assert_eq!(shop.due(3)[0], ["seg_a"]);
    }
}
