//! What all answers say: who gave them.

use domain::AssistEngine;
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema;

/// Who answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnsweredBy {
    /// Who: the language model, or Patron itself.
    #[schema(value_type = schema::AssistEngine)]
    pub(super) engine: AssistEngine,
    /// The model that was asked, whether or not its answer was taken.
    #[schema(example = "gpt-4o-mini")]
    pub(super) model: Option<String>,
    /// Why Patron answered itself, though there is a model.
    #[schema(example = "the model did not answer within 20 s")]
    pub(super) fallback: Option<String>,
}
