//! What is asked of the provider over HTTP, within bounds.

use std::net::IpAddr;
use std::time::Duration;

use axum::http;
use futures::future::BoxFuture;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::de::DeserializeOwned;

use super::error::OidcError;

/// How long the provider may take to answer, its body included.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes that an answer of the provider's may have.
const MAX_BYTES: usize = 256 * 1024;

/// Why there is no answer of the provider's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// It does not answer, or not in time.
    #[error(transparent)]
    Away(#[from] reqwest::Error),
    /// What it answers has no end.
    #[error("an answer has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// What is asked of it cannot be asked over HTTP.
    #[error(transparent)]
    Request(#[from] http::Error),
}

/// A client of the provider. It follows no redirect: what answers for the
/// provider is what discovery names, and nobody that an answer points to.
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .build()?;
        Ok(Self(client))
    }

    /// The JSON at `url`.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, OidcError> {
        let response = self.0.get(url.clone()).send().await;
        let response = response.map_err(HttpError::from)?;
        let status = response.status();
        if status != http::StatusCode::OK {
            return Err(OidcError::Odd(format!("{url} answers {status}")));
        }
        let bytes = read(response).await?;
        serde_json::from_slice(&bytes).map_err(|error| OidcError::Odd(format!("{url}: {error}")))
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

/// What `oauth2` asks by.
impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

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

/// Whether nobody on the way can read or change what goes there: TLS, or this
/// machine.
pub(crate) fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether the host is this machine.
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
    fn only_tls_and_this_machine_are_private() {
        let private = |url: &str| is_private(&url.parse().unwrap());
        for url in [
            "https://accounts.google.com",
            "http://localhost:1/a",
            "http://127.0.0.1",
            "http://127.9.9.9",
            "http://[::1]:80",
        ] {
            assert!(private(url), "{url}");
        }
        for url in [
            "http://accounts.google.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
            "file:///etc/passwd",
        ] {
            assert!(!private(url), "{url}");
        }
    }
}
