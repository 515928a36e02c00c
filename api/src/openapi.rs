//! The OpenAPI document and its interactive page.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use domain::Currency;
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{RefOr, Required};
use utoipa::{Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::middleware;
use crate::http::openapi::{add_headers, operations, problem};
use crate::http::problem::{FieldError, ProblemBody};
use crate::http::schema::{self, ConditionSchema};
use crate::identity::access::{self, Needs};
use crate::resources::admin::verification::VerificationResponse;
use crate::resources::merging::MergeResponse;
use crate::resources::shared::rules::NodeSchema;
use crate::routes::routes;
use crate::state::AppState;

/// Builds the OpenAPI document of all operations, as served at `/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let routes = OpenApiRouter::with_openapi(ApiDocument::openapi()).merge(routes());
    let mut document = routes.into_openapi();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            add_access(operation, method, path);
            allow_no_body(operation);
            add_headers(operation);
            add_links(operation);
        }
    }
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
    components(schemas(
        ProblemBody,
        FieldError,
        NodeSchema,
        ConditionSchema,
        // The results of jobs, and of no response.
        VerificationResponse,
        MergeResponse
    )),
    modifiers(&SecuritySchemes),
    tags(
        (
            name = "Data ingestion",
            description = "Customers, orders and activity: one object, an array, or NDJSON"
        ),
        (
            name = "Segment's protocol",
            description = "Calls of Segment's SDKs. The API key is the user of Basic \
                           authentication, `writeKey` in the body, or a Bearer token. Unknown \
                           members are ignored"
        ),
        (name = "Imports", description = "Files of customers, orders or activity"),
        (name = "Customers", description = "Customer profiles, figures and timelines"),
        (name = "Orders", description = "Orders of all customers"),
        (name = "Reports", description = "Figures of the whole shop by day"),
        (name = "Segments", description = "Named rules that select customers"),
        (name = "Campaigns", description = "One message to each customer of an audience"),
        (name = "Suppressions", description = "Addresses to which no campaign sends"),
        (name = "Jobs", description = "Reads of the whole log that outlive their requests"),
        (name = "AI assistance", description = "Rules, messages, summaries and suggestions"),
        (name = "Delivery", description = "Delivery receipts of the messaging vendor"),
        (name = "Authentication", description = "Sign-in, sessions and the current user"),
        (name = "Access", description = "Users, roles and API keys"),
        (name = "Audit", description = "Recorded events: actor, time and request"),
        (name = "Operations", description = "Health, metrics, views, quarantine, log, workers and settings")
    )
)]
struct ApiDocument;

struct SecuritySchemes;

/// Names of the security schemes.
const KEY_SCHEME: &str = "key";
const SESSION_SCHEME: &str = "session";

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key, sent as `Authorization: Bearer KEY`"))
            .build();
        let session = ApiKey::Cookie(ApiKeyValue::with_description(
            "patron_session",
            "A session that a sign-in started; writes must come from the same origin, or from \
             an allowed one",
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(KEY_SCHEME, SecurityScheme::Http(key));
        components.add_security_scheme(SESSION_SCHEME, SecurityScheme::ApiKey(session));
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
    let schemes = [KEY_SCHEME, SESSION_SCHEME].map(|scheme| SecurityRequirement::new(scheme, none));
    operation.security = Some(schemes.to_vec());
}

/// Operations whose body may be left out. utoipa declares that only for `Option`, whose
/// schema would also accept `null`.
const OPTIONAL_BODIES: [&str; 2] = ["clone_campaign", "start_verification"];

/// Declares that an operation needs no body, if that is so.
fn allow_no_body(operation: &mut Operation) {
    let id = operation.operation_id.as_deref();
    let is_optional = id.is_some_and(|id| OPTIONAL_BODIES.contains(&id));
    if let Some(RefOr::T(body)) = operation.request_body.as_mut().filter(|_| is_optional) {
        body.required = Some(Required::False);
    }
}

/// Parameter of the next operation, and the expression that finds its value in
/// the response.
type LinkParameter = (&'static str, &'static str);

/// Links from the response of one operation to other operations.
struct Links {
    from: &'static str,
    status: &'static str,
    to: &'static [&'static str],
    parameters: &'static [LinkParameter],
}

