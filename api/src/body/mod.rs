//! Request bodies: reading within limits, and parsing into typed values.
//!
//! [`payload`] reads a body, [`batch`] splits it into items, and [`item`] parses an
//! item into a typed value or a problem, for which [`faults`] finds all faults.
//! [`JsonBody`] is the extractor for a single object. [`labels`] is a field type
//! that several bodies share.

pub(crate) mod batch;
mod faults;
pub(crate) mod item;
pub(crate) mod labels;
pub(crate) mod payload;

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::{AppState, Shared};
use item::{ItemReader, RawItem};

/// Maximum size of a single object in bytes.
const OBJECT_LIMIT: usize = 256 * 1024;

/// Object that a client sends: a struct that denies unknown fields. Its schema must
/// have a valid example with every required field, from which [`faults`] takes values.
pub(crate) trait Input: DeserializeOwned + ToSchema {
    /// Checks the item as a whole, after each field is valid.
    ///
    /// # Errors
    /// A problem with a pointer to each field at fault.
    fn check(&self, _: &Shared) -> Result<(), Problem> {
        Ok(())
    }
}

/// Body of one JSON object.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: Input> FromRequest<AppState> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Problem> {
        payload::require_json(request.headers())?;
        let body = payload::read(
            request,
            app.body_budget.reserve(),
            app.body_limit.min(OBJECT_LIMIT),
        )
        .await?;
        let raw = object(payload::text(&body)?)?;
        let read = ItemReader::default().read(raw, |body: &T| body.check(app));
        read.map(Self)
    }
}

/// Requires an object. Without this check, serde would also read a struct from an
/// array.
fn object(text: &str) -> Result<RawItem<'_>, Problem> {
    match text.trim_ascii_start().starts_with('{') {
        true => Ok(RawItem { text, line: None }),
        false => Err(item::unexpected_start(text, "the body must be an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemKind;

    #[test]
    fn only_an_object_is_accepted() {
        assert!(object(" {\"a\": 1}").is_ok());
        for (text, kind) in [
            ("[{}]", ProblemKind::InvalidField),
            ("\"{}\"", ProblemKind::InvalidField),
            ("null", ProblemKind::InvalidField),
            ("nul", ProblemKind::MalformedJson),
            ("[", ProblemKind::MalformedJson),
        ] {
            let refused = object(text).map_err(|problem| problem.kind());
            assert_eq!(refused, Err(kind), "{text}");
        }
    }
}
