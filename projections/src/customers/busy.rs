//! When customers are about: at which hours and on which weekdays they order
//! and do things.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bson::{RawDocument, RawDocumentBuf, doc};
use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use domain::rules::Rules;
use domain::{Instants, Timestamp};
use serde::Deserialize;

use super::Customers;
use super::filter::filter;
use crate::scan::{BATCH, PATIENCE, each};
use crate::view::View;
use crate::{QueryError, Store};

const DAY: i64 = 86_400_000;

/// What happened in one hour of the day, or on one weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Busy {
    /// How many customers ordered or did anything then. Each counts once, so
    /// that one who does much does not decide.
    pub customers: u64,
    /// How many orders.
    pub orders: u64,
    /// How many activities.
    pub activities: u64,
}

/// When some customers are about, by the clocks of a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusyHours {
    /// How many customers were looked at.
    pub customers: u64,
    /// How many orders of theirs count.
    pub orders: u64,
    /// How many activities of theirs have a known time: all but those under
    /// names beyond the first that a document keeps.
    pub activities: u64,
    /// By the hour of the day, from midnight.
    pub hours: [Busy; 24],
    /// By the weekday, from Monday.
    pub weekdays: [Busy; 7],
}

impl Store {
    /// When those whom the rules match now are about, in this time zone. Reads
    /// the times of all that each of them did: as long as reading the members
    /// themselves takes, seconds for a million. Memory for a batch.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer, or not in time.
    pub async fn busy_hours(
        &self,
        rules: &Rules,
        now: Timestamp,
        zone: Tz,
    ) -> Result<BusyHours, QueryError> {
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let find = customers
            .find(filter(&rules.at(now)))
            .projection(doc! {"_id": 0, "order_times": 1, "events": 1})
            .batch_size(BATCH)
            .max_time(PATIENCE);
        let mut busy = BusyHours::default();
        let look = |customer: &RawDocument| {
            busy.count(&bson::deserialize_from_slice(customer.as_bytes())?, zone);
            Ok(())
        };
        each(find.await?, look).await?;
        Ok(busy)
    }
}

/// When one customer did what.
#[derive(Debug, Default, Deserialize)]
struct Doings {
    order_times: Instants,
    #[serde(default)]
    events: BTreeMap<String, Done>,
}

#[derive(Debug, Default, Deserialize)]
struct Done {
    times: Instants,
}

/// The hours and weekdays in which a customer was seen, a bit each.
#[derive(Default)]
struct Seen {
    hours: u32,
    weekdays: u8,
}

impl BusyHours {
    /// The hour in which most customers are about; of several the one in which
    /// most happens, then the earliest. `None` if nothing ever happened.
    pub fn best_hour(&self) -> Option<u8> {
        best(&self.hours)
    }

    /// The same of weekdays: 0 is Monday.
    pub fn best_weekday(&self) -> Option<u8> {
        best(&self.weekdays)
    }

    fn count(&mut self, customer: &Doings, zone: Tz) {
        let mut seen = Seen::default();
        for at in customer.order_times.iter() {
            for busy in self.at(at, zone, &mut seen) {
                busy.orders += 1;
            }
            self.orders += 1;
        }
        for at in customer.events.values().flat_map(|done| done.times.iter()) {
            for busy in self.at(at, zone, &mut seen) {
                busy.activities += 1;
            }
            self.activities += 1;
        }
        self.customers += 1;
        for (index, hour) in self.hours.iter_mut().enumerate() {
            hour.customers += u64::from(seen.hours >> index & 1);
        }
        for (index, weekday) in self.weekdays.iter_mut().enumerate() {
            weekday.customers += u64::from(seen.weekdays >> index & 1);
        }
    }

    /// The weekday and the hour that the zone's clocks show at an instant. What
    /// is but a day has no hour, and is the same day everywhere.
    fn at(&mut self, at: Timestamp, zone: Tz, seen: &mut Seen) -> impl Iterator<Item = &mut Busy> {
        let utc = DateTime::<Utc>::from(at);
        let local = utc.with_timezone(&zone);
        let hour = (!is_day(at)).then_some(local.hour());
        let weekday = hour.map_or(utc.weekday(), |_| local.weekday());
        let weekday = weekday.num_days_from_monday();
        seen.hours |= hour.map_or(0, |hour| 1 << hour);
        seen.weekdays |= 1 << weekday;
        let hour = hour.map(|hour| &mut self.hours[hour as usize]);
        hour.into_iter()
            .chain([&mut self.weekdays[weekday as usize]])
    }
}

