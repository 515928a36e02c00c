//! Email addresses and phone numbers that a shop sends.

use std::cell::OnceCell;

use domain::{ContactRules, Email, EmailDomains, EmailError, Phone, PhoneError};
use serde::Deserialize;

/// Email address that a shop sends. The deployment's rules decide if its domain is valid.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct GivenEmail(Email);

impl GivenEmail {
    /// Returns the address.
    ///
    /// # Errors
    /// [`EmailError`] if its domain is refused.
    pub(crate) fn parse(&self, rules: ContactRules) -> Result<Email, EmailError> {
        self.0.require(rules.email_domains)?;
        Ok(self.0.clone())
    }
}

impl TryFrom<String> for GivenEmail {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        Email::from_shop(text, EmailDomains::Any).map(Self)
    }
}

/// Phone number that a shop sends, in its own notation.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub(crate) struct GivenPhone {
    text: String,
    /// The number, once it was parsed: it is checked first and used later.
    parsed: OnceCell<Result<Phone, PhoneError>>,
}

impl GivenPhone {
    /// Returns the number in the form of E.164.
    ///
    /// # Errors
    /// [`PhoneError`] if it is refused.
    pub(crate) fn parse(&self, rules: ContactRules) -> Result<Phone, PhoneError> {
        let parse = || Phone::from_shop(&self.text, rules.country);
        self.parsed.get_or_init(parse).clone()
    }
}

impl From<String> for GivenPhone {
    fn from(text: String) -> Self {
        Self {
            text,
            parsed: OnceCell::new(),
        }
    }
}
