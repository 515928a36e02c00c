//! `/api/jobs`: reads of the whole log that outlive their requests.

use std::time::Duration;

use domain::Role;
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::{Collection, IndexModel};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::campaigns::{CampaignDriver, reconcile_path};
use super::order;
use crate::support::app::App;
use crate::support::client::{Answer, Client, send};
use crate::support::events::EventStream;
use crate::support::wait::{eventually_within, until};

const PREVIEW: &str = "/api/segments/preview";

/// Starts the API without workers. Every read of the whole log becomes a job at once.
async fn start() -> App {
    App::with_environment(vec![("PATRON_JOB_AFTER", "0s".to_owned())]).await
}

/// Starts another API process on the same deployment, with default settings.
fn start_another(app: &App) -> (crate::support::process::Process, Client) {
    let mut settings = app.settings().clone();
    settings.environment.clear();
    settings.serve("127.0.0.1:0")
}

/// Asserts that a request became a job, and returns the path of the job.
pub(super) fn job_path(accepted: &Answer) -> String {
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.body["job_id"].as_str().unwrap();
    assert!(id.starts_with("job_"), "{id}");
    let path = accepted.header("location").to_owned();
    assert_eq!(path, format!("/api/jobs/{id}"));
    path
}

/// Waits until a job has ended, and returns it.
pub(super) async fn wait_for_end(client: &Client, path: &str) -> Value {
    // The lease of a job whose process was killed lasts for 30 s.
    eventually_within(Duration::from_secs(60), "the job has ended", async || {
        let job = client.read(path).await;
        (job["status"] != "running").then_some(job)
    })
    .await
}

/// Starts a campaign. Its reconciliation waits several seconds for the views, as no worker runs.
async fn start_campaign(app: &App) -> String {
    let (_, id) = CampaignDriver::start(app, &["Ada", "Bob"]).await;
    id
}

/// Returns the collection of job records.
async fn records(app: &App) -> Collection<Document> {
    let store = super::campaigns::store(app).await;
    store.database().collection("jobs")
}

fn preview_as_of(as_of: &str) -> Value {
    json!({"rules": "order_count > 0", "as_of": as_of})
}

fn assert_interrupted(job: &Value) {
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(job["problem"]["type"], "urn:patron:problem:interrupted");
    assert!(job["ended_at"].is_string() && job.get("result").is_none());
}

#[tokio::test]
async fn a_slow_reconciliation_becomes_a_job_with_the_same_result() {
    let mut app = start().await;
    let id = start_campaign(&app).await;
    app.add_worker();
    app.client.wait_until_caught_up().await;
    let accepted = app.client.get(&reconcile_path(&id)).await;
    let path = job_path(&accepted);
    assert_eq!(accepted.body["kind"], "reconciliation");
    assert!(accepted.body["started_at"].is_string());

    let job = wait_for_end(&app.client, &path).await;
    assert_eq!(job["status"], "done", "{job}");
    assert!(job["ended_at"].is_string() && job.get("problem").is_none());
    let (_process, other_client) = start_another(&app);
    assert_eq!(job["result"], other_client.read(&reconcile_path(&id)).await);
    let progress = &job["progress"];
    assert_eq!(progress["read"], progress["of"], "the whole log was read");
    assert!(progress["of"].as_u64() > Some(0));
    assert_eq!(
        other_client.read(&path).await,
        job,
        "every process shows the job"
    );
}

#[tokio::test]
async fn a_request_that_exceeds_its_time_continues_as_a_job() {
    let environment = vec![("PATRON_JOB_AFTER", "200ms".to_owned())];
    let app = App::with_environment(environment).await;
    let id = start_campaign(&app).await;
    let accepted = app.client.get(&reconcile_path(&id)).await;
    let path = job_path(&accepted);
    assert_eq!(accepted.body["status"], "running");
    let progress = &accepted.body["progress"];
    assert_eq!(progress["read"], progress["of"], "it waits for the views");
    let job = wait_for_end(&app.client, &path).await;
    assert_eq!(job["result"]["planned"], 2, "{job}");
}

