//! Quarantined documents in responses.
//!
//! A document is set aside when an event that touches it cannot be folded. Reads
//! return the document as it was before that event, and mark it as quarantined.

use projections::{QueryError, View};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::position::PositionText;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::state::AppContext;

/// Event that holds a document back. The response shows the document without this
/// event and all later ones.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Quarantined {
    /// Position of the event in the log.
    #[schema(value_type = schema::Position)]
    pub(crate) position: PositionText,
    /// Reason why the event cannot be folded.
    #[schema(example = "malformed order_placed.1: missing field `amount`")]
    pub(crate) reason: String,
}

/// Response that represents one document of a view.
pub(crate) trait ShowsDocument {
    /// View that holds the document.
    type View: View;

    /// Returns the document's id in the view.
    fn document_id(&self) -> String;

    /// Marks the document as quarantined.
    fn set_quarantined(&mut self, quarantined: Quarantined);
}

/// Marks the responses whose documents are set aside, with one query for all
/// responses.
///
/// # Errors
/// [`QueryError`] if MongoDB does not respond.
pub(crate) async fn mark<'r, R: ShowsDocument + 'r>(
    app: &AppContext,
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

/// Returns the problem of a document that the view does not have: `unknown`, unless
/// the document is missing because its first event is in quarantine.
pub(crate) async fn missing<V: View>(app: &AppContext, id: &str, unknown: Problem) -> Problem {
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
