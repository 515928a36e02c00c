//! Sending one batch until the server has answered it.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Request, Response, StatusCode, Url};

use super::answer::{Problem, Verdict, Verdicts, is_passing};
use super::fields::Resource;
use super::report::Report;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(15);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// How long a batch is tried, and how soon again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From a batch's first failure.
    pub(super) give_up_after: Duration,
    /// The wait after the first failure; it doubles with each.
    pub(super) first_wait: Duration,
}

/// A client of one of the API's ways in.
pub(super) struct Sender<'a> {
    http: Client,
    url: Url,
    key: HeaderValue,
    patience: Patience,
    report: &'a Report,
}

/// Why an attempt failed that is worth another.
struct Trouble {
    what: String,
    retry_after: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            give_up_after: Duration::from_secs(5 * 60),
            first_wait: Duration::from_millis(250),
        }
    }
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        base: &str,
        key: &str,
        resource: Resource,
        patience: Patience,
        report: &'a Report,
    ) -> anyhow::Result<Self> {
        let url = format!(
            "{}/api/data/{}",
            base.trim_end_matches('/'),
            resource.name()
        );
        let mut bearer = HeaderValue::try_from(format!("Bearer {key}"))
            .context("the key has characters that no key has")?;
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
            patience,
            report,
        })
    }

    /// Sends NDJSON of so many items, again and again while the server is away or busy. An
    /// error means that there is no point in going on.
    pub(super) async fn send(&self, body: Vec<u8>, items: usize) -> anyhow::Result<Vec<Verdict>> {
        let mut verdicts = Verdicts::new(items);
        if items == 0 {
            return Ok(verdicts.into_vec());
        }
        let request = self.request(body)?;
        let mut failing_since = None;
        let mut back_off = self.patience.first_wait;
        while let Some(trouble) = self.attempt(&request, &mut verdicts).await? {
            let since = *failing_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.patience.give_up_after {
                bail!("{}, for {} s now", trouble.what, since.elapsed().as_secs());
            }
            let wait = trouble.wait(back_off);
            self.report
                .note(&format!("{}; trying again in {wait:.1?}", trouble.what));
            tokio::time::sleep(wait).await;
            back_off = (back_off * 2).min(LONGEST_BACK_OFF);
        }
        Ok(verdicts.into_vec())
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

    /// `None` when every item has its verdict.
    async fn attempt(
        &self,
        request: &Request,
        verdicts: &mut Verdicts,
    ) -> anyhow::Result<Option<Trouble>> {
        let request = request.try_clone().context("the body is in memory")?;
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) => return Ok(Some(Trouble::unreachable(&self.url, &error))),
        };
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return Ok(Some(Trouble::unreachable(&self.url, &error))),
        };
        let problem = if status.is_success() {
            verdicts
                .take(&body)
                .with_context(|| format!("{} did not answer as Patron", self.url))?
        } else {
            Some(self.unless_final(status, &body)?)
        };
        Ok(problem.map(|problem| Trouble {
            what: format!("the server cannot take it now ({})", problem.sentence()),
            retry_after,
        }))
    }

    /// The problem of a whole request, if it may pass.
    fn unless_final(&self, status: StatusCode, body: &[u8]) -> anyhow::Result<Problem> {
        let problem = Problem::read(status.as_u16(), body);
        if is_passing(status.as_u16()) {
            return Ok(problem);
        }
        let meaning = match status {
            StatusCode::UNAUTHORIZED => "the server does not know the key",
            StatusCode::FORBIDDEN => "the key may not send data in",
            StatusCode::NOT_FOUND => "there is no such address",
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

impl Trouble {
    fn unreachable(url: &Url, error: &reqwest::Error) -> Self {
        let host = url.origin().ascii_serialization();
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let what = match error.is_timeout() {
            true => format!("{host} did not answer in time"),
            false => format!("no answer from {host} ({cause})"),
        };
        Self {
            what,
            retry_after: None,
        }
    }

    /// At least what the server asked for, at least half the back-off, and never the same for
    /// two clients.
    fn wait(&self, back_off: Duration) -> Duration {
        let jittered = back_off.mul_f64(rand::random_range(0.5..1.0));
        let asked = self
            .retry_after
            .map(|asked| asked.min(LONGEST_RETRY_AFTER) + jittered / 2);
        jittered.max(asked.unwrap_or_default())
    }
}

/// The header in seconds, as Patron gives it; a date is left to the back-off.
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
