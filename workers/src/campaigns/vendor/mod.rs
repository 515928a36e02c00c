//! HTTP client of the messaging vendor.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Text;
use futures::stream;
use http_client::{HttpClient, HttpError, Policy};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::{Deserialize, Serialize};

use super::breaker::VendorState;
use super::clearance::{Decision, Withheld};
use super::results::{self, NoResults};
use super::{Delivery, VendorAt};

/// Pause after a 429 without a `Retry-After` that can be parsed.
const DEFAULT_REST: Duration = Duration::from_secs(1);

/// Longest pause that the vendor can ask for.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// Maximum size of a response that is read, in bytes; about ten times the size of a
/// hundred results.
const LONGEST_ANSWER: usize = 512 * 1024;

/// Longest problem type that is recorded, in bytes.
const LONGEST_TYPE: usize = 100;

/// HTTP client that sends batches of messages to the vendor.
pub(super) struct Vendor {
    client: HttpClient,
    at: VendorAt,
}

/// A message to send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outgoing<'a> {
    /// Idempotency key: the vendor delivers a message once, however often it
    /// receives this id.
    pub(super) message_id: &'a str,
    pub(super) to: &'a str,
    pub(super) text: &'a str,
}

/// Vendor's answer to one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The vendor accepted the message and assigned it this id.
    Accepted(Text<128>),
    /// The vendor rejected the message for good; sending it again is pointless.
    Refused(Text<256>),
    /// The vendor rejected the whole batch that contained the message. The message
    /// is sent again alone.
    BatchRefused,
    /// The vendor asks for a pause of this length.
    Busy(Duration),
    /// The vendor did not accept the message this time, or may have accepted it.
    Failed(Text<256>),
    /// The vendor will accept the message later: after `rest`, if it says when.
    Deferred {
        problem: Text<256>,
        rest: Option<Duration>,
    },
    /// The vendor did not answer, or a gateway answered in its place.
    Unavailable(Text<256>),
    /// The server does not serve such requests: the URL or the credential is wrong.
    Unserved(Text<256>),
    /// The message was not written to the vendor, for this reason.
    Withheld(Decision),
}

/// Vendor's answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// One answer per message, in the order of the batch.
    Each(Vec<Answer>),
    /// The same answer for all messages.
    Whole(Answer),
}

impl Reply {
    /// Returns what the reply says about the vendor's availability.
    pub(super) fn vendor_state(&self) -> VendorState {
        match self {
            Self::Whole(Answer::Unavailable(_) | Answer::Unserved(_)) => VendorState::Down,
            Self::Whole(_) | Self::Each(_) => VendorState::Up,
        }
    }

    /// Returns the problem, if it concerns the vendor rather than a message.
    pub(super) fn vendor_problem(&self) -> Option<&Text<256>> {
        match self {
            Self::Whole(Answer::Unavailable(problem) | Answer::Unserved(problem)) => Some(problem),
            Self::Whole(_) | Self::Each(_) => None,
        }
    }

    /// Keeps the answers to the messages for which `kept` is true.
    pub(super) fn only(self, kept: impl Iterator<Item = bool>) -> Self {
        match self {
            Self::Each(answers) => {
                let kept = answers
                    .into_iter()
                    .zip(kept)
                    .filter(|(_, is_kept)| *is_kept);
                Self::Each(kept.map(|(answer, _)| answer).collect())
            }
            Self::Whole(answer) => Self::Whole(answer),
        }
    }

    /// Returns one answer for each of `count` messages, in order.
    pub(super) fn into_answers(self, count: usize) -> Vec<Answer> {
        match self {
            Self::Each(answers) => answers,
            Self::Whole(answer) => vec![answer; count],
        }
    }
}

/// JSON form of a message in a request to the vendor.
#[derive(Serialize)]
struct Item<'a> {
    message_id: &'a str,
    to: &'a str,
    content: Content<'a>,
    callback_url: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
}

/// Part of a problem document that is recorded. Its other members may contain the
/// message or the recipient.
#[derive(Deserialize)]
struct Problem {
    r#type: String,
}

impl Vendor {
    /// Creates a client that keeps connections open and ignores proxy settings of the
    /// environment.
    pub(super) fn new(at: VendorAt, delivery: &Delivery) -> reqwest::Result<Self> {
        let builder = Client::builder()
            .pool_max_idle_per_host(delivery.concurrency.into())
            // `send` relies on the body being polled right before it is written.
            // HTTP/2 does not guarantee that.
            .http1_only();
        let policy = Policy {
            connect_timeout: delivery.timeout,
            timeout: delivery.timeout,
            max_body: LONGEST_ANSWER,
            environment_proxies: false,
        };
        let client = HttpClient::new(builder, &policy)?;
        Ok(Self { client, at })
    }

