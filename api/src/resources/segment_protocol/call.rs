//! A call of an SDK, as it is sent.

use domain::{CustomerId, ShopAssigned};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::http::problem::{Problem, ProblemKind};

/// Maximum length of a call in bytes.
const MAX_CALL: usize = 256 * 1024;

/// Largest whole number that JSON tools keep exactly: 2^53.
const MAX_EXACT: u64 = 1 << 53;

/// A call: the members that Patron reads. All others are ignored. Members have any type
/// here, so that one of a wrong type does not hide the others.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Call {
    pub(super) r#type: Json,
    pub(super) user_id: Json,
    pub(super) message_id: Json,
    pub(super) event: Json,
    pub(super) properties: Json,
    pub(super) traits: Json,
    pub(super) timestamp: Json,
    pub(super) original_timestamp: Json,
    pub(super) sent_at: Json,
}

/// Type of a call that Patron records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallType {
    Identify,
    Track,
}

impl CallType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Track => "track",
        }
    }
}

/// Types of calls that have no counterpart in Patron.
const WITHOUT_EFFECT: [&str; 4] = ["page", "screen", "group", "alias"];

/// Returns the type of calls of this name, if they have no effect.
pub(super) fn without_effect(name: &str) -> Option<&'static str> {
    WITHOUT_EFFECT.into_iter().find(|known| *known == name)
}

/// Treatment of calls of a type.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    Recorded(CallType),
    /// Ignored calls of this type.
    Ignored(&'static str),
}

impl Call {
    /// Parses a call.
    ///
    /// # Errors
    /// A problem if it is not an object, or is too long.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |reason| Problem::field(ProblemKind::InvalidField, "", reason);
        if text.len() > MAX_CALL {
            return Err(invalid(format!("a call has at most {MAX_CALL} bytes")));
        }
        // Without this check, serde would also read a struct from an array.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(invalid("a call must be an object".to_owned()));
        }
        serde_json::from_str(text).map_err(|error| invalid(error.to_string()))
    }

    /// Returns what is done with a call of a batch.
    ///
    /// # Errors
    /// A problem with its type.
    pub(super) fn treatment(&self) -> Result<Treatment, Problem> {
        let name = self.r#type.as_str().unwrap_or_default();
        let recorded = [CallType::Identify, CallType::Track];
        if let Some(known) = recorded.into_iter().find(|known| known.name() == name) {
            return Ok(Treatment::Recorded(known));
        }
        match without_effect(name) {
            Some(known) => Ok(Treatment::Ignored(known)),
            None => {
                let reason = "must be one of identify, track, page, screen, group and alias";
                Err(invalid("/type", reason.to_owned()))
            }
        }
    }

    /// Returns the customer of the call; `None` if the call is anonymous.
    ///
    /// # Errors
    /// A problem if `userId` cannot be the id of a customer.
    pub(super) fn customer(&self) -> Result<Option<CustomerId>, Problem> {
        id(&self.user_id, "/userId")
    }

    /// Returns the id of the call; `None` if it has none.
    ///
    /// # Errors
    /// A problem if `messageId` cannot be an id.
    pub(super) fn message<T: ShopAssigned>(&self) -> Result<Option<T>, Problem> {
        id(&self.message_id, "/messageId")
    }
}

/// Reads an id: a text, or a whole number as its digits.
fn id<T: ShopAssigned>(value: &Json, pointer: &str) -> Result<Option<T>, Problem> {
    let text = match value {
        Json::Null => return Ok(None),
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) if number.as_u64().is_some_and(|number| number <= MAX_EXACT) => {
            number.to_string()
        }
        _ => {
            let reason = "must be a string, or a whole number from 0 to 2^53";
            return Err(invalid(pointer, reason.to_owned()));
        }
    };
    if text.is_empty() {
        return Ok(None);
    }
    T::from_shop(text)
        .map(Some)
        .map_err(|error| invalid(pointer, error.to_string()))
}

pub(super) fn invalid(pointer: &str, reason: String) -> Problem {
    Problem::field(ProblemKind::InvalidField, pointer, reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(json: Json) -> Call {
        Call::parse(&json.to_string()).unwrap()
    }

    #[test]
    fn unknown_members_are_ignored_and_only_objects_are_calls() {
        let read = call(json!({"userId": "c-1", "context": {"ip": "::1"}, "integrations": {}}));
        assert_eq!(read.user_id, "c-1");
        for odd in ["[]", "7", "null", "\"x\""] {
            assert!(Call::parse(odd).is_err(), "{odd}");
        }
        let long = json!({"event": "x".repeat(MAX_CALL)}).to_string();
        assert!(Call::parse(&long).is_err());
    }

    #[test]
    fn the_type_decides_what_is_done() {
        let treatment = |name: Json| call(json!({"type": name})).treatment();
        assert_eq!(
            treatment(json!("track")),
            Ok(Treatment::Recorded(CallType::Track))
        );
        assert_eq!(treatment(json!("page")), Ok(Treatment::Ignored("page")));
        for odd in [json!("Track"), json!(""), json!(null), json!(7)] {
            assert!(treatment(odd).is_err());
        }
    }

    #[test]
    fn ids_are_texts_or_whole_numbers() {
        let customer = |id: Json| {
            let customer = call(json!({"userId": id})).customer();
            customer.map(|id| id.map(String::from))
        };
        assert_eq!(customer(json!(" c-1 ")), Ok(Some("c-1".to_owned())));
        assert_eq!(customer(json!(4711)), Ok(Some("4711".to_owned())));
        for anonymous in [json!(null), json!(""), json!("  ")] {
            assert_eq!(customer(anonymous), Ok(None));
        }
        for odd in [
            json!(1.5),
            json!(-1),
            json!(true),
            json!({}),
            json!(u64::MAX),
            json!("x".repeat(129)),
        ] {
            assert!(customer(odd).is_err());
        }
    }
}
