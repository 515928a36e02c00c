//! Rebuilding a view when somebody asked for it.

use std::time::Duration;

use bson::doc;
use commands::{CommandError, Commands, Context};
use domain::{Subject, ViewName};
use eventlog::{Key, Log, LogError};
use projections::{AnyView, Progress, RebuildError, RebuildReport, Store, rebuild, roll_back};
use tokio_util::sync::CancellationToken;

use crate::unit::Shared;
use crate::{BusyError, exclusively};

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
    /// [`ReactError`]; what served before serves on.
    pub async fn rebuild(
        &self,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<RebuildReport, ReactError> {
        self.alone(async {
            let name = ViewName::try_from(self.view.name())?;
            self.commands.request_rebuild(&self.context, name).await?;
            self.mark_done().await?;
            let log = self.commands.log();
            Ok(rebuild(self.store, log, self.view, progress).await?)
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
            self.commands.request_rollback(&self.context, name).await?;
            self.mark_done().await?;
            Ok(roll_back(self.store, self.commands.log(), self.view).await?)
        })
        .await
    }

    async fn alone<T>(
        &self,
        work: impl Future<Output = Result<T, ReactError>>,
    ) -> Result<T, ReactError> {
        let name = format!("rebuild/{}", self.view.name());
        exclusively(self.commands.log(), &self.worker, &name, work).await?
    }

    /// Keeps the workers from doing what this process does.
    async fn mark_done(&self) -> Result<(), ReactError> {
        let log = self.commands.log();
        let key = key(log, self.view)?;
        let requests = requests(log, &key).await?;
        Ok(set_done(self.store, &key, requests).await?)
    }
}

fn key(log: &Log, view: &dyn AnyView) -> Result<Key, domain::IdError> {
    let subject = Subject::View(ViewName::try_from(view.name())?);
    Ok(log.layout().key(subject.to_string(), subject.route()))
}

/// Waits for requests and carries them out. Requests that come while one is
/// carried out are one more.
pub(crate) async fn run(shared: &Shared, view: &'static dyn AnyView, stop: &CancellationToken) {
    let Ok(key) = key(&shared.log, view) else {
        return;
    };
    while !stop.is_cancelled() {
        let reacting = react(shared, view, &key);
        if let Some(Err(error)) = stop.run_until_cancelled(reacting).await {
            tracing::warn!(view = view.name(), %error, "a rebuild was not possible, trying again");
            stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }
}

/// Carries out what was asked for and not yet done, then waits for more.
async fn react(shared: &Shared, view: &'static dyn AnyView, key: &Key) -> Result<(), ReactError> {
    let here = shared.log.last(key.partition).await?.number;
    let requests = requests(&shared.log, key).await?;
    if requests > done(shared, key).await? {
        let name = format!("rebuild/{}", view.name());
        let tell = tell(view);
        let work = rebuild(&shared.store, &shared.log, view, &tell);
        match exclusively(&shared.log, &shared.worker, &name, work).await? {
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
        set_done(&shared.store, key, requests).await?;
    }
    if let Some(mut end) = shared.tails.of(key.partition) {
        // An error means that the process is stopping.
        let _ = end.wait_for(|end| *end > here).await;
    }
    Ok(())
}

fn tell(view: &'static dyn AnyView) -> impl Fn(Progress) + Sync {
    move |progress| match progress {
        Progress::Folding { .. } => {}
        other => tracing::info!(view = view.name(), step = ?other, "rebuilding"),
    }
}

/// How often something was asked of a view: each request is one version of
/// its aggregate.
async fn requests(log: &Log, key: &Key) -> Result<i64, LogError> {
    let head = log.heads(key.partition, &[key]).await?.pop();
    Ok(head.flatten().map_or(0, |head| head.version as i64))
}

async fn done(shared: &Shared, key: &Key) -> Result<i64, mongodb::error::Error> {
    let reactors = shared
        .store
        .database()
        .collection::<bson::Document>("reactors");
    let found = reactors.find_one(doc! {"_id": id(key)}).await?;
    Ok(found.map_or(0, |found| found.get_i64("done").unwrap_or_default()))
}

async fn set_done(store: &Store, key: &Key, requests: i64) -> Result<(), mongodb::error::Error> {
    let reactors = store.database().collection::<bson::Document>("reactors");
    let update = doc! {"$max": {"done": requests}};
    reactors
        .update_one(doc! {"_id": id(key)}, update)
        .upsert(true)
        .await
        .map(|_| ())
}

fn id(key: &Key) -> String {
    format!("rebuild {key}")
}
