//! `track`: an event as activity.

use commands::ActivityRecord;
use domain::{ActivityContent, ActivityId, CustomerId, Name};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::call::{Call, invalid};
use super::time::{self, CallTime, Receipt};
use super::values;
use super::warning::Warnings;
use crate::http::problem::Problem;

/// Activity of a call.
pub(super) struct Tracked {
    pub(super) record: ActivityRecord,
    /// Time of the activity.
    pub(super) time: CallTime,
    /// Name under which it is recorded, if the call has another.
    pub(super) changed_name: Option<String>,
}

/// Maps a call to activity of its customer. A call without a `messageId` gets a new id,
/// so that sending it again records it again.
///
/// # Errors
/// A problem with a pointer if the event has no name that can be recorded, a time that
/// cannot be read, or properties that are not an object.
pub(super) fn record(
    call: Call,
    customer: CustomerId,
    receipt: Receipt,
    warnings: &mut Warnings,
) -> Result<Tracked, Problem> {
    let Some(event) = call.event.as_str() else {
        return Err(invalid(
            "/event",
            "must be the name of the event, a string".to_owned(),
        ));
    };
    let name = Name::folded(event).map_err(|error| invalid("/event", error.to_string()))?;
    let changed_name = (name.as_str() != event).then(|| name.to_string());
    let activity = match call.message()? {
        Some(id) => id,
        None => new_id()?,
    };
    let time = time::of_call(&call, receipt)?;
    let properties = match call.properties {
        Json::Null => Map::new(),
        Json::Object(properties) => properties,
        _ => return Err(invalid("/properties", "must be an object".to_owned())),
    };
    let content = ActivityContent {
        name,
        occurred_at: time.at,
        properties: values::attributes(&properties, "/properties", warnings),
        updated_at: None,
    };
    Ok(Tracked {
        record: ActivityRecord {
            customer,
            activity,
            content,
        },
        time,
        changed_name,
    })
}

fn new_id() -> Result<ActivityId, Problem> {
    let id = Uuid::now_v7().to_string();
    // Cannot fail: the text of a UUID is an id.
    ActivityId::try_from(id).map_err(|_| Problem::internal())
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use domain::Timestamp;
    use serde_json::json;

    use super::*;

    fn track(call: Json) -> Result<(Json, Option<String>), String> {
        let call: Call = serde_json::from_value(call).unwrap();
        let customer = CustomerId::try_from("c-1").unwrap();
        let receipt = Receipt {
            sent_at: None,
            received_at: Timestamp::try_from("2026-11-23T12:00:00Z").unwrap(),
            zone: Tz::UTC,
        };
        let tracked = record(call, customer, receipt, &mut Warnings::default());
        let tracked = tracked.map_err(|problem| problem.into_errors()[0].pointer.clone())?;
        let ActivityRecord {
            activity, content, ..
        } = tracked.record;
        let shown = json!({"id": activity.as_str(), "content": content});
        Ok((shown, tracked.changed_name))
    }

    #[test]
    fn an_event_becomes_activity() {
        let call = json!({
            "messageId": "ajs-1",
            "event": "Order Completed",
            "timestamp": "2026-01-02T03:04:05Z",
            "properties": {"total": 19.99, "coupon": null, "shipping": {"method": "post"}},
        });
        let expected = json!({
            "id": "ajs-1",
            "content": {
                "name": "order_completed",
                "occurred_at": "2026-01-02T03:04:05.000Z",
                "properties": {"shipping": {"method": "post"}, "total": 19.99},
            },
        });
        assert_eq!(
            track(call),
            Ok((expected, Some("order_completed".to_owned())))
        );
    }

    #[test]
    fn a_call_without_an_id_gets_a_new_one() {
        let call = json!({"event": "visit"});
        let (one, name) = track(call.clone()).unwrap();
        let (other, _) = track(call).unwrap();
        assert_eq!(name, None);
        assert_ne!(one["id"], other["id"]);
        assert_eq!(one["content"]["occurred_at"], "2026-11-23T12:00:00.000Z");
    }

    #[test]
    fn a_problem_names_the_member_at_fault() {
        for (call, pointer) in [
            (json!({}), "/event"),
            (json!({"event": "->"}), "/event"),
            (json!({"event": 7}), "/event"),
            (json!({"event": "visit", "messageId": true}), "/messageId"),
            (json!({"event": "visit", "timestamp": "soon"}), "/timestamp"),
            (json!({"event": "visit", "properties": []}), "/properties"),
        ] {
            assert_eq!(track(call), Err(pointer.to_owned()));
        }
    }
}
