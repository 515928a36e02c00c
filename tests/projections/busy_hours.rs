//! Hours and weekdays in which customers are active, in the time zone of their shop.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use domain::Timestamp;
use projections::analytics::{ActivityCounts, ActivityHours};

use super::crowd::{Crowd, Person};
use crate::support::deployment::Deployment;
use crate::support::shop::minute;

const HOUR: i64 = 3_600_000;

/// Returns a zone's offset from UTC in ms, at a time within the crowd's 400 days, in which Berlin
/// had daylight saving time once.
fn offset(zone: Tz, at: Timestamp) -> i64 {
    let instant = |text| Timestamp::try_from(text).unwrap();
    let summer = instant("2025-03-30T01:00:00Z")..instant("2025-10-26T01:00:00Z");
    match zone {
        Tz::Europe__Berlin if summer.contains(&at) => 2 * HOUR,
        Tz::Europe__Berlin => HOUR,
        Tz::Asia__Kolkata => 11 * HOUR / 2,
        _ => 0,
    }
}

/// Returns the local hour and the weekday, counted from Monday. A time at midnight UTC is a date
/// without an hour. 1970-01-01 was a Thursday.
fn local(zone: Tz, at: Timestamp) -> (Option<usize>, usize) {
    let is_day = at.millis().rem_euclid(24 * HOUR) == 0;
    let offset = if is_day { 0 } else { offset(zone, at) };
    let hours = (at.millis() + offset).div_euclid(HOUR);
    let weekday = (hours.div_euclid(24) + 3).rem_euclid(7);
    let hour = (!is_day).then_some(hours.rem_euclid(24) as usize);
    (hour, weekday as usize)
}

fn expected(members: &[&Person], zone: Tz) -> ActivityHours {
    let mut busy = ActivityHours::default();
    for member in members {
        let orders = member.orders.iter().map(|(_, at)| local(zone, *at));
        let activities = member.activities.iter().map(|(_, at)| local(zone, *at));
        for (hour, weekday) in orders.clone() {
            hour.iter().for_each(|hour| busy.hours[*hour].orders += 1);
            busy.weekdays[weekday].orders += 1;
            busy.orders += 1;
        }
        for (hour, weekday) in activities.clone() {
            hour.iter()
                .for_each(|hour| busy.hours[*hour].activities += 1);
            busy.weekdays[weekday].activities += 1;
            busy.activities += 1;
        }
        let all: Vec<_> = orders.chain(activities).collect();
        let hours: BTreeSet<_> = all.iter().filter_map(|(hour, _)| *hour).collect();
        let weekdays: BTreeSet<_> = all.iter().map(|(_, weekday)| *weekday).collect();
        hours
            .iter()
            .for_each(|hour| busy.hours[*hour].customers += 1);
        weekdays
            .iter()
            .for_each(|weekday| busy.weekdays[*weekday].customers += 1);
        busy.customers += 1;
    }
    busy
}

/// Returns the index of the first entry with the most customers, then the most orders and activity.
fn best(all: &[ActivityCounts]) -> Option<u8> {
    let order = |busy: &ActivityCounts| (busy.customers, busy.orders + busy.activities);
    let most = all.iter().map(order).max()?;
    let first = all.iter().position(|busy| order(busy) == most)?;
    (most.0 > 0).then_some(first as u8)
}

#[tokio::test]
async fn hours_and_weekdays_match_the_members_times_in_any_zone() {
    let Crowd {
        deployment, people, ..
    } = Crowd::random(150).await;
    let everybody: Vec<&Person> = people.values().collect();
    let spends = |person: &&&Person| person.total_spend() > 2_000;
    let spenders: Vec<&Person> = everybody.iter().filter(spends).copied().collect();
    let nobody = Vec::new();
    for (rules, members) in [
        ("order_count >= 0", &everybody),
        ("total_spend > 2000", &spenders),
        ("total_spend < 0", &nobody),
    ] {
        for zone in [Tz::UTC, Tz::Europe__Berlin, Tz::Asia__Kolkata] {
            let parsed = rules.parse().unwrap();
            let found = deployment.store.busy_hours(&parsed, minute(0), zone).await;
            let (found, expected) = (found.unwrap(), expected(members, zone));
            assert_eq!(found, expected, "{rules} in {zone}");
            assert_eq!(found.best_hour(), best(&expected.hours));
            assert_eq!(found.best_weekday(), best(&expected.weekdays));
        }
    }
}

#[tokio::test]
async fn an_empty_store_has_no_busy_hours() {
    let deployment = Deployment::fresh().await;
    let rules = "order_count >= 0".parse().unwrap();
    let found = deployment
        .store
        .busy_hours(&rules, minute(0), Tz::UTC)
        .await;
    let found = found.unwrap();
    assert_eq!(found, ActivityHours::default());
    assert_eq!((found.best_hour(), found.best_weekday()), (None, None));
}
