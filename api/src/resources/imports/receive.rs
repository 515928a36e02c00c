//! Receives an uploaded file: `multipart/form-data` with one part, `file`.
//!
//! The file goes to the disk as it arrives, so memory does not grow with it.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use domain::{ImportedFile, Text};
use futures::StreamExt;
use futures::stream::poll_fn;
use multer::{Field, Multipart};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::partial::PartialImport;
use crate::http::payload;
use crate::http::problem::{Problem, ProblemKind};

/// Name of the part with the file.
const PART: &str = "file";

/// Bytes that a request may have besides its file.
const MAX_FRAMING: u64 = 64 * 1024;

/// Chunks that wait to be written.
const PENDING_CHUNKS: usize = 8;

/// Maximum length of a file's name in bytes. A longer one is shortened.
const MAX_NAME: usize = 255;

/// Limits of an upload.
pub(super) struct UploadLimits {
    /// Maximum size of the file in bytes.
    pub(super) max_bytes: u64,
    /// Maximum time that the client may keep the server waiting.
    pub(super) stall: Duration,
}

/// Receives the file of a request into `partial`. It is on disk on return.
///
/// # Errors
/// 400 for a malformed or incomplete body, 413 for a file that is too large, 415 for
/// another media type, 422 for other parts, 503 for a client that stalls, 507 if the disk
/// is full.
pub(super) async fn receive(
    request: Request,
    partial: &PartialImport,
    limits: &UploadLimits,
) -> Result<ImportedFile, Problem> {
    let boundary = boundary(request.headers())?;
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_too_large = declared.is_some_and(|bytes| bytes > limits.max_bytes + MAX_FRAMING);
    if is_too_large && request.headers().contains_key(header::EXPECT) {
        // The client waits for `100 Continue` and has not sent the body.
        return Err(too_large(limits.max_bytes));
    }
    // Shared, so that the rest of a refused body can be drained.
    let body = Arc::new(Mutex::new(request.into_body().into_data_stream()));
    let received = match is_too_large {
        true => Err(too_large(limits.max_bytes)),
        false => {
            let shared = body.clone();
            let chunks = poll_fn(move |context| {
                let mut body = shared.lock().unwrap_or_else(PoisonError::into_inner);
                body.poll_next_unpin(context)
            });
            receive_parts(Multipart::new(chunks, boundary), partial, limits).await
        }
    };
    if received.is_err() {
        drain(body, limits.stall).await;
    }
    received
}

async fn receive_parts(
    mut parts: Multipart<'_>,
    partial: &PartialImport,
    limits: &UploadLimits,
) -> Result<ImportedFile, Problem> {
    let mut file = None;
    while let Some(part) = within(limits.stall, parts.next_field()).await? {
        match (part.name(), &file) {
            (Some(PART), None) => {
                file = Some(receive_file(part, partial, limits).await?);
            }
            (Some(PART), Some(_)) => {
                let reason = "one import has one file; upload each on its own".to_owned();
                return Err(Problem::field(ProblemKind::InvalidField, "/file", reason));
            }
            (name, _) => {
                let name = name.unwrap_or_default();
                let reason = format!("unknown part `{name}`, expected `{PART}`");
                let pointer = format!("/{name}");
                return Err(Problem::field(ProblemKind::UnknownField, pointer, reason));
            }
        }
    }
    file.ok_or_else(|| {
        let reason = format!("missing part `{PART}`");
        Problem::field(ProblemKind::InvalidField, "/file", reason)
    })
}

async fn receive_file(
    mut part: Field<'_>,
    partial: &PartialImport,
    limits: &UploadLimits,
) -> Result<ImportedFile, Problem> {
    let file_name = file_name(part.file_name().unwrap_or_default());
    let file = partial.create_file().map_err(|error| disk(&error))?;
    let (chunks, writing) = writer(file);
    let mut bytes = 0;
    while let Some(chunk) = within(limits.stall, part.chunk()).await? {
        bytes += chunk.len() as u64;
        if bytes > limits.max_bytes {
            return Err(too_large(limits.max_bytes));
        }
        if chunks.send(chunk).await.is_err() {
            // The writer has ended with an error, which is returned below.
            break;
        }
    }
    drop(chunks);
    let written = writing.await.map_err(|error| {
        tracing::error!(%error, "writing an uploaded file panicked");
        Problem::internal()
    })?;
    let sha256 = written.map_err(|error| disk(&error))?;
    if bytes == 0 {
        let reason = "the file is empty".to_owned();
        return Err(Problem::field(ProblemKind::InvalidField, "/file", reason));
    }
    Ok(ImportedFile {
        file_name,
        bytes,
        sha256,
    })
}

