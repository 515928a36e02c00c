//! Parser of the vendor's answer to each message of a batch.

use std::collections::HashMap;
use std::time::Duration;

use domain::Text;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{VendorAnswer, describe_status, text};
use super::request::Outgoing;

/// Longest reason that is recorded, in bytes.
const LONGEST_REASON: usize = 64;

/// Fewest digits of a telephone number.
const DIGITS_OF_A_NUMBER: usize = 7;

/// Body of a response: `{"results": [{message_id, outcome, vendor_message_id?,
/// retry_after?, reason?}]}`. Each result is parsed on its own, since an invalid one
/// says nothing about the others.
#[derive(Deserialize)]
struct Body {
    results: Vec<Value>,
}

/// Reason why a body is not an answer to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoResults {
    /// The body is not JSON: another server than the vendor may have answered.
    NotJson,
    /// The body is JSON without an array of results.
    OtherShape,
}

/// Parses the vendor's answers to these messages, in the order of the messages, from
/// the body of a response with this status. Results are matched by `message_id`, not
/// by order. A message without a valid result counts as failed, with a problem that
/// says why.
///
/// # Errors
/// [`NoResults`] for a body without an array of results.
pub(super) fn answers(
    status: reqwest::StatusCode,
    body: &[u8],
    messages: &[Outgoing<'_>],
) -> Result<Vec<VendorAnswer>, NoResults> {
    let value: Value = serde_json::from_slice(body).map_err(|_| NoResults::NotJson)?;
    let body = Body::deserialize(value).map_err(|_| NoResults::OtherShape)?;
    let results = by_message(&body.results);
    let of_message = |message: &Outgoing<'_>| match results.get(message.message_id) {
        None => failed(format!(
            "{} without a result for the message",
            describe_status(status)
        )),
        Some(Matched::Conflicting) => {
            let said = describe_status(status);
            failed(format!("{said} with results for the message that differ"))
        }
        Some(Matched::Once(result)) => answer(result, message),
    };
    Ok(messages.iter().map(of_message).collect())
}

/// Result, or contradictory results, for one message id.
enum Matched<'a> {
    Once(&'a Value),
    /// Several results for the same id that differ.
    Conflicting,
}

/// Indexes results by `message_id`. Results without an id are skipped.
fn by_message(results: &[Value]) -> HashMap<&str, Matched<'_>> {
    let mut by_message = HashMap::with_capacity(results.len());
    for result in results {
        let Some(id) = result["message_id"].as_str() else {
            continue;
        };
        let named = by_message.entry(id).or_insert(Matched::Once(result));
        if matches!(named, Matched::Once(first) if *first != result) {
            *named = Matched::Conflicting;
        }
    }
    by_message
}

/// Interprets one result.
fn answer(result: &Value, message: &Outgoing<'_>) -> VendorAnswer {
    let outcome = result["outcome"].as_str();
    let with_reason = |outcome| text(with_reason(outcome, &result["reason"], message));
    match outcome {
        Some("accepted") => match id(&result["vendor_message_id"]) {
            Some(id) => VendorAnswer::Accepted(id),
            None => failed("answered accepted without an id for the message".to_owned()),
        },
        Some("refused") => VendorAnswer::Rejected(with_reason("refused")),
        Some("deferred") => VendorAnswer::Deferred {
            problem: with_reason("deferred"),
            // In seconds, possibly fractional. Anything else is ignored.
            rest: result["retry_after"]
                .as_f64()
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        },
        Some("in_doubt") => VendorAnswer::Failed(with_reason("in_doubt")),
        Some(_) => failed("answered with an unknown outcome for the message".to_owned()),
        None => failed("answered without an outcome for the message".to_owned()),
    }
}

fn failed(problem: String) -> VendorAnswer {
    VendorAnswer::Failed(text(problem))
}

fn id(value: &Value) -> Option<Text<128>> {
    Text::try_from(value.as_str()?.to_owned()).ok()
}

