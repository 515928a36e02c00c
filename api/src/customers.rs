//! `GET /api/customers`, `GET /api/customers/{id}`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::{AttributeValue, CustomerId, Timestamp};
use projections::customers::{CustomerDocument, Customers, EventFacts};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::after::{self, After, AfterParam};
use crate::consistency::Consistency;
use crate::extract::{Path, Query};
use crate::openapi::{OneProblems, ReadProblems};
use crate::paging::{Limit, Listed, page};
use crate::problem::{Problem, ProblemKind};
use crate::quarantined::{self, Quarantined, ShowsDocument};
use crate::schema;
use crate::state::{AppState, Shared};

/// The longest search, in bytes.
const MAX_QUERY: usize = 256;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_customers))
        .routes(routes!(get_customer))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// What the id, the name or the e-mail address begins with, in any case.
    #[param(inline, value_type = Option<schema::Search>)]
    q: Option<String>,
    /// How many at most.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// The `next_cursor` of the page before.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// A customer: profile and figures. Money is in minor units; cancelled and
/// refunded orders do not count.
#[derive(Serialize, ToSchema)]
#[schema(as = Customer)]
pub(crate) struct CustomerResponse {
    /// As the shop names them.
    #[schema(value_type = schema::Id)]
    customer_id: String,
    /// Whether the shop has told who they are; they may be known from orders
    /// or activity alone.
    registered: bool,
    /// Their name.
    #[schema(example = "Ada Example")]
    name: Option<String>,
    /// Their e-mail address.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// Their telephone number.
    #[schema(example = "+49 30 1234567")]
    phone: Option<String>,
    /// Where they live.
    #[schema(example = "Berlin")]
    city: Option<String>,
    /// In which country.
    #[schema(example = "DE")]
    country: Option<String>,
    /// Labels, in order.
    #[schema(example = json!(["vip"]))]
    tags: Vec<String>,
    /// Anything else.
    #[schema(value_type = schema::Attributes)]
    attributes: BTreeMap<String, AttributeValue>,
    /// Since when they are a customer.
    #[schema(value_type = Option<schema::Time>)]
    registered_at: Option<Timestamp>,
    /// Whether they want no messages.
    unsubscribed: bool,
    /// The currency of all figures.
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// The sum of their orders.
    #[schema(example = 1_399_093)]
    total_spend: i64,
    /// How many orders.
    #[schema(example = 201)]
    order_count: i64,
    /// Spend per order, rounded half up.
    #[schema(example = 6_961)]
    average_order_value: Option<i64>,
    /// The first order.
    #[schema(value_type = Option<schema::Time>)]
    first_order_at: Option<Timestamp>,
    /// The last order.
    #[schema(value_type = Option<schema::Time>)]
    last_order_at: Option<Timestamp>,
    /// Activity by name.
    events: BTreeMap<String, EventResponse>,
    /// The event that holds the customer back; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// What is known of one kind of activity.
#[derive(Serialize, ToSchema)]
#[schema(as = CustomerEvents)]
struct EventResponse {
    /// How often.
    #[schema(example = 4)]
    count: i64,
    /// The last time.
    #[schema(value_type = Option<schema::Time>)]
    last_at: Option<Timestamp>,
}

/// Customers, by id.
#[utoipa::path(
    get,
    path = "/api/customers",
    tag = "reads",
    params(ListParams, Consistency),
    responses(
        (status = 200, description = "A page of them", body = Listed<CustomerResponse>),
        ReadProblems
    )
)]
async fn list_customers(
    State(app): State<AppState>,
    Query(params): Query<ListParams>,
    consistency: Consistency,
) -> Result<Json<Listed<CustomerResponse>>, Problem> {
    let start = start(params.q.as_deref())?;
    after::wait::<Customers>(&app, consistency.with(params.after.as_ref())).await?;
    let page = page(params.limit, params.cursor);
    let found = app.store.customers(start, &page).await?;
    let currency = app.commands.currency().code();
    let respond = |(id, document)| CustomerResponse::new(id, document, currency);
    let mut customers = Listed::from_page(found, respond);
    quarantined::mark(&app, &mut customers.items).await?;
    Ok(Json(customers))
}

/// One customer.
#[utoipa::path(
    get,
    path = "/api/customers/{id}",
    tag = "reads",
    params(("id" = inline(schema::Id), Path, description = "The customer's id"), AfterParam, Consistency),
    responses(
        (status = 200, description = "The customer", body = CustomerResponse),
        OneProblems
    )
)]
async fn get_customer(
    State(app): State<AppState>,
    Path(id): Path<CustomerId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<CustomerResponse>, Problem> {
    after::wait::<Customers>(&app, consistency.with(params.after())).await?;
    let found = app.store.customer(id.as_str()).await?;
    let Some(document) = found else {
        return Err(missing(&app, &id).await);
    };
    let currency = app.commands.currency().code();
    let mut customer = CustomerResponse::new(id.into(), document, currency);
    quarantined::mark(&app, [&mut customer]).await?;
    Ok(Json(customer))
}

/// What a search begins with; an empty one is none.
fn start(q: Option<&str>) -> Result<Option<&str>, Problem> {
    let q = q.filter(|q| !q.is_empty());
    if q.is_some_and(|q| q.len() > MAX_QUERY || q.chars().any(char::is_control)) {
        let detail = format!("query: q: at most {MAX_QUERY} bytes, no control characters");
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    Ok(q)
}

/// The problem of a customer nobody has heard of.
pub(crate) fn unknown(id: &CustomerId) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("there is no customer {id} in the view"),
    )
}

/// The problem of a customer that the view does not have.
pub(crate) async fn missing(app: &Shared, id: &CustomerId) -> Problem {
    quarantined::missing::<Customers>(app, id.as_str(), unknown(id)).await
}

impl CustomerResponse {
    pub(crate) fn new(
        customer_id: String,
        document: CustomerDocument,
        currency: &'static str,
    ) -> Self {
        let events = document.events.into_iter();
        Self {
            customer_id,
            registered: document.registered,
            name: document.name,
            email: document.email,
            phone: document.phone,
            city: document.city,
            country: document.country,
            tags: document.tags,
            attributes: document.attributes,
            registered_at: document.registered_at.map(|at| at.to_chrono().into()),
            unsubscribed: document.unsubscribed,
            currency,
            total_spend: document.total_spend,
            order_count: document.order_count,
            average_order_value: document.average_order_value,
            first_order_at: document.first_order_at.map(|at| at.to_chrono().into()),
            last_order_at: document.last_order_at.map(|at| at.to_chrono().into()),
            events: events.map(|(name, facts)| (name, facts.into())).collect(),
            quarantined: None,
        }
    }
}

impl ShowsDocument for CustomerResponse {
    type View = Customers;

    fn document_id(&self) -> String {
        self.customer_id.clone()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}

impl From<EventFacts> for EventResponse {
    fn from(facts: EventFacts) -> Self {
        Self {
            count: facts.count,
            last_at: facts.last_at.map(|at| at.to_chrono().into()),
        }
    }
}
