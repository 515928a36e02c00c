//! HTTP client of the model's server.
//!
//! The client of async-openai is not used: it reads responses of any length, waits for
//! as long as `Retry-After` says, and logs responses that it cannot parse.

use std::time::Duration;

use async_openai::types::chat::CreateChatCompletionRequest;
use chrono::{DateTime, Utc};
use http_client::{Failure, HttpClient, HttpError, LongRetryAfter, Policy, Retries, RetryLimit};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method, StatusCode, Url};

use super::config::{ModelConfig, ModelConfigError};
use super::error::ModelError;

/// Limits of a request. The proxies of the environment are not used, so that the key and
/// the request reach only the configured server.
const POLICY: Policy = Policy {
    connect_timeout: Duration::from_secs(5),
    timeout: Duration::from_secs(120),
    max_body: 1024 * 1024,
    environment_proxies: false,
};

/// Schedule of the attempts. If the server asks for a longer wait, the request fails at
/// once.
const RETRIES: Retries = Retries {
    first_backoff: Duration::from_millis(200),
    longest_backoff: Duration::from_millis(400),
    limit: RetryLimit::AttemptsAndWaits(3, Duration::from_secs(2)),
    longest_retry_after: Duration::from_secs(1),
    beyond: LongRetryAfter::GiveUp,
};

/// Maximum value of `Retry-After` that is passed on; larger ones are reduced to it.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// HTTP client of the model's server.
#[derive(Debug, Clone)]
pub(super) struct ModelServer {
    client: HttpClient,
    url: Url,
}

/// Failed attempt at a request.
struct FailedAttempt {
    error: ModelError,
    failure: Failure,
}

impl ModelServer {
    pub(super) fn new(config: &ModelConfig) -> Result<Self, ModelConfigError> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, config.api_key.header()?)]);
        let builder = Client::builder().default_headers(headers);
        let client = HttpClient::new(builder, &POLICY).map_err(ModelConfigError::Client)?;
        let url = config.url()?;
        Ok(Self { client, url })
    }

    /// Sends a request and returns the body of the response. Retries by [`RETRIES`] if
    /// the server answers that it failed or is busy. Adds the number of requests to `calls`.
    pub(super) async fn complete(
        &self,
        request: &CreateChatCompletionRequest,
        calls: &mut u32,
    ) -> Result<Vec<u8>, ModelError> {
        let attempt = || {
            *calls += 1;
            self.attempt(request)
        };
        let last = RETRIES
            .run(attempt, |failed| failed.failure, |_, _| {})
            .await;
        last.map_err(|failed| failed.error)
    }

    async fn attempt(
        &self,
        request: &CreateChatCompletionRequest,
    ) -> Result<Vec<u8>, FailedAttempt> {
        let post = self.client.request(Method::POST, self.url.clone());
        let post = post.json(request).build().map_err(HttpError::from)?;
        let response = self.client.send(post).await?;
        if !response.status().is_success() {
            return Err(interpret_status(
                response.status(),
                response.headers(),
                Utc::now(),
            ));
        }
        Ok(response.body().await?)
    }
}

impl From<HttpError> for FailedAttempt {
    fn from(error: HttpError) -> Self {
        let error = match error {
            HttpError::Exchange(_) => ModelError::Away,
            HttpError::TooLarge(_) => ModelError::Malformed("the response is too long"),
        };
        Self {
            error,
            // The model may have answered, and another answer would cost tokens again.
            failure: Failure::Final,
        }
    }
}

/// Interprets an error status.
fn interpret_status(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> FailedAttempt {
    let retry_after = http_client::retry_after(headers, now).map(|rest| rest.min(LONGEST_REST));
    let is_busy = status == StatusCode::TOO_MANY_REQUESTS;
    let error = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ModelError::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS => ModelError::Busy { retry_after },
        status => ModelError::Failed(status.as_u16()),
    };
    let failure = match is_busy || status.is_server_error() {
        true => Failure::Transient { retry_after },
        false => Failure::Final,
    };
    FailedAttempt { error, failure }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;

    fn made(status: u16, retry_after: Option<&'static str>) -> (ModelError, Failure) {
        let value = retry_after.map(HeaderValue::from_static);
        let headers = HeaderMap::from_iter(value.map(|value| (RETRY_AFTER, value)));
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let failed = interpret_status(StatusCode::from_u16(status).unwrap(), &headers, now);
        (failed.error, failed.failure)
    }

    #[test]
    fn the_status_determines_whether_to_retry() {
        let busy = |seconds: Option<u64>| ModelError::Busy {
            retry_after: seconds.map(Duration::from_secs),
        };
        let again = |seconds: Option<u64>| Failure::Transient {
            retry_after: seconds.map(Duration::from_secs),
        };
        let never = Failure::Final;
        for status in [401, 403] {
            assert_eq!(made(status, Some("1")), (ModelError::Unauthorized, never));
        }
        for status in [302, 400, 404, 422] {
            assert_eq!(made(status, None), (ModelError::Failed(status), never));
        }
        assert_eq!(made(500, None), (ModelError::Failed(500), again(None)));
        let failed = (ModelError::Failed(503), again(Some(7)));
        assert_eq!(made(503, Some("7")), failed);
        for (header, seconds) in [
            (None, None),
            (Some("soon"), None),
            (Some("7"), Some(7)),
            (Some("Thu, 01 Jan 2026 00:00:30 GMT"), Some(30)),
            (Some("18446744073709551615"), Some(3_600)),
        ] {
            assert_eq!(made(429, header), (busy(seconds), again(seconds)));
        }
    }
}
