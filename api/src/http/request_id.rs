//! The request id, shared by a response, its log lines and its events.

use axum::http::{HeaderName, HeaderValue, Request};
use tower_http::request_id::{MakeRequestId, RequestId};
use uuid::Uuid;

/// The header `X-Request-Id`.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of an id that a client sends, in bytes.
const MAX_LEN: usize = 128;

/// Creates ids for requests without one: UUIDs of version 7, which sort by time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let mut buffer = Uuid::encode_buffer();
        let text = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
        // Always `Some`: hexadecimal digits and hyphens are valid in a header.
        HeaderValue::from_str(text).ok().map(RequestId::new)
    }
}

/// Removes the client's id unless it is 1 to 128 of the characters `A-Z a-z 0-9 . _ -`.
pub(crate) fn remove_invalid<B>(mut request: Request<B>) -> Request<B> {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let is_valid = |id: &[u8]| (1..=MAX_LEN).contains(&id.len()) && id.iter().all(is_allowed);
    let given = request.headers().get(HEADER);
    if given.is_some_and(|given| !is_valid(given.as_bytes())) {
        request.headers_mut().remove(HEADER);
    }
    request
}

/// Returns the id as a text.
pub(crate) fn as_str(id: &RequestId) -> &str {
    // Cannot fail: the id is visible ASCII.
    id.header_value().to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(given: &str) -> bool {
        let request = Request::builder().header(HEADER, given).body(()).unwrap();
        remove_invalid(request).headers().contains_key(HEADER)
    }

    #[test]
    fn a_valid_id_is_kept() {
        let longest = "x".repeat(128);
        for given in ["r-1", "A.b_c-9", &longest] {
            assert!(kept(given), "{given:?}");
        }
    }

    #[test]
    fn an_invalid_id_is_replaced() {
        for given in ["", "a b", "a\"b", "a/b", &"x".repeat(129)] {
            assert!(!kept(given), "{given:?}");
        }
        let made = NewRequestId.make_request_id(&Request::new(()));
        assert_eq!(as_str(&made.unwrap()).len(), 36);
    }
}
