//! `POST /api/delivery/receipt`: the vendor's delivery receipts.

mod answer;
mod body;
mod read;
mod record;
pub(crate) mod secrets;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use commands::Context;
use domain::Timestamp;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use answer::ReceiptsResponse;
use body::Receipts;

use crate::http::body::batch::{self, Items};
use crate::http::limits;
use crate::http::openapi::BadSignature;
use crate::http::payload::{self, BodyFormat};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::AnonymousCaller;
use crate::resources::shared::unverified_body;
use crate::state::{AppContext, AppState};

/// Maximum number of receipts in one request.
const MAX_RECEIPTS: usize = 1_000;

/// Maximum size of a body in bytes, enough for [`MAX_RECEIPTS`] long receipts. It is
/// low, since a body is read before its signature can be checked.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// Path of the operation.
pub(crate) const PATH: &str = "/api/delivery/receipt";

/// Maximum difference in seconds between a signature's timestamp and this clock, the
/// same as in the `standardwebhooks` crate.
const MAX_CLOCK_DIFFERENCE: u64 = 5 * 60;

/// Actor of recorded receipts.
const ACTOR: &str = "vendor";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_receipts))
}

/// Headers of Standard Webhooks. This type only describes them for OpenAPI; the
/// handler reads the headers itself.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the headers")]
struct Signature {
    /// Id of the body, the same in every attempt to post it.
    #[param(
        rename = "webhook-id",
        example = "rcpt_01936f2e7d1c7a309a511f0b6a0f9c11"
    )]
    id: String,
    /// Unix time of this attempt in seconds.
    #[param(rename = "webhook-timestamp", example = "1795395723")]
    timestamp: String,
    /// Signature: `v1,` and the base64 of the HMAC-SHA256 of `ID.TIMESTAMP.BODY`.
    /// Several are separated by spaces.
    #[param(
        rename = "webhook-signature",
        example = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
    )]
    signature: String,
}

/// Records the vendor's delivery receipts.
///
/// Repeated receipts change nothing. The order of arrival does not matter: of
/// `delivered`, `failed` and `bounced`, the receipt with the latest `occurred_at` wins.
/// `complained`, `deferred`, `opened` and `clicked` are recorded once per message and
/// change no status. Unknown fields are ignored, and so are receipts with an unknown
/// status. Each receipt has its own result, even if it is the only one.
#[utoipa::path(
    post,
    path = "/api/delivery/receipt",
    tag = "Delivery",
    params(Signature),
    request_body = Receipts,
    responses(
        (status = 202, description = "Receipts not rejected are durably recorded", body = ReceiptsResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        BadSignature
    )
)]
async fn post_receipts(
    State(app): State<AppState>,
    AnonymousCaller(context): AnonymousCaller,
    request: Request,
) -> Result<Response, Problem> {
    let declared = payload::require_json(request.headers());
    let headers = signature_headers(request.headers());
    // The body of a request that cannot have a valid signature is not read.
    is_recent(&headers, context.now)
        .map_err(|problem| reject_signature(&app, &context, problem))?;
    let limit = app.body_limit.min(MAX_BODY);
    let body = unverified_body::read(&app, context.address, request, limit).await?;
    let verified = app.vendor_secrets.verify(&headers, &body);
    verified.map_err(|problem| reject_signature(&app, &context, problem))?;
    app.senders.record_valid_signature(context.address);
    let _place = limits::acquire_place(&app.receipt_places)?;
    // A wrong media type is reported only now, to a sender with a valid signature.
    declared?;
    let raw_items = match batch::split(BodyFormat::Json, payload::text(&body)?, MAX_RECEIPTS)? {
        Items::One(raw) => vec![raw],
        Items::Many(raw_items) => raw_items,
    };
    let context = Context {
        actor: ACTOR.to_owned(),
        ..context
    };
    let response = record::record(&app, &context, &raw_items).await?;
    Ok(response.into_response())
}

/// Counts an invalid signature against the rate limit of its address, and records the
/// refusal. Returns the problem to answer with: 429 instead of `problem` if the limit
/// is exceeded.
fn reject_signature(app: &AppContext, context: &Context, problem: Problem) -> Problem {
    if let Err(too_many) = app.identity.rates.check_address(context.address) {
        return too_many;
    }
    app.identity.journal.bad_signature(context, "POST", PATH);
    problem
}

/// Checks that the signature headers are present and the timestamp is recent.
fn is_recent(headers: &HeaderMap, now: Timestamp) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::new(ProblemKind::BadSignature, detail));
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(_), Some(at), Some(_)) = (
        text(HEADER_WEBHOOK_ID),
        text(HEADER_WEBHOOK_TIMESTAMP),
        text(HEADER_WEBHOOK_SIGNATURE),
    ) else {
        return refused(
            "one of the headers webhook-id, webhook-timestamp and webhook-signature is missing",
        );
    };
    let now = now.millis() / 1_000;
    match at.parse::<i64>() {
        Ok(at) if now.abs_diff(at) <= MAX_CLOCK_DIFFERENCE => Ok(()),
        Ok(_) => refused("webhook-timestamp is too old, or in the future"),
        Err(_) => refused("webhook-timestamp is not a number of seconds"),
    }
}

/// Copies the headers that the verification needs, since reading the body consumes
/// the request.
fn signature_headers(headers: &HeaderMap) -> HeaderMap {
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
