//! The OpenAPI document and its interactive page.

mod links;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use domain::Currency;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::{Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::access::{self, Needs};
use crate::http::middleware;
use crate::http::openapi::{add_headers, operations, problem};
use crate::http::problem::{FieldError, ProblemBody};
use crate::http::schema::{self, ConditionSchema};
use crate::routes::routes;
use crate::rules::NodeSchema;
use crate::state::AppState;

/// Builds the OpenAPI document of all operations, as served at `/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let routes = OpenApiRouter::with_openapi(Document::openapi()).merge(routes());
    let mut document = routes.into_openapi();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            add_access(operation, method, path);
            add_headers(operation);
        }
    }
    links::add(&mut document);
    document
}

/// Serves `/openapi.json` and `/docs` for a deployment with this currency.
pub(crate) fn browser(currency: Currency) -> Router<AppState> {
    let mut document = openapi();
    if let Some(components) = &mut document.components {
        let name = schema::Currency::name().into();
        components.schemas.insert(name, schema::only(currency));
    }
    // Cannot fail: all keys of the document are strings.
    let document = document.to_json().unwrap_or_default();
    let document = async move || ([(header::CONTENT_TYPE, "application/json")], document);
    let pages = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    Router::from(pages)
        .layer(middleware::page_policy())
        .route("/openapi.json", get(document))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Patron",
        description = "An event-sourced CRM. Errors are RFC 9457 `application/problem+json`; \
                       amounts are integers in minor units; times are RFC 3339. An operation \
                       rejects query parameters and bodies that it does not declare."
    ),
    components(schemas(ProblemBody, FieldError, NodeSchema, ConditionSchema)),
    modifiers(&Credentials),
    tags(
        (
            name = "Data ingestion",
            description = "Customers, orders and activity: one object, an array, or NDJSON"
        ),
        (name = "Customers", description = "Customer profiles, figures and timelines"),
        (name = "Orders", description = "Orders of all customers"),
        (name = "Segments", description = "Named rules that select customers"),
        (name = "Campaigns", description = "One message to each customer of an audience"),
        (name = "Jobs", description = "Reads of the whole log that outlive their requests"),
        (name = "AI assistance", description = "Rules, messages, summaries and suggestions"),
        (name = "Delivery", description = "Delivery receipts of the messaging vendor"),
        (name = "Authentication", description = "Sign-in, sessions and the current user"),
        (name = "Access", description = "Users, roles and API keys"),
        (name = "Audit", description = "Recorded events: actor, time and request"),
        (name = "Operations", description = "Health, metrics, views, quarantine, log and workers")
    )
)]
struct Document;

struct Credentials;

/// Names of the security schemes.
const KEY: &str = "key";
const SESSION: &str = "session";

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key, sent as `Authorization: Bearer KEY`"))
            .build();
        let session = ApiKey::Cookie(ApiKeyValue::with_description(
            "patron_session",
            "A session that a sign-in started; writes must come from the same origin",
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(KEY, SecurityScheme::Http(key));
        components.add_security_scheme(SESSION, SecurityScheme::ApiKey(session));
    }
}

/// Adds the security requirement of an operation and the problems that follow from
/// its role, its body, and the middleware. utoipa derives responses for each operation
/// on its own, so each would have to repeat them.
fn add_access(operation: &mut Operation, method: &str, path: &str) {
    let needs = Needs::of(method, path).unwrap_or(Needs::Admin);
    let has_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    let mut add = |status: u16| {
        let response = responses.entry(status.to_string());
        response.or_insert_with(|| problem(status).into());
    };
    // `strict` rejects undeclared parameters and bodies on every operation.
    add(400);
    if has_body {
        [413, 415, 422].into_iter().for_each(&mut add);
    }
    // Health checks are not rate limited, and `/readyz` declares its own 503.
    if access::is_counted(path) {
        [429, 500, 503].into_iter().for_each(&mut add);
    }
    if needs == Needs::Nothing {
        operation.security = Some(vec![SecurityRequirement::default()]);
        return;
    }
    add(401);
    if needs != Needs::Anyone || method != "GET" {
        add(403);
    }
    let none: [&str; 0] = [];
    let schemes = [KEY, SESSION].map(|scheme| SecurityRequirement::new(scheme, none));
    operation.security = Some(schemes.to_vec());
}
