//! Users, API keys and refusals. A head decides if a request may pass, so a change takes effect in
//! every process at once.

use commands::{CommandEffect, Commands, Context, new_secret, user_id, verify_heads};
use domain::{
    ApiKeyCommand, ApiKeyError, Day, KeyContent, KeyRefusal, KeySecret, Refusal, RefusalReason,
    Role, SessionId, Subject, Timestamp, User, UserCommand, UserIdentity, UserRole,
};
use futures::future::join_all;

use super::key;
use crate::support::deployment::Deployment;
use crate::support::shop::{address_key, context, minute, text};

fn identity() -> UserIdentity {
    UserIdentity {
        issuer: text("https://accounts.example.com"),
        subject: text("1"),
        email: "jo@example.com".to_owned().try_into().unwrap(),
        name: Some(text("Jo")),
    }
}

fn content(role: Role) -> KeyContent {
    KeyContent {
        name: text("The shop's server"),
        role,
        expires_at: Some(minute(100)),
        client: None,
    }
}

fn at(minutes: i64) -> Context {
    Context {
        now: minute(minutes),
        ..context()
    }
}

/// Returns a deployment, and the commands of a second process on it.
async fn with_two_processes() -> (Deployment, Commands) {
    let deployment = Deployment::fresh().await;
    let log = deployment.reopen().await;
    let other = Commands::open(log, None, Some(address_key()))
        .await
        .unwrap();
    (deployment, other)
}

async fn assert_heads_match_events(deployment: &Deployment) {
    for partition in deployment.log.partitions() {
        let report = verify_heads(&deployment.log, partition).await.unwrap();
        assert_eq!(report.differences, []);
    }
}

#[tokio::test]
async fn a_change_of_a_user_takes_effect_in_every_process_at_once() {
    let (deployment, other) = with_two_processes().await;
    let commands = &deployment.commands;
    let (user, session) = (user_id(&identity()), SessionId::from(1));
    assert_eq!(other.user(&user).await.unwrap(), None);
    let signed_in = commands
        .sign_in(&context(), identity(), session.clone(), UserRole::Viewer)
        .await;
    assert_eq!(signed_in.unwrap().unwrap().effect, CommandEffect::Created);
    let role = async || {
        let user = other.user(&user).await.unwrap().unwrap();
        user.session(&session, minute(1))
    };
    assert_eq!(role().await, Some(Role::Viewer));
    let given = commands
        .execute(
            &context(),
            user.clone(),
            UserCommand::GiveRole {
                role: UserRole::Admin,
            },
        )
        .await;
    given.unwrap().unwrap();
    assert_eq!(role().await, Some(Role::Admin));
    let ended = commands
        .execute(
            &context(),
            user.clone(),
            UserCommand::SignOut {
                session: session.clone(),
            },
        )
        .await;
    ended.unwrap().unwrap();
    assert_eq!(role().await, None);
    assert_heads_match_events(&deployment).await;
}

#[tokio::test]
async fn a_user_is_loaded_from_its_events_if_the_head_is_outdated() {
    let deployment = Deployment::fresh().await;
    let commands = &deployment.commands;
    let user = user_id(&identity());
    for number in 0..3u128 {
        let signed_in = commands
            .sign_in(&context(), identity(), number.into(), UserRole::Viewer)
            .await;
        signed_in.unwrap().unwrap();
    }
    let loaded: User = commands.user(&user).await.unwrap().unwrap();
    let key = key(&deployment.log, &Subject::User(user.clone()));
    let (_, head) = deployment.raw_head(&key).await.unwrap();
    let old = head.splitn(4, ' ').take(2).collect::<Vec<_>>().join(" ");
    deployment
        .set_raw_head(&key, &format!("{old} 0 null"))
        .await;
    assert_eq!(commands.user(&user).await.unwrap(), Some(loaded));
}

#[tokio::test]
async fn a_key_grants_access_until_any_process_revokes_it() {
    let (deployment, other) = with_two_processes().await;
    let commands = &deployment.commands;
    let secret = new_secret(None);
    let created = commands
        .create_api_key(&context(), &secret, content(Role::Ingest))
        .await;
    assert_eq!(created.unwrap().unwrap().effect, CommandEffect::Created);
    let grants = async |secret: &KeySecret, now: Timestamp| {
        let key = other.api_key(secret.id()).await.unwrap();
        key.unwrap().grants(&secret.hash(), now)
    };
    assert_eq!(grants(&secret, minute(1)).await, Ok(Role::Ingest));
    assert_eq!(grants(&secret, minute(100)).await, Err(KeyRefusal::Expired));
    let revoked = commands
        .execute(&context(), secret.id().clone(), ApiKeyCommand::Revoke)
        .await;
    revoked.unwrap().unwrap();
    assert_eq!(grants(&secret, minute(1)).await, Err(KeyRefusal::Revoked));
    let again = commands
        .create_api_key(&context(), &secret, content(Role::Admin))
        .await;
    assert_eq!(again.unwrap(), Err(ApiKeyError::Conflict));
    assert_heads_match_events(&deployment).await;
}

#[tokio::test]
async fn concurrent_uses_of_a_key_are_one_event() {
    let (deployment, other) = with_two_processes().await;
    let commands = &deployment.commands;
    let secret = new_secret(None);
    let created = commands
        .create_api_key(&context(), &secret, content(Role::Viewer))
        .await;
    created.unwrap().unwrap();
    for minute in [1, 5, 11, 12] {
        let context = at(minute);
        let uses = (0..8).map(|n| {
            let commands = if n % 2 == 0 { commands } else { &other };
            commands.execute(
                &context,
                secret.id().clone(),
                ApiKeyCommand::Use { at: context.now },
            )
        });
        let changes = join_all(uses).await.into_iter();
        let changes: Vec<CommandEffect> =
            changes.map(|done| done.unwrap().unwrap().effect).collect();
        let recorded = changes
            .iter()
            .filter(|c| **c == CommandEffect::Updated)
            .count();
        let expected = usize::from(minute == 1 || minute == 11);
        assert_eq!(recorded, expected, "in minute {minute}: {changes:?}");
    }
    assert_heads_match_events(&deployment).await;
}

#[tokio::test]
async fn refusals_are_recorded_by_day_with_actor_and_address() {
    let deployment = Deployment::fresh().await;
    let refusal = Refusal {
        why: RefusalReason::Role,
        method: text("POST"),
        path: text("/api/segments"),
        detail: text("a viewer may not do that"),
        unrecorded: 0,
    };
    let context = Context {
        address: "192.0.2.7".parse().ok(),
        ..context()
    };
    let mut positions = Vec::new();
    for _ in 0..2 {
        let commands = &deployment.commands;
        let recorded = commands.record_refusal(&context, refusal.clone()).await;
        positions.push(recorded.unwrap());
    }
    let key = Subject::Refusals(Day::from(context.now)).to_string();
    let records = deployment.log.entries(&positions).await.unwrap();
    assert!(records.iter().flatten().all(|record| record.key == key));
    assert_eq!(records.iter().flatten().count(), 2);
    let first = records[0].as_ref().unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&first.meta).unwrap();
    assert_eq!(metadata["ip"], "192.0.2.7");
    assert_eq!(metadata["actor"], "key:test");
    assert_heads_match_events(&deployment).await;
}
