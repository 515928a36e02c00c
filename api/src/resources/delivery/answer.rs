//! Response to receipts.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use commands::Outcome;
use eventlog::Positions;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::{Problem, ProblemBody};
use crate::http::schema;
use crate::resources::data::answer::{AcceptedItem, add_positions};

/// Results of receipts.
#[derive(Serialize, ToSchema)]
#[schema(as = ReceiptResults, example = json!({
    "accepted": 1,
    "ignored": 1,
    "rejected": 0,
    "results": [
        {"index": 0, "id": "msg_1f0c_c-1", "outcome": "updated", "position": "3:1842"},
        {"index": 1, "id": "msg_1f0c_c-2", "outcome": "ignored",
            "detail": "receipts with the status \"processed\" are not recorded"}
    ]
}))]
pub(super) struct ReceiptsResponse {
    /// Number of accepted receipts, which are in the log.
    pub(super) accepted: usize,
    /// Number of receipts with a status that is not recorded.
    pub(super) ignored: usize,
    /// Number of rejected receipts.
    pub(super) rejected: usize,
    /// Result of each receipt, in the order of the request.
    results: Vec<ReceiptResult>,
}

/// Result of one receipt.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum ReceiptResult {
    /// The receipt is in the log.
    #[schema(title = "AcceptedReceipt")]
    Accepted {
        /// Index of the receipt in the request, starting at 0.
        index: usize,
        /// Message, outcome and position.
        #[serde(flatten)]
        accepted: AcceptedItem,
    },
    /// The receipt has a status that is not recorded.
    #[schema(title = "IgnoredReceipt")]
    Ignored {
        /// Index of the receipt in the request, starting at 0.
        index: usize,
        /// Id of the message, if it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Always `ignored`.
        #[schema(value_type = schema::Ignored)]
        outcome: &'static str,
        /// Explanation.
        detail: String,
    },
    /// The receipt was rejected.
    #[schema(title = "RejectedReceipt")]
    Rejected {
        /// Index of the receipt in the request, starting at 0.
        index: usize,
        /// Id of the message, if it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Reason of the rejection.
        problem: Box<ProblemBody>,
    },
}

/// Outcome of one receipt.
pub(super) enum ReceiptOutcome {
    /// The receipt was recorded, or was known.
    Accepted(Outcome),
    /// The receipt has this status, which is not recorded.
    Ignored(String),
    /// The receipt was rejected.
    Rejected(Problem),
}

impl ReceiptsResponse {
    /// Returns the response to receipts with these ids and outcomes.
    pub(super) fn new(outcomes: Vec<(Option<String>, ReceiptOutcome)>) -> Self {
        let mut response = Self {
            accepted: 0,
            ignored: 0,
            rejected: 0,
            results: Vec::with_capacity(outcomes.len()),
        };
        for (index, (id, outcome)) in outcomes.into_iter().enumerate() {
            let result = match outcome {
                ReceiptOutcome::Accepted(outcome) => {
                    response.accepted += 1;
                    let accepted = AcceptedItem::new(id.unwrap_or_default(), outcome);
                    ReceiptResult::Accepted { index, accepted }
                }
                ReceiptOutcome::Ignored(status) => {
                    response.ignored += 1;
                    let status = domain::beginning(&status, LONGEST_STATUS);
                    ReceiptResult::Ignored {
                        index,
                        id,
                        outcome: "ignored",
                        detail: format!("receipts with the status {status:?} are not recorded"),
                    }
                }
                ReceiptOutcome::Rejected(problem) => {
                    response.rejected += 1;
                    let problem = Box::new(problem.into_body(None));
                    ReceiptResult::Rejected { index, id, problem }
                }
            };
            response.results.push(result);
        }
        response
    }
}

/// Longest status that is repeated in a response, in bytes.
const LONGEST_STATUS: usize = 64;

impl IntoResponse for ReceiptsResponse {
    fn into_response(self) -> Response {
        let positions = self.results.iter().filter_map(|result| match result {
            ReceiptResult::Accepted { accepted, .. } => Some(accepted.position()),
            ReceiptResult::Ignored { .. } | ReceiptResult::Rejected { .. } => None,
        });
        let positions: Positions = positions.collect();
        add_positions(
            &positions,
            (StatusCode::ACCEPTED, Json(self)).into_response(),
        )
    }
}
