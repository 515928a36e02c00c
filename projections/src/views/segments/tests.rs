use domain::{Event, Holder, SegmentContent, SegmentEvent};

use super::*;
use crate::views::history::{folded, history};

/// Rules with every kind of value.
const RULES: &str = "NOT (total_spend between -5 AND 9223372036854775807) AND \
     (attributes.ratio > 0.25 OR attributes.vip = true OR attributes.size in (1, \"a\", 1e300)) \
     AND last_order_at >= 2026-01-01T00:00:00Z AND email notNull";

fn content(name: &str, rules: &str) -> SegmentContent {
    SegmentContent {
        name: name.to_owned().try_into().unwrap(),
        description: Some("All of it".to_owned().try_into().unwrap()),
        rules: rules.parse().unwrap(),
    }
}

fn fold(events: Vec<SegmentEvent>) -> Result<SegmentDocument, FoldError> {
    let subject = Subject::Segment("seg_1".try_into().unwrap());
    folded::<Segments>(&history(&subject, events, Event::Segment))
}

fn holder(id: &str) -> Holder {
    id.try_into().unwrap()
}

fn held(id: &str) -> SegmentEvent {
    SegmentEvent::Held { holder: holder(id) }
}

#[test]
fn a_created_segment_has_its_content() {
    let created = content("Odd ones", RULES);
    let document = fold(vec![SegmentEvent::Created(created.clone())]).unwrap();
    assert_eq!(document.segment_id.as_str(), "seg_1");
    assert_eq!(document.name, "Odd ones");
    assert_eq!(document.description.as_deref(), Some("All of it"));
    assert_eq!(document.rules, created.rules);
    assert_eq!(document.rules.to_json(), created.rules.to_json());
    assert_eq!(document.text, created.rules.to_string());
    assert_eq!(document.created_at.timestamp_millis(), 1_000);
    assert_eq!(document.updated_at, document.created_at);
    assert_eq!(document.created_by, "key:1");
    assert_eq!((document.version, document.archived_at), (1, None));
}

#[test]
fn an_update_replaces_only_the_content() {
    let document = fold(vec![
        SegmentEvent::Created(content("Before", RULES)),
        held("cmp_1"),
        SegmentEvent::Updated(SegmentContent {
            description: None,
            ..content("After", "visits > 3")
        }),
    ]);
    let document = document.unwrap();
    assert_eq!((&*document.name, &*document.text), ("After", "visits > 3"));
    assert_eq!(document.description, None);
    assert_eq!(document.created_at.timestamp_millis(), 1_000);
    assert_eq!(document.created_by, "key:1");
    assert_eq!(document.updated_at.timestamp_millis(), 3_000);
    assert_eq!(document.updated_by, "key:3");
    assert_eq!((document.version, document.held_by.len()), (3, 1));
}

#[test]
fn an_archived_segment_keeps_its_document() {
    let created = SegmentEvent::Created(content("Old", RULES));
    let document = fold(vec![created, SegmentEvent::Archived {}]).unwrap();
    let at = document.archived_at.map(bson::DateTime::timestamp_millis);
    assert_eq!(at, Some(2_000));
    assert_eq!(document.archived_by.as_deref(), Some("key:2"));
    assert_eq!((document.version, &*document.updated_by), (1, "key:1"));
}

#[test]
fn holders_are_sorted_and_leave_the_version() {
    let document = fold(vec![
        SegmentEvent::Created(content("Held", RULES)),
        held("cmp_2"),
        held("cmp_3"),
        held("cmp_1"),
        SegmentEvent::Released {
            holder: holder("cmp_3"),
        },
    ]);
    let document = document.unwrap();
    assert_eq!(document.held_by, ["cmp_1", "cmp_2"]);
    assert_eq!(document.version, 1);
}

#[test]
fn contradicting_events_are_rejected() {
    let created = || SegmentEvent::Created(content("Twice", RULES));
    assert!(fold(vec![created(), created()]).is_err());
    assert!(fold(vec![SegmentEvent::Archived {}]).is_err());
}
