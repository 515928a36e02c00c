//! What needs events that were trimmed from the log.

use chrono::{TimeDelta, Utc};
use eventlog::{Log, Position};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, Work, create, named, reconciliation, shown, steer, vips};
use crate::api::with;
use crate::support::app::App;
use crate::support::client::answer;
use crate::support::process::run;
use crate::support::wait::{eventually, until};

const PREVIEW: &str = "/api/segments/preview";

async fn log(app: &App) -> Log {
    app.settings().commands().await.log().clone()
}

/// Trims a customer's partition as far as that leaves its last event.
async fn trim_partition_of(app: &App, customer: &str) {
    let log = log(app).await;
    let last = log.last(log.layout().partition_of(customer)).await.unwrap();
    let floor = log.trim(last).await.unwrap();
    assert!(floor.number > 1 && floor == last, "{floor}: trimmed");
}

/// Records something about a customer once more.
async fn touch(app: &App, customer: &str, name: &str) {
    let change = json!({"customer_id": customer, "name": name});
    app.client.accept("/api/data/customers", change).await;
}

#[tokio::test]
async fn questions_about_the_whole_log_are_refused_at_once() {
    let told = vec![("PATRON_JOB_AFTER", "0s".to_owned())];
    let app = App::told(told).await;
    let (_, id) = Work::started(&app, &["Ada"]).await;
    touch(&app, "c-0", "Ava").await;
    trim_partition_of(&app, "c-0").await;
    let gone = app.client.get(&reconciliation(&id)).await;
    let detail = &gone.problem(410, "trimmed")["detail"];
    let detail = detail.as_str().unwrap();
    assert!(detail.ends_with("were trimmed from the log"), "{detail}");
    let past = json!({"rules": "order_count > 0", "as_of": "2026-01-01"});
    let preview = app.client.post(PREVIEW, past.clone()).await;
    preview.problem(410, "trimmed");
    let request = app.client.request(Method::POST, PREVIEW).json(&past);
    let preferred = answer(request.header("prefer", "respond-async")).await;
    preferred.problem(410, "trimmed");

    for command in [["reconcile", &id], ["rebuild", "customers"]] {
        let printed = run(app.patron(command));
        assert_eq!(printed.code, Some(1), "{printed:?}");
        assert!(printed.err.contains(detail), "{printed:?}");
    }
    let rebuild = |view: &str| format!("/api/admin/projections/{view}/rebuild");
    let rebuilt = app.client.post(&rebuild("customers"), json!({})).await;
    rebuilt.problem(410, "trimmed");
    let unknown = app.client.post(&rebuild("nothing"), json!({})).await;
    unknown.problem(404, "not-found");
    let asked = "/api/audit?aggregate=view/customers";
    let asked = app.client.list(asked, 10).await;
    assert!(asked.is_empty(), "no rebuild was recorded: {asked:?}");
}

#[tokio::test]
async fn a_launch_is_refused_where_a_view_can_never_have_what_it_needs() {
    let app = App::without_workers().await;
    vips(&app, &["Ada"]).await;
    let launched = create(&app, named("Launched")).await;
    let again = |id: &str| {
        let path = format!("{PATH}/{id}/launch");
        let request = app.client.request(Method::POST, &path);
        answer(request.header("idempotency-key", "launch-1"))
    };
    assert_eq!(again(&launched).await.status, 202);
    let draft = create(&app, named("Draft")).await;
    touch(&app, "c-0", "Ava").await;
    // Nobody has folded anything yet.
    trim_partition_of(&app, "c-0").await;

    steer(&app, &draft, "launch").await.problem(410, "trimmed");
    let again_without_key = steer(&app, &launched, "launch").await;
    again_without_key.problem(409, "impossible-transition");
    let unknown = steer(&app, "cmp_1", "launch").await;
    unknown.problem(404, "not-found");
    let work = Work::on(&app, &draft).await;
    let head = work.commands.campaign(&work.campaign).await.unwrap();
    assert!(
        head.unwrap().launch_version().is_none(),
        "it was not launched"
    );
    let at_once = with(named("At once"), json!({"launch": true}));
    let created = app.client.post(PATH, at_once).await;
    created.problem(410, "trimmed");
    assert_eq!(again(&launched).await.status, 202, "it was launched before");
}

#[tokio::test]
async fn a_campaign_goes_out_if_nobody_needs_what_was_trimmed() {
    let mut app = App::start().await;
    vips(&app, &["Ada", "Bob"]).await;
    touch(&app, "c-0", "Ava").await;
    let id = create(&app, named("Out")).await;
    app.client.caught_up().await;
    trim_partition_of(&app, "c-0").await;
    assert_eq!(steer(&app, &id, "launch").await.status, 202);
    let campaign = eventually("an audience", async || {
        let campaign = shown(&app, &id).await;
        (!campaign["size"].is_null()).then_some(campaign)
    })
    .await;
    assert_eq!(campaign["size"]["queued"], 2, "{campaign}");
    assert_eq!(campaign["waiting_for"], Value::Null);
    app.workers.clear();
}

