//! Parser of the server's response.

use async_openai::types::chat::FinishReason;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{ModelError, Usage};

/// Maximum size of an answer's text, in bytes; rules and templates are far smaller.
const LONGEST_TEXT: usize = 64 * 1024;

/// Part of a choice that is used. The rest is ignored, since OpenAI-compatible servers
/// differ in it.
#[derive(Deserialize)]
struct Choice {
    message: Message,
    /// Reason for the end of the answer. Reasons that OpenAI does not define are
    /// ignored.
    finish_reason: Option<Json>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

/// Returns the text of a complete answer. The answer's tokens are added to `usage` even
/// if there is no text.
pub(super) fn text(body: &[u8], usage: &mut Usage) -> Result<String, ModelError> {
    let malformed = ModelError::Malformed;
    let mut answer: Json =
        serde_json::from_slice(body).map_err(|_| malformed("the response is not JSON"))?;
    for (sum, of) in [
        (&mut usage.input_tokens, "prompt_tokens"),
        (&mut usage.output_tokens, "completion_tokens"),
    ] {
        *sum = sum.saturating_add(answer["usage"][of].as_u64().unwrap_or_default());
    }
    let choice = answer.pointer_mut("/choices/0").map(Json::take);
    let choice = choice.ok_or(malformed("the response has no choice"))?;
    let choice: Choice = serde_json::from_value(choice)
        .map_err(|_| malformed("the response's choice is invalid"))?;
    if choice.message.refusal.is_some_and(|said| !said.is_empty()) {
        return Err(malformed("the model refused to answer"));
    }
    let reason = choice.finish_reason.map(serde_json::from_value);
    match reason.and_then(Result::ok) {
        Some(FinishReason::Length) => return Err(malformed("the answer was cut off")),
        Some(FinishReason::ContentFilter) => return Err(malformed("the answer was filtered")),
        _ => {}
    }
    match choice.message.content {
        Some(text) if text.len() > LONGEST_TEXT => Err(malformed("the answer is too long")),
        Some(text) if !text.trim().is_empty() => Ok(text),
        _ => Err(malformed("the answer is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(answer: &Json) -> (Result<String, ModelError>, Usage) {
        let mut usage = Usage::default();
        (text(answer.to_string().as_bytes(), &mut usage), usage)
    }

    #[test]
    fn the_text_is_found_in_responses_of_all_servers() {
        for finish_reason in [json!("stop"), json!("eos"), json!(null)] {
            let (text, usage) = read(&json!({
                "service_tier": "on_demand", "created": 1.5,
                "choices": [{"message": {"content": "{}"}, "finish_reason": finish_reason}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 2, "cost": 0.1},
            }));
            assert_eq!(text.unwrap(), "{}");
            assert_eq!((usage.input_tokens, usage.output_tokens), (7, 2));
        }
    }

    #[test]
    fn tokens_count_even_without_a_text() {
        let message = |message: Json, finish_reason: &str| {
            json!({
                "choices": [{"message": message, "finish_reason": finish_reason}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 2},
            })
        };
        for answer in [
            message(json!({"content": "{"}), "length"),
            message(json!({"content": "{}"}), "content_filter"),
            message(json!({"content": null, "refusal": "I cannot"}), "stop"),
            message(json!({"content": null}), "stop"),
            message(json!({"content": " "}), "stop"),
            message(json!("{}"), "stop"),
            message(json!({"content": "x".repeat(65_537)}), "stop"),
        ] {
            let (text, usage) = read(&answer);
            assert!(matches!(text, Err(ModelError::Malformed(_))), "{text:?}");
            assert_eq!((usage.input_tokens, usage.output_tokens), (7, 2));
        }
        for answer in [json!({}), json!([]), json!({"choices": []}), json!("x")] {
            let (text, usage) = read(&answer);
            assert!(matches!(text, Err(ModelError::Malformed(_))), "{text:?}");
            assert_eq!(usage, Usage::default());
        }
    }
}
