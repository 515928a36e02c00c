//! The workers: they fold the log into views and do what follows from that.
//!
//! Partitions are divided among the live processes (`division`). The owner of a
//! partition folds it into all views (`owner`, `beside`). The owner of the first
//! partition also does what there is to do once in a deployment (`duties`):
//! rebuilding views, counting audiences, and launching, resolving and ending
//! campaigns. A division only spares double work: what two processes do at once
//! changes nothing.

mod audiences;
mod beside;
mod campaigns;
mod division;
mod duties;
mod exclusive;
mod owner;
mod periodic;
mod pointers;
mod rebuilding;
mod shared;

use std::sync::Arc;
use std::time::Duration;

use commands::Commands;
use eventlog::{Log, Membership, Partition, Role};
use futures::FutureExt;
use projections::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use campaigns::{Delivery, VendorAt, VendorUrlError};
pub use exclusive::{BusyError, exclusively};
pub use rebuilding::{Operation, ReactError};

use crate::campaigns::{Outlet, Sending};
use crate::division::{Division, LIFETIME, Work};
use crate::periodic::Tasks;
use crate::pointers::Pointers;
use crate::shared::Shared;

/// A lease not renewed for this long is another process's to take.
const LEASE: Duration = Duration::from_secs(5);

/// How long to wait before trying to prepare the views again.
const RETRY: Duration = Duration::from_secs(1);

/// How many partitions are folded at once: while some wait for an engine,
/// others compute.
const TURNS: usize = 4;

/// Does this process's share of the work until told to stop; then lets
/// everything finish that is in hand.
///
/// `name` tells this process from all others.
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
    let shared = Arc::new(Shared {
        worker: name.clone(),
        tails: log.tails(),
        pointers: Pointers::follow(store.clone()),
        tasks: Tasks::default(),
        turns: Semaphore::new(TURNS),
        turns_beside: Arc::new(Semaphore::new(1)),
        log: log.clone(),
        outlet: outlet(&delivery),
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
        let Some(outlet) = &shared.outlet else { return };
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

/// Hears what other processes have folded until dropped.
fn listen(store: &Store, log: &Log) -> AbortOnDropHandle<()> {
    let (folded, log) = (store.folded().clone(), log.clone());
    AbortOnDropHandle::new(tokio::spawn(async move { folded.listen(&log).await }))
}

fn folding(shared: Arc<Shared>) -> Work {
    Box::new(move |partition, stop| {
        let shared = shared.clone();
        async move {
            // What is done once ends with the ownership that it comes with.
            let over = stop.child_token();
            let duties = (partition == Partition::MIN).then(|| {
                let (shared, over) = (shared.clone(), over.clone());
                tokio::spawn(async move { duties::keep(&shared, &over).await })
            });
            owner::run(&shared, partition, &over).await;
            over.cancel();
            if let Some(duties) = duties
                && let Err(error) = duties.await
            {
                tracing::error!(%error, "the periodic tasks were lost");
            }
        }
        .boxed()
    })
}

fn serving(sending: Arc<Sending>) -> Work {
    Box::new(move |partition, stop| {
        let sending = sending.clone();
        async move { sending.serve(partition, &stop).await }.boxed()
    })
}

/// The way to the vendor, if there is one.
fn outlet(delivery: &Delivery) -> Option<Arc<Outlet>> {
    let Some(at) = delivery.vendor.clone() else {
        tracing::info!("no vendor is set: this process sends no messages");
        return None;
    };
    match Outlet::new(at, delivery) {
        Ok(outlet) => Some(Arc::new(outlet)),
        Err(error) => {
            tracing::error!(%error, "there is no way to the vendor: this process sends no messages");
            None
        }
    }
}

/// Creates the views' collections; whether that came about before the stop.
async fn prepare(store: &Store, stop: &CancellationToken) -> bool {
    loop {
        match store.generations().prepare().await {
            Ok(()) => return true,
            Err(error) => tracing::warn!(%error, "the views cannot be prepared, trying again"),
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
            tracing::warn!("{view} is of an older program: run `patron rebuild {view}`");
        }),
        Err(error) => tracing::warn!(%error, "cannot tell which views are outdated"),
    }
}
