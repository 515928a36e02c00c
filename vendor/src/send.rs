//! `POST /vendor/send`, also `POST /send`: takes messages, each once. A request
//! is an array of 1 to 100 messages, or one message as an object.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::callback;
use crate::ledger::{NotRecorded, Recorded};
use crate::message::vendor_message_id;
use crate::outcome::{self, Reception, Treatment};
use crate::problem::{FieldError, Problem, parse};
use crate::serve::Vendor;
use crate::settings::Settings;

/// A message to send. It is sent once per `message_id`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Send {
    pub(crate) message_id: String,
    pub(crate) to: String,
    pub(crate) text: String,
    /// Where the receipt is posted; the URL of the first request counts.
    pub(crate) callback_url: String,
}

/// One message of an array.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchItem {
    message_id: String,
    to: String,
    content: Content,
    callback_url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    text: String,
}

/// The response: the vendor's own id for one message, a result for each message,
/// in order, for an array.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    One { vendor_message_id: String },
    Many { results: Vec<ItemResult> },
}

/// The result of one message of an array.
#[derive(Serialize)]
struct ItemResult {
    message_id: String,
    #[serde(flatten)]
    outcome: ItemOutcome,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum ItemOutcome {
    Accepted {
        vendor_message_id: String,
    },
    Refused {
        reason: &'static str,
    },
    /// `retry_after` is in seconds.
    Deferred {
        retry_after: u64,
        reason: &'static str,
    },
    InDoubt {
        reason: &'static str,
    },
}

/// How one message of an array was received.
enum Received {
    /// It was recorded; it is answered once that is on disk.
    Recorded {
        recorded: Recorded,
        is_doubtful: bool,
    },
    /// Nothing was recorded.
    NotRecorded(ItemOutcome),
}

const IN_DOUBT: ItemOutcome = ItemOutcome::InDoubt {
    reason: "not-known-to-be-accepted",
};

const LONGEST_ID: usize = 256;
const LONGEST_ADDRESS: usize = 320;
const LONGEST_TEXT: usize = 64 * 1024;
/// The most messages of an array.
const LARGEST_BATCH: usize = 100;
/// The most bytes of a request: escapes may double a text.
pub(crate) const LONGEST_BODY: usize = LARGEST_BATCH * 2 * (LONGEST_TEXT + 4 * 1024);
/// How long a response waits for a receipt that is to be posted before it.
const EARLY_RECEIPT_WAIT: Duration = Duration::from_secs(2);

/// One message: 202 once it is on disk; the same if the message is repeated; 409
/// for a known id with another recipient or text. An array: 200 with a result for
/// each message once all are on disk.
pub(crate) async fn send(
    State(vendor): State<Arc<Vendor>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let settings = vendor.controls.settings();
    let treatment = outcome::treat(vendor.stats.requests.one(), &settings);
    let answer = accept(&vendor, &settings, &treatment, &headers, body).await;
    if treatment.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(treatment.latency_ms)).await;
    }
    let answer = answer?;
    let status = match &answer {
        Answer::One { .. } => StatusCode::ACCEPTED,
        Answer::Many { .. } => StatusCode::OK,
    };
    Ok((status, Json(answer)).into_response())
}

