//! Invalid credentials.

use std::time::Duration;

use chrono::Utc;
use domain::{ApiKeyCommand, Role, SessionId, Timestamp, UserCommand, UserId, UserRole};
use jsonwebtoken::Algorithm;
use reqwest::{Method, RequestBuilder, header};
use serde_json::json;

use super::{is_open, operations, request_target, start};
use crate::api::with;
use crate::support::app::{App, now};
use crate::support::browser::Browser;
use crate::support::client::send;
use crate::support::tokens::{self, OLD_SESSION_KEY, SESSION_KEY, UNKNOWN_KEY};
use crate::support::wait::until;

/// Starts a request that carries one credential.
type NewRequest = Box<dyn Fn(Method, &str) -> RequestBuilder>;

/// Returns invalid credentials, each with a description.
async fn invalid_credentials(app: &App) -> Vec<(&'static str, NewRequest)> {
    let mut all: Vec<(&'static str, NewRequest)> = Vec::new();
    for (description, key) in keys(app).await {
        let client = app.client.with_key(key.as_deref());
        let new_request = move |method: Method, path: &str| client.request(method, path);
        all.push((description, Box::new(new_request)));
    }
    for (description, token) in tokens_of_sessions(app).await {
        let browser = Browser::new(app.client.base()).with_session(&token);
        let new_request = move |method: Method, path: &str| browser.request(method, path);
        all.push((description, Box::new(new_request)));
    }
    // An API key takes precedence over a session cookie, even if the key is wrong.
    let (user, session) = app.sign_in_user(UserRole::Admin).await;
    let good = tokens::valid_token(&tokens::claims(&user, &session, 0));
    let browser = Browser::new(app.client.base()).with_session(&good);
    let new_request = move |method: Method, path: &str| {
        let request = browser.request(method, path);
        request.header(header::AUTHORIZATION, "Bearer wrong")
    };
    all.push(("a wrong key with a valid session", Box::new(new_request)));
    all
}

async fn keys(app: &App) -> Vec<(&'static str, Option<String>)> {
    let commands = app.settings().commands().await;
    let revoked = app.create_key(Role::Admin, None).await;
    let done = commands
        .execute(&now(), revoked.id().clone(), ApiKeyCommand::Revoke)
        .await;
    done.unwrap().unwrap();
    let soon = Timestamp::from(Utc::now() + Duration::from_millis(1500));
    let expired = app.create_key(Role::Admin, Some(soon)).await;
    until("the key expires", async || {
        let client = app.client.with_key(Some(expired.reveal()));
        client.get("/api/auth/me").await.status == 401
    })
    .await;
    let good = app.create_key(Role::Admin, None).await;
    let (id, secret) = good.reveal().split_at(40);
    let other: String = secret.chars().rev().collect();
    let never = format!("patron_{:032x}_{}", 1, "A".repeat(43));
    vec![
        ("no credential", None),
        ("a revoked key", Some(revoked.reveal().to_owned())),
        ("an expired key", Some(expired.reveal().to_owned())),
        (
            "a key's id with another secret",
            Some(format!("{id}{other}")),
        ),
        ("an unknown key", Some(never)),
        ("a wrong key", Some("wrong-key-of-a-good-length".to_owned())),
    ]
}

async fn tokens_of_sessions(app: &App) -> Vec<(&'static str, String)> {
    let (context, commands) = (now(), app.settings().commands().await);
    let (user, session) = app.sign_in_user(UserRole::Admin).await;
    let (left, ended) = app.sign_in_user(UserRole::Admin).await;
    let out = commands.execute(
        &context,
        left.clone(),
        UserCommand::SignOut {
            session: ended.clone(),
        },
    );
    out.await.unwrap().unwrap();
    let (locked, open) = app.sign_in_user(UserRole::Admin).await;
    let out = commands.execute(
        &context,
        locked.clone(),
        UserCommand::GiveRole {
            role: UserRole::None,
        },
    );
    out.await.unwrap().unwrap();

    let good = tokens::claims(&user, &session, 0);
    let of = |user: &UserId, session: &SessionId| {
        let claims = tokens::claims(user, session, 0);
        tokens::token(&claims, Algorithm::HS256, SESSION_KEY, SESSION_KEY)
    };
    let signed = |algorithm, by, named| tokens::token(&good, algorithm, by, named);
    let other_audience = with(good.clone(), json!({"aud": "sign-in"}));
    vec![
        (
            "an expired token",
            tokens::valid_token(&tokens::claims(&user, &session, 31 * 60)),
        ),
        (
            "a tampered token",
            with_payload_of(&of(&user, &session), &of(&left, &session)),
        ),
        ("alg: none", tokens::unsigned_token(&good)),
        (
            "another algorithm",
            signed(Algorithm::HS512, SESSION_KEY, SESSION_KEY),
        ),
        (
            "another key under the same name",
            signed(Algorithm::HS256, UNKNOWN_KEY, SESSION_KEY),
        ),
        (
            "another key",
            signed(Algorithm::HS256, OLD_SESSION_KEY, OLD_SESSION_KEY),
        ),
        (
            "a token for another audience",
            tokens::valid_token(&other_audience),
        ),
        ("a session that was ended", of(&left, &ended)),
        ("a user who is locked out", of(&locked, &open)),
        ("an unknown session", of(&user, &SessionId::from(7))),
        ("an unknown user", of(&UserId::from(9), &session)),
    ]
}

/// Combines the payload of one token with the header and signature of another.
fn with_payload_of(signed: &str, payload: &str) -> String {
    let signed: Vec<_> = signed.split('.').collect();
    let payload: Vec<_> = payload.split('.').collect();
    format!("{}.{}.{}", signed[0], payload[1], signed[2])
}

#[tokio::test]
async fn invalid_credentials_are_refused_by_every_operation() {
    let app = start().await;
    for (description, request) in invalid_credentials(&app).await {
        for operation in operations() {
            let (method, path) = request_target(&operation);
            let answered = send(request(method, &path)).await;
            if is_open(&operation) {
                let status = answered.status;
                let signature = operation == "POST /api/delivery/receipt";
                assert_eq!(
                    status == 401,
                    signature,
                    "{description}: {operation}: {answered:?}"
                );
            } else {
                assert_eq!(
                    answered.status, 401,
                    "{description}: {operation}: {answered:?}"
                );
                answered.assert_problem(401, "unauthenticated");
            }
        }
        for (method, path) in [
            (Method::GET, "/api/nothing/here"),
            (Method::DELETE, "/api/customers"),
            (Method::PATCH, "/api/segments/x-1"),
        ] {
            let answered = send(request(method, path)).await;
            assert_eq!(answered.status, 401, "{description}: {path}: {answered:?}");
        }
    }
}
