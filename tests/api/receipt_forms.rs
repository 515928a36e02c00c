//! `POST /api/delivery/receipt`: receipts in the forms that vendors send.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use domain::{Handover, MessageCommand, MessageStatus};
use serde_json::{Value, json};

use crate::api::receipts::Messages;
use crate::api::with;
use crate::support::app::App;
use crate::support::receipts::post;
use crate::support::shop::text;
use crate::support::wait::eventually;

/// A message that was sent to `c-0` a minute ago, and receipts for it.
struct Sent {
    app: App,
    messages: Messages,
}

impl Sent {
    async fn start() -> Self {
        let app = App::start().await;
        let messages = Messages::queued(&app, 1).await;
        let handover = Handover {
            began_at: Some((Utc::now() - Duration::minutes(1)).into()),
            ..text("vm_c-0").into()
        };
        messages
            .apply("c-0", MessageCommand::RecordSent(handover))
            .await;
        Self { app, messages }
    }

    /// Returns a receipt of what happened `seconds` ago.
    fn receipt(&self, status: &str, seconds: i64) -> Value {
        let at = Utc::now() - Duration::seconds(seconds);
        let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        with(
            self.messages.receipt("c-0", status, 1),
            json!({"occurred_at": at}),
        )
    }

    /// Posts a receipt. Returns its result.
    async fn post(&self, receipt: &Value) -> Value {
        let answer = post(&self.app.client, receipt).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["results"][0].clone()
    }

    /// Posts a receipt. Returns its outcome, or the pointer of the problem.
    async fn outcome(&self, receipt: &Value) -> String {
        let result = self.post(receipt).await;
        let problem = &result["problem"]["errors"][0]["pointer"];
        let outcome = result["outcome"].as_str().or(problem.as_str());
        outcome.unwrap_or_default().to_owned()
    }

    async fn status(&self) -> &'static str {
        let status = self.messages.status("c-0").await;
        status.map_or("", MessageStatus::name)
    }

    /// Returns the data of the message's last event, and its type.
    async fn last_event(&self) -> (String, Value) {
        self.app.client.wait_until_caught_up().await;
        let of_message = "/api/audit?aggregate=message/c-0/";
        let path = format!("{of_message}{}", self.messages.campaign());
        let rows = self.app.client.list(&path, 50).await;
        let position = rows[0]["position"].as_str().unwrap();
        let path = format!("/api/audit/{position}");
        let entry = self.app.client.read(&path).await;
        let tag = entry["type"].as_str().unwrap().to_owned();
        (tag, entry["data"].clone())
    }
}

#[tokio::test]
async fn unknown_fields_of_a_receipt_are_ignored() {
    let sent = Sent::start().await;
    let receipt = with(
        sent.receipt("delivered", 5),
        json!({"provider": "x", "tags": [], "smtp": {"code": 250}}),
    );
    assert_eq!(sent.outcome(&receipt).await, "updated");
    assert_eq!(sent.status().await, "delivered");
}

#[tokio::test]
async fn an_empty_reason_is_none_and_a_long_one_is_cut() {
    let sent = Sent::start().await;
    let empty = with(sent.receipt("failed", 9), json!({"reason": " "}));
    assert_eq!(sent.outcome(&empty).await, "updated");
    assert_eq!(sent.last_event().await.1.get("reason"), None);

    let smtp = format!("550 5.1.1 no mailbox\r\n{}", "ü".repeat(300));
    let long = with(sent.receipt("failed", 8), json!({"reason": smtp}));
    assert_eq!(sent.outcome(&long).await, "updated");
    let (_, data) = sent.last_event().await;
    let kept = data["reason"].as_str().unwrap();
    assert!(kept.starts_with("550 5.1.1 no mailbox  ü"), "{kept}");
    assert!((255..=256).contains(&kept.len()), "{kept}");

    let code = with(sent.receipt("failed", 7), json!({"reason": 550}));
    assert_eq!(sent.outcome(&code).await, "updated");
    assert_eq!(sent.last_event().await.1["reason"], "550");
    let odd = with(sent.receipt("failed", 6), json!({"reason": {"a": 1}}));
    assert_eq!(sent.outcome(&odd).await, "updated");
    assert_eq!(sent.last_event().await.1.get("reason"), None);
}

