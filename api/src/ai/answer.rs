//! The fields that all answers have: the engine that gave them.

use domain::AssistEngine;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::schema;

/// The engine that answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnsweredBy {
    /// `openai` for a language model, `builtin` for the built-in engine.
    #[schema(value_type = schema::AssistEngine)]
    pub(super) engine: AssistEngine,
    /// The model that was asked, even if its answer was not used.
    #[schema(example = "gpt-4o-mini")]
    pub(super) model: Option<String>,
    /// Reason why the built-in engine answered although a model is configured.
    #[schema(example = "the model did not answer within 20 s")]
    pub(super) fallback: Option<String>,
}
