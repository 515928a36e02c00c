//! `POST /api/delivery/receipt`: what the vendor says became of messages.

use std::fmt;
use std::net::IpAddr;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use commands::{CommandError, Context, Outcome};
use domain::{MessageCommand, MessageError, MessageId, Receipt, Text, Timestamp};
use serde::Deserialize;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::Input;
use crate::body::batch::{self, Items};
use crate::body::payload::{self, Format, Payload};
use crate::caller::Nobody;
use crate::data::answer::Batch;
use crate::data::ingest::{Ingest, many};
use crate::limits;
use crate::openapi::ReceiptProblems;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use crate::state::{AppState, Shared};

/// How many receipts one request may bring.
const MAX_RECEIPTS: usize = 1_000;

/// The most bytes that a request may have: those of [`MAX_RECEIPTS`] long ones.
/// They are read before anybody knows whose they are.
const LIMIT: usize = 2 * 1024 * 1024;

/// Where receipts come in.
pub(crate) const PATH: &str = "/api/delivery/receipt";

/// How long the vendor may take to send its receipts.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of that without a place among the slow ones.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How many seconds a signature may be away from our clock, as the library
/// has it.
const TOLERANCE: u64 = 5 * 60;

/// On whose behalf receipts are recorded.
const ACTOR: &str = "vendor";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_receipts))
}

/// What vendors sign receipts with. Several, so that one can follow another;
/// none lets no receipt in.
#[derive(Default)]
pub struct VendorSecrets(Vec<Webhook>);

/// A text is no list of [`VendorSecrets`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a vendor's secret is `whsec_` followed by the base64 of at least 24 bytes; several are \
     separated by commas"
)]
pub struct VendorSecretError;

impl VendorSecrets {
    const PREFIX: &str = "whsec_";

    /// Length of the base64 of 24 bytes, the least that Standard Webhooks
    /// allows.
    const SHORTEST: usize = 32;

    /// That a body comes from the vendor, within the last five minutes.
    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
        let verified = |secret: &Webhook| secret.verify(body, headers);
        let mut refusal = None;
        for secret in &self.0 {
            match verified(secret) {
                Ok(()) => return Ok(()),
                Err(error) => refusal = Some(error),
            }
        }
        let detail = match refusal {
            Some(error) => error.to_string(),
            None => "the server knows no vendor".to_owned(),
        };
        Err(Problem::new(ProblemKind::BadSignature, detail))
    }
}

impl fmt::Debug for VendorSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl FromStr for VendorSecrets {
    type Err = VendorSecretError;

    /// `whsec_…,whsec_…`; an empty text is none.
    fn from_str(text: &str) -> Result<Self, VendorSecretError> {
        let secret = |text: &str| {
            let base64 = text.trim().strip_prefix(Self::PREFIX);
            let base64 = base64.filter(|base64| base64.len() >= Self::SHORTEST);
            let base64 = base64.ok_or(VendorSecretError)?;
            Webhook::new(base64).map_err(|_| VendorSecretError)
        };
        match text.trim() {
            "" => Ok(Self::default()),
            text => text
                .split(',')
                .map(secret)
                .collect::<Result<_, _>>()
                .map(Self),
        }
    }
}

/// How Standard Webhooks signs. The signature is looked for in the headers as
/// they are; here they are only described.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the headers")]
struct Signature {
    /// The same for all attempts to post this body.
    #[param(
        rename = "webhook-id",
        example = "rcpt_01936f2e7d1c7a309a511f0b6a0f9c11"
    )]
    id: String,
    /// The seconds since 1970 at this attempt.
    #[param(rename = "webhook-timestamp", example = "1795395723")]
    timestamp: String,
    /// `v1,` and the base64 of the HMAC-SHA256 of `ID.TIMESTAMP.BODY`; several
    /// are separated by spaces.
    #[param(
        rename = "webhook-signature",
        example = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
    )]
    signature: String,
}

/// What became of a message that the vendor took.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a receipt object")]
#[schema(as = ReceiptIn, example = json!({
    "message_id": "msg_01936f2e7d1c7a309a511f0b6a0f9c11_c-1001",
    "vendor_message_id": "vm_17",
    "status": "failed",
    "reason": "mailbox_full",
    "occurred_at": "2026-11-23T01:02:03Z"
}))]
struct ReceiptBody {
    /// The message.
    message_id: String,
    /// What the vendor calls it.
    #[schema(value_type = schema::Text128)]
    vendor_message_id: Text<128>,
    /// Whether it arrived.
    status: ReceiptStatus,
    /// Why it did not.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text256>)]
    reason: Option<Text<256>>,
    /// When, by the vendor's clock.
    #[schema(value_type = schema::Time)]
    occurred_at: Timestamp,
}