/// Whether an instant says no more than a day: shops that know no times of day
/// send the first instant of it.
fn is_day(at: Timestamp) -> bool {
    at.millis().rem_euclid(DAY) == 0
}

fn best(all: &[Busy]) -> Option<u8> {
    let order = |(index, busy): &(u8, &Busy)| {
        let happened = busy.orders + busy.activities;
        (busy.customers, happened, Reverse(*index))
    };
    let best = (0..).zip(all).max_by_key(order);
    best.filter(|(_, busy)| busy.customers > 0)
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(times: &[&str]) -> Instants {
        let mut instants = Instants::default();
        for time in times {
            instants.insert(Timestamp::try_from(*time).unwrap());
        }
        instants
    }

    fn customer(orders: &[&str], visits: &[&str]) -> Doings {
        let done = Done {
            times: instants(visits),
        };
        Doings {
            order_times: instants(orders),
            events: BTreeMap::from([("visit".to_owned(), done)]),
        }
    }

    fn counted(customers: &[Doings], zone: Tz) -> BusyHours {
        let mut busy = BusyHours::default();
        for customer in customers {
            busy.count(customer, zone);
        }
        busy
    }

    #[test]
    fn a_customer_counts_once_in_an_hour() {
        let eager = ["2026-11-23T09:00:00Z"; 5];
        let busy = counted(
            &[
                customer(&eager, &eager),
                customer(&[], &["2026-11-24T20:59:59.999Z"]),
                customer(&["2026-11-25T20:00:00Z"], &[]),
                customer(&[], &[]),
            ],
            Tz::UTC,
        );
        let of = |customers, orders, activities| Busy {
            customers,
            orders,
            activities,
        };
        assert_eq!((busy.customers, busy.orders, busy.activities), (4, 6, 6));
        assert_eq!(busy.hours[9], of(1, 5, 5));
        assert_eq!(busy.hours[20], of(2, 1, 1));
        assert_eq!(busy.best_hour(), Some(20));
        assert_eq!(busy.weekdays[0], of(1, 5, 5));
        assert_eq!(busy.weekdays[1], of(1, 0, 1));
        assert_eq!(busy.best_weekday(), Some(0), "where most happens");
    }

    #[test]
    fn of_equals_the_earliest_is_best_and_of_nothing_there_is_none() {
        let two = customer(&["2026-11-25T20:00:00Z", "2026-11-24T08:00:00Z"], &[]);
        let busy = counted(&[two], Tz::UTC);
        assert_eq!((busy.best_hour(), busy.best_weekday()), (Some(8), Some(1)));
        let idle = counted(&[customer(&[], &[])], Tz::UTC);
        assert_eq!((idle.best_hour(), idle.best_weekday()), (None, None));
    }

    #[test]
    fn a_day_without_a_time_has_no_hour_and_is_that_day_everywhere() {
        let orders = ["2026-11-23T00:00:00Z", "2026-11-23T00:00:00.001Z"];
        let busy = counted(
            &[customer(&orders, &[])],
            "America/New_York".parse().unwrap(),
        );
        assert_eq!((busy.hours[19].orders, busy.orders), (1, 2));
        assert_eq!((busy.weekdays[0].orders, busy.weekdays[6].orders), (1, 1));
        let day = counted(&[customer(&orders[..1], &[])], Tz::UTC);
        assert_eq!((day.best_hour(), day.best_weekday()), (None, Some(0)));
    }

    #[test]
    fn clocks_are_those_of_the_zone_on_that_day() {
        let zone = |name: &str| name.parse::<Tz>().unwrap();
        let hour_and_day = |at: &str, name: &str| {
            let busy = counted(&[customer(&[at], &[])], zone(name));
            (busy.best_hour().unwrap(), busy.best_weekday().unwrap())
        };
        // The clocks of Berlin go forward on 2026-03-29, and back on 2026-10-25, at 01:00 UTC.
        let berlin = |at| hour_and_day(at, "Europe/Berlin");
        assert_eq!(berlin("2026-03-29T00:59:59Z"), (1, 6));
        assert_eq!(berlin("2026-03-29T01:00:00Z"), (3, 6));
        assert_eq!(berlin("2026-10-25T00:30:00Z"), (2, 6));
        assert_eq!(berlin("2026-10-25T01:30:00Z"), (2, 6));
        assert_eq!(berlin("2026-11-23T23:00:00Z"), (0, 1));
        let kolkata = |at| hour_and_day(at, "Asia/Kolkata");
        assert_eq!(kolkata("2026-11-23T18:29:59Z"), (23, 0));
        assert_eq!(kolkata("2026-11-23T18:30:00Z"), (0, 1));
    }
}
