//! Permissions: every operation of the OpenAPI document, with keys and sessions of every role.

mod invalid_credentials;
mod recorded;

use domain::{ApiKeyCommand, Role, UserCommand, UserRole};
use reqwest::Method;

use crate::support::app::{App, now};
use crate::support::browser::Browser;
use crate::support::client::{Answer, send};
use crate::support::tokens::{self, SESSION_KEY};

const ROLES: [Role; 4] = [Role::Ingest, Role::Viewer, Role::Marketer, Role::Admin];

/// Returns whether the contract permits `role` to call `operation`.
///
/// Independent of the API's own table of permissions, which the tests check against it.
fn is_permitted(role: Role, operation: &str) -> bool {
    let (method, path) = operation.split_once(' ').unwrap();
    let below = |part: &str| path.starts_with(part);
    let account = below("/api/auth/me") || below("/api/auth/logout");
    let data_in = below("/api/data/") || below("/v1/");
    let merge = path.ends_with("/merge");
    let admins = ["/api/audit", "/api/admin", "/api/keys", "/api/users"];
    let admins = admins.into_iter().any(below);
    match role {
        _ if account => true,
        Role::Ingest => data_in || merge,
        Role::Viewer => method == "GET" && !admins,
        Role::Marketer => !data_in && !admins,
        Role::Admin => true,
    }
}

/// Returns whether an operation needs no credential.
fn is_open(operation: &str) -> bool {
    let open = [
        "GET /healthz",
        "GET /readyz",
        "GET /api/auth/google",
        "GET /api/auth/google/callback",
        "GET /api/auth/local",
        "POST /api/delivery/receipt",
    ];
    open.contains(&operation)
}

/// Returns every operation of the document as `METHOD path`.
fn operations() -> Vec<String> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            operations.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert!(operations.len() > 40, "{operations:?}");
    operations
}

/// Returns the method and path of a request, with ids of things that do not exist.
fn request_target(operation: &str) -> (Method, String) {
    let (method, path) = operation.split_once(' ').unwrap();
    let path = path
        .replace("{position}", "0:1")
        .replace("{name}", "nothing")
        .replace("{type}", "page")
        .replace("{id}", "x-1")
        .replace("{customer_id}", "c-1")
        .replace("{user_id}", "usr_1")
        .replace("{key_id}", "key_1")
        .replace("{type}", "page");
    assert!(!path.contains('{'), "{path}");
    (Method::from_bytes(method.as_bytes()).unwrap(), path)
}

async fn start() -> App {
    let environment = [
        ("PATRON_SESSION_KEYS", SESSION_KEY),
        // The tests send refused requests faster than the limit per address permits.
        ("PATRON_RATE_PER_ADDRESS", "0"),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned()));
    App::with_environment(environment.into()).await
}

fn user_role(role: Role) -> Option<UserRole> {
    match role {
        Role::Ingest => None,
        Role::Viewer => Some(UserRole::Viewer),
        Role::Marketer => Some(UserRole::Marketer),
        Role::Admin => Some(UserRole::Admin),
    }
}

/// Returns a browser in which a user with this role has signed in.
async fn signed_in(app: &App, role: UserRole) -> Browser {
    let (user, session) = app.sign_in_user(role).await;
    let token = tokens::valid_token(&tokens::claims(&user, &session, 0));
    Browser::new(app.client.base()).with_session(&token)
}

/// Asserts that a response is what the contract permits to a role.
fn assert_permission(role: Role, operation: &str, answered: &Answer) {
    let context = format!("{} {operation}: {answered:?}", role.as_str());
    if is_permitted(role, operation) || is_open(operation) {
        let signature = operation == "POST /api/delivery/receipt";
        assert_eq!(answered.status == 401, signature, "{context}");
        assert_ne!(answered.status, 403, "{context}");
        assert_ne!(answered.status, 405, "{context}");
        let detail = answered.body["detail"].as_str().unwrap_or_default();
        assert!(!detail.contains("no resource at this path"), "{context}");
    } else {
        assert_eq!(answered.status, 403, "{context}");
        answered.assert_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn each_role_may_call_exactly_the_operations_of_the_contract() {
    let app = start().await;
    for role in ROLES {
        let key = app.create_key(role, None).await;
        let by_key = app.client.with_key(Some(key.reveal()));
        for operation in operations() {
            let (method, path) = request_target(&operation);
            assert_permission(role, &operation, &send(by_key.request(method, &path)).await);
            let Some(role_of_user) = user_role(role) else {
                continue;
            };
            // Each operation gets a session of its own, since one of them ends it.
            let browser = signed_in(&app, role_of_user).await;
            let (method, path) = request_target(&operation);
            assert_permission(
                role,
                &operation,
                &send(browser.request(method, &path)).await,
            );
        }
    }
    // The configured key has the role `admin`.
    for operation in operations() {
        let (method, path) = request_target(&operation);
        let answered = send(app.client.request(method, &path)).await;
        assert_permission(Role::Admin, &operation, &answered);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_reported_to_any_role() {
    let app = start().await;
    let key = app.create_key(Role::Ingest, None).await;
    let client = app.client.with_key(Some(key.reveal()));
    client
        .get("/api/nothing/here")
        .await
        .assert_problem(404, "not-found");
    let wrong = client.delete("/api/customers").await;
    wrong.assert_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "GET,HEAD");
    let open = send(app.client.with_key(None).request(Method::POST, "/healthz")).await;
    open.assert_problem(405, "method-not-allowed");
}

#[tokio::test]
async fn revocations_take_effect_at_once_in_every_process() {
    let app = start().await;
    let (_second, client) = app.settings().serve("127.0.0.1:0");
    let commands = app.settings().commands().await;
    let key = app.create_key(Role::Viewer, None).await;
    let there = client.with_key(Some(key.reveal()));
    assert_eq!(there.get("/api/auth/me").await.status, 200);
    let revoked = commands
        .execute(&now(), key.id().clone(), ApiKeyCommand::Revoke)
        .await;
    revoked.unwrap().unwrap();
    there
        .get("/api/auth/me")
        .await
        .assert_problem(401, "unauthenticated");

    let (user, session) = app.sign_in_user(UserRole::Viewer).await;
    let token = tokens::valid_token(&tokens::claims(&user, &session, 0));
    let mut browser = Browser::new(client.base()).with_session(&token);
    assert_eq!(browser.me().await.body["role"], "viewer");
    let context = now();
    let given = commands.execute(
        &context,
        user.clone(),
        UserCommand::GiveRole {
            role: UserRole::Marketer,
        },
    );
    given.await.unwrap().unwrap();
    assert_eq!(browser.me().await.body["role"], "marketer");
    let out = commands
        .execute(&context, user, UserCommand::SignOutEverywhere)
        .await;
    out.unwrap().unwrap();
    browser.me().await.assert_problem(401, "unauthenticated");
}
