//! `Patron-Consistency`: reads wait for the writes of their own credential.

use domain::{Role, UserRole};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::order;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::client::{Answer, Client, send};
use crate::support::tokens::{self, SESSION_KEY};

const HEADER: &str = "patron-consistency";
const ORDERS: &str = "/api/data/orders";
const CUSTOMERS: &str = "/api/customers";

/// Starts a read with `after` that waits for the view `orders`. The wait is longer than two reads
/// wait for their own writes.
fn start_waiting_read(client: &Client, at: &str) -> JoinHandle<Answer> {
    let (client, path) = (client.clone(), format!("/api/orders?after={at}"));
    tokio::spawn(async move { client.get(&path).await })
}

/// Asserts that three reads in a row are answered without a wait.
///
/// The read `waiting` began earlier and ends sooner than three reads that each wait would: it must
/// still be waiting afterward.
async fn assert_reads_do_not_wait(waiting: &JoinHandle<Answer>, read: impl AsyncFn() -> Answer) {
    for _ in 0..3 {
        let answer = read().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header(HEADER), "eventual");
        assert!(!waiting.is_finished(), "a read waited");
    }
}

async fn get_eventual(client: &Client, path: &str) -> Answer {
    let request = client.request(Method::GET, path);
    send(request.header(HEADER, "eventual")).await
}

/// Returns whether a response is up to date. Asserts that it then has the expected count.
fn is_fresh(answer: &Answer, count: usize, expected: usize) -> bool {
    if answer.header(HEADER) == "eventual" {
        return false;
    }
    assert_eq!(answer.header(HEADER), "");
    assert_eq!(count, expected, "{answer:?}");
    true
}

