//! Writes with a cookie come from pages of our own.
//!
//! A browser sends the cookie with whatever a page asks for. `SameSite=Lax`
//! keeps other sites' pages from it, but not those of a neighbouring
//! subdomain; this does.

use axum::http::{HeaderMap, HeaderName, Method, header};
use reqwest::Url;

use crate::problem::{Problem, ProblemKind};

/// What browsers say of who asks, and pages cannot change.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// That a request with a session's cookie is no write, or of the same origin.
pub(super) fn check(method: &Method, headers: &HeaderMap, ours: &Url) -> Result<(), Problem> {
    if method.is_safe() || is_same_origin(headers, ours) {
        return Ok(());
    }
    let detail = "a write with a session's cookie has to come from a page of the same origin, \
                  as the headers Sec-Fetch-Site or Origin tell";
    Err(Problem::new(ProblemKind::CrossSite, detail))
}

/// A request that does not say where it comes from is of no browser of today.
fn is_same_origin(headers: &HeaderMap, ours: &Url) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN).and_then(|origin| origin.parse::<Url>().ok()) else {
        return false;
    };
    let host = text(header::HOST).and_then(|host| {
        let scheme = origin.scheme();
        format!("{scheme}://{host}").parse::<Url>().ok()
    });
    let same = |url: Url| url.origin() == origin.origin();
    same(ours.clone()) || host.is_some_and(same)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn passes(method: Method, told: &[(HeaderName, &str)]) -> bool {
        let pair = |(name, value): &(HeaderName, &str)| {
            (name.clone(), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = told.iter().map(pair).collect();
        let ours = "https://crm.example.com/".parse().unwrap();
        check(&method, &headers, &ours).is_ok()
    }

    #[test]
    fn a_browser_says_where_a_write_comes_from() {
        for (site, good) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("", false),
        ] {
            let site = [(SEC_FETCH_SITE, site)];
            assert_eq!(passes(Method::POST, &site), good, "{site:?}");
            assert!(passes(Method::GET, &site));
        }
        let contradicting = [
            (SEC_FETCH_SITE, "cross-site"),
            (header::ORIGIN, "https://crm.example.com"),
        ];
        assert!(!passes(Method::DELETE, &contradicting));
    }

    #[test]
    fn an_older_one_says_its_origin() {
        for (origin, good) in [
            ("https://crm.example.com", true),
            ("https://crm.example.com:443", true),
            ("http://crm.example.com", false),
            ("https://crm.example.com.evil.example", false),
            ("https://www.example.com", false),
            ("null", false),
        ] {
            let origin = [(header::ORIGIN, origin), (header::HOST, "internal:8080")];
            assert_eq!(passes(Method::PUT, &origin), good, "{origin:?}");
        }
        let local = [
            (header::ORIGIN, "http://127.0.0.1:8080"),
            (header::HOST, "127.0.0.1:8080"),
        ];
        assert!(passes(Method::POST, &local));
    }

    #[test]
    fn who_says_nothing_may_not_write() {
        assert!(!passes(Method::POST, &[]));
        assert!(!passes(Method::POST, &[(header::HOST, "crm.example.com")]));
        assert!(passes(Method::GET, &[]));
        assert!(passes(Method::HEAD, &[]));
    }
}
