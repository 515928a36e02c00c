//! When customers are about: at which hours and on which weekdays they order
//! and do things.

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

use super::Customers;
use super::buckets::{BucketDocument, Series, bucket_id};
use super::days::is_day;
use super::filter::filter;
use super::times::{Bucket, Times};
use crate::scan::{BATCH, PATIENCE, each};
use crate::view::View;
use crate::{QueryError, Store};

/// Customers with buckets that are looked at at once.
const AT_ONCE: usize = 8;

/// Buckets that are read at once.
const BUCKETS: usize = 16;

/// How often a customer is read anew because their buckets have changed.
const ATTEMPTS: usize = 8;

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
    /// themselves takes, seconds for a million, and about 10 ms for each
    /// 16,384 times of those who did very much. Memory for a batch.
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
            .projection(doc! {"order_times": 1, "events": 1, "_parts": 1})
            .batch_size(BATCH)
            .max_time(PATIENCE);
        let mut busy = BusyHours::default();
        let mut with_buckets: Vec<String> = Vec::new();
        let look = |customer: &RawDocument| {
            let doings: Doings = bson::deserialize_from_slice(customer.as_bytes())?;
            if doings.parts > 0 {
                with_buckets.push(doings.id);
            } else {
                busy.add(&doings.outside_buckets(zone));
            }
            Ok(())
        };
        each(find.await?, look).await?;
        let buckets: Collection<BucketDocument> = self.parts_beside(customers.name());
        let busiest = stream::iter(with_buckets)
            .map(|id| whole(&customers, &buckets, id, zone))
            .buffer_unordered(AT_ONCE);
        let mut busiest = std::pin::pin!(busiest);
        while let Some(customer) = busiest.try_next().await? {
            customer.iter().for_each(|customer| busy.add(customer));
        }
        Ok(busy)
    }
}

/// When one customer did what.
#[derive(Debug, Default, Deserialize)]
struct Doings {
    #[serde(rename = "_id", default)]
    id: String,
    #[serde(default)]
    order_times: Times,
    #[serde(default)]
    events: BTreeMap<String, Done>,
    #[serde(rename = "_parts", default)]
    parts: i64,
}

#[derive(Debug, Default, Deserialize)]
struct Done {
    times: Times,
}

impl Doings {
    fn outside_buckets(&self, zone: Tz) -> CustomerHours {
        let mut hours = CustomerHours::default();
        let counted = |counts| if counts { 1 } else { -1 };
        for (at, counts) in self.order_times.outside_buckets() {
            hours.orders.count(at, counted(counts), zone);
        }
        let done = self.events.values();
        for (at, counts) in done.flat_map(|done| done.times.outside_buckets()) {
            hours.activities.count(at, counted(counts), zone);
        }
        hours
    }

    /// The buckets by id, and whether they are of orders.
    fn buckets(&self) -> HashMap<String, (Bucket, bool)> {
        let orders = self.order_times.buckets().iter().map(|bucket| {
            let id = bucket_id(&self.id, &Series::Orders, bucket.index);
            (id, (*bucket, true))
        });
        let events = self.events.iter().flat_map(|(name, done)| {
            done.times.buckets().iter().map(|bucket| {
                let id = bucket_id(&self.id, &Series::Events(name), bucket.index);
                (id, (*bucket, false))
            })
        });
        orders.chain(events).collect()
    }
}

/// A customer with buckets; `None` for one who is gone. While events are folded
/// into them, the buckets may be ahead of the document: then both are read
/// anew, but for the last time, when they are taken as they are.
async fn whole(
    customers: &Collection<RawDocumentBuf>,
    buckets: &Collection<BucketDocument>,
    id: String,
    zone: Tz,
) -> Result<Option<CustomerHours>, Error> {
    let customers = customers.clone_with_type::<Doings>();
    for attempt in 1..=ATTEMPTS {
        let Some(doings) = customers.find_one(doc! {"_id": &id}).await? else {
            return Ok(None);
        };
        let mut hours = doings.outside_buckets(zone);
        let known = doings.buckets();
        let is_same = add_buckets(&mut hours, &known, buckets, zone).await?;
        if is_same || attempt == ATTEMPTS {
            return Ok(Some(hours));
        }
    }
    Ok(None)
}

/// Adds what buckets have. Returns whether they are as they are known.
async fn add_buckets(
    hours: &mut CustomerHours,
    known: &HashMap<String, (Bucket, bool)>,
    buckets: &Collection<BucketDocument>,
    zone: Tz,
) -> Result<bool, Error> {
    let ids: Vec<&String> = known.keys().collect();
    let mut same = 0;
    for ids in ids.chunks(BUCKETS) {
        let find = buckets.find(doc! {"_id": {"$in": ids}}).max_time(PATIENCE);
        let mut found = find.await?;
        while let Some(bucket) = found.try_next().await? {
            let Some((known, are_orders)) = known.get(&bucket.id) else {
                continue;
            };
            same += usize::from(bucket.number == known.number);
            let kind = match are_orders {
                true => &mut hours.orders,
                false => &mut hours.activities,
            };
            for (at, count) in bucket.times.iter() {
                kind.count(at, count as i64, zone);
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(same == known.len())
}

/// What one customer did in each hour and on each weekday.
#[derive(Debug, Default)]
struct CustomerHours {
    orders: Hours,
    activities: Hours,
}

/// How often something was done. What is taken back of a bucket counts
/// negatively until the bucket is added.
#[derive(Debug, Default)]
struct Hours {
    all: i64,
    hours: [i64; 24],
    weekdays: [i64; 7],
}

impl Hours {
    /// Counts by the weekday and the hour that the zone's clocks show at an
    /// instant. What is but a day has no hour, and is the same day everywhere.
    fn count(&mut self, at: Timestamp, times: i64, zone: Tz) {
        self.all += times;
        let utc = DateTime::<Utc>::from(at);
        let weekday = if is_day(at) {
            utc.weekday()
        } else {
            let local = utc.with_timezone(&zone);
            self.hours[local.hour() as usize] += times;
            local.weekday()
        };
        self.weekdays[weekday.num_days_from_monday() as usize] += times;
    }
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

    fn add(&mut self, customer: &CustomerHours) {
        let CustomerHours { orders, activities } = customer;
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

    fn instants(times: &[&str]) -> Times {
        let at = |time: &&str| Timestamp::try_from(*time).unwrap();
        times.iter().map(at).collect()
    }

    fn customer(orders: &[&str], visits: &[&str]) -> Doings {
        let done = Done {
            times: instants(visits),
        };
        Doings {
            order_times: instants(orders),
            events: BTreeMap::from([("visit".to_owned(), done)]),
            ..Doings::default()
        }
    }

    fn counted(customers: &[Doings], zone: Tz) -> BusyHours {
        let mut busy = BusyHours::default();
        for customer in customers {
            busy.add(&customer.outside_buckets(zone));
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