async fn accept(
    vendor: &Vendor,
    settings: &Settings,
    treatment: &Treatment,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Answer, Problem> {
    refuse_at_random(vendor, settings, treatment)?;
    let is_array = |body: &Bytes| body.trim_ascii_start().first() == Some(&b'[');
    let answer = match body.as_ref().is_ok_and(is_array) {
        true => accept_many(vendor, settings, treatment, parse(headers, body)?).await?,
        false => accept_one(vendor, settings, parse(headers, body)?).await?,
    };
    if treatment.lost_answer {
        vendor.stats.answers_lost.one();
        return Err(internal_error());
    }
    Ok(answer)
}

async fn accept_one(vendor: &Vendor, settings: &Settings, send: Send) -> Result<Answer, Problem> {
    check(&send, &vendor.callback_hosts)?;
    let recorded = vendor.ledger.record(send, settings).map_err(not_recorded)?;
    let number = until_durable(recorded, Instant::now() + EARLY_RECEIPT_WAIT).await?;
    Ok(Answer::One {
        vendor_message_id: vendor_message_id(number),
    })
}

/// A fault of one message is reported in its own result.
async fn accept_many(
    vendor: &Vendor,
    settings: &Settings,
    treatment: &Treatment,
    items: Vec<BatchItem>,
) -> Result<Answer, Problem> {
    if items.is_empty() || items.len() > LARGEST_BATCH {
        return Err(Problem::fields(vec![FieldError {
            pointer: String::new(),
            detail: format!("must be 1 to {LARGEST_BATCH} messages"),
        }]));
    }
    let mut received = Vec::with_capacity(items.len());
    for item in items {
        let message_id = item.message_id.clone();
        let reception = outcome::receive(treatment.number, &message_id, settings);
        received.push((message_id, receive(vendor, settings, reception, item)?));
    }
    let deadline = Instant::now() + EARLY_RECEIPT_WAIT;
    let mut results = Vec::with_capacity(received.len());
    for (message_id, received) in received {
        let outcome = match received {
            Received::Recorded {
                recorded,
                is_doubtful,
            } => {
                let number = until_durable(recorded, deadline).await?;
                match is_doubtful {
                    true => IN_DOUBT,
                    false => ItemOutcome::Accepted {
                        vendor_message_id: vendor_message_id(number),
                    },
                }
            }
            Received::NotRecorded(outcome) => outcome,
        };
        results.push(ItemResult {
            message_id,
            outcome,
        });
    }
    Ok(Answer::Many { results })
}

/// Records one message of an array, unless it is refused or its reception says
/// otherwise. A known message is always accepted and recorded as repeated, so
/// that a retry finds out what happened to a message in doubt.
fn receive(
    vendor: &Vendor,
    settings: &Settings,
    reception: Reception,
    item: BatchItem,
) -> Result<Received, Problem> {
    let send = Send {
        message_id: item.message_id,
        to: item.to,
        text: item.content.text,
        callback_url: item.callback_url,
    };
    let refused = |reason| Ok(Received::NotRecorded(ItemOutcome::Refused { reason }));
    if check(&send, &vendor.callback_hosts).is_err() {
        return refused("invalid-request");
    }
    let reception = match vendor.ledger.knows(&send.message_id) {
        true => Reception::Accept,
        false => reception,
    };
    match reception {
        Reception::Accept => {}
        Reception::Defer => {
            vendor.stats.deferred.one();
            return Ok(Received::NotRecorded(ItemOutcome::Deferred {
                retry_after: settings.deferred_retry_after_s,
                reason: "try-again-later",
            }));
        }
        Reception::Doubt { accepts } => {
            vendor.stats.in_doubt.one();
            if !accepts {
                return Ok(Received::NotRecorded(IN_DOUBT));
            }
        }
    }
    match vendor.ledger.record(send, settings) {
        Ok(recorded) => Ok(Received::Recorded {
            recorded,
            is_doubtful: reception != Reception::Accept,
        }),
        Err(NotRecorded::OtherContent) => refused("message-id-reused"),
        Err(NotRecorded::Closed) => Err(closed()),
    }
}

fn refuse_at_random(
    vendor: &Vendor,
    settings: &Settings,
    treatment: &Treatment,
) -> Result<(), Problem> {
    if settings.outage || settings.outage_ms > 0 {
        vendor.stats.refused_by_outage.one();
        let over_s = settings.outage_ms.div_ceil(1_000).max(1);
        return Err(Problem::unavailable("outage", "the vendor is down", over_s));
    }
    if treatment.error {
        vendor.stats.refused_by_error.one();
        return Err(internal_error());
    }
    Ok(())
}

fn check(send: &Send, callback_hosts: &[String]) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let mut refuse = |pointer: &str, detail: String| {
        let pointer = pointer.to_owned();
        errors.push(FieldError { pointer, detail });
    };
    for (pointer, value, longest) in [
        ("/message_id", &send.message_id, LONGEST_ID),
        ("/to", &send.to, LONGEST_ADDRESS),
        ("/text", &send.text, LONGEST_TEXT),
    ] {
        if value.is_empty() || value.len() > longest {
            refuse(pointer, format!("must be 1 to {longest} bytes"));
        }
    }
    for (pointer, value) in [("/message_id", &send.message_id), ("/to", &send.to)] {
        if value.chars().any(char::is_control) {
            refuse(pointer, "must not have control characters".to_owned());
        }
    }
    if let Err(why) = callback::check(&send.callback_url, callback_hosts) {
        refuse("/callback_url", why.to_owned());
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::fields(errors))
    }
}

async fn until_durable(recorded: Recorded, deadline: Instant) -> Result<usize, Problem> {
    recorded.durable.await.map_err(|_| closed())?;
    if let Some(posted) = recorded.posted {
        // The response is due after the post or the timeout.
        let _ = tokio::time::timeout_at(deadline, posted).await;
    }
    Ok(recorded.number)
}

fn not_recorded(why: NotRecorded) -> Problem {
    match why {
        NotRecorded::OtherContent => Problem::new(
            StatusCode::CONFLICT,
            "message-id-reused",
            "this message_id was used for another recipient or text",
        ),
        NotRecorded::Closed => closed(),
    }
}

fn closed() -> Problem {
    Problem::unavailable("closing", "the ledger takes no messages any more", 1)
}

fn internal_error() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal-error",
        "try again",
    )
}
