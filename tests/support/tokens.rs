//! Session tokens as the API makes them, and as it would never.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::{SessionId, UserId};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What the deployments of tests sign sessions with.
pub(crate) const SESSION_KEY: &str = "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

/// What they did before.
pub(crate) const OLD_SESSION_KEY: &str = "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";

/// A key that is nobody's.
pub(crate) const STRANGE_KEY: &str = "c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";

/// Seconds since 1970, this many from now.
fn seconds(from_now: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + from_now
}

/// The claims of a session's token that was made so many seconds ago.
pub(crate) fn claims(user: &UserId, session: &SessionId, age: i64) -> Value {
    json!({
        "iss": "patron",
        "aud": "session",
        "sub": user.as_str(),
        "sid": session.as_str(),
        "iat": seconds(-age),
        "exp": seconds(30 * 60 - age),
    })
}

/// What a key is called in a token's header.
fn kid(key: &str) -> String {
    let secret = STANDARD.decode(key).unwrap();
    let digest = Sha256::digest([b"patron session key ", &secret[..]].concat());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A token, as one signs it who has `signs` and says that it is `named`.
pub(crate) fn token(claims: &Value, algorithm: Algorithm, signs: &str, named: &str) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid(named));
    let secret = EncodingKey::from_secret(&STANDARD.decode(signs).unwrap());
    encode(&header, claims, &secret).unwrap()
}

/// A token as the API makes it.
pub(crate) fn good(claims: &Value) -> String {
    token(claims, Algorithm::HS256, SESSION_KEY, SESSION_KEY)
}

/// A token that nobody signed.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = json!({"alg": "none", "typ": "JWT", "kid": kid(SESSION_KEY)});
    format!("{}.{}.", part(&header), part(claims))
}
