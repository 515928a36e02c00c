//! Validation of id tokens (OpenID Connect Core, section 3.1.3.7).

#[cfg(test)]
mod tests;

use std::time::Duration;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// Tolerated difference between the provider's clock and ours.
pub(super) const LEEWAY: Duration = Duration::from_secs(60);

/// Accepted algorithms: those with which only the provider can sign. The secret
/// of an HMAC is shared with the client, and `none` needs no key.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Reason why an id token is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// The token is not a JWT, or lacks a required claim.
    #[error("the id token is malformed")]
    Malformed,
    /// The algorithm is not accepted, or is not the key's.
    #[error("the id token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// The provider has no key with the token's key id.
    #[error("the id token is signed with a key that is not the provider's")]
    UnknownKey,
    /// The signature does not match the token and the key.
    #[error("the id token's signature is invalid")]
    Signature,
    /// The token is from another provider.
    #[error("the id token is from another issuer")]
    Issuer,
    /// The token is for another client.
    #[error("the id token is for another audience")]
    Audience,
    /// The token was issued to another party, the claim `azp`.
    #[error("the id token was issued to another party")]
    AuthorizedParty,
    /// The token has expired.
    #[error("the id token has expired")]
    Expired,
    /// The `iat` or `nbf` of the token is in the future.
    #[error("the id token is not valid yet")]
    NotYet,
    /// The token belongs to another sign-in.
    #[error("the id token's nonce belongs to another sign-in")]
    Nonce,
    /// The account has no email address.
    #[error("the account has no email address")]
    NoEmail,
    /// The provider has not verified that the address belongs to the user.
    #[error("the account's email address is not verified")]
    UnverifiedEmail,
}

/// Expected claims of an id token.
pub(super) struct Expected<'a> {
    /// The issuer in all its spellings.
    pub(super) issuers: &'a [&'a str],
    /// Our client id, the required audience.
    pub(super) client_id: &'a str,
    /// The nonce that the sign-in began with.
    pub(super) nonce: &'a str,
}

/// Person identified by a valid id token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Permanent id of the account at the provider.
    pub(crate) subject: String,
    /// Verified email address.
    pub(crate) email: String,
    /// Display name.
    pub(crate) name: Option<String>,
    /// Domain of the organization that manages the account; Google's claim `hd`.
    pub(crate) hosted_domain: Option<String>,
}

#[derive(Deserialize)]
struct IdTokenClaims {
    sub: String,
    aud: Value,
    azp: Option<String>,
    iat: f64,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
    hd: Option<String>,
}

/// Returns a token's header, before anything is verified.
pub(super) fn header(token: &str) -> Result<Header, TokenError> {
    let header = decode_header(token).map_err(|error| token_error(&error))?;
    // RFC 7515: a token with a critical extension that is not understood is
    // invalid.
    match header.crit {
        None => Ok(header),
        Some(_) => Err(TokenError::Malformed),
    }
}

/// Validates a token, and returns the person it identifies.
pub(super) fn check(
    token: &str,
    header: &Header,
    key: &Jwk,
    expected: &Expected<'_>,
) -> Result<Person, TokenError> {
    let algorithm = header.alg;
    let key_algorithm = key.common.key_algorithm;
    let is_keys_own = key_algorithm.is_none_or(|of_key| of_key == algorithm.into());
    if !ALGORITHMS.contains(&algorithm) || !is_keys_own {
        return Err(TokenError::Algorithm);
    }
    let decoding = DecodingKey::from_jwk(key).map_err(|_| TokenError::UnknownKey)?;
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY.as_secs();
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(expected.issuers);
    validation.set_audience(&[expected.client_id]);
    let token = decode::<IdTokenClaims>(token, &decoding, &validation);
    let claims = token.map_err(|error| token_error(&error))?.claims;
    check_claims(claims, expected)
}

/// Checks the claims that `jsonwebtoken` does not check.
fn check_claims(claims: IdTokenClaims, expected: &Expected<'_>) -> Result<Person, TokenError> {
    // With several audiences, only `azp` names the client that the token was
    // issued to.
    let several = claims.aud.as_array().is_some_and(|all| all.len() > 1);
    match &claims.azp {
        Some(party) if party != expected.client_id => return Err(TokenError::AuthorizedParty),
        None if several => return Err(TokenError::AuthorizedParty),
        _ => {}
    }
    let latest = jsonwebtoken::get_current_timestamp() + LEEWAY.as_secs();
    if claims.iat > latest as f64 {
        return Err(TokenError::NotYet);
    }
    let nonce = claims.nonce.unwrap_or_default();
    if !bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return Err(TokenError::Nonce);
    }
    let email = claims.email.filter(|email| !email.is_empty());
    let email = email.ok_or(TokenError::NoEmail)?;
    if claims.email_verified != Some(true) {
        return Err(TokenError::UnverifiedEmail);
    }
    Ok(Person {
        subject: claims.sub,
        email,
        name: claims.name,
        hosted_domain: claims.hd,
    })
}

fn token_error(error: &Error) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::UnsupportedAlgorithm
        | ErrorKind::MissingAlgorithm => TokenError::Algorithm,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::NotYet,
        _ => TokenError::Malformed,
    }
}
