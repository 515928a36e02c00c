//! HTTP client of the model's server.
//!
//! The client of async-openai is not used: it reads responses of any length, waits for
//! as long as `Retry-After` says, and logs responses that it cannot parse.

use std::time::Duration;

use async_openai::types::chat::CreateChatCompletionRequest;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::sleep;

use super::config::{ModelConfig, ModelConfigError};
use super::{ModelError, Usage};

/// Maximum number of times that a request is sent.
const ATTEMPTS: u32 = 3;

/// Delay before the second attempt; doubled before the third.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Maximum delay before a retry. If the server asks for a longer one, the request fails
/// at once.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Maximum value of `Retry-After` that is passed on; larger ones are reduced to it.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// Time limit for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for a response, if the caller sets none.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Maximum size of a response, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// HTTP client of the model's server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    client: Client,
    url: Url,
}

/// Failed attempt at a request.
struct FailedAttempt {
    error: ModelError,
    /// Minimum delay before a retry; `None` if the request must not be retried.
    again: Option<Duration>,
}

impl Server {
    /// Creates a client that follows no redirects and ignores proxy settings of the
    /// environment, so that the key and the request reach only the configured server.
    pub(super) fn new(config: &ModelConfig) -> Result<Self, ModelConfigError> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, config.api_key.header()?)]);
        let client = Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(ModelConfigError::Client)?;
        let url = config.url()?;
        Ok(Self { client, url })
    }

    /// Sends a request and returns the body of the response. Retries if the server
    /// failed or was busy, as long as each delay is at most [`LONGEST_WAIT`].
    pub(super) async fn complete(
        &self,
        request: &CreateChatCompletionRequest,
        usage: &mut Usage,
    ) -> Result<Vec<u8>, ModelError> {
        let mut backoff = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            usage.calls += 1;
            let refused = match self.attempt(request).await {
                Ok(body) => return Ok(body),
                Err(refused) => refused,
            };
            match refused.again.map(|rest| rest.max(backoff)) {
                Some(wait) if wait <= LONGEST_WAIT => sleep(wait).await,
                _ => return Err(refused.error),
            }
            backoff *= 2;
        }
        usage.calls += 1;
        let last = self.attempt(request).await;
        last.map_err(|refused| refused.error)
    }

    async fn attempt(
        &self,
        request: &CreateChatCompletionRequest,
    ) -> Result<Vec<u8>, FailedAttempt> {
        let request = self.client.post(self.url.clone()).json(request);
        let response = request
            .send()
            .await
            .map_err(|_| FailedAttempt::unavailable())?;
        if !response.status().is_success() {
            return Err(interpret_status(
                response.status(),
                response.headers(),
                Utc::now(),
            ));
        }
        // Not retried: the model has answered, and another answer would cost tokens again.
        let body = body(response).await;
        body.map_err(|error| FailedAttempt { error, again: None })
    }
}

impl FailedAttempt {
    fn unavailable() -> Self {
        Self {
            error: ModelError::Away,
            again: None,
        }
    }
}

/// Interprets an error status.
fn interpret_status(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> FailedAttempt {
    let retry_after = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| parse_retry_after(value, now));
    let is_busy = status == StatusCode::TOO_MANY_REQUESTS;
    let error = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ModelError::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS => ModelError::Busy { retry_after },
        status => ModelError::Failed(status.as_u16()),
    };
    let again = is_busy || status.is_server_error();
    let again = again.then(|| retry_after.unwrap_or_default());
    FailedAttempt { error, again }
}

/// Parses the value of `Retry-After`: a number of seconds, or a date.
fn parse_retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let rest = match value.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DateTime::parse_from_rfc2822(value.trim()).ok()?;
            (until.to_utc() - now).to_std().unwrap_or_default()
        }
    };
    Some(rest.min(LONGEST_REST))
}

/// Reads a body of bounded length.
async fn body(mut response: Response) -> Result<Vec<u8>, ModelError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| ModelError::Away)? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(ModelError::Malformed("the response is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn made(status: u16, retry_after: Option<&'static str>) -> (ModelError, Option<u64>) {
        let value = retry_after.map(HeaderValue::from_static);
        let headers = HeaderMap::from_iter(value.map(|value| (RETRY_AFTER, value)));
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let refused = interpret_status(StatusCode::from_u16(status).unwrap(), &headers, now);
        (refused.error, refused.again.map(|wait| wait.as_secs()))
    }

    #[test]
    fn the_status_determines_whether_to_retry() {
        let busy = |seconds: Option<u64>| ModelError::Busy {
            retry_after: seconds.map(Duration::from_secs),
        };
        for status in [401, 403] {
            assert_eq!(made(status, Some("1")), (ModelError::Unauthorized, None));
        }
        for status in [302, 400, 404, 422] {
            assert_eq!(made(status, None), (ModelError::Failed(status), None));
        }
        assert_eq!(made(500, None), (ModelError::Failed(500), Some(0)));
        assert_eq!(made(503, Some("7")), (ModelError::Failed(503), Some(7)));
        assert_eq!(made(429, None), (busy(None), Some(0)));
        assert_eq!(made(429, Some("soon")), (busy(None), Some(0)));
        assert_eq!(made(429, Some("7")), (busy(Some(7)), Some(7)));
        let date = "Thu, 01 Jan 2026 00:00:30 GMT";
        assert_eq!(made(429, Some(date)), (busy(Some(30)), Some(30)));
        let eternal = "18446744073709551615";
        assert_eq!(made(429, Some(eternal)), (busy(Some(3_600)), Some(3_600)));
    }
}