#[tokio::test]
async fn a_campaign_whose_audience_needs_trimmed_events_says_so_and_sends_nothing() {
    let mut app = App::start().await;
    vips(&app, &["Ada", "Bob", "Cy"]).await;
    touch(&app, "c-0", "Ava").await;
    let id = create(&app, named("Stuck")).await;
    app.client.caught_up().await;
    app.workers.clear();
    trim_partition_of(&app, "c-0").await;
    assert_eq!(steer(&app, &id, "launch").await.status, 202);
    touch(&app, "c-0", "Ada").await;
    app.add_worker();

    let campaign = eventually("what it waits for", async || {
        let campaign = shown(&app, &id).await;
        (!campaign["waiting_for"].is_null()).then_some(campaign)
    })
    .await;
    assert_eq!(campaign["status"], "launching");
    let waiting = &campaign["waiting_for"];
    assert_eq!(waiting["reason"], "trimmed");
    assert!(waiting["since"].is_string());
    let detail = waiting["detail"].as_str().unwrap();
    assert!(detail.ends_with("were trimmed from the log"), "{detail}");
    assert_eq!(campaign["statistics"]["queued"], 0, "nobody is queued");

    assert_eq!(steer(&app, &id, "cancel").await.status, 202);
    let campaign = eventually("the cancellation", async || {
        let campaign = shown(&app, &id).await;
        (campaign["status"] == "cancelled").then_some(campaign)
    })
    .await;
    assert_eq!(campaign["waiting_for"], Value::Null);
}

#[tokio::test]
async fn who_has_changed_since_is_folded_anew_from_what_was_kept() {
    let mut app = App::start().await;
    vips(&app, &["Ada"]).await;
    touch(&app, "c-0", "Ava").await;
    let log = log(&app).await;
    let here = |id: &String| log.layout().partition_of(id) == log.layout().partition_of("c-0");
    let new = (1..).map(|n| format!("c-{n}")).find(here).unwrap();
    let id = create(&app, named("Out")).await;
    app.client.caught_up().await;
    trim_partition_of(&app, "c-0").await;
    let customer = json!({"customer_id": new, "name": "New", "email": "new@example.com",
        "tags": ["vip"]});
    app.client.accept("/api/data/customers", customer).await;
    app.client.caught_up().await;
    app.workers.clear();
    assert_eq!(steer(&app, &id, "launch").await.status, 202);
    touch(&app, &new, "Newer").await;
    app.add_worker();
    let campaign = eventually("an audience", async || {
        let campaign = shown(&app, &id).await;
        (!campaign["size"].is_null()).then_some(campaign)
    })
    .await;
    assert_eq!(campaign["size"]["queued"], 2, "{campaign}");
    let texts = eventually("the texts of two messages", async || {
        let logs = app.client.read(&format!("{PATH}/{id}/logs")).await;
        let texts = logs["items"].as_array().unwrap().iter();
        let mut texts: Vec<String> = texts
            .map(|row| row["text"].as_str().unwrap().to_owned())
            .collect();
        texts.sort_unstable();
        (texts.len() == 2).then_some(texts)
    })
    .await;
    assert_eq!(texts, ["Hi Ava!", "Hi New!"], "as they were at the launch");
}

#[tokio::test]
async fn a_scheduled_campaign_that_cannot_be_launched_says_so() {
    let mut app = App::without_workers().await;
    let at = Utc::now() + TimeDelta::seconds(5);
    let id = create(&app, with(named("Later"), json!({"scheduled_at": at}))).await;
    let log = log(&app).await;
    let layout = log.layout();
    // The campaign's own events stay.
    let elsewhere = |customer: &String| layout.partition_of(customer) != layout.partition_of(&id);
    let customer = (0..).map(|n| format!("c-{n}")).find(elsewhere).unwrap();
    touch(&app, &customer, "Ada").await;
    touch(&app, &customer, "Ava").await;
    trim_partition_of(&app, &customer).await;
    app.add_worker();
    let campaign = eventually("what it waits for", async || {
        let campaign = app.client.get(&format!("{PATH}/{id}")).await.body;
        campaign["waiting_for"].is_object().then_some(campaign)
    })
    .await;
    assert_eq!(campaign["status"], "scheduled");
    assert_eq!(campaign["waiting_for"]["reason"], "trimmed");
    let floor = Position {
        partition: layout.partition_of(&customer),
        number: log
            .last(layout.partition_of(&customer))
            .await
            .unwrap()
            .number,
    };
    let reason = format!("events before {floor} were trimmed from the log");
    until("a view says why it has stopped", async || {
        let views = app.client.get("/api/admin/projections").await;
        views.text.contains(&reason)
    })
    .await;
    app.workers.clear();
}
