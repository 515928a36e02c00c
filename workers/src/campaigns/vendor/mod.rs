//! HTTP client of the messaging vendor.
//!
//! `request` writes the messages of a batch. `response` interprets a response, and
//! `results` the results in it for each message, as an `answer`.

mod answer;
mod request;
mod response;
mod results;

use chrono::Utc;
use futures::stream;
use http_client::{HttpClient, HttpError, Policy};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, StatusCode};

pub(super) use answer::{VendorAnswer, VendorReply};
pub(super) use request::Outgoing;

use super::clearance::WithheldError;
use crate::config::{Delivery, VendorAt};
use answer::text;
use request::array;
use response::reply;

/// Maximum size of a response that is read, in bytes; about ten times the size of a
/// hundred results.
const LONGEST_ANSWER: usize = 512 * 1024;

/// HTTP client that sends batches of messages to the vendor.
pub(super) struct VendorClient {
    client: HttpClient,
    at: VendorAt,
}

impl VendorClient {
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
        pass: impl Future<Output = Result<Vec<usize>, WithheldError>> + Send + 'static,
    ) -> VendorReply {
        let items: Vec<Vec<u8>> = messages
            .iter()
            .map(|one| one.to_json(self.at.callback.as_str()))
            .collect();
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
                Ok::<_, WithheldError>(array(&items, places.into_iter(), length))
            })));
        match self.exchange(request).await {
            Ok((status, headers, body)) => reply(status, &headers, &body, messages, Utc::now()),
            Err(error) => {
                let problem = match error {
                    HttpError::Exchange(error) if error.is_timeout() => "did not answer in time",
                    HttpError::Exchange(error) if error.is_connect() => "could not be reached",
                    HttpError::Exchange(_) | HttpError::TooLarge(_) => "broke off the connection",
                };
                VendorReply::Whole(VendorAnswer::Unavailable(text(problem.to_owned())))
            }
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
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use domain::Text;

    use super::*;

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

    fn problem_of(what: &str) -> Text<256> {
        text(what.to_owned())
    }

    /// Sends a request to a server whose response begins with `first` and then
    /// repeats `then` forever. Returns the answer.
    async fn answered(first: &'static str, then: &'static [u8]) -> VendorAnswer {
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
        let vendor = VendorClient::new(at, &delivery).unwrap();
        match vendor.send(&MESSAGES, async { Ok(vec![0, 1]) }).await {
            VendorReply::Whole(answer) => answer,
            each => panic!("{each:?}"),
        }
    }

    #[tokio::test]
    async fn an_endless_response_is_cut_off() {
        let endless = "HTTP/1.1 202 Accepted\r\ncontent-length: 999999999999\r\n\r\n";
        let failed = VendorAnswer::Unserved(problem_of(
            "answered 202 Accepted with a body that is not JSON",
        ));
        assert_eq!(answered(endless, &[b'{'; 65_536]).await, failed);
        let away = VendorAnswer::Unavailable(problem_of("did not answer in time"));
        assert_eq!(answered(endless, &[]).await, away);
        assert_eq!(answered("HTTP/1.1 202 Acc", &[]).await, away);
    }

    #[tokio::test]
    async fn redirects_and_other_protocols_are_not_answers() {
        let elsewhere = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\n\
                         content-length: 0\r\n\r\n";
        let unserved = VendorAnswer::Unserved(problem_of("answered 307 Temporary Redirect"));
        assert_eq!(answered(elsewhere, &[]).await, unserved);
        let broken = VendorAnswer::Unavailable(problem_of("broke off the connection"));
        assert_eq!(answered("SSH-2.0-OpenSSH_9.2\r\n", &[]).await, broken);
    }

    /// Returns what a vendor that never answers receives of a request with this `pass`.
    async fn received(
        pass: impl Future<Output = Result<Vec<usize>, WithheldError>> + Send + 'static,
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
        let vendor = VendorClient::new(at, &delivery).unwrap();
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
        assert_eq!(received(async { Err(WithheldError) }).await, "");

        let one_left_out = received(async { Ok(vec![1]) }).await;
        let spaces = " ".repeat(first.len() + 1);
        let body = format!("\r\n\r\n[{second}{spaces}]");
        assert!(one_left_out.ends_with(&body), "{one_left_out}");
        assert!(one_left_out.contains(&length));
        let late = received(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err(WithheldError)
        })
        .await;
        assert!(!late.contains("jo@example.com"), "{late}");
    }
}
