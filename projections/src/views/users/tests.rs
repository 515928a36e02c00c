use bson::DateTime;
use domain::{Event, SessionId, Timestamp, UserEvent, UserIdentity, UserRole, UserSignIn};

use super::*;
use crate::views::history::{folded, history};

fn hour(count: i64) -> Timestamp {
    Timestamp::from_millis(count * 3_600_000).unwrap()
}

fn signed_in(session: u128, email: &str, role: UserRole, at: Timestamp) -> UserEvent {
    let text = |text: &str| text.to_owned();
    UserEvent::SignedIn(Box::new(UserSignIn {
        identity: UserIdentity {
            issuer: text("https://accounts.example.com").try_into().unwrap(),
            subject: text("1").try_into().unwrap(),
            email: text(email).try_into().unwrap(),
            name: Some(text("Jo").try_into().unwrap()),
        },
        session: session.into(),
        role,
        at,
    }))
}

fn viewer() -> UserEvent {
    signed_in(1, "jo@example.com", UserRole::Viewer, hour(0))
}

fn given(role: UserRole) -> UserEvent {
    UserEvent::RoleGiven { role }
}

fn fold(events: Vec<UserEvent>) -> Result<UserDocument, FoldError> {
    let subject = Subject::User("usr_1".try_into().unwrap());
    folded::<Users>(&history(&subject, events, Event::User))
}

/// Returns the sessions that are open at this time.
fn open(document: &UserDocument, at: Timestamp) -> Vec<SessionId> {
    let sessions = document.sessions();
    let all = sessions.iter().map(|(id, _)| id.clone());
    all.filter(|id| sessions.is_open(id, at)).collect()
}

#[test]
fn a_sign_in_creates_the_document() {
    let document = fold(vec![viewer()]).unwrap();
    assert_eq!(document.user_id.as_str(), "usr_1");
    assert_eq!(document.email, "jo@example.com");
    assert_eq!(document.name.as_deref(), Some("Jo"));
    assert_eq!(document.issuer, "https://accounts.example.com");
    assert_eq!((document.role, &document.given), (UserRole::Viewer, &None));
    assert_eq!(document.created_at, DateTime::from_millis(0));
    assert_eq!(document.last_signed_in_at, document.created_at);
    assert_eq!(open(&document, hour(1)), [1.into()]);
    assert_eq!(open(&document, hour(12)), []);
}

#[test]
fn the_last_sign_in_sets_the_identity_and_keeps_the_given_role() {
    let document = fold(vec![
        viewer(),
        given(UserRole::Marketer),
        signed_in(2, "jo@example.org", UserRole::Admin, hour(1)),
    ]);
    let document = document.unwrap();
    assert_eq!(document.email, "jo@example.org");
    assert_eq!(document.role, UserRole::Admin);
    let given = document.given.clone().unwrap();
    assert_eq!((given.role, &*given.by), (UserRole::Marketer, "key:2"));
    assert_eq!(given.at, DateTime::from_millis(2_000));
    assert_eq!(document.created_at, DateTime::from_millis(0));
    assert_eq!(document.last_signed_in_at.timestamp_millis(), 3_600_000);
    assert_eq!(open(&document, hour(2)), [1.into(), 2.into()]);
}

#[test]
fn sessions_end_individually_or_all_at_once() {
    let second = || signed_in(2, "jo@example.com", UserRole::Viewer, hour(0));
    let after = |event| open(&fold(vec![viewer(), second(), event]).unwrap(), hour(1));
    let session = 1.into();
    assert_eq!(after(UserEvent::SignedOut { session }), [2.into()]);
    assert_eq!(after(UserEvent::SignedOutEverywhere {}), []);
    assert_eq!(after(given(UserRole::None)), []);
    assert_eq!(after(given(UserRole::Admin)).len(), 2);
}

#[test]
fn a_user_without_a_sign_in_has_no_document() {
    assert!(fold(vec![given(UserRole::Admin)]).is_err());
}
