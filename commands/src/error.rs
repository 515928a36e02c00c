//! Why a command got no answer.

use domain::DecodeError;
use eventlog::LogError;

/// Why a command was neither carried out nor refused by a rule.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The log did not take it, or may not have.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Others kept changing the same aggregate. The command was not carried out;
    /// others of its batch may have been.
    #[error("{0} kept changing while the command was decided")]
    Contended(String),
    /// What the log holds of an aggregate cannot be read.
    #[error("the events of {key} cannot be read: {source}")]
    Unreadable {
        /// The aggregate.
        key: String,
        /// Why.
        source: DecodeError,
    },
    /// Rendering texts panicked.
    #[error("rendering texts failed: {0}")]
    Rendering(#[from] tokio::task::JoinError),
}
