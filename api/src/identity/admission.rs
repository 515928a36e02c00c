//! Admission of users by the configuration.

use std::collections::BTreeSet;

use domain::{Email, UserRole};

use super::oidc::Person;

/// Email addresses of admins, and domains whose users are admitted as viewers.
/// Both are case-insensitive.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    admins: BTreeSet<String>,
    domains: BTreeSet<String>,
}

/// Error of parsing the lists of addresses and domains.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// An entry is not an email address.
    #[error("{0:?} is not an email address")]
    Address(String),
    /// An entry is not a domain.
    #[error("{0:?} is not a domain such as example.com")]
    Domain(String),
}

impl Admission {
    /// Parses two comma-separated lists. An empty text is an empty list.
    ///
    /// # Errors
    /// [`AdmissionError`] with the first invalid entry.
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

    /// Returns whether the configuration admits no users.
    pub fn is_empty(&self) -> bool {
        self.admins.is_empty() && self.domains.is_empty()
    }

    /// Returns the role that the configuration gives a person.
    ///
    /// At Google an address is not enough for a domain: the claim `hd` must name
    /// the domain, since anybody can create a Google account with an address that
    /// Google does not manage.
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
    fn only_admins_and_members_of_domains_are_admitted() {
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
    fn at_google_the_hosted_domain_must_match() {
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
    fn errors_name_the_invalid_entry() {
        let error = |emails, domains| Admission::new(emails, domains).unwrap_err().to_string();
        assert!(error("root", "").contains("\"root\""));
        assert!(error("", "a@example.com").contains("a@example.com"));
        assert!(error("", "exa mple").contains("exa mple"));
    }
}
