//! Quarantine: reads of documents that a malformed event set aside, and the decisions of an
//! operator through `/api/admin/quarantine`.

use domain::{Role, UserRole};
use eventlog::Position;
use serde_json::{Value, json};

use super::campaigns::CampaignDriver;
use super::{order, with};
use crate::support::app::App;
use crate::support::client::{Answer, Client, send};
use crate::support::events::EventStream;
use crate::support::raw_events::append_raw_event;
use crate::support::wait::{eventually, until};

const PATH: &str = "/api/admin/quarantine";

/// Data of an order with a negative amount, which no view can decode.
const MALFORMED: &str = r#"{"amount":-5,"currency":"USD","placed_at":"2026-01-01T00:00:00Z"}"#;

/// Appends an event that Patron itself would never write.
async fn append(app: &App, key: &str, tag: &'static str, data: &str) -> Position {
    let commands = app.settings().commands().await;
    append_raw_event(commands.log(), key, tag, data).await
}

/// Starts with two customers and sets `c-1` aside with a malformed event.
///
/// Returns the position of that event, and the positions of the orders recorded after it.
async fn start_with_customer_set_aside() -> (App, Position, String) {
    let app = App::start().await;
    let orders = json!([order("c-1", "o-1", 100), order("c-2", "o-1", 100)]);
    app.client.post_accepted("/api/data/orders", orders).await;
    let at = append(&app, "order/c-1/o-x", "order_placed.1", MALFORMED).await;
    let orders = json!([order("c-1", "o-2", 20), order("c-2", "o-2", 20)]);
    let after = app.client.post_accepted("/api/data/orders", orders).await;
    (app, at, after)
}

async fn decide(client: &Client, at: Position, verb: &str) -> Answer {
    let body = json!({"reason": "the shop sent a broken order"});
    client.post(&format!("{PATH}/{at}/{verb}"), body).await
}

/// Returns position, view, document, and effect of each entry of the quarantine.
async fn listed(client: &Client) -> Vec<[String; 4]> {
    let list = client.read(PATH).await;
    let items = list["items"].as_array().unwrap();
    assert_eq!(list["total"], items.len());
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let entry = |item| ["position", "view", "document", "effect"].map(|name| text(item, name));
    items.iter().map(entry).collect()
}

fn entry(at: Position, view: &str, document: &str, effect: &str) -> [String; 4] {
    [&at.to_string(), view, document, effect].map(str::to_owned)
}

/// Asserts that a response is marked as set aside by the event at `at`, with this reason.
#[track_caller]
fn assert_set_aside(response: &Value, at: Position, reason: &str) {
    let quarantined = &response["quarantined"];
    assert_eq!(quarantined["position"], at.to_string(), "{response}");
    let actual = quarantined["reason"].as_str().unwrap();
    assert!(actual.contains(reason), "{actual}");
}

/// Returns the item of a page whose `field` is `id`.
async fn item_of(client: &Client, path: &str, field: &str, id: &str) -> Value {
    let page = client.read(path).await;
    let items = page["items"].as_array().unwrap();
    let found = items.iter().find(|item| item[field] == id);
    found
        .unwrap_or_else(|| panic!("{path} has no {id}: {page}"))
        .clone()
}

/// Returns a customer as a list has it.
fn as_listed(mut customer: Value) -> Value {
    customer.as_object_mut().unwrap().remove("suppression");
    customer
}

#[tokio::test]
async fn a_malformed_event_sets_only_its_customer_aside() {
    let (app, at, after) = start_with_customer_set_aside().await;
    let api = &app.client;
    let customer = api.customer("c-1", &after).await;
    assert_eq!(
        customer["order_count"], 1,
        "the state before the malformed event"
    );
    assert_set_aside(&customer, at, "malformed order_placed.1");
    let other = api.customer("c-2", &after).await;
    assert_eq!(other["order_count"], 2);
    assert_eq!(other.get("quarantined"), None);

    let listed_one = item_of(api, "/api/customers", "customer_id", "c-1").await;
    assert_eq!(listed_one, as_listed(customer));
    let listed_other = item_of(api, "/api/customers", "customer_id", "c-2").await;
    assert_eq!(listed_other, as_listed(other));

    let expected = [
        entry(at, "customers", "c-1", "set_aside"),
        entry(
            at,
            "daily_figures",
            &format!("unknown/{}", at.partition),
            "incomplete",
        ),
        entry(at, "orders", "c-1/o-x", "set_aside"),
    ];
    assert_eq!(listed(api).await, expected);
    let readiness = eventually("/readyz is degraded", async || {
        let answer = api.with_key(None).get("/readyz").await;
        (answer.status == 200 && answer.body["status"] == "degraded").then_some(answer.body)
    })
    .await;
    let reason = "views: customers has 1 in quarantine: see `patron quarantine list`; \
                  daily_figures has 1 in quarantine: see `patron quarantine list`; \
                  orders has 1 in quarantine: see `patron quarantine list`";
    assert_eq!(readiness["reasons"], json!([reason]));
}

