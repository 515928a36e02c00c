//! Parameter `after`: positions that a read must include.

use eventlog::Positions;
use serde::{Deserialize, Deserializer, de};
use utoipa::IntoParams;

use super::schema;

/// Positions as `Patron-Position` returns them: `3:1842,7:12`.
#[derive(Debug)]
pub(crate) struct After(Positions);

impl After {
    /// Returns the positions.
    pub(crate) fn positions(&self) -> &Positions {
        &self.0
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Parameters of a read that uses no view. Such a read always includes earlier
/// writes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Satisfied {
    /// Accepted as on every read, without effect: this read includes all earlier
    /// writes.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

impl Satisfied {
    /// Returns the positions that the read must include.
    pub(crate) fn positions(self) -> Positions {
        self.after
            .map(|After(positions)| positions)
            .unwrap_or_default()
    }
}

/// Parameters of a read that has only `after`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AfterParam {
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

impl AfterParam {
    pub(crate) fn after(&self) -> Option<&After> {
        self.after.as_ref()
    }

    /// Returns the positions that a read without a view must include.
    pub(crate) fn positions(self) -> Positions {
        self.after
            .map(|After(positions)| positions)
            .unwrap_or_default()
    }
}
