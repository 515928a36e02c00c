//! The request id, shared by a response, its log lines and its events.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header `X-Request-Id`.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of an id that a client sends, in bytes.
const MAX_LEN: usize = 128;

/// Id of a request: 1 to 128 of the characters `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// Returns the client's id if it sent a valid one, else a new UUID v7.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        match headers.get(HEADER) {
            Some(given) if is_valid(given.as_bytes()) => Self(given.clone()),
            _ => Self::new(),
        }
    }

    fn new() -> Self {
        let mut buffer = Uuid::encode_buffer();
        let text = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
        // The fallback is unreachable: hexadecimal digits and hyphens are valid in a
        // header.
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unknown")))
    }

    pub(crate) fn as_str(&self) -> &str {
        // Cannot fail: the id is visible ASCII.
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn is_valid(id: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=MAX_LEN).contains(&id.len()) && id.iter().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(given).unwrap());
        RequestId::from_headers(&headers)
    }

    #[test]
    fn a_valid_id_is_kept() {
        let longest = "x".repeat(128);
        for given in ["r-1", "A.b_c-9", &longest] {
            assert_eq!(of(given).as_str(), given);
        }
    }

    #[test]
    fn an_invalid_id_is_replaced() {
        for given in ["", "a b", "a\"b", "a/b", &"x".repeat(129)] {
            let id = of(given);
            assert_eq!(id.as_str().len(), 36, "{given:?}");
        }
    }
}
