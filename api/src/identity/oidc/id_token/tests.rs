//! Tests of each reason to reject a token.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, encode, get_current_timestamp};
use serde_json::json;

use super::*;

/// RSA key of the provider, as PKCS #1.
const RSA: &str = "\
    MIIEowIBAAKCAQEAs0sELFwRtzKR/J5o8uUJqSsB7IWH1Bi3n5uChQ0rN93AjJU0lDzgCjZwx14IqUZPdTkhu3bc+d\
    HWtwnlhF3m7NCBuFd66AkDJDuW0cAe3+BOdCOr7WjL07wtwDj49xnks9PyDB8DMhLcdDpDwU8j6OKp6+8+e693xBS5\
    pjX/v/DNodPXMhEh9yAJU7ZcJeA/BpBJLjnLJHkv2jkIPHssUX/uVkJw6Qr5dTywKI7efNVDvG5MQTTDd9IMqO+bXs\
    TPiT6QMyC5Rgt6HnfnK5wb9PB/PaU8KDr78TzjfUCzP1xpxB/F+E2sQguDmHj7GRjmNl7+5QChkbB1R5rlDhnB0QID\
    AQABAoIBAAatYsqnJCbDPKIgoS54nrc86Y2uPGyG/iG02DPN1X/3Y4Io1WQ27y4aMHGQXDi3rGJkfg/eAaVRLhKzjO\
    d02tKTgl1D7skg+su452lI4y15zFoxcOf+2OZ6EecgiA8l2PlkiZVvez48axbuC5Nxt9fmxybJCnXvR0HXdsGMrclv\
    ZbFEFB058TPZUWLB8Rqn8xzMcTeS+HbhtgfRt3xvgtRcvlXT9EYFCM6/FIO0Q+JIfwCfbuRLbttScopgfFGMBiS7xy\
    9Sz8+7T2FOGceNrxnLns3J26Ig7kBjNCCTmGcPV2R3Dk8x+bsmEPtKvag6MPLrW4khCX0lMTZawKDKn7UCgYEA4tKv\
    mQpNgFO1VOLVEQmWgdpM5gV2ws12db3twZrCq1nvPmz3O2S7d1gHuZ46VkHYfTp+zlMN6akGOHuW1wHp4MqeTiTj8Q\
    T4PvZ9QGK8NhNhPk6gks8cbvxhQR1tdyqFNZLK+N8ej4uSFFeECTm4k413oUnDplQ15QZR/x27TjUCgYEAylspcnzS\
    Fj2mM/KrB43E0gucngZQOyV1vlQ5hKfbWboRd1gZ+xJsvLCH38bLM4D8KyjDXBSpyOuvwpMiuvjWPsWOg8GDii74Nh\
    VWcaTS7avITRVxHyLi/PDt72+dAswnyZID4RQ5ejSYNHQySDkfOQeizSCr6XgXRx5V08NLSK0CgYAkIRkVUH3NzgeZ\
    MNRtdVCC+Im9Leuf1ehjktA3QXZ2osmn8OVkkYQG23/Hgjual7xrHhEqvjH+IQ07m/wH3Wcqhju3CMtCDd+Y79w9kD\
    yYhHe92/pZyCGoUA0RuSVBkQVM5kfsYmXUyY+IK/R9H7OV1TfT+hLvAIThKSOQdmTqbQKBgQCtD3QODwRZsxXena55\
    wlxOy1GBsKKTQwFE6qFae3hUb5aae8WUfXhzk4JQ9qI4hRqlCrKxoJZoWHEztkRgpYoNm0W8FxcZafwrvOn2PWGLlH\
    u0uR7K4zo/2wmS2eDtUI7CjFc2+uYBRtPZIHsUW44BZy9rwYJlJKi70QzUE9Th7QKBgFmTsOiRKKhzCgTA1WA2Miws\
    T3/zcjmlWuM6Bl+Pta0v6covBdrP5rAjjEGfRLfCtrmvPDOze2c84rh5sx288+OujQeZnVVWJHLWqTmjObbBa5dNG9\
    lDi+tLPJ1OZ09pJ+HV/ATUEJG0U0Er6lOM+kG8oidNHbYm+vkKvBvlkCG2";

