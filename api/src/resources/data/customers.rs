//! `POST /api/data/customers`

use axum::extract::{Request, State};
use axum::response::Response;
use commands::{CommandError, Context, CustomerRecord, Outcome};
use domain::{
    AddressChanges, AttributeChanges, Change, ConsentRecord, CustomerChanges, CustomerError,
    CustomerId, MAX_ATTRIBUTES, MAX_TAGS, ProfileChanges, Text,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Ingested;
use super::ingest::{Ingest, Received, ingest};
use crate::http::body::batch::OneOrMany;
use crate::http::body::contacts::{GivenEmail, GivenPhone};
use crate::http::body::given_time::GivenTime;
use crate::http::body::labels::Labels;
use crate::http::body::shop_id::shop_id;
use crate::http::body::{BodyRules, Input};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_customers))
}

/// Changes to a customer's profile. An absent field keeps its value; `null` clears
/// it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a customer object")]
#[schema(as = CustomerIn, example = json!({
    "customer_id": "c-1001",
    "name": "Ada Example",
    "email": "ada@example.com",
    "city": "Berlin",
    "country": "DE",
    "tags": ["vip"],
    "attributes": {"shoe_size": 39},
    "registered_at": "2026-11-23T01:02:03Z"
}))]
pub(super) struct CustomerBody {
    /// Shop's id of the customer.
    #[serde(deserialize_with = "shop_id")]
    #[schema(value_type = schema::SentId)]
    customer_id: CustomerId,
    /// Full name, at most 256 bytes.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text256>)]
    name: Change<Text<256>>,
    /// Email address alone, without a name. It is kept as given and compared without
    /// regard to case.
    #[serde(default)]
    #[schema(value_type = Option<schema::Email>)]
    email: Change<GivenEmail>,
    /// Phone number. It is recorded in the form of E.164, such as +442079460958. A number
    /// without a country code is one of the deployment's country (`PATRON_COUNTRY`).
    #[serde(default)]
    #[schema(value_type = Option<schema::SentPhone>)]
    phone: Change<GivenPhone>,
    /// City of residence, at most 128 bytes.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text128>)]
    city: Change<Text<128>>,
    /// Country of residence, at most 128 bytes.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text128>)]
    country: Change<Text<128>>,
    /// Complete set of labels: at most 100, each of at most 64 bytes.
    #[serde(default)]
    #[schema(value_type = Option<Vec<schema::Text64>>, max_items = 100)]
    tags: Change<Labels<MAX_TAGS>>,
    /// Custom attributes, at most 64 in total. Each is changed on its own: an absent
    /// attribute keeps its value, and `null` clears it. Objects nest up to three names
    /// deep, and their values count one by one; an object replaces the whole attribute.
    #[serde(default)]
    #[schema(value_type = Option<schema::AttributeChanges>)]
    attributes: Change<AttributeChanges>,
    /// Time at which the person became a customer.
    #[serde(default)]
    #[schema(value_type = Option<schema::SentTime>)]
    registered_at: Change<GivenTime>,
    /// True if the customer opted out of messages. `false` and `null` lift a recorded opt-out only
    /// with a `consent_at` that is later; otherwise the customer stays unsubscribed, and the result
    /// has a warning.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    unsubscribed: Change<bool>,
    /// Time at which the customer consented or opted out, as `unsubscribed` says. An opt-out
    /// without it has the time at which it is recorded. It requires `unsubscribed`, and is at most
    /// five minutes in the future.
    #[serde(default)]
    #[schema(value_type = Option<schema::SentTime>)]
    consent_at: Option<GivenTime>,
    /// Time at which the source last changed the customer. An item that is older than what is
    /// recorded changes none of its fields and is `stale`, except that an opt-out counts; one of the
    /// same time, or without a time, is applied. At most five minutes in the future.
    #[serde(default)]
    #[schema(value_type = Option<schema::SentTime>)]
    updated_at: Option<GivenTime>,
}

