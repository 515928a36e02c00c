//! Email addresses and phone numbers at which customers can be reached.
//!
//! A shop's data is parsed more strictly than the log is read: events that were
//! accepted once stay readable.

mod email;
mod phone;

use std::fmt;
use std::str::FromStr;

use phonenumber::country;

pub use email::{Email, EmailError};
pub use phone::{Phone, PhoneError};

/// Rules for the contact data of customers, which the deployment sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContactRules {
    /// Country of phone numbers without a country code. Without it, such
    /// numbers are refused.
    pub country: Option<Country>,
    /// Domains that an email address may have.
    pub email_domains: EmailDomains,
}

/// Domains that a customer's email address may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmailDomains {
    /// Domains with a dot, such as `example.com`.
    #[default]
    Dotted,
    /// All domains; also host names of a local network, such as `mailhost`.
    Any,
}

/// Error for a text that is not the name of an [`EmailDomains`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("neither `dotted` nor `any`")]
pub struct EmailDomainsError;

impl FromStr for EmailDomains {
    type Err = EmailDomainsError;

    fn from_str(text: &str) -> Result<Self, EmailDomainsError> {
        match text {
            "dotted" => Ok(Self::Dotted),
            "any" => Ok(Self::Any),
            _ => Err(EmailDomainsError),
        }
    }
}

/// Country with a national numbering plan, by its ISO 3166-1 code: `GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country(country::Id);

/// Error for a text that is not the code of a [`Country`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 3166-1 code of two letters such as GB")]
pub struct CountryError;

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        let code = text.to_ascii_uppercase();
        code.parse().map(Self).map_err(|_| CountryError)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_parsed_in_any_case() {
        let parse = |text: &str| text.parse::<Country>().map(|country| country.to_string());
        assert_eq!(parse("gb").as_deref(), Ok("GB"));
        assert_eq!(parse("DE").as_deref(), Ok("DE"));
        for odd in ["", "UK1", "XX", "Germany"] {
            assert_eq!(parse(odd), Err(CountryError), "{odd}");
        }
    }
}
