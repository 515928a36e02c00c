//! Signing in, against a real OpenID provider.

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::client::send;
use crate::support::oidc::OidcProvider;
use crate::support::tokens::{OLD_SESSION_KEY, SESSION_KEY};
use crate::support::wait::eventually;

/// Returns the claims of a user with a verified address in the allowed domain.
fn ada() -> Value {
    json!({
        "sub": "117",
        "email": "ada@example.com",
        "email_verified": true,
        "name": "Ada",
    })
}

/// Returns the claims of [`ada`] with `changes` applied.
fn ada_with(changes: Value) -> Value {
    super::with(ada(), changes)
}

/// Returns the environment of a deployment that signs users in with this provider.
fn settings(provider: &OidcProvider) -> Vec<(&'static str, String)> {
    vec![
        ("PATRON_OIDC_ISSUER", provider.issuer.clone()),
        ("GOOGLE_CLIENT_ID", "patron-1".to_owned()),
        ("GOOGLE_CLIENT_SECRET", "client-s3cret".to_owned()),
        ("PATRON_ADMIN_EMAILS", "root@example.com".to_owned()),
        ("PATRON_ALLOWED_DOMAINS", "example.com".to_owned()),
        ("PATRON_SESSION_KEYS", SESSION_KEY.to_owned()),
    ]
}

/// Returns the body of a segment, used as an example of a write.
fn segment() -> Value {
    let often = json!({"field": "order_count", "operator": ">", "value": 1});
    json!({"name": "A", "rules": {"combinator": "and", "rules": [often]}})
}

/// Starts a deployment and a provider that signs Ada in. Returns `None` if the provider is not
/// installed.
async fn start() -> Option<(App, OidcProvider)> {
    let mut provider = OidcProvider::start()?;
    provider.set_claims(ada());
    let app = App::with_environment(settings(&provider)).await;
    Some((app, provider))
}

#[tokio::test]
async fn a_user_of_an_allowed_domain_becomes_a_viewer() {
    let Some((mut app, _provider)) = start().await else {
        return;
    };
    app.add_worker();
    let mut browser = Browser::new(app.client.base());
    let done = browser.sign_in().await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(done.header("location"), "/");
    assert!(browser.session_token().is_some());
    assert_eq!(browser.cookies.len(), 1, "only the session cookie is left");

    let me = browser.me().await.body;
    assert_eq!(me["role"], "viewer");
    assert_eq!(me["email"], "ada@example.com");
    assert_eq!(me["name"], "Ada");
    let user = me["user_id"].as_str().unwrap();
    assert_eq!(me["actor"], format!("user:{user}"));
    assert_eq!(browser.get("/api/customers").await.status, 200);
    let refused = browser.post("/api/segments").await;
    refused.assert_problem(403, "forbidden");

    app.client.wait_until_caught_up().await;
    let rows = app.client.list("/api/audit?type=user_signed_in", 10).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["actor"], me["actor"]);
    assert_eq!(rows[0]["ip"], "127.0.0.1");
    assert_eq!(rows[0]["request_id"], done.header("x-request-id"));

    // A second sign-in of the same subject belongs to the same user.
    let again = Browser::new(app.client.base()).sign_in().await;
    assert_eq!(again.status, 303);
    app.client.wait_until_caught_up().await;
    let rows = app.client.list("/api/audit?type=user_signed_in", 10).await;
    assert_eq!((rows.len(), &rows[0]["actor"]), (2, &rows[1]["actor"]));
}

#[tokio::test]
async fn without_the_console_a_sign_in_leads_to_the_documentation() {
    let Some(mut provider) = OidcProvider::start() else {
        return;
    };
    provider.set_claims(ada());
    let mut environment = settings(&provider);
    environment.push(("PATRON_NO_CONSOLE", "true".to_owned()));
    let app = App::with_environment(environment).await;
    let done = Browser::new(app.client.base()).sign_in().await;
    assert_eq!(done.header("location"), "/docs/");
}

#[tokio::test]
async fn a_user_with_an_admin_address_becomes_an_admin() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    provider.set_claims(ada_with(json!({"sub": "1", "email": "Root@example.com"})));
    let mut browser = Browser::new(app.client.base());
    browser.sign_in().await;
    assert_eq!(browser.me().await.body["role"], "admin");
    assert_eq!(browser.get("/api/admin/log").await.status, 200);
}

