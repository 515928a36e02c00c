use cqrs_es::test::TestFramework;

use super::*;
use crate::event::LoggedEvent;
use crate::{Email, Text};

type UserTest = TestFramework<User>;

const HOUR: i64 = 3_600_000;

fn hour(count: i64) -> Timestamp {
    Timestamp::from_millis(count * HOUR).unwrap()
}

fn identity(email: &str) -> UserIdentity {
    UserIdentity {
        issuer: Text::try_from("https://accounts.example.com".to_owned()).unwrap(),
        subject: Text::try_from("1".to_owned()).unwrap(),
        email: Email::try_from(email.to_owned()).unwrap(),
        name: Some(Text::try_from("Jo".to_owned()).unwrap()),
    }
}

fn session(number: u128) -> SessionId {
    SessionId::from(number)
}

fn sign_in(number: u128, configured: UserRole, at: Timestamp) -> UserCommand {
    UserCommand::SignIn {
        identity: Box::new(identity("jo@example.com")),
        session: session(number),
        configured,
        at,
    }
}

fn signed_in(number: u128, role: UserRole, at: Timestamp) -> UserEvent {
    UserEvent::SignedIn(Box::new(UserSignIn {
        identity: identity("jo@example.com"),
        session: session(number),
        role,
        at,
    }))
}

/// Sign-in to session 1 at hour 0, as a viewer.
fn viewer() -> UserEvent {
    signed_in(1, UserRole::Viewer, hour(0))
}

fn given(role: UserRole) -> UserEvent {
    UserEvent::RoleGiven { role }
}

fn user_of(events: Vec<UserEvent>) -> User {
    let mut user = User::default();
    for event in events {
        user.apply(event);
    }
    user
}

#[test]
fn a_configured_user_signs_in_with_the_configured_role() {
    for role in [UserRole::Viewer, UserRole::Admin] {
        UserTest::with(())
            .given_no_previous_events()
            .when(sign_in(1, role, hour(0)))
            .then_expect_events(vec![signed_in(1, role, hour(0))]);
    }
}

#[test]
fn a_user_without_a_role_cannot_sign_in() {
    for history in [vec![], vec![viewer()]] {
        UserTest::with(())
            .given(history)
            .when(sign_in(2, UserRole::None, hour(1)))
            .then_expect_error(UserError::NotInvited);
    }
}

#[test]
fn repeating_a_sign_in_makes_no_event() {
    UserTest::with(())
        .given(vec![viewer()])
        .when(sign_in(1, UserRole::Viewer, hour(0)))
        .then_expect_events(vec![]);
}

#[test]
fn a_role_given_by_an_admin_overrides_the_configuration() {
    let cases = [
        (UserRole::Marketer, UserRole::Viewer, UserRole::Marketer),
        (UserRole::Marketer, UserRole::None, UserRole::Marketer),
        (UserRole::Admin, UserRole::Viewer, UserRole::Admin),
        // Users that the configuration names as admins become admins again.
        (UserRole::Viewer, UserRole::Admin, UserRole::Admin),
    ];
    for (by_admin, configured, role) in cases {
        UserTest::with(())
            .given(vec![viewer(), given(by_admin)])
            .when(sign_in(2, configured, hour(1)))
            .then_expect_events(vec![signed_in(2, role, hour(1))]);
    }
}

#[test]
fn a_former_configured_admin_falls_back_to_the_given_role() {
    let raised = signed_in(2, UserRole::Admin, hour(1));
    UserTest::with(())
        .given(vec![viewer(), given(UserRole::Marketer), raised])
        .when(sign_in(3, UserRole::Viewer, hour(2)))
        .then_expect_events(vec![signed_in(3, UserRole::Marketer, hour(2))]);
}

#[test]
fn a_locked_out_user_cannot_sign_in_with_any_configuration() {
    for configured in [UserRole::None, UserRole::Viewer, UserRole::Admin] {
        UserTest::with(())
            .given(vec![viewer(), given(UserRole::None)])
            .when(sign_in(2, configured, hour(1)))
            .then_expect_error(UserError::LockedOut);
    }
    UserTest::with(())
        .given(vec![
            viewer(),
            given(UserRole::None),
            given(UserRole::Viewer),
        ])
        .when(sign_in(2, UserRole::Viewer, hour(1)))
        .then_expect_events(vec![signed_in(2, UserRole::Viewer, hour(1))]);
}

#[test]
fn a_role_is_given_once() {
    UserTest::with(())
        .given(vec![viewer(), given(UserRole::Marketer)])
        .when(UserCommand::GiveRole {
            role: UserRole::Marketer,
        })
        .then_expect_events(vec![]);
    // A configured role that an admin confirms becomes a given role.
    UserTest::with(())
        .given(vec![viewer()])
        .when(UserCommand::GiveRole {
            role: UserRole::Viewer,
        })
        .then_expect_events(vec![given(UserRole::Viewer)]);
    // The configuration has raised the role since.
    let raised = signed_in(2, UserRole::Admin, hour(1));
    UserTest::with(())
        .given(vec![viewer(), given(UserRole::Marketer), raised])
        .when(UserCommand::GiveRole {
            role: UserRole::Marketer,
        })
        .then_expect_events(vec![given(UserRole::Marketer)]);
}

