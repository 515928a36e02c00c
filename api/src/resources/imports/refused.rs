//! Handler of `GET /api/imports/{id}/refused`.

use std::fs::File;
use std::io::{self, Read};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::ImportId;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

use super::find::{current, not_here};
use super::receive::disk;
use crate::http::after::Satisfied;
use crate::http::extract::{Path, Query};
use crate::http::openapi::{Conflict, NotFound};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::state::AppState;

/// Size of the pieces in which the rows are read, in bytes.
const PIECE: usize = 64 * 1024;

/// Downloads the refused rows of an import.
///
/// NDJSON: one object per refused row with the `line` of the file, the `reason`, the
/// `pointer` to the field at fault if there is one, and the row as `input`. Empty if no
/// row was refused. Kept for seven days after the end of the run, or until the import is
/// deleted.
#[utoipa::path(
    get,
    path = "/api/imports/{id}/refused",
    tag = "Imports",
    params(
        ("id" = inline(schema::ImportId), Path, description = "The import's id"),
        Satisfied
    ),
    responses(
        (status = 200, description = "The refused rows so far", body = String,
            content_type = "application/x-ndjson"),
        NotFound, Conflict
    )
)]
pub(super) async fn get_refused_rows(
    State(app): State<AppState>,
    Path(id): Path<ImportId>,
    _satisfied: Query<Satisfied>,
) -> Result<Response, Problem> {
    current(&app, &id).await?;
    let body = match app.imports.folder_of_refused(&id) {
        Some(folder) => {
            let file = File::open(folder.refused(&id)).map_err(|error| disk(&error))?;
            stream_of(file)
        }
        None => match app.store.import_files(&[&id]).await?.remove(&id) {
            Some(record) if record.has_refused => return Err(not_here(&app, &id).await),
            Some(record) if record.progress.is_some_and(|done| done.counts.refused > 0) => {
                let detail = "the refused rows were removed seven days after the end of the run";
                return Err(Problem::new(ProblemKind::NotFound, detail));
            }
            _ => Body::empty(),
        },
    };
    let disposition = format!("attachment; filename=\"{id}.refused.ndjson\"");
    // Cannot fail: an id has only characters that a header may have.
    let disposition =
        HeaderValue::try_from(disposition).unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-ndjson"),
        ),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, body).into_response())
}

/// Streams a file. A thread reads it, a few pieces ahead of the client.
fn stream_of(mut file: File) -> Body {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(2);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).map(|read| {
                piece.truncate(read);
                Bytes::from(piece)
            });
            let is_last = read.as_ref().map_or(true, Bytes::is_empty);
            if read.as_ref().is_ok_and(Bytes::is_empty)
                || sender.blocking_send(read).is_err()
                || is_last
            {
                return;
            }
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    // The compression polls a body again after its end, which `unfold` does not permit.
    Body::from_stream(pieces.fuse())
}
