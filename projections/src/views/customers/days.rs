//! Counts and sums by day, for one series of a customer.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use domain::Timestamp;
use serde::{Deserialize, Serialize};

const DAY_MILLIS: i64 = 86_400_000;

/// Counts and sums by day in the deployment's time zone, for the newest
/// [`Days::MAX`] days that have any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Days {
    /// Last day that was dropped because there were too many. Nothing is kept up
    /// to it; all days after it are exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dropped: Option<i32>,
    /// Kept days in ascending order.
    #[serde(default)]
    list: Vec<DayCount>,
}

/// Count and sum of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCount {
    /// Date in the deployment's time zone, in days since 1970-01-01.
    #[serde(rename = "d")]
    pub day: i32,
    /// Number of orders or activities.
    #[serde(rename = "n")]
    pub count: i64,
    /// Sum of the amounts in minor units; 0 for activities.
    #[serde(rename = "s", default, skip_serializing_if = "is_zero")]
    pub sum: i64,
}

fn is_zero(sum: &i64) -> bool {
    *sum == 0
}

impl Days {
    /// Maximum number of days that are kept.
    pub const MAX: usize = 400;

    /// Returns the kept days in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &DayCount> {
        self.list.iter()
    }

    /// Returns the last day that was dropped because there were too many.
    pub fn dropped(&self) -> Option<i32> {
        self.dropped
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds one occurrence and its amount to a day.
    pub(crate) fn add(&mut self, day: i32, amount: i64) {
        if self.dropped.is_some_and(|dropped| day <= dropped) {
            return;
        }
        match self.list.binary_search_by_key(&day, |one| one.day) {
            Ok(at) => {
                self.list[at].count += 1;
                self.list[at].sum += amount;
            }
            Err(at) => {
                let one = DayCount {
                    day,
                    count: 1,
                    sum: amount,
                };
                self.list.insert(at, one);
            }
        }
        if self.list.len() > Self::MAX {
            self.dropped = Some(self.list.remove(0).day);
        }
    }

    /// Subtracts one occurrence and its amount from a day. A missing day is
    /// ignored: it was dropped, or the event was folded by an older program that
    /// kept no days.
    pub(crate) fn subtract(&mut self, day: i32, amount: i64) {
        let Ok(at) = self.list.binary_search_by_key(&day, |one| one.day) else {
            return;
        };
        self.list[at].count -= 1;
        self.list[at].sum -= amount;
        if self.list[at].count == 0 {
            self.list.remove(at);
        }
    }
}

/// Returns the date of an instant in the zone, in days since 1970-01-01. A
/// [date without a time](is_date_only) is the same date in every zone.
pub(crate) fn day_of(at: Timestamp, zone: Tz) -> i32 {
    date_of(at, zone).num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}

/// Returns the date of an instant that the shop gave, in the zone. A [date
/// without a time](is_date_only) is the same date in every zone.
pub(crate) fn date_of(at: Timestamp, zone: Tz) -> NaiveDate {
    match is_date_only(at) {
        true => DateTime::<Utc>::from(at).date_naive(),
        false => date_in(at, zone),
    }
}

/// Returns the date that an instant stands for if it has no time of day: midnight
/// UTC, or midnight in the deployment's zone, as which a date alone is recorded.
pub(crate) fn date_without_time(at: Timestamp, zone: Tz) -> Option<NaiveDate> {
    let local = DateTime::<Utc>::from(at).with_timezone(&zone);
    let is_midnight = local.time() == NaiveTime::MIN;
    (is_midnight || is_date_only(at)).then(|| date_of(at, zone))
}

/// Returns the date of an exact instant in the zone.
pub(crate) fn date_in(at: Timestamp, zone: Tz) -> NaiveDate {
    let utc = DateTime::<Utc>::from(at);
    match zone {
        // The usual zone, without a search in its table of offsets.
        Tz::UTC => utc.date_naive(),
        zone => utc.with_timezone(&zone).date_naive(),
    }
}

/// Returns whether an instant stands for a date without a time of day: shops that
/// do not record times of day send 00:00:00.000 UTC.
fn is_date_only(at: Timestamp) -> bool {
    at.millis().rem_euclid(DAY_MILLIS) == 0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_zone_determines_the_day_except_for_dates_without_a_time() {
        let day = |at: &str, zone: &str| {
            let at = Timestamp::try_from(at).unwrap();
            day_of(at, zone.parse().unwrap())
        };
        assert_eq!(day("1970-01-02T00:30:00Z", "UTC"), 1);
        assert_eq!(day("1969-12-31T23:30:00Z", "UTC"), -1);
        assert_eq!(day("1970-01-01T23:30:00Z", "Europe/Berlin"), 1);
        assert_eq!(day("1970-01-02T04:30:00Z", "America/New_York"), 0);
        assert_eq!(day("1970-01-02T00:00:00Z", "America/New_York"), 1);
        // The clocks of Berlin go forward on 2026-03-29 and back on 2026-10-25.
        assert_eq!(day("2026-03-29T21:59:59Z", "Europe/Berlin"), 20_541);
        assert_eq!(day("2026-03-29T22:00:00Z", "Europe/Berlin"), 20_542);
        assert_eq!(day("2026-10-25T22:59:59Z", "Europe/Berlin"), 20_751);
        assert_eq!(day("2026-10-25T23:00:00Z", "Europe/Berlin"), 20_752);
    }

    proptest! {
        #[test]
        fn days_after_those_dropped_are_exact(
            steps in prop::collection::vec((0..900i32, 1..50i64, any::<bool>()), 0..2_500)
        ) {
            let mut days = Days::default();
            let mut counted: Vec<(i32, i64)> = Vec::new();
            for (day, amount, is_removal) in steps {
                if is_removal && !counted.is_empty() {
                    let (day, amount) = counted.swap_remove(day as usize % counted.len());
                    days.subtract(day, amount);
                } else {
                    days.add(day, amount);
                    counted.push((day, amount));
                }
                prop_assert!(days.list.len() <= Days::MAX);
            }
            let mut expected: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
            for (day, amount) in counted {
                if days.dropped().is_none_or(|dropped| day > dropped) {
                    let (count, sum) = expected.entry(day).or_default();
                    (*count, *sum) = (*count + 1, *sum + amount);
                }
            }
            let found = days.iter().map(|one| (one.day, (one.count, one.sum)));
            prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
        }
    }
}
