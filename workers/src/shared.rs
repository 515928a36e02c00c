//! What all work of a process shares.

use std::sync::Arc;

use commands::Commands;
use eventlog::{Log, Tails};
use projections::Store;
use tokio::sync::Semaphore;

use crate::campaigns::{Delivery, Outlet};
use crate::periodic::Tasks;
use crate::pointers::Pointers;

/// What all work of a process shares.
pub(crate) struct Shared {
    /// This process's name among the workers.
    pub(crate) worker: String,
    pub(crate) log: Log,
    pub(crate) commands: Commands,
    pub(crate) store: Store,
    pub(crate) delivery: Delivery,
    /// The way to the vendor, if this process has one.
    pub(crate) outlet: Option<Arc<Outlet>>,
    pub(crate) tails: Tails,
    pub(crate) pointers: Pointers,
    /// How the periodic tasks of this process are.
    pub(crate) tasks: Tasks,
    /// How many partitions may be folded at once. While one waits for its turn,
    /// its events gather: the more there is to do, the larger the batches.
    pub(crate) turns: Semaphore,
    /// How many generations may be folded at once beside their partitions.
    pub(crate) turns_beside: Arc<Semaphore>,
}
