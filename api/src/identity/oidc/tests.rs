//! Tests of providers that are unusual, unavailable or hostile.

use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const METADATA: &str = "/.well-known/openid-configuration";

fn provider(server: &MockServer) -> Provider {
    let secret = "client-s3cret".to_owned();
    Provider::new(&server.uri(), "client-1".to_owned(), secret).unwrap()
}

fn callback() -> Url {
    "https://patron.example.com/callback".parse().unwrap()
}

fn json_body(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

async fn serve(server: &MockServer, at: &str, response: ResponseTemplate) {
    let mock = Mock::given(path(at)).respond_with(response);
    mock.mount(server).await;
}

fn metadata(server: &MockServer, token_endpoint: &str) -> Value {
    json!({
        "issuer": server.uri(),
        "authorization_endpoint": format!("{}/authorize", server.uri()),
        "token_endpoint": token_endpoint,
        "jwks_uri": format!("{}/jwks", server.uri()),
    })
}

/// Starts a provider with metadata and without keys.
async fn with_metadata() -> MockServer {
    let server = MockServer::start().await;
    let metadata = metadata(&server, &format!("{}/token", server.uri()));
    serve(&server, METADATA, json_body(metadata)).await;
    serve(&server, "/jwks", json_body(json!({"keys": []}))).await;
    server
}

/// Returns a URL at which nothing listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn requests(server: &MockServer, at: &str) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests.iter().filter(|one| one.url.path() == at).count()
}

async fn begin(provider: &Provider) -> Result<(Url, SignInAttempt), OidcError> {
    provider.begin(&callback()).await
}

/// Completes a sign-in at a provider whose token endpoint answers with
/// `response`.
async fn complete(server: &MockServer, response: ResponseTemplate) -> Result<Person, OidcError> {
    serve(server, "/token", response).await;
    let provider = provider(server);
    let (_, attempt) = begin(&provider).await.unwrap();
    let code = "code-1".to_owned();
    provider.complete(&callback(), code, attempt).await
}

/// Returns a token response whose id token names a key that the provider does
/// not have.
fn of_unknown_key() -> ResponseTemplate {
    let header = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im5vYm9keSJ9";
    let id_token = format!("{header}.e30.AAAA");
    json_body(json!({"access_token": "a", "token_type": "Bearer", "id_token": id_token}))
}

#[tokio::test]
async fn redirects_are_refused() {
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "/elsewhere");
    let server = MockServer::start().await;
    serve(&server, METADATA, elsewhere.clone()).await;
    let refused = begin(&provider(&server)).await.err();
    assert!(
        matches!(refused, Some(OidcError::Invalid(_))),
        "{refused:?}"
    );
    assert_eq!(requests(&server, "/elsewhere").await, 0);

    let server = with_metadata().await;
    let refused = complete(&server, elsewhere).await;
    assert!(matches!(refused, Err(OidcError::Invalid(_))), "{refused:?}");
    assert_eq!(requests(&server, "/elsewhere").await, 0);
}

#[tokio::test]
async fn a_huge_response_is_refused() {
    let huge = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 256 * 1024 + 1]);
    let server = MockServer::start().await;
    serve(&server, METADATA, huge.clone()).await;
    let refused = begin(&provider(&server)).await.err().unwrap();
    assert_eq!(
        refused.to_string(),
        "the provider does not answer: the response has more than 262144 bytes"
    );

    let server = with_metadata().await;
    let refused = complete(&server, huge).await;
    assert!(
        matches!(refused, Err(OidcError::Unreachable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_provider_that_failed_is_not_asked_again_at_once() {
    let server = MockServer::start().await;
    serve(&server, METADATA, ResponseTemplate::new(503)).await;
    let provider = provider(&server);
    let first = begin(&provider).await.err();
    assert!(matches!(first, Some(OidcError::Invalid(_))), "{first:?}");
    let second = begin(&provider).await.err();
    assert!(matches!(second, Some(OidcError::BackingOff)), "{second:?}");
    assert_eq!(requests(&server, METADATA).await, 1);
}

#[tokio::test]
async fn cached_metadata_is_used_while_the_provider_is_away() {
    let server = MockServer::start().await;
    let away = closed_port();
    let first = Mock::given(path(METADATA)).respond_with(json_body(metadata(&server, &away)));
    first.up_to_n_times(1).mount(&server).await;
    let provider = provider(&server);
    begin(&provider).await.unwrap();
    let (url, attempt) = begin(&provider).await.unwrap();
    let query: std::collections::HashMap<_, _> = url.query_pairs().collect();
    assert_eq!(query["nonce"], attempt.nonce);
    let code = "code-1".to_owned();
    let refused = provider.complete(&callback(), code, attempt).await;
    assert!(
        matches!(refused, Err(OidcError::Unreachable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn responses_of_the_token_endpoint_are_told_apart() {
    let refusal = ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"}));
    let refused = complete(&with_metadata().await, refusal).await;
    assert!(
        matches!(&refused, Err(OidcError::Refused(reason)) if reason == "invalid_grant"),
        "{refused:?}"
    );
    let none = json_body(json!({"access_token": "a", "token_type": "Bearer"}));
    for odd in [none, ResponseTemplate::new(200).set_body_string("<h1>")] {
        let error = complete(&with_metadata().await, odd).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the provider's response is invalid: there is no id token"
        );
    }
    let malformed = json!({"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c"});
    let refused = complete(&with_metadata().await, json_body(malformed)).await;
    assert!(
        matches!(refused, Err(OidcError::Token(TokenError::Malformed))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_unknown_key_has_the_keys_fetched_once() {
    let server = with_metadata().await;
    serve(&server, "/token", of_unknown_key()).await;
    let provider = provider(&server);
    for _ in 0..5 {
        let (_, attempt) = begin(&provider).await.unwrap();
        let code = "code-1".to_owned();
        let refused = provider.complete(&callback(), code, attempt).await;
        assert!(
            matches!(refused, Err(OidcError::Token(TokenError::UnknownKey))),
            "{refused:?}"
        );
    }
    assert_eq!(
        requests(&server, "/jwks").await,
        2,
        "first use, then by force"
    );
}
