//! Why a view does not move on.

use eventlog::{LogError, Partition, Position, PositionError};
use mongodb::error::ErrorKind;

use crate::writes::is_rejection;

/// Why a projector stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// MongoDB does not answer.
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    /// The view cannot take this event; it stands still before it.
    #[error("{view} cannot take the event at {position}: {reason}")]
    Event {
        /// The view.
        view: &'static str,
        /// The event.
        position: Position,
        /// Why.
        reason: String,
    },
    /// What was folded is not in the log any more.
    #[error(
        "{view} was folded up to {position}, but the log has another event there or none: \
         it was rolled back; rebuild the view"
    )]
    RolledBack {
        /// The view.
        view: &'static str,
        /// How far it was folded.
        position: Position,
    },
    /// The documents are gone though they were folded.
    #[error("the collection {0} is gone; rebuild the view")]
    CollectionGone(String),
    /// A view does not yet know what was asked for.
    #[error("{view} has not reached {position}")]
    Behind {
        /// The view.
        view: &'static str,
        /// What it has not reached.
        position: Position,
    },
    /// Where the past ended is not readable.
    #[error(transparent)]
    Positions(#[from] PositionError),
    /// A task panicked.
    #[error("a task panicked: {0}")]
    Broken(tokio::task::JoinError),
    /// Others kept writing the same documents.
    #[error("the documents of {view} kept changing while a batch up to {up_to} was written")]
    Contended {
        /// The view.
        view: &'static str,
        /// The position of the batch's last event.
        up_to: String,
    },
    /// The partition cannot be read further.
    #[error("{0}")]
    Standing(String),
    /// Another process has taken the partition.
    #[error("another process has taken partition {0}")]
    Fenced(Partition),
}

impl ProjectError {
    /// Whether waiting cannot help: somebody has to look.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Event { .. }
            | Self::RolledBack { .. }
            | Self::CollectionGone(_)
            | Self::Standing(_)
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