#[tokio::test]
async fn skipping_an_event_folds_the_events_after_it() {
    let (app, at, after) = start_with_customer_set_aside().await;
    let api = &app.client;
    assert_set_aside(&api.customer("c-1", &after).await, at, "malformed");
    let skipped = decide(api, at, "skip").await;
    assert_eq!(skipped.status, 202, "{skipped:?}");
    let position = skipped.position();
    let expected = json!({
        "event": at.to_string(),
        "views": ["customers", "daily_figures", "orders"],
        "position": position,
    });
    assert_eq!(skipped.body, expected);

    let customer = api.customer("c-1", &position).await;
    assert_eq!(customer["order_count"], 2);
    assert_eq!(customer["total_spend"], 120);
    assert_eq!(customer.get("quarantined"), None);
    let empty = json!({"total": 0, "items": []});
    assert_eq!(api.read(&format!("{PATH}?after={position}")).await, empty);
    assert_eq!(api.wait_until_ready().await["reasons"], json!([]));
    decide(api, at, "skip")
        .await
        .assert_problem(404, "not-found");

    let rows = format!("/api/audit?type=event_skipped.1&after={position}");
    let rows = api.list(&rows, 10).await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(row["position"], position);
    assert_eq!(row["actor"], "key:bootstrap");
    assert_eq!(row["aggregate"], format!("quarantine/{at}"));
    let recorded = api.read(&format!("/api/audit/{position}")).await;
    let data = json!({
        "views": ["customers", "daily_figures", "orders"],
        "reason": "the shop sent a broken order",
    });
    assert_eq!(recorded["data"], data);
}

#[tokio::test]
async fn a_retried_event_that_fails_again_stays_in_quarantine() {
    let (app, at, _) = start_with_customer_set_aside().await;
    let api = &app.client;
    until("three views have the event in quarantine", async || {
        listed(api).await.len() == 3
    })
    .await;
    let before = listed(api).await;
    let retried = decide(api, at, "retry").await;
    assert_eq!(retried.status, 202, "{retried:?}");
    let position = retried.position();
    let customer = api.customer("c-1", &position).await;
    assert_eq!(customer["order_count"], 1);
    assert_set_aside(&customer, at, "malformed order_placed.1");
    api.wait_until_caught_up().await;
    assert_eq!(listed(api).await, before);
    let rows = format!("/api/audit?type=event_retried.1&after={position}");
    assert_eq!(api.list(&rows, 10).await.len(), 1);
}

#[tokio::test]
async fn only_admins_decide_and_only_about_events_in_quarantine() {
    let (app, at, after) = start_with_customer_set_aside().await;
    let api = &app.client;
    api.customer("c-1", &after).await;
    for verb in ["retry", "skip"] {
        for unknown in ["0:999999", "99:1"] {
            let unknown = unknown.parse().unwrap();
            let refused = decide(api, unknown, verb).await;
            let detail = &refused.assert_problem(404, "not-found")["detail"];
            let expected = format!("no view has the event at {unknown} in quarantine");
            assert_eq!(*detail, expected);
        }
        let path = format!("{PATH}/{at}/{verb}");
        let unexplained = api.post(&path, json!({})).await;
        let problem = unexplained.assert_problem(422, "invalid-field");
        assert!(
            problem["detail"].as_str().unwrap().contains("reason"),
            "{problem}"
        );
        let empty = api.post(&path, json!({"reason": ""})).await;
        empty.assert_problem(422, "invalid-field");
        for role in [Role::Viewer, Role::Marketer] {
            let key = app.create_key(role, None).await;
            let client = api.with_key(Some(key.reveal()));
            decide(&client, at, verb)
                .await
                .assert_problem(403, "forbidden");
            client.get(PATH).await.assert_problem(403, "forbidden");
        }
    }
    // Each of these views notes an event that cannot be read.
    let views = ["customers", "daily_figures", "orders"];
    let listed = listed(api).await;
    let mut without: Vec<_> = listed.iter().map(|[_, view, ..]| view).collect();
    without.sort();
    assert_eq!(without, views, "nothing was decided");
}

