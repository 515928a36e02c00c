//! Session tokens: what a browser shows instead of a password.
//!
//! A token says whose session it is and lives for minutes; whether the session
//! is still open, the user's head says at each request. Tokens are signed with
//! the first of the keys and verified with all of them, so that one key can
//! follow another.

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

/// Who signs.
const ISSUER: &str = "patron";

/// The longest token looked at, in bytes.
const MAX_LEN: usize = 4096;

/// What a token is for. One that is for something else is as good as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be let in.
    Session,
    /// To come back from the provider.
    SignIn,
}

impl Purpose {
    fn audience(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::SignIn => "sign-in",
        }
    }

    /// How long a token lives.
    pub(crate) fn life(self) -> Duration {
        match self {
            Self::Session => Duration::from_secs(30 * 60),
            Self::SignIn => Duration::from_secs(10 * 60),
        }
    }
}

/// What session tokens are signed with, the newest first.
pub struct SessionKeys(Vec<Key>);

struct Key {
    /// Tells the key from others, and nothing about it.
    id: String,
    signs: EncodingKey,
    verifies: DecodingKey,
}

/// A text is no list of [`SessionKeys`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a session key is the base64 of at least 32 bytes; several are separated by commas")]
pub struct SessionKeyError;

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenRefusal {
    /// It was good, and its time is over.
    #[error("the session's token has expired")]
    Expired,
    /// It names a key that there is not, or not any more.
    #[error("the session's token is of another key")]
    OtherKey,
    /// It is not as it was signed.
    #[error("the session's token was not made here")]
    Tampered,
}

/// Whose session it is.
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
    /// The least bytes of a key: as many as the hash has.
    const SHORTEST: usize = 32;

    /// A token that says this, from `now` on.
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
            exp: iat + purpose.life().as_secs(),
            content,
        };
        let key = self.0.first().ok_or(ErrorKind::InvalidKeyFormat)?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.id.clone());
        encode(&header, &claims, &key.signs)
    }

    /// What a token says, and how old it is.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        token: &str,
    ) -> Result<(T, Duration), TokenRefusal> {
        if token.len() > MAX_LEN {
            return Err(TokenRefusal::Tampered);
        }
        let header = decode_header(token).map_err(|_| TokenRefusal::Tampered)?;
        let named = |key: &&Key| Some(key.id.as_str()) == header.kid.as_deref();
        let Some(key) = self.0.iter().find(named) else {
            return Err(TokenRefusal::OtherKey);
        };
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[purpose.audience()]);
        let read = decode::<Claims<T>>(token, &key.verifies, &validation);
        let claims = read.map_err(|error| refusal(&error))?.claims;
        let age = jsonwebtoken::get_current_timestamp().saturating_sub(claims.iat);
        Ok((claims.content, Duration::from_secs(age)))
    }
}

/// Whether a token has expired is looked at only when its signature is right.
fn refusal(error: &Error) -> TokenRefusal {
    match error.kind() {
        ErrorKind::ExpiredSignature => TokenRefusal::Expired,
        _ => TokenRefusal::Tampered,
    }
}

impl Key {
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

    /// `BASE64,BASE64,…`, in either alphabet, padded or not.
    fn from_str(text: &str) -> Result<Self, SessionKeyError> {
        let any_padding =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let engine = GeneralPurpose::new(&alphabet::STANDARD, any_padding);
        let key = |text: &str| {
            let text = text.trim().replace('-', "+").replace('_', "/");
            let secret = engine.decode(text).map_err(|_| SessionKeyError)?;
            match secret.len() {
                0..Self::SHORTEST => Err(SessionKeyError),
                _ => Ok(Key::new(&secret)),
            }
        };
        let keys = text.split(',').map(key).collect::<Result<_, _>>()?;
        Ok(Self(keys))
    }
}
