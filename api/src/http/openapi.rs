//! Parts of the OpenAPI document that do not depend on any resource.

mod headers;

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::problem::{Problem, ProblemBody};

pub(crate) use headers::describe as add_headers;

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
