//! The OpenAPI document, and its browsable page.

use std::collections::BTreeMap;

use axum::Router;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Ref, RefOr, Response as Described, ResponseBuilder, ResponsesBuilder,
};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::problem::{FieldError, Problem, ProblemBody};
use crate::router;
use crate::rules::{ConditionSchema, NodeSchema};
use crate::state::AppState;

/// Everything the API offers, as `/openapi.json` shows it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let routes = OpenApiRouter::with_openapi(Document::openapi())
        .merge(router::open())
        .merge(router::protected());
    let mut document = routes.into_openapi();
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            add_request_id(operation);
        }
    }
    document
}

/// `/openapi.json` and `/docs`.
pub(crate) fn browser() -> Router<AppState> {
    SwaggerUi::new("/docs")
        .url("/openapi.json", openapi())
        .into()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Patron",
        description = "An event-sourced CRM. Errors are RFC 9457 `application/problem+json`; \
                       money is an integer of minor units; times are RFC 3339."
    ),
    components(schemas(ProblemBody, FieldError, NodeSchema, ConditionSchema)),
    modifiers(&Bearer),
    security(("key" = [])),
    tags(
        (name = "data", description = "Data in: one object, an array, or NDJSON"),
        (name = "reads", description = "Customers, orders, and what happened"),
        (name = "segments", description = "Rules that were given a name"),
        (name = "campaigns", description = "One message to each customer of an audience"),
        (name = "delivery", description = "What the messaging vendor tells"),
        (name = "access", description = "Who may do what"),
        (name = "audit", description = "Who did what, and when"),
        (name = "operation", description = "For whoever runs it")
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A key, as `Authorization: Bearer KEY`"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

fn add_request_id(operation: &mut Operation) {
    let header = HeaderBuilder::new()
        .schema(Some(String::schema()))
        .description(Some(
            "The request's id: the client's, if it sent a sane one",
        ))
        .build();
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response
                .headers
                .insert("X-Request-Id".to_owned(), header.clone().into());
        }
    }
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
    /// Of what needs a credential.
    ProtectedProblems = [401, 500, 503];
    /// Of what takes parameters.
    ReadProblems = [400, 401, 500, 503];
    /// Of what may not be there.
    OneProblems = [400, 401, 404, 500, 503];
    /// Of what creates something.
    CreateProblems = [400, 401, 409, 413, 415, 422, 500, 503];
    /// Of what replaces something.
    ReplaceProblems = [400, 401, 404, 409, 413, 415, 422, 500, 503];
    /// Of what gives something to what is there.
    GiveProblems = [400, 401, 404, 413, 415, 422, 500, 503];
    /// Of what does away with something.
    RemoveProblems = [400, 401, 404, 409, 500, 503];
    /// Of what changes what is there, without a body.
    ChangeProblems = [400, 401, 404, 409, 500, 503];
    /// Of what the vendor tells.
    ReceiptProblems = [400, 401, 413, 415, 422, 500, 503];
    /// Of what only looks, but takes a body.
    PreviewProblems = [400, 401, 413, 415, 422, 500, 503];
    /// Of data in.
    IngestProblems = [400, 401, 413, 415, 422, 500, 503];
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
        401 => "No known key, or no signature of the vendor's",
        404 => "There is no such thing",
        409 => "It contradicts what is there",
        413 => "More bytes or items than are taken",
        415 => "Another media type than those taken",
        422 => "A field is not acceptable, or a rule is against it",
        503 => "An engine is away, out of memory, or a view is behind; see `Retry-After`",
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
