//! A campaign as whoever runs it sees it: over HTTP, and by the vendor's own list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, try_answer};
use super::vendor::Sent;

/// Beyond what thousands of messages take on a busy machine, and any restart.
const PATIENCE: Duration = Duration::from_secs(150);

/// Creates and launches a campaign to those whom the rules match; its id. Sent again until it is
/// answered, for servers that are killed meanwhile.
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
        if let Ok(answer) = try_answer(request.header("Idempotency-Key", key)).await {
            assert!(matches!(answer.status, 201 | 503), "{answer:?}");
            if answer.status == 201 {
                return answer.body["campaign_id"].as_str().unwrap().to_owned();
            }
        }
        assert!(Instant::now() < deadline, "the campaign is never launched");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until it is over; its path.
pub(crate) async fn completed(api: &Client, id: &str) -> String {
    let path = format!("/api/campaigns/{id}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = try_answer(api.request(Method::GET, &path)).await;
        if matches!(&answer, Ok(answer) if answer.body["status"] == "completed") {
            return path;
        }
        assert!(
            Instant::now() < deadline,
            "it is never completed: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// That nobody who was meant is left out or is there twice, that the vendor has exactly those who
/// count as sent to, and that the log agrees. What the campaign comes to.
pub(crate) async fn assert_accounted(
    api: &Client,
    id: &str,
    vendor: &BTreeMap<String, Sent>,
) -> Value {
    let reconciled = assert_whole(api, id, vendor).await;
    assert_eq!(reconciled["discrepancies"], json!([]), "{reconciled}");
    reconciled
}

/// As [`assert_accounted`], whatever discrepancies the reconciliation finds.
pub(crate) async fn assert_whole(api: &Client, id: &str, vendor: &BTreeMap<String, Sent>) -> Value {
    let path = completed(api, id).await;
    api.caught_up().await;
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

/// One row for each who was meant, all at an end that counts.
fn assert_rows_agree(rows: &[Value], reconciled: &Value) {
    let count = |name: &str| reconciled[name].as_u64().unwrap() as usize;
    let customers: BTreeSet<&str> = rows.iter().map(|row| text(row, "customer_id")).collect();
    let planned = count("planned");
    assert_eq!((rows.len(), customers.len()), (planned, planned));
    for status in ["delivered", "failed", "suppressed"] {
        let rows = rows.iter().filter(|row| row["status"] == status);
        assert_eq!(rows.count(), count(status), "{status}");
    }
    assert_eq!(count("delivered"), count("sent"), "it is over");
    assert_eq!(
        count("sent") + count("failed") + count("suppressed"),
        planned
    );
}

/// By the rows of the communication log: whoever has an end that the vendor told of.
fn assert_vendor_agrees(id: &str, rows: &[Value], vendor: &BTreeMap<String, Sent>) {
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
