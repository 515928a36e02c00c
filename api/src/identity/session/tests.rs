use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const OLD: &str = "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
const NEW: &str = "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

fn keys(text: &str) -> SessionKeys {
    text.parse().unwrap()
}

fn session() -> Session {
    Session {
        user: UserId::from(1),
        session: SessionId::from(2),
    }
}

fn now() -> Timestamp {
    Timestamp::from(chrono::Utc::now())
}

fn ago(age: Duration) -> Timestamp {
    Timestamp::from(chrono::Utc::now() - age)
}

fn token(keys: &SessionKeys) -> String {
    keys.sign(Purpose::Session, session(), now()).unwrap()
}

fn read(keys: &SessionKeys, token: &str) -> Result<Session, TokenRefusal> {
    keys.read(Purpose::Session, token)
        .map(|(session, _)| session)
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

#[test]
fn a_token_names_its_session_and_user() {
    let keys = keys(NEW);
    assert_eq!(read(&keys, &token(&keys)), Ok(session()));
    let (_, age): (Session, _) = keys.read(Purpose::Session, &token(&keys)).unwrap();
    assert!(age < Duration::from_secs(5));
}

#[test]
fn an_older_key_still_verifies() {
    let (old, both) = (keys(OLD), keys(&format!("{NEW}, {OLD}")));
    let by_old = token(&old);
    assert_eq!(read(&both, &by_old), Ok(session()));
    let by_both = token(&both);
    assert_eq!(read(&keys(NEW), &by_both), Ok(session()), "the first signs");
    assert_eq!(read(&old, &by_both), Err(TokenRefusal::UnknownKey));
}

#[test]
fn a_removed_key_does_not_verify() {
    let refused = read(&keys(NEW), &token(&keys(OLD)));
    assert_eq!(refused, Err(TokenRefusal::UnknownKey));
}

#[test]
fn a_token_expires() {
    let keys = keys(NEW);
    let life = Purpose::Session.lifetime();
    let signed = |age| keys.sign(Purpose::Session, session(), ago(age)).unwrap();
    let almost = signed(life - Duration::from_secs(5));
    assert_eq!(read(&keys, &almost), Ok(session()));
    let over = signed(life + Duration::from_secs(5));
    assert_eq!(read(&keys, &over), Err(TokenRefusal::Expired));
}

#[test]
fn a_tampered_token_is_rejected() {
    let keys = keys(NEW);
    let good = token(&keys);
    let [head, body, signature] = parts(&good);
    let other = part(&json!({
        "iss": "patron", "aud": "session", "iat": 0, "exp": 99_999_999_999_u64,
        "sub": "usr_2", "sid": "ses_2",
    }));
    let kid = decode_header(&good).unwrap().kid;
    for tampered in [
        format!("{head}.{other}.{signature}"),
        format!("{head}.{body}.{}", signature.to_uppercase()),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{}.{body}.", part(&json!({"alg": "none", "kid": kid}))),
        format!("{}.{other}.", part(&json!({"alg": "none"}))),
        format!(
            "{}.{body}.{signature}",
            part(&json!({"alg": "HS512", "kid": kid}))
        ),
        format!(
            "{}.{body}.{signature}",
            part(&json!({"alg": "RS256", "kid": kid}))
        ),
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(100_000),
    ] {
        let refused = read(&keys, &tampered);
        assert_eq!(refused, Err(TokenRefusal::Tampered), "{tampered:.80}");
    }
}

#[test]
fn only_hs256_is_accepted() {
    let keys = keys(NEW);
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: "session".to_owned(),
        iat: 0,
        exp: 99_999_999_999,
        content: session(),
    };
    for (algorithm, is_accepted) in [
        (Algorithm::HS256, true),
        (Algorithm::HS384, false),
        (Algorithm::HS512, false),
    ] {
        let mut header = Header::new(algorithm);
        header.kid = Some(keys.0[0].id.clone());
        let token = encode(&header, &claims, &keys.0[0].signs).unwrap();
        assert_eq!(read(&keys, &token).is_ok(), is_accepted, "{algorithm:?}");
    }
}

#[test]
fn a_token_for_another_purpose_is_rejected() {
    let keys = keys(NEW);
    let sign_in = keys.sign(Purpose::SignIn, session(), now()).unwrap();
    assert_eq!(read(&keys, &sign_in), Err(TokenRefusal::Tampered));
    let read_back = keys.read::<Session>(Purpose::SignIn, &sign_in);
    assert!(read_back.is_ok());
}

#[test]
fn a_key_is_base64_of_enough_bytes() {
    for good in [
        NEW.to_owned(),
        NEW.trim_end_matches('=').to_owned(),
        format!(" {NEW} ,{OLD}"),
        "_-".repeat(32),
    ] {
        assert!(good.parse::<SessionKeys>().is_ok(), "{good}");
    }
    for bad in ["", "c2hvcnQ=", "not base64!", &format!("{NEW},")] {
        assert!(bad.parse::<SessionKeys>().is_err(), "{bad}");
    }
}

#[test]
fn keys_are_not_printed() {
    assert_eq!(format!("{:?}", keys(NEW)), "1 session keys");
}
