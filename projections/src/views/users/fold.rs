//! Fold of the view `users`.

use domain::{Event, Subject, UserEvent, UserId, UserRole, UserSignIn};

use super::document::{GivenRole, UserDocument};
use crate::runtime::date::date;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;

pub(super) fn fold(
    document: Option<UserDocument>,
    event: &Recorded,
) -> Result<UserDocument, FoldError> {
    let (Subject::User(id), Event::User(happened)) = (&event.subject, &event.event) else {
        return Err(FoldError(format!("{} is not a user", event.subject)));
    };
    match (document, happened) {
        (document, UserEvent::SignedIn(sign_in)) => Ok(signed_in(id, document, sign_in)),
        (Some(document), happened) => Ok(changed(document, happened, event)),
        (None, _) => Err(FoldError(format!("{id} never signed in"))),
    }
}

fn signed_in(id: &UserId, before: Option<UserDocument>, sign_in: &UserSignIn) -> UserDocument {
    let identity = sign_in.identity.clone();
    let at = date(sign_in.at);
    let mut sessions = before
        .as_ref()
        .map(UserDocument::sessions)
        .unwrap_or_default();
    sessions.begin(sign_in.session.clone(), sign_in.at);
    let mut document = UserDocument {
        user_id: id.clone(),
        email: identity.email.into(),
        name: identity.name.map(String::from),
        issuer: identity.issuer.into(),
        role: sign_in.role,
        created_at: before.as_ref().map_or(at, |before| before.created_at),
        given: before.and_then(|before| before.given),
        last_signed_in_at: at,
        sessions: Vec::new(),
    };
    document.set_sessions(&sessions);
    document
}

fn changed(mut document: UserDocument, happened: &UserEvent, event: &Recorded) -> UserDocument {
    let mut sessions = document.sessions();
    match happened {
        UserEvent::SignedIn(_) => {} // `fold` handles it with `signed_in`.
        UserEvent::SignedOut { session } => sessions.end(session),
        UserEvent::SignedOutEverywhere {} => sessions.end_all(),
        UserEvent::RoleGiven { role } => {
            document.role = *role;
            document.given = Some(GivenRole {
                role: *role,
                at: date(event.metadata.at),
                by: event.metadata.actor.clone(),
            });
            if *role == UserRole::None {
                sessions.end_all();
            }
        }
    }
    document.set_sessions(&sessions);
    document
}
