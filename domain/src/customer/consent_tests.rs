//! Consents and opt-outs: what is recorded, and what is ignored.

use cqrs_es::test::TestFramework;
use serde_json::{Value, json};

use super::*;
use crate::Text;

type CustomerTest = TestFramework<Customer>;

const MORNING: &str = "2026-11-23T08:00:00.000Z";
const NOON: &str = "2026-11-23T12:00:00.000Z";
const EVENING: &str = "2026-11-23T18:00:00.000Z";
const NOW: &str = "2026-11-29T09:00:00.000Z";

fn at(text: &str) -> Timestamp {
    Timestamp::try_from(text).unwrap()
}

fn changes(json: Value) -> CustomerChanges {
    serde_json::from_value(json).unwrap()
}

fn record(json: Value) -> CustomerCommand {
    CustomerCommand::Record(changes(json))
}

fn by_hand(unsubscribed: bool, time: Option<&str>) -> CustomerCommand {
    CustomerCommand::RecordConsent(RecordConsent {
        unsubscribed,
        record: ConsentRecord {
            source: Text::try_from("phone".to_owned()).ok(),
            wording: None,
            at: time.map(at),
        },
    })
}

fn registered(json: Value) -> CustomerEvent {
    CustomerEvent::Registered(changes(json))
}

fn updated(json: Value) -> CustomerEvent {
    CustomerEvent::Updated(changes(json))
}

fn services() -> CustomerServices {
    CustomerServices { now: at(NOW) }
}

fn given(events: Vec<CustomerEvent>) -> cqrs_es::test::AggregateTestExecutor<Customer> {
    CustomerTest::with(services()).given(events)
}

/// Returns the event that data makes.
fn decide(customer: &Customer, command: CustomerCommand) -> Option<CustomerEvent> {
    let CustomerCommand::Record(changes) = command else {
        panic!("{command:?}");
    };
    customer.decide(changes, at(NOW)).unwrap()
}

fn head(events: &[CustomerEvent]) -> Customer {
    let mut customer = Customer::default();
    for event in events {
        customer.apply(event.clone());
    }
    let head = serde_json::to_string(&customer).unwrap();
    serde_json::from_str(&head).unwrap()
}

fn opted_out(time: &str) -> CustomerEvent {
    registered(json!({"unsubscribed": true, "consent": {"at": time}}))
}

#[test]
fn an_opt_out_without_a_time_has_that_of_the_command() {
    given(vec![])
        .when(record(json!({"unsubscribed": true})))
        .then_expect_events(vec![opted_out(NOW)]);
    given(vec![])
        .when(record(json!({"unsubscribed": true, "updated_at": NOON})))
        .then_expect_events(vec![registered(
            json!({"unsubscribed": true, "consent": {"at": NOW}, "updated_at": NOON}),
        )]);
}

#[test]
fn a_new_customer_may_be_subscribed_without_a_time() {
    given(vec![])
        .when(record(json!({"unsubscribed": false})))
        .then_expect_events(vec![registered(json!({"unsubscribed": false}))]);
    let named = json!({"unsubscribed": false, "consent": {"source": "segment"}});
    given(vec![])
        .when(record(named.clone()))
        .then_expect_events(vec![registered(named)]);
    given(vec![])
        .when(record(json!({"unsubscribed": null})))
        .then_expect_events(vec![registered(json!({}))]);
}

#[test]
fn only_a_later_consent_lifts_an_opt_out() {
    for said in [json!(false), json!(null)] {
        for consent in [json!({}), json!({"at": MORNING}), json!({"at": NOON})] {
            let command = record(
                json!({"unsubscribed": said, "consent": consent, "city": "Rome", "updated_at": EVENING}),
            );
            let is_dated = consent.get("at").is_some();
            let warning = ConsentWarning::StillUnsubscribed {
                since: Some(at(NOON)),
                is_dated,
            };
            let customer = head(&[opted_out(NOON)]);
            assert_eq!(customer.consent_warning(&command), Some(warning));
            given(vec![opted_out(NOON)])
                .when(command)
                .then_expect_events(vec![updated(
                    json!({"city": "Rome", "updated_at": EVENING}),
                )]);
        }
        let later = json!({"unsubscribed": said, "consent": {"at": EVENING}});
        let lifted = json!({"unsubscribed": false, "consent": {"at": EVENING}});
        given(vec![opted_out(NOON)])
            .when(record(later))
            .then_expect_events(vec![updated(lifted)]);
    }
}

#[test]
fn repeating_a_consent_or_an_opt_out_makes_no_event() {
    let out = json!({"unsubscribed": true, "consent": {"at": NOON}});
    let lifted = json!({"unsubscribed": false, "consent": {"at": EVENING}});
    given(vec![registered(out.clone())])
        .when(record(out.clone()))
        .then_expect_events(vec![]);
    given(vec![registered(out.clone())])
        .when(record(json!({"unsubscribed": true})))
        .then_expect_events(vec![]);
    given(vec![registered(out.clone()), updated(lifted.clone())])
        .when(record(lifted.clone()))
        .then_expect_events(vec![]);
    let command = record(out.clone());
    let events = vec![registered(out), updated(lifted)];
    assert_eq!(
        head(&events).consent_warning(&command),
        Some(ConsentWarning::StillSubscribed { since: at(EVENING) })
    );
    given(events).when(command).then_expect_events(vec![]);
}