#[tokio::test]
async fn a_preview_as_of_the_past_becomes_a_job_with_the_same_result() {
    let app = start().await;
    let orders = json!([order("c-1", "o-1", 500), order("c-2", "o-2", 900)]);
    app.client.post_accepted("/api/data/orders", orders).await;
    let body = preview_as_of(&chrono::Utc::now().to_rfc3339());
    let accepted = app.client.post(PREVIEW, body.clone()).await;
    let job = wait_for_end(&app.client, &job_path(&accepted)).await;
    assert_eq!(
        (&job["kind"], &job["status"]),
        (&json!("preview"), &json!("done"))
    );
    let (_process, other_client) = start_another(&app);
    let answer = other_client.post(PREVIEW, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let untimed = |mut preview: Value| {
        preview["took_ms"] = json!(0);
        preview
    };
    assert_eq!(untimed(job["result"].clone()), untimed(answer.body));
    assert_eq!(job["result"]["count"], 2);
}

#[tokio::test]
async fn a_client_may_request_a_job_with_the_prefer_header() {
    let app = App::without_workers().await;
    let request = app.client.request(Method::POST, PREVIEW);
    let request = request.header("prefer", "respond-async");
    let accepted = send(request.json(&preview_as_of("2026-01-01"))).await;
    let job = wait_for_end(&app.client, &job_path(&accepted)).await;
    assert_eq!(job["result"]["count"], 0);
    let answer = app.client.post(PREVIEW, preview_as_of("2026-01-01")).await;
    assert_eq!(answer.status, 200, "a fast preview is answered at once");
}

#[tokio::test]
async fn events_follow_a_job_to_its_end() {
    let app = start().await;
    let id = start_campaign(&app).await;
    let path = job_path(&app.client.get(&reconcile_path(&id)).await);
    let mut events = EventStream::open(&app.client, &format!("{path}/events")).await;
    let mut last = events.next().await.unwrap();
    assert_eq!(
        (&*last.0, &last.1["status"]),
        ("progress", &json!("running"))
    );
    while last.0 == "progress" {
        last = events.next().await.unwrap();
    }
    assert_eq!((&*last.0, &last.1["status"]), ("end", &json!("done")));
    assert_eq!(last.1, app.client.read(&path).await);
    assert_eq!(last.1["result"]["planned"], 2);
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn the_events_of_a_job_end_once_the_key_is_revoked() {
    let app = start().await;
    let id = start_campaign(&app).await;
    let key = app.create_key(Role::Viewer, None).await;
    let viewer = app.client.with_key(Some(key.reveal()));
    let path = job_path(&viewer.get(&reconcile_path(&id)).await);
    let mut events = EventStream::open(&viewer, &format!("{path}/events")).await;
    assert_eq!(events.next().await.unwrap().0, "progress");
    let revoked = app.client.delete(&format!("/api/keys/{}", key.id())).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    while let Some((name, data)) = events.next().await {
        assert_eq!(name, "progress", "{data}");
    }
    // The job may have ended before the next check, without an `end` for a revoked key.
    assert_eq!(wait_for_end(&app.client, &path).await["status"], "done");
}

#[tokio::test]
async fn an_identical_request_joins_the_running_job() {
    let app = start().await;
    let (first, second) = (
        start_campaign(&app).await,
        super::campaigns::create_launched(&app).await,
    );
    let viewer = app.create_key(Role::Viewer, None).await;
    let viewer = app.client.with_key(Some(viewer.reveal()));
    let path = reconcile_path(&first);
    let (one, two) = tokio::join!(app.client.get(&path), app.client.get(&path));
    let job = job_path(&one);
    assert_eq!(job_path(&two), job);
    assert_eq!(
        job_path(&viewer.get(&path).await),
        job,
        "another credential joins too"
    );
    let other = app.client.get(&reconcile_path(&second)).await;
    assert_ne!(job_path(&other), job, "another campaign has its own job");
    assert_eq!(wait_for_end(&app.client, &job).await["status"], "done");
    assert_ne!(
        job_path(&app.client.get(&path).await),
        job,
        "a job that has ended is not joined"
    );
}

#[tokio::test]
async fn a_request_for_later_positions_starts_another_job() {
    let app = start().await;
    let id = start_campaign(&app).await;
    let path = reconcile_path(&id);
    let first = job_path(&app.client.get(&path).await);
    let order = order("c-0", "o-1", 500);
    let written = app.client.post_accepted("/api/data/orders", order).await;
    let after = format!("{path}?after={written}");
    let second = job_path(&app.client.get(&after).await);
    assert_ne!(second, first, "the first job began before the order");
    assert_eq!(job_path(&app.client.get(&after).await), second);
    assert_eq!(
        job_path(&app.client.get(&path).await),
        second,
        "the newest job is joined"
    );
    assert_eq!(wait_for_end(&app.client, &first).await["status"], "done");
    assert_eq!(wait_for_end(&app.client, &second).await["status"], "done");
}

#[tokio::test]
async fn a_job_ended_by_another_process_stops() {
    let app = start().await;
    let id = start_campaign(&app).await;
    let path = job_path(&app.client.get(&reconcile_path(&id)).await);
    let records = records(&app).await;
    let job = path.strip_prefix("/api/jobs/").unwrap();
    let end = doc! {"$set": {"status": "failed", "problem": "{}"}};
    let changed = records.update_one(doc! {"_id": job}, end).await.unwrap();
    assert_eq!(changed.modified_count, 1);
    until("the process stops the job", async || {
        let log = app.api.stderr();
        log.contains("another process ended the job, since its lease had expired")
    })
    .await;
    let job = app.client.read(&path).await;
    assert_eq!(
        (&job["status"], &job["problem"]),
        (&json!("failed"), &json!({}))
    );
    assert_eq!(job.get("result"), None);
    let next = job_path(&app.client.get(&reconcile_path(&id)).await);
    assert_eq!(wait_for_end(&app.client, &next).await["status"], "done");
}

#[tokio::test]
async fn a_process_does_not_interrupt_its_own_job_with_an_expired_lease() {
    let app = start().await;
    let id = start_campaign(&app).await;
    let path = job_path(&app.client.get(&reconcile_path(&id)).await);
    let records = records(&app).await;
    let job = path.strip_prefix("/api/jobs/").unwrap();
    // The lease expires like this in a failover during which it cannot be renewed.
    let expire = doc! {"$set": {"lease_until": mongodb::bson::DateTime::from_millis(0)}};
    records.update_one(doc! {"_id": job}, expire).await.unwrap();
    assert_eq!(app.client.read(&path).await["status"], "running");
    assert_eq!(wait_for_end(&app.client, &path).await["status"], "done");
}

#[tokio::test]
async fn a_job_record_expires_a_day_after_its_end() {
    let app = start().await;
    let accepted = app.client.post(PREVIEW, preview_as_of("2026-01-01")).await;
    wait_for_end(&app.client, &job_path(&accepted)).await;
    let records = records(&app).await;
    let record = records.find_one(doc! {}).await.unwrap().unwrap();
    let millis = |field: &str| record.get_datetime(field).unwrap().timestamp_millis();
    let day = 24 * 60 * 60 * 1_000;
    assert_eq!(millis("expires_at") - millis("ended_at"), day);
    let indexes = records.list_indexes().await.unwrap();
    let indexes: Vec<_> = indexes.try_collect().await.unwrap();
    let is_ttl = |index: &IndexModel| {
        let options = index.options.as_ref().unwrap();
        index.keys == doc! {"expires_at": 1} && options.expire_after == Some(Duration::ZERO)
    };
    assert!(indexes.iter().any(is_ttl), "{indexes:?}");
}

#[tokio::test]
async fn the_job_of_a_killed_process_is_interrupted() {
    let mut app = start().await;
    let id = start_campaign(&app).await;
    let (_process, other) = start_another(&app);
    let path = job_path(&app.client.get(&reconcile_path(&id)).await);
    app.api.kill();
    let job = other.read(&path).await;
    assert_eq!(
        job["status"], "running",
        "its lease has not expired yet: {job}"
    );
    let job = wait_for_end(&other, &path).await;
    assert_interrupted(&job);
    app.restart_api();
    assert_eq!(
        app.client.read(&path).await,
        job,
        "the interruption is recorded"
    );
}

#[tokio::test]
async fn a_stopping_process_interrupts_its_jobs_at_once() {
    let mut app = start().await;
    let id = start_campaign(&app).await;
    let (_process, other) = start_another(&app);
    let path = job_path(&app.client.get(&reconcile_path(&id)).await);
    assert!(app.api.stop(Signal::TERM).success());
    assert_interrupted(&other.read(&path).await);
}

#[tokio::test]
async fn a_failed_job_contains_its_problem() {
    let mut app = start().await;
    let id = start_campaign(&app).await;
    app.add_worker();
    app.client.wait_until_caught_up().await;
    let store = super::campaigns::store(&app).await;
    // The damage keeps the API from finding the generation that serves.
    let generations = store.database().collection::<Document>("generations");
    let of_messages = doc! {"_id": "messages"};
    let damage = doc! {"$set": {"active": "none"}};
    generations.update_one(of_messages, damage).await.unwrap();
    let accepted = app.client.get(&reconcile_path(&id)).await;
    let job = wait_for_end(&app.client, &job_path(&accepted)).await;
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(job["problem"]["type"], "urn:patron:problem:unavailable");
    assert_eq!(job["problem"]["instance"], accepted.header("x-request-id"));
}

#[tokio::test]
async fn a_job_is_visible_to_roles_that_may_start_it() {
    let app = start().await;
    let id = start_campaign(&app).await;
    let key = async |role| app.create_key(role, None).await;
    let viewer = app.client.with_key(Some(key(Role::Viewer).await.reveal()));
    let marketer = app
        .client
        .with_key(Some(key(Role::Marketer).await.reveal()));
    let ingest = app.client.with_key(Some(key(Role::Ingest).await.reveal()));
    let preview = job_path(&marketer.post(PREVIEW, preview_as_of("2026-01-01")).await);
    let reconciled = job_path(&viewer.get(&reconcile_path(&id)).await);
    for path in [preview.clone(), format!("{preview}/events")] {
        viewer.get(&path).await.assert_problem(403, "forbidden");
        assert_eq!(marketer.get(&path).await.status, 200);
    }
    assert_eq!(marketer.get(&reconciled).await.status, 200);
    assert_eq!(viewer.get(&reconciled).await.status, 200);
    ingest
        .get(&reconciled)
        .await
        .assert_problem(403, "forbidden");
    let anonymous = app.client.with_key(None);
    anonymous
        .get(&reconciled)
        .await
        .assert_problem(401, "unauthenticated");
    for path in ["/api/jobs/job_1", "/api/jobs/job_1/events"] {
        app.client.get(path).await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_caller_with_many_log_reads_does_not_delay_others() {
    let environment = [("PATRON_JOB_AFTER", "0s"), ("PATRON_MAX_LOG_READS", "4")];
    let environment = environment.map(|(name, value)| (name, value.to_owned()));
    let app = App::with_environment(environment.into()).await;
    let id = start_campaign(&app).await;
    let first = job_path(&app.client.get(&reconcile_path(&id)).await);
    let client = app.client.clone();
    let second =
        tokio::spawn(async move { client.post(PREVIEW, preview_as_of("2026-01-01")).await });
    let other = app.create_key(Role::Marketer, None).await;
    let other = app.client.with_key(Some(other.reveal()));
    let of_other = job_path(&other.post(PREVIEW, preview_as_of("2026-02-02")).await);
    assert_eq!(wait_for_end(&other, &of_other).await["status"], "done");
    assert_eq!(app.client.read(&first).await["status"], "running");
    assert!(
        !second.is_finished(),
        "each credential runs one log read at a time"
    );
    let second = job_path(&second.await.unwrap());
    assert_eq!(app.client.read(&first).await["status"], "done");
    assert_eq!(wait_for_end(&app.client, &second).await["status"], "done");
}
