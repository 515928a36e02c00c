use cqrs_es::test::TestFramework;

use super::*;
use crate::Text;
use crate::event::LoggedEvent;

type KeyTest = TestFramework<ApiKey>;

const MINUTE: i64 = 60_000;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute * MINUTE).unwrap()
}

fn secret() -> KeySecret {
    KeySecret::new(0x1af, &[7; 32])
}

fn content(role: Role, expires_at: Option<Timestamp>) -> KeyContent {
    KeyContent {
        name: Text::try_from("The shop's server".to_owned()).unwrap(),
        role,
        expires_at,
        client: None,
    }
}

/// Key that expires at minute 100.
fn new_key() -> Box<NewKey> {
    Box::new(NewKey {
        content: content(Role::Ingest, Some(at(100))),
        hash: secret().hash(),
        prefix: secret().prefix(),
    })
}

fn create(key: Box<NewKey>) -> ApiKeyCommand {
    ApiKeyCommand::Create { key, at: at(0) }
}

fn created() -> ApiKeyEvent {
    ApiKeyEvent::Created(new_key())
}

fn revoked() -> ApiKeyEvent {
    ApiKeyEvent::Revoked {}
}

fn used(minute: i64) -> ApiKeyEvent {
    ApiKeyEvent::Used { at: at(minute) }
}

fn key_of(events: Vec<ApiKeyEvent>) -> ApiKey {
    let mut key = ApiKey::default();
    for event in events {
        key.apply(event);
    }
    key
}

#[test]
fn a_key_is_created_once() {
    KeyTest::with(())
        .given_no_previous_events()
        .when(create(new_key()))
        .then_expect_events(vec![created()]);
}

