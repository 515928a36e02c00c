//! Reason why work on a campaign failed.

use std::time::Duration;

use commands::CommandError;
use domain::{MessageId, ReproduceError};
use eventlog::LogError;
use projections::{ProjectError, QueryError, WaitError};
use tokio::task::JoinError;

/// Reason why work on a campaign failed. The work is retried.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkError {
    /// Redis could not be reached, or the log cannot serve the request.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A command failed without an outcome.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A view could not be queried.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A view has not caught up with the required positions.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The audience of a launch cannot be read.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The campaign's template cannot be rendered.
    #[error("the template cannot be rendered: {0}")]
    Template(#[from] ReproduceError),
    /// The log has no content for a message whose head says that it is queued.
    #[error("the log has no content for message {0}")]
    NoContent(MessageId),
    /// Redis or MongoDB did not answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// A task panicked.
    #[error("a task panicked: {0}")]
    Broken(#[from] JoinError),
}

impl WorkError {
    /// Returns whether events that the work needs were trimmed from the log.
    pub(super) fn is_trimmed(&self) -> bool {
        let error = match self {
            Self::Log(error)
            | Self::Command(CommandError::Log(error))
            | Self::Query(QueryError::Log(error))
            | Self::Project(ProjectError::Log(error)) => error,
            _ => return false,
        };
        matches!(error, LogError::Trimmed { .. })
    }
}
