//! Who is let in, as the configuration says.

use std::collections::BTreeSet;

use domain::{Email, UserRole};

use super::oidc::Person;

/// The e-mail addresses of admins, and the domains that everybody may come
/// from. Upper and lower case are the same.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    admins: BTreeSet<String>,
    domains: BTreeSet<String>,
}

/// A text is no list of addresses or domains.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// This is no e-mail address.
    #[error("{0:?} is no e-mail address")]
    Address(String),
    /// This is no domain.
    #[error("{0:?} is no domain such as example.com")]
    Domain(String),
}

impl Admission {
    /// Of two lists, each separated by commas; an empty text is none.
    ///
    /// # Errors
    /// [`AdmissionError`], with the first entry that is wrong.
    pub fn new(admin_emails: &str, allowed_domains: &str) -> Result<Self, AdmissionError> {
        let address = |text: String| match Email::try_from(text.clone()) {
            Ok(_) => Ok(text),
            Err(_) => Err(AdmissionError::Address(text)),
        };
        let domain = |text: String| match Email::try_from(format!("a@{text}")) {
            Ok(_) if !text.contains('@') => Ok(text),
            _ => Err(AdmissionError::Domain(text)),
        };
        Ok(Self {
            admins: list(admin_emails).map(address).collect::<Result<_, _>>()?,
            domains: list(allowed_domains)
                .map(domain)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether nobody is let in.
    pub fn is_empty(&self) -> bool {
        self.admins.is_empty() && self.domains.is_empty()
    }

    /// What somebody may do whom no admin gave a role. At Google an address
    /// does not make a member: `hd` has to say whose account it is.
    pub(super) fn role(&self, person: &Person, at_google: bool) -> UserRole {
        let email = person.email.to_ascii_lowercase();
        if self.admins.contains(&email) {
            return UserRole::Admin;
        }
        let Some((_, domain)) = email.rsplit_once('@') else {
            return UserRole::None;
        };
        let hosted = person.hosted_domain.as_deref().unwrap_or_default();
        let is_member = !at_google || hosted.to_ascii_lowercase() == domain;
        match is_member && self.domains.contains(domain) {
            true => UserRole::Viewer,
            false => UserRole::None,
        }
    }
}

fn list(text: &str) -> impl Iterator<Item = String> {
    let entries = text
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase());
    entries.filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(email: &str, hosted_domain: Option<&str>) -> Person {
        Person {
            subject: "117".to_owned(),
            email: email.to_owned(),
            name: None,
            hosted_domain: hosted_domain.map(str::to_owned),
        }
    }

    fn admission() -> Admission {
        Admission::new("Root@Example.com, ops@gmail.com", "example.com,Example.org").unwrap()
    }

    #[test]
    fn admins_and_members_are_let_in_and_nobody_else() {
        for (email, role) in [
            ("root@example.com", UserRole::Admin),
            ("ROOT@example.com", UserRole::Admin),
            ("ops@gmail.com", UserRole::Admin),
            ("ada@example.com", UserRole::Viewer),
            ("ada@EXAMPLE.ORG", UserRole::Viewer),
            ("ada@sub.example.com", UserRole::None),
            ("ada@example.com.evil.example", UserRole::None),
            ("\"a@example.com\"@evil.example", UserRole::None),
            ("ada@gmail.com", UserRole::None),
            ("example.com", UserRole::None),
        ] {
            let given = admission().role(&person(email, None), false);
            assert_eq!(given, role, "{email}");
        }
        let none = Admission::default();
        assert!(none.is_empty());
        assert_eq!(
            none.role(&person("a@example.com", None), false),
            UserRole::None
        );
    }

    #[test]
    fn google_has_to_say_that_the_account_is_the_domains() {
        for (hosted, role) in [
            (Some("example.com"), UserRole::Viewer),
            (Some("Example.com"), UserRole::Viewer),
            (Some("example.org"), UserRole::None),
            (Some(""), UserRole::None),
            (None, UserRole::None),
        ] {
            let given = admission().role(&person("ada@example.com", hosted), true);
            assert_eq!(given, role, "{hosted:?}");
        }
        let root = person("root@example.com", None);
        assert_eq!(admission().role(&root, true), UserRole::Admin);
    }

    #[test]
    fn what_is_no_address_or_domain_is_told() {
        let told = |emails, domains| Admission::new(emails, domains).unwrap_err().to_string();
        assert!(told("root", "").contains("\"root\""));
        assert!(told("", "a@example.com").contains("a@example.com"));
        assert!(told("", "exa mple").contains("exa mple"));
    }
}
