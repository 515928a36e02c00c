//! Session tokens: signed, short-lived JWTs in a browser's cookie.
//!
//! A token names a user and a session and is valid for minutes. Each request
//! checks in the user's head that the session is still open. Tokens are signed
//! with the first key and verified with all keys, so that keys can be rotated.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::{SessionId, Timestamp, UserId};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use jsonwebtoken::{decode, decode_header, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Issuer of all tokens, the claim `iss`.
const ISSUER: &str = "patron";

/// Maximum length of a token, in bytes.
const MAX_LEN: usize = 4096;

/// Purpose of a token. A token is invalid for any other purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Authenticates requests.
    Session,
    /// Holds the state of a sign-in until the provider redirects back.
    SignIn,
}

impl Purpose {
    fn audience(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::SignIn => "sign-in",
        }
    }

    /// Returns how long a token is valid.
    pub(crate) fn lifetime(self) -> Duration {
        match self {
            Self::Session => Duration::from_secs(30 * 60),
            Self::SignIn => Duration::from_secs(10 * 60),
        }
    }
}

/// Keys that sign session tokens, newest first.
pub struct SessionKeys(Vec<SessionKey>);

struct SessionKey {
    /// The `kid` in token headers, derived from the secret by a hash.
    id: String,
    signs: EncodingKey,
    verifies: DecodingKey,
}

/// Error of parsing [`SessionKeys`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a session key is at least 32 bytes in base64; separate several keys with commas")]
pub struct SessionKeyError;

/// Reason why a token is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenRefusal {
    /// The token was valid and has expired.
    #[error("the session's token has expired")]
    Expired,
    /// The token names a key that does not exist or was removed.
    #[error("the session's token was signed with an unknown key")]
    UnknownKey,
    /// The token is malformed, was altered, or is for another purpose.
    #[error("the session's token was not issued by this server")]
    Tampered,
}

/// A session and its user, the content of a session token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The user.
    #[serde(rename = "sub")]
    pub(crate) user: UserId,
    /// The session.
    #[serde(rename = "sid")]
    pub(crate) session: SessionId,
}

#[derive(Serialize, Deserialize)]
struct Claims<T> {
    iss: String,
    aud: String,
    iat: u64,
    exp: u64,
    #[serde(flatten)]
    content: T,
}

impl SessionKeys {
    /// Minimum length of a key in bytes: the output length of SHA-256.
    const SHORTEST: usize = 32;

    /// Signs a token with this content that is valid from `now`.
    pub(crate) fn sign<T: Serialize>(
        &self,
        purpose: Purpose,
        content: T,
        now: Timestamp,
    ) -> Result<String, Error> {
        let iat = u64::try_from(now.millis() / 1000).unwrap_or(0);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: purpose.audience().to_owned(),
            iat,
            exp: iat + purpose.lifetime().as_secs(),
            content,
        };
        let key = self.0.first().ok_or(ErrorKind::InvalidKeyFormat)?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.id.clone());
        encode(&header, &claims, &key.signs)
    }

    /// Verifies a token, and returns its content and its age.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        token: &str,
    ) -> Result<(T, Duration), TokenRefusal> {
        // A bound on the work for an anonymous request.
        if token.len() > MAX_LEN {
            return Err(TokenRefusal::Tampered);
        }
        let header = decode_header(token).map_err(|_| TokenRefusal::Tampered)?;
        let named = |key: &&SessionKey| Some(key.id.as_str()) == header.kid.as_deref();
        let Some(key) = self.0.iter().find(named) else {
            return Err(TokenRefusal::UnknownKey);
        };
        // The algorithm is fixed: a token must not choose one, such as `none`.
        let mut validation = Validation::new(Algorithm::HS256);
        // The library's default would accept tokens for a minute after their expiry.
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[purpose.audience()]);
        let read = decode::<Claims<T>>(token, &key.verifies, &validation);
        // The library checks the expiry only after the signature, so an expired token
        // was issued by this server.
        let token = read.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => TokenRefusal::Expired,
            _ => TokenRefusal::Tampered,
        })?;
        let claims = token.claims;
        let age = jsonwebtoken::get_current_timestamp().saturating_sub(claims.iat);
        Ok((claims.content, Duration::from_secs(age)))
    }
}

impl SessionKey {
    fn new(secret: &[u8]) -> Self {
        let digest = Sha256::digest([b"patron session key ", secret].concat());
        let hex = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        Self {
            id: hex.collect(),
            signs: EncodingKey::from_secret(secret),
            verifies: DecodingKey::from_secret(secret),
        }
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} session keys", self.0.len())
    }
}

impl FromStr for SessionKeys {
    type Err = SessionKeyError;

    /// Parses `BASE64,BASE64,…`, in either alphabet, padded or not.
    fn from_str(text: &str) -> Result<Self, SessionKeyError> {
        let any_padding =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let engine = GeneralPurpose::new(&alphabet::STANDARD, any_padding);
        let key = |text: &str| {
            let text = text.trim().replace('-', "+").replace('_', "/");
            let secret = engine.decode(text).map_err(|_| SessionKeyError)?;
            match secret.len() {
                0..Self::SHORTEST => Err(SessionKeyError),
                _ => Ok(SessionKey::new(&secret)),
            }
        };
        let keys = text.split(',').map(key).collect::<Result<_, _>>()?;
        Ok(Self(keys))
    }
}
