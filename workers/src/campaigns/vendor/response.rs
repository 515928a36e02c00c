//! Interpretation of the vendor's response to a batch.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::answer::{VendorAnswer, VendorReply, describe_status, text};
use super::request::Outgoing;
use super::results::{self, NoResults};

/// Pause after a 429 without a `Retry-After` that can be parsed.
const DEFAULT_REST: Duration = Duration::from_secs(1);

/// Longest pause that the vendor can ask for.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// Longest problem type that is recorded, in bytes.
const LONGEST_TYPE: usize = 100;

/// Interprets a response to a batch of messages.
pub(super) fn reply(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    messages: &[Outgoing<'_>],
    now: DateTime<Utc>,
) -> VendorReply {
    if !status.is_success() {
        return VendorReply::Whole(refusal(status, headers, body, now));
    }
    let said = describe_status(status);
    match results::answers(status, body, messages) {
        Ok(answers) => VendorReply::Each(answers),
        // Probably another server at a wrong URL. If it is the vendor after all,
        // sending again is safe, since it delivers each message once.
        Err(NoResults::NotJson) => {
            let problem = format!("{said} with a body that is not JSON");
            VendorReply::Whole(VendorAnswer::Unserved(text(problem)))
        }
        Err(NoResults::OtherShape) => {
            let problem = format!("{said} without an array of results");
            VendorReply::Whole(VendorAnswer::Unavailable(text(problem)))
        }
    }
}

/// Interprets a response with an error status or a redirect.
fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> VendorAnswer {
    let rest = http_client::retry_after(headers, now).map(|rest| rest.min(LONGEST_REST));
    let problem = text(problem(status, body));
    match (status, rest) {
        (StatusCode::TOO_MANY_REQUESTS, rest) => VendorAnswer::Busy(rest.unwrap_or(DEFAULT_REST)),
        (StatusCode::SERVICE_UNAVAILABLE, Some(rest)) => VendorAnswer::Busy(rest),
        (
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT,
            _,
        ) => VendorAnswer::Unavailable(problem),
        (StatusCode::REQUEST_TIMEOUT, _) => VendorAnswer::Failed(problem),
        // The request itself is at fault, so repeating it is pointless.
        (
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY,
            _,
        ) => VendorAnswer::Refused(problem),
        (StatusCode::NOT_IMPLEMENTED, _) => VendorAnswer::Unserved(text(describe_status(status))),
        _ if status.is_server_error() => VendorAnswer::Failed(problem),
        // 401, 403, 404, 405, redirects: any message would get the same answer.
        _ => VendorAnswer::Unserved(text(describe_status(status))),
    }
}

/// Part of a problem document that is recorded. Its other members may contain the
/// message or the recipient.
#[derive(Deserialize)]
struct Problem {
    r#type: String,
}

/// Describes an error response: `answered 422 urn:patron:vendor:invalid-request`.
/// Nothing else of the response is recorded, since it may contain the recipient.
fn problem(status: StatusCode, body: &[u8]) -> String {
    let known = serde_json::from_slice::<Problem>(body).map(|problem| problem.r#type);
    let known = known.unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_graphic();
    let status = status.as_u16();
    match !known.is_empty() && known.len() <= LONGEST_TYPE && known.chars().all(is_plain) {
        true => format!("answered {status} {known}"),
        false => format!("answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use domain::Text;
    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;
    use crate::campaigns::breaker::VendorState;

    const MESSAGES: [Outgoing<'_>; 2] = [
        Outgoing {
            message_id: "msg_1",
            to: "jo@example.com",
            text: "Hi",
        },
        Outgoing {
            message_id: "msg_2",
            to: "al@example.com",
            text: "Ho",
        },
    ];

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    /// Interprets a response with this status, `Retry-After` and body.
    fn replied(status: u16, retry_after: Option<&'static str>, body: &str) -> VendorReply {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(status).unwrap();
        reply(status, &headers, body.as_bytes(), &MESSAGES, now())
    }

    /// Like [`replied`], for a response that applies to all messages.
    fn made(status: u16, retry_after: Option<&'static str>, body: &str) -> VendorAnswer {
        match replied(status, retry_after, body) {
            VendorReply::Whole(answer) => answer,
            each => panic!("{each:?}"),
        }
    }

    fn problem_of(what: &str) -> Text<256> {
        text(what.to_owned())
    }

    #[test]
    fn each_message_has_a_result() {
        let results = r#"{"results": [
            {"message_id": "msg_1", "outcome": "accepted", "vendor_message_id": "vm_7"},
            {"message_id": "msg_2", "outcome": "refused"}]}"#;
        let taken = VendorAnswer::Accepted(Text::try_from("vm_7".to_owned()).unwrap());
        let refused = VendorAnswer::Rejected(problem_of("answered refused"));
        for status in [200, 202] {
            let each = VendorReply::Each(vec![taken.clone(), refused.clone()]);
            assert_eq!(replied(status, None, results), each);
        }
    }

    #[test]
    fn a_success_without_results_is_not_a_success() {
        let unserved =
            VendorAnswer::Unserved(problem_of("answered 200 OK with a body that is not JSON"));
        for odd in ["", "<h1>Welcome"] {
            assert_eq!(made(200, None, odd), unserved, "{odd}");
        }
        let failed = VendorAnswer::Unavailable(problem_of(
            "answered 202 Accepted without an array of results",
        ));
        for odd in ["{}", r#"{"vendor_message_id": "vm_7"}"#] {
            assert_eq!(made(202, None, odd), failed, "{odd}");
        }
    }

    #[test]
    fn rejections_are_distinguished_from_failures() {
        let body = r#"{"type": "urn:patron:vendor:invalid-request", "detail": "jo@example.com"}"#;
        let refused =
            VendorAnswer::Refused(problem_of("answered 422 urn:patron:vendor:invalid-request"));
        assert_eq!(made(422, None, body), refused);
        for status in [400, 409, 413] {
            let refused = VendorAnswer::Refused(problem_of(&format!("answered {status}")));
            assert_eq!(made(status, None, "<h1>"), refused);
        }
        for status in [408, 500, 505] {
            let failed = VendorAnswer::Failed(problem_of(&format!("answered {status}")));
            assert_eq!(made(status, None, ""), failed);
        }
        for status in [502, 503, 504] {
            let away = VendorAnswer::Unavailable(problem_of(&format!("answered {status}")));
            assert_eq!(made(status, None, ""), away);
        }
    }

    #[test]
    fn answers_that_any_message_would_get_do_not_fail_a_message() {
        for (status, said) in [
            (401, "answered 401 Unauthorized"),
            (402, "answered 402 Payment Required"),
            (403, "answered 403 Forbidden"),
            (404, "answered 404 Not Found"),
            (405, "answered 405 Method Not Allowed"),
            (407, "answered 407 Proxy Authentication Required"),
            (410, "answered 410 Gone"),
            (301, "answered 301 Moved Permanently"),
            (302, "answered 302 Found"),
            (501, "answered 501 Not Implemented"),
            (499, "answered 499"),
        ] {
            let body = r#"{"type": "urn:vendor:of-no-interest"}"#;
            let unserved = VendorAnswer::Unserved(problem_of(said));
            assert_eq!(made(status, None, body), unserved);
            assert_eq!(
                VendorReply::Whole(unserved).vendor_state(),
                VendorState::Down
            );
        }
    }

    #[test]
    fn a_busy_vendor_determines_the_length_of_the_pause() {
        let busy = |seconds| VendorAnswer::Busy(Duration::from_secs(seconds));
        assert_eq!(made(503, Some("7"), ""), busy(7));
        assert_eq!(made(429, Some("7"), ""), busy(7));
        assert_eq!(made(429, None, ""), busy(1));
        assert_eq!(made(429, Some("soon"), ""), busy(1));
        assert_eq!(
            made(503, Some("Thu, 01 Jan 2026 00:00:30 GMT"), ""),
            busy(30)
        );
        assert_eq!(
            made(503, Some("Wed, 31 Dec 2025 23:59:59 GMT"), ""),
            busy(0)
        );
        assert_eq!(made(503, Some("99999999"), ""), busy(3_600));
    }

    #[test]
    fn an_answer_about_messages_shows_that_the_vendor_is_up() {
        let away = VendorAnswer::Unavailable(problem_of("could not be reached"));
        assert_eq!(VendorReply::Whole(away).vendor_state(), VendorState::Down);
        for reply in [
            replied(200, None, r#"{"results": []}"#),
            replied(500, None, ""),
            replied(422, None, ""),
            replied(429, None, ""),
        ] {
            assert_eq!(reply.vendor_state(), VendorState::Up);
        }
    }

    #[test]
    fn long_problem_types_are_dropped() {
        let long = format!(r#"{{"type": "{}"}}"#, "x".repeat(300));
        assert_eq!(
            made(400, None, &long),
            VendorAnswer::Refused(problem_of("answered 400"))
        );
    }
}