#[test]
fn consents_and_opt_outs_with_times_end_the_same_in_any_order() {
    let said = [
        (true, MORNING),
        (false, NOON),
        (true, EVENING),
        (false, "2026-11-24T08:00:00.000Z"),
    ];
    for last in 2..=said.len() {
        let said = &said[..last];
        for rotation in 0..last {
            for step in [1, last - 1] {
                let mut customer = Customer::default();
                for n in 0..last {
                    let (unsubscribed, time) = said[(rotation + n * step) % last];
                    let command =
                        record(json!({"unsubscribed": unsubscribed, "consent": {"at": time}}));
                    if let Some(event) = decide(&customer, command) {
                        customer.apply(event);
                    }
                }
                assert_eq!(customer.is_unsubscribed(), said[last - 1].0, "{rotation}");
            }
        }
    }
}

#[test]
fn a_stale_version_opts_out_and_changes_nothing_else() {
    let fresh = registered(json!({"unsubscribed": false, "city": "Rome", "updated_at": NOON}));
    let stale = json!({"unsubscribed": true, "city": "Oslo", "updated_at": MORNING});
    given(vec![fresh.clone()])
        .when(record(stale.clone()))
        .then_expect_events(vec![updated(
            json!({"unsubscribed": true, "consent": {"at": NOW}}),
        )]);
    let out = updated(json!({"unsubscribed": true, "consent": {"at": NOW}}));
    given(vec![fresh.clone(), out])
        .when(record(stale))
        .then_expect_events(vec![]);
    let lift =
        record(json!({"unsubscribed": false, "consent": {"at": EVENING}, "updated_at": MORNING}));
    let out = updated(json!({"unsubscribed": true, "consent": {"at": NOON}}));
    let customer = head(&[fresh.clone(), out.clone()]);
    assert!(customer.is_stale(&lift));
    assert_eq!(customer.consent_warning(&lift), None);
    given(vec![fresh, out])
        .when(lift)
        .then_expect_events(vec![]);
}

#[test]
fn a_consent_outranks_an_earlier_opt_out() {
    let consented = json!({"unsubscribed": false, "consent": {"at": NOON}, "updated_at": EVENING});
    let recorded = || vec![registered(consented.clone())];
    let out = |time: Value| {
        let mut out = json!({"unsubscribed": true});
        out.as_object_mut()
            .unwrap()
            .extend(time.as_object().unwrap().clone());
        out
    };
    for (time, is_recorded) in [
        (json!({"updated_at": MORNING}), false),
        (json!({"updated_at": NOON}), true),
        (json!({"updated_at": EVENING}), true),
        (
            json!({"updated_at": EVENING, "consent": {"at": MORNING}}),
            false,
        ),
        (
            json!({"updated_at": MORNING, "consent": {"at": EVENING}}),
            true,
        ),
        (json!({"consent": {"at": MORNING}}), false),
        (json!({"consent": {"at": EVENING}}), true),
        (json!({}), true),
    ] {
        let command = record(out(time.clone()));
        let customer = head(&recorded());
        assert_eq!(
            customer.consent_warning(&command).is_none(),
            is_recorded,
            "{time}"
        );
        let event = decide(&customer, command);
        assert_eq!(event.is_some(), is_recorded, "{time}");
    }
}

#[test]
fn a_consent_by_hand_lifts_an_opt_out() {
    let phone = |unsubscribed: bool, time: &str| {
        updated(json!({
            "unsubscribed": unsubscribed, "consent": {"source": "phone", "at": time},
        }))
    };
    for (time, recorded) in [(None, NOW), (Some(EVENING), EVENING)] {
        given(vec![opted_out(NOON)])
            .when(by_hand(false, time))
            .then_expect_events(vec![phone(false, recorded)]);
    }
    for time in [MORNING, NOON] {
        given(vec![opted_out(NOON)])
            .when(by_hand(false, Some(time)))
            .then_expect_error(CustomerError::ConsentNotLater {
                opted_out: at(NOON),
            });
    }
    given(vec![])
        .when(by_hand(false, None))
        .then_expect_error(CustomerError::Unknown);
}

#[test]
fn what_is_recorded_by_hand_is_always_an_event() {
    let phone = |unsubscribed: bool, time: &str| {
        updated(json!({
            "unsubscribed": unsubscribed, "consent": {"source": "phone", "at": time},
        }))
    };
    given(vec![opted_out(NOON)])
        .when(by_hand(true, None))
        .then_expect_events(vec![phone(true, NOW)]);
    // An opt-out of before the consent counts all the same, and the consent is not
    // applied a second time.
    let consented = json!({"unsubscribed": false, "consent": {"at": NOON}});
    let events = || vec![registered(consented.clone()), phone(true, MORNING)];
    given(vec![registered(consented.clone())])
        .when(by_hand(true, Some(MORNING)))
        .then_expect_events(vec![phone(true, MORNING)]);
    given(events())
        .when(record(consented.clone()))
        .then_expect_events(vec![]);
    assert!(head(&events()).is_unsubscribed());
}

#[test]
fn an_opt_out_of_before_consents_had_times_is_as_old_as_its_event() {
    let mut customer = Customer::default();
    customer.apply_recorded(registered(json!({"unsubscribed": true})), || Some(at(NOON)));
    for (time, is_lifted) in [(MORNING, false), (EVENING, true)] {
        let command = record(json!({"unsubscribed": false, "consent": {"at": time}}));
        let event = decide(&customer, command);
        assert_eq!(event.is_some(), is_lifted, "{time}");
    }
    let mut dated = Customer::default();
    dated.apply_recorded(opted_out(MORNING), || panic!("the event has a time"));
    assert_eq!(dated, head(&[opted_out(MORNING)]));
}
