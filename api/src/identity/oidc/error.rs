//! Errors of a sign-in at a provider.

use http_client::HttpError;

use super::id_token::TokenError;

/// Reason why the provider did not identify a user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// The provider does not answer.
    #[error("the provider does not answer: {0}")]
    Unreachable(#[from] HttpError),
    /// The provider's response does not conform to OpenID Connect.
    #[error("the provider's response is invalid: {0}")]
    Invalid(String),
    /// A recent fetch failed and is not repeated yet.
    #[error("a recent request to the provider failed")]
    BackingOff,
    /// The provider rejects the code or the client.
    #[error("the provider rejected the code: {0}")]
    Refused(String),
    /// The id token is invalid.
    #[error(transparent)]
    Token(#[from] TokenError),
}
