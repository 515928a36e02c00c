//! The id token, checked in full.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// How far the provider's clock may be from ours.
pub(super) const LEEWAY: Duration = Duration::from_secs(60);

/// What signs an id token: only what the provider alone can make. An HMAC's
/// secret would be ours too, and `none` is anybody's.
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

/// Why an id token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// It is no JWT, or lacks what every id token has.
    #[error("it is malformed")]
    Malformed,
    /// Its algorithm is none that only the provider could sign with, or not
    /// the key's.
    #[error("it is signed with an algorithm that is not taken")]
    Algorithm,
    /// The provider has no such key.
    #[error("it is signed with a key that is not the provider's")]
    UnknownKey,
    /// The signature is not of this token.
    #[error("its signature is wrong")]
    Signature,
    /// Another provider made it.
    #[error("it is of another issuer")]
    Issuer,
    /// It was made for somebody else.
    #[error("it is for another audience")]
    Audience,
    /// It was made at somebody else's request.
    #[error("it is for another party")]
    AuthorizedParty,
    /// It is too old.
    #[error("it has expired")]
    Expired,
    /// It is from the future.
    #[error("it is not valid yet")]
    NotYet,
    /// It answers another attempt to sign in.
    #[error("its nonce is of another sign-in")]
    Nonce,
    /// It does not say who it is.
    #[error("it has no e-mail address")]
    NoEmail,
    /// Nobody knows whether the address is theirs.
    #[error("its e-mail address is not verified")]
    UnverifiedEmail,
}

/// What an id token has to say.
pub(super) struct Expected<'a> {
    /// The issuer, in every spelling.
    pub(super) issuers: &'a [&'a str],
    /// Whom it is for: us.
    pub(super) client_id: &'a str,
    /// What the sign-in began with.
    pub(super) nonce: &'a str,
}

/// Who it is, as a token says that is to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The provider's name for them, forever.
    pub(crate) subject: String,
    /// Verified.
    pub(crate) email: String,
    /// What they are called.
    pub(crate) name: Option<String>,
    /// The organisation that the account belongs to, as Google says it.
    pub(crate) hosted_domain: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
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

/// A token's header, which nobody vouches for yet.
pub(super) fn header(token: &str) -> Result<Header, TokenError> {
    let header = decode_header(token).map_err(|error| told(&error))?;
    // What must be understood, and is not, makes a token void.
    match header.crit {
        None => Ok(header),
        Some(_) => Err(TokenError::Malformed),
    }
}

/// Who it is, if everything about the token is as expected.
pub(super) fn check(
    token: &str,
    header: &Header,
    key: &Jwk,
    expected: &Expected<'_>,
) -> Result<Person, TokenError> {
    let algorithm = header.alg;
    let of_key = key.common.key_algorithm;
    let same = of_key.is_none_or(|of_key| of_key == algorithm.into());
    if !ALGORITHMS.contains(&algorithm) || !same {
        return Err(TokenError::Algorithm);
    }
    let decoding = DecodingKey::from_jwk(key).map_err(|_| TokenError::UnknownKey)?;
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY.as_secs();
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(expected.issuers);
    validation.set_audience(&[expected.client_id]);
    let claims = decode::<Claims>(token, &decoding, &validation).map_err(|error| told(&error))?;
    judge(claims.claims, expected)
}

/// What `jsonwebtoken` does not look at.
fn judge(claims: Claims, expected: &Expected<'_>) -> Result<Person, TokenError> {
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

fn told(error: &Error) -> TokenError {
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