#[tokio::test]
async fn statuses_are_read_in_any_case_and_unknown_ones_are_ignored() {
    let sent = Sent::start().await;
    for status in ["sent", "processed", "DROPPED"] {
        let result = sent.post(&sent.receipt(status, 9)).await;
        assert_eq!(result["outcome"], "ignored", "{result}");
        let word = result["detail"].as_str().unwrap();
        assert!(word.contains(status), "{word}");
        assert_eq!(sent.status().await, "sent");
    }
    for (status, seconds, becomes) in [
        ("Failed", 8, "failed"),
        ("DELIVERED", 7, "delivered"),
        ("Bounced", 6, "bounced"),
    ] {
        assert_eq!(
            sent.outcome(&sent.receipt(status, seconds)).await,
            "updated"
        );
        assert_eq!(sent.status().await, becomes);
    }
    let both = json!([
        sent.receipt("delivered", 5),
        sent.receipt("deliverd", 5),
        with(sent.receipt("delivered", 5), json!({"status": 7})),
    ]);
    let answer = post(&sent.app.client, &both).await;
    let counts = ["accepted", "ignored", "rejected"].map(|key| answer.body[key].clone());
    assert_eq!(counts, [json!(1), json!(1), json!(1)], "{answer:?}");
    assert_eq!(sent.status().await, "delivered");
}

#[tokio::test]
async fn a_bounce_is_hard_only_if_the_vendor_says_so() {
    for (said, kind) in [
        (json!({}), "soft"),
        (json!({"bounce": "Hard"}), "hard"),
        (json!({"bounce": "soft"}), "soft"),
        (json!({"bounce": "undetermined"}), "soft"),
        (json!({"bounce": null}), "soft"),
    ] {
        let sent = Sent::start().await;
        let bounced = with(sent.receipt("bounced", 5), said.clone());
        assert_eq!(sent.outcome(&bounced).await, "updated", "{said}");
        let (tag, data) = sent.last_event().await;
        assert_eq!(
            (tag.as_str(), &data["bounce"]),
            ("message_bounced.1", &json!(kind))
        );
    }
}

#[tokio::test]
async fn times_may_be_unix_seconds_or_milliseconds() {
    let sent = Sent::start().await;
    let at = Utc::now().timestamp_millis() - 30_000;
    let (seconds, millis) = (at / 1_000, at / 1_000 * 1_000);
    let forms = [
        json!(seconds),
        json!(seconds.to_string()),
        json!(millis),
        json!(millis.to_string()),
        json!(seconds as f64),
        json!(
            DateTime::from_timestamp_millis(millis)
                .unwrap()
                .to_rfc3339()
        ),
    ];
    let mut outcomes = Vec::new();
    for form in &forms {
        let receipt = with(
            sent.receipt("delivered", 0),
            json!({"occurred_at": form.clone()}),
        );
        outcomes.push(sent.outcome(&receipt).await);
    }
    // All are the same instant, so only the first one changes the message.
    assert_eq!(outcomes[0], "updated");
    assert!(
        outcomes[1..].iter().all(|one| one == "unchanged"),
        "{outcomes:?}"
    );
    for odd in [json!("soon"), json!(1e30), json!(null), json!([1])] {
        let receipt = with(
            sent.receipt("failed", 0),
            json!({"occurred_at": odd.clone()}),
        );
        assert_eq!(sent.outcome(&receipt).await, "/occurred_at", "{odd}");
    }
}

#[tokio::test]
async fn a_time_in_the_future_does_not_outrank_the_true_one() {
    let sent = Sent::start().await;
    let future = with(
        sent.receipt("failed", 0),
        json!({"occurred_at": "2099-01-01T00:00:00Z"}),
    );
    assert_eq!(sent.outcome(&future).await, "updated");
    assert_eq!(sent.outcome(&future).await, "unchanged", "a repeat");
    let (_, data) = sent.last_event().await;
    let kept: DateTime<Utc> = data["occurred_at"].as_str().unwrap().parse().unwrap();
    assert!((Utc::now() - kept).num_seconds() < 60, "{data}");

    // This happened before the other receipt arrived.
    assert_eq!(
        sent.outcome(&sent.receipt("delivered", 20)).await,
        "updated"
    );
    assert_eq!(sent.outcome(&future).await, "unchanged");
    assert_eq!(sent.status().await, "delivered");
}