/// Starts a thread that writes chunks to a file. It returns the SHA-256 once everything
/// is on disk.
fn writer(mut file: File) -> (mpsc::Sender<Bytes>, JoinHandle<io::Result<Text<64>>>) {
    let (sender, mut chunks) = mpsc::channel::<Bytes>(PENDING_CHUNKS);
    let write = move || {
        let mut hash = Sha256::new();
        while let Some(chunk) = chunks.blocking_recv() {
            hash.update(&chunk);
            file.write_all(&chunk)?;
        }
        file.sync_all()?;
        // Cannot fail: a digest has 64 digits.
        Text::try_from(format!("{:x}", hash.finalize())).map_err(io::Error::other)
    };
    (sender, tokio::task::spawn_blocking(write))
}

/// Waits for the next piece of a body.
async fn within<T>(
    stall: Duration,
    next: impl Future<Output = Result<Option<T>, multer::Error>>,
) -> Result<Option<T>, Problem> {
    let Ok(read) = timeout(stall, next).await else {
        let detail = format!(
            "no part of the file arrived within {} s; nothing was recorded",
            stall.as_secs_f32()
        );
        return Err(Problem::new(ProblemKind::Timeout, detail));
    };
    read.map_err(|error| {
        let detail = format!("the body is malformed or incomplete: {error}");
        Problem::new(ProblemKind::MalformedBody, detail)
    })
}

fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let unsupported = |detail| Problem::new(ProblemKind::UnsupportedMediaType, detail);
    payload::require_uncompressed(headers)?;
    let mut media_types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = match (media_types.next(), media_types.next()) {
        (Some(only), None) => only.to_str().ok(),
        _ => None,
    };
    multer::parse_boundary(media_type.unwrap_or_default())
        .map_err(|_| unsupported("the body must be multipart/form-data with a boundary"))
}

/// Returns the name of a file without its folder and without control characters.
fn file_name(given: &str) -> Text<256> {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = match domain::beginning(&name, MAX_NAME).trim() {
        "" => PART,
        name => name,
    };
    // Cannot fail: the name is not empty, short enough and without control characters.
    Text::try_from(name.to_owned()).unwrap_or_else(|_| unreachable!("checked above"))
}

/// Drains the rest of a refused body. A client that is still sending when the connection
/// closes may never read the response.
async fn drain(body: Arc<Mutex<BodyDataStream>>, stall: Duration) {
    if let Some(body) = Arc::into_inner(body) {
        let chunks = body.into_inner().unwrap_or_else(PoisonError::into_inner);
        // The response is the same if this times out.
        let _elapsed = timeout(stall, payload::discard(chunks)).await;
    }
}

fn too_large(max_bytes: u64) -> Problem {
    let detail =
        format!("a file has at most {max_bytes} bytes; split it, or raise PATRON_IMPORT_MAX_BYTES");
    Problem::new(ProblemKind::BodyTooLarge, detail)
}

/// Returns the problem of a failed write to the disk.
pub(super) fn disk(error: &io::Error) -> Problem {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded) {
        tracing::error!(%error, "the disk of PATRON_IMPORT_DIR is full");
        let detail = "the disk for imports is full; nothing was recorded; remove imports, or \
                      give PATRON_IMPORT_DIR more space";
        return Problem::new(ProblemKind::DiskFull, detail);
    }
    tracing::error!(%error, "a file of an import cannot be written");
    Problem::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_has_no_folder() {
        for (given, name) in [
            ("orders.csv", "orders.csv"),
            ("C:\\exports\\orders.csv", "orders.csv"),
            ("../../etc/passwd", "passwd"),
            ("a\u{7}b.csv", "ab.csv"),
            ("", "file"),
            ("/", "file"),
            ("..", ".."),
        ] {
            assert_eq!(file_name(given).as_str(), name, "{given}");
        }
        assert_eq!(file_name(&"ä".repeat(200)).as_str(), "ä".repeat(127));
    }

    #[tokio::test]
    async fn a_full_disk_refuses_the_file() {
        // Every write to this device fails as on a full disk.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (chunks, writing) = writer(full);
        let _written = chunks.send(Bytes::from_static(b"a,b\n")).await;
        drop(chunks);
        let error = writing.await.unwrap().unwrap_err();
        let problem = disk(&error);
        assert_eq!(problem.kind(), ProblemKind::DiskFull);
        assert!(problem.detail().contains("PATRON_IMPORT_DIR"));
    }
}
