//! Who asks: credentials in, [`Actor`] out.

mod oidc;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;

/// On whose behalf a request is, as events and the audit trail name it:
/// `key:bootstrap`. Every request beyond [`require`] has one.
#[derive(Debug, Clone)]
pub(crate) struct Actor(pub(crate) Arc<str>);

/// What requests are let in with.
pub(crate) struct Credentials {
    bootstrap: Option<(KeyHash, Actor)>,
}

type KeyHash = [u8; 32];

impl Credentials {
    /// With this bootstrap key; with none, or an empty one, nobody is let in.
    pub(crate) fn new(bootstrap_key: Option<&str>) -> Self {
        let key = bootstrap_key.filter(|key| !key.is_empty());
        Self {
            bootstrap: key.map(|key| (hash(key.as_bytes()), Actor("key:bootstrap".into()))),
        }
    }

    fn actor(&self, headers: &HeaderMap) -> Option<Actor> {
        let presented = bearer(headers.get(header::AUTHORIZATION)?.as_bytes())?;
        let (expected, actor) = self.bootstrap.as_ref()?;
        // Hashes have one length, and comparing them takes one time.
        let same: bool = hash(presented).ct_eq(expected).into();
        same.then(|| actor.clone())
    }
}

/// Lets a request with a known credential pass, with its [`Actor`] as an
/// extension; 401 for any other.
pub(crate) async fn require(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    match app.credentials.actor(request.headers()) {
        Some(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        None => unauthenticated().into_response(),
    }
}

pub(crate) fn unauthenticated() -> Problem {
    let detail = "the request needs a known key, as `Authorization: Bearer KEY`";
    Problem::new(ProblemKind::Unauthenticated, detail)
}

fn hash(key: &[u8]) -> KeyHash {
    Sha256::digest(key).into()
}

/// The key in `Bearer KEY`; the scheme in any case, as RFC 9110 has it.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = authorization.split_at_checked("Bearer ".len())?;
    let key = key.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn lets_in(credentials: &Credentials, authorization: &str) -> bool {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(authorization).unwrap();
        headers.insert(header::AUTHORIZATION, value);
        credentials.actor(&headers).is_some()
    }

    #[test]
    fn the_key_lets_in_and_no_other() {
        let credentials = Credentials::new(Some("s3cret"));
        assert!(lets_in(&credentials, "Bearer s3cret"));
        assert!(lets_in(&credentials, "bearer  s3cret"));
        for other in [
            "Bearer s3cre",
            "Bearer s3cret2",
            "Bearer ",
            "Bearer",
            "s3cret",
            "",
        ] {
            assert!(!lets_in(&credentials, other), "{other:?}");
        }
        assert!(!lets_in(&credentials, "Basic s3cret"));
        assert!(credentials.actor(&HeaderMap::new()).is_none());
    }

    #[test]
    fn without_a_key_nobody_gets_in() {
        for none in [None, Some("")] {
            let credentials = Credentials::new(none);
            assert!(!lets_in(&credentials, "Bearer "));
            assert!(!lets_in(&credentials, "Bearer x"));
        }
    }
}
