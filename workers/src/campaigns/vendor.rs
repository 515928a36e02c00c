//! The vendor, as its client sees it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Text;
use futures::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};

use super::breaker::Found;
use super::clearance::{Decision, Withheld};
use super::{Delivery, VendorAt};

/// How long to rest when the vendor asks for it without saying how long.
const DEFAULT_REST: Duration = Duration::from_secs(1);

/// The longest that the vendor's word is taken for: then it is asked again.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// How much of an answer is read, in bytes: one that goes on and on is none.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The most of an answer that is kept of a problem's type, in bytes.
const LONGEST_TYPE: usize = 100;

/// Hands messages to the vendor.
pub(super) struct Vendor {
    client: Client,
    at: VendorAt,
}

/// A message as the vendor takes it.
#[derive(Serialize)]
pub(super) struct Outgoing<'a> {
    /// Makes it one message, however often it is sent.
    pub(super) message_id: &'a str,
    pub(super) to: &'a str,
    pub(super) text: &'a str,
}

/// What the vendor makes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has it, and calls it this.
    Taken(Text<128>),
    /// It will not take it, however often it is asked.
    Refused(Text<256>),
    /// It wants to be left alone for so long.
    Busy(Duration),
    /// It could not take it now.
    Failed(Text<256>),
    /// It did not answer, or something answered for it.
    Away(Text<256>),
    /// It does not serve such requests: the URL or the credential is wrong.
    Unserved(Text<256>),
    /// It was not asked: by then the message was not to be sent.
    Withheld(Decision),
}

impl Answer {
    /// What it says about the vendor.
    pub(super) fn found(&self) -> Found {
        match self {
            Self::Away(_) | Self::Unserved(_) => Found::Away,
            Self::Withheld(_) => Found::Nothing,
            Self::Taken(_) | Self::Refused(_) | Self::Busy(_) | Self::Failed(_) => Found::There,
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    message: Outgoing<'a>,
    callback_url: &'a str,
}

#[derive(Deserialize)]
struct Accepted {
    vendor_message_id: Text<128>,
}

/// Of a problem document; its other members may repeat the message.
#[derive(Deserialize)]
struct Problem {
    r#type: String,
}

impl Vendor {
    /// Connections are kept, and go where they are told: neither to where an
    /// answer redirects them nor through a proxy of the environment.
    pub(super) fn new(at: VendorAt, delivery: &Delivery) -> reqwest::Result<Self> {
        let client = Client::builder()
            .timeout(delivery.timeout)
            .pool_max_idle_per_host(delivery.concurrency.into())
            .redirect(Policy::none())
            .no_proxy()
            // Over HTTP/2 the body is not polled right before the write, on
            // which `send` relies.
            .http1_only()
            .build()?;
        Ok(Self { client, at })
    }

    /// Hands over one message. `pass` is awaited once there is a connection
    /// that the request can be written to at once; where it fails, the vendor
    /// does not get the message.
    pub(super) async fn send(
        &self,
        message: Outgoing<'_>,
        pass: impl Future<Output = Result<(), Withheld>> + Send + 'static,
    ) -> Answer {
        let body = Body {
            message,
            callback_url: self.at.callback.as_str(),
        };
        // Texts always have a JSON form.
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let request = self
            .client
            .post(self.at.send.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, json.len())
            // The body is polled when the head of the request lies in the
            // connection's buffer, and both are flushed together: nothing comes
            // between `pass` and the write, be it the wait for a connection.
            .body(reqwest::Body::wrap_stream(stream::once(async {
                pass.await.map(|()| json)
            })));
        match exchange(request).await {
            Ok((status, headers, body)) => answer(status, &headers, &body, Utc::now()),
            Err(error) => Answer::Away(text(away(&error))),
        }
    }
}

async fn exchange(
    request: reqwest::RequestBuilder,
) -> reqwest::Result<(StatusCode, HeaderMap, Vec<u8>)> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while body.len() < LONGEST_ANSWER
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    Ok((status, headers, body))
}

/// What an answer means.
fn answer(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Answer {
    if status.is_success() {
        return match serde_json::from_slice::<Accepted>(body) {
            Ok(accepted) => Answer::Taken(accepted.vendor_message_id),
            // No vendor answers so, but whatever else is at a wrong URL may. If
            // it is one after all, it takes the message once all the same.
            Err(_) => {
                let said = said(status);
                Answer::Unserved(text(format!("{said} without an id for the message")))
            }
        };
    }
    let retry_after = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let rest = retry_after.and_then(|value| rest(value, now));
    let problem = text(problem(status, body));
    match (status, rest) {
        (StatusCode::TOO_MANY_REQUESTS, rest) => Answer::Busy(rest.unwrap_or(DEFAULT_REST)),
        (StatusCode::SERVICE_UNAVAILABLE, Some(rest)) => Answer::Busy(rest),
        (
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT,
            _,
        ) => Answer::Away(problem),
        (StatusCode::REQUEST_TIMEOUT, _) => Answer::Failed(problem),
        // These say what is wrong with the message.
        (
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY,
            _,
        ) => Answer::Refused(problem),
        (StatusCode::NOT_IMPLEMENTED, _) => Answer::Unserved(text(said(status))),
        _ if status.is_server_error() => Answer::Failed(problem),
        // 401, 403, 404, 405, a redirect …: any message would get the same.
        _ => Answer::Unserved(text(said(status))),
    }
}

/// `answered 401 Unauthorized`
fn said(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("answered {} {reason}", status.as_u16()),
        None => format!("answered {}", status.as_u16()),
    }
}

/// `Retry-After`: seconds, or a date.
fn rest(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let rest = match value.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DateTime::parse_from_rfc2822(value.trim()).ok()?;
            (until.to_utc() - now).to_std().unwrap_or_default()
        }
    };
    Some(rest.min(LONGEST_REST))
}

