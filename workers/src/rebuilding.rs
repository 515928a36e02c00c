//! Rebuilding a view when somebody asked for it.

use std::time::Duration;

use bson::doc;
use domain::{Subject, ViewName};
use eventlog::{Key, LogError};
use projections::{AnyView, Progress, RebuildError, rebuild};
use tokio_util::sync::CancellationToken;

use crate::unit::Shared;
use crate::{BusyError, exclusively};

/// How long to wait after a failure, or while another rebuild runs.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum ReactError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    #[error(transparent)]
    Busy(#[from] BusyError),
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
}

/// Waits for requests and carries them out. Requests that come while one is
/// carried out are one more.
pub(crate) async fn run(shared: &Shared, view: &'static dyn AnyView, stop: &CancellationToken) {
    let Ok(name) = ViewName::try_from(view.name()) else {
        return;
    };
    let subject = Subject::View(name);
    let layout = shared.log.layout();
    let key = layout.key(subject.to_string(), subject.route());
    while !stop.is_cancelled() {
        let reacting = react(shared, view, &key);
        if let Some(Err(error)) = stop.run_until_cancelled(reacting).await {
            tracing::error!(view = view.name(), %error, "a rebuild failed, trying again");
            stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }
}

/// Carries out what was asked for and not yet done, then waits for more.
async fn react(shared: &Shared, view: &'static dyn AnyView, key: &Key) -> Result<(), ReactError> {
    let here = shared.log.last(key.partition).await?.number;
    let requests = requests(shared, key).await?;
    if requests > done(shared, key).await? {
        let name = format!("rebuild/{}", view.name());
        let tell = tell(view);
        let work = rebuild(&shared.store, &shared.log, view, &tell);
        let report = exclusively(&shared.log, &shared.worker, &name, work).await??;
        set_done(shared, key, requests).await?;
        tracing::info!(
            view = view.name(),
            generation = report.generation,
            events = report.events,
            "rebuilt as asked"
        );
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

/// How often a rebuild was asked for: each request is one version of the
/// view's aggregate.
async fn requests(shared: &Shared, key: &Key) -> Result<i64, LogError> {
    let head = shared.log.heads(key.partition, &[key]).await?.pop();
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

async fn set_done(shared: &Shared, key: &Key, requests: i64) -> Result<(), mongodb::error::Error> {
    let reactors = shared
        .store
        .database()
        .collection::<bson::Document>("reactors");
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
