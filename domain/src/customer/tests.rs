use std::collections::BTreeSet;

use cqrs_es::test::TestFramework;
use serde_json::json;

use super::*;
use crate::event::LoggedEvent;

type CustomerTest = TestFramework<Customer>;

fn services() -> CustomerServices {
    let now = Timestamp::EPOCH;
    CustomerServices { now }
}

fn changes(json: serde_json::Value) -> CustomerChanges {
    serde_json::from_value(json).unwrap()
}

fn ada() -> CustomerChanges {
    changes(json!({
        "profile": {"name": "Ada", "email": "ada@example.com", "attributes": {"plan": "gold", "age": 36}},
        "city": "London", "tags": ["vip", "early"],
    }))
}

#[test]
fn a_new_customer_is_registered() {
    CustomerTest::with(services())
        .given_no_previous_events()
        .when(CustomerCommand::Record(ada()))
        .then_expect_events(vec![CustomerEvent::Registered(ada())]);
}

#[test]
fn a_customer_may_have_nothing_but_an_id() {
    CustomerTest::with(services())
        .given_no_previous_events()
        .when(CustomerCommand::Record(CustomerChanges::default()))
        .then_expect_events(vec![CustomerEvent::Registered(CustomerChanges::default())]);
}

#[test]
fn repeating_the_same_data_makes_no_event() {
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(ada())])
        .when(CustomerCommand::Record(ada()))
        .then_expect_events(vec![]);
}

#[test]
fn an_update_holds_only_what_changed() {
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(ada())])
        .when(CustomerCommand::Record(changes(json!({
            "profile": {"name": "Ada", "attributes": {"plan": "silver", "age": 36}},
            "city": "Paris",
        }))))
        .then_expect_events(vec![CustomerEvent::Updated(changes(json!({
            "profile": {"attributes": {"plan": "silver"}},
            "city": "Paris",
        })))]);
}

#[test]
fn null_clears_a_field_once() {
    let clear = changes(json!({"profile": {"email": null, "attributes": {"age": null}}}));
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(ada())])
        .when(CustomerCommand::Record(clear.clone()))
        .then_expect_events(vec![CustomerEvent::Updated(clear.clone())]);
    CustomerTest::with(services())
        .given(vec![
            CustomerEvent::Registered(ada()),
            CustomerEvent::Updated(clear.clone()),
        ])
        .when(CustomerCommand::Record(clear))
        .then_expect_events(vec![]);
}

#[test]
fn null_for_all_attributes_clears_them_once() {
    let clear = changes(json!({"profile": {"attributes": null}}));
    CustomerTest::with(services())
        .given(vec![
            CustomerEvent::Registered(ada()),
            CustomerEvent::Updated(clear.clone()),
        ])
        .when(CustomerCommand::Record(clear))
        .then_expect_events(vec![]);
}

#[test]
fn the_order_of_tags_does_not_matter() {
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(ada())])
        .when(CustomerCommand::Record(changes(
            json!({"tags": ["early", "vip"]}),
        )))
        .then_expect_events(vec![]);
}

#[test]
fn attributes_are_bounded_over_all_updates() {
    let some = |from: usize, to: usize| {
        let all: serde_json::Map<_, _> = (from..to).map(|n| (format!("k{n}"), json!(n))).collect();
        changes(json!({"profile": {"attributes": all}}))
    };
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(some(0, MAX_ATTRIBUTES))])
        .when(CustomerCommand::Record(some(
            MAX_ATTRIBUTES,
            MAX_ATTRIBUTES + 1,
        )))
        .then_expect_error(CustomerError::TooManyAttributes(MAX_ATTRIBUTES + 1));
}

#[test]
fn an_object_replaces_the_whole_attribute() {
    let address = |address: serde_json::Value| {
        changes(json!({"profile": {"attributes": {"address": address, "size": 39}}}))
    };
    let rome = address(json!({"city": "Rome", "zip": 184}));
    let event = |address: serde_json::Value| {
        let attributes = json!({"address": address});
        CustomerEvent::Updated(changes(json!({"profile": {"attributes": attributes}})))
    };
    let given =
        || CustomerTest::with(services()).given(vec![CustomerEvent::Registered(rome.clone())]);
    given()
        .when(CustomerCommand::Record(rome.clone()))
        .then_expect_events(vec![]);
    for other in [
        json!({"city": "Rome"}),
        json!({"city": "Milan", "zip": 184}),
        json!("Rome"),
    ] {
        given()
            .when(CustomerCommand::Record(address(other.clone())))
            .then_expect_events(vec![event(other)]);
    }
    let cleared = changes(json!({"profile": {"attributes": {"address": null}}}));
    CustomerTest::with(services())
        .given(vec![
            CustomerEvent::Registered(rome.clone()),
            event(json!(null)),
        ])
        .when(CustomerCommand::Record(cleared))
        .then_expect_events(vec![]);
}