#[tokio::test]
async fn orders_segments_users_and_keys_that_are_set_aside_are_marked() {
    let app = App::start().await;
    let api = &app.client;
    let orders = json!([order("c-1", "o-1", 100), order("c-1", "o-2", 100)]);
    api.post_accepted("/api/data/orders", orders).await;
    let body = json!({"name": "Buyers", "rules": "order_count > 0"});
    let segment = api.post("/api/segments", body).await.body["segment_id"].clone();
    let segment = segment.as_str().unwrap();
    let (user, _) = app.sign_in_user(UserRole::Viewer).await;
    let key = app.create_key(Role::Viewer, None).await.id().clone();

    for (aggregate, tag, list, field, id) in [
        (
            "order/c-1/o-1",
            "order_updated.1",
            "/api/orders",
            "order_id",
            "o-1",
        ),
        (
            &format!("segment/{segment}"),
            "segment_updated.1",
            "/api/segments",
            "segment_id",
            segment,
        ),
        (
            &format!("user/{user}"),
            "user_role_given.1",
            "/api/users",
            "user_id",
            user.as_str(),
        ),
        (
            &format!("api_key/{key}"),
            "api_key_used.1",
            "/api/keys",
            "key_id",
            key.as_str(),
        ),
    ] {
        let before = eventually("the document is listed", async || {
            let page = api.read(list).await;
            let mut items = page["items"].as_array().unwrap().iter();
            items.find(|item| item[field] == id).cloned()
        })
        .await;
        assert_eq!(before.get("quarantined"), None, "{before}");
        let at = append(&app, aggregate, tag, "{}").await;
        let shown = item_of(api, &format!("{list}?after={at}"), field, id).await;
        assert_set_aside(&shown, at, &format!("malformed {tag}"));
        if list != "/api/orders" {
            let alone = api.read(&format!("{list}/{id}")).await;
            assert_eq!(alone["quarantined"], shown["quarantined"], "{alone}");
        }
    }
    let other = item_of(api, "/api/orders", "order_id", "o-2").await;
    assert_eq!(other.get("quarantined"), None, "{other}");
}

/// Members of a segment, samples of previews, and lookalikes carry the mark too.
#[tokio::test]
async fn customers_in_audiences_that_are_set_aside_are_marked() {
    let (app, at, after) = start_with_customer_set_aside().await;
    let api = &app.client;
    let rules = json!({"rules": "order_count > 0"});
    let segment = with(rules.clone(), json!({"name": "Buyers"}));
    let created = api.post("/api/segments", segment).await;
    let segment = created.body["segment_id"].as_str().unwrap();
    let after = format!("after={after},{}", created.position());
    let members = format!("/api/segments/{segment}/customers?{after}");
    let path = format!("/api/segments/preview?{after}");
    let preview = api.post(&path, rules.clone()).await.body;
    let message = with(rules, json!({"message": {"template": "Hi!"}}));
    let path = format!("/api/campaigns/preview?{after}");
    let rendered = api.post(&path, message).await.body;
    for customers in [
        &api.read(&members).await["items"],
        &preview["sample"],
        &rendered["messages"],
    ] {
        let find = |id: &str| {
            let mut customers = customers.as_array().unwrap().iter();
            customers.find(|one| one["customer_id"] == id).unwrap()
        };
        assert_set_aside(find("c-1"), at, "malformed order_placed.1");
        assert_eq!(find("c-2").get("quarantined"), None);
    }
    assert_eq!(preview["undetermined"], 1, "{preview}");

    let rules = json!({"name": "Again and again", "rules": "order_count > 1"});
    let created = api.post("/api/segments", rules).await;
    let segment = created.body["segment_id"].as_str().unwrap();
    let path = format!("/api/ai/lookalikes?segment_id={segment}&{after}");
    let alike = api.read(&path).await;
    assert_set_aside(&alike["items"][0]["customer"], at, "malformed");
}

