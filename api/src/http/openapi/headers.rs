//! Response headers that follow from an operation as a whole. utoipa derives headers
//! for each response on its own, so each would have to repeat them.

use utoipa::PartialSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::http::schema;

/// Header of reads, in requests and in responses.
const CONSISTENCY: &str = "Patron-Consistency";

/// Adds the headers that middleware sets.
pub(crate) fn describe(operation: &mut Operation) {
    let mut parameters = operation.parameters.iter().flatten();
    let has_consistency = parameters
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == CONSISTENCY));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        let id = required(
            schema::RequestId::schema(),
            "The request's id: the one that the client sent, if it is valid, else a new one",
        );
        response
            .headers
            .insert("X-Request-Id".to_owned(), id.into());
        if has_consistency && matches!(status.as_str(), "200" | "404") {
            let header = optional(
                schema::Eventual::schema(),
                "Present if the response may lack the latest writes of the same credential",
            );
            response
                .headers
                .insert(CONSISTENCY.to_owned(), header.build().into());
        }
    }
}

/// Returns the header of temporary problems.
pub(super) fn retry_after() -> Header {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer);
    let seconds = RefOr::T(Schema::from(seconds.minimum(Some(1))));
    required(seconds, "Seconds after which to retry the request")
}

/// Returns the header of 401.
pub(super) fn www_authenticate() -> Header {
    let about = "`Bearer`: the operation needs an API key";
    optional(String::schema(), about).build()
}

fn optional(schema: RefOr<Schema>, about: &str) -> HeaderBuilder {
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(about))
}

/// Describes a header that every such response has.
fn required(schema: RefOr<Schema>, about: &str) -> Header {
    // utoipa's builder has no `required`.
    let required = Extensions::from_iter([("required", true)]);
    optional(schema, about).extensions(Some(required)).build()
}