/// `answered 422 urn:patron:vendor:invalid-request`: no more of the answer,
/// since what it says else may repeat whom the message is for.
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

/// What the vendor did: `did not answer in time`.
fn away(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "did not answer in time"
    } else if error.is_connect() {
        "could not be reached"
    } else {
        "broke off the connection"
    };
    what.to_owned()
}

#[expect(
    clippy::expect_used,
    reason = "what is said here is far shorter than 256 bytes, and plain"
)]
fn text(problem: String) -> Text<256> {
    Text::try_from(problem).expect("short and plain")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use reqwest::header::HeaderValue;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    /// What is made of this status, `Retry-After` and body.
    fn made(status: u16, retry_after: Option<&'static str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(status).unwrap();
        answer(status, &headers, body.as_bytes(), now())
    }

    fn problem_of(what: &str) -> Text<256> {
        text(what.to_owned())
    }

    #[test]
    fn a_message_is_taken_with_an_id() {
        let taken = Answer::Taken(Text::try_from("vm_7".to_owned()).unwrap());
        assert_eq!(made(202, None, r#"{"vendor_message_id": "vm_7"}"#), taken);
        let failed = Answer::Unserved(problem_of(
            "answered 202 Accepted without an id for the message",
        ));
        for odd in ["", "{}", r#"{"vendor_message_id": ""}"#] {
            assert_eq!(made(202, None, odd), failed, "{odd}");
        }
    }

    #[test]
    fn what_is_refused_is_told_apart_from_what_failed() {
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
            let away = Answer::Away(problem_of(&format!("answered {status}")));
            assert_eq!(made(status, None, ""), away);
        }
    }

    #[test]
    fn what_any_message_would_be_answered_is_not_held_against_one() {
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
            assert_eq!(unserved.found(), Found::Away);
        }
    }

    #[test]
    fn a_busy_vendor_is_left_alone_for_as_long_as_it_says() {
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
    fn what_the_vendor_says_of_a_message_shows_that_it_is_there() {
        assert_eq!(
            Answer::Away(problem_of("could not be reached")).found(),
            Found::Away
        );
        for answer in [
            made(202, None, r#"{"vendor_message_id": "vm_7"}"#),
            made(500, None, ""),
            made(422, None, ""),
            made(429, None, ""),
        ] {
            assert_eq!(answer.found(), Found::There);
        }
    }

    fn message() -> Outgoing<'static> {
        Outgoing {
            message_id: "msg_1",
            to: "jo@example.com",
            text: "Hi",
        }
    }

    /// What becomes of a message whose request is answered with this, which
    /// then goes on with that forever.
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
        vendor.send(message(), async { Ok(()) }).await
    }

    #[tokio::test]
    async fn an_answer_that_never_ends_is_left() {
        let endless = "HTTP/1.1 202 Accepted\r\ncontent-length: 999999999999\r\n\r\n";
        let failed = Answer::Unserved(problem_of(
            "answered 202 Accepted without an id for the message",
        ));
        assert_eq!(answered(endless, &[b'{'; 65_536]).await, failed);
        let away = Answer::Away(problem_of("did not answer in time"));
        assert_eq!(answered(endless, &[]).await, away);
        assert_eq!(answered("HTTP/1.1 202 Acc", &[]).await, away);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told_from_one() {
        let elsewhere = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\n\
                         content-length: 0\r\n\r\n";
        let unserved = Answer::Unserved(problem_of("answered 307 Temporary Redirect"));
        assert_eq!(answered(elsewhere, &[]).await, unserved);
        let broken = Answer::Away(problem_of("broke off the connection"));
        assert_eq!(answered("SSH-2.0-OpenSSH_9.2\r\n", &[]).await, broken);
    }

    /// What a vendor that only listens gets of a request with this `pass`.
    async fn received(pass: impl Future<Output = Result<(), Withheld>> + Send + 'static) -> String {
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
        let _away = vendor.send(message(), pass).await;
        drop(vendor);
        receiving.await.unwrap()
    }

    #[tokio::test]
    async fn a_request_is_written_once_it_may_pass_and_only_then() {
        let body = r#"{"message_id":"msg_1","to":"jo@example.com","text":"Hi","callback_url":"http://127.0.0.1:9/api/delivery/receipt"}"#;
        let whole = received(async { Ok(()) }).await;
        assert!(whole.ends_with(body), "{whole}");
        assert!(whole.contains(&format!("content-length: {}\r\n", body.len())));
        assert_eq!(received(async { Err(Withheld) }).await, "");
        let late = received(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err(Withheld)
        })
        .await;
        assert!(!late.contains("jo@example.com"), "{late}");
    }

    #[test]
    fn no_problem_is_too_long() {
        let long = format!(r#"{{"type": "{}"}}"#, "x".repeat(300));
        assert_eq!(
            made(400, None, &long),
            Answer::Refused(problem_of("answered 400"))
        );
    }
}
