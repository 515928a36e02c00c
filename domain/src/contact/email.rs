//! Email addresses.

use std::borrow::Cow;

use email_address::{EmailAddress, Error, Options};
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::EmailDomains;
use crate::TextError;
use crate::text::check;

/// Longest email address, in bytes.
const MAX_LEN: usize = 254;

/// Email address in the syntax of RFC 5321, at most 254 bytes. Parsing takes
/// every address that the log may have; [`Self::from_shop`] is stricter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(Box<str>);

/// Reason why a customer's email address is refused. No message repeats the
/// address, since it is personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// The text breaks a rule of all texts.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The text begins or ends with a space.
    #[error("must not begin or end with a space")]
    OuterSpace,
    /// The text is an address in angle brackets, perhaps with a name.
    #[error("must be the address alone, as in ada@example.com, without a name or angle brackets")]
    DisplayName,
    /// The part before the `@` is in quotation marks.
    #[error("must not have quotation marks before the @")]
    Quoted,
    /// The part after the `@` is an IP address.
    #[error("must have a domain after the @, not an IP address")]
    IpAddress,
    /// The part after the `@` has no dot.
    #[error("must have a domain with a dot after the @, as in ada@example.com")]
    NoDot,
    /// The part after the `@` is not a domain name.
    #[error("has a domain after the @ that no mail server can have")]
    Domain,
}

impl Email {
    /// Parses a customer's address: `local@domain` alone, where the domain is a
    /// name that DNS can have.
    ///
    /// # Errors
    /// [`EmailError`] for anything else.
    pub fn from_shop(text: String, domains: EmailDomains) -> Result<Self, EmailError> {
        check(&text, MAX_LEN)?;
        if text.trim() != text {
            return Err(EmailError::OuterSpace);
        }
        let options = Options::default()
            .without_display_text()
            .without_domain_literal();
        if let Err(error) = EmailAddress::parse_with_options(&text, options) {
            return Err(match error {
                Error::UnsupportedDisplayName | Error::MissingEndBracket => EmailError::DisplayName,
                Error::UnsupportedDomainLiteral => EmailError::IpAddress,
                _ if text.ends_with('>') => EmailError::DisplayName,
                _ if text.ends_with(']') => EmailError::IpAddress,
                _ => EmailError::Text(TextError::Email),
            });
        }
        let email = Self(text.into_boxed_str());
        let (local, domain) = email.parts();
        if local.starts_with('"') {
            return Err(EmailError::Quoted);
        }
        let domain = ascii(domain).ok_or(EmailError::Domain)?;
        let last = domain.rsplit('.').next().unwrap_or_default();
        // A top-level domain has a letter, so this is an IP address or a typo.
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(EmailError::Domain);
        }
        email.require(domains)?;
        Ok(email)
    }

    /// Requires a domain that the deployment allows.
    ///
    /// # Errors
    /// [`EmailError::NoDot`] for a domain without a dot.
    pub fn require(&self, domains: EmailDomains) -> Result<(), EmailError> {
        let (_, domain) = self.parts();
        match domains == EmailDomains::Any || ascii(domain).is_some_and(|name| name.contains('.')) {
            true => Ok(()),
            false => Err(EmailError::NoDot),
        }
    }

    /// Returns the address as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a text that is equal for addresses of one mailbox: in lower case,
    /// with the domain in its ASCII form.
    pub fn comparable(&self) -> String {
        let (local, domain) = self.parts();
        let local: String = local.nfc().collect::<String>().to_lowercase();
        // The log may have addresses whose domain has no ASCII form.
        let ascii = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase());
        format!("{local}@{ascii}")
    }

    fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('@').unwrap_or((&self.0, ""))
    }
}

impl TryFrom<String> for Email {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        check(&text, MAX_LEN)?;
        if EmailAddress::is_valid(&text) {
            Ok(Self(text.into_boxed_str()))
        } else {
            Err(TextError::Email)
        }
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0.into_string()
    }
}

/// Returns the ASCII form of a domain name; `None` if DNS cannot have it.
fn ascii(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Verify,
    );
    ascii.ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_shop(text: &str) -> Result<Email, EmailError> {
        Email::from_shop(text.to_owned(), EmailDomains::Dotted)
    }

    #[test]
    fn an_address_is_kept_as_given_and_compared_without_case() {
        let email = from_shop("Ada@Example.COM").unwrap();
        assert_eq!(email.as_str(), "Ada@Example.COM");
        assert_eq!(email.comparable(), "ada@example.com");
        let unicode = from_shop("Jürgen@BÜCHER.example").unwrap().comparable();
        assert_eq!(unicode, "jürgen@xn--bcher-kva.example");
        let ascii = from_shop("JÜRGEN@xn--bcher-kva.example").unwrap();
        assert_eq!(ascii.comparable(), unicode);
        for plain in [
            "a+b@x.example",
            "o'hara@x.example",
            "a.b_c@mail.x-y.example",
        ] {
            assert_eq!(from_shop(plain).unwrap().comparable(), plain);
        }
    }

    #[test]
    fn what_is_not_an_address_alone_is_refused_with_the_reason() {
        use EmailError::{DisplayName, Domain, IpAddress, NoDot, OuterSpace, Quoted};
        for (text, reason) in [
            ("Ada Muster <ada@example.com>", DisplayName),
            ("<ada@example.com>", DisplayName),
            ("ada@gmail", NoDot),
            ("ada@localhost", NoDot),
            ("ada@[127.0.0.1]", IpAddress),
            ("ada@[IPv6:::1]", IpAddress),
            ("ada@127.0.0.1", Domain),
            ("ada@exam_ple.com", Domain),
            (" ada@example.com", OuterSpace),
            ("ada@example.com\u{a0}", OuterSpace),
            ("\"ada b\"@example.com", Quoted),
            ("", TextError::Empty.into()),
            ("ada", TextError::Email.into()),
            ("n/a", TextError::Email.into()),
            ("ada@example.com, bob@example.com", TextError::Email.into()),
            ("a@x.com;b@x.com", TextError::Email.into()),
        ] {
            assert_eq!(from_shop(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_deployment_may_allow_domains_without_a_dot() {
        let any = |text: &str| Email::from_shop(text.to_owned(), EmailDomains::Any);
        assert_eq!(any("root@mailhost").unwrap().comparable(), "root@mailhost");
        assert_eq!(any("ada@[127.0.0.1]"), Err(EmailError::IpAddress));
    }

    #[test]
    fn addresses_of_the_log_stay_readable() {
        for text in ["Ada <ada@example.com>", "ada@gmail", "ada@[127.0.0.1]"] {
            let email = Email::try_from(text.to_owned()).unwrap();
            assert!(!email.comparable().is_empty(), "{text}");
        }
    }
}
