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

use crate::http::after::{After, AfterParam};
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Limit, Listed, page};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::resources::campaigns::message::SuppressionResponse;
use crate::resources::campaigns::reachable::suppression_of;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined::{self, Quarantined, ShowsDocument};
use crate::state::{AppContext, AppState};

/// Maximum length of a search in bytes.
const MAX_QUERY: usize = 256;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_customers))
        .routes(routes!(get_customer))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CustomerListParams {
    /// Prefix of the id, the name or the email address, case-insensitive.
    #[param(inline, value_type = Option<schema::Search>)]
    q: Option<String>,
    /// Maximum number of items in the page.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// A customer's profile and figures. Amounts are in minor units; canceled and
/// refunded orders are not counted. An order of which a part was paid back counts
/// with the rest, which may be 0.
#[derive(Serialize, ToSchema)]
#[schema(as = Customer)]
pub(crate) struct CustomerResponse {
    /// Shop's id of the customer.
    #[schema(value_type = schema::Id)]
    customer_id: String,
    /// True if the shop has sent a profile. Otherwise the customer is known only
    /// from orders or activity.
    registered: bool,
    /// Full name.
    #[schema(example = "Ada Example")]
    name: Option<String>,
    /// Email address.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// Phone number.
    #[schema(example = "+49 30 1234567")]
    phone: Option<String>,
    /// City of residence.
    #[schema(example = "Berlin")]
    city: Option<String>,
    /// Country of residence.
    #[schema(example = "DE")]
    country: Option<String>,
    /// Labels, sorted.
    #[schema(example = json!(["vip"]))]
    tags: Vec<String>,
    /// Custom attributes.
    #[schema(value_type = schema::Attributes)]
    attributes: BTreeMap<String, AttributeValue>,
    /// Time at which the person became a customer.
    #[schema(value_type = Option<schema::Time>)]
    registered_at: Option<Timestamp>,
    /// True if the customer opted out of messages.
    unsubscribed: bool,
    /// Currency of all figures.
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// Sum of all orders, without what was paid back.
    #[schema(example = 1_399_093)]
    total_spend: i64,
    /// Sum of all orders before refunds of a part.
    #[schema(example = 1_402_093)]
    gross_spend: i64,
    /// Number of orders.
    #[schema(example = 201)]
    order_count: i64,
    /// Average spend per order, rounded half up.
    #[schema(example = 6_961)]
    average_order_value: Option<i64>,
    /// Time of the first order.
    #[schema(value_type = Option<schema::Time>)]
    first_order_at: Option<Timestamp>,
    /// Time of the latest order.
    #[schema(value_type = Option<schema::Time>)]
    last_order_at: Option<Timestamp>,
    /// Activity by event name.
    events: BTreeMap<String, EventResponse>,
    /// Customer into whom this one was merged; absent unless it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>, nullable = false)]
    merged_into: Option<String>,
    /// `true` while a merge of this customer, or into it, is being copied. Absent otherwise,
    /// and in lists.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    merging: bool,
    /// Reason why campaigns send nothing to the customer; absent if they do, if the customer
    /// was merged, and in lists. Beside the customer's own opt-out, it says what is known of
    /// the address: another customer opted out with it, or it is on the suppression list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    suppression: Option<SuppressionResponse>,
    /// Event in quarantine that holds the customer back; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// Summary of one kind of activity.
#[derive(Serialize, ToSchema)]
#[schema(as = CustomerEvents)]
struct EventResponse {
    /// Number of times.
    #[schema(example = 4)]
    count: i64,
    /// Time of the latest occurrence.
    #[schema(value_type = Option<schema::Time>)]
    last_at: Option<Timestamp>,
}

/// Lists customers, ordered by id.
#[utoipa::path(
    get,
    path = "/api/customers",
    tag = "Customers",
    params(CustomerListParams, Consistency),
    responses(
        (status = 200, description = "A page of customers", body = Listed<CustomerResponse>)
    )
)]
async fn list_customers(
    State(app): State<AppState>,
    Query(params): Query<CustomerListParams>,
    consistency: Consistency,
) -> Result<Json<Listed<CustomerResponse>>, Problem> {
    // An empty search counts as none.
    let prefix = params.q.as_deref().filter(|q| !q.is_empty());
    if prefix.is_some_and(|q| q.len() > MAX_QUERY || q.chars().any(char::is_control)) {
        let detail = format!("query: q: at most {MAX_QUERY} bytes, no control characters");
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    after::wait::<Customers>(&app, consistency.with(params.after.as_ref())).await?;
    let page = page(params.limit, params.cursor);
    let found = app.store.customers(prefix, &page).await?;
    let currency = app.commands.currency().code();
    let respond = |(id, document)| CustomerResponse::new(id, document, currency);
    let mut customers = Listed::from_page(found, respond);
    quarantined::mark(&app, &mut customers.items).await?;
    Ok(Json(customers))
}

/// Returns one customer.
#[utoipa::path(
    get,
    path = "/api/customers/{id}",
    tag = "Customers",
    params(("id" = inline(schema::Id), Path, description = "The customer's id"), AfterParam, Consistency),
    responses(
        (status = 200, description = "The customer", body = CustomerResponse),
        NotFound
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
    let merging = match &document.merged {
        Some(merge) => merge.open.is_some(),
        None => app.store.is_merging_into(id.as_str()).await?,
    };
    let suppression = match document.merged {
        Some(_) => None,
        None => suppression_of(&app, &id, &document).await?,
    };
    let mut customer = CustomerResponse::new(id.into(), document, currency);
    customer.merging = merging;
    customer.suppression = suppression;
    quarantined::mark(&app, [&mut customer]).await?;
    Ok(Json(customer))
}

/// Returns the problem of a customer that does not exist.
pub(crate) fn unknown(id: &CustomerId) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("there is no customer {id} in the view"),
    )
}

/// Returns the problem of a customer that the view does not have, which may be in
/// quarantine.
pub(crate) async fn missing(app: &AppContext, id: &CustomerId) -> Problem {
    quarantined::missing::<Customers>(app, id.as_str(), unknown(id)).await
}

impl CustomerResponse {
    pub(crate) fn new(
        customer_id: String,
        document: CustomerDocument,
        currency: &'static str,
    ) -> Self {
        let gross_spend = document.gross_spend();
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
            gross_spend,
            order_count: document.order_count,
            average_order_value: document.average_order_value,
            first_order_at: document.first_order_at.map(|at| at.to_chrono().into()),
            last_order_at: document.last_order_at.map(|at| at.to_chrono().into()),
            events: events.map(|(name, facts)| (name, facts.into())).collect(),
            merged_into: document.merged.map(|merge| merge.into),
            merging: false,
            suppression: None,
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