#[tokio::test]
async fn invalid_or_unverified_claims_are_refused() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    for (claims, slug) in [
        (json!({"nonce": "another"}), "sign-in-failed"),
        (json!({"nonce": null}), "sign-in-failed"),
        (json!({"aud": "patron-2"}), "sign-in-failed"),
        (json!({"aud": ["patron-1", "patron-2"]}), "sign-in-failed"),
        (json!({"azp": "patron-2"}), "sign-in-failed"),
        (
            json!({"iss": "https://accounts.google.com"}),
            "sign-in-failed",
        ),
        (json!({"exp": {"after": -120}}), "sign-in-failed"),
        (json!({"exp": null}), "sign-in-failed"),
        (json!({"iat": {"after": 600}}), "sign-in-failed"),
        (json!({"nbf": {"after": 600}}), "sign-in-failed"),
        (json!({"email_verified": false}), "not-admitted"),
        (json!({"email_verified": null}), "not-admitted"),
        (json!({"email": null}), "not-admitted"),
        (json!({"email": "ada@other.example"}), "not-admitted"),
        (json!({"email": "ada@sub.example.com"}), "not-admitted"),
    ] {
        provider.set_claims(ada_with(claims.clone()));
        let mut browser = Browser::new(app.client.base());
        let refused = browser.sign_in().await;
        let status = if slug == "not-admitted" { 403 } else { 400 };
        assert_eq!(refused.status, status, "{claims}: {refused:?}");
        refused.assert_problem(status, slug);
        assert!(browser.cookies.is_empty(), "{claims}");
        assert_eq!(browser.me().await.status, 401);
    }
    provider.set_claims(ada());
    provider.sign_with_unpublished_key();
    let refused = Browser::new(app.client.base()).sign_in().await;
    refused.assert_problem(400, "sign-in-failed");
}

#[tokio::test]
async fn the_provider_may_rotate_its_keys() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    let base = app.client.base();
    assert_eq!(Browser::new(base).sign_in().await.status, 303);
    provider.rotate_key();
    assert_eq!(Browser::new(base).sign_in().await.status, 303);
    // Tokens signed with an unknown key do not make the API fetch the keys every time.
    let fetched = provider.key_requests();
    provider.sign_with_unpublished_key();
    for _ in 0..5 {
        let refused = Browser::new(base).sign_in().await;
        refused.assert_problem(400, "sign-in-failed");
    }
    assert!(provider.key_requests() <= fetched + 1);
}

#[tokio::test]
async fn a_callback_is_accepted_only_once_and_in_the_browser_that_began() {
    let Some((app, _provider)) = start().await else {
        return;
    };
    let base = app.client.base();
    let mut browser = Browser::new(base);
    let callback = browser.sign_in_at_provider().await;

    let elsewhere = Browser::new(base).get(&callback).await;
    elsewhere.assert_problem(400, "sign-in-failed");
    let mut other = Browser::new(base);
    other.sign_in_at_provider().await;
    other
        .get(&callback)
        .await
        .assert_problem(400, "sign-in-failed");

    let state = "state=".to_owned();
    let tampered = callback.replace(&state, "state=x");
    let mut same = browser.clone();
    same.get(&tampered)
        .await
        .assert_problem(400, "sign-in-failed");
    assert!(same.cookies.is_empty(), "the failed attempt is over");

    let mut forged = browser.clone();
    for value in forged.cookies.values_mut() {
        value.push('x');
    }
    forged
        .get(&callback)
        .await
        .assert_problem(400, "sign-in-failed");

    for odd in [
        "/api/auth/google/callback",
        "/api/auth/google/callback?error=access_denied",
    ] {
        Browser::new(base)
            .get(odd)
            .await
            .assert_problem(400, "sign-in-failed");
    }
    assert_eq!(browser.get(&callback).await.status, 303);
    let twice = browser.get(&callback).await;
    twice.assert_problem(400, "sign-in-failed");
}

#[tokio::test]
async fn a_sign_in_uses_pkce_and_returns_only_to_local_paths() {
    let Some((app, _provider)) = start().await else {
        return;
    };
    let browser = Browser::new(app.client.base());
    let begin = |return_to: &str| {
        let query = [("return_to", return_to)];
        let request = browser.request(Method::GET, "/api/auth/google");
        send(request.query(&query))
    };
    let begun = begin("/docs/#/sign-in").await;
    assert_eq!(begun.status, 303, "{begun:?}");
    let url: reqwest::Url = begun.header("location").parse().unwrap();
    let parameters: std::collections::BTreeMap<_, _> = url.query_pairs().collect();
    assert_eq!(parameters["code_challenge_method"], "S256");
    assert_eq!(parameters["response_type"], "code");
    assert_eq!(parameters["client_id"], "patron-1");
    assert!(parameters["scope"].contains("openid") && parameters["scope"].contains("email"));
    for name in ["state", "nonce", "code_challenge"] {
        assert!(parameters[name].len() >= 22, "{name}");
    }
    assert!(!url.as_str().contains("s3cret"));
    for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        begin(elsewhere)
            .await
            .assert_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn signing_out_takes_effect_at_once_in_every_process() {
    let Some((app, _provider)) = start().await else {
        return;
    };
    let (_second, client) = app.settings().serve("127.0.0.1:0");
    let mut browser = Browser::new(app.client.base());
    browser.sign_in().await;
    let mut elsewhere = browser.for_api(client.base());
    assert_eq!(elsewhere.me().await.status, 200);
    let stolen = browser.clone();

    let out = browser.post("/api/auth/logout").await;
    assert_eq!(out.status, 204, "{out:?}");
    assert!(!out.position().is_empty());
    assert!(browser.cookies.is_empty());
    for base in [app.client.base(), client.base()] {
        let mut stolen = stolen.for_api(base);
        stolen.me().await.assert_problem(401, "unauthenticated");
        assert!(stolen.cookies.is_empty(), "the response clears the cookie");
    }

    // The end of one session leaves the others open.
    let (mut first, mut second) = (Browser::new(app.client.base()), Browser::new(client.base()));
    first.sign_in().await;
    let begun = second.sign_in().await;
    assert_eq!(begun.status, 303, "{begun:?}");
    first.post("/api/auth/logout").await;
    assert_eq!(second.me().await.status, 200);
}

#[tokio::test]
async fn session_keys_can_be_rotated() {
    let Some((app, provider)) = start().await else {
        return;
    };
    let mut browser = Browser::new(app.client.base());
    browser.sign_in().await;
    for (keys, status) in [
        (format!("{OLD_SESSION_KEY},{SESSION_KEY}"), 200),
        (OLD_SESSION_KEY.to_owned(), 401),
    ] {
        let mut changed = app.settings().clone();
        changed.environment = settings(&provider);
        changed.environment.push(("PATRON_SESSION_KEYS", keys));
        let (_process, client) = changed.serve("127.0.0.1:0");
        let mut there = browser.for_api(client.base());
        assert_eq!(there.me().await.status, status);
    }
}

#[tokio::test]
async fn writes_from_other_sites_are_refused() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    provider.set_claims(ada_with(json!({"email": "root@example.com"})));
    let mut browser = Browser::new(app.client.base());
    browser.sign_in().await;
    let write = |name: &'static str, value: &str| {
        let request = browser.request_without_origin(Method::POST, "/api/segments");
        send(request.header(name, value).json(&segment()))
    };
    let base = app.client.base();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("x-other", "value"),
    ] {
        write(name, value).await.assert_problem(403, "cross-site");
    }
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", base)] {
        let written = write(name, value).await;
        assert_eq!(written.status, 201, "{name}: {written:?}");
    }
    // A request with an API key is not checked: a page of another site cannot send the key.
    let by_key = app.client.post("/api/segments", segment()).await;
    assert_eq!(by_key.status, 201);
}