#[tokio::test]
async fn a_time_before_the_send_is_taken_as_the_send() {
    let sent = Sent::start().await;
    let old = with(
        sent.receipt("delivered", 0),
        json!({"occurred_at": "1970-01-01T00:00:00Z"}),
    );
    assert_eq!(sent.outcome(&old).await, "updated");
    let (_, data) = sent.last_event().await;
    let kept: DateTime<Utc> = data["occurred_at"].as_str().unwrap().parse().unwrap();
    let age = (Utc::now() - kept).num_seconds();
    assert!((55..120).contains(&age), "{data}");
    assert_eq!(sent.outcome(&old).await, "unchanged");
}

#[tokio::test]
async fn a_receipt_of_another_message_at_the_vendor_is_refused_and_recorded() {
    let sent = Sent::start().await;
    let other = with(
        sent.receipt("delivered", 5),
        json!({"vendor_message_id": "vm_other"}),
    );
    assert_eq!(sent.outcome(&other).await, "/vendor_message_id");
    assert_eq!(sent.status().await, "sent");
    let malformed = with(sent.receipt("delivered", 5), json!({"occurred_at": "soon"}));
    assert_eq!(sent.outcome(&malformed).await, "/occurred_at");
    let (tag, data) = sent.last_event().await;
    assert_eq!(tag, "message_receipt_refused.1");
    assert!(
        data["problem"].as_str().unwrap().contains("occurred_at"),
        "{data}"
    );

    // A receipt for a message that does not exist is in the audit trail too.
    let unknown = with(
        sent.receipt("delivered", 5),
        json!({"message_id": "msg_no-such-message"}),
    );
    assert_eq!(sent.outcome(&unknown).await, "/message_id");
    let position = eventually("the refusal is in the audit trail", async || {
        let path = "/api/audit?type=request_refused";
        let rows = sent.app.client.list(path, 10).await;
        Some(rows.first()?["position"].as_str()?.to_owned())
    })
    .await;
    let path = format!("/api/audit/{position}");
    let entry = sent.app.client.read(&path).await;
    assert_eq!(entry["data"]["why"], "receipt");
    for line in ["/vendor_message_id", "/occurred_at", "msg_no-such-message"] {
        let logged = sent.app.api.stderr();
        let is_warning = |one: &str| one.contains("WARN") && one.contains(line);
        assert!(logged.lines().any(is_warning), "{line}: {logged}");
    }
}

#[tokio::test]
async fn what_happened_after_the_delivery_is_recorded_once_and_changes_no_status() {
    let sent = Sent::start().await;
    // A complaint may arrive before the receipt of the delivery.
    let complaint = with(sent.receipt("complained", 9), json!({"reason": "abuse"}));
    assert_eq!(sent.outcome(&complaint).await, "updated");
    assert_eq!(sent.status().await, "sent");
    assert_eq!(
        sent.outcome(&sent.receipt("delivered", 30)).await,
        "updated"
    );
    for (status, extra, tag) in [
        ("deferred", json!({}), "message_deferred.1"),
        ("opened", json!({}), "message_opened.1"),
        (
            "clicked",
            json!({"url": "https://shop.example/a"}),
            "message_clicked.1",
        ),
    ] {
        let receipt = with(sent.receipt(status, 8), extra);
        assert_eq!(sent.outcome(&receipt).await, "updated");
        assert_eq!(sent.last_event().await.0, tag);
        let later = sent.receipt(status, 1);
        assert_eq!(sent.outcome(&later).await, "unchanged", "{status}");
    }
    assert_eq!(
        sent.outcome(&sent.receipt("complained", 1)).await,
        "unchanged"
    );
    assert_eq!(sent.status().await, "delivered");
}
