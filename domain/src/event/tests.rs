//! Events as stored in the log. The form of an event must never change: the log
//! keeps it forever, and digests are computed from some of it.

use std::collections::BTreeSet;

use super::*;

/// Stored events: a subject, a tag, and data per line. Every tag and every
/// optional field is present and absent. Lines are added, never changed.
const STORED: &str = include_str!("stored.txt");

fn stored() -> impl Iterator<Item = (Subject, &'static str, &'static str)> {
    STORED.lines().map(|line| {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().unwrap();
        (Subject::parse(part()).unwrap(), part(), part())
    })
}

fn written<E: LoggedEvent>(event: &E) -> (&'static str, Box<RawValue>) {
    (event.tag(), event.data())
}

fn write(event: &Event) -> (&'static str, Box<RawValue>) {
    match event {
        Event::Customer(event) => written(event),
        Event::Order(event) => written(event),
        Event::Activity(event) => written(event),
        Event::View(event) => written(event),
        Event::Segment(event) => written(event),
        Event::Campaign(event) => written(event),
        Event::Message(event) => written(event),
        Event::User(event) => written(event),
        Event::ApiKey(event) => written(event),
        Event::Refusal(event) => written(event),
        Event::Assistance(event) => written(event),
        Event::Log(event) => written(event),
        Event::Quarantine(event) => written(event),
        Event::Demo(event) => written(event),
        Event::Import(event) => written(event),
        Event::Address(event) => written(event),
        Event::Claim(event) => written(event),
        Event::Merges(event) => written(event),
    }
}

#[test]
fn stored_events_are_read_and_written_back_unchanged() {
    for (subject, tag, data) in stored() {
        let event = match Event::decode(&subject, tag, data) {
            Ok(event) => event,
            Err(error) => panic!("{tag} {data}: {error}"),
        };
        let (written_tag, written_data) = write(&event);
        assert_eq!((written_tag, written_data.get()), (tag, data));
    }
}

#[test]
fn every_type_of_event_is_stored() {
    let stored: BTreeSet<&str> = stored().map(|(_, tag, _)| tag).collect();
    let known: BTreeSet<&str> = type_tags().collect();
    assert_eq!(stored, known);
}

fn order(tag: &str, data: &str) -> String {
    OrderEvent::decode(tag, data).unwrap_err().to_string()
}

#[test]
fn an_unknown_type_is_not_malformed() {
    for tag in ["order_placed.2", "order_placed", "", "customer_updated.1"] {
        let error = OrderEvent::decode(tag, "{}").unwrap_err();
        assert!(matches!(&error, DecodeError::Unknown(unknown) if unknown == tag));
    }
    assert_eq!(order("lost.1", "?"), r#"unknown event type "lost.1""#);
    let error = ViewEvent::decode("rebuild_requested.1", "[[]").unwrap_err();
    assert!(matches!(error, DecodeError::Malformed { .. }));
}

#[test]
fn errors_name_the_type_and_the_place_in_the_data() {
    let placed = |data: &str| order("order_placed.1", data);
    assert_eq!(
        placed("{\n\"amount\":1}"),
        "malformed order_placed.1: missing field `currency` at line 2 column 11"
    );
    assert_eq!(
        placed(r#"{"amount":1,"currency":"EUR","placed_at":"2026-02-02T02:40:00.005Z"} x"#),
        "malformed order_placed.1: trailing characters at line 1 column 70"
    );
    assert_eq!(
        order("order_updated.1", r#"{"content":{"amount":"#),
        "malformed order_updated.1: EOF while parsing a value at line 1 column 21"
    );
    assert_eq!(
        order("order_updated.1", "{}"),
        "malformed order_updated.1: missing field `content` at line 1 column 2"
    );
    let rebuild = ViewEvent::decode("rebuild_requested.1", "{} {}").unwrap_err();
    assert_eq!(
        rebuild.to_string(),
        "malformed rebuild_requested.1: trailing characters at line 1 column 4"
    );
}

#[test]
fn unknown_fields_of_newer_programs_are_ignored() {
    let read = ViewEvent::decode("rebuild_requested.1", r#"{"more":[1]}"#);
    assert_eq!(read.unwrap(), ViewEvent::RebuildRequested {});
    let data = r#"{"at":"2026-02-02T02:40:00.005Z","more":{}}"#;
    assert!(ApiKeyEvent::decode("api_key_used.1", data).is_ok());
}
