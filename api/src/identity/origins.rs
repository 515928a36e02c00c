//! Origins of frontends that may use the API from a browser.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::HeaderValue;
use reqwest::Url;

use super::public_url::PublicUrl;

/// Maximum length of a page's URL.
const MAX_PAGE: usize = 512;

/// Exact origins whose pages may use the API with the user's session. Each is of the same
/// site as the public URL, since browsers do not send the session cookie, which is
/// `SameSite=Lax`, with requests of another site's pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Arc<BTreeSet<String>>);

/// Error of parsing [`AllowedOrigins`], with the rejected text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowedOriginError {
    /// The text is not an exact origin.
    #[error(
        "{0:?} is not an origin: it must be exact, such as https://app.example.com, without \
         wildcard, path or credentials"
    )]
    Invalid(String),
    /// The origin is of another site.
    #[error(
        "{origin} is not of the same site as {public_url}: browsers do not send the session \
         cookie, which is SameSite=Lax, with requests of another site's pages. The scheme and \
         the registrable domain must be the same; IP addresses and localhost must be equal"
    )]
    CrossSite {
        /// The origin.
        origin: String,
        /// URL of the API as browsers see it.
        public_url: String,
    },
}

impl AllowedOrigins {
    /// Parses origins that are separated by commas, for an API with this public URL.
    ///
    /// # Errors
    /// [`AllowedOriginError`] for the first text that is not an origin of the same site.
    pub fn parse(text: &str, public_url: &PublicUrl) -> Result<Self, AllowedOriginError> {
        let texts = text
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let origin = |text: &str| {
            let invalid = || AllowedOriginError::Invalid(text.to_owned());
            let url = origin_url(text).ok_or_else(invalid)?;
            let origin = url.origin().ascii_serialization();
            if site(&url) == site(public_url.url()) {
                return Ok(origin);
            }
            Err(AllowedOriginError::CrossSite {
                origin,
                public_url: public_url.url().origin().ascii_serialization(),
            })
        };
        let origins: Result<BTreeSet<String>, _> = texts.map(origin).collect();
        Ok(Self(Arc::new(origins?)))
    }

    /// Returns whether this is one of the origins, in the form of the header `Origin`.
    pub(super) fn contains(&self, origin: &str) -> bool {
        self.0.contains(origin)
    }

    /// Returns whether a location is the URL of a page of one of the origins, which every
    /// browser reads in the same way.
    pub(super) fn has_page(&self, location: &str) -> bool {
        let is_graphic = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let has_host = location.starts_with("https://") || location.starts_with("http://");
        if !has_host || location.len() > MAX_PAGE || !location.bytes().all(is_graphic) {
            return false;
        }
        let Ok(url) = location.parse::<Url>() else {
            return false;
        };
        has_no_credentials(&url) && self.contains(&url.origin().ascii_serialization())
    }

    /// Returns the origins as values of the header `Origin`.
    pub(crate) fn header_values(&self) -> Vec<HeaderValue> {
        let values = self.0.iter();
        // All are valid: the serialization of an origin is ASCII without spaces.
        values.filter_map(|origin| origin.parse().ok()).collect()
    }
}

/// Returns the URL of an origin, `None` if the text is anything else.
fn origin_url(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let is_origin = matches!(url.scheme(), "http" | "https")
        && has_no_credentials(&url)
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && !text.contains('*');
    is_origin.then_some(url)
}

fn has_no_credentials(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// Returns the site of a URL: the scheme, and the registrable domain if the host has one,
/// else the host. The port does not matter. Browsers decide by this whether they send a
/// cookie that is `SameSite`.
fn site(url: &Url) -> (&str, &str) {
    let host = url.host_str().unwrap_or_default();
    let domain = url.domain().and_then(psl::domain_str);
    (url.scheme(), domain.unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, public_url: &str) -> Result<AllowedOrigins, AllowedOriginError> {
        AllowedOrigins::parse(text, &public_url.parse().unwrap())
    }

    #[test]
    fn origins_of_the_same_site_are_allowed() {
        for (origin, public_url) in [
            ("https://app.example.com", "https://crm.example.com"),
            ("https://example.com", "https://crm.example.com"),
            ("https://a.b.example.co.uk:8443", "https://example.co.uk"),
            ("http://localhost:5173", "http://localhost:8080"),
            ("http://127.0.0.1:5173", "http://127.0.0.1:8080"),
            ("http://[::1]:5173", "http://[::1]:8080"),
            ("https://crm.internal", "https://crm.internal:8443"),
        ] {
            let allowed = parse(origin, public_url);
            assert!(
                allowed.is_ok_and(|allowed| allowed.contains(origin)),
                "{origin}"
            );
        }
    }

    #[test]
    fn origins_of_another_site_are_rejected() {
        for (origin, public_url) in [
            ("http://app.example.com", "https://crm.example.com"),
            ("https://example.org", "https://example.com"),
            ("https://other.co.uk", "https://crm.co.uk"),
            // Everybody may have a name below a public suffix.
            ("https://mallory.github.io", "https://crm.github.io"),
            ("http://127.0.0.1:5173", "http://localhost:8080"),
            ("http://127.0.0.2:5173", "http://127.0.0.1:8080"),
            ("http://localhost:5173", "https://localhost:8080"),
            ("https://evilexample.com", "https://example.com"),
        ] {
            let found = parse(origin, public_url);
            let is_cross_site = matches!(found, Err(AllowedOriginError::CrossSite { .. }));
            assert!(is_cross_site, "{origin}: {found:?}");
        }
    }

    #[test]
    fn only_exact_origins_are_accepted() {
        for odd in [
            "*",
            "null",
            "app.example.com",
            "https://*.example.com",
            "https://app.example.com/page",
            "https://app.example.com/?a",
            "https://ada@app.example.com",
            "https://app.example.com,*",
            "ftp://app.example.com",
            "file:///tmp",
        ] {
            let found = parse(odd, "https://crm.example.com");
            let is_invalid = matches!(found, Err(AllowedOriginError::Invalid(_)));
            assert!(is_invalid, "{odd}: {found:?}");
        }
    }

    #[test]
    fn origins_are_kept_as_browsers_send_them() {
        let text = " https://APP.example.com:443/ ,, https://b.example.com:8443 ";
        let allowed = parse(text, "https://crm.example.com").unwrap();
        let values = allowed.header_values();
        assert_eq!(
            values,
            ["https://app.example.com", "https://b.example.com:8443"]
        );
        assert_eq!(
            parse("", "https://crm.example.com"),
            Ok(AllowedOrigins::default())
        );
    }

    #[test]
    fn only_pages_of_the_origins_are_pages() {
        let allowed = parse("https://app.example.com", "https://crm.example.com").unwrap();
        for good in [
            "https://app.example.com",
            "https://app.example.com/a?b=c#d",
            "https://app.example.com:443/",
        ] {
            assert!(allowed.has_page(good), "{good}");
        }
        let long = format!("https://app.example.com/{}", "x".repeat(MAX_PAGE));
        for bad in [
            "",
            "//app.example.com/",
            "http://app.example.com/",
            "https://app.example.com:8443/",
            "https://app.example.com.evil.example/",
            "https://app.example.com@evil.example/",
            "https://ada:pass@app.example.com/",
            "https:\\\\app.example.com/",
            "https:app.example.com/",
            "https://app.example.com/\r\nSet-Cookie: b",
            "javascript:alert(1)",
            &long,
        ] {
            assert!(!allowed.has_page(bad), "{bad}");
        }
    }
}