#[tokio::test]
async fn a_missing_document_names_its_quarantined_first_event() {
    let app = App::start().await;
    let api = &app.client;
    let [segment, campaign] = ["seg_1", "cmp_1"];
    for (key, tag, path, id, view) in [
        (
            "customer/c-9",
            "customer_registered.1",
            "/api/customers/c-9",
            "c-9",
            "customers",
        ),
        (
            "segment/seg_1",
            "segment_created.1",
            "/api/segments/seg_1",
            segment,
            "segments",
        ),
        (
            "campaign/cmp_1",
            "campaign_created.1",
            "/api/campaigns/cmp_1",
            campaign,
            "campaigns",
        ),
        (
            "user/usr_1",
            "user_signed_in.1",
            "/api/users/usr_1",
            "usr_1",
            "users",
        ),
        (
            "api_key/key_1",
            "api_key_created.1",
            "/api/keys/key_1",
            "key_1",
            "api_keys",
        ),
    ] {
        let unknown = api.get(path).await;
        let detail = unknown.assert_problem(404, "not-found")["detail"].clone();
        assert!(!detail.as_str().unwrap().contains("quarantine"), "{detail}");
        let at = append(&app, key, tag, "7").await;
        let missing = api.get(&format!("{path}?after={at}")).await;
        let expected = format!(
            "{id} is not in the view {view} yet: its first event, at {at}, is in quarantine"
        );
        assert_eq!(missing.assert_problem(404, "not-found")["detail"], expected);
    }
    for path in [
        "/api/segments/seg_1/customers",
        "/api/campaigns/cmp_1/logs",
        "/api/campaigns/cmp_1/progress",
        "/api/ai/lookalikes?segment_id=seg_1",
    ] {
        let missing = api.get(path).await;
        let detail = &missing.assert_problem(404, "not-found")["detail"];
        let detail = detail.as_str().unwrap();
        assert!(detail.ends_with("is in quarantine"), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_malformed_receipt_makes_the_statistics_incomplete() {
    let app = App::start().await;
    let api = &app.client;
    let (driver, id) = CampaignDriver::start(&app, &["Ada", "Bo"]).await;
    driver.record_sent("c-0").await;
    driver.record_sent("c-1").await;
    let other = super::campaigns::create_launched(&app).await;
    let key = format!("message/c-0/{id}");
    let at = append(&app, &key, "message_delivered.1", "{}").await;
    api.wait_until_caught_up().await;

    let path = format!("/api/campaigns/{id}");
    let campaign = api.read(&path).await;
    assert_eq!(campaign["statistics"]["incomplete"], true, "{campaign}");
    assert_eq!(campaign["statistics"]["sent"], 2);
    assert_eq!(campaign["statistics"]["delivered"], 0);
    assert_eq!(
        campaign.get("quarantined"),
        None,
        "the event belongs to a message"
    );
    let mut progress = EventStream::open(api, &format!("{path}/progress")).await;
    let (_, progress) = progress.next().await.unwrap();
    assert_eq!(progress["statistics"], campaign["statistics"]);
    let in_list = item_of(api, "/api/campaigns", "campaign_id", &id).await;
    assert_eq!(in_list["statistics"], campaign["statistics"]);
    let other = item_of(api, "/api/campaigns", "campaign_id", &other).await;
    assert_eq!(other["statistics"]["incomplete"], false, "{other}");

    let logs = format!("{path}/logs");
    let row = item_of(api, &logs, "customer_id", "c-0").await;
    assert_eq!(row["status"], "sent");
    assert_set_aside(&row, at, "malformed message_delivered.1");
    let sound = item_of(api, &logs, "customer_id", "c-1").await;
    assert_eq!(sound.get("quarantined"), None, "{sound}");
    let table = api.request(reqwest::Method::GET, &logs);
    let table = send(table.header("accept", "text/csv")).await;
    let lines: Vec<&str> = table.text.lines().collect();
    assert!(
        lines[0].ends_with(",quarantined_position,quarantined_reason"),
        "{}",
        lines[0]
    );
    let cells = format!(",{at},malformed message_delivered.1");
    assert!(lines[1].replace('"', "").contains(&cells), "{}", lines[1]);
    assert!(lines[2].ends_with(",,"), "{}", lines[2]);

    let recipient = api.read(&format!("{path}/recipients/c-0")).await;
    assert_eq!(recipient["message"]["status"], "sent", "{recipient}");
    assert_set_aside(&recipient["message"], at, "malformed message_delivered.1");

    let at_campaign = append(&app, &format!("campaign/{id}"), "campaign_resolved.1", "{}").await;
    let campaign = api.read(&format!("{path}?after={at_campaign}")).await;
    assert_set_aside(&campaign, at_campaign, "malformed campaign_resolved.1");

    for at in [at, at_campaign] {
        assert_eq!(decide(api, at, "skip").await.status, 202);
    }
    api.wait_until_caught_up().await;
    let campaign = api.read(&path).await;
    assert_eq!(campaign["statistics"]["incomplete"], false, "{campaign}");
    assert_eq!(campaign.get("quarantined"), None, "{campaign}");
    let row = item_of(api, &logs, "customer_id", "c-0").await;
    assert_eq!(row.get("quarantined"), None, "{row}");
}
