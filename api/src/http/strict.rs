//! Rejects input that an operation would ignore: undeclared query parameters, and
//! a body that the operation does not declare.
//!
//! The declarations come from the OpenAPI document of the routes, so a new route
//! is checked against its own description. An operation without a description
//! accepts no parameters and no body.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use crate::http::openapi::operations;
use crate::http::payload;
use crate::http::problem::{Problem, ProblemKind};

/// Routes that accept any query: the sign-in provider adds parameters of its own to
/// the callback (RFC 6749, 4.1.2), and the documentation pages have theirs.
const ANY_QUERY: [&str; 4] = [
    "/api/auth/google/callback",
    "/docs",
    "/docs/",
    "/docs/{*rest}",
];

/// Maximum length in bytes of a body that counts as blank.
const MAX_BLANK: usize = 64;

/// Maximum time for a blank body to arrive. It is short, since any client may send
/// a body to a public operation.
const BLANK_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// Declared input of each operation, by path and method.
#[derive(Clone)]
pub(crate) struct Contract(Arc<HashMap<String, HashMap<&'static str, DeclaredInput>>>);

/// Declared input of one operation.
#[derive(Default)]
struct DeclaredInput {
    /// Names of the query parameters, in the order of the document.
    parameters: Vec<String>,
    body: bool,
}

impl Contract {
    pub(crate) fn new(mut document: OpenApi) -> Self {
        let paths = document.paths.paths.iter_mut().map(|(path, item)| {
            let declared = operations(item)
                .map(|(method, operation)| (method, DeclaredInput::from_operation(operation)));
            (path.clone(), declared.collect())
        });
        Self(Arc::new(paths.collect()))
    }

    fn operation(&self, method: &Method, path: &str) -> Option<&DeclaredInput> {
        let method = match *method {
            Method::HEAD => "GET",
            _ => method.as_str(),
        };
        self.0.get(path)?.get(method)
    }
}

impl DeclaredInput {
    fn from_operation(operation: &Operation) -> Self {
        let query = |parameter: &RefOr<Parameter>| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                Some(parameter.name.clone())
            }
            // The document has no parameters by reference.
            _ => None,
        };
        Self {
            parameters: operation
                .parameters
                .iter()
                .flatten()
                .filter_map(query)
                .collect(),
            body: operation.request_body.is_some(),
        }
    }

    /// Rejects undeclared and repeated query parameters.
    ///
    /// # Errors
    /// 400 for a parameter that is not declared, or is given twice.
    fn check_query(&self, uri: &Uri) -> Result<(), Problem> {
        // Cannot fail: every query string parses into pairs of strings.
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let pairs = pairs.map(|Query(pairs)| pairs).unwrap_or_default();
        let mut seen = BTreeSet::new();
        for (name, _) in &pairs {
            if !self.parameters.contains(name) {
                let quoted = |name: &String| format!("`{name}`");
                let known: Vec<_> = self.parameters.iter().map(quoted).collect();
                let expected = match known.as_slice() {
                    [] => "this operation has no query parameters".to_owned(),
                    [one] => format!("expected {one}"),
                    _ => format!("expected one of {}", known.join(", ")),
                };
                let reason = format!("unknown parameter `{name}`, {expected}");
                return Err(bad_query(name, &reason));
            }
            if !seen.insert(name) {
                return Err(bad_query(name, &format!("duplicate parameter `{name}`")));
            }
        }
        Ok(())
    }
}

fn bad_query(name: &str, reason: &str) -> Problem {
    let detail = format!("query: {name}: {reason}");
    Problem::new(ProblemKind::InvalidParameter, detail)
}

/// Middleware that rejects undeclared query parameters and bodies.
pub(crate) async fn reject_undeclared(
    State(contract): State<Contract>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let Some(path) = path else {
        return next.run(request).await;
    };
    match check(&contract, path.as_str(), request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn check(contract: &Contract, path: &str, request: Request) -> Result<Request, Problem> {
    let nothing = DeclaredInput::default();
    let declared = contract
        .operation(request.method(), path)
        .unwrap_or(&nothing);
    let query = match ANY_QUERY.contains(&path) {
        true => Ok(()),
        false => declared.check_query(request.uri()),
    };
    if query.is_ok() && (declared.body || request.body().is_end_stream()) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    // The body is drained even if the query is rejected: a client that still sends
    // may never read the response.
    let body = reject_content(&parts.headers, body).await;
    query?;
    body.map(|()| Request::from_parts(parts, Body::empty()))
}

/// Reads a body that must be blank.
///
/// # Errors
/// 400 for a body with content, 503 for one that does not arrive in time.
async fn reject_content(headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    if headers.contains_key(header::EXPECT) {
        // The client waits for `100 Continue` and has not sent the body.
        return Err(unexpected());
    }
    let mut chunks = body.into_data_stream();
    match timeout(
        BLANK_BODY_TIMEOUT,
        payload::read_short(&mut chunks, MAX_BLANK),
    )
    .await
    {
        Ok(Some(text)) if is_blank(&text) => Ok(()),
        Ok(Some(_)) => Err(unexpected()),
        Ok(None) => {
            // The response is the same if this times out.
            let _elapsed = timeout(BLANK_BODY_TIMEOUT, payload::discard(chunks)).await;
            Err(unexpected())
        }
        Err(_) => {
            let detail = format!(
                "this operation accepts no body, and the one sent did not arrive completely within \
                 {} s; nothing was done",
                BLANK_BODY_TIMEOUT.as_secs()
            );
            Err(Problem::new(ProblemKind::Timeout, detail))
        }
    }
}

fn unexpected() -> Problem {
    let detail = "this operation accepts no body; nothing was done";
    Problem::new(ProblemKind::UnexpectedBody, detail)
}

/// Returns true for a body without content. Clients that always send JSON send `{}`
/// or `null`, and chunked encoding can carry an empty body.
fn is_blank(text: &[u8]) -> bool {
    match text.trim_ascii() {
        b"" | b"null" => true,
        [b'{', within @ .., b'}'] => within.trim_ascii().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_blank() {
        for nothing in ["", " \r\n", "{}", " { } ", "null"] {
            assert!(is_blank(nothing.as_bytes()), "{nothing}");
        }
        for something in ["{", "}", "[]", "0", "\"\"", "{\"a\":1}", "garbage", "{}{}"] {
            assert!(!is_blank(something.as_bytes()), "{something}");
        }
    }

    #[test]
    fn parameter_names_are_decoded_before_the_check() {
        let declared = DeclaredInput {
            parameters: vec!["limit".to_owned()],
            body: false,
        };
        let ask = |query: &str| {
            let uri = format!("/api/orders{query}").parse().unwrap();
            declared.check_query(&uri).map_err(|problem| problem.kind())
        };
        for known in ["", "?", "?&", "?limit", "?limit=1", "?%6Cimit=1"] {
            assert_eq!(ask(known), Ok(()), "{known}");
        }
        for odd in ["?Limit=1", "?=1", "?limit=1&limit=1", "?limi%74=1&limit=2"] {
            assert_eq!(ask(odd), Err(ProblemKind::InvalidParameter), "{odd}");
        }
    }
}
