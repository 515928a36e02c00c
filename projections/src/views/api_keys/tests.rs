use bson::DateTime;
use domain::{ApiKeyEvent, Event, KeyContent, KeySecret, NewKey, Role, Timestamp};

use super::*;
use crate::views::history::{folded, history};

fn created() -> ApiKeyEvent {
    let secret = KeySecret::new(1, &[7; 32]);
    ApiKeyEvent::Created(Box::new(NewKey {
        content: KeyContent {
            name: "The shop's server".to_owned().try_into().unwrap(),
            role: Role::Ingest,
            expires_at: Timestamp::from_millis(60_000).ok(),
        },
        hash: secret.hash(),
        prefix: secret.prefix(),
    }))
}

fn fold(events: Vec<ApiKeyEvent>) -> Result<ApiKeyDocument, FoldError> {
    let subject = Subject::ApiKey("key_1".try_into().unwrap());
    folded::<ApiKeys>(&history(&subject, events, Event::ApiKey))
}

#[test]
fn a_created_key_has_its_content() {
    let document = fold(vec![created()]).unwrap();
    assert_eq!(document.key_id.as_str(), "key_1");
    assert_eq!(document.name, "The shop's server");
    assert_eq!(document.role, Role::Ingest);
    assert_eq!(document.prefix, "patron_00000000");
    assert_eq!(document.expires_at, Some(DateTime::from_millis(60_000)));
    assert_eq!(document.created_at, DateTime::from_millis(1_000));
    assert_eq!(document.created_by, "key:1");
    assert_eq!((document.last_used_at, document.revoked_at), (None, None));
}

#[test]
fn the_document_has_no_hash() {
    let document = bson::serialize_to_document(&fold(vec![created()]).unwrap()).unwrap();
    assert!(!document.contains_key("hash"));
}

#[test]
fn uses_and_revocation_are_recorded() {
    let at = Timestamp::from_millis(1_500).unwrap();
    let used = ApiKeyEvent::Used { at };
    let document = fold(vec![created(), used, ApiKeyEvent::Revoked {}]).unwrap();
    assert_eq!(document.last_used_at, Some(DateTime::from_millis(1_500)));
    assert_eq!(document.revoked_at, Some(DateTime::from_millis(3_000)));
    assert_eq!(document.revoked_by.as_deref(), Some("key:3"));
}

#[test]
fn contradicting_events_are_rejected() {
    assert!(fold(vec![created(), created()]).is_err());
    assert!(fold(vec![ApiKeyEvent::Revoked {}]).is_err());
}
