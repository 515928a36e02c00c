//! API keys in requests: `Authorization: Bearer KEY`.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 hash of the bootstrap key, which has the role `admin`.
pub(super) struct Bootstrap(Option<[u8; 32]>);

impl Bootstrap {
    /// Hashes a key. No key or an empty one matches nothing.
    pub(super) fn new(key: Option<&str>) -> Self {
        let key = key.filter(|key| !key.is_empty());
        Self(key.map(|key| hash(key.as_bytes())))
    }

    pub(super) fn matches(&self, presented: &[u8]) -> bool {
        // Hashes have equal lengths, and the comparison takes constant time: its
        // duration reveals nothing about the key.
        let same = |expected: &[u8; 32]| hash(presented).ct_eq(expected).into();
        self.0.as_ref().is_some_and(same)
    }
}

fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Returns the key that a request presents: `None` without an `Authorization`
/// header, an empty key for a header of another scheme.
pub(super) fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let authorization = headers.get(header::AUTHORIZATION)?.as_bytes();
    match authorization.split_at_checked("Bearer ".len()) {
        // The scheme is case-insensitive (RFC 9110).
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"Bearer ") => Some(key.trim_ascii()),
        _ => Some(b""),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accepts(bootstrap: &Bootstrap, authorization: &str) -> bool {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(authorization).unwrap();
        headers.insert(header::AUTHORIZATION, value);
        bootstrap.matches(presented(&headers).unwrap())
    }

    #[test]
    fn only_the_bootstrap_key_is_accepted() {
        let bootstrap = Bootstrap::new(Some("s3cret"));
        assert!(accepts(&bootstrap, "Bearer s3cret"));
        assert!(accepts(&bootstrap, "bearer  s3cret"));
        for other in [
            "Bearer s3cre",
            "Bearer s3cret2",
            "Bearer ",
            "Bearer",
            "s3cret",
            "",
            "Basic s3cret",
        ] {
            assert!(!accepts(&bootstrap, other), "{other:?}");
        }
        assert!(presented(&HeaderMap::new()).is_none());
    }

    #[test]
    fn without_a_bootstrap_key_none_is_accepted() {
        for none in [None, Some("")] {
            let bootstrap = Bootstrap::new(none);
            assert!(!accepts(&bootstrap, "Bearer "));
            assert!(!accepts(&bootstrap, "Bearer x"));
        }
    }
}
