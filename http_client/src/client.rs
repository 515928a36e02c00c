//! Client with limits on time and size.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect;
use reqwest::{Client, ClientBuilder, Method, Request, RequestBuilder, StatusCode, Url};

/// Limits of exchanges with one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Time limit for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Time limit for an exchange, connecting and the response body included.
    pub timeout: Duration,
    /// Maximum size of a response body in bytes.
    pub max_body: usize,
    /// True to use the proxies that the environment names (`HTTPS_PROXY` and
    /// others).
    pub environment_proxies: bool,
}

/// Reason why there is no response, or no complete one.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request is invalid, the server cannot be reached or is too slow, or
    /// the connection broke.
    #[error(transparent)]
    Exchange(#[from] reqwest::Error),
    /// The body is larger than the policy allows.
    #[error("the response has more than {0} bytes")]
    TooLarge(usize),
}

/// Client that enforces a [`Policy`]. Clones share connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client,
    max_body: usize,
}

/// Response whose body has not been read yet.
#[derive(Debug)]
pub struct Response {
    response: reqwest::Response,
    max_body: usize,
}

impl HttpClient {
    /// Creates a client. `builder` may have settings that are not part of a
    /// policy, such as default headers; those of the policy override it.
    ///
    /// # Errors
    /// Returns an error if TLS is not available, or a setting of `builder` is
    /// invalid.
    pub fn new(builder: ClientBuilder, policy: &Policy) -> reqwest::Result<Self> {
        let builder = builder
            .connect_timeout(policy.connect_timeout)
            .timeout(policy.timeout)
            .redirect(redirect::Policy::none());
        let builder = match policy.environment_proxies {
            true => builder,
            false => builder.no_proxy(),
        };
        Ok(Self {
            client: builder.build()?,
            max_body: policy.max_body,
        })
    }

    /// Begins a request. Pass it to [`Self::send`] when it is built; a request
    /// that is sent by the builder itself has no limit on the response's size.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request once, and returns the response's head.
    ///
    /// # Errors
    /// [`HttpError::Exchange`].
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        Ok(Response {
            response: self.client.execute(request).await?,
            max_body: self.max_body,
        })
    }
}

impl Response {
    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Reads the body.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn body(mut self) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.response.chunk().await? {
            if body.len() + chunk.len() > self.max_body {
                return Err(HttpError::TooLarge(self.max_body));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    const POLICY: Policy = Policy {
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        max_body: 1_000,
        environment_proxies: false,
    };

    async fn get(policy: &Policy, url: &str) -> Result<Response, HttpError> {
        let client = HttpClient::new(Client::builder(), policy).unwrap();
        let request = client.request(Method::GET, url.parse().unwrap());
        client.send(request.build().unwrap()).await
    }

    async fn server(response: ResponseTemplate) -> MockServer {
        let server = MockServer::start().await;
        let mock = Mock::given(path("/a")).respond_with(response);
        mock.mount(&server).await;
        server
    }

    /// Starts a server that answers with `response` and keeps the connection
    /// open. Returns its URL.
    fn raw_server(response: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 4_096];
            let _read = connection.read(&mut request).unwrap();
            connection.write_all(response.as_bytes()).unwrap();
            while connection.read(&mut request).is_ok_and(|read| read > 0) {}
        });
        url
    }

    #[tokio::test]
    async fn every_status_is_a_response() {
        for status in [200, 404, 503] {
            let server = server(ResponseTemplate::new(status).set_body_string("hi")).await;
            let url = format!("{}/a", server.uri());
            let response = get(&POLICY, &url).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.body().await.unwrap(), b"hi");
        }
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let redirect = ResponseTemplate::new(307).insert_header("location", "/b");
        let server = server(redirect).await;
        let response = get(&POLICY, &format!("{}/a", server.uri())).await.unwrap();
        assert_eq!(response.status(), 307);
        assert_eq!(response.headers()["location"], "/b");
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let fits = server(ResponseTemplate::new(200).set_body_bytes([0; 1_000])).await;
        let response = get(&POLICY, &format!("{}/a", fits.uri())).await.unwrap();
        assert_eq!(response.body().await.unwrap().len(), 1_000);

        let bytes = "x".repeat(1_001);
        for framing in [
            format!("content-length: 1001\r\n\r\n{bytes}"),
            format!("content-length: 999999999999\r\n\r\n{bytes}"),
            format!("transfer-encoding: chunked\r\n\r\n3e9\r\n{bytes}\r\n"),
        ] {
            let url = raw_server(format!("HTTP/1.1 200 OK\r\n{framing}"));
            let body = get(&POLICY, &url).await.unwrap().body().await;
            assert!(matches!(body, Err(HttpError::TooLarge(1_000))), "{body:?}");
        }
    }

    #[tokio::test]
    async fn the_time_limit_includes_the_body() {
        let policy = Policy {
            timeout: Duration::from_millis(200),
            ..POLICY
        };
        let timed_out =
            |error: HttpError| matches!(error, HttpError::Exchange(error) if error.is_timeout());
        let silent = get(&policy, &raw_server(String::new())).await;
        assert!(timed_out(silent.unwrap_err()));
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned();
        let response = get(&policy, &raw_server(head)).await.unwrap();
        assert!(timed_out(response.body().await.unwrap_err()));
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = get(&POLICY, &url).await.unwrap_err();
        assert!(matches!(error, HttpError::Exchange(error) if error.is_connect()));
    }
}