#[tokio::test]
async fn an_unavailable_or_mismatched_provider_signs_nobody_in() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    let base = app.client.base();
    provider.set_token_status(400);
    let refused = Browser::new(base).sign_in().await;
    refused.assert_problem(400, "sign-in-failed");
    provider.set_token_status(200);

    let mut browser = Browser::new(base);
    let callback = browser.sign_in_at_provider().await;
    let issuer = provider.issuer.clone();
    drop(provider);
    let unavailable = browser.get(&callback).await;
    unavailable.assert_problem(503, "unavailable");
    assert!(!unavailable.header("retry-after").is_empty());

    // A process that starts now has no copy of the provider's metadata.
    let (_process, client) = app.settings().serve("127.0.0.1:0");
    let unavailable = Browser::new(client.base()).get("/api/auth/google").await;
    unavailable.assert_problem(503, "unavailable");

    // A discovery document that names another issuer is rejected.
    let Some(another) = OidcProvider::start() else {
        return;
    };
    let mut changed = app.settings().clone();
    let mismatched = another.issuer.replace("localhost", "127.0.0.1");
    changed.environment.push(("PATRON_OIDC_ISSUER", mismatched));
    let (_process, client) = changed.serve("127.0.0.1:0");
    let refused = Browser::new(client.base()).get("/api/auth/google").await;
    refused.assert_problem(503, "unavailable");
    assert_ne!(another.issuer, issuer);
}

#[tokio::test]
async fn an_aging_token_is_renewed_and_an_expired_one_refused() {
    use crate::support::tokens;
    let app = App::with_environment(vec![("PATRON_SESSION_KEYS", SESSION_KEY.to_owned())]).await;
    let (user, session) = app.sign_in_user(domain::UserRole::Viewer).await;
    let token = |age| tokens::valid_token(&tokens::claims(&user, &session, age));
    let browser = Browser::new(app.client.base());
    let mut fresh = browser.with_session(&token(60));
    assert!(!fresh.me().await.headers.contains_key(header::SET_COOKIE));
    let mut old = browser.with_session(&token(6 * 60));
    assert_eq!(old.me().await.status, 200);
    let renewed = old.session_token().unwrap().to_owned();
    assert_ne!(renewed, token(6 * 60));
    assert_eq!(old.me().await.status, 200);
    let ended = eventually("the token has expired", async || {
        let mut gone = browser.with_session(&token(31 * 60));
        let answer = gone.me().await;
        (answer.status == 401).then_some(answer)
    });
    ended.await.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn sign_in_is_not_found_without_a_provider() {
    let app = App::without_workers().await;
    for path in [
        "/api/auth/google",
        "/api/auth/google/callback?code=x&state=y",
        "/api/auth/local?token=x",
    ] {
        let anonymous = app.client.with_key(None);
        anonymous.get(path).await.assert_problem(404, "not-found");
    }
    let me = app.client.read("/api/auth/me").await;
    assert_eq!(me, json!({"actor": "key:bootstrap", "role": "admin"}));
    let out = app.client.post("/api/auth/logout", Value::Null).await;
    assert_eq!(out.status, 204);
    assert_eq!(app.client.read("/api/auth/me").await["role"], "admin");
}