/// Whether a message arrived.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReceiptStatus {
    /// It did.
    Delivered,
    /// It did not.
    Failed,
}

/// How a body of receipts is described.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two forms of a body")]
enum Receipts {
    /// One.
    One(ReceiptBody),
    /// At most 1,000.
    Many(Vec<ReceiptBody>),
}

/// Takes the vendor's receipts.
///
/// Repeats change nothing, and the order of arrival makes no difference: what
/// happened last holds. Each receipt has a result of its own, a single one too.
#[utoipa::path(
    post,
    path = "/api/delivery/receipt",
    tag = "delivery",
    params(Signature),
    request_body = Receipts,
    responses(
        (status = 202, description = "What was not rejected is on disk", body = Batch,
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        ReceiptProblems
    )
)]
async fn post_receipts(
    State(app): State<AppState>,
    Nobody(context): Nobody,
    request: Request,
) -> Result<Response, Problem> {
    let declared = payload::only_json(request.headers());
    let headers = signature(request.headers());
    // No body is read of a request that cannot have a valid signature.
    is_recent(&headers, context.now).map_err(|problem| refuse(&app, &context, problem))?;
    let body = receive(&app, context.address, request).await?;
    let verified = app.vendor_secrets.verify(&headers, &body);
    verified.map_err(|problem| refuse(&app, &context, problem))?;
    app.senders.record_valid_signature(context.address);
    let _place = limits::place(&app.receipt_places)?;
    declared?;
    let pieces = match batch::split(Format::Json, payload::text(&body)?, MAX_RECEIPTS)? {
        Items::One(piece) => vec![piece],
        Items::Many(pieces) => pieces,
    };
    let context = Context {
        actor: ACTOR.to_owned(),
        ..context
    };
    many::<ReceiptBody>(&app, &context, &pieces).await
}

/// Reads the body of a sender that has shown no valid signature yet. A body
/// that is slow, broken or too large counts against its address.
async fn receive(
    app: &Shared,
    address: Option<IpAddr>,
    request: Request,
) -> Result<Payload, Problem> {
    let (room, limit) = (app.senders.room(address), app.body_limit.min(LIMIT));
    let evicted = room.evicted();
    let mut reading = pin!(evicted.run_until_cancelled(payload::read(request, room, limit)));
    let read = match timeout(AT_ONCE, &mut reading).await {
        Ok(read) => read.unwrap_or_else(|| Err(limits::full())),
        Err(_) => match app.senders.slow(address) {
            Some(_place) => match timeout(PATIENCE - AT_ONCE, reading).await {
                Ok(read) => read.unwrap_or_else(|| Err(limits::full())),
                Err(_) => Err(too_slow()),
            },
            None => Err(too_many_slow()),
        },
    };
    read.map_err(|problem| match problem.kind() {
        // Others took the room.
        ProblemKind::Busy => problem,
        _ => app.rates.of_address(address).err().unwrap_or(problem),
    })
}

/// Counts a bad signature against its address. Returns the problem to answer
/// with: 429 instead of `problem` where there were too many.
fn refuse(app: &Shared, context: &Context, problem: Problem) -> Problem {
    if let Err(too_many) = app.rates.of_address(context.address) {
        return too_many;
    }
    app.journal.bad_signature(context, "POST", PATH);
    problem
}

fn too_many_slow() -> Problem {
    let detail = "too many posts of receipts from this address, or from addresses that have shown \
                  no good signature, arrive slowly; send a body at once";
    Problem::new(ProblemKind::TooManyRequests, detail)
}

fn too_slow() -> Problem {
    let detail = format!("receipts are to be sent within {} s", PATIENCE.as_secs());
    Problem::new(ProblemKind::Timeout, detail)
}

/// That there is a signature, said to be made just now.
fn is_recent(headers: &HeaderMap, now: Timestamp) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::new(ProblemKind::BadSignature, detail));
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(_), Some(at), Some(_)) = (
        text(HEADER_WEBHOOK_ID),
        text(HEADER_WEBHOOK_TIMESTAMP),
        text(HEADER_WEBHOOK_SIGNATURE),
    ) else {
        return refused(
            "the headers webhook-id, webhook-timestamp and webhook-signature are missing",
        );
    };
    let now = now.millis() / 1_000;
    match at.parse::<i64>() {
        Ok(at) if now.abs_diff(at) <= TOLERANCE => Ok(()),
        Ok(_) => refused("the signature is too old, or from the future"),
        Err(_) => refused("webhook-timestamp is not a number of seconds"),
    }
}

