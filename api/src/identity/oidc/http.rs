//! HTTP client of the provider, with limits on time and size.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::StatusCode;
use futures::future::BoxFuture;
use http_client::{HttpClient, HttpError, Policy};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Client, Method, Url};
use serde::de::DeserializeOwned;

use super::error::OidcError;

/// Limits of exchanges with the provider. Redirects are not followed: only the
/// endpoints that discovery names are trusted.
const POLICY: Policy = Policy {
    connect_timeout: Duration::from_secs(5),
    timeout: Duration::from_secs(5),
    max_body: 256 * 1024,
    environment_proxies: true,
};

/// Client of the provider.
pub(super) struct Http(HttpClient);

impl Http {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        Ok(Self(HttpClient::new(Client::builder(), &POLICY)?))
    }

    /// Fetches the JSON document at `url`.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, OidcError> {
        let request = reqwest::Request::new(Method::GET, url.clone());
        let response = self.0.send(request).await?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(OidcError::Invalid(format!("{url} answered {status}")));
        }
        serde_json::from_slice(&response.body().await?)
            .map_err(|error| OidcError::Invalid(format!("{url}: {error}")))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.0.send(request.try_into()?).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut answer = HttpResponse::new(response.body().await?);
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
