//! What can go wrong with the log.

use std::sync::Arc;

use crate::{Partition, Position, UnsafeSetting};

/// Why the log did not answer, or what is wrong with it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// Redis is away, loading, or did not answer in time. An append may or may
    /// not have happened; repeating the command finds out.
    #[error("Redis is not available: {0}")]
    Unavailable(Arc<redis::RedisError>),
    /// Redis has no memory left for new events. Nothing was written.
    #[error("Redis is out of memory")]
    Full,
    /// Redis refuses something it should never refuse.
    #[error("Redis refused a command: {0}")]
    Refused(Arc<redis::RedisError>),
    /// Redis could lose what it acknowledged.
    #[error("this Redis can lose acknowledged events: {}", join(.0))]
    NotDurable(Vec<UnsafeSetting>),
    /// A setting fixed at the first start has another value now.
    #[error("{name} is {stored} in this log since its first start, and cannot be {given}")]
    Pinned {
        /// The setting.
        name: String,
        /// Its value since the first start.
        stored: String,
        /// The value asked for.
        given: String,
    },
    /// The log contradicts itself.
    #[error("the log is damaged at {at}: {what}")]
    Damaged {
        /// Where.
        at: Position,
        /// How.
        what: String,
    },
    /// The log has another format than this program reads and writes.
    #[error("this log has format {stored}, and this program reads format {supported} only")]
    Format {
        /// The format version that is stored.
        stored: String,
        /// The one of this program.
        supported: &'static str,
    },
    /// Redis holds no log, though there was one. Nothing was written.
    #[error(
        "the log is gone from this Redis, and views were folded from it: restore a copy, or see \
         `patron log accept --help`"
    )]
    Gone,
    /// The counter of a partition is gone. Nothing was written.
    #[error("the counter of partition {partition} is gone: Redis has lost data")]
    Missing {
        /// The partition.
        partition: Partition,
    },
    /// Redis holds a log with another epoch than the one that was known.
    /// Nothing was written.
    #[error("this Redis holds another log than the one that was known (its epoch differs)")]
    OtherEpoch,
    /// A partition ends before an event that was seen. Nothing was written.
    #[error(
        "the log ends at {end}, but event {seen} of that partition was there: this Redis holds \
         an older copy"
    )]
    Behind {
        /// Its last event.
        end: Position,
        /// The highest event number that was seen.
        seen: u64,
    },
    /// It cannot be confirmed yet that this is the log that the read models
    /// were folded from. Nothing was written.
    #[error("the log cannot be confirmed: {0}")]
    Unconfirmed(String),
    /// The events were trimmed.
    #[error("events before {floor} were trimmed from the log")]
    Trimmed {
        /// The first event that is kept.
        floor: Position,
    },
    /// The append was interrupted by a fault in this process. It may or may
    /// not have happened; repeating the command finds out.
    #[error("the append was interrupted")]
    Aborted,
    /// The options make no sense.
    #[error("{0}")]
    Options(String),
    /// The process is stopping.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Whether Redis holds another log than the one that was known, or an
    /// older copy of it. It lasts until an operator acts.
    pub fn is_other_log(&self) -> bool {
        matches!(
            self,
            Self::Gone | Self::Missing { .. } | Self::OtherEpoch | Self::Behind { .. }
        )
    }

    /// Whether any other append would fail in the same way.
    pub(crate) fn concerns_all(&self) -> bool {
        self.is_other_log()
            || matches!(
                self,
                Self::Unavailable(_) | Self::Full | Self::Unconfirmed(_)
            )
    }
}

/// The server's code of an error; of a pipeline's, that of the first one in it.
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
        if passing || code == "MISCONF" || error.is_connection_dropped() || error.is_timeout() {
            Self::Unavailable(Arc::new(error))
        } else {
            Self::Refused(Arc::new(error))
        }
    }
}
