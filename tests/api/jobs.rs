//! `/api/jobs`: reads of the whole log that outlive their requests.

use std::time::Duration;

use domain::Role;
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::{Collection, IndexModel};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::campaigns::{Work, reconciliation};
use super::order;
use crate::support::app::App;
use crate::support::client::{Answer, Client, answer};
use crate::support::events::Events;
use crate::support::wait::{eventually_within, until};

const PREVIEW: &str = "/api/segments/preview";

/// The API alone, which makes a job of every read of the whole log.
async fn start() -> App {
    App::told(vec![("PATRON_JOB_AFTER", "0s".to_owned())]).await
}

/// Another process of the API on the same deployment, with the usual settings.
fn another(app: &App) -> (crate::support::process::Process, Client) {
    let mut settings = app.settings().clone();
    settings.environment.clear();
    settings.serve("127.0.0.1:0")
}

/// The path of the job that a request has become.
fn job_of(accepted: &Answer) -> String {
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.body["job_id"].as_str().unwrap();
    assert!(id.starts_with("job_"), "{id}");
    let path = accepted.header("location").to_owned();
    assert_eq!(path, format!("/api/jobs/{id}"));
    path
}

/// A job once it has ended.
async fn ended(client: &Client, path: &str) -> Value {
    // The lease of a job whose process was killed lasts for 30 s.
    eventually_within(Duration::from_secs(60), "the end of a job", async || {
        let job = client.read(path).await;
        (job["status"] != "running").then_some(job)
    })
    .await
}

/// A campaign without workers: reconciling it waits for the views for seconds.
async fn campaign(app: &App) -> String {
    let (_, id) = Work::started(app, &["Ada", "Bob"]).await;
    id
}

/// The records of jobs.
async fn records(app: &App) -> Collection<Document> {
    let store = super::campaigns::store(app).await;
    store.database().collection("jobs")
}

fn past(as_of: &str) -> Value {
    json!({"rules": "order_count > 0", "as_of": as_of})
}

fn assert_interrupted(job: &Value) {
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(job["problem"]["type"], "urn:patron:problem:interrupted");
    assert!(job["ended_at"].is_string() && job.get("result").is_none());
}

#[tokio::test]
async fn a_reconciliation_that_takes_long_becomes_a_job_with_the_same_result() {
    let mut app = start().await;
    let id = campaign(&app).await;
    app.add_worker();
    app.client.caught_up().await;
    let accepted = app.client.get(&reconciliation(&id)).await;
    let path = job_of(&accepted);
    assert_eq!(accepted.body["kind"], "reconciliation");
    assert!(accepted.body["started_at"].is_string());

    let job = ended(&app.client, &path).await;
    assert_eq!(job["status"], "done", "{job}");
    assert!(job["ended_at"].is_string() && job.get("problem").is_none());
    let (_process, usual) = another(&app);
    assert_eq!(job["result"], usual.read(&reconciliation(&id)).await);
    let progress = &job["progress"];
    assert_eq!(progress["read"], progress["of"], "all of it was read");
    assert!(progress["of"].as_u64() > Some(0));
    assert_eq!(usual.read(&path).await, job, "any process has it");
}

#[tokio::test]
async fn what_is_not_done_in_time_continues_as_a_job() {
    let told = vec![("PATRON_JOB_AFTER", "200ms".to_owned())];
    let app = App::told(told).await;
    let id = campaign(&app).await;
    let accepted = app.client.get(&reconciliation(&id)).await;
    let path = job_of(&accepted);
    assert_eq!(accepted.body["status"], "running");
    let progress = &accepted.body["progress"];
    assert_eq!(progress["read"], progress["of"], "it waits for the views");
    let job = ended(&app.client, &path).await;
    assert_eq!(job["result"]["planned"], 2, "{job}");
}