/// Registers or updates customers.
///
/// An item that changes nothing has the outcome `unchanged`, and one whose `updated_at`
/// is older than the recorded one has the outcome `stale`, or `updated` if it opted the
/// customer out.
#[utoipa::path(
    post,
    path = "/api/data/customers",
    tag = "Data ingestion",
    request_body(content(
        (OneOrMany<CustomerBody> = "application/json"),
        (String = "application/x-ndjson")
    )),
    responses(
        (status = 202, description = "Durably recorded; of a batch, the items not rejected",
            body = Ingested,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`")))
    )
)]
async fn post_customers(
    State(app): State<AppState>,
    Caller(context): Caller,
    request: Request,
) -> Result<Response, Problem> {
    ingest::<CustomerBody>(&app, &context, request).await
}

impl Input for CustomerBody {
    fn check(&self, rules: &BodyRules) -> Result<(), Problem> {
        let email = match &self.email {
            Change::Set(email) => email.parse(rules.contacts).map(drop),
            Change::Keep | Change::Clear => Ok(()),
        };
        let phone = match &self.phone {
            Change::Set(phone) => phone.parse(rules.contacts).map(drop),
            Change::Keep | Change::Clear => Ok(()),
        };
        let checks = [
            email.map_err(|error| invalid("/email", &error)),
            phone.map_err(|error| invalid("/phone", &error)),
            self.check_attributes(),
            self.check_consent(),
        ];
        let faults = checks.into_iter().filter_map(Result::err);
        let all = faults.reduce(|first, next| first.and(Err(next)));
        all.map_or(Ok(()), Err)
    }
}

impl CustomerBody {
    fn check_consent(&self) -> Result<(), Problem> {
        match self.unsubscribed.is_keep() && self.consent_at.is_some() {
            true => Err(invalid("/consent_at", &"it needs unsubscribed beside it")),
            false => Ok(()),
        }
    }

    fn check_attributes(&self) -> Result<(), Problem> {
        let Change::Set(attributes) = &self.attributes else {
            return Ok(());
        };
        let set = attributes.values().map(|change| match change {
            Change::Set(value) => value.leaf_count(),
            Change::Keep | Change::Clear => 0,
        });
        let count = set.sum();
        match count <= MAX_ATTRIBUTES {
            true => Ok(()),
            false => Err(refused(&CustomerError::TooManyAttributes(count))),
        }
    }
}

impl Ingest for CustomerBody {
    const KIND: &'static str = "customers";
    const ID: &'static str = "customer_id";
    type Item = CustomerRecord;

    fn into_item(self, received: Received) -> Result<(String, CustomerRecord), Problem> {
        let id = self.customer_id.as_str().to_owned();
        let profile = ProfileChanges {
            name: self.name,
            email: parsed(self.email, |email| email.parse(received.rules.contacts))
                .map_err(|error| invalid("/email", &error))?,
            phone: parsed(self.phone, |phone| phone.parse(received.rules.contacts))
                .map_err(|error| invalid("/phone", &error))?,
            attributes: self.attributes,
        };
        let is_opt_out = matches!(self.unsubscribed, Change::Set(true));
        let consent_at = self
            .consent_at
            .map(|at| received.consent_at(at, is_opt_out));
        let consent = consent_at.transpose().map_err(|error| {
            Problem::field(ProblemKind::Refused, "/consent_at", error.to_string())
        })?;
        let changes = CustomerChanges {
            profile,
            addresses: AddressChanges::default(),
            city: self.city,
            country: self.country,
            tags: self.tags.map(|Labels(tags)| tags),
            registered_at: self.registered_at.map(|at| at.in_zone(received.rules.zone)),
            unsubscribed: self.unsubscribed,
            consent: consent.map(|at| ConsentRecord {
                at: Some(at),
                ..ConsentRecord::default()
            }),
            updated_at: received.updated_at(self.updated_at)?,
        };
        let item = CustomerRecord {
            customer: self.customer_id,
            changes,
        };
        Ok((id, item))
    }

    async fn record(
        app: &AppContext,
        context: &Context,
        items: Vec<CustomerRecord>,
    ) -> Result<Vec<Result<Outcome, Problem>>, CommandError> {
        record_customers(app, context, items).await
    }
}

/// Records changes of customers. Returns one outcome per item, in the given order.
pub(crate) async fn record_customers(
    app: &AppContext,
    context: &Context,
    items: Vec<CustomerRecord>,
) -> Result<Vec<Result<Outcome, Problem>>, CommandError> {
    let outcomes = app.commands.record_customers(context, items).await?;
    let refused = |outcome: Result<_, CustomerError>| outcome.map_err(|error| refused(&error));
    Ok(outcomes.into_iter().map(refused).collect())
}

/// Parses the value of a change.
fn parsed<T, U, E>(
    change: Change<T>,
    parse: impl FnOnce(&T) -> Result<U, E>,
) -> Result<Change<U>, E> {
    Ok(match change {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(value) => Change::Set(parse(&value)?),
    })
}

fn invalid(pointer: &str, error: &impl ToString) -> Problem {
    Problem::field(ProblemKind::InvalidField, pointer, error.to_string())
}

pub(crate) fn refused(error: &CustomerError) -> Problem {
    let pointer = match error {
        CustomerError::TooManyAttributes(_) => "/attributes",
        CustomerError::TooManyTags(_) => "/tags",
        // The answer to a merge, which is not data.
        CustomerError::Merged(_) => "/customer_id",
        CustomerError::ConsentNotLater { .. } => "/at",
        CustomerError::Unknown => "",
    };
    Problem::field(ProblemKind::Refused, pointer, error.to_string())
}
