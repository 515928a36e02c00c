use cqrs_es::test::TestFramework;

use super::*;
use crate::Text;
use crate::event::LoggedEvent;

fn refusal(why: RefusalReason) -> Refusal {
    Refusal {
        why,
        method: Text::cut("POST").unwrap(),
        path: Text::cut("/api/segments").unwrap(),
        detail: Text::cut("a viewer may not do that").unwrap(),
        unrecorded: 7,
    }
}

#[test]
fn every_refusal_is_recorded_and_counted() {
    let first = RefusalEvent::Refused(refusal(RefusalReason::Role));
    let mut refusals = Refusals::default();
    refusals.apply(first.clone());
    refusals.apply(first.clone());
    assert_eq!(refusals.recorded(), 2);
    TestFramework::<Refusals>::with(())
        .given(vec![first])
        .when(refusal(RefusalReason::Token))
        .then_expect_events(vec![RefusalEvent::Refused(refusal(RefusalReason::Token))]);
}

#[test]
fn refusals_survive_the_log() {
    let event = RefusalEvent::Refused(refusal(RefusalReason::Signature));
    let data = event.data();
    assert_eq!(
        data,
        r#"{"why":"signature","method":"POST","path":"/api/segments","detail":"a viewer may not do that","unrecorded":7}"#
    );
    assert_eq!(RefusalEvent::decode(event.tag(), &data).unwrap(), event);
    assert!(RefusalEvent::decode("request_refused.2", &data).is_err());
    assert!(RefusalEvent::decode(event.tag(), "{}").is_err());
}