#[test]
fn values_within_objects_count_one_by_one() {
    let object = |from: usize, to: usize| -> serde_json::Value {
        (from..to)
            .map(|n| (format!("k{n}"), json!(n)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let attributes = |a, b| changes(json!({"profile": {"attributes": {"a": a, "b": b}}}));
    let registered = attributes(object(0, 32), object(0, MAX_ATTRIBUTES - 32));
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(registered)])
        .when(CustomerCommand::Record(attributes(
            object(0, 33),
            object(0, MAX_ATTRIBUTES - 32),
        )))
        .then_expect_error(CustomerError::TooManyAttributes(MAX_ATTRIBUTES + 1));
}

#[test]
fn too_many_tags_are_refused() {
    let tags: Vec<_> = (0..=MAX_TAGS).map(|n| format!("t{n}")).collect();
    CustomerTest::with(services())
        .given_no_previous_events()
        .when(CustomerCommand::Record(changes(json!({ "tags": tags }))))
        .then_expect_error(CustomerError::TooManyTags(MAX_TAGS + 1));
}

#[test]
fn personal_data_is_only_in_the_profile() {
    let mut data: serde_json::Value =
        serde_json::from_str(CustomerEvent::Registered(ada()).data().get()).unwrap();
    data.as_object_mut().unwrap().remove("profile");
    assert_eq!(data, json!({"city": "London", "tags": ["early", "vip"]}));

    let mut head = Customer::default();
    head.apply(CustomerEvent::Registered(ada()));
    let head = serde_json::to_string(&head).unwrap();
    assert!(!head.contains("Ada") && !head.contains("ada@"), "{head}");
}

#[test]
fn a_head_knows_whether_the_customer_is_unsubscribed() {
    let mut customer = Customer::default();
    assert!(!customer.is_unsubscribed());
    for (said, expected) in [
        (json!(true), true),
        (json!(null), false),
        (json!(true), true),
        (json!(false), false),
    ] {
        customer.apply(CustomerEvent::Updated(changes(
            json!({"unsubscribed": said}),
        )));
        let head = serde_json::to_string(&customer).unwrap();
        let customer: Customer = serde_json::from_str(&head).unwrap();
        assert_eq!(customer.is_unsubscribed(), expected, "{said}");
    }
}

fn changed_at(updated_at: &str, city: &str) -> CustomerChanges {
    changes(json!({"city": city, "updated_at": updated_at}))
}

const MORNING: &str = "2026-11-23T08:00:00.000Z";
const NOON: &str = "2026-11-23T12:00:00.000Z";

#[test]
fn an_older_version_is_stale_and_changes_nothing() {
    let given = CustomerEvent::Registered(changed_at(NOON, "Paris"));
    let older = changes(json!({"updated_at": MORNING, "country": "FR"}));
    CustomerTest::with(services())
        .given(vec![given.clone()])
        .when(CustomerCommand::Record(older.clone()))
        .then_expect_events(vec![]);
    let mut recorded = Customer::default();
    recorded.apply(given);
    let head = serde_json::to_string(&recorded).unwrap();
    let recorded: Customer = serde_json::from_str(&head).unwrap();
    assert!(recorded.is_stale(&CustomerCommand::Record(older)));
    assert!(!recorded.is_stale(&CustomerCommand::Record(changed_at(NOON, "Oslo"))));
    assert!(!recorded.is_stale(&CustomerCommand::Record(ada())));
}

#[test]
fn a_version_of_the_same_time_is_applied() {
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(changed_at(NOON, "Paris"))])
        .when(CustomerCommand::Record(changed_at(NOON, "Oslo")))
        .then_expect_events(vec![CustomerEvent::Updated(changes(
            json!({"city": "Oslo"}),
        ))]);
}

#[test]
fn a_version_without_a_time_is_applied_and_leaves_the_recorded_one() {
    let paris = || CustomerEvent::Registered(changed_at(NOON, "Paris"));
    let oslo = changes(json!({"city": "Oslo"}));
    CustomerTest::with(services())
        .given(vec![paris()])
        .when(CustomerCommand::Record(oslo.clone()))
        .then_expect_events(vec![CustomerEvent::Updated(oslo.clone())]);
    CustomerTest::with(services())
        .given(vec![paris(), CustomerEvent::Updated(oslo)])
        .when(CustomerCommand::Record(changed_at(MORNING, "Rome")))
        .then_expect_events(vec![]);
}

