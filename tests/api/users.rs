//! `/api/users`: users, their roles, and their sessions.

use commands::{Commands, Context, new_id, user_id};
use domain::{Email, SessionId, Timestamp, UserError, UserIdentity, UserRole};
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::Answer;
use crate::support::shop::{context, text};

const PATH: &str = "/api/users";

/// Returns the identity that a provider asserts for a user of this name.
fn identity(name: &str) -> UserIdentity {
    UserIdentity {
        issuer: text("https://accounts.example.com"),
        subject: text(name),
        email: Email::try_from(format!("{name}@example.com")).unwrap(),
        name: Some(text(name)),
    }
}

fn now() -> Context {
    Context {
        now: Timestamp::from(chrono::Utc::now()),
        ..context()
    }
}

fn id(name: &str) -> String {
    user_id(&identity(name)).to_string()
}

/// Signs a user in and returns the session.
async fn sign_in(commands: &Commands, name: &str, configured: UserRole) -> SessionId {
    let session: SessionId = new_id(None);
    let begun = commands
        .sign_in(&now(), identity(name), session.clone(), configured)
        .await;
    begun.unwrap().unwrap();
    session
}

async fn give_role(app: &App, name: &str, role: &str) -> Answer {
    let path = format!("{PATH}/{}/role", id(name));
    app.client.put(&path, json!({"role": role})).await
}

async fn read_after(app: &App, name: &str, position: &str) -> Value {
    let path = format!("{PATH}/{}?after={position}", id(name));
    app.client.read(&path).await
}

/// Returns whether a request with this session would be authenticated now.
async fn is_open(commands: &Commands, name: &str, session: &SessionId) -> bool {
    let user = commands.user(&user_id(&identity(name))).await.unwrap();
    let role = user.and_then(|user| user.session(session, now().now));
    role.is_some()
}

#[tokio::test]
async fn a_user_who_signed_in_is_shown() {
    let app = App::start().await;
    let commands = app.settings().commands().await;
    let session = sign_in(&commands, "jo", UserRole::Viewer).await;
    app.client.wait_until_caught_up().await;
    let user = app.client.read(&format!("{PATH}/{}", id("jo"))).await;
    let at = user["first_signed_in_at"].clone();
    assert!(at.as_str().unwrap().ends_with('Z'), "{at}");
    let expected = json!({
        "user_id": id("jo"),
        "email": "jo@example.com",
        "name": "jo",
        "issuer": "https://accounts.example.com",
        "role": "viewer",
        "given": null,
        "first_signed_in_at": at,
        "last_signed_in_at": at,
        "sessions": [{"session_id": session.as_str(), "began_at": at}],
    });
    assert_eq!(user, expected);
    assert_eq!(app.client.list(PATH, 10).await, [expected]);
}

#[tokio::test]
async fn a_given_role_takes_effect_at_once_and_survives_a_sign_in() {
    let app = App::start().await;
    let commands = app.settings().commands().await;
    sign_in(&commands, "jo", UserRole::Viewer).await;
    let given = give_role(&app, "jo", "marketer").await;
    assert_eq!(given.status, 200, "{given:?}");
    let expected = json!({"user_id": id("jo"), "role": "marketer"});
    assert_eq!(given.body, expected);
    let again = give_role(&app, "jo", "marketer").await;
    assert_eq!((again.status, &again.body), (200, &expected));
    assert_eq!(again.position(), given.position(), "nothing changed");

    sign_in(&commands, "jo", UserRole::Viewer).await;
    app.client.wait_until_caught_up().await;
    let user = read_after(&app, "jo", &given.position()).await;
    assert_eq!(user["role"], "marketer");
    assert_eq!(user["given"]["role"], "marketer");
    assert_eq!(user["given"]["by"], "key:bootstrap");
    assert_eq!(user["sessions"].as_array().unwrap().len(), 2);

    let trail = format!("/api/audit?aggregate=user/{}", id("jo"));
    let rows = app.client.list(&trail, 10).await;
    let types: Vec<_> = rows.iter().map(|row| row["type"].as_str()).collect();
    let newest_first = ["user_signed_in.1", "user_role_given.1", "user_signed_in.1"];
    assert_eq!(types, newest_first.map(Some));
}