#[test]
fn a_user_who_never_signed_in_is_not_found() {
    let commands = [
        UserCommand::GiveRole {
            role: UserRole::Admin,
        },
        UserCommand::SignOut {
            session: session(1),
        },
        UserCommand::SignOutEverywhere,
    ];
    for command in commands {
        UserTest::with(())
            .given_no_previous_events()
            .when(command)
            .then_expect_error(UserError::NotFound);
    }
}

#[test]
fn a_session_ends_once() {
    let signed_out = UserEvent::SignedOut {
        session: session(1),
    };
    let sign_out = || UserCommand::SignOut {
        session: session(1),
    };
    UserTest::with(())
        .given(vec![viewer()])
        .when(sign_out())
        .then_expect_events(vec![signed_out.clone()]);
    UserTest::with(())
        .given(vec![viewer(), signed_out.clone()])
        .when(sign_out())
        .then_expect_events(vec![]);
    UserTest::with(())
        .given(vec![viewer(), signed_out])
        .when(UserCommand::SignOutEverywhere)
        .then_expect_events(vec![]);
    UserTest::with(())
        .given(vec![viewer()])
        .when(UserCommand::SignOutEverywhere)
        .then_expect_events(vec![UserEvent::SignedOutEverywhere {}]);
}

#[test]
fn a_session_grants_the_current_role_of_its_user() {
    let role = |events, number, at| user_of(events).session(&session(number), at);
    assert_eq!(role(vec![viewer()], 1, hour(0)), Some(Role::Viewer));
    assert_eq!(role(vec![viewer()], 1, hour(11)), Some(Role::Viewer));
    assert_eq!(role(vec![viewer()], 1, hour(12)), None, "it has expired");
    // The clock of the process that began the session may be ahead.
    assert_eq!(role(vec![viewer()], 1, hour(-1)), Some(Role::Viewer));
    assert_eq!(role(vec![viewer()], 2, hour(0)), None, "it never began");
    assert_eq!(role(vec![], 1, hour(0)), None);
    let promoted = vec![viewer(), given(UserRole::Admin)];
    assert_eq!(role(promoted, 1, hour(0)), Some(Role::Admin));
}

#[test]
fn signing_out_ends_one_session_or_all() {
    let both = vec![viewer(), signed_in(2, UserRole::Viewer, hour(1))];
    let open = |event: UserEvent| {
        let user = user_of([both.clone(), vec![event]].concat());
        [1, 2].map(|number| user.session(&session(number), hour(2)).is_some())
    };
    let one = UserEvent::SignedOut {
        session: session(1),
    };
    assert_eq!(open(one), [false, true]);
    assert_eq!(open(UserEvent::SignedOutEverywhere {}), [false, false]);
    assert_eq!(open(given(UserRole::None)), [false, false]);
    assert_eq!(open(given(UserRole::Marketer)), [true, true]);
}

#[test]
fn sessions_from_before_a_lockout_stay_ended() {
    let user = user_of(vec![
        viewer(),
        given(UserRole::None),
        given(UserRole::Admin),
    ]);
    assert_eq!(user.session(&session(1), hour(0)), None);
}

#[test]
fn expired_and_excess_sessions_are_removed() {
    let later = signed_in(2, UserRole::Viewer, hour(12));
    let user = user_of(vec![viewer(), later]);
    assert!(user.session(&session(2), hour(12)).is_some());
    assert!(
        !serde_json::to_string(&user)
            .unwrap()
            .contains(session(1).as_str())
    );

    let count = MAX_SESSIONS as u128 + 1;
    let many = (1..=count).map(|n| signed_in(n, UserRole::Viewer, hour(0)));
    let user = user_of(many.collect());
    let open = |number| user.session(&session(number), hour(1)).is_some();
    assert!(!open(1));
    assert!((2..=count).all(open));
}

#[test]
fn the_last_sign_in_determines_the_identity() {
    let renamed = UserEvent::SignedIn(Box::new(UserSignIn {
        identity: identity("jo@example.org"),
        session: session(2),
        role: UserRole::Viewer,
        at: hour(1),
    }));
    let user = user_of(vec![viewer(), renamed]);
    let email = user.identity().map(|identity| identity.email.as_str());
    assert_eq!(email, Some("jo@example.org"));
    assert_eq!(user.role(), Some(UserRole::Viewer));
}

#[test]
fn events_and_state_survive_the_log() {
    let events = vec![
        viewer(),
        signed_in(2, UserRole::Viewer, hour(1)),
        UserEvent::SignedOut {
            session: session(2),
        },
        given(UserRole::Marketer),
        UserEvent::SignedOutEverywhere {},
    ];
    for event in &events {
        let raw = event.data();
        let data = raw.get();
        assert_eq!(&UserEvent::decode(event.tag(), data).unwrap(), event);
    }
    assert_eq!(
        viewer().data().get(),
        r#"{"issuer":"https://accounts.example.com","subject":"1","email":"jo@example.com","name":"Jo","session":"ses_00000000000000000000000000000001","role":"viewer","at":"1970-01-01T00:00:00.000Z"}"#
    );
    assert!(UserEvent::decode("user_signed_in.2", "{}").is_err());
    assert!(UserEvent::decode("user_role_given.1", r#"{"role":"ingest"}"#).is_err());
    for end in 0..=events.len() {
        let user = user_of(events[..end].to_vec());
        let json = serde_json::to_string(&user).unwrap();
        assert_eq!(serde_json::from_str::<User>(&json).unwrap(), user);
    }
}