#[test]
fn a_later_time_is_recorded_although_no_field_changes() {
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(changed_at(
            MORNING, "Paris",
        ))])
        .when(CustomerCommand::Record(changed_at(NOON, "Paris")))
        .then_expect_events(vec![CustomerEvent::Updated(changes(
            json!({"updated_at": NOON}),
        ))]);
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(changed_at(NOON, "Paris"))])
        .when(CustomerCommand::Record(changed_at(NOON, "Paris")))
        .then_expect_events(vec![]);
}

#[test]
fn a_head_of_before_updated_at_stays_as_it_was() {
    let mut head = Customer::default();
    head.apply(CustomerEvent::Registered(CustomerChanges::default()));
    assert_eq!(serde_json::to_string(&head).unwrap(), r#"{"r":true}"#);
}

fn id(id: &str) -> CustomerId {
    CustomerId::try_from(id).unwrap()
}

fn merged(into: &str) -> CustomerEvent {
    CustomerEvent::Merged { into: id(into) }
}

fn take_over(up_to: u64, changes: CustomerChanges, fills: bool) -> CustomerCommand {
    CustomerCommand::TakeOver(Box::new(Forwarding {
        from: id("c-2"),
        up_to,
        changes,
        fills,
    }))
}

/// Returns the event of data that fills.
fn absorbed(up_to: u64, given: serde_json::Value, tags: &[&str]) -> CustomerEvent {
    let tags = tags.iter().map(|tag| tag.to_string().try_into().unwrap());
    CustomerEvent::Absorbed(Box::new(Absorbed {
        from: id("c-2"),
        up_to,
        changes: changes(given),
        fills: true,
        tags: tags.collect(),
        left_out: vec![],
    }))
}

/// Returns the event of later data.
fn forwarded(up_to: u64, given: serde_json::Value) -> CustomerEvent {
    CustomerEvent::Absorbed(Box::new(Absorbed {
        from: id("c-2"),
        up_to,
        changes: changes(given),
        fills: false,
        tags: BTreeSet::new(),
        left_out: vec![],
    }))
}

#[test]
fn a_customer_is_merged_into_one_other() {
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(ada())])
        .when(CustomerCommand::Merge { into: id("c-9") })
        .then_expect_events(vec![merged("c-9")]);
    CustomerTest::with(services())
        .given(vec![merged("c-9")])
        .when(CustomerCommand::Merge { into: id("c-9") })
        .then_expect_events(vec![]);
    CustomerTest::with(services())
        .given(vec![merged("c-9")])
        .when(CustomerCommand::Merge { into: id("c-8") })
        .then_expect_error(CustomerError::Merged(id("c-9")));
}

#[test]
fn data_from_before_a_merge_fills_what_is_empty() {
    let own = changes(
        json!({"profile": {"name": "Ada", "attributes": {"size": "m"}}, "tags": ["early"]}),
    );
    let other = changes(
        json!({"profile": {"name": "Guest", "attributes": {"size": "l", "color": "red"}},
        "city": "Rome", "tags": ["guest"], "unsubscribed": true}),
    );
    let given = vec![CustomerEvent::Registered(own)];
    let expected = absorbed(
        7,
        json!({"profile": {"attributes": {"color": "red"}}, "city": "Rome", "unsubscribed": true,
            "consent": {"at": "1970-01-01T00:00:00.000Z"}}),
        &["guest"],
    );
    CustomerTest::with(services())
        .given(given.clone())
        .when(take_over(7, other.clone(), true))
        .then_expect_events(vec![expected.clone()]);
    // Once: what the shop changes afterwards stays.
    let cleared = CustomerEvent::Updated(changes(json!({"city": null})));
    CustomerTest::with(services())
        .given([given, vec![expected, cleared]].concat())
        .when(take_over(7, other, true))
        .then_expect_events(vec![]);
}

#[test]
fn data_from_after_a_merge_is_applied_in_order_and_once() {
    let rome = changes(json!({"city": "Rome"}));
    let first = forwarded(8, json!({"city": "Rome"}));
    CustomerTest::with(services())
        .given(vec![CustomerEvent::Registered(changes(
            json!({"city": "Oslo"}),
        ))])
        .when(take_over(8, rome.clone(), false))
        .then_expect_events(vec![first.clone()]);
    let own = CustomerEvent::Updated(changes(json!({"city": "Bergen"})));
    CustomerTest::with(services())
        .given(vec![first, own])
        .when(take_over(8, rome, false))
        .then_expect_events(vec![]);
}

