//! Where browsers find the API.

use std::str::FromStr;

use reqwest::Url;

use super::oidc::{is_loopback, is_private};

/// The URL that browsers know the API by: `https://crm.example.com`. The
/// provider sends them back there, and pages from there may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// A text is no [`PublicUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no public URL: it has to be an https URL, or an http one on this machine, without \
     a query"
)]
pub struct PublicUrlError(String);

impl PublicUrl {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether its cookies are for TLS alone. On this machine there is none.
    pub(super) fn is_secure(&self) -> bool {
        self.0.scheme() == "https" || !is_loopback(&self.0)
    }

    /// Whether nobody but this machine's users can mean it.
    pub fn is_here(&self) -> bool {
        is_loopback(&self.0)
    }

    /// A path of the API's there.
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
        let plain =
            |url: &Url| is_private(url) && url.query().is_none() && url.fragment().is_none();
        let url = url.filter(plain);
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
    fn paths_are_below_it() {
        for (public, joined) in [
            ("https://crm.example.com", "https://crm.example.com/api/x"),
            ("https://example.com/crm/", "https://example.com/crm/api/x"),
        ] {
            assert_eq!(url(public).join("/api/x").as_str(), joined);
        }
    }

    #[test]
    fn cookies_are_for_tls_but_on_this_machine() {
        assert!(url("https://crm.example.com").is_secure());
        assert!(url("https://localhost").is_secure());
        assert!(!url("http://localhost:8080").is_secure());
        assert!(!url("http://127.0.0.1:8080").is_secure());
    }

    #[test]
    fn what_others_could_listen_to_is_none() {
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
