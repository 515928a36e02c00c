use cqrs_es::test::TestFramework;

use super::*;
use crate::event::LoggedEvent;
use crate::{AttributeValue, Text};

type ActivityTest = TestFramework<Activity>;

fn visit(page: &str) -> ActivityContent {
    let page = AttributeValue::Text(Text::try_from(page.to_owned()).unwrap());
    ActivityContent {
        name: Name::try_from("visit".to_owned()).unwrap(),
        occurred_at: Timestamp::try_from("2026-01-02T03:04:05Z").unwrap(),
        properties: [(Name::try_from("page".to_owned()).unwrap(), page)].into(),
    }
}

#[test]
fn a_new_activity_is_recorded() {
    ActivityTest::with(())
        .given_no_previous_events()
        .when(RecordActivity(visit("/")))
        .then_expect_events(vec![ActivityEvent::Recorded(visit("/"))]);
}

#[test]
fn repeating_an_activity_makes_no_event() {
    ActivityTest::with(())
        .given(vec![ActivityEvent::Recorded(visit("/"))])
        .when(RecordActivity(visit("/")))
        .then_expect_events(vec![]);
}

#[test]
fn changed_content_is_an_update_with_the_previous_occurrence() {
    ActivityTest::with(())
        .given(vec![ActivityEvent::Recorded(visit("/"))])
        .when(RecordActivity(visit("/cart")))
        .then_expect_events(vec![ActivityEvent::Updated {
            content: visit("/cart"),
            previous: Occurrence {
                name: visit("/").name,
                occurred_at: visit("/").occurred_at,
            },
        }]);
}

#[test]
fn too_many_properties_are_refused() {
    let mut content = visit("/");
    for n in 0..MAX_ATTRIBUTES {
        let key = Name::try_from(format!("p{n}")).unwrap();
        content.properties.insert(key, AttributeValue::Integer(1));
    }
    ActivityTest::with(())
        .given_no_previous_events()
        .when(RecordActivity(content))
        .then_expect_error(ActivityError::TooManyProperties(MAX_ATTRIBUTES + 1));
}

#[test]
fn events_survive_the_log() {
    let event = ActivityEvent::Recorded(visit("/"));
    assert_eq!(
        ActivityEvent::decode(event.tag(), event.data().get()).unwrap(),
        event
    );
}
