//! Sending of one batch, with retries, until the server has answered for every item.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Request, Response, StatusCode, Url};

use super::answer::{BatchOutcomes, Problem, RecordOutcome, is_temporary};
use super::fields::Resource;
use super::report::ProgressReport;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
const LONGEST_BACKOFF: Duration = Duration::from_secs(15);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// Limits of the retries of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPolicy {
    /// Time from a batch's first failure after which it is not retried.
    pub(super) give_up_after: Duration,
    /// Backoff after the first failure. It doubles with each further one.
    pub(super) first_backoff: Duration,
}

/// Client of one of the API's ingest endpoints.
pub(super) struct Sender<'a> {
    http: Client,
    url: Url,
    key: HeaderValue,
    retry_policy: RetryPolicy,
    report: &'a ProgressReport,
}

/// Failure after which the attempt is repeated.
struct TemporaryFailure {
    message: String,
    retry_after: Option<Duration>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            give_up_after: Duration::from_secs(5 * 60),
            first_backoff: Duration::from_millis(250),
        }
    }
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        base: &str,
        key: &str,
        resource: Resource,
        retry_policy: RetryPolicy,
        report: &'a ProgressReport,
    ) -> anyhow::Result<Self> {
        let url = format!(
            "{}/api/data/{}",
            base.trim_end_matches('/'),
            resource.name()
        );
        let mut bearer = HeaderValue::try_from(format!("Bearer {key}"))
            .context("the key has characters that are not allowed in a key")?;
        bearer.set_sensitive(true);
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let url: Url = url.parse().with_context(|| format!("{url} is not a URL"))?;
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "{url} is not an http or https URL"
        );
        Ok(Self {
            http,
            url,
            key: bearer,
            retry_policy,
            report,
        })
    }

    /// Sends NDJSON with this number of items. Retries with backoff while the server is
    /// unreachable or busy.
    ///
    /// # Errors
    /// Returns an error if the server refuses the whole request, does not answer as the API does,
    /// or stays unreachable or busy for too long.
    pub(super) async fn send(
        &self,
        body: Vec<u8>,
        items: usize,
    ) -> anyhow::Result<Vec<RecordOutcome>> {
        let mut outcomes = BatchOutcomes::new(items);
        if items == 0 {
            return Ok(outcomes.into_vec());
        }
        let request = self.request(body)?;
        let mut failing_since = None;
        let mut backoff = self.retry_policy.first_backoff;
        while let Some(failure) = self.attempt(&request, &mut outcomes).await? {
            let since = *failing_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.retry_policy.give_up_after {
                let seconds = since.elapsed().as_secs();
                bail!("{}; gave up after {seconds} s", failure.message);
            }
            let wait = failure.wait(backoff);
            self.report
                .note(&format!("{}; trying again in {wait:.1?}", failure.message));
            tokio::time::sleep(wait).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
        Ok(outcomes.into_vec())
    }

    fn request(&self, body: Vec<u8>) -> anyhow::Result<Request> {
        let post = self
            .http
            .post(self.url.clone())
            .header(AUTHORIZATION, self.key.clone());
        Ok(post
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(body)
            .build()?)
    }

    /// Sends the request once. Returns `None` if every item has its outcome.
    async fn attempt(
        &self,
        request: &Request,
        outcomes: &mut BatchOutcomes,
    ) -> anyhow::Result<Option<TemporaryFailure>> {
        let request = request.try_clone().context("the body is in memory")?;
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) => return Ok(Some(TemporaryFailure::unreachable(&self.url, &error))),
        };
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return Ok(Some(TemporaryFailure::unreachable(&self.url, &error))),
        };
        let problem = if status.is_success() {
            outcomes
                .merge(&body)
                .with_context(|| format!("{} did not answer as Patron does", self.url))?
        } else {
            Some(self.temporary_problem(status, &body)?)
        };
        Ok(problem.map(|problem| TemporaryFailure {
            message: format!("the server is busy ({})", problem.sentence()),
            retry_after,
        }))
    }

    /// Returns the problem of a refused request if it is temporary.
    ///
    /// # Errors
    /// Returns the problem as an error if a retry cannot succeed.
    fn temporary_problem(&self, status: StatusCode, body: &[u8]) -> anyhow::Result<Problem> {
        let problem = Problem::from_response(status.as_u16(), body);
        if is_temporary(status.as_u16()) {
            return Ok(problem);
        }
        let meaning = match status {
            StatusCode::UNAUTHORIZED => "the server does not know the key",
            StatusCode::FORBIDDEN => "the key may not ingest data",
            StatusCode::NOT_FOUND => "the URL does not exist",
            StatusCode::PAYLOAD_TOO_LARGE => "the request is too large; a smaller --batch may help",
            _ => "the server refused the whole request",
        };
        Err(anyhow!(
            "{meaning}: POST {} answered {status}: {}",
            self.url,
            problem.sentence()
        ))
    }
}

impl TemporaryFailure {
    fn unreachable(url: &Url, error: &reqwest::Error) -> Self {
        let host = url.origin().ascii_serialization();
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let message = match error.is_timeout() {
            true => format!("{host} did not answer in time"),
            false => format!("no answer from {host} ({cause})"),
        };
        Self {
            message,
            retry_after: None,
        }
    }

    /// Returns the time to wait: at least the server's `Retry-After`, and at least half of the
    /// backoff.
    fn wait(&self, backoff: Duration) -> Duration {
        // Jitter is added to `Retry-After` too: otherwise all clients that the server turned away
        // at one time would return at one time.
        let jittered = backoff.mul_f64(rand::random_range(0.5..1.0));
        let requested = self
            .retry_after
            .map(|after| after.min(LONGEST_RETRY_AFTER) + jittered / 2);
        jittered.max(requested.unwrap_or_default())
    }
}

/// Returns the `Retry-After` header in seconds, which is the form that Patron sends. A date is
/// ignored.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}
