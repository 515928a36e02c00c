//! Sending of one batch, with retries, until the server has answered for every item.

use std::cell::RefCell;
use std::error::Error;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use chrono::Utc;
use http_client::{Failure, HttpClient, HttpError, LongRetryAfter, Policy, Retries, RetryLimit};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Request, StatusCode, Url};

use super::answer::{BatchOutcomes, ProblemDocument, RecordOutcome, is_temporary};
use super::fields::Resource;
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

/// Client of one of the API's ingest endpoints.
pub(super) struct Sender<'a> {
    http: HttpClient,
    url: Url,
    key: HeaderValue,
    retries: Retries,
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

impl<'a> Sender<'a> {
    pub(super) fn new(
        base: &str,
        key: &str,
        resource: Resource,
        retries: Retries,
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
        let http = HttpClient::new(Client::builder(), &POLICY)?;
        let url: Url = url.parse().with_context(|| format!("{url} is not a URL"))?;
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "{url} is not an http or https URL"
        );
        Ok(Self {
            http,
            url,
            key: bearer,
            retries,
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
        if items == 0 {
            return Ok(Vec::new());
        }
        let request = self.request(body)?;
        let outcomes = RefCell::new(BatchOutcomes::new(items));
        let mut failing_since = None;
        let notify = |failed: &FailedAttempt, wait: Duration| {
            failing_since.get_or_insert_with(Instant::now);
            self.report
                .note(&format!("{failed}; trying again in {wait:.1?}"));
        };
        let attempt = || self.attempt(&request, &outcomes);
        let last = self
            .retries
            .run(attempt, FailedAttempt::failure, notify)
            .await;
        match last {
            Ok(()) => Ok(outcomes.into_inner().into_vec()),
            Err(FailedAttempt::Fatal(error)) => Err(error),
            Err(FailedAttempt::Transient { message, .. }) => {
                let elapsed = failing_since.map(|since: Instant| since.elapsed());
                let seconds = elapsed.unwrap_or_default().as_secs();
                Err(anyhow!("{message}; gave up after {seconds} s"))
            }
        }
    }

    fn request(&self, body: Vec<u8>) -> anyhow::Result<Request> {
        let post = self
            .http
            .request(Method::POST, self.url.clone())
            .header(AUTHORIZATION, self.key.clone());
        Ok(post
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(body)
            .build()?)
    }

    /// Sends the request once. Succeeds if every item has its outcome.
    async fn attempt(
        &self,
        request: &Request,
        outcomes: &RefCell<BatchOutcomes>,
    ) -> Result<(), FailedAttempt> {
        let request = request.try_clone().context("the body is in memory")?;
        let failed = |error| self.failed_exchange(error);
        let response = self.http.send(request).await.map_err(failed)?;
        let status = response.status();
        let retry_after = http_client::retry_after(response.headers(), Utc::now());
        let body = response.body().await.map_err(failed)?;
        let problem = if status.is_success() {
            let merged = outcomes.borrow_mut().merge(&body);
            merged.with_context(|| self.not_patron())?
        } else {
            Some(self.temporary_problem(status, &body)?)
        };
        match problem {
            None => Ok(()),
            Some(problem) => Err(FailedAttempt::Transient {
                message: format!("the server is busy ({})", problem.sentence()),
                retry_after,
            }),
        }
    }

    fn not_patron(&self) -> String {
        format!("{} did not answer as Patron does", self.url)
    }

    fn failed_exchange(&self, error: HttpError) -> FailedAttempt {
        let error = match error {
            HttpError::Exchange(error) => error,
            error @ HttpError::TooLarge(_) => {
                return anyhow::Error::new(error).context(self.not_patron()).into();
            }
        };
        let host = self.url.origin().ascii_serialization();
        let mut cause: &dyn Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let message = match error.is_timeout() {
            true => format!("{host} did not answer in time"),
            false => format!("no answer from {host} ({cause})"),
        };
        FailedAttempt::Transient {
            message,
            retry_after: None,
        }
    }

    /// Returns the problem of a refused request if it is temporary.
    ///
    /// # Errors
    /// Returns the problem as an error if a retry cannot succeed.
    fn temporary_problem(
        &self,
        status: StatusCode,
        body: &[u8],
    ) -> anyhow::Result<ProblemDocument> {
        let problem = ProblemDocument::from_response(status.as_u16(), body);
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