/// P-256 key of the provider, as PKCS #8.
const P256: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVPUFRT30vLYxdY/H5lmo24FhmzY/BZEFfJ31rNGmBh\
    WhRANCAARbQPQ87wmznOFi1x1IntRdOrSPkzrBoUzoFLTCOTLQIfD6aofCg0G1x9OV5B8qEEVWmiW9J1z5kXqHKw77\
    Gmh6";

/// P-256 key that is not the provider's.
const FOREIGN: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4lrUXDbu3qsXDLnKbDTUd+czxvkXSK/76cUSrP8397\
    ahRANCAAQp5Q62BhNdnRsbzA/QWlcv178oHf9uFm0TIwsLXM1RNkWFP/5QtmLhTOxFZIv1cGzPnJQvC5/mDLOqIx4G\
    tgK6";

/// Ed25519 key of the provider.
const ED: &str = "\
    MC4CAQAwBQYDK2VwBCIEIPR0/Xwtkb6J+H6CjYXmnhoU1NQohA8hk7VpxQXqi6To";

/// Token that is correct except for its key, which has 1,024 bits. It expires in the year
/// 2100.
const SHORT_TOKEN: &str = "\
    eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwiYXVkIjoiY2xp\
    ZW50LTEiLCJzdWIiOiIxMTciLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6NDEwMjQ0NDgwMCwibm9uY2UiOiJub25jZS0xIi\
    wiZW1haWwiOiJhZGFAZXhhbXBsZS5jb20iLCJlbWFpbF92ZXJpZmllZCI6dHJ1ZX0.GIK96NN_jTVdx6Dw3wRZ7Ug9-Ixy\
    wxi4E6f-aiEsrxwpaUwh5VZk6pxYLlXAK0JZhQ3YvVgYd1l9xDCjBaQjI6dxobeG6rr-AfU6ckP8jMH0vV71T0iGNrf4ra\
    KFbPa7kBCAC5nNaSMvLrr9hJoZThdzzrEDnxYW2pGf4a3XwA0";

/// Modulus of the key that signed [`SHORT_TOKEN`].
const SHORT_MODULUS: &str = "\
    1s-DXpXScxE73MRtOe-PoRXbqR_FsWsP9hCoY1c8BJy3BSZGPb_70LtJoFl8zR07wYzXMchtabGKbVNpv5E1T_3qRI_ZMH\
    zNBUEA9c6hj0ICbkXxUYDs1ag9UPsFkMVRuMIwDKqraZyj5od3axfymwS0G9RhlleUQzLLMIAh4o0";

const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "client-1";
const NONCE: &str = "nonce-1";

const EXPECTED: Expected = Expected {
    issuers: &[ISSUER, "id.example.com"],
    client_id: CLIENT,
    nonce: NONCE,
};

fn key(base64: &str, algorithm: Algorithm) -> EncodingKey {
    let der = STANDARD.decode(base64).unwrap();
    match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_der(&der),
        Algorithm::EdDSA => EncodingKey::from_ed_der(&der),
        Algorithm::HS256 => EncodingKey::from_secret(&der),
        _ => EncodingKey::from_rsa_der(&der),
    }
}

fn jwk(base64: &str, algorithm: Algorithm) -> Jwk {
    Jwk::from_encoding_key(&key(base64, algorithm), algorithm).unwrap()
}

fn claims() -> Value {
    let now = get_current_timestamp();
    json!({
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "117",
        "iat": now,
        "exp": now + 3600,
        "nonce": NONCE,
        "email": "ada@example.com",
        "email_verified": true,
        "name": "Ada",
        "hd": "example.com",
    })
}

/// Returns the claims with changes; null removes a claim.
fn with(changes: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    claims
}

fn sign(claims: &Value) -> String {
    encode(
        &Header::new(Algorithm::ES256),
        claims,
        &key(P256, Algorithm::ES256),
    )
    .unwrap()
}

