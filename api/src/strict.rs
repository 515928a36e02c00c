//! Refuses what an operation would ignore: query parameters that it does not
//! have, and a body where it takes none.
//!
//! What an operation takes is read from the OpenAPI document of the routes, so
//! a new route is held to its own description. An operation without a
//! description takes nothing.

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

use crate::body::payload;
use crate::openapi::operations;
use crate::problem::{Problem, ProblemKind};

/// Routes that take any query: the provider that a browser comes back from adds
/// parameters of its own (RFC 6749, 4.1.2), and the pages of the documentation
/// have theirs.
const ANY_QUERY: [&str; 4] = [
    "/api/auth/google/callback",
    "/docs",
    "/docs/",
    "/docs/{*rest}",
];

/// Length in bytes of the longest body that counts as blank.
const BLANK: usize = 64;

/// How long a body may take to arrive and turn out to be blank. It is short,
/// since anyone may send one to a public operation.
const PATIENCE: Duration = Duration::from_secs(1);

/// What each operation takes, by path and method.
#[derive(Clone)]
pub(crate) struct Contract(Arc<HashMap<String, HashMap<&'static str, Declared>>>);

/// What one operation takes.
#[derive(Default)]
struct Declared {
    /// Of the query, in the document's order.
    parameters: Vec<String>,
    body: bool,
}

impl Contract {
    pub(crate) fn new(mut document: OpenApi) -> Self {
        let paths = document.paths.paths.iter_mut().map(|(path, item)| {
            let declared = operations(item).map(|(method, by)| (method, Declared::by(by)));
            (path.clone(), declared.collect())
        });
        Self(Arc::new(paths.collect()))
    }

    fn of(&self, method: &Method, path: &str) -> Option<&Declared> {
        let method = match *method {
            Method::HEAD => "GET",
            _ => method.as_str(),
        };
        self.0.get(path)?.get(method)
    }
}

impl Declared {
    fn by(operation: &Operation) -> Self {
        let query = |parameter: &RefOr<Parameter>| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                Some(parameter.name.clone())
            }
            // The document has none that are only referred to.
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

    /// # Errors
    /// 400 for a parameter that is not declared, or is there twice.
    fn check_query(&self, uri: &Uri) -> Result<(), Problem> {
        // Any query is pairs of texts.
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let pairs = pairs.map(|Query(pairs)| pairs).unwrap_or_default();
        let mut seen = BTreeSet::new();
        for (name, _) in &pairs {
            if !self.parameters.contains(name) {
                return Err(self.unknown(name));
            }
            if !seen.insert(name) {
                return Err(bad_query(name, &format!("duplicate parameter `{name}`")));
            }
        }
        Ok(())
    }

    fn unknown(&self, name: &str) -> Problem {
        let quoted = |name: &String| format!("`{name}`");
        let known: Vec<_> = self.parameters.iter().map(quoted).collect();
        let expected = match known.as_slice() {
            [] => "this operation takes none".to_owned(),
            [one] => format!("expected {one}"),
            _ => format!("expected one of {}", known.join(", ")),
        };
        bad_query(name, &format!("unknown parameter `{name}`, {expected}"))
    }
}

fn bad_query(name: &str, reason: &str) -> Problem {
    let detail = format!("query: {name}: {reason}");
    Problem::new(ProblemKind::InvalidParameter, detail)
}

/// Rejects query parameters and bodies that the operation does not declare.
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
    let nothing = Declared::default();
    let declared = contract.of(request.method(), path).unwrap_or(&nothing);
    let query = match ANY_QUERY.contains(&path) {
        true => Ok(()),
        false => declared.check_query(request.uri()),
    };
    if query.is_ok() && (declared.body || request.body().is_end_stream()) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let body = reject_content(&parts.headers, body).await;
    query?;
    body.map(|()| Request::from_parts(parts, Body::empty()))
}

/// Reads a body that must have no content.
///
/// # Errors
/// 400 for one that has some, 503 for one that does not arrive in time.
async fn reject_content(headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    if headers.contains_key(header::EXPECT) {
        // The client has not sent it yet, and does not need to.
        return Err(unexpected());
    }
    let mut chunks = body.into_data_stream();
    match timeout(PATIENCE, payload::short(&mut chunks, BLANK)).await {
        Ok(Some(text)) if is_blank(&text) => Ok(()),
        Ok(Some(_)) => Err(unexpected()),
        Ok(None) => {
            // The answer is the same if that takes too long.
            let _elapsed = timeout(PATIENCE, payload::discard(chunks)).await;
            Err(unexpected())
        }
        Err(_) => Err(too_slow()),
    }
}

fn unexpected() -> Problem {
    let detail = "this operation takes no body; nothing was done";
    Problem::new(ProblemKind::UnexpectedBody, detail)
}

fn too_slow() -> Problem {
    let detail = format!(
        "this operation takes no body; the end of the one sent did not arrive within {} s; \
         nothing was done",
        PATIENCE.as_secs()
    );
    Problem::new(ProblemKind::Timeout, detail)
}

/// Clients that send JSON with every request send `{}` or `null` to an action,
/// and those that send chunks may send none.
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
    fn parameters_are_known_by_their_decoded_names() {
        let declared = Declared {
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
