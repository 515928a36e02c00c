//! `Idempotency-Key`: makes a creation safe to retry.

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use commands::{IdempotencyKey, IdempotencyScope};
use utoipa::IntoParams;

use crate::http::problem::{Problem, ProblemKind};

/// The header `Idempotency-Key`.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Idempotency key of the request, if it has one.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Idempotency {
    /// Client's name for this request. A retry with the same key and content changes
    /// nothing and gets the same response. The same key with different content is
    /// rejected with 409. Keys belong to the API key's `client`, so a retry may use
    /// another API key of the same client; for a session they belong to the user.
    #[param(
        rename = "Idempotency-Key",
        value_type = String,
        required = false,
        pattern = "^[!-~]{1,255}$",
        example = "7d1c2f0a-spring"
    )]
    pub(crate) key: Option<IdempotencyKey>,
}

impl<S: Send + Sync> FromRequestParts<S> for Idempotency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let (first, second) = (values.next(), values.next());
        if second.is_some() {
            return Err(invalid("the header occurs more than once"));
        }
        let Some(value) = first else {
            return Ok(Self { key: None });
        };
        // `access::guard` adds the scope to every authenticated request.
        let Some(scope) = parts.extensions.get::<IdempotencyScope>() else {
            tracing::error!("an idempotency key on an operation without a guard");
            return Err(Problem::internal());
        };
        let key = IdempotencyKey::new(scope.clone(), value.as_bytes());
        let key = key.map_err(|error| invalid(&error.to_string()))?;
        Ok(Self { key: Some(key) })
    }
}

fn invalid(reason: &str) -> Problem {
    let detail = format!("header: Idempotency-Key: {reason}");
    Problem::new(ProblemKind::InvalidParameter, detail)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use futures::executor::block_on;

    use super::*;

    fn read(values: &[&str]) -> Result<bool, ProblemKind> {
        let mut request = Request::builder();
        for value in values {
            request = request.header(HEADER, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(IdempotencyScope::client("shop"));
        block_on(Idempotency::from_request_parts(&mut parts, &()))
            .map(|read| read.key.is_some())
            .map_err(|problem| problem.kind())
    }

    #[test]
    fn a_request_has_one_key_or_none() {
        assert_eq!(read(&[]), Ok(false));
        assert_eq!(read(&["k-1"]), Ok(true));
        for odd in [&[""][..], &["a b"], &["a", "a"]] {
            assert_eq!(read(odd), Err(ProblemKind::InvalidParameter), "{odd:?}");
        }
    }
}