fn checked(token: &str, key: &Jwk) -> Result<Person, TokenError> {
    check(token, &header(token)?, key, &EXPECTED)
}

fn of(changes: Value) -> Result<Person, TokenError> {
    checked(&sign(&with(changes)), &jwk(P256, Algorithm::ES256))
}

fn refused(changes: Value) -> TokenError {
    of(changes.clone()).expect_err(&changes.to_string())
}

#[test]
fn a_valid_token_identifies_a_person() {
    let person = Person {
        subject: "117".to_owned(),
        email: "ada@example.com".to_owned(),
        name: Some("Ada".to_owned()),
        hosted_domain: Some("example.com".to_owned()),
    };
    assert_eq!(of(json!({})), Ok(person));
    let plain = of(json!({"name": null, "hd": null})).unwrap();
    assert_eq!((plain.name, plain.hosted_domain), (None, None));
}

#[test]
fn asymmetric_algorithms_are_accepted() {
    for (der, algorithm) in [
        (RSA, Algorithm::RS256),
        (RSA, Algorithm::RS512),
        (RSA, Algorithm::PS256),
        (P256, Algorithm::ES256),
        (ED, Algorithm::EdDSA),
    ] {
        let token = encode(&Header::new(algorithm), &claims(), &key(der, algorithm)).unwrap();
        assert!(
            checked(&token, &jwk(der, algorithm)).is_ok(),
            "{algorithm:?}"
        );
    }
}

#[test]
fn other_algorithms_are_rejected() {
    // Anybody can sign with an HMAC whose secret is the public key.
    let public = serde_json::to_vec(&jwk(RSA, Algorithm::RS256)).unwrap();
    let hmac = EncodingKey::from_secret(&public);
    let token = encode(&Header::new(Algorithm::HS256), &claims(), &hmac).unwrap();
    for jwk in [jwk(RSA, Algorithm::RS256), jwk(P256, Algorithm::ES256)] {
        assert_eq!(checked(&token, &jwk), Err(TokenError::Algorithm));
    }
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    for none in ["none", "None", "NONE", ""] {
        let unsigned = format!("{}.{}.", part(json!({ "alg": none })), part(claims()));
        let refused = checked(&unsigned, &jwk(P256, Algorithm::ES256));
        assert_eq!(refused, Err(TokenError::Malformed), "{none}");
    }
}

#[test]
fn the_algorithm_must_be_the_keys_own() {
    let rs256 = jwk(RSA, Algorithm::RS256);
    let token = encode(
        &Header::new(Algorithm::PS256),
        &claims(),
        &key(RSA, Algorithm::PS256),
    );
    assert_eq!(checked(&token.unwrap(), &rs256), Err(TokenError::Algorithm));
    let mut unstated = jwk(P256, Algorithm::ES256);
    unstated.common.key_algorithm = None;
    assert!(checked(&sign(&claims()), &unstated).is_ok());
    let mut other = jwk(RSA, Algorithm::RS256);
    other.common.key_algorithm = None;
    assert!(checked(&sign(&claims()), &other).is_err(), "another family");
}

#[test]
fn the_signature_must_match_the_token_and_the_key() {
    let foreign = jwk(FOREIGN, Algorithm::ES256);
    let token = sign(&claims());
    assert_eq!(checked(&token, &foreign), Err(TokenError::Signature));

    let [head, _, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts");
    };
    let changed = with(json!({"email": "eve@example.com"}));
    let changed = URL_SAFE_NO_PAD.encode(changed.to_string());
    let ours = jwk(P256, Algorithm::ES256);
    for (tampered, error) in [
        (
            format!("{head}.{changed}.{signature}"),
            TokenError::Signature,
        ),
        (format!("{head}.{changed}."), TokenError::Signature),
        (format!("{head}.{changed}"), TokenError::Malformed),
        (String::new(), TokenError::Malformed),
        ("a.b.c".to_owned(), TokenError::Malformed),
    ] {
        assert_eq!(checked(&tampered, &ours), Err(error), "{tampered}");
    }
}

