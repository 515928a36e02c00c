//! Bodies: read within their bounds, and made typed values.
//!
//! [`payload`] reads a body, [`batch`] cuts it into items, [`item`] makes JSON a
//! typed value or a problem, for which [`faults`] finds all that is wrong.
//! [`JsonBody`] is for what takes one object; [`labels`] are a field that several
//! have.

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
use item::{ItemReader, Piece};

/// The most bytes that one object may have.
const OBJECT_LIMIT: usize = 256 * 1024;

/// An object as a client writes it: a struct that denies unknown fields. Its
/// schema shows an example without faults, with everything that is required.
pub(crate) trait Input: DeserializeOwned + ToSchema {
    /// Checks the item as a whole once each field is acceptable.
    ///
    /// # Errors
    /// The problem, with a pointer to each field that is at fault.
    fn check(&self, _: &Shared) -> Result<(), Problem> {
        Ok(())
    }
}

/// A body of one JSON object.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: Input> FromRequest<AppState> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Problem> {
        payload::only_json(request.headers())?;
        let body =
            payload::read(request, app.room.none(), app.body_limit.min(OBJECT_LIMIT)).await?;
        let piece = object(payload::text(&body)?)?;
        let read = ItemReader::default().read(piece, |body: &T| body.check(app));
        read.map(Self)
    }
}

/// A struct would also be read from an array.
fn object(text: &str) -> Result<Piece<'_>, Problem> {
    match text.trim_ascii_start().starts_with('{') {
        true => Ok(Piece { text, line: None }),
        false => Err(item::other(text, "the body must be an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemKind;

    #[test]
    fn only_an_object_is_one() {
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