/// Positions that a read waits for, to include the write before it.
const WRITTEN: LinkParameter = ("after", "$response.header.Patron-Position");
const SEGMENT: LinkParameter = ("id", "$response.body#/segment_id");
const KEY: LinkParameter = ("key_id", "$response.body#/key_id");
const JOB: LinkParameter = ("id", "$response.body#/job_id");
const IMPORT: LinkParameter = ("id", "$response.body#/import_id");
const CAMPAIGN: LinkParameter = ("id", "$response.body#/campaign_id");

#[rustfmt::skip]
const LINKS: &[Links] = &[
    Links { from: "preview_rules", status: "202", to: &["get_job", "follow_job"], parameters: &[JOB] },
    Links { from: "reconcile_campaign", status: "202", to: &["get_job", "follow_job"], parameters: &[JOB] },
    Links { from: "start_verification", status: "202", to: &["get_job", "follow_job"], parameters: &[JOB] },
    Links { from: "create_segment", status: "201", to: &["get_segment", "get_segment_history", "list_members"], parameters: &[SEGMENT, WRITTEN] },
    Links { from: "create_segment", status: "201", to: &["update_segment", "archive_segment"], parameters: &[SEGMENT] },
    Links { from: "update_segment", status: "200", to: &["get_segment", "list_members"], parameters: &[SEGMENT, WRITTEN] },
    Links { from: "create_key", status: "201", to: &["get_key"], parameters: &[KEY, WRITTEN] },
    Links { from: "create_key", status: "201", to: &["revoke_key"], parameters: &[KEY] },
    Links { from: "create_campaign", status: "201", to: &["get_campaign", "get_logs", "follow_progress"], parameters: &[CAMPAIGN, WRITTEN] },
    Links { from: "create_campaign", status: "201", to: &["update_campaign", "delete_campaign", "clone_campaign", "launch_campaign", "pause_campaign", "resume_campaign", "cancel_campaign"], parameters: &[CAMPAIGN] },
    Links { from: "update_campaign", status: "200", to: &["get_campaign"], parameters: &[CAMPAIGN, WRITTEN] },
    Links { from: "update_campaign", status: "200", to: &["delete_campaign", "clone_campaign", "launch_campaign"], parameters: &[CAMPAIGN] },
    Links { from: "clone_campaign", status: "201", to: &["get_campaign"], parameters: &[CAMPAIGN, WRITTEN] },
    Links { from: "clone_campaign", status: "201", to: &["update_campaign", "delete_campaign", "launch_campaign"], parameters: &[CAMPAIGN] },
    Links { from: "create_import", status: "201", to: &["get_import", "follow_import"], parameters: &[IMPORT, WRITTEN] },
    Links { from: "create_import", status: "201", to: &["preview_import", "run_import", "stop_import", "get_refused_rows", "delete_import"], parameters: &[IMPORT] },
    Links { from: "run_import", status: "202", to: &["get_import", "follow_import"], parameters: &[IMPORT, WRITTEN] },
    Links { from: "run_import", status: "202", to: &["stop_import", "get_refused_rows"], parameters: &[IMPORT] },
    Links { from: "launch_campaign", status: "202", to: &["get_campaign", "get_logs", "follow_progress"], parameters: &[CAMPAIGN, WRITTEN] },
    Links { from: "launch_campaign", status: "202", to: &["pause_campaign", "cancel_campaign", "retry_campaign", "reconcile_campaign"], parameters: &[CAMPAIGN] },
    Links { from: "pause_campaign", status: "202", to: &["resume_campaign", "cancel_campaign"], parameters: &[CAMPAIGN] },
];

/// Adds the links of an operation to the responses that they start from.
fn add_links(operation: &mut Operation) {
    let id = operation.operation_id.as_deref();
    for links in LINKS.iter().filter(|links| Some(links.from) == id) {
        let response = operation.responses.responses.get_mut(links.status);
        let Some(RefOr::T(response)) = response else {
            continue;
        };
        for to in links.to {
            let link = LinkBuilder::new().operation_id(*to);
            let parameters = links.parameters.iter();
            let link = parameters.fold(link, |link, (name, from)| link.parameter(*name, *from));
            response.links.insert((*to).to_owned(), link.build().into());
        }
    }
}