#[test]
fn short_rsa_keys_are_rejected() {
    let key = json!({"kty": "RSA", "n": SHORT_MODULUS, "e": "AQAB"});
    let key: Jwk = serde_json::from_value(key).unwrap();
    assert_eq!(checked(SHORT_TOKEN, &key), Err(TokenError::Signature));
}

#[test]
fn claims_that_are_not_used_may_have_any_form() {
    // Providers deviate from the standard in these claims.
    for claims in [
        json!({"updated_at": "2026-01-01T00:00:00Z"}),
        json!({"amr": "pwd"}),
        json!({"address": "1 Main Street"}),
        json!({"phone_number_verified": "true"}),
        json!({"auth_time": "1767225600"}),
    ] {
        assert!(of(claims.clone()).is_ok(), "{claims}");
    }
}

#[test]
fn unknown_critical_extensions_are_rejected() {
    let mut critical = Header::new(Algorithm::ES256);
    critical.crit = Some(vec!["b64".to_owned()]);
    let token = encode(&critical, &claims(), &key(P256, Algorithm::ES256)).unwrap();
    let refused = checked(&token, &jwk(P256, Algorithm::ES256));
    assert_eq!(refused, Err(TokenError::Malformed));
}

#[test]
fn every_spelling_of_the_issuer_is_accepted() {
    assert!(of(json!({"iss": "id.example.com"})).is_ok());
    for other in ["https://id.example.com/", "https://evil.example.com", ""] {
        assert_eq!(refused(json!({ "iss": other })), TokenError::Issuer);
    }
    assert_eq!(refused(json!({"iss": null})), TokenError::Malformed);
}

#[test]
fn the_audience_must_be_our_client() {
    assert!(of(json!({"aud": [CLIENT]})).is_ok());
    assert!(of(json!({"aud": [CLIENT, "other"], "azp": CLIENT})).is_ok());
    assert!(of(json!({"azp": CLIENT})).is_ok());
    for other in [json!("other"), json!(["other"]), json!([]), json!("")] {
        assert_eq!(refused(json!({ "aud": other })), TokenError::Audience);
    }
    assert_eq!(refused(json!({"aud": null})), TokenError::Malformed);
    for parties in [
        json!({"azp": "other"}),
        json!({"aud": [CLIENT, "other"], "azp": "other"}),
        json!({"aud": [CLIENT, "other"]}),
    ] {
        assert_eq!(refused(parties), TokenError::AuthorizedParty);
    }
}

#[test]
fn times_are_checked_with_some_leeway() {
    let now = get_current_timestamp();
    assert!(of(json!({"exp": now - 30})).is_ok());
    assert_eq!(refused(json!({"exp": now - 90})), TokenError::Expired);
    assert_eq!(refused(json!({"exp": null})), TokenError::Malformed);
    assert_eq!(refused(json!({"exp": "soon"})), TokenError::Malformed);

    assert!(of(json!({"nbf": now + 30})).is_ok());
    assert_eq!(refused(json!({"nbf": now + 90})), TokenError::NotYet);
    assert_eq!(refused(json!({"nbf": "soon"})), TokenError::Malformed);

    assert!(of(json!({"iat": now + 30})).is_ok());
    assert_eq!(refused(json!({"iat": now + 90})), TokenError::NotYet);
    assert_eq!(refused(json!({"iat": null})), TokenError::Malformed);
}

#[test]
fn the_nonce_must_be_of_this_sign_in() {
    for other in [json!("nonce-2"), json!(""), json!(null)] {
        assert_eq!(refused(json!({ "nonce": other })), TokenError::Nonce);
    }
}

#[test]
fn a_subject_and_a_verified_address_are_required() {
    assert_eq!(refused(json!({"sub": null})), TokenError::Malformed);
    assert_eq!(refused(json!({"email": null})), TokenError::NoEmail);
    assert_eq!(refused(json!({"email": ""})), TokenError::NoEmail);
    for unverified in [json!(false), json!(null)] {
        let error = refused(json!({ "email_verified": unverified }));
        assert_eq!(error, TokenError::UnverifiedEmail);
    }
    assert_eq!(
        refused(json!({"email_verified": "true"})),
        TokenError::Malformed
    );
}
