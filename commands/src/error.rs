//! Errors of commands.

use domain::DecodeError;
use eventlog::LogError;

/// Reason why a command was neither carried out nor rejected by a rule.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The log could not be read, the append failed, or its outcome is unknown.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Concurrent commands kept changing the same aggregate. The command was
    /// not carried out; others of its batch may have been.
    #[error("{0} kept changing while the command was decided")]
    Contended(String),
    /// Events of an aggregate in the log cannot be decoded.
    #[error("the events of {key} cannot be read: {source}")]
    Unreadable {
        /// Key of the aggregate.
        key: String,
        /// Decoding error of the first such event.
        source: DecodeError,
    },
    /// A rule rejects data that was accepted before, so it cannot be copied.
    #[error("{key} cannot be copied: {reason}")]
    Refused {
        /// Key of the aggregate.
        key: String,
        /// Reason.
        reason: String,
    },
    /// The process has no key from which to derive the ids of addresses.
    #[error("PATRON_ADDRESS_KEY is not set")]
    NoAddressKey,
    /// Rendering texts panicked.
    #[error("rendering texts failed: {0}")]
    Rendering(#[from] tokio::task::JoinError),
}
