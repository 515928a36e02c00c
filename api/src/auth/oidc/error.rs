//! Why nobody was signed in.

use super::http::HttpError;
use super::id_token::TokenError;

/// Why the provider did not say who it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// The provider does not answer.
    #[error("the provider does not answer: {0}")]
    Away(#[from] HttpError),
    /// What the provider answers is not what OpenID Connect says.
    #[error("the provider's answer makes no sense: {0}")]
    Odd(String),
    /// It was asked a moment ago, and was away or made no sense.
    #[error("the provider did not answer well a moment ago")]
    Resting,
    /// The provider does not take the code, or us.
    #[error("the provider refuses: {0}")]
    Refused(String),
    /// The id token is not to be believed.
    #[error("id token: {0}")]
    Token(#[from] TokenError),
}
