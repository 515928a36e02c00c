//! The loops: projectors that keep the views, the reactor that rebuilds one
//! when asked, and those that campaigns live by.
//!
//! Each is a unit of work with a lease, so that any number of processes share
//! them. A lease only spares double work: what a unit does twice, or two do at
//! once, changes nothing.

mod audiences;
mod campaigns;
mod exclusive;
mod generations;
mod projecting;
mod rebuilding;
mod sharing;
mod unit;

use std::sync::Arc;
use std::time::Duration;

use commands::Commands;
use eventlog::{Leases, Recent};
use projections::Store;
use tokio_util::sync::CancellationToken;

pub use campaigns::{Delivery, VendorAt, VendorUrlError};
pub use exclusive::{BusyError, exclusively};
pub use rebuilding::{Operation, ReactError};

use crate::campaigns::Outlet;
use crate::generations::ActiveGenerations;
use crate::sharing::Share;
use crate::unit::{Shared, units};

/// A lease not renewed for this long is another process's to take: the most
/// that work rests after a process dies.
const LEASE: Duration = Duration::from_secs(5);

/// How long the views' database may take to come up.
const RETRY: Duration = Duration::from_secs(1);

/// Runs this process's share of the work until told to stop; then lets every
/// unit finish what it has in hand.
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
    let shared = Arc::new(Shared {
        worker: name.clone(),
        tails: log.tails(),
        recent: Arc::new(Recent::of(log.clone())),
        generations: ActiveGenerations::follow(store.clone()),
        log: log.clone(),
        outlet: outlet(&delivery),
        commands,
        store,
        delivery,
    });
    let units = units(log.partitions(), shared.outlet.is_some());
    let leases = Leases::new(log, name, LEASE);
    Share::new(leases, shared, units)
        .run(LEASE / 5, &stop)
        .await;
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
