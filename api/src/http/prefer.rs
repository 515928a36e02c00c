//! The header `Prefer` (RFC 7240).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use utoipa::IntoParams;

/// Preferences of the client. Unknown preferences are ignored, as the RFC requires.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Prefer {
    /// `respond-async` turns the request into a job immediately, even if it would
    /// complete quickly. The request still waits for a slot: 503 `busy` if none is
    /// free within 10 s.
    #[param(rename = "Prefer", value_type = String, required = false, example = "respond-async")]
    pub(crate) respond_async: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let respond_async = prefers(&parts.headers, "respond-async");
        Ok(Self { respond_async })
    }
}

fn prefers(headers: &HeaderMap, preference: &str) -> bool {
    let values = headers.get_all("prefer").into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    preferences.any(|one| {
        let name = one.split([';', '=']).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(preference)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_found_in_any_header_line() {
        let prefers = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("prefer", value.parse().unwrap());
            }
            prefers(&headers, "respond-async")
        };
        assert!(prefers(&["respond-async"]));
        assert!(prefers(&["wait=5, Respond-Async ; x=1"]));
        assert!(prefers(&["handling=lenient", "respond-async"]));
        assert!(!prefers(&[]));
        assert!(!prefers(&["respond-asynchronously, wait=5"]));
    }
}
