//! `POST /vendor/send`, also `POST /send`: accepts messages, each once. The body is an array of 1
//! to 100 messages, or one message as an object.

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
use crate::ledger::{NotRecorded, PendingRecord};
use crate::message::{SendRequest, vendor_message_id};
use crate::outcome::{self, Reception, RequestFaults};
use crate::problem::{InvalidField, VendorProblem, parse};
use crate::settings::VendorSettings;
use crate::state::Vendor;

/// Message of an array.
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

/// Response: the vendor's own id for a single message, or the results for an array, in order.
#[derive(Serialize)]
#[serde(untagged)]
enum SendResponse {
    One { vendor_message_id: String },
    Many { results: Vec<ItemResult> },
}

/// Result of one message of an array.
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

/// Received message of an array, before the response.
enum ReceivedItem {
    /// The message was recorded. The response waits until the record is on disk.
    Recorded {
        recorded: PendingRecord,
        is_in_doubt: bool,
    },
    /// The message was not recorded.
    NotRecorded(ItemOutcome),
}

const IN_DOUBT: ItemOutcome = ItemOutcome::InDoubt {
    reason: "not-known-to-be-accepted",
};

const LONGEST_ID: usize = 256;
const LONGEST_ADDRESS: usize = 320;
const LONGEST_TEXT: usize = 64 * 1024;
/// Maximum number of messages of an array.
const LARGEST_BATCH: usize = 100;
/// Maximum size of a body, in bytes. JSON escapes may double the size of a text.
pub(crate) const LONGEST_BODY: usize = LARGEST_BATCH * 2 * (LONGEST_TEXT + 4 * 1024);
/// Maximum time that a response waits for a receipt that is posted before it.
const EARLY_RECEIPT_WAIT: Duration = Duration::from_secs(2);

/// Handles `POST /vendor/send`. For one message, returns 202 once it is on disk, also if it is
/// repeated, and 409 for a known id with another recipient or text. For an array, returns 200
/// with a result for each message once all are on disk.
pub(crate) async fn send(
    State(vendor): State<Arc<Vendor>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, VendorProblem> {
    let settings = vendor.controls.settings();
    let faults = outcome::request_faults(vendor.stats.requests.increment(), &settings);
    let response = accept(&vendor, &settings, &faults, &headers, body).await;
    if faults.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
    }
    let response = response?;
    let status = match &response {
        SendResponse::One { .. } => StatusCode::ACCEPTED,
        SendResponse::Many { .. } => StatusCode::OK,
    };
    Ok((status, Json(response)).into_response())
}

