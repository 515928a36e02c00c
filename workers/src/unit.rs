//! What there is to do, cut into units that processes share.

use std::ops::Range;
use std::sync::Arc;

use eventlog::{Log, Partition, Tails};
use projections::{AnyView, Store, VIEWS};
use tokio_util::sync::CancellationToken;

use crate::generations::ActiveGenerations;
use crate::{audiences, projecting, rebuilding};

/// What all units of a process share.
pub(crate) struct Shared {
    /// This process's name among the workers.
    pub(crate) worker: String,
    pub(crate) log: Log,
    pub(crate) store: Store,
    pub(crate) tails: Tails,
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
}

impl Unit {
    /// The name of its lease.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Project(view, partition) => format!("project/{}/{partition}", view.name()),
            Self::Rebuild(view) => format!("react/rebuild/{}", view.name()),
            Self::Audiences => "react/audiences".to_owned(),
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
        }
    }
}

/// Every unit there is.
pub(crate) fn units(partitions: Range<Partition>) -> Vec<Unit> {
    let project = VIEWS
        .into_iter()
        .flat_map(|view| partitions.clone().map(move |p| Unit::Project(view, p)));
    let rebuild = VIEWS.into_iter().map(Unit::Rebuild);
    project.chain(rebuild).chain([Unit::Audiences]).collect()
}
