//! Reports of a run's progress, which every process shows.

use std::time::Duration;

use domain::ImportId;
use projections::{ImportProgress, ImportWait};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::state::AppState;

/// Interval between two reports of the progress.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Time limit for the report of the end, which readers need only until the view has it.
const LAST_REPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports changes of the progress, at most once a second, until it is dropped.
pub(super) async fn report_changes(
    app: AppState,
    id: ImportId,
    mut progress: watch::Receiver<ImportProgress>,
    mut waiting: watch::Receiver<Option<ImportWait>>,
) {
    loop {
        let (now, wait) = {
            let now = *progress.borrow_and_update();
            (now, waiting.borrow_and_update().clone())
        };
        if let Err(error) = app.store.report_import(&id, now, wait.as_ref()).await {
            tracing::warn!(%error, "the progress of an import is not reported, trying again");
        }
        sleep(REPORT_INTERVAL).await;
        let changed = tokio::select! {
            changed = progress.changed() => changed,
            changed = waiting.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Reports the progress at the end of a run.
pub(super) async fn report_last(app: &AppState, id: &ImportId, progress: ImportProgress) {
    let report = app.store.report_import(id, progress, None);
    match timeout(LAST_REPORT_TIMEOUT, report).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the end of an import is not reported"),
        Err(_) => tracing::warn!("the end of an import is not reported in time"),
    }
}
