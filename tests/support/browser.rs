//! A minimal browser for sign-in tests: cookies, and redirects that the test follows itself.

use std::collections::BTreeMap;

use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, header};

use super::client::{Answer, send};

/// A browser with its own cookies that does not follow redirects automatically.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Returns a browser for the API at `base`, without cookies.
    pub(crate) fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .build();
        Self {
            http: http.unwrap(),
            base: base.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// Returns a copy with the same cookies for another API process.
    pub(crate) fn for_api(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// Returns a copy with this session token.
    pub(crate) fn with_session(&self, token: &str) -> Self {
        let mut other = self.clone();
        other
            .cookies
            .insert("patron_session".to_owned(), token.to_owned());
        other
    }

    /// Returns the session token, if there is one.
    pub(crate) fn session_token(&self) -> Option<&str> {
        self.cookies.get("patron_session").map(String::as_str)
    }

    /// Returns a request to the API as from a page of its own origin.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_without_origin(method, path)
            .header("sec-fetch-site", "same-origin")
    }

    /// Returns a request without an origin.
    pub(crate) fn request_without_origin(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let pairs = self.cookies.iter();
        let cookies: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match cookies.is_empty() {
            true => request,
            false => request.header(header::COOKIE, cookies.join("; ")),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.store_cookies(send(request).await)
    }

    pub(crate) async fn post(&mut self, path: &str) -> Answer {
        let request = self.request(Method::POST, path);
        self.store_cookies(send(request).await)
    }

    /// Signs in at the provider; returns the API's answer to the callback.
    pub(crate) async fn sign_in(&mut self) -> Answer {
        let callback = self.sign_in_at_provider().await;
        self.get(&callback).await
    }

    /// Signs in at the provider; returns the callback path to which it redirects.
    pub(crate) async fn sign_in_at_provider(&mut self) -> String {
        self.sign_in_from("/api/auth/google").await
    }

    /// Like [`Self::sign_in_at_provider`], from this path, which redirects to the provider.
    pub(crate) async fn sign_in_from(&mut self, path: &str) -> String {
        let begun = self.get(path).await;
        assert_eq!(begun.status, 303, "{begun:?}");
        let sent_back = send(self.http.get(begun.header("location"))).await;
        assert_eq!(sent_back.status, 302, "{sent_back:?}");
        let url: reqwest::Url = sent_back.header("location").parse().unwrap();
        format!("{}?{}", url.path(), url.query().unwrap())
    }

    /// Reads `/api/auth/me`.
    pub(crate) async fn me(&mut self) -> Answer {
        self.get("/api/auth/me").await
    }

    /// Stores the cookies that an answer sets, and removes those that it expires.
    fn store_cookies(&mut self, answer: Answer) -> Answer {
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            let (pair, rest) = set.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(
                rest.contains("HttpOnly") && rest.contains("SameSite=Lax"),
                "{set}"
            );
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}
