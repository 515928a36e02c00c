//! Operations that need events which were trimmed from the log.

use chrono::{TimeDelta, Utc};
use eventlog::{Log, Position};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    CampaignDriver, PATH, create, named, post_command, read_caught_up, reconcile_path, record_vips,
};
use crate::api::with;
use crate::support::app::App;
use crate::support::client::send;
use crate::support::process::run;
use crate::support::wait::{eventually, until};

const PREVIEW: &str = "/api/segments/preview";

async fn log(app: &App) -> Log {
    app.settings().commands().await.log().clone()
}

/// Trims a customer's partition up to its last event, which stays.
async fn trim_partition_of(app: &App, customer: &str) {
    let log = log(app).await;
    let last = log.last(log.layout().partition_of(customer)).await.unwrap();
    let floor = log.trim(last).await.unwrap();
    assert!(floor.number > 1 && floor == last, "the floor is {floor}");
}

/// Records a name of a customer, which appends an event to the customer's partition.
async fn record_name(app: &App, customer: &str, name: &str) {
    let change = json!({"customer_id": customer, "name": name});
    app.client
        .post_accepted("/api/data/customers", change)
        .await;
}

#[tokio::test]
async fn reads_of_the_whole_log_are_refused_at_once_if_it_was_trimmed() {
    let environment = vec![("PATRON_JOB_AFTER", "0s".to_owned())];
    let app = App::with_environment(environment).await;
    let (_, id) = CampaignDriver::start(&app, &["Ada"]).await;
    record_name(&app, "c-0", "Ava").await;
    trim_partition_of(&app, "c-0").await;
    let gone = app.client.get(&reconcile_path(&id)).await;
    let detail = &gone.assert_problem(410, "trimmed")["detail"];
    let detail = detail.as_str().unwrap();
    assert!(detail.ends_with("were trimmed from the log"), "{detail}");
    let past = json!({"rules": "order_count > 0", "as_of": "2026-01-01"});
    let preview = app.client.post(PREVIEW, past.clone()).await;
    preview.assert_problem(410, "trimmed");
    let request = app.client.request(Method::POST, PREVIEW).json(&past);
    let preferred = send(request.header("prefer", "respond-async")).await;
    preferred.assert_problem(410, "trimmed");

    for command in [["reconcile", &id], ["rebuild", "customers"]] {
        let printed = run(app.patron(command));
        assert_eq!(printed.code, Some(1), "{printed:?}");
        assert!(printed.err.contains(detail), "{printed:?}");
    }
    let rebuild = |view: &str| format!("/api/admin/projections/{view}/rebuild");
    let rebuilt = app.client.post(&rebuild("customers"), json!({})).await;
    rebuilt.assert_problem(410, "trimmed");
    let unknown = app.client.post(&rebuild("nothing"), json!({})).await;
    unknown.assert_problem(404, "not-found");
    let requests = "/api/audit?aggregate=view/customers";
    let requests = app.client.list(requests, 10).await;
    assert!(requests.is_empty(), "no rebuild was recorded: {requests:?}");
}

#[tokio::test]
async fn a_launch_is_refused_if_a_view_can_never_reach_its_positions() {
    let app = App::without_workers().await;
    record_vips(&app, &["Ada"]).await;
    let launched = create(&app, named("Launched")).await;
    let launch_with_key = |id: &str| {
        let path = format!("{PATH}/{id}/launch");
        let request = app.client.request(Method::POST, &path);
        send(request.header("idempotency-key", "launch-1"))
    };
    assert_eq!(launch_with_key(&launched).await.status, 202);
    let draft = create(&app, named("Draft")).await;
    record_name(&app, "c-0", "Ava").await;
    // No worker has folded any event yet.
    trim_partition_of(&app, "c-0").await;

    post_command(&app, &draft, "launch")
        .await
        .assert_problem(410, "trimmed");
    let without_key = post_command(&app, &launched, "launch").await;
    without_key.assert_problem(409, "impossible-transition");
    let unknown = post_command(&app, "cmp_1", "launch").await;
    unknown.assert_problem(404, "not-found");
    let driver = CampaignDriver::new(&app, &draft).await;
    let head = driver.commands.campaign(&driver.campaign).await.unwrap();
    assert!(
        head.unwrap().launch_version().is_none(),
        "it was not launched"
    );
    let at_once = with(named("At once"), json!({"launch": true}));
    let created = app.client.post(PATH, at_once).await;
    created.assert_problem(410, "trimmed");
    assert_eq!(
        launch_with_key(&launched).await.status,
        202,
        "it was launched before"
    );
}

