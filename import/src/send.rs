//! Sending of one batch, with retries, until the server has answered for every item.

use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono::Utc;
use http_client::{Failure, HttpClient, HttpError, LongRetryAfter, Policy, Retries, RetryLimit};
use importer::{RecordOutcome, Resource, Sink};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Request, StatusCode, Url};
use tokio::time::{Instant, sleep_until};

use super::UsageError;
use super::answer::{BatchOutcomes, ProblemDocument, is_temporary};
use super::report::ProgressReport;

const POLICY: Policy = Policy {
    connect_timeout: Duration::from_secs(5),
    timeout: Duration::from_secs(120),
    max_body: 64 * 1024 * 1024,
    environment_proxies: true,
};

/// Schedule of the attempts at a batch.
pub(super) const RETRIES: Retries = Retries {
    first_backoff: Duration::from_millis(125),
    longest_backoff: Duration::from_millis(7_500),
    limit: RetryLimit::Elapsed(Duration::from_secs(5 * 60)),
    longest_retry_after: Duration::from_secs(120),
    beyond: LongRetryAfter::Shorten,
};

/// Time after which attempts to reach a server end that has never answered.
const NEVER_REACHED: Duration = Duration::from_secs(60);

/// Time that the last attempt to reach a server has at least.
const LAST_ATTEMPT: Duration = Duration::from_secs(1);

/// Server and key of the API's ingest endpoints.
pub(super) struct Endpoint {
    http: HttpClient,
    /// URL below which the resources are, without a slash at its end.
    url: String,
    key: HeaderValue,
}

/// Client of the API's ingest endpoints.
pub(super) struct Sender<'a> {
    endpoint: Endpoint,
    retries: Retries,
    /// True once the server has answered.
    is_reached: AtomicBool,
    report: &'a ProgressReport,
}

/// Failed attempt at a batch.
#[derive(Debug, thiserror::Error)]
enum FailedAttempt {
    /// The attempt is repeated.
    #[error("{message}")]
    Transient {
        message: String,
        retry_after: Option<Duration>,
    },
    #[error(transparent)]
    Fatal(#[from] anyhow::Error),
}

/// Error after which the server gets no further requests.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub(super) struct SendError(anyhow::Error);

/// Answer of a server that refuses every request of this kind.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct RefusedRequest {
    message: String,
    /// Option that has to be another one.
    option: Option<&'static str>,
}

impl SendError {
    /// Returns the option that has to be another one before the same command can succeed.
    pub(super) fn wrong_option(&self) -> Option<&'static str> {
        let refused = self.0.downcast_ref::<RefusedRequest>()?;
        refused.option
    }
}

impl From<anyhow::Error> for SendError {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

impl Endpoint {
    /// # Errors
    /// Returns a [`UsageError`] if the URL or the key cannot be used.
    pub(super) fn new(base: &str, key: &str) -> anyhow::Result<Self> {
        let wrong = |problem: String| UsageError(problem);
        let mut bearer = HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|_| wrong("the key has characters that are not allowed in a key".into()))?;
        bearer.set_sensitive(true);
        let url = format!("{}/api/data", base.trim_end_matches('/'));
        let parsed = url.parse().ok();
        if !parsed.is_some_and(|url: Url| matches!(url.scheme(), "http" | "https")) {
            return Err(wrong(format!("--url {base}: not an http or https URL")).into());
        }
        Ok(Self {
            http: HttpClient::new(Client::builder(), &POLICY)?,
            url,
            key: bearer,
        })
    }

    fn request(&self, resource: Resource, body: Vec<u8>) -> anyhow::Result<Request> {
        let url: Url = format!("{}/{}", self.url, resource.name()).parse()?;
        let post = self
            .http
            .request(Method::POST, url)
            .header(AUTHORIZATION, self.key.clone());
        Ok(post
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(body)
            .build()?)
    }
}

impl<'a> Sender<'a> {
    pub(super) fn new(endpoint: Endpoint, retries: Retries, report: &'a ProgressReport) -> Self {
        Self {
            endpoint,
            retries,
            is_reached: AtomicBool::new(false),
            report,
        }
    }

    /// Sends one batch. Retries with backoff while the server is unreachable or busy.
    async fn send_batch(
        &self,
        request: Request,
        items: usize,
    ) -> anyhow::Result<Vec<RecordOutcome>> {
        let outcomes = Mutex::new(BatchOutcomes::new(items));
        loop {
            let was_reached = self.is_reached();
            let begun = Instant::now();
            let notify = |failed: &FailedAttempt, wait: Duration| {
                self.report
                    .note(&format!("{failed}; trying again in {wait:.1?}"));
            };
            let retries = self.retries_now();
            let patience = match retries.limit {
                RetryLimit::Elapsed(limit) if !was_reached => Some(begun + limit),
                _ => None,
            };
            let attempt = || async {
                tokio::select! {
                    ended = self.attempt(&request, &outcomes) => ended,
                    () = self.stays_silent(patience) => Err(unanswered(request.url())),
                }
            };
            let message = match retries.run(attempt, FailedAttempt::failure, notify).await {
                Ok(()) => {
                    let outcomes = outcomes.into_inner();
                    return Ok(outcomes.unwrap_or_else(PoisonError::into_inner).into_vec());
                }
                Err(FailedAttempt::Fatal(error)) => return Err(error),
                // Another batch reached the server meanwhile: this is an outage.
                Err(FailedAttempt::Transient { .. }) if !was_reached && self.is_reached() => {
                    continue;
                }
                Err(FailedAttempt::Transient { message, .. }) => message,
            };
            let seconds = begun.elapsed().as_secs();
            let question = match was_reached {
                true => "",
                false => ". Is the server running, and is --url right?",
            };
            return Err(anyhow!("{message}; gave up after {seconds} s{question}"));
        }
    }