#[test]
fn a_repeated_creation_makes_no_event_even_with_another_secret() {
    let histories = [
        vec![created()],
        vec![created(), used(1)],
        vec![created(), revoked()],
    ];
    for history in histories {
        let other = KeySecret::new(0x1af, &[8; 32]);
        let again = NewKey {
            hash: other.hash(),
            ..*new_key()
        };
        // The repetition may come long after the key has expired.
        let command = ApiKeyCommand::Create {
            key: Box::new(again),
            at: at(1_000),
        };
        KeyTest::with(())
            .given(history)
            .when(command)
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_creation_with_other_content_is_a_conflict() {
    for other in [
        content(Role::Admin, Some(at(100))),
        content(Role::Ingest, None),
    ] {
        let key = NewKey {
            content: other,
            ..*new_key()
        };
        KeyTest::with(())
            .given(vec![created()])
            .when(create(Box::new(key)))
            .then_expect_error(ApiKeyError::Conflict);
    }
}

/// A client that is named like the key is what a key without a client has.
#[test]
fn the_client_is_part_of_the_content_unless_it_is_the_name() {
    let with_client = |client: &str| {
        let client = Text::try_from(client.to_owned()).ok();
        let content = content(Role::Ingest, Some(at(100)));
        let content = KeyContent { client, ..content };
        Box::new(NewKey {
            content,
            ..*new_key()
        })
    };
    let (same, other) = (with_client("The shop's server"), with_client("shop"));
    assert_eq!(
        new_key().content.client_name().as_str(),
        "The shop's server"
    );
    assert_eq!(other.content.client_name().as_str(), "shop");
    KeyTest::with(())
        .given(vec![created()])
        .when(create(same))
        .then_expect_events(vec![]);
    KeyTest::with(())
        .given(vec![created()])
        .when(create(other.clone()))
        .then_expect_error(ApiKeyError::Conflict);
    KeyTest::with(())
        .given(vec![ApiKeyEvent::Created(other.clone())])
        .when(create(other))
        .then_expect_events(vec![]);
}

#[test]
fn a_key_that_has_expired_already_is_not_created() {
    for expires_at in [at(-1), at(0)] {
        let key = NewKey {
            content: content(Role::Ingest, Some(expires_at)),
            ..*new_key()
        };
        KeyTest::with(())
            .given_no_previous_events()
            .when(create(Box::new(key)))
            .then_expect_error(ApiKeyError::Expired);
    }
}

#[test]
fn a_key_is_revoked_only_once() {
    KeyTest::with(())
        .given(vec![created(), used(3)])
        .when(ApiKeyCommand::Revoke)
        .then_expect_events(vec![revoked()]);
    KeyTest::with(())
        .given(vec![created(), revoked()])
        .when(ApiKeyCommand::Revoke)
        .then_expect_events(vec![]);
}

#[test]
fn a_key_that_does_not_exist_is_neither_revoked_nor_used() {
    for command in [ApiKeyCommand::Revoke, ApiKeyCommand::Use { at: at(1) }] {
        KeyTest::with(())
            .given_no_previous_events()
            .when(command)
            .then_expect_error(ApiKeyError::NotFound);
    }
}

#[test]
fn a_use_is_recorded_once_in_ten_minutes() {
    let cases = [
        (vec![created()], 0, true),
        (vec![created(), used(1)], 1, false),
        (vec![created(), used(1)], 10, false),
        (vec![created(), used(1)], 11, true),
        (vec![created(), used(1), used(11)], 20, false),
        // The clock of another process may be behind.
        (vec![created(), used(11)], 5, false),
        (vec![created(), revoked()], 5, false),
    ];
    for (history, minute, recorded) in cases {
        let key = key_of(history.clone());
        assert_eq!(key.records_use(at(minute)), recorded, "{history:?}");
        let expected = if recorded { vec![used(minute)] } else { vec![] };
        KeyTest::with(())
            .given(history)
            .when(ApiKeyCommand::Use { at: at(minute) })
            .then_expect_events(expected);
    }
}

#[test]
fn a_key_grants_its_role_to_its_secret_until_it_expires_or_is_revoked() {
    let right = secret().hash();
    let key = key_of(vec![created()]);
    assert_eq!(key.grants(&right, at(0)), Ok(Role::Ingest));
    assert_eq!(key.grants(&right, at(99)), Ok(Role::Ingest));
    assert_eq!(key.grants(&right, at(100)), Err(KeyRefusal::Expired));
    let gone = key_of(vec![created(), revoked()]);
    assert_eq!(gone.grants(&right, at(0)), Err(KeyRefusal::Revoked));
    assert_eq!(gone.grants(&right, at(100)), Err(KeyRefusal::Revoked));
    let nothing = ApiKey::default();
    assert_eq!(nothing.grants(&right, at(0)), Err(KeyRefusal::Unknown));
}

#[test]
fn a_wrong_secret_gets_unknown_in_every_state() {
    let wrong = KeySecret::new(0x1af, &[8; 32]).hash();
    for history in [vec![created()], vec![created(), revoked()]] {
        let key = key_of(history);
        for minute in [0, 100] {
            assert_eq!(key.grants(&wrong, at(minute)), Err(KeyRefusal::Unknown));
        }
    }
}

#[test]
fn events_and_state_survive_the_log() {
    for event in [created(), revoked(), used(7)] {
        let raw = event.data();
        let data = raw.get();
        assert_eq!(ApiKeyEvent::decode(event.tag(), data).unwrap(), event);
    }
    let hash = String::from(secret().hash());
    assert_eq!(
        created().data().get(),
        format!(
            r#"{{"name":"The shop's server","role":"ingest","expires_at":"1970-01-01T01:40:00.000Z","hash":"{hash}","prefix":"patron_00000000"}}"#
        )
    );
    assert!(ApiKeyEvent::decode("api_key_created.1", r#"{"name":"x"}"#).is_err());
    assert!(ApiKeyEvent::decode("api_key_created.2", "{}").is_err());
    let key = key_of(vec![created(), used(3), revoked()]);
    let json = serde_json::to_string(&key).unwrap();
    assert_eq!(serde_json::from_str::<ApiKey>(&json).unwrap(), key);
}

#[test]
fn a_secret_contains_its_key_id_and_is_not_printed() {
    let secret = KeySecret::new(0xabcd << 112 | 0x1af, &[0xff; 32]);
    assert_eq!(
        secret.reveal(),
        "patron_abcd00000000000000000000000001af_//////////////////////////////////////////8"
            .replace('/', "_")
    );
    assert_eq!(secret.id().as_str(), "key_abcd00000000000000000000000001af");
    assert_eq!(secret.prefix().as_str(), "patron_abcd0000");
    assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
    let printed = format!("{secret:?} {:?}", secret.hash());
    assert_eq!(
        printed,
        "KeySecret(key_abcd00000000000000000000000001af) KeyHash"
    );
}

#[test]
fn the_random_bytes_are_encoded_as_base64url() {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = at as u8 * 8 + 3;
    }
    let secret = KeySecret::new(0, &bytes);
    let text = &secret.reveal()["patron__".len() + 32..];
    assert_eq!(text, "AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2-Pr8_s");
}

#[test]
fn other_texts_are_not_secrets() {
    let good = secret().reveal().to_owned();
    assert!(good.parse::<KeySecret>().is_ok());
    let upper = good.replacen("1af", "1AF", 1);
    let short = good[..good.len() - 1].to_owned();
    let long = format!("{good}A");
    let odd = good.replacen("Bw", "B+", 1);
    let foreign = good.replacen("patron_", "shop_", 1);
    for text in [
        upper,
        short,
        long,
        odd,
        foreign,
        String::new(),
        "é".repeat(83),
    ] {
        assert_eq!(text.parse::<KeySecret>(), Err(KeySecretError), "{text}");
    }
}
