//! Configuration of sign-in.

use axum::http::HeaderValue;
use domain::Timestamp;
use serde::Serialize;

use super::admission::Admission;
use super::cookie;
use super::local::LocalLink;
use super::oidc::Provider;
use super::public_url::PublicUrl;
use super::session::{Purpose, SessionKeys};
use crate::http::problem::Problem;

/// Configuration of sign-in.
#[derive(Debug)]
pub struct SignInConfig {
    /// Keys that sign session tokens.
    pub session_keys: SessionKeys,
    /// URL of the API as browsers see it.
    pub public_url: PublicUrl,
    /// Identity provider; `None` if there is none.
    pub provider: Option<Provider>,
    /// Users whom the configuration admits.
    pub admission: Admission,
    /// One-time link for a local admin; `None` if there is none.
    pub local: Option<LocalLink>,
}

impl SignInConfig {
    /// Returns a cookie with a signed token of this content, valid from `now`.
    pub(super) fn cookie(
        &self,
        purpose: Purpose,
        content: impl Serialize,
        now: Timestamp,
    ) -> Result<HeaderValue, Problem> {
        let token = self.session_keys.sign(purpose, content, now);
        let token = token.map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            Problem::internal()
        })?;
        Ok(cookie::set(purpose, token, self.public_url.is_secure()))
    }

    /// Returns a cookie that removes the token with this purpose.
    pub(super) fn removal_cookie(&self, purpose: Purpose) -> HeaderValue {
        cookie::remove(purpose, self.public_url.is_secure())
    }
}
