//! Handler of `POST /api/customers/{id}/consents`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use commands::{Context, CustomerRecord, Outcome};
use domain::{
    ConsentRecord, CustomerChanges, CustomerError, CustomerId, RecordConsent, Text, Timestamp,
    check_consent_at,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::history::{ConsentChoice, ConsentItem, history, just_recorded};
use crate::http::body::{Input, JsonBody};
use crate::http::extract::Path;
use crate::http::openapi::NotFound;
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::customers;
use crate::resources::data::customers::refused;
use crate::state::{AppContext, AppState};

/// A consent or an opt-out to record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a consent object")]
#[schema(as = ConsentIn, example = json!({
    "state": "subscribed",
    "source": "phone call",
    "wording": "Yes, send me the newsletter.",
    "at": "2026-11-23T01:02:03Z"
}))]
pub(super) struct ConsentBody {
    /// What the customer chose.
    state: ConsentChoice,
    /// Where the customer chose it: a form, a phone call, a letter. At most 128 bytes.
    #[schema(value_type = schema::Text128)]
    source: Text<128>,
    /// Words to which the customer agreed, at most 2,000 bytes.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text2000>)]
    wording: Option<Text<2000>>,
    /// Time at which the customer chose it; without it, now. It is at most five minutes in
    /// the future. A consent that is not later than the recorded opt-out is refused; an
    /// opt-out by hand counts whatever its time is.
    #[serde(default)]
    #[schema(value_type = Option<schema::Time>)]
    at: Option<Timestamp>,
}

impl Input for ConsentBody {}

/// Records a consent or an opt-out of a customer.
///
/// A consent lifts an earlier opt-out of this customer. Nobody gets messages at an address
/// as long as another customer with it is unsubscribed. Each request is recorded, also one
/// that does not change the state.
#[utoipa::path(
    post,
    path = "/api/customers/{id}/consents",
    tag = "Customers",
    params(("id" = inline(schema::Id), Path, description = "The customer's id")),
    request_body = ConsentBody,
    responses(
        (status = 201, description = "Durably recorded", body = ConsentItem,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound
    )
)]
pub(super) async fn record_consent(
    State(app): State<AppState>,
    Path(id): Path<CustomerId>,
    Caller(context): Caller,
    JsonBody(body): JsonBody<ConsentBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    if let Some(at) = body.at {
        let checked = check_consent_at(at, context.now);
        checked.map_err(|error| Problem::field(ProblemKind::Refused, "/at", error.to_string()))?;
    }
    let consent = RecordConsent {
        unsubscribed: body.state == ConsentChoice::Unsubscribed,
        record: ConsentRecord {
            source: Some(body.source),
            wording: body.wording,
            at: body.at,
        },
    };
    let outcome = record(&app, &context, &id, consent.clone()).await?;
    let at = outcome.position;
    let item = match history(&app, &id).await {
        Ok(recorded) => {
            let mut recorded = recorded.unwrap_or_default().into_iter();
            let item = recorded.find(|item| item.position.0 == at);
            item.ok_or_else(Problem::internal)?
        }
        // It is recorded, so an error would be wrong.
        Err(problem) if problem.kind() == ProblemKind::Trimmed => {
            just_recorded(&app, &context, &id, consent, at).await?
        }
        Err(problem) => return Err(problem),
    };
    let headers = [(position::HEADER, position::of(outcome))];
    Ok((StatusCode::CREATED, headers, Json(item)))
}

/// Records a consent. A customer who is known from orders or activity alone is registered
/// first.
async fn record(
    app: &AppContext,
    context: &Context,
    id: &CustomerId,
    consent: RecordConsent,
) -> Result<Outcome, Problem> {
    let commands = &app.commands;
    let recorded = commands.record_consent(context, id.clone(), consent.clone());
    match recorded.await? {
        Err(CustomerError::Unknown) => {}
        recorded => return recorded.map_err(|error| refused(&error)),
    }
    if app.store.customer(id.as_str()).await?.is_none() {
        return Err(customers::missing(app, id).await);
    }
    let registration = CustomerRecord {
        customer: id.clone(),
        changes: CustomerChanges::default(),
    };
    let registered = commands
        .record_customers(context, vec![registration])
        .await?;
    registered
        .into_iter()
        .try_for_each(|registered| registered.map(drop))
        .map_err(|error| refused(&error))?;
    let recorded = commands
        .record_consent(context, id.clone(), consent)
        .await?;
    recorded.map_err(|error| refused(&error))
}
