//! Signing in, against a real OpenID provider.

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::client::answer;
use crate::support::oidc::Provider;
use crate::support::tokens::{OLD_SESSION_KEY, SESSION_KEY};
use crate::support::wait::eventually;

/// What the provider says of somebody whom it knows well.
fn ada() -> Value {
    json!({
        "sub": "117",
        "email": "ada@example.com",
        "email_verified": true,
        "name": "Ada",
    })
}

/// The same, but for this.
fn ada_but(changes: Value) -> Value {
    super::with(ada(), changes)
}

/// How a deployment signs people in at this provider.
fn settings(provider: &Provider) -> Vec<(&'static str, String)> {
    vec![
        ("PATRON_OIDC_ISSUER", provider.issuer.clone()),
        ("GOOGLE_CLIENT_ID", "patron-1".to_owned()),
        ("GOOGLE_CLIENT_SECRET", "client-s3cret".to_owned()),
        ("PATRON_ADMIN_EMAILS", "root@example.com".to_owned()),
        ("PATRON_ALLOWED_DOMAINS", "example.com".to_owned()),
        ("PATRON_SESSION_KEYS", SESSION_KEY.to_owned()),
    ]
}

/// Something to write.
fn segment() -> Value {
    let often = json!({"field": "order_count", "operator": ">", "value": 1});
    json!({"name": "A", "rules": {"combinator": "and", "rules": [often]}})
}

/// A deployment and its provider, which says that it is Ada.
async fn start() -> Option<(App, Provider)> {
    let mut provider = Provider::start()?;
    provider.says(ada());
    let app = App::told(settings(&provider)).await;
    Some((app, provider))
}

#[tokio::test]
async fn somebody_of_an_allowed_domain_may_read() {
    let Some((mut app, _provider)) = start().await else {
        return;
    };
    app.add_worker();
    let mut browser = Browser::new(app.client.base());
    let done = browser.sign_in().await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(done.header("location"), "/docs/");
    assert!(browser.session().is_some());
    assert_eq!(browser.cookies.len(), 1, "what was brought back is gone");

    let me = browser.me().await.body;
    assert_eq!(me["role"], "viewer");
    assert_eq!(me["email"], "ada@example.com");
    assert_eq!(me["name"], "Ada");
    let user = me["user_id"].as_str().unwrap();
    assert_eq!(me["actor"], format!("user:{user}"));
    assert_eq!(browser.get("/api/customers").await.status, 200);
    let refused = browser.post("/api/segments").await;
    refused.problem(403, "forbidden");

    app.client.caught_up().await;
    let rows = app.client.list("/api/audit?type=user_signed_in", 10).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["actor"], me["actor"]);
    assert_eq!(rows[0]["ip"], "127.0.0.1");
    assert_eq!(rows[0]["request_id"], done.header("x-request-id"));

    // The same person is the same user, whatever their address.
    let again = Browser::new(app.client.base()).sign_in().await;
    assert_eq!(again.status, 303);
    app.client.caught_up().await;
    let rows = app.client.list("/api/audit?type=user_signed_in", 10).await;
    assert_eq!((rows.len(), &rows[0]["actor"]), (2, &rows[1]["actor"]));
}

#[tokio::test]
async fn an_admins_address_makes_an_admin() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    provider.says(ada_but(json!({"sub": "1", "email": "Root@example.com"})));
    let mut browser = Browser::new(app.client.base());
    browser.sign_in().await;
    assert_eq!(browser.me().await.body["role"], "admin");
    assert_eq!(browser.get("/api/admin/log").await.status, 200);
}

#[tokio::test]
async fn who_is_not_to_be_believed_is_not_signed_in() {
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
        provider.says(ada_but(claims.clone()));
        let mut browser = Browser::new(app.client.base());
        let refused = browser.sign_in().await;
        let status = if slug == "not-admitted" { 403 } else { 400 };
        assert_eq!(refused.status, status, "{claims}: {refused:?}");
        refused.problem(status, slug);
        assert!(browser.cookies.is_empty(), "{claims}");
        assert_eq!(browser.me().await.status, 401);
    }
    provider.says(ada());
    provider.signs_with_another_key();
    let refused = Browser::new(app.client.base()).sign_in().await;
    refused.problem(400, "sign-in-failed");
}

