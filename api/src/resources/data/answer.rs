//! Responses to ingested data.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use commands::{CommandEffect, Outcome};
use eventlog::{Position, Positions};
use serde::Serialize;
use utoipa::ToSchema;

use super::results_body::results_body;
use super::warning::{ItemWarnings, Warning};
use crate::http::limits::AnswerMemory;
use crate::http::position::{self, PositionText};
use crate::http::problem::ProblemBody;
use crate::http::schema;

/// Result of one accepted item.
#[derive(Serialize, ToSchema)]
#[schema(as = Accepted, example = json!({"id": "o-17", "outcome": "created", "position": "3:1842"}))]
pub(crate) struct AcceptedItem {
    /// Id of the item.
    id: String,
    /// Effect of the item.
    #[schema(value_type = schema::Outcome)]
    outcome: &'static str,
    /// Position of the item's last change in the log.
    #[schema(value_type = schema::Position)]
    position: PositionText,
    /// Name under which an activity is recorded, if it differs from the name that was
    /// sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::Name, nullable = false)]
    name: Option<String>,
    /// Parts of the item that had no effect, were left out or renamed, at most 20.
    #[serde(default, skip_serializing_if = "ItemWarnings::is_empty")]
    #[schema(value_type = Vec<Warning>)]
    warnings: ItemWarnings,
}

/// Results of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch, example = json!({
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
pub(crate) struct BatchResponse {
    /// Number of accepted items, which are in the log.
    accepted: usize,
    /// Number of rejected items, which are not in the log.
    rejected: usize,
    /// Result of each item, in the order of the request.
    results: Vec<ItemResult>,
}

/// Result of one item of a batch.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ItemResult {
    /// The item is in the log.
    Accepted {
        /// Index of the item in the request, starting at 0.
        index: usize,
        /// Same members as in the response to a single item.
        #[serde(flatten)]
        accepted: AcceptedItem,
    },
    /// The item was rejected.
    Rejected {
        /// Index of the item in the request, starting at 0.
        index: usize,
        /// Id of the item, if it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Reason of the rejection.
        problem: Box<ProblemBody>,
    },
}

/// Response to ingested data.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two responses")]
pub(crate) enum Ingested {
    /// Response to one object.
    One(AcceptedItem),
    /// Response to an array or to lines.
    Many(BatchResponse),
}

impl AcceptedItem {
    pub(crate) fn new(id: String, outcome: Outcome) -> Self {
        Self {
            id,
            outcome: effect_name(outcome.effect),
            position: PositionText(outcome.position),
            name: None,
            warnings: ItemWarnings {
                consent: outcome.warning,
                ..ItemWarnings::default()
            },
        }
    }

    /// Adds the name under which an activity is recorded.
    pub(crate) fn with_name(self, name: Option<String>) -> Self {
        Self { name, ..self }
    }

    /// Adds warnings about the item, whose consent is in an object at `parent`.
    pub(crate) fn with_warnings(self, parent: &'static str, others: Vec<Warning>) -> Self {
        let consent = self.warnings.consent;
        let warnings = ItemWarnings {
            consent,
            parent,
            others,
        };
        Self { warnings, ..self }
    }

    /// Returns the position of the item's last change.
    pub(crate) fn position(&self) -> Position {
        self.position.0
    }
}

impl IntoResponse for AcceptedItem {
    fn into_response(self) -> Response {
        accept(&Positions::from_iter([self.position()]), Json(self))
    }
}

impl ItemResult {
    fn index(&self) -> usize {
        match self {
            Self::Accepted { index, .. } | Self::Rejected { index, .. } => *index,
        }
    }
}

impl BatchResponse {
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

impl BatchResponse {
    /// Returns the positions of the accepted items.
    fn positions(&self) -> Positions {
        let positions = self.results.iter().filter_map(|result| match result {
            ItemResult::Accepted { accepted, .. } => Some(accepted.position()),
            ItemResult::Rejected { .. } => None,
        });
        positions.collect()
    }

    /// Returns the response, whose body is written while it is sent. It holds `memory` until
    /// then.
    pub(super) fn into_streamed_response(self, memory: AnswerMemory) -> Response {
        let positions = self.positions();
        let begin = format!(
            r#"{{"accepted":{},"rejected":{},"results":"#,
            self.accepted, self.rejected
        );
        accept(&positions, results_body(begin, self.results, memory))
    }
}

/// Returns the name of an effect, as used in responses and metrics.
pub(crate) fn effect_name(effect: CommandEffect) -> &'static str {
    match effect {
        CommandEffect::Created => "created",
        CommandEffect::Updated => "updated",
        CommandEffect::Unchanged => "unchanged",
        CommandEffect::Stale => "stale",
        CommandEffect::Moved => "moved",
    }
}

/// Builds a 202 response, with `Patron-Position` unless nothing was accepted.
fn accept(positions: &Positions, body: impl IntoResponse) -> Response {
    add_positions(positions, (StatusCode::ACCEPTED, body).into_response())
}

/// Adds `Patron-Position` to a response, unless there are no positions.
pub(crate) fn add_positions(positions: &Positions, mut response: Response) -> Response {
    if !positions.is_empty() {
        let value = position::header_value(positions);
        response.headers_mut().insert(position::HEADER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures::executor::block_on;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::limits::{AnswerBudget, BodyBudget};
    use crate::http::problem::Problem;

    #[test]
    fn batch_results_are_in_request_order_and_counted() {
        let accepted = |index, id: &str, partition, number| ItemResult::Accepted {
            index,
            accepted: AcceptedItem::new(
                id.to_owned(),
                Outcome {
                    effect: CommandEffect::Created,
                    position: Position { partition, number },
                    warning: None,
                },
            ),
        };
        let rejected = ItemResult::Rejected {
            index: 1,
            id: None,
            problem: Box::new(Problem::internal().into_body(None)),
        };
        let results = vec![rejected, accepted(2, "b", 0, 9), accepted(0, "a", 3, 7)];
        let batch = BatchResponse::new(results);
        let body = serde_json::to_value(&batch).unwrap();
        assert_eq!(body["accepted"], 2);
        assert_eq!(body["rejected"], 1);
        assert_eq!(
            body["results"][0],
            json!({"index": 0, "id": "a", "outcome": "created", "position": "3:7"})
        );
        assert_eq!(body["results"][1]["problem"]["status"], 500);
        let response = batch.into_streamed_response(memory());
        assert_eq!(response.headers()["patron-position"], "0:9,3:7");
        assert_eq!(response.headers()["content-type"], "application/json");
        let written: Value = serde_json::from_str(&text_of(response)).unwrap();
        assert_eq!(written, body);
    }

    fn memory() -> AnswerMemory {
        let bodies = BodyBudget::new(1 << 30);
        AnswerBudget::within(&bodies, 1 << 30).open(&"key:1".into())
    }

    fn text_of(response: Response) -> String {
        let bytes = block_on(to_bytes(response.into_body(), usize::MAX)).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_batch_of_any_size_is_written_in_chunks() {
        for count in [0, 1, 2, 100, 5_000] {
            let rejected = |index| ItemResult::Rejected {
                index,
                id: Some(format!("o-{index}")),
                problem: Box::new(Problem::internal().into_body(None)),
            };
            let batch = || BatchResponse::new((0..count).map(rejected).collect());
            let response = batch().into_streamed_response(memory());
            let expected: Value = serde_json::to_value(batch()).unwrap();
            let written: Value = serde_json::from_str(&text_of(response)).unwrap();
            assert_eq!(written, expected);
        }
    }
}
