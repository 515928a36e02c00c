//! The two cookies: one holds the session, the other the state of a sign-in
//! that is in progress at the provider.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};

use super::session::Purpose;

/// Returns the name and the path of a cookie.
fn name_and_path(purpose: Purpose) -> (&'static str, &'static str) {
    match purpose {
        Purpose::Session => ("patron_session", "/"),
        Purpose::SignIn => ("patron_sign_in", "/api/auth"),
    }
}

/// Returns the token in a request's cookie.
pub(crate) fn token(headers: &HeaderMap, purpose: Purpose) -> Option<String> {
    let (name, _) = name_and_path(purpose);
    let jar = CookieJar::from_headers(headers);
    jar.get(name).map(|cookie| cookie.value().to_owned())
}

/// Returns the value of a `Set-Cookie` header with this token. Scripts cannot
/// read the cookie, and other sites' pages can send it only by a link. `secure`
/// limits it to TLS.
pub(crate) fn set(purpose: Purpose, token: String, secure: bool) -> HeaderValue {
    header_of(purpose, token, secure, purpose.lifetime())
}

/// Returns the value of a `Set-Cookie` header that removes the cookie.
pub(crate) fn remove(purpose: Purpose, secure: bool) -> HeaderValue {
    header_of(purpose, String::new(), secure, Duration::ZERO)
}

fn header_of(purpose: Purpose, token: String, secure: bool, lifetime: Duration) -> HeaderValue {
    let (name, path) = name_and_path(purpose);
    let mut cookie = Cookie::new(name, token);
    cookie.set_path(path);
    cookie.set_http_only(true);
    cookie.set_secure(secure);
    // `Strict` would withhold the sign-in cookie from the provider's redirect.
    cookie.set_same_site(SameSite::Lax);
    let seconds = lifetime.as_secs();
    let text = format!("{cookie}; Max-Age={seconds}");
    // This cannot fail: a token is base64url and dots, and all else is constant.
    let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Returns whether a response sets or removes a cookie already.
pub(crate) fn is_set(headers: &HeaderMap) -> bool {
    headers.contains_key(header::SET_COOKIE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_limited_to_this_server() {
        let set = |secure| set(Purpose::Session, "a.b.c".to_owned(), secure);
        assert_eq!(
            set(true),
            "patron_session=a.b.c; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=1800"
        );
        assert!(!set(false).to_str().unwrap().contains("Secure"));
        assert_eq!(
            remove(Purpose::SignIn, true),
            "patron_sign_in=; HttpOnly; SameSite=Lax; Secure; Path=/api/auth; Max-Age=0"
        );
    }

    #[test]
    fn a_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        let cookies = HeaderValue::from_static("a=1; patron_session=a.b.c; b=2");
        headers.insert(header::COOKIE, cookies);
        let read = token(&headers, Purpose::Session);
        assert_eq!(read.as_deref(), Some("a.b.c"));
        assert_eq!(token(&headers, Purpose::SignIn), None);
    }
}
