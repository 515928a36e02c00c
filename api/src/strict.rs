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

/// The longest body that may say nothing, in bytes.
const BLANK: usize = 64;

/// How long a body may take to arrive and show that it says nothing. It is
/// short, since strangers may send one to what is open to them.
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

/// Lets a request through that brings nothing its operation does not take.
pub(crate) async fn hold(
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
    let start = read_start(&parts.headers, body).await;
    query?;
    if start.is_some_and(|text| says_nothing(&text)) {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    let detail = "this operation takes no body; nothing was done";
    Err(Problem::new(ProblemKind::UnexpectedBody, detail))
}

/// A body that is short and comes soon. Of any other some is read and
/// forgotten: a client that meets a closed connection while it still sends
/// never reads the answer.
async fn read_start(headers: &HeaderMap, body: Body) -> Option<Vec<u8>> {
    if headers.contains_key(header::EXPECT) {
        // The client has not sent it yet, and does not need to.
        return None;
    }
    let read = timeout(PATIENCE, payload::short(body, BLANK)).await;
    read.ok().flatten()
}

/// Clients that send JSON with every request send `{}` or `null` to an action,
/// and those that send chunks may send none.
fn says_nothing(text: &[u8]) -> bool {
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
    fn an_empty_object_says_nothing() {
        for nothing in ["", " \r\n", "{}", " { } ", "null"] {
            assert!(says_nothing(nothing.as_bytes()), "{nothing}");
        }
        for something in ["{", "}", "[]", "0", "\"\"", "{\"a\":1}", "garbage", "{}{}"] {
            assert!(!says_nothing(something.as_bytes()), "{something}");
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