    /// Sends messages in one request. `pass` is awaited once a connection is ready to
    /// be written to, and returns the indices of the messages to write. If it fails,
    /// the request is aborted and the vendor receives no message.
    pub(super) async fn send(
        &self,
        messages: &[Outgoing<'_>],
        pass: impl Future<Output = Result<Vec<usize>, Withheld>> + Send + 'static,
    ) -> Reply {
        let items: Vec<Vec<u8>> = messages.iter().map(|one| self.item(one)).collect();
        // The opening bracket, and each item with the comma or bracket after it.
        let length = 1 + items.iter().map(|item| item.len() + 1).sum::<usize>();
        let request = self
            .client
            .request(Method::POST, self.at.send.clone())
            .header(CONTENT_TYPE, "application/json")
            // Some servers reject requests without a length, and the header is sent
            // before `pass` decides which messages remain. The length is therefore
            // that of all messages; `array` pads the body to it.
            .header(CONTENT_LENGTH, length)
            // The body is polled when the head of the request is in the connection's
            // buffer, and both are flushed together. Nothing, not even waiting for a
            // connection, comes between `pass` and the write, so a clearance cannot
            // become stale in between.
            .body(reqwest::Body::wrap_stream(stream::once(async move {
                let places = pass.await?;
                Ok::<_, Withheld>(array(&items, places.into_iter(), length))
            })));
        match self.exchange(request).await {
            Ok((status, headers, body)) => reply(status, &headers, &body, messages, Utc::now()),
            Err(error) => Reply::Whole(Answer::Unavailable(text(describe_error(&error)))),
        }
    }

    async fn exchange(
        &self,
        request: RequestBuilder,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), HttpError> {
        let response = self.client.send(request.build()?).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match response.body().await {
            // The status is an answer even without the body.
            Err(HttpError::TooLarge(_)) => Vec::new(),
            body => body?,
        };
        Ok((status, headers, body))
    }

    fn item(&self, message: &Outgoing<'_>) -> Vec<u8> {
        let item = Item {
            message_id: message.message_id,
            to: message.to,
            content: Content { text: message.text },
            callback_url: self.at.callback.as_str(),
        };
        // Strings always have a JSON form.
        serde_json::to_vec(&item).unwrap_or_default()
    }
}

/// Joins the items at these indices to a JSON array, padded with spaces to `length`
/// bytes.
fn array(items: &[Vec<u8>], places: impl Iterator<Item = usize>, length: usize) -> Vec<u8> {
    let mut array = Vec::with_capacity(length);
    array.push(b'[');
    for item in places.filter_map(|place| items.get(place)) {
        if array.len() > 1 {
            array.push(b',');
        }
        array.extend_from_slice(item);
    }
    let padded = length.saturating_sub(1).max(array.len());
    array.resize(padded, b' ');
    array.push(b']');
    array
}

/// Interprets a response to a batch of messages.
fn reply(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    messages: &[Outgoing<'_>],
    now: DateTime<Utc>,
) -> Reply {
    if !status.is_success() {
        return Reply::Whole(refusal(status, headers, body, now));
    }
    let said = describe_status(status);
    match results::answers(status, body, messages) {
        Ok(answers) => Reply::Each(answers),
        // Probably another server at a wrong URL. If it is the vendor after all,
        // sending again is safe, since it delivers each message once.
        Err(NoResults::NotJson) => {
            let problem = format!("{said} with a body that is not JSON");
            Reply::Whole(Answer::Unserved(text(problem)))
        }
        Err(NoResults::OtherShape) => {
            let problem = format!("{said} without an array of results");
            Reply::Whole(Answer::Unavailable(text(problem)))
        }
    }
}

/// Interprets a response with an error status or a redirect.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Answer {
    let rest = http_client::retry_after(headers, now).map(|rest| rest.min(LONGEST_REST));
    let problem = text(problem(status, body));
    match (status, rest) {
        (StatusCode::TOO_MANY_REQUESTS, rest) => Answer::Busy(rest.unwrap_or(DEFAULT_REST)),
        (StatusCode::SERVICE_UNAVAILABLE, Some(rest)) => Answer::Busy(rest),
        (
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT,
            _,
        ) => Answer::Unavailable(problem),
        (StatusCode::REQUEST_TIMEOUT, _) => Answer::Failed(problem),
        // The request itself is at fault, so repeating it is pointless.
        (
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY,
            _,
        ) => Answer::Refused(problem),
        (StatusCode::NOT_IMPLEMENTED, _) => Answer::Unserved(text(describe_status(status))),
        _ if status.is_server_error() => Answer::Failed(problem),
        // 401, 403, 404, 405, redirects: any message would get the same answer.
        _ => Answer::Unserved(text(describe_status(status))),
    }
}

/// Formats a status for a problem text: `answered 401 Unauthorized`.
pub(super) fn describe_status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("answered {} {reason}", status.as_u16()),
        None => format!("answered {}", status.as_u16()),
    }
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

