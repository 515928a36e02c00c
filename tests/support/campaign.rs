//! Campaigns over HTTP, compared with the vendor's own list of messages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, try_send};
use super::vendor::SentMessage;

/// Deadline for a campaign: far more than thousands of messages and a restart need on a busy
/// machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// Creates and launches a campaign to the customers that the rules match; returns its id. Repeats
/// the request until it is answered, since the server may be killed meanwhile.
pub(crate) async fn launch(api: &Client, key: &str, rules: &str, rate: Option<u32>) -> String {
    let body = json!({
        "name": "Come back",
        "rules": rules,
        "message": {"template": "Hi {{ name }}, we miss you."},
        "messages_per_second": rate,
        "launch": true,
    });
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = api.request(Method::POST, "/api/campaigns").json(&body);
        if let Ok(answer) = try_send(request.header("Idempotency-Key", key)).await {
            assert!(matches!(answer.status, 201 | 503), "{answer:?}");
            if answer.status == 201 {
                return answer.body["campaign_id"].as_str().unwrap().to_owned();
            }
        }
        assert!(
            Instant::now() < deadline,
            "the campaign was not launched in time"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the campaign is completed; returns its path.
pub(crate) async fn wait_for_completion(api: &Client, id: &str) -> String {
    let path = format!("/api/campaigns/{id}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = try_send(api.request(Method::GET, &path)).await;
        if matches!(&answer, Ok(answer) if answer.body["status"] == "completed") {
            return path;
        }
        assert!(
            Instant::now() < deadline,
            "the campaign was not completed in time: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asserts that every recipient has exactly one message, that the vendor has exactly the messages
/// that count as sent, and that the log agrees. Returns the reconciliation.
pub(crate) async fn assert_accounted(
    api: &Client,
    id: &str,
    vendor: &BTreeMap<String, SentMessage>,
) -> Value {
    let reconciled = assert_one_message_per_recipient(api, id, vendor).await;
    assert_eq!(reconciled["discrepancies"], json!([]), "{reconciled}");
    reconciled
}

/// Like [`assert_accounted`], but allows discrepancies in the reconciliation.
pub(crate) async fn assert_one_message_per_recipient(
    api: &Client,
    id: &str,
    vendor: &BTreeMap<String, SentMessage>,
) -> Value {
    let path = wait_for_completion(api, id).await;
    api.wait_until_caught_up().await;
    let reconciled = api.read(&format!("{path}/reconcile")).await;
    assert_eq!(reconciled["views_compared"], true);
    let rows = api.list(&format!("{path}/logs"), 500).await;
    assert_vendor_agrees(id, &rows, vendor);
    assert_rows_agree(&rows, &reconciled);
    let statistics = &api.read(&path).await["statistics"];
    for name in ["sent", "delivered", "failed", "suppressed", "pending"] {
        assert_eq!(statistics[name], reconciled[name], "{name}");
    }
    assert_eq!(statistics["audience"], reconciled["planned"]);
    reconciled
}

/// Asserts that there is one row per recipient and that the counts of each status agree.
fn assert_rows_agree(rows: &[Value], reconciled: &Value) {
    let count = |name: &str| reconciled[name].as_u64().unwrap() as usize;
    let customers: BTreeSet<&str> = rows.iter().map(|row| text(row, "customer_id")).collect();
    let planned = count("planned");
    assert_eq!((rows.len(), customers.len()), (planned, planned));
    for status in ["delivered", "failed", "suppressed"] {
        let rows = rows.iter().filter(|row| row["status"] == status);
        assert_eq!(rows.count(), count(status), "{status}");
    }
    assert_eq!(count("delivered"), count("sent"), "a receipt is missing");
    assert_eq!(
        count("sent") + count("failed") + count("suppressed"),
        planned
    );
}

/// Asserts that the rows that are not suppressed and the vendor's list have the same messages and
/// addresses.
fn assert_vendor_agrees(id: &str, rows: &[Value], vendor: &BTreeMap<String, SentMessage>) {
    let ours: BTreeMap<&str, &str> = rows
        .iter()
        .filter(|row| row["status"] != "suppressed")
        .map(|row| (text(row, "message_id"), text(row, "to")))
        .collect();
    let prefix = format!("msg_{}_", id.trim_start_matches("cmp_"));
    let theirs: BTreeMap<&str, &str> = vendor
        .iter()
        .filter(|(id, _)| id.starts_with(&prefix))
        .map(|(id, sent)| (id.as_str(), sent.to.as_str()))
        .collect();
    assert!(
        ours == theirs,
        "{} ours, {} theirs",
        ours.len(),
        theirs.len()
    );
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().expect(name)
}
