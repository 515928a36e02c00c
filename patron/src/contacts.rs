//! Options for the email addresses and phone numbers of customers.

use std::str::FromStr;

use api::ApiConfig;
use clap::Args;
use domain::{ContactRules, Country, CountryError, EmailDomains, MAX_RETURNED};

/// An address remembers no more messages that came back.
const MAX_SOFT_BOUNCES: i64 = MAX_RETURNED as i64;

/// Rules for the email addresses and phone numbers of customers.
#[derive(Args, Clone, Debug)]
pub(crate) struct ContactOptions {
    /// Country of phone numbers that are sent without a country code, an ISO 3166-1 code such as
    /// GB; without it such numbers are refused
    #[arg(long, env = "PATRON_COUNTRY", value_name = "CODE")]
    country: Option<GivenCountry>,

    /// Domains that the email addresses of customers may have: `dotted`, or `any`, which includes
    /// host names such as `mailhost`
    #[arg(
        long,
        env = "PATRON_EMAIL_DOMAINS",
        default_value = "dotted",
        value_name = "KIND"
    )]
    email_domains: EmailDomains,

    /// Number of soft bounces within 30 days that puts an address on the suppression list, at most
    /// 32
    #[arg(
        long,
        env = "PATRON_SOFT_BOUNCES",
        default_value_t = ApiConfig::SOFT_BOUNCES,
        value_parser = clap::value_parser!(u32).range(1..=MAX_SOFT_BOUNCES),
        value_name = "N"
    )]
    pub(crate) soft_bounces: u32,
}

impl ContactOptions {
    pub(crate) fn rules(&self) -> ContactRules {
        ContactRules {
            country: self.country.and_then(|GivenCountry(country)| country),
            email_domains: self.email_domains,
        }
    }
}

/// Country of an option. A blank value counts as unset, as `docker-compose.yml` passes it.
#[derive(Clone, Copy, Debug)]
struct GivenCountry(Option<Country>);

impl FromStr for GivenCountry {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        match text.trim() {
            "" => Ok(Self(None)),
            code => code.parse().map(|country| Self(Some(country))),
        }
    }
}
