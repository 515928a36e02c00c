//! Commands on users.

use domain::{SessionId, Subject, User, UserCommand, UserError, UserId, UserIdentity, UserRole};
use uuid::Uuid;

use crate::heads::current;
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

/// Result of a command on a user: an outcome, or a rejection by a rule.
pub type UserResult = Result<Outcome, UserError>;

/// UUID namespace of user ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x8a6f_1c3e_52d7_4f0b_b1a9_3e60_7c95_d4e2);

/// Returns the id of the user with this identity at the provider. It depends
/// only on issuer and subject, so it stays the same when the user's address or
/// name changes.
pub fn user_id(identity: &UserIdentity) -> UserId {
    let (issuer, subject) = (identity.issuer.as_str(), identity.subject.as_str());
    // Neither contains a line break, so different pairs never form the same
    // text.
    let id = Uuid::new_v5(&NAMESPACE, format!("{issuer}\n{subject}").as_bytes());
    UserId::from(id.as_u128())
}

impl Commands {
    /// Returns the current state of a user from their head; `None` if they
    /// never signed in.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn user(&self, user: &UserId) -> Result<Option<User>, CommandError> {
        current(&self.log, &Subject::User(user.clone())).await
    }

    /// Begins a session of the user that [`user_id`] returns for `identity`.
    /// `configured` is the role that the configuration grants.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn sign_in(
        &self,
        context: &Context,
        identity: UserIdentity,
        session: SessionId,
        configured: UserRole,
    ) -> Result<UserResult, CommandError> {
        let user = user_id(&identity);
        let command = UserCommand::SignIn {
            identity: Box::new(identity),
            session,
            configured,
            at: context.now,
        };
        self.execute(context, user, command).await
    }
}

#[cfg(test)]
mod tests {
    use domain::{Email, Text};

    use super::*;

    fn identity(issuer: &str, subject: &str, email: &str) -> UserIdentity {
        UserIdentity {
            issuer: Text::try_from(issuer.to_owned()).unwrap(),
            subject: Text::try_from(subject.to_owned()).unwrap(),
            email: Email::try_from(email.to_owned()).unwrap(),
            name: None,
        }
    }

    #[test]
    fn issuer_and_subject_determine_the_user_id() {
        let id = |issuer, subject, email| user_id(&identity(issuer, subject, email));
        let first = id("https://accounts.google.com", "1", "jo@example.com");
        assert_eq!(
            first.as_str(),
            "usr_ae213c4d4215519f921e0aacbbd57b9c",
            "the derivation must never change"
        );
        assert_eq!(
            id("https://accounts.google.com", "1", "jo@example.org"),
            first
        );
        for (issuer, subject) in [
            ("https://accounts.google.com", "2"),
            ("https://accounts.example.com", "1"),
        ] {
            assert_ne!(id(issuer, subject, "jo@example.com"), first);
        }
    }
}
