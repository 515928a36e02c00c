//! Hours of the day and weekdays in which customers are active: in which they
//! order or do other things.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use bson::{RawDocument, RawDocumentBuf, doc};
use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use domain::Timestamp;
use domain::rules::Rules;
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::Collection;
use mongodb::error::Error;
use serde::Deserialize;

use crate::runtime::scan::{BATCH, PATIENCE, each};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;
use crate::views::customers::Customers;
use crate::views::customers::buckets::{BucketDocument, Series, bucket_id};
use crate::views::customers::days::date_without_time;
use crate::views::customers::filter::{filter, living};
use crate::views::customers::times::{Bucket, Times};

/// Number of customers with buckets that are read concurrently.
const CONCURRENT_CUSTOMERS: usize = 8;

/// Number of buckets per read, which bounds memory.
const BUCKETS_PER_READ: usize = 16;

/// Maximum number of reads of a customer whose buckets change meanwhile.
const ATTEMPTS: usize = 8;

/// Activity of customers in one hour of the day or on one weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActivityCounts {
    /// Number of customers who ordered or did anything. Each counts once, so
    /// that a few very active ones do not dominate.
    pub customers: u64,
    /// Number of orders.
    pub orders: u64,
    /// Number of activities.
    pub activities: u64,
}

/// Activity of an audience by hour and weekday, in one time zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActivityHours {
    /// Number of customers in the audience.
    pub customers: u64,
    /// Number of their orders that count.
    pub orders: u64,
    /// Number of their activities with a known time: all except those under names
    /// beyond the first ones, which a document only counts.
    pub activities: u64,
    /// Activity by hour of the day; index 0 is midnight to 01:00.
    pub hours: [ActivityCounts; 24],
    /// Activity by weekday; index 0 is Monday.
    pub weekdays: [ActivityCounts; 7],
}

/// Time zones of a count.
#[derive(Debug, Clone, Copy)]
struct Zones {
    /// Zone of hours and weekdays.
    counted: Tz,
    /// Zone of the deployment, in which dates without a time are midnights.
    deployment: Tz,
}

impl Store {
    /// Counts the orders and activities of the customers that the rules match
    /// now, by hour and weekday in this time zone.
    ///
    /// Reads all times of each customer. That takes as long as reading the
    /// members, seconds for a million, plus about 10 ms per 16,384 times of very
    /// active customers. Holds one batch in memory.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer or takes too long.
    pub async fn busy_hours(
        &self,
        rules: &Rules,
        now: Timestamp,
        zone: Tz,
    ) -> Result<ActivityHours, QueryError> {
        let zones = Zones {
            counted: zone,
            deployment: self.zone(),
        };
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let find = customers
            .find(living(filter(&rules.at(now))))
            .projection(doc! {"order_times": 1, "events": 1, "_parts": 1})
            .batch_size(BATCH)
            .max_time(PATIENCE);
        let mut busy = ActivityHours::default();
        let mut with_buckets: Vec<String> = Vec::new();
        let count = |customer: &RawDocument| {
            let times: CustomerTimes = bson::deserialize_from_slice(customer.as_bytes())?;
            if times.parts > 0 {
                with_buckets.push(times.id);
            } else {
                busy.add(&times.outside_buckets(zones));
            }
            Ok(())
        };
        each(find.await?, count).await?;
        let buckets: Collection<BucketDocument> = self.parts_beside(customers.name());
        let busiest = stream::iter(with_buckets)
            .map(|id| hours_with_buckets(&customers, &buckets, id, zones))
            .buffer_unordered(CONCURRENT_CUSTOMERS);
        let mut busiest = std::pin::pin!(busiest);
        while let Some(customer) = busiest.try_next().await? {
            customer.iter().for_each(|customer| busy.add(customer));
        }
        Ok(busy)
    }
}

/// Times of one customer that are in the document itself.
#[derive(Debug, Default, Deserialize)]
struct CustomerTimes {
    #[serde(rename = "_id", default)]
    id: String,
    #[serde(default)]
    order_times: Times,
    #[serde(default)]
    events: BTreeMap<String, ActivityTimes>,
    #[serde(rename = "_parts", default)]
    parts: i64,
}

#[derive(Debug, Default, Deserialize)]
struct ActivityTimes {
    times: Times,
}

