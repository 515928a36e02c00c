//! Protection against cross-site request forgery.
//!
//! A browser attaches the session cookie to a request even if a foreign page
//! causes it. `SameSite=Lax` prevents that for writes from pages of other
//! sites, but not from pages of another subdomain of the same site. The check
//! in this module rejects those too, except for pages of an allowed origin.

use axum::http::{HeaderMap, HeaderName, Method, header};
use reqwest::Url;

use super::origins::AllowedOrigins;
use crate::http::problem::{Problem, ProblemKind};

/// Header in which browsers state how the page that caused a request relates to
/// the API. Pages cannot set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Rejects a write with a session cookie unless a page of the same origin, or of an
/// allowed one, caused it.
pub(super) fn check(
    method: &Method,
    headers: &HeaderMap,
    ours: &Url,
    allowed: &AllowedOrigins,
) -> Result<(), Problem> {
    if method.is_safe() || is_same_origin(headers, ours) || is_allowed(headers, allowed) {
        return Ok(());
    }
    let detail = "a write with a session cookie must come from a page of the same origin or of an \
                  allowed one, as stated by the headers Sec-Fetch-Site or Origin";
    Err(Problem::new(ProblemKind::CrossSite, detail))
}

/// Returns whether the headers state the same origin, or that the user caused
/// the request without a page (`none`). A request with neither header does not
/// pass: current browsers send at least one with a write.
fn is_same_origin(headers: &HeaderMap, ours: &Url) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN).and_then(|origin| origin.parse::<Url>().ok()) else {
        return false;
    };
    // `Host` admits a server that is reached by another name than its public
    // URL, such as 127.0.0.1. Pages cannot set that header either.
    let host = text(header::HOST).and_then(|host| {
        let scheme = origin.scheme();
        format!("{scheme}://{host}").parse::<Url>().ok()
    });
    let same = |url: Url| url.origin() == origin.origin();
    same(ours.clone()) || host.is_some_and(same)
}

/// Returns whether the headers state an allowed origin, and do not contradict that it is
/// of the same site.
fn is_allowed(headers: &HeaderMap, allowed: &AllowedOrigins) -> bool {
    let is_same_site = headers
        .get(SEC_FETCH_SITE)
        .is_none_or(|site| site == "same-site");
    let origin = headers.get(header::ORIGIN);
    let origin = origin.and_then(|origin| origin.to_str().ok());
    is_same_site && origin.is_some_and(|origin| allowed.contains(origin))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn passes(method: Method, sent: &[(HeaderName, &str)]) -> bool {
        let pair = |(name, value): &(HeaderName, &str)| {
            (name.clone(), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = sent.iter().map(pair).collect();
        let ours = "https://crm.example.com/";
        let allowed = AllowedOrigins::parse("https://app.example.com", &ours.parse().unwrap());
        check(&method, &headers, &ours.parse().unwrap(), &allowed.unwrap()).is_ok()
    }

    #[test]
    fn sec_fetch_site_decides_where_a_browser_sends_it() {
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
    fn origin_decides_without_sec_fetch_site() {
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
    fn pages_of_an_allowed_origin_may_write() {
        let origin = |origin| (header::ORIGIN, origin);
        let (app, www) = ("https://app.example.com", "https://www.example.com");
        for (sent, good) in [
            (vec![origin(app), (SEC_FETCH_SITE, "same-site")], true),
            (vec![origin(app)], true),
            (vec![origin(app), (SEC_FETCH_SITE, "cross-site")], false),
            (vec![origin(www), (SEC_FETCH_SITE, "same-site")], false),
            (vec![origin("https://app.example.com:8443")], false),
            (vec![origin("http://app.example.com")], false),
            (vec![origin("null"), (SEC_FETCH_SITE, "same-site")], false),
            (vec![(SEC_FETCH_SITE, "same-site")], false),
        ] {
            assert_eq!(passes(Method::POST, &sent), good, "{sent:?}");
        }
    }

    #[test]
    fn a_write_without_either_header_is_rejected() {
        assert!(!passes(Method::POST, &[]));
        assert!(!passes(Method::POST, &[(header::HOST, "crm.example.com")]));
        assert!(passes(Method::GET, &[]));
        assert!(passes(Method::HEAD, &[]));
    }
}
