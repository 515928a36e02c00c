//! `POST /api/delivery/receipt`: receipts of the vendor.

use commands::Commands;
use domain::{CampaignId, Message, MessageCommand, MessageId, MessageStatus, Suppression};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vendor::VendorConfig;

use crate::api::with;
use crate::support::app::{App, NEXT_VENDOR_SECRET, VENDOR_SECRET};
use crate::support::receipts::{PATH, SignatureOptions, VALID, post, post_signed};
use crate::support::shop::{context, email_content, text};
use crate::support::wait::until;

/// Messages of one campaign, queued for customers `c-0`, `c-1`, ….
pub(crate) struct Messages {
    commands: Commands,
    campaign: CampaignId,
}

impl Messages {
    pub(crate) async fn queued(app: &App, count: usize) -> Self {
        let messages = Self {
            commands: app.settings().commands().await,
            campaign: CampaignId::from(7),
        };
        let queue = |index| {
            let id = messages.id(&format!("c-{index}"));
            (id, MessageCommand::Queue(email_content("a@example.com")))
        };
        let all = (0..count).map(queue).collect();
        let commands = &messages.commands;
        commands.execute_on_messages(&context(), all).await.unwrap();
        messages
    }

    /// Returns the campaign's id.
    pub(crate) fn campaign(&self) -> &CampaignId {
        &self.campaign
    }

    fn id(&self, customer: &str) -> MessageId {
        MessageId {
            campaign: self.campaign.clone(),
            customer: customer.try_into().unwrap(),
        }
    }

    pub(crate) async fn apply(&self, customer: &str, command: MessageCommand) {
        let commands = vec![(self.id(customer), command)];
        let mut outcomes = self
            .commands
            .execute_on_messages(&context(), commands)
            .await
            .unwrap();
        outcomes.swap_remove(0).unwrap();
    }

    pub(crate) async fn status(&self, customer: &str) -> Option<MessageStatus> {
        let found = self.commands.messages(&[self.id(customer)]).await;
        let message: Message = found.unwrap().swap_remove(0);
        message.status()
    }

    /// Returns a receipt dated `minute` minutes into 2026.
    pub(crate) fn receipt(&self, customer: &str, status: &str, minute: u32) -> Value {
        json!({
            "message_id": self.id(customer).to_string(),
            "vendor_message_id": format!("vm_{customer}"),
            "status": status,
            "occurred_at": format!("2026-01-01T00:{minute:02}:00.000Z"),
        })
    }
}

#[tokio::test]
async fn receipts_set_the_status_of_messages() {
    let app = App::start().await;
    let messages = Messages::queued(&app, 3).await;
    for customer in ["c-0", "c-1"] {
        let sent = MessageCommand::RecordSent(text(&format!("vm_{customer}")).into());
        messages.apply(customer, sent).await;
    }
    let failed = with(
        messages.receipt("c-1", "failed", 1),
        json!({"reason": "mailbox_full"}),
    );
    let body = json!([
        messages.receipt("c-0", "delivered", 1),
        failed,
        // A receipt may arrive before the handover to the vendor is recorded.
        messages.receipt("c-2", "delivered", 1),
    ]);
    let answer = post(&app.client, &body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(
        (&answer.body["accepted"], &answer.body["rejected"]),
        (&json!(3), &json!(0))
    );
    for (index, result) in answer.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        assert_eq!(result["index"], index);
        assert_eq!(result["id"], messages.id(&format!("c-{index}")).to_string());
        assert_eq!(result["outcome"], "updated");
        assert!(result["position"].is_string());
    }
    assert_eq!(messages.status("c-0").await, Some(MessageStatus::Delivered));
    assert_eq!(messages.status("c-1").await, Some(MessageStatus::Failed));
    assert_eq!(messages.status("c-2").await, Some(MessageStatus::Delivered));

    app.client.wait_until_caught_up().await;
    let rows = app.client.list("/api/audit?type=message_failed", 10).await;
    assert_eq!((rows.len(), &rows[0]["actor"]), (1, &json!("vendor")));
    assert_eq!(rows[0]["request_id"], answer.header("x-request-id"));
}

