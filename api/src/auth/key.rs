//! Keys: `Authorization: Bearer KEY`.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The key that is an administrator's from the start, as its hash.
pub(super) struct Bootstrap(Option<[u8; 32]>);

impl Bootstrap {
    /// This key; none, or an empty one, lets nobody in.
    pub(super) fn new(key: Option<&str>) -> Self {
        let key = key.filter(|key| !key.is_empty());
        Self(key.map(|key| hash(key.as_bytes())))
    }

    pub(super) fn is(&self, presented: &[u8]) -> bool {
        // Hashes have one length, and comparing them takes one time.
        let same = |expected: &[u8; 32]| hash(presented).ct_eq(expected).into();
        self.0.as_ref().is_some_and(same)
    }
}

fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// What a request shows: nothing where it has no such header, an empty key
/// where the header is of another scheme.
pub(super) fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let authorization = headers.get(header::AUTHORIZATION)?.as_bytes();
    Some(bearer(authorization).unwrap_or_default())
}

/// The key in `Bearer KEY`; the scheme in any case, as RFC 9110 has it.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = authorization.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn lets_in(bootstrap: &Bootstrap, authorization: &str) -> bool {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(authorization).unwrap();
        headers.insert(header::AUTHORIZATION, value);
        bootstrap.is(presented(&headers).unwrap())
    }

    #[test]
    fn the_key_lets_in_and_no_other() {
        let bootstrap = Bootstrap::new(Some("s3cret"));
        assert!(lets_in(&bootstrap, "Bearer s3cret"));
        assert!(lets_in(&bootstrap, "bearer  s3cret"));
        for other in [
            "Bearer s3cre",
            "Bearer s3cret2",
            "Bearer ",
            "Bearer",
            "s3cret",
            "",
            "Basic s3cret",
        ] {
            assert!(!lets_in(&bootstrap, other), "{other:?}");
        }
        assert!(presented(&HeaderMap::new()).is_none());
    }

    #[test]
    fn without_a_key_nobody_gets_in() {
        for none in [None, Some("")] {
            let bootstrap = Bootstrap::new(none);
            assert!(!lets_in(&bootstrap, "Bearer "));
            assert!(!lets_in(&bootstrap, "Bearer x"));
        }
    }
}