/// Describes an outcome, with its reason if that is safe to record:
/// `answered refused: mailbox-full`.
fn with_reason(outcome: &str, reason: &Value, message: &Outgoing<'_>) -> String {
    // Events and logs must not contain personal data, so a reason is recorded only
    // if it is a single token that looks like a code. Prose may name the recipient,
    // and a long number may be a telephone number.
    let reason = reason.as_str().unwrap_or_default().trim();
    let is_of_code = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    let digits = reason.chars().filter(char::is_ascii_digit).count();
    let is_kept = !reason.is_empty()
        && reason.len() <= LONGEST_REASON
        && reason.chars().all(is_of_code)
        && digits < DIGITS_OF_A_NUMBER
        && !reason.contains(message.to)
        && !reason.contains(message.text);
    match is_kept {
        true => format!("answered {outcome}: {reason}"),
        false => format!("answered {outcome}"),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    const MESSAGES: [Outgoing<'_>; 2] = [
        Outgoing {
            message_id: "msg_1",
            to: "jo@example.com",
            text: "Hi Jo",
        },
        Outgoing {
            message_id: "msg_2",
            to: "+49 30 1234567",
            text: "Hi Al",
        },
    ];

    /// Parses the answers to both messages.
    fn made(body: Value) -> Result<Vec<VendorAnswer>, NoResults> {
        answers(StatusCode::OK, body.to_string().as_bytes(), &MESSAGES)
    }

    /// Parses the answer to the first message from this result.
    fn first(mut result: Value) -> VendorAnswer {
        result["message_id"] = json!("msg_1");
        made(json!({"results": [result]})).unwrap().remove(0)
    }

    fn taken(id: &str) -> VendorAnswer {
        VendorAnswer::Accepted(id.to_owned().try_into().unwrap())
    }

    fn problem(problem: &str) -> VendorAnswer {
        failed(problem.to_owned())
    }

    #[test]
    fn results_count_for_the_messages_that_they_name() {
        let results = json!([
            {"message_id": "msg_9", "outcome": "refused"},
            {"message_id": "msg_2", "outcome": "refused", "reason": "blocked"},
            {"message_id": "msg_1", "outcome": "accepted", "vendor_message_id": "vm_1", "more": 1},
        ]);
        let refused = VendorAnswer::Rejected(text("answered refused: blocked".to_owned()));
        assert_eq!(
            made(json!({"results": results})),
            Ok(vec![taken("vm_1"), refused])
        );
    }

    #[test]
    fn a_message_without_a_valid_result_has_failed() {
        let missing = problem("answered 200 OK without a result for the message");
        let accepted = json!({"message_id": "msg_1", "outcome": "accepted",
            "vendor_message_id": "vm_1"});
        for odd in [json!(null), json!({}), json!([1]), json!("msg_2"), json!(7)] {
            let made = made(json!({"results": [odd, accepted]}));
            assert_eq!(made, Ok(vec![taken("vm_1"), missing.clone()]), "{odd}");
        }
        let no_id = problem("answered accepted without an id for the message");
        for id in [json!(null), json!(""), json!(7), json!("x".repeat(129))] {
            let result = json!({"outcome": "accepted", "vendor_message_id": id});
            assert_eq!(first(result), no_id, "{id}");
        }
        assert_eq!(
            first(json!({"outcome": "sent"})),
            problem("answered with an unknown outcome for the message")
        );
        assert_eq!(
            first(json!({"vendor_message_id": "vm_1"})),
            problem("answered without an outcome for the message")
        );
    }

    #[test]
    fn duplicate_results_count_only_if_they_are_equal() {
        let accepted = |id: &str| {
            json!({"message_id": "msg_1", "outcome": "accepted",
            "vendor_message_id": id})
        };
        let both = |one, other| made(json!({"results": [one, other]})).unwrap().remove(0);
        assert_eq!(both(accepted("vm_1"), accepted("vm_1")), taken("vm_1"));
        let refused = json!({"message_id": "msg_1", "outcome": "refused"});
        let differ = problem("answered 200 OK with results for the message that differ");
        assert_eq!(both(accepted("vm_1"), refused), differ);
        assert_eq!(both(accepted("vm_1"), accepted("vm_2")), differ);
    }

    #[test]
    fn a_deferral_says_how_long_to_wait() {
        let rest = |retry_after| match first(
            json!({"outcome": "deferred", "retry_after": retry_after, "reason": "greylisted"}),
        ) {
            VendorAnswer::Deferred { problem, rest } => {
                assert_eq!(problem.as_str(), "answered deferred: greylisted");
                rest
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(rest(json!(30)), Some(Duration::from_secs(30)));
        assert_eq!(rest(json!(0.5)), Some(Duration::from_millis(500)));
        for odd in [json!(null), json!(-1), json!("soon"), json!(1e300)] {
            assert_eq!(rest(odd.clone()), None, "{odd}");
        }
        let doubt = first(json!({"outcome": "in_doubt"}));
        assert_eq!(doubt, problem("answered in_doubt"));
    }

    #[test]
    fn a_reason_is_kept_only_if_it_is_a_code() {
        let refused = |reason: Value| match first(json!({"outcome": "refused", "reason": reason})) {
            VendorAnswer::Rejected(problem) => problem.as_str().to_owned(),
            other => panic!("{other:?}"),
        };
        let longest = "x".repeat(64);
        for code in ["mailbox-full", "SMTP:5.1.1", "carrier_refused", &longest] {
            assert_eq!(refused(json!(code)), format!("answered refused: {code}"));
        }
        for odd in [
            json!(null),
            json!(""),
            json!({"code": 7}),
            json!("user Ada Lovelace unknown"),
            json!("mailbox full"),
            json!("jo@example.com"),
            json!("030-1234567"),
            json!("zwölf"),
            json!("x".repeat(65)),
        ] {
            assert_eq!(refused(odd.clone()), "answered refused", "{odd}");
        }
    }

    #[test]
    fn json_without_results_is_distinguished_from_other_bodies() {
        for odd in [
            json!({}),
            json!([]),
            json!({"results": 7}),
            json!({"vendor_message_id": "vm_1"}),
            json!(null),
        ] {
            assert_eq!(made(odd.clone()), Err(NoResults::OtherShape), "{odd}");
        }
        for odd in ["", "<html>", "{", "{\"results\": []"] {
            let made = answers(StatusCode::OK, odd.as_bytes(), &MESSAGES);
            assert_eq!(made, Err(NoResults::NotJson), "{odd}");
        }
        let none = made(json!({"results": []})).unwrap();
        let missing = problem("answered 200 OK without a result for the message");
        assert_eq!(none, [missing.clone(), missing]);
    }
}
