//! Rebuilding a view when somebody asked for it.

use std::time::Duration;

use bson::doc;
use commands::{CommandError, Commands, Context};
use domain::{Subject, View, ViewCommand, ViewName};
use eventlog::{Key, Log, LogError};
use projections::{
    AnyView, Progress, RebuildError, RebuildReport, Store, Topics, VIEWS, rebuild, require_whole,
    roll_back,
};
use tokio_util::sync::CancellationToken;

use crate::periodic::{Periodic, Rest, Task};
use crate::shared::Shared;
use crate::{BusyError, exclusively};

/// How soon requests are looked for that nothing told of.
const LOOK: Duration = Duration::from_secs(10);

/// How long to wait after a failure, or while another rebuild runs.
const PAUSE: Duration = Duration::from_secs(5);

/// Why a view was neither rebuilt nor rolled back.
#[derive(Debug, thiserror::Error)]
pub enum ReactError {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The request could not be recorded.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// MongoDB does not answer.
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    /// The head of the view's aggregate is not readable.
    #[error("the head of the view's aggregate: {0}")]
    Head(#[from] serde_json::Error),
    /// Another process is at it.
    #[error(transparent)]
    Busy(#[from] BusyError),
    /// It failed.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// The view's name is no name, so that nothing can be said of it.
    #[error(transparent)]
    Name(#[from] domain::IdError),
}

/// An operator's work on a view: recorded as asked for, and done by this
/// process rather than by the workers.
pub struct Operation<'a> {
    /// Where the request is recorded.
    pub commands: &'a Commands,
    /// The views.
    pub store: &'a Store,
    /// Which one.
    pub view: &'static dyn AnyView,
    /// On whose behalf.
    pub context: Context,
    /// This process's name among the workers.
    pub worker: String,
}

impl Operation<'_> {
    /// Folds the view anew and lets the new generation serve.
    ///
    /// # Errors
    /// [`ReactError`]; what served before serves on. [`LogError::Trimmed`]
    /// before the request is recorded, if any of the log was trimmed.
    pub async fn rebuild(
        &self,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<RebuildReport, ReactError> {
        self.alone(async {
            let name = ViewName::try_from(self.view.name())?;
            let log = self.commands.log();
            require_whole(log).await?;
            let Ok(_) = self
                .commands
                .execute(&self.context, name, ViewCommand::RequestRebuild)
                .await?;
            let key = key(log, self.view)?;
            let asked = requests(log, &key).await?;
            let report = rebuild(self.store, log, self.view, progress).await?;
            // Had it failed, the workers would carry the request out.
            set_done(self.store, log, &key, asked).await?;
            Ok(report)
        })
        .await
    }

    /// Lets the generation before serve again; returns its number.
    ///
    /// # Errors
    /// [`ReactError`]; what served before serves on.
    pub async fn roll_back(&self) -> Result<i32, ReactError> {
        self.alone(async {
            let name = ViewName::try_from(self.view.name())?;
            let Ok(_) = self
                .commands
                .execute(&self.context, name, ViewCommand::RequestRollback)
                .await?;
            Ok(roll_back(self.store, self.commands.log(), self.view).await?)
        })
        .await
    }

    async fn alone<T>(
        &self,
        work: impl Future<Output = Result<T, ReactError>>,
    ) -> Result<T, ReactError> {
        let log = self.commands.log();
        exclusively(log, &self.worker, &lease(self.view), work).await?
    }
}

/// Held by whoever changes which generation of a view serves.
fn lease(view: &dyn AnyView) -> String {
    format!("rebuild/{}", view.name())
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

/// Waits for requests and carries them out, one after the other. Requests that
/// come while one is carried out are one more.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    TASK.run(shared, stop, Rebuilding).await;
}

struct Rebuilding;

impl Task for Rebuilding {
    type Error = ReactError;

    async fn run(&mut self, shared: &Shared) -> Result<Rest, ReactError> {
        let mut rest = Rest::at_most(LOOK);
        let mut failed = None;
        for view in VIEWS {
            match react(shared, view).await {
                Ok(()) => {}
                // Somebody rebuilds it already; then it may be done.
                Err(ReactError::Busy(BusyError::Busy(_))) => rest = Rest::at_most(PAUSE),
                Err(error) => {
                    tracing::warn!(view = view.name(), %error, "a rebuild was not possible");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(rest), Err)
    }
}

/// Carries out what was asked for and not yet done.
async fn react(shared: &Shared, view: &'static dyn AnyView) -> Result<(), ReactError> {
    let key = &key(&shared.log, view)?;
    if asked(shared, key).await?.is_some() {
        let work = carry_out(shared, view, key);
        exclusively(&shared.log, &shared.worker, &lease(view), work).await??;
    }
    Ok(())
}

/// How many rebuilds were asked for, if they are not all done.
async fn asked(shared: &Shared, key: &Key) -> Result<Option<i64>, ReactError> {
    let requests = requests(&shared.log, key).await?;
    let done = done(&shared.store, &shared.log, key).await?;
    Ok((requests > done).then_some(requests))
}

/// Rebuilds the view unless whoever held the lease before has.
async fn carry_out(
    shared: &Shared,
    view: &'static dyn AnyView,
    key: &Key,
) -> Result<(), ReactError> {
    let Some(requests) = asked(shared, key).await? else {
        return Ok(());
    };
    match rebuild(&shared.store, &shared.log, view, &tell(view)).await {
        Ok(report) => tracing::info!(
            view = view.name(),
            generation = report.generation,
            events = report.events,
            "rebuilt as asked"
        ),
        // Folding the same events again would come to the same.
        Err(error) if error.is_final() => {
            tracing::error!(view = view.name(), %error, "a rebuild failed; the old one serves on");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(set_done(&shared.store, &shared.log, key, requests).await?)
}

fn tell(view: &'static dyn AnyView) -> impl Fn(Progress) + Sync {
    move |progress| match progress {
        Progress::Folding { .. } => {}
        other => tracing::info!(view = view.name(), step = ?other, "rebuilding"),
    }
}

/// How often a rebuild of the view was asked for.
async fn requests(log: &Log, key: &Key) -> Result<i64, ReactError> {
    let Some(head) = log.heads(key.partition, &[key]).await?.pop().flatten() else {
        return Ok(0);
    };
    let view: View = serde_json::from_str(&head.state)?;
    Ok(view.rebuilds() as i64)
}

/// How many of them are done. Those of another log say nothing: after a restore
/// fewer requests may be in the log than were carried out.
async fn done(store: &Store, log: &Log, key: &Key) -> Result<i64, mongodb::error::Error> {
    let reactors = store.database().collection::<bson::Document>("reactors");
    let filter = doc! {"_id": id(key), "epoch": &*log.epoch()};
    let found = reactors.find_one(filter).await?;
    Ok(found.map_or(0, |found| found.get_i64("done").unwrap_or_default()))
}

async fn set_done(
    store: &Store,
    log: &Log,
    key: &Key,
    requests: i64,
) -> Result<(), mongodb::error::Error> {
    let reactors = store.database().collection::<bson::Document>("reactors");
    let update = doc! {"$set": {"done": requests, "epoch": &*log.epoch()}};
    reactors
        .update_one(doc! {"_id": id(key)}, update)
        .upsert(true)
        .await
        .map(|_| ())
}

fn id(key: &Key) -> String {
    format!("rebuild {key}")
}
