//! Random commands on a few users and API keys.

use commands::{Commands, Context, user_id};
use domain::{
    ApiKeyCommand, KeyContent, KeySecret, Role, SessionId, UserCommand, UserIdentity, UserRole,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::shop::{context, minute, text};

/// Command on a user.
#[derive(Debug, Clone)]
pub(super) enum UserStep {
    SignIn(SessionId, UserRole),
    SignOut(SessionId),
    SignOutEverywhere,
    GiveRole(UserRole),
}

/// Command on an API key.
#[derive(Debug, Clone)]
pub(super) enum KeyStep {
    Create(Role),
    Use,
    Revoke,
}

/// Generates a user's number, the minute of a command, and the command. Some commands are hours
/// apart, so that sessions expire.
pub(super) fn user_steps() -> impl Strategy<Value = (u8, i64, UserStep)> {
    let role = || select(UserRole::ALL.to_vec());
    let session = || (0..5u128).prop_map(SessionId::from);
    let step = prop_oneof![
        4 => (session(), role()).prop_map(|(session, role)| UserStep::SignIn(session, role)),
        2 => session().prop_map(UserStep::SignOut),
        1 => Just(UserStep::SignOutEverywhere),
        1 => role().prop_map(UserStep::GiveRole),
    ];
    (0..3u8, (0..4i64).prop_map(|n| n * 300), step)
}

/// Generates a key's number, the minute of a command, and the command.
pub(super) fn key_steps() -> impl Strategy<Value = (u128, i64, KeyStep)> {
    let step = prop_oneof![
        3 => select(Role::ALL.to_vec()).prop_map(KeyStep::Create),
        3 => Just(KeyStep::Use),
        1 => Just(KeyStep::Revoke),
    ];
    (0..3u128, (0..4i64).prop_map(|n| n * 7), step)
}

fn context_at(minutes: i64) -> Context {
    Context {
        now: minute(minutes),
        address: "192.0.2.7".parse().ok(),
        ..context()
    }
}

pub(super) async fn run_user_step(commands: &Commands, (id, at_minute, step): (u8, i64, UserStep)) {
    let context = context_at(at_minute);
    let identity = UserIdentity {
        issuer: text("https://accounts.example.com"),
        subject: text(&id.to_string()),
        email: format!("jo{at_minute}@example.com").try_into().unwrap(),
        name: None,
    };
    let user = user_id(&identity);
    let done = match step {
        UserStep::SignIn(session, role) => {
            commands.sign_in(&context, identity, session, role).await
        }
        UserStep::SignOut(session) => {
            commands
                .execute(&context, user, UserCommand::SignOut { session })
                .await
        }
        UserStep::SignOutEverywhere => {
            commands
                .execute(&context, user, UserCommand::SignOutEverywhere)
                .await
        }
        UserStep::GiveRole(role) => {
            commands
                .execute(&context, user, UserCommand::GiveRole { role })
                .await
        }
    };
    // A refused command records no event, so there is nothing to fold.
    let _ = done.unwrap();
}

pub(super) async fn run_key_step(commands: &Commands, (id, at_minute, step): (u128, i64, KeyStep)) {
    let context = context_at(at_minute);
    let secret = KeySecret::new(id, &[7; 32]);
    let key = secret.id().clone();
    let done = match step {
        KeyStep::Create(role) => {
            let content = KeyContent {
                name: text("The shop's server"),
                role,
                expires_at: None,
                client: None,
            };
            commands.create_api_key(&context, &secret, content).await
        }
        KeyStep::Use => {
            commands
                .execute(&context, key, ApiKeyCommand::Use { at: context.now })
                .await
        }
        KeyStep::Revoke => commands.execute(&context, key, ApiKeyCommand::Revoke).await,
    };
    // A refused command records no event, so there is nothing to fold.
    let _ = done.unwrap();
}
