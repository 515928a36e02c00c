//! What a client gets for its data.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use commands::{Change, Outcome};
use eventlog::Positions;
use serde::Serialize;
use utoipa::ToSchema;

use crate::position::{self, PositionText};
use crate::problem::ProblemBody;
use crate::schema;

/// The answer to one object.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "o-17", "outcome": "created", "position": "3:1842"}))]
pub(crate) struct Accepted {
    /// The item's id.
    id: String,
    /// What became of it.
    #[schema(value_type = schema::Outcome)]
    outcome: &'static str,
    /// Where the log holds its last change.
    #[schema(value_type = schema::Position)]
    position: PositionText,
}

/// The answer to many.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "accepted": 1,
    "rejected": 1,
    "results": [
        {"index": 0, "id": "o-17", "outcome": "created", "position": "3:1842"},
        {"index": 1, "id": "o-18", "problem": {
            "type": "urn:patron:problem:invalid-field",
            "title": "Invalid field",
            "status": 422,
            "detail": "/amount: missing field `amount`",
            "errors": [{"pointer": "/amount", "detail": "missing field `amount`"}]
        }}
    ]
}))]
pub(crate) struct Batch {
    /// How many are in the log.
    accepted: usize,
    /// How many are not.
    rejected: usize,
    /// Each, in the order they came.
    results: Vec<ItemResult>,
}

/// What became of one of many.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ItemResult {
    /// It is in the log.
    Accepted {
        /// Its place in the request, from 0.
        index: usize,
        /// What a single one's answer would say.
        #[serde(flatten)]
        accepted: Accepted,
    },
    /// It is not.
    Rejected {
        /// Its place in the request, from 0.
        index: usize,
        /// Its id, if it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Why.
        problem: Box<ProblemBody>,
    },
}

/// What became of the data in.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two answers")]
pub(super) enum Ingested {
    /// To one object.
    One(Accepted),
    /// To many.
    Many(Batch),
}

impl Accepted {
    pub(super) fn new(id: String, outcome: Outcome) -> Self {
        Self {
            id,
            outcome: word(outcome.change),
            position: PositionText(outcome.position),
        }
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let PositionText(position) = self.position;
        accept(&Positions::from_iter([position]), Json(self))
    }
}

impl ItemResult {
    fn index(&self) -> usize {
        match self {
            Self::Accepted { index, .. } | Self::Rejected { index, .. } => *index,
        }
    }
}

impl Batch {
    pub(super) fn new(mut results: Vec<ItemResult>) -> Self {
        results.sort_unstable_by_key(ItemResult::index);
        let is_accepted = |result: &&ItemResult| matches!(result, ItemResult::Accepted { .. });
        let accepted = results.iter().filter(is_accepted).count();
        Self {
            accepted,
            rejected: results.len() - accepted,
            results,
        }
    }
}

impl IntoResponse for Batch {
    fn into_response(self) -> Response {
        let positions = self.results.iter().filter_map(|result| match result {
            ItemResult::Accepted { accepted, .. } => Some(accepted.position.0),
            ItemResult::Rejected { .. } => None,
        });
        accept(&positions.collect(), Json(self))
    }
}

/// The word for a change.
pub(super) fn word(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Updated => "updated",
        Change::Unchanged => "unchanged",
    }
}

fn accept(positions: &Positions, body: impl IntoResponse) -> Response {
    let mut response = (StatusCode::ACCEPTED, body).into_response();
    if !positions.is_empty() {
        let value = position::header_value(positions);
        response.headers_mut().insert(position::HEADER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use eventlog::Position;
    use serde_json::json;

    use super::*;
    use crate::problem::Problem;

    #[test]
    fn a_batch_answers_in_order_and_counts() {
        let accepted = |index, id: &str, partition, number| ItemResult::Accepted {
            index,
            accepted: Accepted::new(
                id.to_owned(),
                Outcome {
                    change: Change::Created,
                    position: Position { partition, number },
                },
            ),
        };
        let rejected = ItemResult::Rejected {
            index: 1,
            id: None,
            problem: Box::new(Problem::internal().into_body(None)),
        };
        let results = vec![rejected, accepted(2, "b", 0, 9), accepted(0, "a", 3, 7)];
        let batch = Batch::new(results);
        let body = serde_json::to_value(&batch).unwrap();
        assert_eq!(body["accepted"], 2);
        assert_eq!(body["rejected"], 1);
        assert_eq!(
            body["results"][0],
            json!({"index": 0, "id": "a", "outcome": "created", "position": "3:7"})
        );
        assert_eq!(body["results"][1]["problem"]["status"], 500);
        let response = batch.into_response();
        assert_eq!(response.headers()["patron-position"], "0:9,3:7");
    }
}
