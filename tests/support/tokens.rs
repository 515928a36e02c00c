//! Session tokens: valid ones, as the API issues them, and forged ones.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::{SessionId, UserId};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Key with which test deployments sign sessions.
pub(crate) const SESSION_KEY: &str = "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

/// Previous key, which test deployments still accept.
pub(crate) const OLD_SESSION_KEY: &str = "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";

/// Key that no deployment knows.
pub(crate) const UNKNOWN_KEY: &str = "c3RyYW5nZSBzdHJhbmdlIHN0cmFuZ2Ugc3RyYW5nZSE=";

/// Returns the time this many seconds from now, in seconds since 1970.
fn seconds(from_now: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + from_now
}

/// Returns the claims of a session token that was issued `age` seconds ago.
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

/// Returns the id of a key in a token's header.
fn kid(key: &str) -> String {
    let secret = STANDARD.decode(key).unwrap();
    let digest = Sha256::digest([b"patron session key ", &secret[..]].concat());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns a token that is signed with the key `signs`, but names the key `named` in its header.
pub(crate) fn token(claims: &Value, algorithm: Algorithm, signs: &str, named: &str) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid(named));
    let secret = EncodingKey::from_secret(&STANDARD.decode(signs).unwrap());
    encode(&header, claims, &secret).unwrap()
}

/// Returns a valid token, as the API issues it.
pub(crate) fn valid_token(claims: &Value) -> String {
    token(claims, Algorithm::HS256, SESSION_KEY, SESSION_KEY)
}

/// Returns a token without a signature.
pub(crate) fn unsigned_token(claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = json!({"alg": "none", "typ": "JWT", "kid": kid(SESSION_KEY)});
    format!("{}.{}.", part(&header), part(claims))
}
