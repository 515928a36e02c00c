//! Rebuilds and rollbacks of views on request.
//!
//! A request is an event of the view's aggregate. The head of that aggregate counts
//! the requests; the store counts those that are done. A worker rebuilds the view
//! while the first number is larger, and then sets the second to the number of
//! requests it had seen before it started, so that all earlier requests are served by
//! one rebuild.

use std::time::Duration;

use commands::{CommandError, Commands, Context};
use domain::{Subject, ViewCommand, ViewName, ViewRequests};
use eventlog::{Key, Log, LogError};
use projections::{
    AnyView, QueryError, RebuildError, RebuildProgress, RebuildReport, Store, Topics, VIEWS,
    rebuild, rebuild_lease, require_whole, roll_back,
};
use tokio_util::sync::CancellationToken;

use crate::periodic::{NextRun, Periodic, PeriodicTask};
use crate::shared::SharedResources;
use crate::{BusyError, exclusively};

/// Interval between checks for requests, if no notice arrives.
const LOOK: Duration = Duration::from_secs(10);

/// Delay after a failure, or while another process rebuilds the view.
const PAUSE: Duration = Duration::from_secs(5);

/// Reason why a view was neither rebuilt nor rolled back.
#[derive(Debug, thiserror::Error)]
pub enum ReactError {
    /// Redis could not be reached, or the log cannot serve the request.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The request could not be recorded.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// MongoDB could not be reached or rejected the operation.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The head of the view's aggregate is not readable.
    #[error("the head of the view's aggregate is not readable: {0}")]
    Head(#[from] serde_json::Error),
    /// Another process is rebuilding or rolling back the view.
    #[error(transparent)]
    Busy(#[from] BusyError),
    /// The rebuild or the rollback failed.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// The view's name is not a valid name of an aggregate.
    #[error(transparent)]
    Name(#[from] domain::IdError),
}

/// Rebuild or rollback of a view that an operator runs from the command line. The
/// request is recorded like any other, but this process carries it out itself.
pub struct Operation<'a> {
    /// Commands through which the request is recorded.
    pub commands: &'a Commands,
    /// Store of the views.
    pub store: &'a Store,
    /// View to rebuild or roll back.
    pub view: &'static dyn AnyView,
    /// Actor and request that are recorded with the event.
    pub context: Context,
    /// Name of this process among the workers; it holds the lease under this name.
    pub worker: String,
}

impl Operation<'_> {
    /// Rebuilds the view from the log and switches reads to the new generation.
    ///
    /// # Errors
    /// [`ReactError`]; the previous generation keeps serving reads.
    /// [`LogError::Trimmed`] before the request is recorded, if events were trimmed
    /// from the log.
    pub async fn rebuild(
        &self,
        progress: &(dyn Fn(RebuildProgress) + Sync),
    ) -> Result<RebuildReport, ReactError> {
        self.with_lease(async {
            let name = ViewName::try_from(self.view.name())?;
            let log = self.commands.log();
            require_whole(log).await?;
            let Ok(_) = self
                .commands
                .execute(&self.context, name, ViewCommand::RequestRebuild)
                .await?;
            let key = key(log, self.view)?;
            // Read after the request was recorded, so that this rebuild counts as done
            // for it and for all requests before it.
            let requested = request_count(log, &key).await?;
            let report = rebuild(self.store, log, self.view, progress).await?;
            // Only after success: if the rebuild fails, a worker carries the request
            // out.
            self.store
                .set_completed_rebuilds(log, &key, requested)
                .await?;
            Ok(report)
        })
        .await
    }

    /// Switches reads back to the previous generation and returns its number.
    ///
    /// # Errors
    /// [`ReactError`]; the current generation keeps serving reads.
    pub async fn roll_back(&self) -> Result<i32, ReactError> {
        self.with_lease(async {
            let name = ViewName::try_from(self.view.name())?;
            let Ok(_) = self
                .commands
                .execute(&self.context, name, ViewCommand::RequestRollback)
                .await?;
            Ok(roll_back(self.store, self.commands.log(), self.view).await?)
        })
        .await
    }

    async fn with_lease<T>(
        &self,
        work: impl Future<Output = Result<T, ReactError>>,
    ) -> Result<T, ReactError> {
        let log = self.commands.log();
        exclusively(log, &self.worker, &rebuild_lease(self.view), work).await?
    }
}

fn key(log: &Log, view: &dyn AnyView) -> Result<Key, domain::IdError> {
    let subject = Subject::View(ViewName::try_from(view.name())?);
    Ok(log.layout().key(subject.to_string(), subject.route()))
}

const TASK: Periodic = Periodic {
    name: "rebuild views",
    topics: Topics::VIEWS,
    after_failure: PAUSE,
};

/// Carries out requests, one view after the other, until `stop` is cancelled. All
/// requests that arrive during a rebuild lead to one further rebuild.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    TASK.run(shared, stop, Rebuilding).await;
}

