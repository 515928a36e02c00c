//! What there is to do, cut into units that processes share.

use std::ops::Range;
use std::sync::Arc;

use commands::Commands;
use eventlog::{Log, Partition, Recent, Tails};
use projections::{AnyView, Store, VIEWS};
use tokio_util::sync::CancellationToken;

use crate::campaigns::{Delivery, Outlet, SHARDS};
use crate::generations::ActiveGenerations;
use crate::{audiences, campaigns, projecting, rebuilding};

/// What all units of a process share.
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
    /// What any of the views has just read of the log.
    pub(crate) recent: Arc<Recent>,
    pub(crate) generations: ActiveGenerations,
}

/// One unit of work.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Keeping one partition's share of a view.
    Project(&'static dyn AnyView, Partition),
    /// Rebuilding a view when asked.
    Rebuild(&'static dyn AnyView),
    /// Keeping audiences counted.
    Audiences,
    /// Finding out whom campaigns mean.
    Resolve,
    /// Launching campaigns when their time has come.
    Schedule,
    /// Sending the messages of a shard's campaigns.
    Deliver(u16),
    /// Ending campaigns that are over.
    Settle,
}

impl Unit {
    /// The name of its lease.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Project(view, partition) => format!("project/{}/{partition}", view.name()),
            Self::Rebuild(view) => format!("react/rebuild/{}", view.name()),
            Self::Audiences => "react/audiences".to_owned(),
            Self::Resolve => "react/campaigns/audience".to_owned(),
            Self::Schedule => "react/campaigns/schedule".to_owned(),
            Self::Deliver(shard) => format!("react/campaigns/deliver/{shard}"),
            Self::Settle => "react/campaigns/settle".to_owned(),
        }
    }

    /// Does it until told to stop.
    pub(crate) async fn run(self, shared: Arc<Shared>, stop: CancellationToken) {
        match self {
            Self::Project(view, partition) => {
                projecting::run(&shared, view, partition, &stop).await;
            }
            Self::Rebuild(view) => rebuilding::run(&shared, view, &stop).await,
            Self::Audiences => audiences::run(&shared, &stop).await,
            Self::Resolve => campaigns::resolve(&shared, &stop).await,
            Self::Schedule => campaigns::schedule(&shared, &stop).await,
            Self::Deliver(shard) => {
                if let Some(outlet) = &shared.outlet {
                    campaigns::deliver(&shared, outlet, shard, &stop).await;
                }
            }
            Self::Settle => campaigns::settle(&shared, &stop).await,
        }
    }
}

/// Every unit there is for a process; one without a way to the vendor leaves
/// sending to others.
pub(crate) fn units(partitions: Range<Partition>, sends: bool) -> Vec<Unit> {
    let project = VIEWS
        .into_iter()
        .flat_map(|view| partitions.clone().map(move |p| Unit::Project(view, p)));
    let rebuild = VIEWS.into_iter().map(Unit::Rebuild);
    let deliver = (0..SHARDS).filter(|_| sends).map(Unit::Deliver);
    let single = [Unit::Audiences, Unit::Resolve, Unit::Schedule, Unit::Settle];
    project
        .chain(rebuild)
        .chain(single)
        .chain(deliver)
        .collect()
}