#[tokio::test]
async fn a_campaign_that_needs_no_trimmed_events_is_sent() {
    let mut app = App::start().await;
    record_vips(&app, &["Ada", "Bob"]).await;
    record_name(&app, "c-0", "Ava").await;
    let id = create(&app, named("Out")).await;
    app.client.wait_until_caught_up().await;
    trim_partition_of(&app, "c-0").await;
    assert_eq!(post_command(&app, &id, "launch").await.status, 202);
    let campaign = eventually("the audience is resolved", async || {
        let campaign = read_caught_up(&app, &id).await;
        (!campaign["size"].is_null()).then_some(campaign)
    })
    .await;
    assert_eq!(campaign["size"]["queued"], 2, "{campaign}");
    assert_eq!(campaign["waiting_for"], Value::Null);
    app.workers.clear();
}

#[tokio::test]
async fn a_campaign_that_needs_trimmed_events_reports_it_and_sends_nothing() {
    let mut app = App::start().await;
    record_vips(&app, &["Ada", "Bob", "Cy"]).await;
    record_name(&app, "c-0", "Ava").await;
    let id = create(&app, named("Stuck")).await;
    app.client.wait_until_caught_up().await;
    app.workers.clear();
    trim_partition_of(&app, "c-0").await;
    assert_eq!(post_command(&app, &id, "launch").await.status, 202);
    // The view moves past the launch, so the state at the launch has to be folded from the log, in
    // which events of this customer are missing.
    record_name(&app, "c-0", "Ada").await;
    app.add_worker();

    let campaign = eventually("the campaign reports what it waits for", async || {
        let campaign = read_caught_up(&app, &id).await;
        (!campaign["waiting_for"].is_null()).then_some(campaign)
    })
    .await;
    assert_eq!(campaign["status"], "launching");
    let waiting = &campaign["waiting_for"];
    assert_eq!(waiting["reason"], "trimmed");
    assert!(waiting["since"].is_string());
    let detail = waiting["detail"].as_str().unwrap();
    assert!(detail.ends_with("were trimmed from the log"), "{detail}");
    assert_eq!(campaign["statistics"]["queued"], 0, "no message is queued");

    assert_eq!(post_command(&app, &id, "cancel").await.status, 202);
    let campaign = eventually("the campaign is cancelled", async || {
        let campaign = read_caught_up(&app, &id).await;
        (campaign["status"] == "cancelled").then_some(campaign)
    })
    .await;
    assert_eq!(campaign["waiting_for"], Value::Null);
}

#[tokio::test]
async fn a_recipient_changed_since_the_launch_is_folded_from_kept_events() {
    let mut app = App::start().await;
    record_vips(&app, &["Ada"]).await;
    record_name(&app, "c-0", "Ava").await;
    let log = log(&app).await;
    let here = |id: &String| log.layout().partition_of(id) == log.layout().partition_of("c-0");
    let new = (1..).map(|n| format!("c-{n}")).find(here).unwrap();
    let id = create(&app, named("Out")).await;
    app.client.wait_until_caught_up().await;
    trim_partition_of(&app, "c-0").await;
    let customer = json!({"customer_id": new, "name": "New", "email": "new@example.com",
        "tags": ["vip"]});
    app.client
        .post_accepted("/api/data/customers", customer)
        .await;
    app.client.wait_until_caught_up().await;
    app.workers.clear();
    assert_eq!(post_command(&app, &id, "launch").await.status, 202);
    record_name(&app, &new, "Newer").await;
    app.add_worker();
    let campaign = eventually("the audience is resolved", async || {
        let campaign = read_caught_up(&app, &id).await;
        (!campaign["size"].is_null()).then_some(campaign)
    })
    .await;
    assert_eq!(campaign["size"]["queued"], 2, "{campaign}");
    let texts = eventually("two messages have texts", async || {
        let logs = app.client.read(&format!("{PATH}/{id}/logs")).await;
        let texts = logs["items"].as_array().unwrap().iter();
        let mut texts: Vec<String> = texts
            .map(|row| row["text"].as_str().unwrap().to_owned())
            .collect();
        texts.sort_unstable();
        (texts.len() == 2).then_some(texts)
    })
    .await;
    assert_eq!(texts, ["Hi Ava!", "Hi New!"], "names as of the launch");
}

#[tokio::test]
async fn a_scheduled_campaign_that_cannot_be_launched_reports_it() {
    let mut app = App::without_workers().await;
    let at = Utc::now() + TimeDelta::seconds(5);
    let id = create(&app, with(named("Later"), json!({"scheduled_at": at}))).await;
    let log = log(&app).await;
    let layout = log.layout();
    // The campaign's own events stay.
    let elsewhere = |customer: &String| layout.partition_of(customer) != layout.partition_of(&id);
    let customer = (0..).map(|n| format!("c-{n}")).find(elsewhere).unwrap();
    record_name(&app, &customer, "Ada").await;
    record_name(&app, &customer, "Ava").await;
    trim_partition_of(&app, &customer).await;
    app.add_worker();
    let campaign = eventually("the campaign reports what it waits for", async || {
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
    until("a view reports why it has stopped", async || {
        let views = app.client.get("/api/admin/projections").await;
        views.text.contains(&reason)
    })
    .await;
    app.workers.clear();
}
