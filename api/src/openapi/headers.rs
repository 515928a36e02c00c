//! Schemas of response headers, the same for all operations.

use utoipa::PartialSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Response, Schema};

use crate::problem::Problem;
use crate::schema;

/// Header of reads, in requests and in responses.
const CONSISTENCY: &str = "Patron-Consistency";

/// Completes the description of an operation's response headers.
pub(super) fn describe(operation: &mut Operation) {
    let mut parameters = operation.parameters.iter().flatten();
    let has_consistency = parameters
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == CONSISTENCY));
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            complete(response, status);
            if has_consistency && matches!(status.as_str(), "200" | "404") {
                let header = HeaderBuilder::new().schema(Some(schema::Eventual::schema()));
                let about =
                    "Present if the response may lack the latest writes of the same credential";
                let header = header.description(Some(about)).build();
                response
                    .headers
                    .insert(CONSISTENCY.to_owned(), header.into());
            }
        }
    }
}

fn complete(response: &mut Response, status: &str) {
    for (name, header) in &mut response.headers {
        let RefOr::T(header) = header else { continue };
        match name.as_str() {
            "Patron-Position" => header.schema = Some(schema::Positions::schema()),
            "Location" => header.schema = Some(schema::Path::schema()),
            _ => {}
        }
    }
    let about = "The request's id: the one that the client sent, if it is valid, else a new one";
    let id = required_header(schema::RequestId::schema(), about);
    response
        .headers
        .insert("X-Request-Id".to_owned(), id.into());
    let is_problem = response.content.contains_key(Problem::MEDIA_TYPE);
    if is_problem && matches!(status, "429" | "503") {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer);
        let seconds = RefOr::T(Schema::from(seconds.minimum(Some(1))));
        let about = "Seconds after which to retry the request";
        let header = required_header(seconds, about);
        response
            .headers
            .insert("Retry-After".to_owned(), header.into());
    }
    if is_problem && status == "401" {
        let about = "`Bearer`: the operation needs an API key";
        let header = HeaderBuilder::new().schema(Some(String::schema()));
        let header = header.description(Some(about)).build();
        let name = "WWW-Authenticate".to_owned();
        response.headers.insert(name, header.into());
    }
}

/// Describes a header that every such response has.
fn required_header(schema: RefOr<Schema>, about: &str) -> Header {
    let header = HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(about));
    // utoipa's builder has no `required`.
    let required = Extensions::from_iter([("required", true)]);
    header.extensions(Some(required)).build()
}
