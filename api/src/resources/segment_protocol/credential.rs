//! Credentials of the protocol: the API key is the user of Basic authentication, or the
//! member `writeKey` of the body.
//!
//! [`translate`] turns both into `Authorization: Bearer KEY`, before the guard. From
//! there on, a call is authenticated, limited and recorded like any other request.

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{PATHS, body};
use crate::http::address::Client;
use crate::http::problem::Problem;
use crate::resources::shared::unverified_body;
use crate::state::{AppContext, AppState};

/// Maximum size in bytes of a body whose key is within it, compressed or not. It is what
/// SDKs send at most, and low, since such a body is read before the key can be checked.
const MAX_BODY: usize = 512 * 1024;

/// Middleware that turns the credential of a call into a Bearer token.
pub(crate) async fn translate(
    State(app): State<AppState>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    if !path.is_some_and(|path| PATHS.contains(&path.as_str())) {
        return next.run(request).await;
    }
    match with_bearer(&app, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn with_bearer(app: &AppContext, mut request: Request) -> Result<Request, Problem> {
    match request.headers().get(header::AUTHORIZATION) {
        Some(authorization) => {
            if let Some(key) = basic_user(authorization) {
                set_bearer(request.headers_mut(), &key);
            }
            Ok(request)
        }
        // A request without a body, or of another kind, is left to the guard.
        None if body::is_accepted(request.headers()) => with_key_of_body(app, request).await,
        None => Ok(request),
    }
}

/// Reads the body for its key, and replaces it by the decompressed content.
async fn with_key_of_body(app: &AppContext, request: Request) -> Result<Request, Problem> {
    let (mut parts, original) = request.into_parts();
    let limit = app.body_limit.min(MAX_BODY);
    let address = parts.extensions.get::<Client>().and_then(|client| client.0);
    let to_read = Request::from_parts(parts.clone(), original);
    let read = unverified_body::read(app, address, to_read, limit).await?;
    let content = body::decoded(&parts.headers, read, limit)?;
    if let Some(key) = write_key(&content) {
        set_bearer(&mut parts.headers, &key);
    }
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.remove(header::TRANSFER_ENCODING);
    let length = HeaderValue::from(content.len());
    parts.headers.insert(header::CONTENT_LENGTH, length);
    Ok(Request::from_parts(parts, Body::from(content.to_vec())))
}

/// Sets a key as the Bearer token. A text that cannot be in a header is no key, and the
/// guard rejects the request.
fn set_bearer(headers: &mut HeaderMap, key: &str) {
    let value = HeaderValue::try_from(format!("Bearer {key}"));
    let mut value = value.unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
}

/// Returns the user of Basic authentication; `None` for another scheme. The password is
/// ignored: SDKs leave it empty.
fn basic_user(authorization: &HeaderValue) -> Option<String> {
    let (scheme, encoded) = authorization.as_bytes().split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, _password) = decoded.split_once(':').unwrap_or((&decoded, ""));
    Some(user.to_owned())
}

/// Returns the member `writeKey` of a body.
fn write_key(content: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Keyed {
        #[serde(rename = "writeKey")]
        write_key: String,
    }
    let keyed: Keyed = serde_json::from_slice(content).ok()?;
    Some(keyed.write_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_basic_authentication_is_the_key() {
        let user = |value: &str| basic_user(&HeaderValue::from_str(value).unwrap());
        let encoded = STANDARD.encode("s3cret:");
        for value in [
            format!("Basic {encoded}"),
            format!("basic  {encoded}"),
            format!("Basic {}", STANDARD.encode("s3cret")),
            format!("Basic {}", STANDARD.encode("s3cret:ignored")),
        ] {
            assert_eq!(user(&value).as_deref(), Some("s3cret"), "{value}");
        }
        for other in ["Bearer s3cret", "Basic", "Basic s3cret!", "s3cret", ""] {
            assert_eq!(user(other), None, "{other}");
        }
    }

    #[test]
    fn the_write_key_of_a_body_is_found() {
        let key = |text: &str| write_key(text.as_bytes());
        let found = key(r#"{"batch": [{"writeKey": "x"}], "writeKey": "s3cret", "a": {}}"#);
        assert_eq!(found.as_deref(), Some("s3cret"));
        for none in [
            "",
            "{}",
            r#"{"writeKey": 7}"#,
            r#"[{"writeKey": "x"}]"#,
            "{",
        ] {
            assert_eq!(key(none), None, "{none}");
        }
    }

    #[test]
    fn a_key_that_no_header_can_hold_is_not_a_key() {
        let mut headers = HeaderMap::new();
        set_bearer(&mut headers, "a\nb");
        assert_eq!(headers[header::AUTHORIZATION], "Bearer");
    }
}