async fn accept(
    vendor: &Vendor,
    settings: &VendorSettings,
    faults: &RequestFaults,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<SendResponse, VendorProblem> {
    refuse_if_faulty(vendor, settings, faults)?;
    let is_array = |body: &Bytes| body.trim_ascii_start().first() == Some(&b'[');
    let response = match body.as_ref().is_ok_and(is_array) {
        true => accept_many(vendor, settings, faults, parse(headers, body)?).await?,
        false => accept_one(vendor, settings, parse(headers, body)?).await?,
    };
    if faults.lost_answer {
        vendor.stats.answers_lost.increment();
        return Err(internal_error());
    }
    Ok(response)
}

async fn accept_one(
    vendor: &Vendor,
    settings: &VendorSettings,
    send: SendRequest,
) -> Result<SendResponse, VendorProblem> {
    check(&send, &vendor.callback_hosts)?;
    let recorded = vendor.ledger.record(send, settings).map_err(not_recorded)?;
    let number = wait_until_durable(recorded, Instant::now() + EARLY_RECEIPT_WAIT).await?;
    Ok(SendResponse::One {
        vendor_message_id: vendor_message_id(number),
    })
}

/// Accepts the messages of an array. An invalid message is refused in its own result and does not
/// affect the others. Messages with a callback URL that is not allowed are refused together.
async fn accept_many(
    vendor: &Vendor,
    settings: &VendorSettings,
    faults: &RequestFaults,
    items: Vec<BatchItem>,
) -> Result<SendResponse, VendorProblem> {
    if items.is_empty() || items.len() > LARGEST_BATCH {
        return Err(VendorProblem::fields(vec![InvalidField {
            pointer: String::new(),
            detail: format!("must be 1 to {LARGEST_BATCH} messages"),
        }]));
    }
    // A wrong callback is a fault of the sender's configuration, not of one message.
    for (index, item) in items.iter().enumerate() {
        callback::check(&item.callback_url, &vendor.callback_hosts).map_err(|reason| {
            VendorProblem::fields(vec![InvalidField {
                pointer: format!("/{index}/callback_url"),
                detail: reason.to_owned(),
            }])
        })?;
    }
    let mut received = Vec::with_capacity(items.len());
    for item in items {
        let message_id = item.message_id.clone();
        let reception = outcome::receive(faults.number, &message_id, settings);
        received.push((message_id, receive(vendor, settings, reception, item)?));
    }
    let deadline = Instant::now() + EARLY_RECEIPT_WAIT;
    let mut results = Vec::with_capacity(received.len());
    for (message_id, received) in received {
        let outcome = match received {
            ReceivedItem::Recorded {
                recorded,
                is_in_doubt,
            } => {
                let number = wait_until_durable(recorded, deadline).await?;
                match is_in_doubt {
                    true => IN_DOUBT,
                    false => ItemOutcome::Accepted {
                        vendor_message_id: vendor_message_id(number),
                    },
                }
            }
            ReceivedItem::NotRecorded(outcome) => outcome,
        };
        results.push(ItemResult {
            message_id,
            outcome,
        });
    }
    Ok(SendResponse::Many { results })
}

/// Records one message of an array, unless it is invalid, deferred, or in doubt without being
/// accepted.
fn receive(
    vendor: &Vendor,
    settings: &VendorSettings,
    reception: Reception,
    item: BatchItem,
) -> Result<ReceivedItem, VendorProblem> {
    let send = SendRequest {
        message_id: item.message_id,
        to: item.to,
        text: item.content.text,
        callback_url: item.callback_url,
    };
    let refused = |reason| Ok(ReceivedItem::NotRecorded(ItemOutcome::Refused { reason }));
    if check(&send, &vendor.callback_hosts).is_err() {
        return refused("invalid-request");
    }
    if outcome::is_refused(&send.to, settings) {
        vendor.stats.refused.increment();
        return refused("unknown-recipient");
    }
    // A known message is always accepted and recorded as repeated, so that a retry resolves a
    // message in doubt.
    let reception = match vendor.ledger.contains(&send.message_id) {
        true => Reception::Accept,
        false => reception,
    };
    match reception {
        Reception::Accept => {}
        Reception::Defer => {
            vendor.stats.deferred.increment();
            return Ok(ReceivedItem::NotRecorded(ItemOutcome::Deferred {
                retry_after: settings.deferred_retry_after_s,
                reason: "try-again-later",
            }));
        }
        Reception::Doubt { accepts } => {
            vendor.stats.in_doubt.increment();
            if !accepts {
                return Ok(ReceivedItem::NotRecorded(IN_DOUBT));
            }
        }
    }
    match vendor.ledger.record(send, settings) {
        Ok(recorded) => Ok(ReceivedItem::Recorded {
            recorded,
            is_in_doubt: reception != Reception::Accept,
        }),
        Err(NotRecorded::OtherContent) => refused("message-id-reused"),
        Err(NotRecorded::Closed) => Err(closed()),
    }
}

fn refuse_if_faulty(
    vendor: &Vendor,
    settings: &VendorSettings,
    faults: &RequestFaults,
) -> Result<(), VendorProblem> {
    if settings.outage || settings.outage_ms > 0 {
        vendor.stats.refused_by_outage.increment();
        let over_s = settings.outage_ms.div_ceil(1_000).max(1);
        return Err(VendorProblem::unavailable(
            "outage",
            "the vendor is down",
            over_s,
        ));
    }
    if faults.error {
        vendor.stats.refused_by_error.increment();
        return Err(internal_error());
    }
    Ok(())
}

fn check(send: &SendRequest, callback_hosts: &[String]) -> Result<(), VendorProblem> {
    let mut errors = Vec::new();
    let mut refuse = |pointer: &str, detail: String| {
        let pointer = pointer.to_owned();
        errors.push(InvalidField { pointer, detail });
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
            refuse(pointer, "must not contain control characters".to_owned());
        }
    }
    if let Err(reason) = callback::check(&send.callback_url, callback_hosts) {
        refuse("/callback_url", reason.to_owned());
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(VendorProblem::fields(errors))
    }
}

/// Waits until a message is on disk and its early receipt, if it has one, was posted. Returns the
/// message's number.
async fn wait_until_durable(
    recorded: PendingRecord,
    deadline: Instant,
) -> Result<usize, VendorProblem> {
    recorded.durable.await.map_err(|_| closed())?;
    if let Some(posted) = recorded.posted {
        // The response is sent after the post or the timeout, whichever comes first.
        let _ = tokio::time::timeout_at(deadline, posted).await;
    }
    Ok(recorded.number)
}

fn not_recorded(reason: NotRecorded) -> VendorProblem {
    match reason {
        NotRecorded::OtherContent => VendorProblem::new(
            StatusCode::CONFLICT,
            "message-id-reused",
            "this message_id was used for another recipient or text",
        ),
        NotRecorded::Closed => closed(),
    }
}

fn closed() -> VendorProblem {
    VendorProblem::unavailable("closing", "the vendor is stopping", 1)
}

fn internal_error() -> VendorProblem {
    VendorProblem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal-error",
        "retry the request",
    )
}
