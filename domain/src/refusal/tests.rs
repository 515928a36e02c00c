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
fn refusals_survive_the_log() {
    let event = RefusalEvent::Refused(refusal(RefusalReason::Signature));
    let raw = event.data();
    let data = raw.get();
    assert_eq!(
        data,
        r#"{"why":"signature","method":"POST","path":"/api/segments","detail":"a viewer may not do that","unrecorded":7}"#
    );
    assert_eq!(RefusalEvent::decode(event.tag(), data).unwrap(), event);
    assert!(RefusalEvent::decode("request_refused.2", data).is_err());
    assert!(RefusalEvent::decode(event.tag(), "{}").is_err());
}
