//! A browser, as far as signing in needs one: cookies, and going where one is sent.

use std::collections::BTreeMap;

use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, header};

use super::client::{Answer, answer};

/// One with its own cookies, which goes nowhere by itself.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Of the API at `base`, without any cookies.
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

    /// The same one at another process.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// The same one with this session's token.
    pub(crate) fn with_session(&self, token: &str) -> Self {
        let mut other = self.clone();
        other
            .cookies
            .insert("patron_session".to_owned(), token.to_owned());
        other
    }

    /// The session's token, if it has one.
    pub(crate) fn session(&self) -> Option<&str> {
        self.cookies.get("patron_session").map(String::as_str)
    }

    /// The beginning of a request to the API, from a page of its own.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare_request(method, path)
            .header("sec-fetch-site", "same-origin")
    }

    /// The beginning of a request that does not say where it comes from.
    pub(crate) fn bare_request(&self, method: Method, path: &str) -> RequestBuilder {
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
        self.keep(answer(request).await)
    }

    pub(crate) async fn post(&mut self, path: &str) -> Answer {
        let request = self.request(Method::POST, path);
        self.keep(answer(request).await)
    }

    /// Goes to the provider and back; what the API says in the end.
    pub(crate) async fn sign_in(&mut self) -> Answer {
        let callback = self.at_callback().await;
        self.get(&callback).await
    }

    /// Goes to the provider; the path that it is sent back to.
    pub(crate) async fn at_callback(&mut self) -> String {
        let begun = self.get("/api/auth/google").await;
        assert_eq!(begun.status, 303, "{begun:?}");
        let sent_back = answer(self.http.get(begun.header("location"))).await;
        assert_eq!(sent_back.status, 302, "{sent_back:?}");
        let url: reqwest::Url = sent_back.header("location").parse().unwrap();
        format!("{}?{}", url.path(), url.query().unwrap())
    }

    /// Who the API says it is.
    pub(crate) async fn me(&mut self) -> Answer {
        self.get("/api/auth/me").await
    }

    /// Keeps the cookies that an answer sets, and loses those that it takes away.
    fn keep(&mut self, answer: Answer) -> Answer {
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
