//! Responses of the protocol.

use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::limits::AnswerMemory;
use crate::http::problem::{Problem, ProblemBody};
use crate::resources::data::answer::{AcceptedItem, add_positions};
use crate::resources::data::results_body::results_body;

/// Results of calls.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentResults, example = json!({
    "success": true,
    "accepted": 1,
    "rejected": 0,
    "ignored": 1,
    "results": [
        {"index": 0, "type": "track", "id": "ajs-1", "outcome": "created", "position": "3:1842", "name": "order_completed"},
        {"index": 1, "type": "page", "outcome": "ignored", "reason": "calls of the type page have no effect"}
    ]
}))]
pub(super) struct CallsResponse {
    /// Always `true`: the request was processed, and must not be sent again.
    success: bool,
    /// Number of accepted calls, which are in the log.
    accepted: usize,
    /// Number of rejected calls, which are not in the log.
    rejected: usize,
    /// Number of calls without an effect.
    ignored: usize,
    /// Result of each call, in the order of the request.
    results: Vec<CallResult>,
    /// Memory that the response holds.
    #[serde(skip)]
    memory: AnswerMemory,
}

/// Result of one call.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SegmentResult)]
pub(super) enum CallResult {
    /// The call is in the log.
    Accepted {
        /// Index of the call in the request, starting at 0.
        index: usize,
        /// Type of the call.
        #[schema(example = "track")]
        r#type: &'static str,
        /// Same members as in the response to ingested data. The id is that of the
        /// customer for `identify`, that of the event for `track`.
        #[serde(flatten)]
        accepted: AcceptedItem,
    },
    /// The call has no effect.
    Ignored {
        /// Index of the call in the request, starting at 0.
        index: usize,
        /// Type of the call.
        #[schema(example = "page")]
        r#type: &'static str,
        /// Always `ignored`.
        #[schema(example = "ignored")]
        outcome: &'static str,
        /// Reason why it has no effect.
        #[schema(example = "calls of the type page have no effect")]
        reason: String,
    },
    /// The call was rejected.
    Rejected {
        /// Index of the call in the request, starting at 0.
        index: usize,
        /// Reason of the rejection.
        problem: Box<ProblemBody>,
    },
}

impl CallResult {
    pub(super) fn ignored(index: usize, r#type: &'static str, reason: String) -> Self {
        Self::Ignored {
            index,
            r#type,
            outcome: "ignored",
            reason,
        }
    }

    pub(super) fn rejected(index: usize, problem: Problem) -> Self {
        Self::Rejected {
            index,
            problem: Box::new(problem.into_body(None)),
        }
    }

    fn index(&self) -> usize {
        match self {
            Self::Accepted { index, .. }
            | Self::Ignored { index, .. }
            | Self::Rejected { index, .. } => *index,
        }
    }
}

impl CallsResponse {
    pub(super) fn new(mut results: Vec<CallResult>, memory: AnswerMemory) -> Self {
        results.sort_unstable_by_key(CallResult::index);
        let count =
            |is: fn(&CallResult) -> bool| results.iter().filter(|result| is(result)).count();
        Self {
            success: true,
            accepted: count(|result| matches!(result, CallResult::Accepted { .. })),
            rejected: count(|result| matches!(result, CallResult::Rejected { .. })),
            ignored: count(|result| matches!(result, CallResult::Ignored { .. })),
            results,
            memory,
        }
    }
}

impl IntoResponse for CallsResponse {
    fn into_response(self) -> Response {
        let positions = self.results.iter().filter_map(|result| match result {
            CallResult::Accepted { accepted, .. } => Some(accepted.position()),
            _ => None,
        });
        let positions = positions.collect();
        let begin = format!(
            r#"{{"success":{},"accepted":{},"rejected":{},"ignored":{},"results":"#,
            self.success, self.accepted, self.rejected, self.ignored
        );
        let body = results_body(begin, self.results, self.memory);
        add_positions(&positions, body)
    }
}
