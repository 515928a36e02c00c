//! Resources that all tasks of a worker process share.

use std::sync::Arc;

use commands::Commands;
use eventlog::{Log, Tails};
use projections::Store;
use tokio::sync::Semaphore;

use crate::config::Delivery;
use crate::pointers::Pointers;
use crate::task_reports::TaskReports;

/// Resources that all tasks of a worker process share.
pub(crate) struct SharedResources {
    /// Name of this process among the workers.
    pub(crate) worker: String,
    pub(crate) log: Log,
    pub(crate) commands: Commands,
    pub(crate) store: Store,
    pub(crate) delivery: Delivery,
    pub(crate) tails: Tails,
    pub(crate) pointers: Pointers,
    /// Reports about this process's periodic tasks.
    pub(crate) tasks: TaskReports,
    /// Limit on the number of partitions that are folded at once. Events accumulate
    /// while a partition waits for its turn, so batches grow with the load.
    pub(crate) turns: Semaphore,
    /// Limit on the number of generations that catch up with their partitions at once.
    pub(crate) turns_beside: Arc<Semaphore>,
}
