//! Request bodies: reading within limits, and parsing into typed values.
//!
//! [`crate::http::payload`] reads a body, [`batch`] splits it into items, and [`item`]
//! parses an item into a typed value or a problem, for which [`faults`] finds all faults.
//! [`JsonBody`] is the extractor for a single object, [`OptionalJsonBody`] for one that may
//! be left out. [`labels`], [`shop_id`], [`given_time`] and [`contacts`] read fields that several bodies
//! share.

pub(crate) mod batch;
pub(crate) mod contacts;
mod faults;
pub(crate) mod given_time;
mod input;
pub(crate) mod item;
pub(crate) mod labels;
pub(crate) mod shop_id;

use axum::body::HttpBody;
use axum::extract::{FromRef, FromRequest, Request};

use crate::http::limits::BodyBudget;
use crate::http::payload;
use crate::http::problem::Problem;
pub(crate) use input::{BodyRules, Input};
use item::{ItemReader, RawItem};

/// Maximum size of a single object in bytes.
const OBJECT_LIMIT: usize = 256 * 1024;

/// Body of one JSON object.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// Part of the application's state that reading a body needs.
#[derive(Clone)]
pub(crate) struct BodySettings {
    /// Memory for all bodies.
    pub(crate) budget: BodyBudget,
    /// Maximum size of a body in bytes.
    pub(crate) limit: usize,
    /// Settings of the deployment.
    pub(crate) rules: BodyRules,
}

impl<T: Input, S: Send + Sync> FromRequest<S> for JsonBody<T>
where
    BodySettings: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let settings = BodySettings::from_ref(state);
        payload::require_json(request.headers())?;
        let limit = settings.limit.min(OBJECT_LIMIT);
        let body = payload::read(request, settings.budget.reserve(), limit).await?;
        parse(payload::text(&body)?, &settings).map(Self)
    }
}

/// Body of one JSON object that may be left out: no body, or white space alone, is the
/// default. `openapi.rs` lists the operations that have one.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: Input + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T>
where
    BodySettings: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let settings = BodySettings::from_ref(state);
        let declared = payload::require_json(request.headers());
        let limit = settings.limit.min(OBJECT_LIMIT);
        let body = payload::read(request, settings.budget.reserve(), limit).await?;
        if body.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        declared?;
        parse(payload::text(&body)?, &settings).map(Self)
    }
}

fn parse<T: Input>(text: &str, settings: &BodySettings) -> Result<T, Problem> {
    let raw = object(text)?;
    ItemReader::default().read(raw, |body: &T| body.check(&settings.rules))
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
    use crate::http::problem::ProblemKind;

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