#[tokio::test]
async fn the_providers_keys_may_change() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    let base = app.client.base();
    assert_eq!(Browser::new(base).sign_in().await.status, 303);
    provider.rotates();
    assert_eq!(Browser::new(base).sign_in().await.status, 303);
    // Tokens of keys that there are not do not make the API ask again and again.
    let asked = provider.asked_for_keys();
    provider.signs_with_another_key();
    for _ in 0..5 {
        let refused = Browser::new(base).sign_in().await;
        refused.problem(400, "sign-in-failed");
    }
    assert!(provider.asked_for_keys() <= asked + 1);
}

#[tokio::test]
async fn an_answer_counts_only_in_the_browser_that_set_out_for_it() {
    let Some((app, _provider)) = start().await else {
        return;
    };
    let base = app.client.base();
    let mut browser = Browser::new(base);
    let callback = browser.at_callback().await;

    let elsewhere = Browser::new(base).get(&callback).await;
    elsewhere.problem(400, "sign-in-failed");
    let mut other = Browser::new(base);
    other.at_callback().await;
    other.get(&callback).await.problem(400, "sign-in-failed");

    let state = "state=".to_owned();
    let tampered = callback.replace(&state, "state=x");
    let mut same = browser.clone();
    same.get(&tampered).await.problem(400, "sign-in-failed");
    assert!(same.cookies.is_empty(), "that attempt is over");

    let mut forged = browser.clone();
    for value in forged.cookies.values_mut() {
        value.push('x');
    }
    forged.get(&callback).await.problem(400, "sign-in-failed");

    for odd in [
        "/api/auth/google/callback",
        "/api/auth/google/callback?error=access_denied",
    ] {
        Browser::new(base)
            .get(odd)
            .await
            .problem(400, "sign-in-failed");
    }
    assert_eq!(browser.get(&callback).await.status, 303);
    let twice = browser.get(&callback).await;
    twice.problem(400, "sign-in-failed");
}

#[tokio::test]
async fn one_is_sent_to_where_one_came_from_and_never_elsewhere() {
    let Some((app, _provider)) = start().await else {
        return;
    };
    let browser = Browser::new(app.client.base());
    let begin = |place: &str| {
        let query = [("return_to", place)];
        let request = browser.request(Method::GET, "/api/auth/google");
        answer(request.query(&query))
    };
    let begun = begin("/docs/#/sign-in").await;
    assert_eq!(begun.status, 303, "{begun:?}");
    let url: reqwest::Url = begun.header("location").parse().unwrap();
    let asked: std::collections::BTreeMap<_, _> = url.query_pairs().collect();
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["client_id"], "patron-1");
    assert!(asked["scope"].contains("openid") && asked["scope"].contains("email"));
    for name in ["state", "nonce", "code_challenge"] {
        assert!(asked[name].len() >= 22, "{name}");
    }
    assert!(!url.as_str().contains("s3cret"));
    for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        begin(elsewhere).await.problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn signing_out_counts_at_once_in_every_process() {
    let Some((app, _provider)) = start().await else {
        return;
    };
    let (_second, client) = app.settings().serve("127.0.0.1:0");
    let mut browser = Browser::new(app.client.base());
    browser.sign_in().await;
    let mut elsewhere = browser.at(client.base());
    assert_eq!(elsewhere.me().await.status, 200);
    let stolen = browser.clone();

    let out = browser.post("/api/auth/logout").await;
    assert_eq!(out.status, 204, "{out:?}");
    assert!(!out.position().is_empty());
    assert!(browser.cookies.is_empty());
    for base in [app.client.base(), client.base()] {
        let mut stolen = stolen.at(base);
        stolen.me().await.problem(401, "unauthenticated");
        assert!(stolen.cookies.is_empty(), "it is told to forget it");
    }

    // One session ends, another goes on.
    let (mut first, mut second) = (Browser::new(app.client.base()), Browser::new(client.base()));
    first.sign_in().await;
    let begun = second.sign_in().await;
    assert_eq!(begun.status, 303, "{begun:?}");
    first.post("/api/auth/logout").await;
    assert_eq!(second.me().await.status, 200);
}

