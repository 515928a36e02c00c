//! `POST /vendor/send`: takes a message, once.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::callback;
use crate::ledger::{NotRecorded, Recorded};
use crate::message::vendor_message_id;
use crate::outcome::{self, Treatment};
use crate::problem::{FieldError, Problem, parse};
use crate::serve::Vendor;
use crate::settings::Settings;

/// A message to send. `message_id` makes it one: asking again sends nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Send {
    pub(crate) message_id: String,
    pub(crate) to: String,
    pub(crate) text: String,
    /// Where the receipt is posted. That of the first request counts.
    pub(crate) callback_url: String,
}

/// The answer: the vendor's own id of the message.
#[derive(Serialize)]
pub(crate) struct SendAnswer {
    vendor_message_id: String,
}

const LONGEST_ID: usize = 256;
const LONGEST_ADDRESS: usize = 320;
const LONGEST_TEXT: usize = 64 * 1024;
/// How long an answer waits for a receipt that is to come before it.
const EARLY_RECEIPT_WAIT: Duration = Duration::from_secs(2);

/// 202 once the message is on disk; the same again for the same message, 409
/// for its id with another recipient or text.
pub(crate) async fn send(
    State(vendor): State<Arc<Vendor>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<SendAnswer>), Problem> {
    let settings = vendor.controls.settings();
    let treatment = outcome::treat(vendor.stats.requests.one(), &settings);
    let answer = accept(&vendor, &settings, &treatment, &headers, body).await;
    if treatment.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(treatment.latency_ms)).await;
    }
    Ok((StatusCode::ACCEPTED, Json(answer?)))
}

async fn accept(
    vendor: &Vendor,
    settings: &Settings,
    treatment: &Treatment,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<SendAnswer, Problem> {
    refuse_at_random(vendor, settings, treatment)?;
    let send: Send = parse(headers, body)?;
    check(&send, &vendor.callback_hosts)?;
    let recorded = vendor.ledger.record(send, settings).map_err(not_recorded)?;
    let number = until_durable(recorded).await?;
    if treatment.lost_answer {
        vendor.stats.answers_lost.one();
        return Err(internal_error());
    }
    Ok(SendAnswer {
        vendor_message_id: vendor_message_id(number),
    })
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

async fn until_durable(recorded: Recorded) -> Result<usize, Problem> {
    recorded.durable.await.map_err(|_| closed())?;
    if let Some(posted) = recorded.posted {
        // Whether it ends by a post or by the clock, the answer is due.
        let _ = tokio::time::timeout(EARLY_RECEIPT_WAIT, posted).await;
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
