//! What happened on each of a customer's days.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::Timestamp;
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400_000;

/// Counts and sums by the days of the deployment's time zone: of the newest
/// days on which anything happened, [`Days::MAX`] at most.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Days {
    /// Up to this day nothing is kept, since there were too many. All days
    /// after it are exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dropped: Option<i32>,
    /// In order.
    #[serde(default)]
    list: Vec<DayCount>,
}

/// What happened on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCount {
    /// Days since 1970-01-01, as the deployment's clocks show it.
    #[serde(rename = "d")]
    pub day: i32,
    /// How often.
    #[serde(rename = "n")]
    pub count: i64,
    /// The sum of the amounts, if there are any.
    #[serde(rename = "s", default, skip_serializing_if = "is_zero")]
    pub sum: i64,
}

fn is_zero(sum: &i64) -> bool {
    *sum == 0
}

impl Days {
    /// How many days are kept.
    pub const MAX: usize = 400;

    /// Each day on which anything happened, in order.
    pub fn iter(&self) -> impl Iterator<Item = &DayCount> {
        self.list.iter()
    }

    /// The last of the days that are not kept, since there were too many.
    pub fn dropped(&self) -> Option<i32> {
        self.dropped
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts something in.
    pub(super) fn add(&mut self, day: i32, amount: i64) {
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

    /// Takes something back that was counted in. Documents of an older program
    /// have no days of what that had folded: what is not there is let be.
    pub(super) fn take_back(&mut self, day: i32, amount: i64) {
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

/// The day that an instant is in, in days since 1970-01-01. What is but a day
/// is the same day everywhere.
pub(super) fn day_of(at: Timestamp, zone: Tz) -> i32 {
    let utc = DateTime::<Utc>::from(at);
    let date = match is_day(at) {
        true => utc.date_naive(),
        false => utc.with_timezone(&zone).date_naive(),
    };
    date.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}

/// Whether an instant says no more than a day: shops that know no times of day
/// send the first instant of it.
pub(super) fn is_day(at: Timestamp) -> bool {
    at.millis().rem_euclid(DAY) == 0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_is_that_of_the_zone_but_for_what_is_only_a_day() {
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
            let mut there: Vec<(i32, i64)> = Vec::new();
            for (day, amount, back) in steps {
                if back && !there.is_empty() {
                    let (day, amount) = there.swap_remove(day as usize % there.len());
                    days.take_back(day, amount);
                } else {
                    days.add(day, amount);
                    there.push((day, amount));
                }
                prop_assert!(days.list.len() <= Days::MAX);
            }
            let mut expected: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
            for (day, amount) in there {
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
