//! Tasks that launch, send and end campaigns.
//!
//! - Launch: `schedule` launches campaigns that are due. `holds` releases segments
//!   that no campaign needs anymore.
//! - Audience: `resolve` determines the audience of a launch and queues a message for
//!   each recipient, or records why a customer gets none; `case` decides which.
//! - Delivery: `delivery` sends the messages of the partitions that this process owns.
//!   A `lane` sends one campaign's messages to the `vendor` in batches, within the
//!   limits of `rate`, `breaker` and `backoff`, and only with a `clearance` for each
//!   message. `unserved` sizes the batches, `outcome` turns the answers into commands,
//!   and `recorder` appends these.
//! - End: `receipts` ends the wait for receipts that do not come. `settle` completes
//!   campaigns whose messages have all ended, and suppresses the remaining messages of
//!   cancelled ones.
//! - Waiting: `trimmed` reports campaigns that need trimmed events; `memory` pauses
//!   queueing and sending while Redis is short of memory.
//!
//! Every task can be interrupted at any point and restarted, in this or another
//! process. Events are appended at most once, since each command checks the
//! aggregate's head; the vendor deduplicates messages by id.

mod backoff;
mod breaker;
mod case;
mod claims;
mod clearance;
mod context;
mod delivery;
mod error;
mod head;
mod holds;
mod lane;
mod memory;
mod metrics;
mod outcome;
mod outlet;
mod pace;
mod rate;
mod receipts;
mod recorder;
mod resolve;
mod schedule;
mod settle;
mod trimmed;
mod unserved;
mod vendor;

use futures::future::join5;
use tokio_util::sync::CancellationToken;

pub(crate) use delivery::Sending;
pub(crate) use metrics::describe;
pub(crate) use outlet::Outlet;

use crate::shared::SharedResources;

/// Launches, resolves and ends campaigns until `stop` is cancelled.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    join5(
        resolve::run(shared, stop),
        schedule::run(shared, stop),
        receipts::run(shared, stop),
        settle::run(shared, stop),
        holds::run(shared, stop),
    )
    .await;
}
