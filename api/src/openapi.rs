//! The OpenAPI document, and its browsable page.

mod headers;
mod links;

use std::collections::BTreeMap;

use axum::Router;
use domain::Currency;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, Ref, RefOr, Response as Described, ResponseBuilder, ResponsesBuilder,
};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::access::{self, Needs};
use crate::problem::{FieldError, Problem, ProblemBody};
use crate::router;
use crate::rules::NodeSchema;
use crate::schema::{self, ConditionSchema};
use crate::state::AppState;

/// Everything the API offers, as `/openapi.json` shows it.
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

/// The operations of a path, by method.
pub(crate) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("DELETE", &mut item.delete),
    ];
    let there = all.into_iter();
    there.filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// `/openapi.json` and `/docs`, of a deployment with this currency.
pub(crate) fn browser(currency: Currency) -> Router<AppState> {
    let mut document = openapi();
    if let Some(components) = &mut document.components {
        let name = schema::Currency::name().into();
        components.schemas.insert(name, schema::only(currency));
    }
    SwaggerUi::new("/docs")
        .url("/openapi.json", document)
        .into()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Patron",
        description = "An event-sourced CRM. Errors are RFC 9457 `application/problem+json`; \
                       money is an integer of minor units; times are RFC 3339. Query parameters \
                       and bodies that an operation does not list are refused."
    ),
    components(schemas(ProblemBody, FieldError, NodeSchema, ConditionSchema)),
    modifiers(&Credentials),
    tags(
        (name = "data", description = "Data in: one object, an array, or NDJSON"),
        (name = "reads", description = "Customers, orders, and what happened"),
        (name = "segments", description = "Rules that were given a name"),
        (name = "campaigns", description = "One message to each customer of an audience"),
        (name = "jobs", description = "Reads of the whole log that outlive their requests"),
        (name = "ai", description = "Help in plain words, and checked"),
        (name = "delivery", description = "What the messaging vendor tells"),
        (name = "sign-in", description = "Who asks, and how they came in"),
        (name = "access", description = "Who may do what"),
        (name = "audit", description = "Who did what, and when"),
        (name = "operation", description = "For whoever runs it")
    )
)]
struct Document;

struct Credentials;

/// What the schemes of credentials are called.
const KEY: &str = "key";
const SESSION: &str = "session";

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A key, as `Authorization: Bearer KEY`"))
            .build();
        let session = ApiKey::Cookie(ApiKeyValue::with_description(
            "patron_session",
            "A session, as signing in begins it; a write has to come from the same origin",
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(KEY, SecurityScheme::Http(key));
        components.add_security_scheme(SESSION, SecurityScheme::ApiKey(session));
    }
}

/// What [`crate::access`] asks of an operation, and how it refuses.
fn add_access(operation: &mut Operation, method: &str, path: &str) {
    let needs = Needs::of(method, path).unwrap_or(Needs::Admin);
    let responses = &mut operation.responses.responses;
    let mut add = |status: u16| {
        let response = responses.entry(status.to_string());
        response.or_insert_with(|| problem(status).into());
    };
    // What an operation does not take is refused.
    add(400);
    if access::is_counted(path) {
        add(429);
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

/// Declares what problems a group of operations answers with.
macro_rules! problems {
    ($($(#[doc = $doc:literal])* $name:ident = [$($status:literal),*];)*) => {$(
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Described>> {
                describe(&[$($status),*])
            }
        }
    )*};
}

problems! {
    /// Of what takes nothing.
    ProtectedProblems = [500, 503];
    /// Of what takes parameters.
    ReadProblems = [400, 500, 503];
    /// Of what may not be there.
    OneProblems = [400, 404, 500, 503];
    /// Of what rebuilds a view from the whole log.
    RebuildProblems = [400, 404, 410, 500, 503];
    /// Of what creates something.
    CreateProblems = [400, 409, 413, 415, 422, 500, 503];
    /// Of what creates a campaign, and may launch it.
    CreateCampaignProblems = [400, 409, 410, 413, 415, 422, 500, 503];
    /// Of what replaces something.
    ReplaceProblems = [400, 404, 409, 413, 415, 422, 500, 503];
    /// Of what gives something to what is there.
    GiveProblems = [400, 404, 413, 415, 422, 500, 503];
    /// Of what does away with something.
    RemoveProblems = [400, 404, 409, 500, 503];
    /// Of what changes what is there, without a body.
    ChangeProblems = [400, 404, 409, 500, 503];
    /// Of what launches a campaign.
    LaunchProblems = [400, 404, 409, 410, 500, 503];
    /// Of what accounts for a launch by the whole log.
    ReconcileProblems = [400, 404, 409, 410, 500, 503];
    /// Of what the vendor tells.
    ReceiptProblems = [400, 401, 413, 415, 422, 500, 503];
    /// Of what only looks, but takes a body.
    PreviewProblems = [400, 413, 415, 422, 500, 503];
    /// Of what looks at the past, too.
    PastProblems = [400, 410, 413, 415, 422, 500, 503];
    /// Of going to the provider.
    SignInProblems = [400, 404, 500, 503];
    /// Of coming back from the provider, who may be nobody whom we let in.
    CallbackProblems = [400, 403, 404, 500, 503];
    /// Of the link for a local admin.
    LinkProblems = [400, 403, 404, 500, 503];
    /// Of data in.
    IngestProblems = [400, 413, 415, 422, 500, 503];
}

fn describe(statuses: &[u16]) -> BTreeMap<String, RefOr<Described>> {
    let add = |responses: ResponsesBuilder, status: &u16| {
        responses.response(status.to_string(), problem(*status))
    };
    let responses = statuses.iter().fold(ResponsesBuilder::new(), add).build();
    responses.responses
}

fn problem(status: u16) -> Described {
    let description = match status {
        400 => "The request is malformed",
        401 => "No known key or session, or no signature of the vendor's",
        403 => "The role may not do that, it comes from another site, or nobody lets them in",
        404 => "There is no such thing",
        409 => "It contradicts what is there",
        410 => "Events that it needs were trimmed from the log",
        413 => "More bytes or items than are taken",
        415 => "Another media type than those taken",
        422 => "A field is not acceptable, or a rule is against it",
        429 => "More requests than are taken in a second; see `Retry-After`",
        503 => {
            "An engine is away or out of memory, a view is behind, or too many requests change \
                the same thing; see `Retry-After`"
        }
        _ => "The server failed",
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemBody::name())))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content(Problem::MEDIA_TYPE, content)
        .build()
}
