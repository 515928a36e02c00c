//! The two cookies: the session, and what a sign-in on its way has to bring
//! back.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};

use super::session::Purpose;

/// A cookie's name, and where it is sent.
fn of(purpose: Purpose) -> (&'static str, &'static str) {
    match purpose {
        Purpose::Session => ("patron_session", "/"),
        Purpose::SignIn => ("patron_sign_in", "/api/auth"),
    }
}

/// The token that a request's cookie has.
pub(crate) fn token(headers: &HeaderMap, purpose: Purpose) -> Option<String> {
    let (name, _) = of(purpose);
    let jar = CookieJar::from_headers(headers);
    jar.get(name).map(|cookie| cookie.value().to_owned())
}

/// `Set-Cookie` with this token. No script can read it; another site's pages
/// cannot send it but by a link; `secure` keeps it on TLS.
pub(crate) fn set(purpose: Purpose, token: String, secure: bool) -> HeaderValue {
    header_of(purpose, token, secure, purpose.life())
}

/// `Set-Cookie` that takes the cookie away.
pub(crate) fn remove(purpose: Purpose, secure: bool) -> HeaderValue {
    header_of(purpose, String::new(), secure, Duration::ZERO)
}

fn header_of(purpose: Purpose, token: String, secure: bool, life: Duration) -> HeaderValue {
    let (name, path) = of(purpose);
    let mut cookie = Cookie::new(name, token);
    cookie.set_path(path);
    cookie.set_http_only(true);
    cookie.set_secure(secure);
    cookie.set_same_site(SameSite::Lax);
    let seconds = life.as_secs();
    let text = format!("{cookie}; Max-Age={seconds}");
    // Tokens are base64url and dots, the rest is ours.
    let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Whether an answer says something of a cookie already.
pub(crate) fn is_set(headers: &HeaderMap) -> bool {
    headers.contains_key(header::SET_COOKIE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_for_this_server_alone() {
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
    fn a_token_is_read_from_among_others() {
        let mut headers = HeaderMap::new();
        let cookies = HeaderValue::from_static("a=1; patron_session=a.b.c; b=2");
        headers.insert(header::COOKIE, cookies);
        let read = token(&headers, Purpose::Session);
        assert_eq!(read.as_deref(), Some("a.b.c"));
        assert_eq!(token(&headers, Purpose::SignIn), None);
    }
}
