use cqrs_es::test::TestFramework;

use super::*;
use crate::Text;
use crate::event::LoggedEvent;

type SegmentTest = TestFramework<Segment>;

fn big_spenders() -> SegmentContent {
    content("total_spend > 100000")
}

fn content(rules: &str) -> SegmentContent {
    SegmentContent {
        name: Text::try_from("Big spenders".to_owned()).unwrap(),
        description: None,
        rules: rules.parse().unwrap(),
    }
}

fn holder(id: &str) -> Holder {
    Holder::try_from(id).unwrap()
}

fn created() -> SegmentEvent {
    SegmentEvent::Created(big_spenders())
}

fn held(id: &str) -> SegmentEvent {
    SegmentEvent::Held { holder: holder(id) }
}

fn released(id: &str) -> SegmentEvent {
    SegmentEvent::Released { holder: holder(id) }
}

fn updated(rules: &str) -> SegmentEvent {
    SegmentEvent::Updated(content(rules))
}

fn archived() -> SegmentEvent {
    SegmentEvent::Archived {}
}

#[test]
fn a_segment_is_created_once() {
    SegmentTest::with(())
        .given_no_previous_events()
        .when(SegmentCommand::Create(big_spenders()))
        .then_expect_events(vec![created()]);
}

#[test]
fn a_repeated_creation_makes_no_event_in_any_state() {
    let histories = [
        vec![created()],
        vec![created(), updated("visits > 3")],
        vec![created(), updated("visits > 3"), archived()],
    ];
    for history in histories {
        SegmentTest::with(())
            .given(history)
            .when(SegmentCommand::Create(big_spenders()))
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_creation_with_other_content_is_a_conflict() {
    let histories = [
        vec![created()],
        // The current content differs from the content at the creation.
        vec![created(), updated("visits > 3")],
    ];
    for history in histories {
        SegmentTest::with(())
            .given(history)
            .when(SegmentCommand::Create(content("visits > 3")))
            .then_expect_error(SegmentError::Conflict);
    }
    let described = SegmentContent {
        description: Some(Text::try_from("More".to_owned()).unwrap()),
        ..big_spenders()
    };
    SegmentTest::with(())
        .given(vec![created()])
        .when(SegmentCommand::Create(described))
        .then_expect_error(SegmentError::Conflict);
}

#[test]
fn an_update_holds_the_complete_new_content() {
    SegmentTest::with(())
        .given(vec![created(), updated("visits > 3")])
        .when(SegmentCommand::Update(big_spenders()))
        .then_expect_events(vec![SegmentEvent::Updated(big_spenders())]);
}

#[test]
fn an_update_without_changes_makes_no_event() {
    SegmentTest::with(())
        .given(vec![created(), updated("visits > 3")])
        .when(SegmentCommand::Update(content("visits > 3")))
        .then_expect_events(vec![]);
}

#[test]
fn a_held_segment_can_be_updated() {
    SegmentTest::with(())
        .given(vec![created(), held("cmp_1")])
        .when(SegmentCommand::Update(content("visits > 3")))
        .then_expect_events(vec![updated("visits > 3")]);
}

#[test]
fn a_segment_is_archived_once() {
    SegmentTest::with(())
        .given(vec![created()])
        .when(SegmentCommand::Archive)
        .then_expect_events(vec![archived()]);
    SegmentTest::with(())
        .given(vec![created(), archived()])
        .when(SegmentCommand::Archive)
        .then_expect_events(vec![]);
}

#[test]
fn a_segment_with_holds_cannot_be_archived() {
    let holders = vec![holder("cmp_1"), holder("cmp_2")];
    SegmentTest::with(())
        .given(vec![created(), held("cmp_2"), held("cmp_1")])
        .when(SegmentCommand::Archive)
        .then_expect_error(SegmentError::InUse(holders));
    let released_one = vec![created(), held("cmp_1"), held("cmp_2"), released("cmp_1")];
    SegmentTest::with(())
        .given(released_one.clone())
        .when(SegmentCommand::Archive)
        .then_expect_error(SegmentError::InUse(vec![holder("cmp_2")]));
    SegmentTest::with(())
        .given([released_one, vec![released("cmp_2")]].concat())
        .when(SegmentCommand::Archive)
        .then_expect_events(vec![archived()]);
}

#[test]
fn holding_twice_and_releasing_without_a_hold_change_nothing() {
    SegmentTest::with(())
        .given(vec![created()])
        .when(SegmentCommand::Hold(holder("cmp_1")))
        .then_expect_events(vec![held("cmp_1")]);
    SegmentTest::with(())
        .given(vec![created(), held("cmp_1")])
        .when(SegmentCommand::Hold(holder("cmp_1")))
        .then_expect_events(vec![]);
    SegmentTest::with(())
        .given(vec![created(), held("cmp_1")])
        .when(SegmentCommand::Release(holder("cmp_2")))
        .then_expect_events(vec![]);
    SegmentTest::with(())
        .given(vec![
            created(),
            held("cmp_1"),
            released("cmp_1"),
            archived(),
        ])
        .when(SegmentCommand::Release(holder("cmp_1")))
        .then_expect_events(vec![]);
}

#[test]
fn an_archived_segment_is_neither_updated_nor_held() {
    for command in [
        SegmentCommand::Update(content("visits > 3")),
        SegmentCommand::Update(big_spenders()),
        SegmentCommand::Hold(holder("cmp_1")),
    ] {
        SegmentTest::with(())
            .given(vec![created(), archived()])
            .when(command)
            .then_expect_error(SegmentError::Archived);
    }
}

#[test]
fn commands_on_a_segment_that_does_not_exist_are_rejected() {
    for command in [
        SegmentCommand::Update(big_spenders()),
        SegmentCommand::Archive,
        SegmentCommand::Hold(holder("cmp_1")),
        SegmentCommand::Release(holder("cmp_1")),
    ] {
        SegmentTest::with(())
            .given_no_previous_events()
            .when(command)
            .then_expect_error(SegmentError::NotFound);
    }
}

fn too_large() -> SegmentContent {
    let value = "x".repeat(1_000);
    let values = vec![format!("\"{value}\""); 66].join(", ");
    content(&format!("city in ({values})"))
}

#[test]
fn rules_that_are_too_large_are_refused() {
    let large = too_large();
    let bytes = large.rules.to_json().to_string().len();
    for command in [
        SegmentCommand::Create(large.clone()),
        SegmentCommand::Update(large),
    ] {
        SegmentTest::with(())
            .given(vec![created()])
            .when(command)
            .then_expect_error(SegmentError::TooLarge(bytes));
    }
}

#[test]
fn a_missing_segment_is_reported_before_an_invalid_update() {
    SegmentTest::with(())
        .given_no_previous_events()
        .when(SegmentCommand::Update(too_large()))
        .then_expect_error(SegmentError::NotFound);
    SegmentTest::with(())
        .given(vec![created(), archived()])
        .when(SegmentCommand::Update(too_large()))
        .then_expect_error(SegmentError::Archived);
}

#[test]
fn a_rejection_names_the_holders() {
    let error = SegmentError::InUse(vec![holder("cmp_1"), holder("cmp_2")]);
    assert_eq!(error.to_string(), "the segment is held by cmp_1, cmp_2");
}

#[test]
fn a_rejection_names_at_most_ten_holders() {
    let refusal = |count: usize| {
        let holders = (1..=count).map(|n| holder(&format!("h{n}"))).collect();
        SegmentError::InUse(holders).to_string()
    };
    let ten = "the segment is held by h1, h2, h3, h4, h5, h6, h7, h8, h9, h10";
    assert_eq!(refusal(10), ten);
    assert_eq!(refusal(11), format!("{ten} and 1 more"));
    assert_eq!(refusal(5_000), format!("{ten} and 4990 more"));
}

#[test]
fn events_survive_the_log() {
    let described = SegmentContent {
        description: Some(Text::try_from("Who spends".to_owned()).unwrap()),
        ..content("NOT (tags contains \"vip\" OR attributes.size between 1.5 AND 2)")
    };
    for event in [
        created(),
        SegmentEvent::Updated(described),
        archived(),
        held("cmp_1"),
        released("cmp_1"),
    ] {
        let read = SegmentEvent::decode(event.tag(), event.data().get()).unwrap();
        assert_eq!(read, event);
    }
    assert_eq!(held("cmp_1").data().get(), r#"{"holder":"cmp_1"}"#);
}

#[test]
fn the_state_survives_its_head() {
    for events in [
        vec![],
        vec![created()],
        vec![created(), held("cmp_1")],
        vec![created(), archived()],
    ] {
        let mut segment = Segment::default();
        for event in events {
            segment.apply(event);
        }
        let json = serde_json::to_string(&segment).unwrap();
        assert_eq!(serde_json::from_str::<Segment>(&json).unwrap(), segment);
    }
}
