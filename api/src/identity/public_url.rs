//! URL of the API as browsers see it.

use std::str::FromStr;

use reqwest::Url;

use super::oidc::{is_loopback, is_protected};

/// URL of the API as browsers see it, such as `https://crm.example.com`. The
/// provider redirects back to it, and pages of its origin may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// Error of parsing a [`PublicUrl`], with the rejected text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a public URL: it must be an https URL, or an http URL of this machine, without \
     a query or fragment"
)]
pub struct PublicUrlError(String);

impl PublicUrl {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// Returns whether cookies are limited to TLS. An http URL of this machine
    /// has no TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.0.scheme() == "https" || !is_loopback(&self.0)
    }

    /// Returns whether the URL refers to this machine, so that only its own users
    /// can reach the API by it.
    pub fn is_here(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Returns the URL of a path of the API.
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let path = format!("{}{path}", self.0.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let url: Option<Url> = text.parse().ok();
        let is_valid =
            |url: &Url| is_protected(url) && url.query().is_none() && url.fragment().is_none();
        let url = url.filter(is_valid);
        url.map(Self).ok_or_else(|| PublicUrlError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PublicUrl {
        text.parse().unwrap()
    }

    #[test]
    fn paths_are_joined_below_the_url() {
        for (public, joined) in [
            ("https://crm.example.com", "https://crm.example.com/api/x"),
            ("https://example.com/crm/", "https://example.com/crm/api/x"),
        ] {
            assert_eq!(url(public).join("/api/x").as_str(), joined);
        }
    }

    #[test]
    fn cookies_need_tls_except_on_this_machine() {
        assert!(url("https://crm.example.com").is_secure());
        assert!(url("https://localhost").is_secure());
        assert!(!url("http://localhost:8080").is_secure());
        assert!(!url("http://127.0.0.1:8080").is_secure());
    }

    #[test]
    fn unencrypted_remote_urls_are_rejected() {
        for odd in [
            "",
            "crm.example.com",
            "http://crm.example.com",
            "https://a/?b=c",
        ] {
            assert!(odd.parse::<PublicUrl>().is_err(), "{odd}");
        }
    }
}
