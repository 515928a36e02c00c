//! Counts and sums by day, in the deployment's time zone.

use chrono_tz::Tz;
use domain::{OrderStatus, Timestamp};
use mongodb::bson::{Document, doc};
use projections::customers::{DayCount, Days};

use super::{documents, project, rebuild_view};
use crate::support::app::{App, Settings};
use crate::support::deployment::Deployment;
use crate::support::engines::engines;
use crate::support::process::{Process, run};
use crate::support::shop::{activity, context, minute, order, order_content};
use crate::support::wait::until;

fn listed(days: &Days) -> Vec<(i32, i64, i64)> {
    let one = |day: &DayCount| (day.day, day.count, day.sum);
    days.iter().map(one).collect()
}

fn at(time: &str) -> Timestamp {
    Timestamp::try_from(time).unwrap()
}

/// 2026-01-01, in days since 1970.
const NEW_YEAR: i32 = 20_454;

#[tokio::test]
async fn days_follow_the_time_zone_and_replaced_values_leave_their_day() {
    let mut deployment = Deployment::fresh().await.prepared().await;
    deployment.store = deployment.store.clone().in_zone(Tz::America__New_York);
    let placed = |id: &str, cents: i64, time: &str, status| {
        let mut item = order("c-1", id, 0);
        item.content = order_content(cents, at(time), status);
        item
    };
    let commands = &deployment.commands;
    let orders = vec![
        placed("o-1", 100, "2026-01-02T04:59:59Z", OrderStatus::Placed),
        placed("o-2", 20, "2026-01-02T05:00:00Z", OrderStatus::Placed),
        placed("o-3", 3, "2026-01-02T06:00:00Z", OrderStatus::Placed),
        placed("o-4", 7, "2026-01-04T12:00:00Z", OrderStatus::Placed),
        // Midnight UTC is a date without a time, whatever the zone.
        placed("o-5", 5, "2026-01-02T00:00:00Z", OrderStatus::Placed),
        placed("o-6", 9, "2026-01-09T12:00:00Z", OrderStatus::Cancelled),
    ];
    commands.record_orders(&context(), orders).await.unwrap();
    let visit = |id: &str, name: &str, time: &str| activity("c-1", id, name, at(time));
    let activities = vec![
        visit("e-1", "visit", "2026-01-02T03:00:00Z"),
        visit("e-2", "visit", "2026-01-02T04:00:00Z"),
    ];
    commands
        .record_activities(&context(), activities)
        .await
        .unwrap();
    project(&deployment, "customers").await.unwrap();
    let customer = async || deployment.store.customer("c-1").await.unwrap().unwrap();
    let before = customer().await;
    let expected = [
        (NEW_YEAR, 1, 100),
        (NEW_YEAR + 1, 3, 28),
        (NEW_YEAR + 3, 1, 7),
    ];
    assert_eq!(listed(&before.order_days), expected);
    assert_eq!(listed(&before.events["visit"].days), [(NEW_YEAR, 2, 0)]);

    let orders = vec![
        placed("o-2", 20, "2026-01-02T05:00:00Z", OrderStatus::Refunded),
        placed("o-3", 30, "2026-01-02T06:00:00Z", OrderStatus::Placed),
        placed("o-4", 7, "2026-01-05T12:00:00Z", OrderStatus::Placed),
    ];
    commands.record_orders(&context(), orders).await.unwrap();
    let activities = vec![visit("e-1", "click", "2026-01-02T03:00:00Z")];
    commands
        .record_activities(&context(), activities)
        .await
        .unwrap();
    project(&deployment, "customers").await.unwrap();
    let after = customer().await;
    let expected = [
        (NEW_YEAR, 1, 100),
        (NEW_YEAR + 1, 2, 35),
        (NEW_YEAR + 4, 1, 7),
    ];
    assert_eq!(listed(&after.order_days), expected);
    assert_eq!(listed(&after.events["visit"].days), [(NEW_YEAR, 1, 0)]);
    assert_eq!(listed(&after.events["click"].days), [(NEW_YEAR, 1, 0)]);

    rebuild_view(&deployment, "customers").await;
    let store = &deployment.store;
    let (old, new) = (
        documents(store, "customers", 1),
        documents(store, "customers", 2),
    );
    assert!(old.await == new.await);
}

#[tokio::test]
async fn a_customer_keeps_the_newest_400_days() {
    let deployment = Deployment::fresh().await.prepared().await;
    let orders = (0..500).map(|n| {
        let mut item = order("c-1", &format!("o-{n}"), 0);
        // Out of order.
        let at = minute(n * 7 % 500 * 1_440 + 1);
        item.content = order_content(1, at, OrderStatus::Placed);
        item
    });
    let commands = &deployment.commands;
    commands
        .record_orders(&context(), orders.collect())
        .await
        .unwrap();
    project(&deployment, "customers").await.unwrap();
    let customer = deployment.store.customer("c-1").await.unwrap().unwrap();
    let expected: Vec<_> = (100..500).map(|n| (NEW_YEAR + n, 1, 1)).collect();
    assert_eq!(listed(&customer.order_days), expected);
    assert_eq!(customer.order_days.dropped(), Some(NEW_YEAR + 99));
    assert_eq!(customer.order_count, 500);
}

#[tokio::test]
async fn the_time_zone_is_fixed_at_the_first_start() {
    let settings = Settings::fresh(&engines().redis_url, &engines().mongodb_uri);
    let first = run(settings.patron(["status", "--time-zone", "Asia/Kolkata"]));
    assert!(
        first.out.contains("time zone Asia/Kolkata"),
        "{}{}",
        first.out,
        first.err
    );
    let other = run(settings.patron(["status", "--time-zone", "UTC"]));
    let said = "time_zone was set to Asia/Kolkata at the first start and cannot be changed to UTC";
    assert!(other.err.contains(said), "{}", other.err);

    let mut late = order("c-1", "o-1", 0);
    late.content = order_content(100, at("2026-01-01T18:30:00Z"), OrderStatus::Placed);
    let commands = settings.commands().await;
    commands
        .record_orders(&context(), vec![late])
        .await
        .unwrap();
    // Without the option, the stored time zone applies.
    let _worker = Process::start(settings.patron(["work"]));
    let client = mongodb::Client::with_uri_str(&settings.mongodb_uri).await;
    let database = client.unwrap().database(&settings.name);
    let customers = database.collection::<Document>("customers_g1");
    let day = doc! {"_id": "c-1", "order_days.list": {"d": NEW_YEAR + 1, "n": 1i64, "s": 100i64}};
    until("the order is folded", async || {
        customers
            .count_documents(doc! {"_id": "c-1"})
            .await
            .unwrap()
            == 1
    })
    .await;
    assert_eq!(customers.count_documents(day).await.unwrap(), 1);
}

#[tokio::test]
async fn responses_do_not_contain_days() {
    let app = App::start().await;
    let order = serde_json::json!({"order_id": "o-1", "customer_id": "c-1", "amount": 100,
        "currency": "USD", "placed_at": "2026-01-01T10:00:00Z"});
    app.client.post_accepted("/api/data/orders", order).await;
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["order_count"], 1);
    let fields = customer.as_object().unwrap().keys();
    let internal: Vec<_> = fields
        .filter(|name| name.contains("day") || name.starts_with('_'))
        .collect();
    assert!(internal.is_empty(), "{internal:?}");
}