/// Describes a failed request: `did not answer in time`.
fn describe_error(error: &HttpError) -> String {
    let what = match error {
        HttpError::Exchange(error) if error.is_timeout() => "did not answer in time",
        HttpError::Exchange(error) if error.is_connect() => "could not be reached",
        HttpError::Exchange(_) | HttpError::TooLarge(_) => "broke off the connection",
    };
    what.to_owned()
}

#[expect(
    clippy::expect_used,
    reason = "problem texts are plain and far shorter than 256 bytes"
)]
pub(super) fn text(problem: String) -> Text<256> {
    Text::try_from(problem).expect("short and plain")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    /// Interprets a response with this status, `Retry-After` and body.
    fn replied(status: u16, retry_after: Option<&'static str>, body: &str) -> Reply {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(status).unwrap();
        reply(status, &headers, body.as_bytes(), &MESSAGES, now())
    }

    /// Like [`replied`], for a response that applies to all messages.
    fn made(status: u16, retry_after: Option<&'static str>, body: &str) -> Answer {
        match replied(status, retry_after, body) {
            Reply::Whole(answer) => answer,
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
        let taken = Answer::Accepted(Text::try_from("vm_7".to_owned()).unwrap());
        let refused = Answer::Refused(problem_of("answered refused"));
        for status in [200, 202] {
            let each = Reply::Each(vec![taken.clone(), refused.clone()]);
            assert_eq!(replied(status, None, results), each);
        }
    }

    #[test]
    fn a_success_without_results_is_not_a_success() {
        let unserved = Answer::Unserved(problem_of("answered 200 OK with a body that is not JSON"));
        for odd in ["", "<h1>Welcome"] {
            assert_eq!(made(200, None, odd), unserved, "{odd}");
        }
        let failed = Answer::Unavailable(problem_of(
            "answered 202 Accepted without an array of results",
        ));
        for odd in ["{}", r#"{"vendor_message_id": "vm_7"}"#] {
            assert_eq!(made(202, None, odd), failed, "{odd}");
        }
    }

    #[test]
    fn rejections_are_distinguished_from_failures() {
        let body = r#"{"type": "urn:patron:vendor:invalid-request", "detail": "jo@example.com"}"#;
        let refused = Answer::Refused(problem_of("answered 422 urn:patron:vendor:invalid-request"));
        assert_eq!(made(422, None, body), refused);
        for status in [400, 409, 413] {
            let refused = Answer::Refused(problem_of(&format!("answered {status}")));
            assert_eq!(made(status, None, "<h1>"), refused);
        }
        for status in [408, 500, 505] {
            let failed = Answer::Failed(problem_of(&format!("answered {status}")));
            assert_eq!(made(status, None, ""), failed);
        }
        for status in [502, 503, 504] {
            let away = Answer::Unavailable(problem_of(&format!("answered {status}")));
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
            let unserved = Answer::Unserved(problem_of(said));
            assert_eq!(made(status, None, body), unserved);
            assert_eq!(Reply::Whole(unserved).vendor_state(), VendorState::Down);
        }
    }

    #[test]
    fn a_busy_vendor_determines_the_length_of_the_pause() {
        let busy = |seconds| Answer::Busy(Duration::from_secs(seconds));
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
        let away = Answer::Unavailable(problem_of("could not be reached"));
        assert_eq!(Reply::Whole(away).vendor_state(), VendorState::Down);
        for reply in [
            replied(200, None, r#"{"results": []}"#),
            replied(500, None, ""),
            replied(422, None, ""),
            replied(429, None, ""),
        ] {
            assert_eq!(reply.vendor_state(), VendorState::Up);
        }
    }

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

    /// Sends a request to a server whose response begins with `first` and then
    /// repeats `then` forever. Returns the answer.
    async fn answered(first: &'static str, then: &'static [u8]) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 4_096];
            let _read = connection.read(&mut request).unwrap();
            connection.write_all(first.as_bytes()).unwrap();
            match then {
                [] => while connection.read(&mut request).is_ok_and(|read| read > 0) {},
                more => while connection.write_all(more).is_ok() {},
            }
        });
        let delivery = Delivery {
            timeout: Duration::from_millis(500),
            ..Delivery::default()
        };
        let at = VendorAt::new(&url, "http://127.0.0.1:9").unwrap();
        let vendor = Vendor::new(at, &delivery).unwrap();
        match vendor.send(&MESSAGES, async { Ok(vec![0, 1]) }).await {
            Reply::Whole(answer) => answer,
            each => panic!("{each:?}"),
        }
    }

    #[tokio::test]
    async fn an_endless_response_is_cut_off() {
        let endless = "HTTP/1.1 202 Accepted\r\ncontent-length: 999999999999\r\n\r\n";
        let failed = Answer::Unserved(problem_of(
            "answered 202 Accepted with a body that is not JSON",
        ));
        assert_eq!(answered(endless, &[b'{'; 65_536]).await, failed);
        let away = Answer::Unavailable(problem_of("did not answer in time"));
        assert_eq!(answered(endless, &[]).await, away);
        assert_eq!(answered("HTTP/1.1 202 Acc", &[]).await, away);
    }

    #[tokio::test]
    async fn redirects_and_other_protocols_are_not_answers() {
        let elsewhere = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\n\
                         content-length: 0\r\n\r\n";
        let unserved = Answer::Unserved(problem_of("answered 307 Temporary Redirect"));
        assert_eq!(answered(elsewhere, &[]).await, unserved);
        let broken = Answer::Unavailable(problem_of("broke off the connection"));
        assert_eq!(answered("SSH-2.0-OpenSSH_9.2\r\n", &[]).await, broken);
    }

    /// Returns what a vendor that never answers receives of a request with this `pass`.
    async fn received(
        pass: impl Future<Output = Result<Vec<usize>, Withheld>> + Send + 'static,
    ) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiving = tokio::task::spawn_blocking(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut received = Vec::new();
            let _closed = connection.read_to_end(&mut received);
            String::from_utf8(received).unwrap()
        });
        let delivery = Delivery {
            timeout: Duration::from_millis(500),
            ..Delivery::default()
        };
        let at = VendorAt::new(&url, "http://127.0.0.1:9").unwrap();
        let vendor = Vendor::new(at, &delivery).unwrap();
        let _away = vendor.send(&MESSAGES, pass).await;
        drop(vendor);
        receiving.await.unwrap()
    }

    #[tokio::test]
    async fn a_request_is_written_only_after_it_has_passed() {
        let item = |id: &str, to: &str, text: &str| {
            format!(
                r#"{{"message_id":"{id}","to":"{to}","content":{{"text":"{text}"}},"callback_url":"http://127.0.0.1:9/api/delivery/receipt"}}"#
            )
        };
        let first = item("msg_1", "jo@example.com", "Hi");
        let second = item("msg_2", "al@example.com", "Ho");
        let body = format!("[{first},{second}]");
        let whole = received(async { Ok(vec![0, 1]) }).await;
        assert!(whole.ends_with(&body), "{whole}");
        let length = format!("content-length: {}\r\n", body.len());
        assert!(whole.contains(&length));
        assert_eq!(received(async { Err(Withheld) }).await, "");

        let one_left_out = received(async { Ok(vec![1]) }).await;
        let spaces = " ".repeat(first.len() + 1);
        let body = format!("\r\n\r\n[{second}{spaces}]");
        assert!(one_left_out.ends_with(&body), "{one_left_out}");
        assert!(one_left_out.contains(&length));
        let late = received(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err(Withheld)
        })
        .await;
        assert!(!late.contains("jo@example.com"), "{late}");
    }

    #[test]
    fn long_problem_types_are_dropped() {
        let long = format!(r#"{{"type": "{}"}}"#, "x".repeat(300));
        assert_eq!(
            made(400, None, &long),
            Answer::Refused(problem_of("answered 400"))
        );
    }
}
