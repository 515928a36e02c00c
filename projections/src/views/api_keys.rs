//! The view `api_keys`.

use bson::{DateTime, doc};
use domain::{ApiKeyEvent, Event, KeyId, NewKey, Role, Subject};
use eventlog::Position;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::recorded::Recorded;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::{FoldError, View};

/// The view `api_keys`: one document per key, revoked keys included.
pub struct ApiKeys;

/// The current state of an API key. Contains neither the secret nor its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyDocument {
    /// Id of the key.
    pub key_id: KeyId,
    /// Name of the key.
    pub name: String,
    /// Name of the program that uses the key; absent if it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Role of the key.
    pub role: Role,
    /// First characters of the secret, to recognize the key.
    pub prefix: String,
    /// Time when the key was created.
    pub created_at: DateTime,
    /// Actor that created the key.
    pub created_by: String,
    /// Time when the key expires, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime>,
    /// Time of the last recorded use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime>,
    /// Time when the key was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime>,
    /// Actor that revoked the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
}

impl View for ApiKeys {
    const NAME: &'static str = "api_keys";
    type Document = ApiKeyDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::ApiKey(key) => Some(key.to_string()),
            _ => None,
        }
    }

    fn fold(
        document: Option<ApiKeyDocument>,
        event: &Recorded,
    ) -> Result<ApiKeyDocument, FoldError> {
        let (Subject::ApiKey(id), Event::ApiKey(happened)) = (&event.subject, &event.event) else {
            return Err(FoldError(format!("{} is not an API key", event.subject)));
        };
        match (document, happened) {
            (None, ApiKeyEvent::Created(key)) => Ok(created(id, key, event)),
            (None, _) => Err(FoldError(format!("{id} was never created"))),
            (Some(_), ApiKeyEvent::Created(_)) => {
                Err(FoldError(format!("{id} was already created")))
            }
            (Some(document), ApiKeyEvent::Revoked {}) => Ok(ApiKeyDocument {
                revoked_at: Some(date(event.metadata.at)),
                revoked_by: Some(event.metadata.actor.clone()),
                ..document
            }),
            (Some(document), ApiKeyEvent::Used { at }) => Ok(ApiKeyDocument {
                last_used_at: Some(date(*at)),
                ..document
            }),
        }
    }

    fn indexes() -> Vec<IndexModel> {
        let newest = doc! {"created_at": -1, "_id": -1};
        vec![IndexModel::builder().keys(newest).build()]
    }
}

fn created(id: &KeyId, key: &NewKey, event: &Recorded) -> ApiKeyDocument {
    let content = key.content.clone();
    ApiKeyDocument {
        key_id: id.clone(),
        name: content.name.into(),
        client: content.client.map(String::from),
        role: content.role,
        prefix: key.prefix.as_str().to_owned(),
        created_at: date(event.metadata.at),
        created_by: event.metadata.actor.clone(),
        expires_at: content.expires_at.map(date),
        last_used_at: None,
        revoked_at: None,
        revoked_by: None,
    }
}

impl Store {
    /// Returns a key, revoked or not.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn api_key(&self, id: &KeyId) -> Result<Option<ApiKeyDocument>, QueryError> {
        let keys = self.serving::<ApiKeyDocument>(ApiKeys::NAME).await?;
        Ok(keys.find_one(doc! {"_id": id.as_str()}).await?)
    }

    /// Returns a page of all keys, newest first.
    ///
    /// # Errors
    /// [`QueryError`] if the cursor is invalid or MongoDB does not answer.
    pub async fn api_keys(&self, page: &PageRequest) -> Result<Page<ApiKeyDocument>, QueryError> {
        let place = |key: &ApiKeyDocument| (key.created_at, key.key_id.to_string());
        self.newest(ApiKeys::NAME, doc! {}, page, place).await
    }
}

#[cfg(test)]
mod tests {
    use domain::{KeyContent, KeySecret, Timestamp};

    use super::*;
    use crate::views::history::{folded, history};

    fn created() -> ApiKeyEvent {
        let secret = KeySecret::new(1, &[7; 32]);
        ApiKeyEvent::Created(Box::new(NewKey {
            content: KeyContent {
                name: "The shop's server".to_owned().try_into().unwrap(),
                role: Role::Ingest,
                expires_at: Timestamp::from_millis(60_000).ok(),
                client: "shop".to_owned().try_into().ok(),
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
        assert_eq!(document.client.as_deref(), Some("shop"));
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
}
