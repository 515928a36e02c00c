//! Typed bodies.

use domain::Currency;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// Object that a client sends: a struct that denies unknown fields. Its schema must
/// have a valid example with every required field, from which [`super::faults`] takes values.
pub(crate) trait Input: DeserializeOwned + ToSchema {
    /// Checks the item as a whole, after each field is valid.
    ///
    /// # Errors
    /// A problem with a pointer to each field at fault.
    fn check(&self, _: Currency) -> Result<(), Problem> {
        Ok(())
    }
}
