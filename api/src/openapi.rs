//! The OpenAPI document and its interactive page.

mod headers;
mod links;

use std::collections::BTreeMap;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use domain::Currency;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::access::{self, Needs};
use crate::middleware;
use crate::problem::{FieldError, Problem, ProblemBody};
use crate::router;
use crate::rules::NodeSchema;
use crate::schema::{self, ConditionSchema};
use crate::state::AppState;

/// Builds the OpenAPI document of all operations, as served at `/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let routes = OpenApiRouter::with_openapi(Document::openapi()).merge(router::routes());
    let mut document = routes.into_openapi();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            add_access(operation, method, path);
            headers::describe(operation);
        }
    }
    links::add(&mut document);
    document
}

/// Returns the operations of a path with their methods.
pub(crate) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("DELETE", &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Serves `/openapi.json` and `/docs` for a deployment with this currency.
pub(crate) fn browser(currency: Currency) -> Router<AppState> {
    let mut document = openapi();
    if let Some(components) = &mut document.components {
        let name = schema::Currency::name().into();
        components.schemas.insert(name, schema::only(currency));
    }
    // Cannot fail: the document has only texts as keys.
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
    // Health checks are neither limited nor do they depend on Redis and MongoDB.
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

/// Declares responses with a problem that only some operations have.
macro_rules! problems {
    ($($(#[doc = $doc:literal])* $name:ident = $status:literal;)*) => {$(
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Described>> {
                [($status.to_string(), problem($status).into())].into()
            }
        }
    )*};
}

problems! {
    /// The vendor's signature is invalid.
    BadSignature = 401;
    /// The person has no access to Patron.
    Denied = 403;
    /// The resource does not exist.
    NotFound = 404;
    /// The resource's state does not permit the operation.
    Conflict = 409;
    /// The operation needs events that were trimmed from the log.
    Trimmed = 410;
}

fn problem(status: u16) -> Described {
    let description = match status {
        400 => "Malformed request",
        401 => "No valid API key or session, or no valid signature of the vendor",
        403 => "Permission denied, cross-site request, or sign-in not permitted",
        404 => "Not found",
        409 => "Conflict with the current state",
        410 => "Required events were trimmed from the log",
        413 => "Too many bytes or items",
        415 => "Unsupported media type",
        422 => "Invalid field, or rejected by a rule",
        429 => "Rate limit exceeded; see `Retry-After`",
        503 => {
            "Redis or MongoDB unavailable or out of memory, view behind, or too many concurrent \
                requests; see `Retry-After`"
        }
        _ => "Internal error",
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemBody::name())))
        .build();
    let response = ResponseBuilder::new()
        .description(description)
        .content(Problem::MEDIA_TYPE, content);
    match status {
        401 => response.header("WWW-Authenticate", headers::www_authenticate()),
        429 | 503 => response.header("Retry-After", headers::retry_after()),
        _ => response,
    }
    .build()
}