impl CustomerTimes {
    fn outside_buckets(&self, zones: Zones) -> CustomerHours {
        let mut hours = CustomerHours::default();
        let sign = |counts| if counts { 1 } else { -1 };
        for (at, counts) in self.order_times.outside_buckets() {
            hours.orders.count(at, sign(counts), zones);
        }
        let activities = self.events.values();
        for (at, counts) in activities.flat_map(|of_name| of_name.times.outside_buckets()) {
            hours.activities.count(at, sign(counts), zones);
        }
        hours
    }

    /// Returns the buckets by id, each with `true` if its times are of orders.
    fn buckets(&self) -> HashMap<String, (Bucket, bool)> {
        let orders = self.order_times.buckets().iter().map(|bucket| {
            let id = bucket_id(&self.id, &Series::Orders, bucket.index);
            (id, (*bucket, true))
        });
        let events = self.events.iter().flat_map(|(name, activities)| {
            activities.times.buckets().iter().map(|bucket| {
                let id = bucket_id(&self.id, &Series::Events(name), bucket.index);
                (id, (*bucket, false))
            })
        });
        orders.chain(events).collect()
    }
}

/// Counts a customer with buckets; `None` if the document no longer exists.
/// While events are being folded, buckets may be ahead of the document. Both are
/// then read again, up to [`ATTEMPTS`] times; the last read counts as it is.
async fn hours_with_buckets(
    customers: &Collection<RawDocumentBuf>,
    buckets: &Collection<BucketDocument>,
    id: String,
    zones: Zones,
) -> Result<Option<CustomerHours>, Error> {
    let customers = customers.clone_with_type::<CustomerTimes>();
    for attempt in 1..=ATTEMPTS {
        let Some(times) = customers.find_one(doc! {"_id": &id}).await? else {
            return Ok(None);
        };
        let mut hours = times.outside_buckets(zones);
        let known = times.buckets();
        let is_same = add_buckets(&mut hours, &known, buckets, zones).await?;
        if is_same || attempt == ATTEMPTS {
            return Ok(Some(hours));
        }
    }
    Ok(None)
}

/// Adds the times in buckets. Returns `true` if every bucket is the one that the
/// document lists.
async fn add_buckets(
    hours: &mut CustomerHours,
    known: &HashMap<String, (Bucket, bool)>,
    buckets: &Collection<BucketDocument>,
    zones: Zones,
) -> Result<bool, Error> {
    let ids: Vec<&String> = known.keys().collect();
    let mut unchanged = 0;
    for ids in ids.chunks(BUCKETS_PER_READ) {
        let find = buckets.find(doc! {"_id": {"$in": ids}}).max_time(PATIENCE);
        let mut found = find.await?;
        while let Some(bucket) = found.try_next().await? {
            let Some((known, are_orders)) = known.get(&bucket.id) else {
                continue;
            };
            unchanged += usize::from(bucket.number == known.number);
            let kind = match are_orders {
                true => &mut hours.orders,
                false => &mut hours.activities,
            };
            for (at, count) in bucket.times.iter() {
                kind.count(at, count as i64, zones);
            }
            // A bucket has up to 16,384 different times: let other tasks run.
            tokio::task::yield_now().await;
        }
    }
    Ok(unchanged == known.len())
}

/// Orders and activities of one customer by hour and weekday.
#[derive(Debug, Default)]
struct CustomerHours {
    orders: Hours,
    activities: Hours,
}

/// Counts by hour and weekday. A time that is removed from a bucket counts as −1
/// until the bucket is added.
#[derive(Debug, Default)]
struct Hours {
    all: i64,
    hours: [i64; 24],
    weekdays: [i64; 7],
}

impl Hours {
    /// Adds `times` at the weekday and hour of an instant. A
    /// [date without a time](date_without_time) has no hour and is the same date
    /// in every zone.
    fn count(&mut self, at: Timestamp, times: i64, zones: Zones) {
        self.all += times;
        let weekday = match date_without_time(at, zones.deployment) {
            Some(date) => date.weekday(),
            None => {
                let local = DateTime::<Utc>::from(at).with_timezone(&zones.counted);
                self.hours[local.hour() as usize] += times;
                local.weekday()
            }
        };
        self.weekdays[weekday.num_days_from_monday() as usize] += times;
    }
}

