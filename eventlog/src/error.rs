//! Errors of the log.

use std::fmt;
use std::sync::Arc;

use crate::{Partition, Position};

/// Error of an operation on the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// Redis is unreachable, loading, or did not answer in time. An append may or may
    /// not have been written; repeating the command is safe and settles it.
    #[error("Redis is not available: {0}")]
    Unavailable(Arc<redis::RedisError>),
    /// Redis has no memory left for new events. Nothing was written.
    #[error("Redis is out of memory")]
    Full,
    /// Redis rejected a command that it should always accept.
    #[error("Redis rejected a command: {0}")]
    Refused(Arc<redis::RedisError>),
    /// Redis is configured so that it could lose acknowledged events.
    #[error("this Redis can lose acknowledged events: {}", join(.0))]
    NotDurable(Vec<UnsafeSetting>),
    /// A setting that was fixed at the first start was given with another value.
    #[error("{name} was set to {stored} at the first start and cannot be changed to {given}")]
    Pinned {
        /// Name of the setting.
        name: String,
        /// Value since the first start.
        stored: String,
        /// Value that was given.
        given: String,
    },
    /// The log contradicts itself.
    #[error("the log is damaged at {at}: {what}")]
    Damaged {
        /// Position of the damage; number 0 if it is not known.
        at: Position,
        /// Description of the damage.
        what: String,
    },
    /// The log has another format than this program reads and writes.
    #[error("this log has format {stored}, but this program only reads format {supported}")]
    Format {
        /// Format version of the log.
        stored: String,
        /// Format version of this program.
        supported: &'static str,
    },
    /// Redis holds no log, although there was one. Nothing was written.
    #[error(
        "the log is gone from this Redis, and views were folded from it: restore a copy, or see \
         `patron log accept --help`"
    )]
    Gone,
    /// The counter of a partition is gone. Nothing was written.
    #[error("the counter of partition {partition} is gone: Redis has lost data")]
    Missing {
        /// Partition without a counter.
        partition: Partition,
    },
    /// Redis holds a log with another epoch than the known one. Nothing was written.
    #[error("this Redis holds another log than before: the epoch differs")]
    OtherEpoch,
    /// A partition ends before an event that was seen. Nothing was written.
    #[error(
        "the log ends at {end}, but event {seen} of that partition was seen: this Redis holds \
         an older copy"
    )]
    Behind {
        /// Last event of the partition.
        end: Position,
        /// Highest event number that was seen.
        seen: u64,
    },
    /// The witness could not confirm yet that this is the log from which the read
    /// models were folded. Nothing was written.
    #[error("the log cannot be confirmed: {0}")]
    Unconfirmed(String),
    /// Events that are needed were trimmed.
    #[error("events before {floor} were trimmed from the log")]
    Trimmed {
        /// First event that was not trimmed.
        floor: Position,
    },
    /// The append was interrupted by a panic in this process. It may or may not have
    /// been written; repeating the command is safe and settles it.
    #[error("the append was interrupted")]
    Aborted,
    /// The options or the arguments of a call are invalid.
    #[error("{0}")]
    Options(String),
    /// The process is stopping.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Returns whether Redis holds another log than the known one, or an older copy of
    /// it. Such an error lasts until an operator acts.
    pub fn is_other_log(&self) -> bool {
        matches!(
            self,
            Self::Gone | Self::Missing { .. } | Self::OtherEpoch | Self::Behind { .. }
        )
    }

    /// Returns whether every other append would fail in the same way.
    pub(crate) fn concerns_all(&self) -> bool {
        self.is_other_log()
            || matches!(
                self,
                Self::Unavailable(_) | Self::Full | Self::Unconfirmed(_)
            )
    }
}

/// Setting of Redis that could lose events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsafeSetting {
    /// Name of the setting in Redis.
    pub name: &'static str,
    /// Required value.
    pub required: &'static str,
    /// Actual value; `None` if Redis does not reveal it.
    pub actual: Option<String>,
}

impl fmt::Display for UnsafeSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, required, .. } = self;
        match &self.actual {
            Some(actual) => write!(f, "{name} is {actual}, must be {required}"),
            None => write!(f, "{name} cannot be read, must be {required}"),
        }
    }
}

/// Returns the server's error code; for a pipeline, that of its first error.
fn code(error: &redis::RedisError) -> String {
    let errors = error.clone().into_server_errors();
    let first = errors.as_deref().and_then(|errors| errors.first());
    first.map_or_else(String::new, |(_, error)| error.code().to_owned())
}

fn join(settings: &[UnsafeSetting]) -> String {
    let all: Vec<_> = settings.iter().map(ToString::to_string).collect();
    all.join("; ")
}

impl From<redis::RedisError> for LogError {
    fn from(error: redis::RedisError) -> Self {
        use redis::{ErrorKind, ServerErrorKind as Server};
        let code = code(&error);
        // An error inside a script may have another code, so its text is checked too.
        if code == "OOM" || error.to_string().contains("OOM command not allowed") {
            return Self::Full;
        }
        let passing = matches!(
            error.kind(),
            ErrorKind::Io
                | ErrorKind::ClusterConnectionNotFound
                | ErrorKind::Server(
                    Server::BusyLoading
                        | Server::TryAgain
                        | Server::ClusterDown
                        | Server::MasterDown
                        | Server::ReadOnly
                )
        );
        // MISCONF: Redis refuses writes because it cannot persist, for instance while the
        // disk is full.
        if passing || code == "MISCONF" || error.is_connection_dropped() || error.is_timeout() {
            Self::Unavailable(Arc::new(error))
        } else {
            Self::Refused(Arc::new(error))
        }
    }
}
