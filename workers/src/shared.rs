//! Resources that all tasks of a worker process share.

use std::sync::Arc;

use commands::Commands;
use eventlog::{Log, Tails};
use projections::Store;
use tokio::sync::Semaphore;

use crate::campaigns::{Delivery, Outlet};
use crate::periodic::Tasks;
use crate::pointers::Pointers;

/// Resources that all tasks of a worker process share.
pub(crate) struct SharedResources {
    /// Name of this process among the workers.
    pub(crate) worker: String,
    pub(crate) log: Log,
    pub(crate) commands: Commands,
    pub(crate) store: Store,
    pub(crate) delivery: Delivery,
    /// Connection to the vendor, if one is set.
    pub(crate) outlet: Option<Arc<Outlet>>,
    pub(crate) tails: Tails,
    pub(crate) pointers: Pointers,
    /// Status of this process's periodic tasks.
    pub(crate) tasks: Tasks,
    /// Limit on the number of partitions that are folded at once. Events accumulate
    /// while a partition waits for its turn, so batches grow with the load.
    pub(crate) turns: Semaphore,
    /// Limit on the number of generations that catch up with their partitions at once.
    pub(crate) turns_beside: Arc<Semaphore>,
}