impl ActivityHours {
    /// Returns the hour with the most active customers. Ties are broken by the
    /// number of orders and activities, then by the earliest hour. `None` without
    /// any activity at a known hour.
    pub fn best_hour(&self) -> Option<u8> {
        best(&self.hours)
    }

    /// Returns the weekday with the most active customers, by the same order; 0 is
    /// Monday.
    pub fn best_weekday(&self) -> Option<u8> {
        best(&self.weekdays)
    }

    fn add(&mut self, customer: &CustomerHours) {
        let CustomerHours { orders, activities } = customer;
        // Counts can be negative only if buckets changed during the last read.
        let positive = |count: i64| u64::try_from(count).unwrap_or_default();
        self.customers += 1;
        self.orders += positive(orders.all);
        self.activities += positive(activities.all);
        let hours = orders.hours.into_iter().zip(activities.hours);
        let weekdays = orders.weekdays.into_iter().zip(activities.weekdays);
        let all = self.hours.iter_mut().zip(hours);
        for (busy, (orders, activities)) in all.chain(self.weekdays.iter_mut().zip(weekdays)) {
            busy.customers += u64::from(orders > 0 || activities > 0);
            busy.orders += positive(orders);
            busy.activities += positive(activities);
        }
    }
}

fn best(all: &[ActivityCounts]) -> Option<u8> {
    let order = |(index, busy): &(u8, &ActivityCounts)| {
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

    fn instants(times: &[&str]) -> Times {
        let at = |time: &&str| Timestamp::try_from(*time).unwrap();
        times.iter().map(at).collect()
    }

    fn customer(orders: &[&str], visits: &[&str]) -> CustomerTimes {
        let visits = ActivityTimes {
            times: instants(visits),
        };
        CustomerTimes {
            order_times: instants(orders),
            events: BTreeMap::from([("visit".to_owned(), visits)]),
            ..CustomerTimes::default()
        }
    }

    fn counted(customers: &[CustomerTimes], zone: Tz) -> ActivityHours {
        counted_in(customers, zone, Tz::UTC)
    }

    fn counted_in(customers: &[CustomerTimes], counted: Tz, deployment: Tz) -> ActivityHours {
        let zones = Zones {
            counted,
            deployment,
        };
        let mut busy = ActivityHours::default();
        for customer in customers {
            busy.add(&customer.outside_buckets(zones));
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
        let expected = |customers, orders, activities| ActivityCounts {
            customers,
            orders,
            activities,
        };
        assert_eq!((busy.customers, busy.orders, busy.activities), (4, 6, 6));
        assert_eq!(busy.hours[9], expected(1, 5, 5));
        assert_eq!(busy.hours[20], expected(2, 1, 1));
        assert_eq!(busy.best_hour(), Some(20));
        assert_eq!(busy.weekdays[0], expected(1, 5, 5));
        assert_eq!(busy.weekdays[1], expected(1, 0, 1));
        assert_eq!(busy.best_weekday(), Some(0), "the one with most events");
    }

    #[test]
    fn ties_go_to_the_earliest_and_no_activity_has_no_best() {
        let two = customer(&["2026-11-25T20:00:00Z", "2026-11-24T08:00:00Z"], &[]);
        let busy = counted(&[two], Tz::UTC);
        assert_eq!((busy.best_hour(), busy.best_weekday()), (Some(8), Some(1)));
        let idle = counted(&[customer(&[], &[])], Tz::UTC);
        assert_eq!((idle.best_hour(), idle.best_weekday()), (None, None));
    }

    #[test]
    fn a_date_without_a_time_has_no_hour_and_is_that_date_in_every_zone() {
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
    fn a_date_alone_of_the_deployments_zone_has_no_hour() {
        let berlin = "Europe/Berlin".parse().unwrap();
        // Midnight in Berlin, and a second later.
        let orders = ["2026-11-22T23:00:00Z", "2026-11-22T23:00:01Z"];
        for zone in [berlin, Tz::UTC] {
            let busy = counted_in(&[customer(&orders, &[])], zone, berlin);
            let with_hour: u64 = busy.hours.iter().map(|hour| hour.orders).sum();
            assert_eq!((with_hour, busy.orders), (1, 2));
            assert!(busy.weekdays[0].orders >= 1);
        }
    }

    #[test]
    fn hours_follow_the_zones_clocks_on_that_date() {
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
