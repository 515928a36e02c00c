//! Response to a request that changes the status of an import.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::{ImportId, ImportStatus};
use eventlog::{Position, Positions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::position;
use crate::http::schema;

/// Status of an import after a request.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportTransition)]
pub(super) struct TransitionResponse {
    /// The import's id.
    #[schema(value_type = schema::ImportId)]
    import_id: ImportId,
    /// The import's status.
    #[schema(value_type = schema::ImportStatus)]
    status: ImportStatus,
}

/// Returns the response to a transition that is recorded at this position.
pub(super) fn accepted(id: ImportId, at: Position, status: ImportStatus) -> impl IntoResponse {
    let headers = [(
        position::HEADER,
        position::header_value(&Positions::from_iter([at])),
    )];
    let body = TransitionResponse {
        import_id: id,
        status,
    };
    (StatusCode::ACCEPTED, headers, Json(body))
}