#[tokio::test]
async fn a_preview_of_the_past_becomes_a_job_with_the_same_result() {
    let app = start().await;
    let orders = json!([order("c-1", "o-1", 500), order("c-2", "o-2", 900)]);
    app.client.accept("/api/data/orders", orders).await;
    let body = past(&chrono::Utc::now().to_rfc3339());
    let accepted = app.client.post(PREVIEW, body.clone()).await;
    let job = ended(&app.client, &job_of(&accepted)).await;
    assert_eq!(
        (&job["kind"], &job["status"]),
        (&json!("preview"), &json!("done"))
    );
    let (_process, usual) = another(&app);
    let answer = usual.post(PREVIEW, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let untimed = |mut preview: Value| {
        preview["took_ms"] = json!(0);
        preview
    };
    assert_eq!(untimed(job["result"].clone()), untimed(answer.body));
    assert_eq!(job["result"]["count"], 2);
}

#[tokio::test]
async fn a_client_may_prefer_a_job() {
    let app = App::without_workers().await;
    let request = app.client.request(Method::POST, PREVIEW);
    let request = request.header("prefer", "respond-async");
    let accepted = answer(request.json(&past("2026-01-01"))).await;
    let job = ended(&app.client, &job_of(&accepted)).await;
    assert_eq!(job["result"]["count"], 0);
    let answer = app.client.post(PREVIEW, past("2026-01-01")).await;
    assert_eq!(answer.status, 200, "a small one is answered at once");
}

#[tokio::test]
async fn a_job_is_followed_to_its_end() {
    let app = start().await;
    let id = campaign(&app).await;
    let path = job_of(&app.client.get(&reconciliation(&id)).await);
    let mut events = Events::of(&app.client, &format!("{path}/events")).await;
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
async fn an_equal_request_is_answered_with_the_job_that_is_running() {
    let app = start().await;
    let (first, second) = (campaign(&app).await, super::campaigns::launched(&app).await);
    let viewer = app.new_key(Role::Viewer, None).await;
    let viewer = app.client.with_key(Some(viewer.reveal()));
    let path = reconciliation(&first);
    let (one, two) = tokio::join!(app.client.get(&path), app.client.get(&path));
    let job = job_of(&one);
    assert_eq!(job_of(&two), job);
    assert_eq!(job_of(&viewer.get(&path).await), job, "of anybody's");
    let other = app.client.get(&reconciliation(&second)).await;
    assert_ne!(job_of(&other), job, "of another campaign");
    assert_eq!(ended(&app.client, &job).await["status"], "done");
    assert_ne!(job_of(&app.client.get(&path).await), job, "it has ended");
}

#[tokio::test]
async fn a_request_that_needs_more_than_a_running_job_has_read_starts_another() {
    let app = start().await;
    let id = campaign(&app).await;
    let path = reconciliation(&id);
    let first = job_of(&app.client.get(&path).await);
    let order = order("c-0", "o-1", 500);
    let written = app.client.accept("/api/data/orders", order).await;
    let after = format!("{path}?after={written}");
    let second = job_of(&app.client.get(&after).await);
    assert_ne!(second, first, "it began before the order");
    assert_eq!(job_of(&app.client.get(&after).await), second);
    assert_eq!(job_of(&app.client.get(&path).await), second, "the newest");
    assert_eq!(ended(&app.client, &first).await["status"], "done");
    assert_eq!(ended(&app.client, &second).await["status"], "done");
}

#[tokio::test]
async fn a_job_that_others_have_ended_is_stopped() {
    let app = start().await;
    let id = campaign(&app).await;
    let path = job_of(&app.client.get(&reconciliation(&id)).await);
    let records = records(&app).await;
    let job = path.strip_prefix("/api/jobs/").unwrap();
    let end = doc! {"$set": {"status": "failed", "problem": "{}"}};
    let changed = records.update_one(doc! {"_id": job}, end).await.unwrap();
    assert_eq!(changed.modified_count, 1);
    until("the work stops", async || {
        let log = app.api.errors();
        log.contains("the job was ended by others, since its lease had expired")
    })
    .await;
    let job = app.client.read(&path).await;
    assert_eq!(
        (&job["status"], &job["problem"]),
        (&json!("failed"), &json!({}))
    );
    assert_eq!(job.get("result"), None);
    let next = job_of(&app.client.get(&reconciliation(&id)).await);
    assert_eq!(ended(&app.client, &next).await["status"], "done");
}

#[tokio::test]
async fn a_process_does_not_end_a_job_that_it_runs() {
    let app = start().await;
    let id = campaign(&app).await;
    let path = job_of(&app.client.get(&reconciliation(&id)).await);
    let records = records(&app).await;
    let job = path.strip_prefix("/api/jobs/").unwrap();
    // As after a failover in which the lease could not be renewed.
    let expire = doc! {"$set": {"lease_until": mongodb::bson::DateTime::from_millis(0)}};
    records.update_one(doc! {"_id": job}, expire).await.unwrap();
    assert_eq!(app.client.read(&path).await["status"], "running");
    assert_eq!(ended(&app.client, &path).await["status"], "done");
}

#[tokio::test]
async fn the_record_of_a_job_is_deleted_a_day_after_its_end() {
    let app = start().await;
    let accepted = app.client.post(PREVIEW, past("2026-01-01")).await;
    ended(&app.client, &job_of(&accepted)).await;
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
async fn the_job_of_a_process_that_was_killed_is_interrupted() {
    let mut app = start().await;
    let id = campaign(&app).await;
    let (_process, other) = another(&app);
    let path = job_of(&app.client.get(&reconciliation(&id)).await);
    app.api.kill();
    let job = other.read(&path).await;
    assert_eq!(job["status"], "running", "nobody knows yet: {job}");
    let job = ended(&other, &path).await;
    assert_interrupted(&job);
    app.restart_api();
    assert_eq!(app.client.read(&path).await, job, "it is recorded");
}

#[tokio::test]
async fn a_process_that_stops_interrupts_its_jobs_at_once() {
    let mut app = start().await;
    let id = campaign(&app).await;
    let (_process, other) = another(&app);
    let path = job_of(&app.client.get(&reconciliation(&id)).await);
    assert!(app.api.stop(Signal::TERM).success());
    assert_interrupted(&other.read(&path).await);
}

#[tokio::test]
async fn a_job_that_fails_says_why() {
    let mut app = start().await;
    let id = campaign(&app).await;
    app.add_worker();
    app.client.caught_up().await;
    let store = super::campaigns::store(&app).await;
    // Damaged behind the program's back: it cannot tell which documents serve.
    let generations = store.database().collection::<Document>("generations");
    let of_messages = doc! {"_id": "messages"};
    let damage = doc! {"$set": {"active": "none"}};
    generations.update_one(of_messages, damage).await.unwrap();
    let accepted = app.client.get(&reconciliation(&id)).await;
    let job = ended(&app.client, &job_of(&accepted)).await;
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(job["problem"]["type"], "urn:patron:problem:unavailable");
    assert_eq!(job["problem"]["instance"], accepted.header("x-request-id"));
}

#[tokio::test]
async fn a_job_is_shown_to_those_who_could_have_started_it() {
    let app = start().await;
    let id = campaign(&app).await;
    let key = async |role| app.new_key(role, None).await;
    let viewer = app.client.with_key(Some(key(Role::Viewer).await.reveal()));
    let marketer = app
        .client
        .with_key(Some(key(Role::Marketer).await.reveal()));
    let ingest = app.client.with_key(Some(key(Role::Ingest).await.reveal()));
    let preview = job_of(&marketer.post(PREVIEW, past("2026-01-01")).await);
    let reconciled = job_of(&viewer.get(&reconciliation(&id)).await);
    for path in [preview.clone(), format!("{preview}/events")] {
        viewer.get(&path).await.problem(403, "forbidden");
        assert_eq!(marketer.get(&path).await.status, 200);
    }
    assert_eq!(marketer.get(&reconciled).await.status, 200);
    assert_eq!(viewer.get(&reconciled).await.status, 200);
    ingest.get(&reconciled).await.problem(403, "forbidden");
    let nobody = app.client.with_key(None);
    nobody
        .get(&reconciled)
        .await
        .problem(401, "unauthenticated");
    for path in ["/api/jobs/job_1", "/api/jobs/job_1/events"] {
        app.client.get(path).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_caller_with_many_reads_does_not_keep_others_waiting() {
    let told = [("PATRON_JOB_AFTER", "0s"), ("PATRON_MAX_LOG_READS", "4")];
    let told = told.map(|(name, value)| (name, value.to_owned()));
    let app = App::told(told.into()).await;
    let id = campaign(&app).await;
    let first = job_of(&app.client.get(&reconciliation(&id)).await);
    let client = app.client.clone();
    let second = tokio::spawn(async move { client.post(PREVIEW, past("2026-01-01")).await });
    let other = app.new_key(Role::Marketer, None).await;
    let other = app.client.with_key(Some(other.reveal()));
    let of_other = job_of(&other.post(PREVIEW, past("2026-02-02")).await);
    assert_eq!(ended(&other, &of_other).await["status"], "done");
    assert_eq!(app.client.read(&first).await["status"], "running");
    assert!(!second.is_finished(), "one at a time for each");
    let second = job_of(&second.await.unwrap());
    assert_eq!(app.client.read(&first).await["status"], "done");
    assert_eq!(ended(&app.client, &second).await["status"], "done");
}