#[tokio::test]
async fn a_locked_out_user_loses_access_at_once_and_cannot_sign_in() {
    let app = App::start().await;
    let commands = app.settings().commands().await;
    let session = sign_in(&commands, "jo", UserRole::Admin).await;
    assert!(is_open(&commands, "jo", &session).await);
    let locked = give_role(&app, "jo", "none").await;
    assert_eq!(locked.status, 200, "{locked:?}");
    assert!(!is_open(&commands, "jo", &session).await);
    let user = read_after(&app, "jo", &locked.position()).await;
    assert_eq!(
        (&user["role"], &user["sessions"]),
        (&json!("none"), &json!([]))
    );

    let session: SessionId = new_id(None);
    let refused = commands
        .sign_in(&now(), identity("jo"), session, UserRole::Admin)
        .await;
    assert_eq!(refused.unwrap(), Err(UserError::LockedOut));
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_a_user() {
    let app = App::start().await;
    let commands = app.settings().commands().await;
    let sessions = [
        sign_in(&commands, "jo", UserRole::Viewer).await,
        sign_in(&commands, "jo", UserRole::Viewer).await,
    ];
    let other = sign_in(&commands, "ada", UserRole::Viewer).await;
    let path = format!("{PATH}/{}/sign-out", id("jo"));
    let done = app.client.post(&path, Value::Null).await;
    assert_eq!((done.status, &*done.text), (204, ""));
    for session in &sessions {
        assert!(!is_open(&commands, "jo", session).await);
    }
    assert!(is_open(&commands, "ada", &other).await);
    let user = read_after(&app, "jo", &done.position()).await;
    assert_eq!(user["sessions"], json!([]));
    assert_eq!(user["role"], "viewer");
    let again = app.client.post(&path, Value::Null).await;
    assert_eq!(again.position(), done.position(), "nothing changed");
}

#[tokio::test]
async fn the_list_is_newest_first() {
    let app = App::start().await;
    let commands = app.settings().commands().await;
    let mut names = ["ada", "bo", "cy", "di"];
    for name in names {
        sign_in(&commands, name, UserRole::Viewer).await;
    }
    // Another sign-in does not change the order.
    sign_in(&commands, "ada", UserRole::Viewer).await;
    names.reverse();
    app.client.wait_until_caught_up().await;
    for limit in [1, 3, 50] {
        let listed = app.client.list(PATH, limit).await;
        let found: Vec<_> = listed.iter().map(|user| user["name"].as_str()).collect();
        assert_eq!(found, names.map(Some), "limit {limit}");
    }
    for query in ["colour=red", "cursor=00", "limit=0"] {
        let refused = app.client.get(&format!("{PATH}?{query}")).await;
        refused.assert_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn invalid_roles_and_unknown_users_are_refused() {
    let app = App::start().await;
    let commands = app.settings().commands().await;
    sign_in(&commands, "jo", UserRole::Viewer).await;
    let path = format!("{PATH}/{}/role", id("jo"));
    for (body, slug) in [
        (json!({"role": "ingest"}), "invalid-field"),
        (json!({}), "invalid-field"),
        (json!({"role": "viewer", "colour": 1}), "unknown-field"),
    ] {
        let refused = app.client.put(&path, body).await;
        refused.assert_problem(422, slug);
    }
    give_role(&app, "ada", "viewer")
        .await
        .assert_problem(404, "not-found");
    let unknown = format!("{PATH}/{}", id("ada"));
    app.client
        .get(&unknown)
        .await
        .assert_problem(404, "not-found");
    let sign_out = format!("{unknown}/sign-out");
    let refused = app.client.post(&sign_out, Value::Null).await;
    refused.assert_problem(404, "not-found");
}