#[test]
fn attributes_without_room_are_named() {
    let many: serde_json::Map<_, _> = (0..MAX_ATTRIBUTES)
        .map(|n| (format!("a{n}"), json!(n)))
        .collect();
    let given = vec![CustomerEvent::Registered(changes(
        json!({"profile": {"attributes": many}}),
    ))];
    let other = changes(json!({"profile": {"attributes": {"a1": 9, "size": "m"}}}));
    CustomerTest::with(services())
        .given(given)
        .when(take_over(7, other, true))
        .then_expect_events(vec![CustomerEvent::Absorbed(Box::new(Absorbed {
            from: id("c-2"),
            up_to: 7,
            changes: CustomerChanges::default(),
            fills: true,
            tags: BTreeSet::new(),
            left_out: vec!["size".to_owned()],
        }))]);
}

#[test]
fn later_data_never_gives_a_customer_too_many_attributes() {
    let many: serde_json::Map<_, _> = (0..MAX_ATTRIBUTES)
        .map(|n| (format!("a{n}"), json!(n)))
        .collect();
    let own = CustomerEvent::Registered(changes(json!({"profile": {"attributes": many}})));
    let other = changes(json!({"profile": {"attributes": {"a1": 9, "size": "m"}}}));
    let expected = CustomerEvent::Absorbed(Box::new(Absorbed {
        from: id("c-2"),
        up_to: 8,
        changes: changes(json!({"profile": {"attributes": {"a1": 9}}})),
        fills: false,
        tags: BTreeSet::new(),
        left_out: vec!["size".to_owned()],
    }));
    CustomerTest::with(services())
        .given(vec![own.clone()])
        .when(take_over(8, other, false))
        .then_expect_events(vec![expected]);
    // A customer who has too many since an earlier version can still be changed.
    let more = forwarded(8, json!({"profile": {"attributes": {"size": "m"}}}));
    let opt_out = changes(json!({"unsubscribed": true}));
    let expected =
        changes(json!({"unsubscribed": true, "consent": {"at": "1970-01-01T00:00:00.000Z"}}));
    CustomerTest::with(services())
        .given(vec![own, more])
        .when(CustomerCommand::Record(opt_out))
        .then_expect_events(vec![CustomerEvent::Updated(expected)]);
}

#[test]
fn of_two_opt_outs_a_merge_keeps_the_later_one() {
    let out = |day: &str| {
        changes(json!({"unsubscribed": true, "consent": {"at": format!("{day}T00:00:00.000Z")}}))
    };
    let own = vec![CustomerEvent::Registered(out("2026-06-01"))];
    let later = json!({"unsubscribed": true, "consent": {"at": "2026-06-10T00:00:00.000Z"}});
    CustomerTest::with(services())
        .given(own.clone())
        .when(take_over(7, out("2026-06-10"), true))
        .then_expect_events(vec![absorbed(7, later, &[])]);
    CustomerTest::with(services())
        .given(own)
        .when(take_over(7, out("2026-05-01"), true))
        .then_expect_events(vec![absorbed(7, json!({}), &[])]);
}

#[test]
fn an_opt_out_under_a_merged_id_is_always_recorded() {
    let out = changes(json!({"unsubscribed": true}));
    let given = vec![
        CustomerEvent::Registered(changes(
            json!({"unsubscribed": true, "consent": {"at": "2026-06-01T00:00:00.000Z"}}),
        )),
        merged("c-9"),
    ];
    CustomerTest::with(services())
        .given(given)
        .when(CustomerCommand::Record(out))
        .then_expect_events(vec![CustomerEvent::Updated(changes(
            json!({"unsubscribed": true, "consent": {"at": "1970-01-01T00:00:00.000Z"}}),
        ))]);
}

#[test]
fn tags_are_unknown_after_others_were_added() {
    let given = vec![
        CustomerEvent::Registered(changes(json!({"tags": ["early"]}))),
        absorbed(7, json!({}), &["guest"]),
    ];
    let again = changes(json!({"tags": ["early"]}));
    CustomerTest::with(services())
        .given(given)
        .when(CustomerCommand::Record(again.clone()))
        .then_expect_events(vec![CustomerEvent::Updated(again)]);
}

#[test]
fn progress_of_a_copy_only_grows() {
    CustomerTest::with(services())
        .given(vec![merged("c-9"), CustomerEvent::Forwarded { up_to: 9 }])
        .when(CustomerCommand::Forwarded { up_to: 9 })
        .then_expect_events(vec![]);
    CustomerTest::with(services())
        .given(vec![merged("c-9"), CustomerEvent::Forwarded { up_to: 9 }])
        .when(CustomerCommand::Forwarded { up_to: 12 })
        .then_expect_events(vec![CustomerEvent::Forwarded { up_to: 12 }]);
}
