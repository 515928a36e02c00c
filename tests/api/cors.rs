//! Cross-origin requests: pages of allowed origins may use the API, and no other page.

use domain::UserRole;
use reqwest::{Method, header};
use serde_json::json;

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::client::{Answer, send};
use crate::support::oidc::OidcProvider;
use crate::support::process::run;
use crate::support::tokens::{self, SESSION_KEY};

/// Origin of a frontend that may use the API, of the same site as the public URL.
const ALLOWED: &str = "http://localhost:5173";

/// Another origin of the same site.
const OTHER: &str = "http://localhost:5174";

async fn start() -> App {
    let environment = [
        ("PATRON_SESSION_KEYS", SESSION_KEY),
        (
            "PATRON_ALLOWED_ORIGINS",
            "http://localhost:5173, http://localhost:4173",
        ),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned()));
    App::with_environment(environment.into()).await
}

/// Sends a preflight from a page of this origin, as browsers do: without a credential.
async fn preflight(app: &App, path: &str, origin: &str) -> Answer {
    let anonymous = app.client.with_key(None);
    let request = anonymous.request(Method::OPTIONS, path);
    let request = request
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "DELETE")
        .header(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "authorization,idempotency-key",
        );
    send(request).await
}

/// Sends a read from a page of this origin.
async fn read_from(app: &App, path: &str, origin: &str) -> Answer {
    let request = app.client.request(Method::GET, path);
    send(request.header(header::ORIGIN, origin)).await
}

/// Asserts that an answer has no header that shows it to a page of another origin.
fn assert_not_shared(answer: &Answer) {
    let names = answer.headers.keys().map(|name| name.as_str());
    let shared: Vec<_> = names
        .filter(|name| name.starts_with("access-control-"))
        .collect();
    assert_eq!(shared, [""; 0], "{answer:?}");
}

/// Returns the words of a header with a list, sorted.
fn words(answer: &Answer, name: &str) -> Vec<String> {
    let words = answer.header(name).split(',');
    let mut words: Vec<_> = words.map(|word| word.trim().to_lowercase()).collect();
    words.sort();
    words
}