/// The headers that the signature needs, kept while the body is read.
fn signature(headers: &HeaderMap) -> HeaderMap {
    let names = [
        HEADER_WEBHOOK_ID,
        HEADER_WEBHOOK_TIMESTAMP,
        HEADER_WEBHOOK_SIGNATURE,
    ];
    let kept = names.into_iter().filter_map(|name| {
        let name = axum::http::HeaderName::from_static(name);
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    kept.collect()
}

impl Input for ReceiptBody {
    fn check(&self, _: &Shared) -> Result<(), Problem> {
        match self.message_id.parse::<MessageId>() {
            Ok(_) => Ok(()),
            Err(_) => Err(unknown()),
        }
    }
}

impl Ingest for ReceiptBody {
    const KIND: &'static str = "receipts";
    const ID: &'static str = "message_id";
    type Item = (MessageId, MessageCommand);

    fn into_item(self) -> Result<(String, Self::Item), Problem> {
        let Ok(message) = self.message_id.parse::<MessageId>() else {
            return Err(unknown());
        };
        let receipt = Receipt {
            vendor_message_id: self.vendor_message_id,
            arrived: self.status == ReceiptStatus::Delivered,
            reason: self.reason,
            occurred_at: self.occurred_at,
        };
        let command = MessageCommand::RecordReceipt(receipt);
        Ok((self.message_id, (message, command)))
    }

    async fn record(
        app: &Shared,
        context: &Context,
        items: Vec<Self::Item>,
    ) -> Result<Vec<Result<Outcome, Problem>>, CommandError> {
        let outcomes = app.commands.on_messages(context, items).await?;
        let refused = |error: MessageError| match error {
            MessageError::Unknown => unknown(),
            MessageError::NotSent => Problem::new(ProblemKind::UnknownMessage, error.to_string()),
        };
        let outcomes = outcomes.into_iter();
        Ok(outcomes.map(|outcome| outcome.map_err(refused)).collect())
    }
}

fn unknown() -> Problem {
    let detail = MessageError::Unknown.to_string();
    Problem::field(ProblemKind::UnknownMessage, "/message_id", detail)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use chrono::Utc;

    use super::*;

    const ONE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn signed(secret: &str, body: &[u8], seconds_ago: i64) -> HeaderMap {
        let at = Utc::now().timestamp() - seconds_ago;
        let signature = Webhook::new(secret).unwrap().sign("rcpt_1", at, body);
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        HeaderMap::from_iter([
            (HEADER_WEBHOOK_ID.parse().unwrap(), value("rcpt_1")),
            (
                HEADER_WEBHOOK_TIMESTAMP.parse().unwrap(),
                value(&at.to_string()),
            ),
            (
                HEADER_WEBHOOK_SIGNATURE.parse().unwrap(),
                value(&signature.unwrap()),
            ),
        ])
    }

    fn lets_in(secrets: &str, headers: &HeaderMap) -> bool {
        let secrets: VendorSecrets = secrets.parse().unwrap();
        secrets.verify(headers, b"{}").is_ok()
    }

    #[test]
    fn any_of_the_secrets_signs() {
        let both = format!("{ONE}, {OTHER}");
        for secret in [ONE, OTHER] {
            assert!(lets_in(&both, &signed(secret, b"{}", 0)));
        }
        assert!(!lets_in(ONE, &signed(OTHER, b"{}", 0)));
        assert!(!lets_in("", &signed(ONE, b"{}", 0)));
    }

    #[test]
    fn a_signature_is_of_this_body_and_this_time() {
        assert!(lets_in(ONE, &signed(ONE, b"{}", 280)));
        assert!(!lets_in(ONE, &signed(ONE, b"{}", 320)));
        assert!(!lets_in(ONE, &signed(ONE, b"{}", -320)));
        assert!(!lets_in(ONE, &signed(ONE, b"{ }", 0)));
        assert!(!lets_in(ONE, &HeaderMap::new()));
    }

    #[test]
    fn what_could_be_guessed_is_no_secret() {
        for odd in [
            "whsec_",
            "whsec_c2hvcnQ=",
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        ] {
            assert!(odd.parse::<VendorSecrets>().is_err(), "{odd}");
        }
        assert!(format!("{ONE},").parse::<VendorSecrets>().is_err());
    }
}
