//! Posting of receipts: checks the callback URL, signs the post and retries it.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Bytes;
use backon::{ExponentialBuilder, Retryable};
use chrono::Utc;
use reqwest::{Client, Url, header};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, WebhookError,
};
use uuid::Uuid;

use crate::due_receipt::DueReceipt;
use crate::message::Number;
use crate::state::Vendor;

const TIMEOUT: Duration = Duration::from_secs(10);
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_URL: usize = 2_048;

/// Error of a post that was not acknowledged.
#[derive(Debug, thiserror::Error)]
enum PostError {
    #[error("{0}")]
    Unsent(#[from] reqwest::Error),
    #[error("answered {0}")]
    Refused(reqwest::StatusCode),
    #[error("cannot sign: {0}")]
    Unsigned(#[from] WebhookError),
}

/// Returns a client that follows no redirects and ignores proxies of the environment.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// Checks that receipts may be posted to the URL: only http(s) to loopback or to one of
/// `allowed_hosts`. Returns the reason if they may not.
pub(crate) fn check(url: &str, allowed_hosts: &[String]) -> Result<(), &'static str> {
    if url.len() > LONGEST_URL {
        return Err("longer than 2048 bytes");
    }
    let url = Url::parse(url).map_err(|_| "not an absolute URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("neither http nor https");
    }
    // Without this check, any client could make the vendor send requests to any host (SSRF).
    let host = url.host_str().unwrap_or_default();
    let is_allowed = || {
        allowed_hosts
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    };
    if is_loopback(host) || is_allowed() {
        Ok(())
    } else {
        Err("its host is neither loopback nor allowed by --allow-callback-host")
    }
}

/// Posts the receipts until they are acknowledged with a 2xx, with exponential backoff and jitter.
/// Waits while the vendor is down. All attempts have the same id; each has its own time and
/// signature.
pub(crate) async fn post_until_acknowledged(vendor: &Vendor, url: &str, batch: &mut [DueReceipt]) {
    let numbers: Vec<Number> = batch.iter().map(|due| due.number).collect();
    let as_object = vendor.controls.settings().receipt_batch.get() == 1;
    let Ok(body) = vendor.ledger.receipts_json(&numbers, as_object) else {
        // Strings and numbers always have a JSON form.
        return;
    };
    let id = format!("rcpt_{}", Uuid::now_v7());
    let attempt = || async {
        vendor.controls.wait_until_up().await;
        vendor.stats.posts.increment();
        post(vendor, url, &id, body.clone()).await
    };
    let backoff = ExponentialBuilder::new()
        .with_min_delay(SHORTEST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_jitter()
        .without_max_times();
    let outcome = attempt.retry(backoff).notify(|error, wait| {
        vendor.stats.posts_refused.increment();
        batch.iter_mut().for_each(DueReceipt::mark_attempted);
        tracing::debug!(
            %url, %error, ?wait, receipts = numbers.len(),
            "receipts were not acknowledged, retrying"
        );
    });
    // Cannot fail: the number of retries has no limit.
    let _ = outcome.await;
    batch.iter_mut().for_each(DueReceipt::mark_attempted);
}

async fn post(vendor: &Vendor, url: &str, id: &str, body: Bytes) -> Result<(), PostError> {
    let timestamp = Utc::now().timestamp();
    let signature = vendor.secret.webhook().sign(id, timestamp, &body)?;
    let request = vendor.client.post(url);
    let answer = request
        .header(header::CONTENT_TYPE, "application/json")
        .header(HEADER_WEBHOOK_ID, id)
        .header(HEADER_WEBHOOK_TIMESTAMP, timestamp)
        .header(HEADER_WEBHOOK_SIGNATURE, signature)
        .body(body)
        .send()
        .await?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(PostError::Refused(status)),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn receipts_are_posted_to_loopback_and_allowed_hosts_only() {
        let allowed = ["api".to_owned()];
        for url in [
            "http://127.0.0.1:1/x",
            "https://localhost/",
            "http://[::1]:1/",
            "http://API:1/",
        ] {
            assert_eq!(check(url, &allowed), Ok(()), "{url}");
        }
        for url in [
            "ftp://127.0.0.1/",
            "/api",
            "http://example.org/",
            "http://127.0.0.1@example.org/",
            "http://169.254.169.254/",
            "http://localhost.example.org/",
        ] {
            assert!(check(url, &allowed).is_err(), "{url}");
        }
    }
}
