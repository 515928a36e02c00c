//! Background workers: fold the log into views, rebuild views, and drive campaigns.
//!
//! Partitions are divided among the live processes (`division`). The owner of a
//! partition folds it into all views (`owner`, `catch_up`). The owner of the first
//! partition also runs the tasks that a deployment needs once (`duties`): rebuilding
//! views, counting audiences, and launching, resolving and ending campaigns.
//!
//! The division only avoids duplicate work; correctness does not depend on it. If
//! two processes do the same work at once, the checkpoint's owner fields fence one
//! of them off (folding), or the second command finds nothing left to change.

mod audiences;
mod campaigns;
mod catch_up;
mod clock;
mod config;
mod division;
mod duties;
mod exclusive;
mod merging;
mod owner;
mod periodic;
mod pointers;
mod rebuilding;
mod shared;
mod task_reports;
mod time_limit;

use std::sync::Arc;
use std::time::Duration;

use commands::Commands;
use eventlog::{Log, Membership, Partition, Role};
use futures::FutureExt;
use projections::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use config::{Delivery, VendorAt, VendorUrlError};
pub use exclusive::{BusyError, exclusively};
pub use rebuilding::{Operation, ReactError};

use crate::campaigns::{Outlet, Sending};
use crate::division::{Division, LIFETIME, PartitionWork};
use crate::pointers::Pointers;
use crate::shared::SharedResources;
use crate::task_reports::TaskReports;

/// Delay before the next attempt to prepare the views.
const RETRY: Duration = Duration::from_secs(1);

/// Number of partitions that are folded at once. More than one, so that some
/// compute while others wait for Redis or MongoDB.
const TURNS: usize = 4;

/// Runs this process's share of the work until `stop` is cancelled, then waits for
/// the work in progress to finish.
///
/// `name` must be unique among the worker processes of the deployment.
pub async fn run(
    commands: Commands,
    store: Store,
    delivery: Delivery,
    name: String,
    stop: CancellationToken,
) {
    if !prepare(&store, &stop).await {
        return;
    }
    warn_of_outdated(&store).await;
    campaigns::describe();
    let log = commands.log().clone();
    let _listening = listen(&store, &log);
    let outlet = outlet(&delivery);
    let shared = Arc::new(SharedResources {
        worker: name.clone(),
        tails: log.tails(),
        pointers: Pointers::follow(store.clone()),
        tasks: TaskReports::default(),
        turns: Semaphore::new(TURNS),
        turns_beside: Arc::new(Semaphore::new(1)),
        log: log.clone(),
        commands,
        store,
        delivery,
    });
    let divide = |role, work| {
        let membership = Membership::new(log.clone(), role, name.clone(), LIFETIME);
        Division::new(membership, log.layout().partitions(), work).run(&stop)
    };
    let folding = divide(Role::Fold, folding(shared.clone()));
    let sending = async {
        let Some(outlet) = &outlet else { return };
        let (sending, over) = (Arc::new(Sending::new()), CancellationToken::new());
        let dividing = async {
            divide(Role::Send, serving(sending.clone())).await;
            over.cancel();
        };
        futures::future::join(dividing, sending.run(&shared, outlet, &over)).await;
    };
    let reporting = periodic::report(&shared, &stop);
    futures::future::join3(folding, sending, reporting).await;
}

/// Listens for notices of what other processes have folded, until dropped.
fn listen(store: &Store, log: &Log) -> AbortOnDropHandle<()> {
    let (folded, log) = (store.folded().clone(), log.clone());
    AbortOnDropHandle::new(tokio::spawn(async move { folded.listen(&log).await }))
}

fn folding(shared: Arc<SharedResources>) -> PartitionWork {
    Box::new(move |partition, stop| {
        let shared = shared.clone();
        async move {
            // The duties end together with the ownership of the first partition, so
            // that its next owner does not run them at the same time.
            let over = stop.child_token();
            let duties = (partition == Partition::MIN).then(|| {
                let (shared, over) = (shared.clone(), over.clone());
                tokio::spawn(async move { duties::supervise(&shared, &over).await })
            });
            owner::run(&shared, partition, &over).await;
            over.cancel();
            if let Some(duties) = duties
                && let Err(error) = duties.await
            {
                tracing::error!(%error, "the task that runs the periodic tasks failed");
            }
        }
        .boxed()
    })
}

fn serving(sending: Arc<Sending>) -> PartitionWork {
    Box::new(move |partition, stop| {
        let sending = sending.clone();
        async move { sending.serve(partition, &stop).await }.boxed()
    })
}

/// Returns the connection to the vendor, or `None` if no vendor is set or its HTTP
/// client cannot be built.
fn outlet(delivery: &Delivery) -> Option<Arc<Outlet>> {
    let Some(at) = delivery.vendor.clone() else {
        tracing::info!("no vendor is set: this process sends no messages");
        return None;
    };
    match Outlet::new(at, delivery) {
        Ok(outlet) => Some(Arc::new(outlet)),
        Err(error) => {
            tracing::error!(%error, "the vendor's HTTP client cannot be built: this process sends no messages");
            None
        }
    }
}

/// Creates the views' collections, retrying until that succeeds. Returns false if
/// `stop` was cancelled first.
async fn prepare(store: &Store, stop: &CancellationToken) -> bool {
    loop {
        match store.generations().prepare().await {
            Ok(()) => return true,
            Err(error) => tracing::warn!(%error, "cannot prepare the views, trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn warn_of_outdated(store: &Store) {
    match store.outdated().await {
        Ok(views) => views.into_iter().for_each(|view| {
            tracing::warn!("{view} was folded by an older program: run `patron rebuild {view}`");
        }),
        Err(error) => tracing::warn!(%error, "cannot determine which views are outdated"),
    }
}
