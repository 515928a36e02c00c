//! Write concern of Patron's writes, and the outcome of a write.
//!
//! A reply with `ok: 1` may still report a failure, in `writeErrors` or in
//! `writeConcernError`. A write whose concern was not met is visible on the
//! primary, but a failover may undo it, so nothing may depend on it, even if
//! the rest of the reply reports success. The driver checks the replies to its
//! own operations, but drops the write concern error if there is a write error
//! too, and does not check replies to commands that were run directly. Every
//! decision about the outcome of a write is therefore made here.

use std::time::Duration;

use bson::{RawArrayBuf, cstr, rawdoc};
use mongodb::Database;
use mongodb::error::{Error, ErrorKind, WriteConcernError, WriteError, WriteFailure};
use mongodb::options::{Acknowledgment, WriteConcern};
use serde::Deserialize;

/// MongoDB's error code for a duplicate key.
pub(crate) const DUPLICATE: i32 = 11_000;

/// MongoDB's error code for a collection that already exists.
pub(crate) const NAMESPACE_EXISTS: i32 = 48;

/// Time that a write waits for a majority. Without a bound it would wait as
/// long as members are down, and no error would explain the view's lag.
const MAJORITY_TIMEOUT: Duration = Duration::from_secs(30);

/// MongoDB's error codes for a server that is shutting down or is no longer
/// primary.
const LEAVING: [i32; 7] = [91, 189, 10_107, 11_600, 11_602, 13_435, 13_436];

/// MongoDB's error codes for other transient failures: unreachable hosts or
/// networks, time limits, interruptions and write conflicts.
const PASSING: [i32; 11] = [6, 7, 24, 46, 50, 64, 89, 112, 262, 9_001, 11_601];

/// Returns the write concern of all writes: acknowledged once a majority has
/// the write in its journal. A standalone server is a majority by itself.
pub(crate) fn write_concern() -> WriteConcern {
    WriteConcern::builder()
        .w(Acknowledgment::Majority)
        .journal(true)
        .w_timeout(MAJORITY_TIMEOUT)
        .build()
}

/// The fields of a reply to an `update` command that are checked.
#[derive(Deserialize)]
struct UpdateReply {
    n: u64,
    #[serde(rename = "writeErrors", default)]
    write_errors: Vec<WriteError>,
    #[serde(rename = "writeConcernError")]
    write_concern_error: Option<WriteConcernError>,
}

/// Runs update statements, in any order, as one command. Returns the number of
/// documents that matched.
///
/// # Errors
/// If any statement failed, or the write concern was not met. Some statements
/// may have taken effect.
pub(crate) async fn update(
    database: &Database,
    collection: &str,
    statements: RawArrayBuf,
) -> Result<u64, Error> {
    let mut command = rawdoc! {
        "update": collection,
        "updates": statements,
        "ordered": false,
    };
    let write_concern = bson::serialize_to_raw_document_buf(&write_concern())?;
    command.append(cstr!("writeConcern"), write_concern);
    let reply = database.run_raw_command(command).await?;
    let reply: UpdateReply = bson::deserialize_from_document(reply)?;
    // Checked first, since a failover may undo whatever caused a write error.
    if let Some(error) = reply.write_concern_error {
        return Err(ErrorKind::Write(WriteFailure::WriteConcernError(error)).into());
    }
    if let Some(error) = reply.write_errors.into_iter().next() {
        return Err(ErrorKind::Write(WriteFailure::WriteError(error)).into());
    }
    Ok(reply.n)
}

/// Returns whether a write failed with this code only and its write concern was
/// met, so that the document that caused the error survives a failover.
pub(crate) fn failed_only_with(error: &Error, code: i32) -> bool {
    if has_write_concern_error(error) {
        return false;
    }
    match &*error.kind {
        ErrorKind::Command(error) => error.code == code,
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == code,
        ErrorKind::InsertMany(failed) => {
            let mut errors = failed.write_errors.iter().flatten().peekable();
            errors.peek().is_some() && errors.all(|error| error.code == code)
        }
        _ => false,
    }
}

/// Returns whether MongoDB rejected a document itself, so that writing it again
/// would fail again.
pub(crate) fn is_rejection(error: &Error) -> bool {
    if has_write_concern_error(error) {
        return false;
    }
    let is_permanent = |code| code != DUPLICATE && !is_leaving(code) && !PASSING.contains(&code);
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => is_permanent(error.code),
        ErrorKind::InsertMany(failed) => {
            let mut errors = failed.write_errors.iter().flatten();
            errors.any(|error| is_permanent(error.code))
        }
        _ => false,
    }
}

/// Returns whether a server with this error is shutting down or is no longer
/// primary.
pub(crate) fn is_leaving(code: i32) -> bool {
    LEAVING.contains(&code)
}

fn has_write_concern_error(error: &Error) -> bool {
    let in_reply = error
        .server_response()
        .is_some_and(|reply| !matches!(reply.get("writeConcernError"), Ok(None)));
    in_reply
        || match &*error.kind {
            ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
            ErrorKind::InsertMany(failed) => failed.write_concern_error.is_some(),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{Document, doc};

    fn insert_error(failed: Document) -> Error {
        let failed = bson::deserialize_from_document(failed).unwrap();
        ErrorKind::InsertMany(failed).into()
    }

    fn duplicate() -> Document {
        doc! {"index": 0, "code": DUPLICATE, "errmsg": "duplicate key"}
    }

    #[test]
    fn a_duplicate_counts_only_if_the_write_concern_was_met() {
        let met = insert_error(doc! {"writeErrors": [duplicate()]});
        assert!(failed_only_with(&met, DUPLICATE));
        let stepped_down = doc! {"code": 189, "errmsg": "primary stepped down"};
        let unmet = doc! {"writeErrors": [duplicate()], "writeConcernError": stepped_down};
        let unmet = insert_error(unmet);
        assert!(!failed_only_with(&unmet, DUPLICATE));
        assert!(!is_rejection(&unmet));
    }

    #[test]
    fn transient_errors_are_not_rejections() {
        let failed = |code: i32| {
            let error = doc! {"index": 1, "code": code, "errmsg": "no"};
            insert_error(doc! {"writeErrors": [duplicate(), error]})
        };
        assert!(is_rejection(&failed(10_334)), "the document is too large");
        assert!(!is_rejection(&failed(10_107)), "not the primary");
        assert!(!failed_only_with(&failed(10_107), DUPLICATE));
    }
}
