//! Documents that are set aside, as reads show them.
//!
//! A document is set aside when an event that it touches cannot be folded. It is
//! served as it was before that event, and says so.

use projections::{QueryError, View};
use serde::Serialize;
use utoipa::ToSchema;

use crate::position::PositionText;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use crate::state::Shared;

/// The event that holds a document back. What is shown is from before it: this
/// event and all later ones are missing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Quarantined {
    /// Where the event is in the log.
    #[schema(value_type = schema::Position)]
    pub(crate) position: PositionText,
    /// Why the event cannot be folded.
    #[schema(example = "malformed order_placed.1: missing field `amount`")]
    pub(crate) reason: String,
}

/// A response that shows one document of a view.
pub(crate) trait ShowsDocument {
    /// The view.
    type View: View;

    /// The document's id in the view.
    fn document_id(&self) -> String;

    /// Says that the document is set aside.
    fn set_quarantined(&mut self, quarantined: Quarantined);
}

/// Marks the responses whose documents are set aside. One query, whatever the
/// number of responses.
///
/// # Errors
/// [`QueryError`] if MongoDB does not answer.
pub(crate) async fn mark<'r, R: ShowsDocument + 'r>(
    app: &Shared,
    responses: impl IntoIterator<Item = &'r mut R>,
) -> Result<(), QueryError> {
    let responses: Vec<(String, &mut R)> = responses
        .into_iter()
        .map(|response| (response.document_id(), response))
        .collect();
    if responses.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = responses.iter().map(|(id, _)| id.as_str()).collect();
    let mut set_aside = app.store.set_aside(R::View::NAME, &ids).await?;
    for (id, response) in responses {
        if let Some(withheld) = set_aside.remove(&id) {
            response.set_quarantined(Quarantined {
                position: PositionText(withheld.position()),
                reason: withheld.reason,
            });
        }
    }
    Ok(())
}

/// The problem of a document that the view does not have: `unknown`, unless the
/// document is missing because its first event is in quarantine.
pub(crate) async fn missing<V: View>(app: &Shared, id: &str, unknown: Problem) -> Problem {
    match app.store.set_aside(V::NAME, &[id]).await {
        Ok(set_aside) => match set_aside.get(id) {
            Some(withheld) => {
                let position = withheld.position();
                let detail = format!(
                    "{id} is not in the view {} yet: its first event, at {position}, is in \
                     quarantine",
                    V::NAME
                );
                Problem::new(ProblemKind::NotFound, detail)
            }
            None => unknown,
        },
        Err(error) => error.into(),
    }
}