#[tokio::test]
async fn keys_of_sessions_may_follow_one_another() {
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
        let mut there = browser.at(client.base());
        assert_eq!(there.me().await.status, status);
    }
}

#[tokio::test]
async fn a_write_comes_from_a_page_of_our_own() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    provider.says(ada_but(json!({"email": "root@example.com"})));
    let mut browser = Browser::new(app.client.base());
    browser.sign_in().await;
    let write = |name: &'static str, value: &str| {
        let request = browser.bare_request(Method::POST, "/api/segments");
        answer(request.header(name, value).json(&segment()))
    };
    let base = app.client.base();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("x-nothing", "said"),
    ] {
        write(name, value).await.problem(403, "cross-site");
    }
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", base)] {
        let written = write(name, value).await;
        assert_eq!(written.status, 201, "{name}: {written:?}");
    }
    // A key is nothing that a page could send.
    let by_key = app.client.post("/api/segments", segment()).await;
    assert_eq!(by_key.status, 201);
}

#[tokio::test]
async fn a_provider_that_is_away_or_odd_signs_nobody_in() {
    let Some((app, mut provider)) = start().await else {
        return;
    };
    let base = app.client.base();
    provider.answers(400);
    let refused = Browser::new(base).sign_in().await;
    refused.problem(400, "sign-in-failed");
    provider.answers(200);

    let mut browser = Browser::new(base);
    let callback = browser.at_callback().await;
    let issuer = provider.issuer.clone();
    drop(provider);
    let away = browser.get(&callback).await;
    away.problem(503, "unavailable");
    assert!(!away.header("retry-after").is_empty());

    // Nothing is known yet in a process that starts now.
    let (_process, client) = app.settings().serve("127.0.0.1:0");
    let away = Browser::new(client.base()).get("/api/auth/google").await;
    away.problem(503, "unavailable");

    // The document of another issuer is not that of this one.
    let Some(another) = Provider::start() else {
        return;
    };
    let mut changed = app.settings().clone();
    let odd = another.issuer.replace("localhost", "127.0.0.1");
    changed.environment.push(("PATRON_OIDC_ISSUER", odd));
    let (_process, client) = changed.serve("127.0.0.1:0");
    let refused = Browser::new(client.base()).get("/api/auth/google").await;
    refused.problem(503, "unavailable");
    assert_ne!(another.issuer, issuer);
}

#[tokio::test]
async fn a_token_that_gets_old_is_renewed() {
    use crate::support::tokens;
    let app = App::told(vec![("PATRON_SESSION_KEYS", SESSION_KEY.to_owned())]).await;
    let (user, session) = app.signed_in(domain::UserRole::Viewer).await;
    let token = |age| tokens::good(&tokens::claims(&user, &session, age));
    let browser = Browser::new(app.client.base());
    let mut fresh = browser.with_session(&token(60));
    assert!(!fresh.me().await.headers.contains_key(header::SET_COOKIE));
    let mut old = browser.with_session(&token(6 * 60));
    assert_eq!(old.me().await.status, 200);
    let renewed = old.session().unwrap().to_owned();
    assert_ne!(renewed, token(6 * 60));
    assert_eq!(old.me().await.status, 200);
    let ended = eventually("it expires", async || {
        let mut gone = browser.with_session(&token(31 * 60));
        let answer = gone.me().await;
        (answer.status == 401).then_some(answer)
    });
    ended.await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn without_a_provider_there_is_none_to_go_to() {
    let app = App::without_workers().await;
    for path in [
        "/api/auth/google",
        "/api/auth/google/callback?code=x&state=y",
        "/api/auth/local?token=x",
    ] {
        let stranger = app.client.with_key(None);
        stranger.get(path).await.problem(404, "not-found");
    }
    let me = app.client.read("/api/auth/me").await;
    assert_eq!(me, json!({"actor": "key:bootstrap", "role": "admin"}));
    let out = app.client.post("/api/auth/logout", Value::Null).await;
    assert_eq!(out.status, 204);
    assert_eq!(app.client.read("/api/auth/me").await["role"], "admin");
}
