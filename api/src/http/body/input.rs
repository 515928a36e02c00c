//! Typed bodies.

use chrono_tz::Tz;
use domain::{ContactRules, Currency};
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// Settings of the deployment by which bodies are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyRules {
    /// Currency of all amounts.
    pub(crate) currency: Currency,
    /// Time zone of dates without a time.
    pub(crate) zone: Tz,
    /// Rules for the addresses of customers.
    pub(crate) contacts: ContactRules,
}

/// Object that a client sends: a struct that denies unknown fields. Its schema must
/// have a valid example with every required field, from which [`super::faults`] takes values.
pub(crate) trait Input: DeserializeOwned + ToSchema {
    /// Checks the item as a whole, after each field is valid.
    ///
    /// # Errors
    /// A problem with a pointer to each field at fault.
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        Ok(())
    }
}
