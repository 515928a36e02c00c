//! Parts of the OpenAPI document that do not depend on any resource.

use std::collections::BTreeMap;

use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as Described, ResponseBuilder, Schema};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use super::problem::{Problem, ProblemBody};
use super::schema;

/// Header of reads, in requests and in responses.
const CONSISTENCY: &str = "Patron-Consistency";

/// Returns the operations of a path with their methods.
pub(crate) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
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
    NotAdmitted = 403;
    /// The resource does not exist.
    NotFound = 404;
    /// The resource's state does not permit the operation.
    Conflict = 409;
    /// The operation needs events that were trimmed from the log.
    Trimmed = 410;
    /// Each parameter is valid, but they do not go together.
    Refused = 422;
    /// The disk is full.
    DiskFull = 507;
}

/// Describes a response with a problem.
pub(crate) fn problem(status: u16) -> Described {
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
        507 => "Disk full",
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
        401 => {
            let about = "`Bearer`: the operation needs an API key";
            response.header("WWW-Authenticate", header(String::schema(), about, false))
        }
        429 | 503 => {
            let about = "Seconds after which to retry the request";
            let seconds = ObjectBuilder::new().schema_type(Type::Integer);
            let seconds = RefOr::T(Schema::from(seconds.minimum(Some(1))));
            response.header("Retry-After", header(seconds, about, true))
        }
        _ => response,
    }
    .build()
}

/// Adds the headers that middleware sets. utoipa derives headers for each response on
/// its own, so each would have to repeat them.
pub(crate) fn add_headers(operation: &mut Operation) {
    let mut parameters = operation.parameters.iter().flatten();
    let has_consistency = parameters
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == CONSISTENCY));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        let about =
            "The request's id: the one that the client sent, if it is valid, else a new one";
        let id = header(schema::RequestId::schema(), about, true);
        response
            .headers
            .insert("X-Request-Id".to_owned(), id.into());
        if has_consistency && matches!(status.as_str(), "200" | "404") {
            let about = "Present if the response may lack the latest writes of the same credential";
            let eventual = header(schema::Eventual::schema(), about, false);
            response
                .headers
                .insert(CONSISTENCY.to_owned(), eventual.into());
        }
    }
}

fn header(schema: RefOr<Schema>, about: &str, is_required: bool) -> Header {
    // utoipa's builder has no `required`.
    let required = is_required.then(|| Extensions::from_iter([("required", true)]));
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(about))
        .extensions(required)
        .build()
}
