//! Errors that keep a view from advancing.

use eventlog::{LogError, Partition, Position, PositionError};
use mongodb::error::ErrorKind;

use crate::runtime::writes::is_rejection;

/// Error that ended a projector's step.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Redis did not answer, or the log is damaged or trimmed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// MongoDB did not answer, or rejected a command.
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    /// The view cannot fold this event. Its checkpoint stays before it.
    #[error("{view} cannot fold the event at {position}: {reason}")]
    Event {
        /// Name of the view.
        view: &'static str,
        /// Position of the event.
        position: Position,
        /// Reason, in plain words.
        reason: String,
    },
    /// The last folded event is no longer in the log, or the log has another
    /// event at its position.
    #[error(
        "{view} was folded up to {position}, but the log has another event there or none: \
         it was rolled back; rebuild the view"
    )]
    RolledBack {
        /// Name of the view.
        view: &'static str,
        /// Position of the last folded event.
        position: Position,
    },
    /// The generation's collection was dropped or replaced after it was folded.
    #[error("the collection {0} is gone; rebuild the view")]
    CollectionGone(String),
    /// The view has not folded a position that the caller needs.
    #[error("{view} has not reached {position}")]
    Behind {
        /// Name of the view.
        view: &'static str,
        /// Position that the view has not reached.
        position: Position,
    },
    /// Positions stored in a launch cannot be parsed.
    #[error(transparent)]
    Positions(#[from] PositionError),
    /// The task of a partition panicked.
    #[error("a task panicked: {0}")]
    Broken(tokio::task::JoinError),
    /// Other processes kept writing the same documents, and all attempts
    /// failed.
    #[error("the documents of {view} kept changing while a batch up to {up_to} was written")]
    Contended {
        /// Name of the view.
        view: &'static str,
        /// Position of the batch's last event.
        up_to: String,
    },
    /// The partition is stalled for the reason given.
    #[error("{0}")]
    Stalled(String),
    /// Another process has become the partition's owner.
    #[error("another process has taken partition {0}")]
    Fenced(Partition),
}

impl ProjectError {
    /// Returns whether a retry cannot succeed, so that an operator must
    /// intervene.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Event { .. }
            | Self::RolledBack { .. }
            | Self::CollectionGone(_)
            | Self::Stalled(_)
            | Self::Positions(_) => true,
            Self::Log(error) => {
                matches!(error, LogError::Damaged { .. } | LogError::Trimmed { .. })
            }
            Self::Mongo(error) => {
                matches!(&*error.kind, ErrorKind::Custom(_)) || is_rejection(error)
            }
            Self::Broken(_) | Self::Behind { .. } | Self::Contended { .. } | Self::Fenced(_) => {
                false
            }
        }
    }
}