struct Rebuilding;

impl PeriodicTask for Rebuilding {
    type Error = ReactError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, ReactError> {
        let mut rest = NextRun::within(LOOK);
        let mut failed = None;
        for view in VIEWS {
            match react(shared, view).await {
                Ok(()) => {}
                // Another process is rebuilding it. The request may be done afterwards,
                // or that process may die: check again soon.
                Err(ReactError::Busy(BusyError::Busy(_))) => rest = NextRun::within(PAUSE),
                Err(error) => {
                    tracing::warn!(view = view.name(), %error, "a requested rebuild failed, trying again");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(rest), Err)
    }
}

/// Rebuilds the view if there are requests that are not done.
async fn react(shared: &SharedResources, view: &'static dyn AnyView) -> Result<(), ReactError> {
    let key = &key(&shared.log, view)?;
    if pending_requests(shared, key).await?.is_some() {
        let work = carry_out(shared, view, key);
        exclusively(&shared.log, &shared.worker, &rebuild_lease(view), work).await??;
    }
    Ok(())
}

/// Returns the number of requested rebuilds, or `None` if all are done.
async fn pending_requests(shared: &SharedResources, key: &Key) -> Result<Option<i64>, ReactError> {
    let requests = request_count(&shared.log, key).await?;
    let done = shared.store.completed_rebuilds(&shared.log, key).await?;
    Ok((requests > done).then_some(requests))
}

/// Rebuilds the view while this process holds the lease.
async fn carry_out(
    shared: &SharedResources,
    view: &'static dyn AnyView,
    key: &Key,
) -> Result<(), ReactError> {
    // Checked again under the lease: its previous holder may have done the work.
    let Some(requests) = pending_requests(shared, key).await? else {
        return Ok(());
    };
    let log_progress = |progress: RebuildProgress| match progress {
        RebuildProgress::Folding { .. } => {}
        other => tracing::info!(view = view.name(), step = ?other, "rebuilding"),
    };
    match rebuild(&shared.store, &shared.log, view, &log_progress).await {
        Ok(report) => tracing::info!(
            view = view.name(),
            generation = report.generation,
            events = report.events,
            "rebuilt a view on request"
        ),
        // Marked as done anyway: folding the same events again would always fail in
        // the same way.
        Err(error) if error.is_final() => {
            tracing::error!(view = view.name(), %error, "a rebuild failed; the previous generation keeps serving");
        }
        Err(error) => return Err(error.into()),
    }
    let (store, log) = (&shared.store, &shared.log);
    store.set_completed_rebuilds(log, key, requests).await?;
    Ok(())
}

/// Returns how many rebuilds of the view were requested, by the aggregate's head.
async fn request_count(log: &Log, key: &Key) -> Result<i64, ReactError> {
    let Some(head) = log.heads(key.partition, &[key]).await?.pop().flatten() else {
        return Ok(0);
    };
    let requests: ViewRequests = serde_json::from_str(&head.state)?;
    Ok(requests.rebuilds() as i64)
}
