//! HTTP client of the provider, with limits on time and size.

use std::net::IpAddr;
use std::time::Duration;

use axum::http;
use futures::future::BoxFuture;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::de::DeserializeOwned;

use super::error::OidcError;

/// Time limit for a response, including its body.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum size of a response body.
const MAX_BYTES: usize = 256 * 1024;

/// Reason why there is no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The provider does not answer, or not in time.
    #[error(transparent)]
    Unreachable(#[from] reqwest::Error),
    /// The response is too large.
    #[error("the response has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// The request is not a valid HTTP request.
    #[error(transparent)]
    Request(#[from] http::Error),
}

/// Client of the provider. It follows no redirects: only the endpoints that
/// discovery names are trusted.
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .build()?;
        Ok(Self(client))
    }

    /// Fetches the JSON document at `url`.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, OidcError> {
        let response = self.0.get(url.clone()).send().await;
        let response = response.map_err(HttpError::from)?;
        let status = response.status();
        if status != http::StatusCode::OK {
            return Err(OidcError::Invalid(format!("{url} answered {status}")));
        }
        let bytes = read(response).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| OidcError::Invalid(format!("{url}: {error}")))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.0.execute(request.try_into()?).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut answer = HttpResponse::new(read(response).await?);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

/// Transport of the crate `oauth2`.
impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// Reads a body up to the limit. The declared length is not trusted.
async fn read(mut response: Response) -> Result<Vec<u8>, HttpError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err(HttpError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Returns whether traffic to a URL is protected from others: by TLS, or because
/// it stays on this machine.
pub(crate) fn is_protected(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Returns whether the host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = |address: IpAddr| address.is_loopback();
    host == "localhost" || address.parse().is_ok_and(loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_protected() {
        let protected = |url: &str| is_protected(&url.parse().unwrap());
        for url in [
            "https://accounts.google.com",
            "http://localhost:1/a",
            "http://127.0.0.1",
            "http://127.9.9.9",
            "http://[::1]:80",
        ] {
            assert!(protected(url), "{url}");
        }
        for url in [
            "http://accounts.google.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
            "file:///etc/passwd",
        ] {
            assert!(!protected(url), "{url}");
        }
    }
}
