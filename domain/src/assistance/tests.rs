use super::*;
use crate::Text;
use crate::event::LoggedEvent;

fn assist() -> Assist {
    Assist {
        task: AssistTask::SegmentRules,
        prompt: Some(Wording::cut("big spenders\n\"in\" Pune\u{0}")),
        about: None,
        engine: AssistEngine::OpenAi,
        model: Text::cut("some-model"),
        input_tokens: 812,
        output_tokens: 64,
        took_ms: 1_204,
        outcome: AssistOutcome::Answered,
        trouble: None,
        answer: Some(Wording::cut("total_spend >= 840000 AND city = \"Pune\"")),
    }
}

#[test]
fn assistance_survives_the_log() {
    let event = AssistanceEvent::Given(Box::new(assist()));
    let raw = event.data();
    let data = raw.get();
    assert_eq!(
        data,
        r#"{"task":"segment_rules","prompt":"big spenders\n\"in\" Pune\u0000","engine":"openai","model":"some-model","input_tokens":812,"output_tokens":64,"took_ms":1204,"outcome":"answered","answer":"total_spend >= 840000 AND city = \"Pune\""}"#
    );
    assert_eq!(AssistanceEvent::decode(event.tag(), data).unwrap(), event);
    let least = r#"{"task":"send_time","engine":"builtin","took_ms":3,"outcome":"abandoned"}"#;
    let read = AssistanceEvent::decode(event.tag(), least).unwrap();
    assert_eq!(read.data().get(), least);
    assert!(AssistanceEvent::decode("assistance_given.2", data).is_err());
    assert!(AssistanceEvent::decode(event.tag(), "{}").is_err());
}

#[test]
fn a_wording_is_truncated_between_characters() {
    let long = "ä".repeat(Wording::MAX);
    assert_eq!(Wording::cut(&long).as_str(), "ä".repeat(Wording::MAX / 2));
    let odd = format!("x{long}");
    assert_eq!(Wording::cut(&odd).as_str().len(), Wording::MAX - 1);
    assert!(Wording::try_from(long).is_err());
    assert_eq!(Wording::cut("").as_str(), "");
}

#[test]
fn names_match_their_serialized_form() {
    for task in [
        AssistTask::SegmentRules,
        AssistTask::Messages,
        AssistTask::Summary,
        AssistTask::Tags,
        AssistTask::SendTime,
        AssistTask::Lookalikes,
    ] {
        assert_eq!(serde_json::to_value(task).unwrap(), task.name());
    }
    for engine in [AssistEngine::OpenAi, AssistEngine::BuiltIn] {
        assert_eq!(serde_json::to_value(engine).unwrap(), engine.name());
    }
    for outcome in [
        AssistOutcome::Answered,
        AssistOutcome::NotUnderstood,
        AssistOutcome::Failed,
        AssistOutcome::Abandoned,
    ] {
        assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
    }
}