#[tokio::test]
async fn repeated_and_reordered_receipts_have_the_same_result() {
    let app = App::without_workers().await;
    let messages = Messages::queued(&app, 2).await;
    let outcome = async |receipt: Value| {
        let answer = post(&app.client, &receipt).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["results"][0]["outcome"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (early, late) = (
        messages.receipt("c-0", "failed", 1),
        messages.receipt("c-0", "delivered", 2),
    );
    assert_eq!(outcome(late.clone()).await, "updated");
    for again in [&late, &early, &late, &early] {
        assert_eq!(outcome(again.clone()).await, "unchanged");
    }
    assert_eq!(messages.status("c-0").await, Some(MessageStatus::Delivered));
    let both = |customer: &str| {
        json!([
            messages.receipt(customer, "failed", 1),
            messages.receipt(customer, "delivered", 2)
        ])
    };
    let answer = post(&app.client, &both("c-1")).await;
    assert_eq!(answer.body["accepted"], 2);
    assert_eq!(messages.status("c-1").await, Some(MessageStatus::Delivered));
}

#[tokio::test]
async fn concurrent_repeats_of_a_request_apply_each_receipt_once() {
    let app = App::without_workers().await;
    let messages = Messages::queued(&app, 50).await;
    let receipts = (0..50).map(|n| messages.receipt(&format!("c-{n}"), "delivered", 1));
    let body = Value::Array(receipts.collect()).to_string();
    let all = (0..8).map(|_| post_signed(&app.client, &body, &VALID));
    let answers = futures::future::join_all(all).await;
    let updated = answers.iter().flat_map(|answer| {
        assert_eq!(answer.body["accepted"], 50, "{answer:?}");
        answer.body["results"].as_array().unwrap()
    });
    let updated = updated.filter(|result| result["outcome"] == "updated");
    assert_eq!(updated.count(), 50, "each receipt is applied once");
}

#[tokio::test]
async fn requests_without_a_valid_signature_are_refused() {
    let app = App::without_workers().await;
    let messages = Messages::queued(&app, 1).await;
    let body = messages.receipt("c-0", "delivered", 1).to_string();
    let forged = SignatureOptions {
        body: Some("{}"),
        ..VALID
    };
    let other_secret = SignatureOptions {
        secret: "whsec_plJ3nmyCDGBKInavdOK15jsl1c9qYbTR",
        ..VALID
    };
    let old = SignatureOptions {
        seconds_ago: 400,
        ..VALID
    };
    let early = SignatureOptions {
        seconds_ago: -400,
        ..VALID
    };
    for signed in [forged, other_secret, old, early] {
        let answer = post_signed(&app.client, &body, &signed).await;
        answer.assert_problem(401, "bad-signature");
    }
    // An admin's API key does not replace the signature.
    for client in [app.client.clone(), app.client.with_key(None)] {
        let answer = client
            .post(PATH, messages.receipt("c-0", "delivered", 1))
            .await;
        answer.assert_problem(401, "bad-signature");
    }
    assert_eq!(messages.status("c-0").await, Some(MessageStatus::Queued));
    let next = SignatureOptions {
        secret: NEXT_VENDOR_SECRET,
        ..VALID
    };
    let answer = post_signed(&app.client, &body, &next).await;
    assert_eq!(
        answer.status, 202,
        "the next secret is valid during a rotation: {answer:?}"
    );
}

#[tokio::test]
async fn every_receipt_has_its_own_result() {
    let app = App::without_workers().await;
    let messages = Messages::queued(&app, 1).await;
    let suppress = MessageCommand::Suppress(Suppression::Unsubscribed);
    messages.apply("c-never", suppress).await;
    let good = || messages.receipt("c-0", "delivered", 1);
    let body = json!([
        messages.receipt("c-9", "delivered", 1),
        good(),
        with(good(), json!({"message_id": "msg_1"})),
        with(good(), json!({"status": "lost"})),
        with(good(), json!({"status": null})),
        with(good(), json!({"occurred_at": "soon"})),
        7,
        messages.receipt("c-never", "delivered", 1),
    ]);
    let answer = post(&app.client, &body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(
        (&answer.body["accepted"], &answer.body["rejected"]),
        (&json!(1), &json!(6))
    );
    assert_eq!(answer.body["ignored"], 1);
    assert_eq!(answer.body["results"][3]["outcome"], "ignored");
    let slugs: Vec<_> = answer.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(slug)
        .collect();
    assert_eq!(
        slugs,
        [
            "unknown-message",
            "",
            "unknown-message",
            "",
            "invalid-field",
            "invalid-field",
            "invalid-field",
            "unknown-message",
        ]
    );
    assert_eq!(
        answer.body["results"][0]["id"],
        messages.id("c-9").to_string()
    );
    let pointers = [(4, "/status"), (5, "/occurred_at"), (6, "")];
    for (index, pointer) in pointers {
        let errors = &answer.body["results"][index]["problem"]["errors"];
        assert_eq!(errors[0]["pointer"], pointer, "{errors}");
    }
    let unknown = with(good(), json!({"message_id": "m", "status": 7}));
    let unknown = post(&app.client, &unknown).await;
    let errors = unknown.body["results"][0]["problem"]["errors"].as_array();
    let pointers: Vec<_> = errors.unwrap().iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/status", "/message_id"]);
    // A single unknown receipt is accepted too, since the vendor repeats requests that are refused.
    let single = post(&app.client, &messages.receipt("c-9", "delivered", 1)).await;
    assert_eq!((single.status, &single.body["rejected"]), (202, &json!(1)));
}

fn slug(result: &Value) -> &str {
    let kind = result["problem"]["type"].as_str().unwrap_or_default();
    kind.trim_start_matches("urn:patron:problem:")
}

#[tokio::test]
async fn oversized_and_malformed_bodies_are_refused_as_a_whole() {
    let app = App::without_workers().await;
    let messages = Messages::queued(&app, 1).await;
    let one = messages.receipt("c-0", "delivered", 1);
    let full = post(&app.client, &Value::Array(vec![one.clone(); 1_000])).await;
    assert_eq!((full.status, &full.body["accepted"]), (202, &json!(1_000)));
    let more = post(&app.client, &Value::Array(vec![one; 1_001])).await;
    more.assert_problem(413, "too-many-items");
    let large = format!("[{}]", " ".repeat(3 * 1024 * 1024));
    post_signed(&app.client, &large, &VALID)
        .await
        .assert_problem(413, "body-too-large");
    for (body, slug) in [("", "malformed-body"), ("[", "malformed-json")] {
        let answer = post_signed(&app.client, body, &VALID).await;
        answer.assert_problem(400, slug);
    }
    post_signed(&app.client, "7", &VALID)
        .await
        .assert_problem(422, "invalid-field");
}

/// The simulated vendor signs and sends receipts that the API accepts.
#[tokio::test]
async fn the_simulated_vendor_sends_a_receipt_for_every_message() {
    let app = App::without_workers().await;
    let messages = Messages::queued(&app, 20).await;
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let vendor = format!("http://{}/vendor/send", listener.local_addr().unwrap());
    let config = VendorConfig::new(dir.path(), VENDOR_SECRET.parse().unwrap());
    let stop = CancellationToken::new();
    let vendor_task = tokio::spawn(vendor::serve(listener, config, stop.clone()));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for n in 0..20 {
        let message = json!({
            "message_id": messages.id(&format!("c-{n}")).to_string(),
            "to": "a@example.com",
            "text": "Hi",
            "callback_url": format!("{}{PATH}", app.client.base()),
        });
        let sent = client.post(&vendor).json(&message).send().await.unwrap();
        assert_eq!(sent.status(), 202);
    }
    for n in 0..20 {
        let customer = format!("c-{n}");
        until("the receipt has arrived", async || {
            use MessageStatus::{Delivered, Failed};
            matches!(messages.status(&customer).await, Some(Delivered | Failed))
        })
        .await;
    }
    stop.cancel();
    vendor_task.await.unwrap().unwrap();
}