#[tokio::test]
async fn preflights_of_allowed_origins_are_answered_before_authentication() {
    let app = start().await;
    for path in ["/api/segments/seg_1", "/api/nothing", "/openapi.json"] {
        let answer = preflight(&app, path, ALLOWED).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), ALLOWED);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        let methods = ["delete", "get", "head", "patch", "post", "put"];
        assert_eq!(words(&answer, "access-control-allow-methods"), methods);
        assert_eq!(
            words(&answer, "access-control-allow-headers"),
            [
                "authorization",
                "content-type",
                "idempotency-key",
                "patron-consistency",
                "prefer",
                "x-request-id"
            ]
        );
        assert!(words(&answer, "vary").contains(&"origin".to_owned()));
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn answers_to_allowed_origins_can_be_read_even_if_they_are_refusals() {
    let app = start().await;
    let anonymous = app.client.with_key(None);
    for (client, path, status) in [
        (&app.client, "/api/customers", 200),
        (&app.client, "/api/customers/c-1", 404),
        (&app.client, "/api/customers?x=1", 400),
        (&app.client, "/openapi.json", 200),
        (&anonymous, "/api/customers", 401),
    ] {
        let request = client.request(Method::GET, path);
        let answer = send(request.header(header::ORIGIN, ALLOWED)).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), ALLOWED);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        let exposed = words(&answer, "access-control-expose-headers");
        for name in [
            "location",
            "patron-consistency",
            "patron-position",
            "retry-after",
            "x-request-id",
        ] {
            assert!(exposed.contains(&name.to_owned()), "{name}");
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_get_no_headers() {
    let app = start().await;
    for origin in [
        OTHER,
        "http://localhost",
        "https://localhost:5173",
        "http://localhost:5173.evil.example",
        "http://127.0.0.1:5173",
        "null",
        "*",
    ] {
        let read = read_from(&app, "/api/customers", origin).await;
        assert_eq!(read.status, 200, "{origin}");
        assert_not_shared(&read);
        let refused = preflight(&app, "/api/customers", origin).await;
        assert!(refused.status >= 400, "{origin}: {refused:?}");
        assert_not_shared(&refused);
    }
    for path in ["/healthz", "/metrics", "/docs/"] {
        let read = read_from(&app, path, ALLOWED).await;
        assert_eq!(read.status, 200, "{path}");
        assert_not_shared(&read);
    }
    assert_not_shared(&app.client.get("/api/customers").await);
}

#[tokio::test]
async fn no_origin_is_allowed_by_default() {
    let app = App::without_workers().await;
    assert_not_shared(&read_from(&app, "/api/customers", ALLOWED).await);
    assert_not_shared(&preflight(&app, "/api/customers", ALLOWED).await);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_write_with_a_session() {
    let app = start().await;
    let (user, session) = app.sign_in_user(UserRole::Marketer).await;
    let token = tokens::valid_token(&tokens::claims(&user, &session, 0));
    let browser = Browser::new(app.client.base()).with_session(&token);
    let write = async |name: &str, origin: &str| {
        let body = json!({"name": name, "rules": "order_count > 1"});
        let request = browser.request_without_origin(Method::POST, "/api/segments");
        let request = request
            .header("sec-fetch-site", "same-site")
            .header(header::ORIGIN, origin);
        send(request.json(&body)).await
    };
    let created = write("Allowed", ALLOWED).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("access-control-allow-origin"), ALLOWED);
    assert!(!created.header("location").is_empty());
    let refused = write("Other", OTHER).await;
    refused.assert_problem(403, "cross-site");
    assert_not_shared(&refused);
}

#[tokio::test]
async fn a_sign_in_returns_to_pages_of_allowed_origins_only() {
    let Some(mut provider) = OidcProvider::start() else {
        return;
    };
    provider.set_claims(json!({
        "sub": "117", "email": "ada@example.com", "email_verified": true, "name": "Ada",
    }));
    let app = App::with_environment(vec![
        ("PATRON_OIDC_ISSUER", provider.issuer.clone()),
        ("GOOGLE_CLIENT_ID", "patron-1".to_owned()),
        ("GOOGLE_CLIENT_SECRET", "client-s3cret".to_owned()),
        ("PATRON_ALLOWED_DOMAINS", "example.com".to_owned()),
        ("PATRON_SESSION_KEYS", SESSION_KEY.to_owned()),
        ("PATRON_ALLOWED_ORIGINS", ALLOWED.to_owned()),
    ])
    .await;
    let mut browser = Browser::new(app.client.base());
    let path = "/api/auth/google?return_to=http://localhost:5173/campaigns%3Fstatus=draft";
    let callback = browser.sign_in_from(path).await;
    let done = browser.get(&callback).await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(
        done.header("location"),
        "http://localhost:5173/campaigns?status=draft"
    );
    assert_eq!(browser.me().await.body["email"], "ada@example.com");
    for elsewhere in [
        "http://localhost:5174/",
        "https://localhost:5173/",
        "http://localhost:5173@evil.example/",
        "http://localhost:5173.evil.example/",
        "//localhost:5173/",
    ] {
        let path = format!("/api/auth/google?return_to={elsewhere}");
        let refused = browser.get(&path).await;
        refused.assert_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn origins_of_another_site_are_refused_at_the_start() {
    let app = App::without_workers().await;
    for (origins, reason) in [
        (
            "https://app.example.org",
            "is not of the same site as https://crm.example.com",
        ),
        (
            "http://crm.example.com",
            "is not of the same site as https://crm.example.com",
        ),
        ("https://crm.example.com, *", "\"*\" is not an origin"),
        ("https://crm.example.com/app", "is not an origin"),
    ] {
        let mut serve = app.patron(["serve", "--listen", "127.0.0.1:0"]);
        serve.args(["--public-url", "https://crm.example.com"]);
        serve.args(["--allowed-origins", origins]);
        let ended = run(serve);
        assert_eq!(ended.code, Some(1), "{origins}: {ended:?}");
        assert!(ended.err.contains("PATRON_ALLOWED_ORIGINS"), "{ended:?}");
        assert!(ended.err.contains(reason), "{origins}: {}", ended.err);
    }
}