    /// Ends when a server that has never answered should have, so that one that accepts connections
    /// and stays silent is not waited for longer than one that is not there.
    async fn stays_silent(&self, until: Option<Instant>) {
        if let Some(until) = until {
            sleep_until(until.max(Instant::now() + LAST_ATTEMPT)).await;
            if !self.is_reached() {
                return;
            }
        }
        pending::<()>().await;
    }

    fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::Relaxed)
    }

    /// Returns the schedule of attempts: an outage is waited for longer than a server that has never
    /// answered.
    fn retries_now(&self) -> Retries {
        let limit = match self.retries.limit {
            RetryLimit::Elapsed(limit) if !self.is_reached() => {
                RetryLimit::Elapsed(limit.min(NEVER_REACHED))
            }
            limit => limit,
        };
        Retries {
            limit,
            ..self.retries
        }
    }

    /// Sends the request once. Succeeds if every item has its outcome.
    async fn attempt(
        &self,
        request: &Request,
        outcomes: &Mutex<BatchOutcomes>,
    ) -> Result<(), FailedAttempt> {
        let request = request.try_clone().context("the body is in memory")?;
        let url = request.url().clone();
        let failed = |error| failed_exchange(&url, error);
        let response = self.endpoint.http.send(request).await.map_err(failed)?;
        self.is_reached.store(true, Ordering::Relaxed);
        let status = response.status();
        let retry_after = http_client::retry_after(response.headers(), Utc::now());
        let body = response.body().await.map_err(failed)?;
        let problem = if status.is_success() {
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.merge(&body).with_context(|| not_patron(&url))?
        } else {
            Some(temporary_problem(&url, status, &body)?)
        };
        match problem {
            None => Ok(()),
            Some(problem) => Err(FailedAttempt::Transient {
                message: format!("the server is busy ({})", problem.sentence()),
                retry_after,
            }),
        }
    }
}

impl Sink for Sender<'_> {
    type Error = SendError;

    async fn send(
        &self,
        resource: Resource,
        body: Vec<u8>,
        items: usize,
    ) -> Result<Vec<RecordOutcome>, SendError> {
        let request = self.endpoint.request(resource, body)?;
        Ok(self.send_batch(request, items).await?)
    }
}

impl FailedAttempt {
    fn failure(&self) -> Failure {
        match self {
            Self::Transient { retry_after, .. } => Failure::Transient {
                retry_after: *retry_after,
            },
            Self::Fatal(_) => Failure::Final,
        }
    }
}

fn not_patron(url: &Url) -> String {
    format!("{url} did not answer as Patron does")
}

fn failed_exchange(url: &Url, error: HttpError) -> FailedAttempt {
    let error = match error {
        HttpError::Exchange(error) => error,
        error @ HttpError::TooLarge(_) => {
            return anyhow::Error::new(error).context(not_patron(url)).into();
        }
    };
    if error.is_timeout() {
        return unanswered(url);
    }
    let host = url.origin().ascii_serialization();
    let mut cause: &dyn Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    FailedAttempt::Transient {
        message: format!("no answer from {host} ({cause})"),
        retry_after: None,
    }
}

fn unanswered(url: &Url) -> FailedAttempt {
    let host = url.origin().ascii_serialization();
    FailedAttempt::Transient {
        message: format!("{host} did not answer in time"),
        retry_after: None,
    }
}

/// Returns the problem of a refused request if it is temporary.
///
/// # Errors
/// Returns the problem as an error if a retry cannot succeed.
fn temporary_problem(
    url: &Url,
    status: StatusCode,
    body: &[u8],
) -> anyhow::Result<ProblemDocument> {
    let problem = ProblemDocument::from_response(status.as_u16(), body);
    if is_temporary(status.as_u16()) {
        return Ok(problem);
    }
    let (meaning, option) = match status {
        StatusCode::UNAUTHORIZED => ("the server does not know the key", Some("--key")),
        StatusCode::FORBIDDEN => ("the key may not ingest data", Some("--key")),
        StatusCode::NOT_FOUND => (
            "the URL does not exist (--url is the server's address, without /api)",
            Some("--url"),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            "the request is too large; a smaller --batch may help",
            Some("--batch"),
        ),
        _ => ("the server refused the whole request", None),
    };
    let reason = problem.sentence();
    let message = format!("{meaning}: POST {url} answered {status}: {reason}");
    Err(RefusedRequest { message, option }.into())
}