fn items(answer: &Answer) -> usize {
    answer.body["items"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn a_read_shows_the_writes_of_its_key_or_is_marked_eventual() {
    let app = App::start().await;
    let mut fresh = 0;
    for n in 1..=20 {
        app.client
            .post_accepted(ORDERS, order("c-1", &format!("o-{n}"), 1))
            .await;
        let customer = app.client.get("/api/customers/c-1").await;
        let count = customer.body["order_count"].as_u64().unwrap_or(0);
        fresh += usize::from(is_fresh(&customer, count as usize, n));
        for path in [
            "/api/orders?limit=500",
            "/api/audit?limit=500",
            "/api/customers/c-1/timeline?limit=500",
        ] {
            let list = app.client.get(path).await;
            fresh += usize::from(is_fresh(&list, items(&list), n));
        }
    }
    assert!(fresh > 0, "workers are not always 2 s behind");
}

#[tokio::test]
async fn a_created_resource_can_be_read_at_its_location() {
    let app = App::start().await;
    let mut fresh = 0;
    for n in 1..=10 {
        let body = json!({"name": format!("Segment {n}"), "rules": "order_count > 1"});
        let created = app.client.post("/api/segments", body).await;
        assert_eq!(created.status, 201, "{created:?}");
        let read = app.client.get(created.header("location")).await;
        let count = usize::from(read.status == 200);
        fresh += usize::from(is_fresh(&read, count, 1));
        let list = app.client.get("/api/segments").await;
        fresh += usize::from(is_fresh(&list, items(&list), n));
    }
    assert!(fresh > 0, "workers are not always 2 s behind");
}

#[tokio::test]
async fn a_session_reads_the_writes_of_its_user() {
    let mut app =
        App::with_environment(vec![("PATRON_SESSION_KEYS", SESSION_KEY.to_owned())]).await;
    app.add_worker();
    let (user, session) = app.sign_in_user(UserRole::Marketer).await;
    let token = tokens::valid_token(&tokens::claims(&user, &session, 60));
    let browser = Browser::new(app.client.base()).with_session(&token);
    let mut fresh = 0;
    for n in 1..=10 {
        let body = json!({"name": format!("Segment {n}"), "rules": "order_count > 1"});
        let created = browser.request(Method::POST, "/api/segments").json(&body);
        assert_eq!(send(created).await.status, 201);
        let list = send(browser.request(Method::GET, "/api/segments")).await;
        fresh += usize::from(is_fresh(&list, items(&list), n));
    }
    assert!(fresh > 0, "workers are not always 2 s behind");
}

#[tokio::test]
async fn without_a_worker_one_read_waits_and_all_are_marked_eventual() {
    let mut app = App::without_workers().await;
    let at = app
        .client
        .post_accepted(ORDERS, order("c-1", "o-1", 1))
        .await;
    let first = app.client.get(CUSTOMERS).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.header(HEADER), "eventual");
    assert_eq!(items(&first), 0);

    let waits = start_waiting_read(&app.client, &at);
    assert_reads_do_not_wait(&waits, async || app.client.get(CUSTOMERS).await).await;
    waits.await.unwrap().assert_problem(503, "view-behind");
    let absent = app.client.get("/api/customers/c-1").await;
    absent.assert_problem(404, "not-found");
    assert_eq!(
        absent.header(HEADER),
        "eventual",
        "the view may have it soon"
    );

    app.add_worker();
    app.client.wait_until_caught_up().await;
    let read = app.client.get(CUSTOMERS).await;
    assert_eq!(read.header(HEADER), "", "the view has caught up");
    assert_eq!(items(&read), 1);
}

#[tokio::test]
async fn a_read_that_requests_eventual_consistency_does_not_wait() {
    let app = App::without_workers().await;
    let at = app
        .client
        .post_accepted(ORDERS, order("c-1", "o-1", 1))
        .await;
    let waits = start_waiting_read(&app.client, &at);
    assert_reads_do_not_wait(&waits, async || get_eventual(&app.client, CUSTOMERS).await).await;
    waits.await.unwrap().assert_problem(503, "view-behind");
    // The header does not override `after`.
    let path = format!("{CUSTOMERS}?after={at}");
    let exact = get_eventual(&app.client, &path).await;
    exact.assert_problem(503, "view-behind");
}

#[tokio::test]
async fn reads_do_not_wait_for_other_credentials_or_ingest_keys() {
    let app = App::without_workers().await;
    let [viewer, ingest] = [
        app.create_key(Role::Viewer, None).await,
        app.create_key(Role::Ingest, None).await,
    ];
    let [viewer, ingest] =
        [viewer, ingest].map(|secret| app.client.with_key(Some(secret.reveal())));
    ingest.post_accepted(ORDERS, order("c-1", "o-1", 1)).await;
    for client in [&viewer, &app.client] {
        let read = client.get(CUSTOMERS).await;
        assert_eq!((read.status, read.header(HEADER)), (200, ""));
    }
    app.client
        .post_accepted(ORDERS, order("c-1", "o-2", 1))
        .await;
    let read = viewer.get(CUSTOMERS).await;
    assert_eq!((read.status, read.header(HEADER)), (200, ""));
    let read = app.client.get(CUSTOMERS).await;
    assert_eq!((read.status, read.header(HEADER)), (200, "eventual"));
}

#[tokio::test]
async fn reads_through_another_process_wait_only_with_after() {
    let app = App::without_workers().await;
    let (_process, other) = app.settings().serve("127.0.0.1:0");
    let at = app
        .client
        .post_accepted(ORDERS, order("c-1", "o-1", 1))
        .await;
    let read = other.get(CUSTOMERS).await;
    assert_eq!((read.status, read.header(HEADER)), (200, ""));
    let read = other.get(&format!("{CUSTOMERS}?after={at}")).await;
    read.assert_problem(503, "view-behind");
}

#[tokio::test]
async fn invalid_values_of_the_header_are_refused() {
    let app = App::without_workers().await;
    for path in [
        "/api/customers",
        "/api/customers/c-1",
        "/api/customers/c-1/timeline",
        "/api/orders",
        "/api/audit",
        "/api/segments",
        "/api/segments/seg_1/customers",
        "/api/campaigns",
        "/api/campaigns/cmp_1/logs",
        "/api/users",
        "/api/keys",
    ] {
        let request = app.client.request(Method::GET, path);
        let refused = send(request.header(HEADER, "strong")).await;
        let problem: &Value = refused.assert_problem(400, "invalid-parameter");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("Patron-Consistency"), "{path}: {detail}");
    }
}
