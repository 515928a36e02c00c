//! Background task: takes over the files of an earlier process, keeps their records, and
//! removes what is no longer needed.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use commands::CommandError;
use domain::{ImportCommand, ImportCounts, ImportFailure, ImportId, ImportStatus, Text};
use eventlog::Position;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::folder::ImportFolder;
use super::records::{FILE_LEASE, forget_files, report_file};
use super::registry::Registration;
use super::run;
use crate::identity::caller;
use crate::state::{AppContext, AppState};

/// Interval at which the lease is renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(5);

/// Number of renewals between two sweeps.
const RENEWALS_PER_SWEEP: u32 = 12;

/// Interval between two attempts to open the folder.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Time that the files of an import that does not run are kept after they were last
/// written: at its upload, or in its last run.
const KEEP_FILES: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Age at which files without an import in the log are removed. A younger one may be
/// recorded at the moment.
const ORPHANED_AFTER: Duration = Duration::from_secs(600);

/// Keeps the files of this process. Ends only if this process takes no files.
pub(crate) async fn keep(app: AppState) {
    let Some(directory) = app.imports.config().directory.clone() else {
        return;
    };
    let folder = Arc::new(open(&app, &directory).await);
    // Nothing is uploaded yet, so files without an import are not about to be recorded.
    sweep(&app, &folder, Duration::ZERO).await;
    app.imports.set_folder(folder.clone());
    let mut ticks = interval(RENEW_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in (0..RENEWALS_PER_SWEEP).cycle() {
        ticks.tick().await;
        renew(&app, &folder).await;
        if tick == RENEWALS_PER_SWEEP - 1 || app.imports.take_sweep_request() {
            sweep(&app, &folder, ORPHANED_AFTER).await;
        }
    }
}

/// Renews the lease on the files that are in the folder. Those that were lost are left to
/// expire, even if this process has reported them.
async fn renew(app: &AppContext, folder: &ImportFolder) {
    let imports = match folder.imports() {
        Ok(imports) => imports,
        Err(error) => {
            tracing::error!(%error, "PATRON_IMPORT_DIR cannot be read");
            return;
        }
    };
    let process = app.imports.process();
    let renewed = app.store.renew_import_files(process, &imports, FILE_LEASE);
    if let Err(error) = renewed.await {
        tracing::warn!(%error, "the lease on the files of imports is not renewed, trying again");
    }
}

/// Opens the folder. Waits until no other process uses it.
async fn open(app: &AppContext, directory: &Path) -> ImportFolder {
    let namespace = app.commands.log().layout().namespace();
    let mut is_first = true;
    loop {
        match ImportFolder::open(directory, namespace) {
            Ok(Some(folder)) => return folder,
            Ok(None) if is_first => tracing::warn!(
                directory = %directory.display(),
                "another process uses PATRON_IMPORT_DIR; this one takes files once it has ended"
            ),
            Ok(None) => {}
            Err(error) if is_first => tracing::error!(
                %error, directory = %directory.display(),
                "PATRON_IMPORT_DIR cannot be used; trying again"
            ),
            Err(_) => {}
        }
        is_first = false;
        sleep(RETRY_INTERVAL).await;
    }
}

/// Looks after every import in the folder: removes what is no longer needed, and continues
/// runs. One that cannot be looked after does not keep the others waiting.
async fn sweep(app: &AppState, folder: &Arc<ImportFolder>, orphaned_after: Duration) {
    let imports = folder.imports().unwrap_or_else(|error| {
        tracing::error!(%error, "PATRON_IMPORT_DIR cannot be read");
        Vec::new()
    });
    for id in imports {
        if let Err(error) = look_after(app, folder, &id, orphaned_after).await {
            tracing::warn!(%error, import.id = %id, "an import is not looked after, trying again");
            app.imports.request_sweep();
        }
    }
}

async fn look_after(
    app: &AppState,
    folder: &Arc<ImportFolder>,
    id: &ImportId,
    orphaned_after: Duration,
) -> Result<(), CommandError> {
    let current = app.commands.import(id).await?;
    let status = current.as_ref().and_then(|(import, _)| import.status());
    match (status, current) {
        (Some(ImportStatus::Running), Some((_, last))) => {
            report_stored(app, folder, id).await;
            resume(app, folder, id, last).await
        }
        (Some(status), _) => {
            clean(app, folder, id, status).await;
            Ok(())
        }
        (None, recorded) => {
            if recorded.is_some() || folder.is_older_than(id, orphaned_after) {
                // A record that stays is harmless: nothing refers to it.
                let _deleted = app.store.delete_import_file(id).await;
                removed(id, folder.remove(id));
            }
            Ok(())
        }
    }
}

/// Continues a run of which this process has the files, unless it continues already.
async fn resume(
    app: &AppState,
    folder: &Arc<ImportFolder>,
    id: &ImportId,
    start: Position,
) -> Result<(), CommandError> {
    let Some(registration) = app.imports.register(id) else {
        return Ok(());
    };
    match folder.run(id) {
        Ok(run) => run::spawn(app, folder.clone(), registration, run, start),
        Err(error) => fail(app, id, registration, &error).await?,
    }
    Ok(())
}

/// Removes the files of an import that does not run, if they are no longer needed, and
/// reports the others.
async fn clean(app: &AppContext, folder: &ImportFolder, id: &ImportId, status: ImportStatus) {
    if folder.is_older_than(id, KEEP_FILES) {
        removed(id, folder.remove(id));
    } else if status == ImportStatus::Finished {
        removed(id, folder.remove_file(id));
    }
    match folder.exists(id) {
        true => report_stored(app, folder, id).await,
        false => forget_files(app, id).await,
    }
}

/// Records that this process has the files of an import.
async fn report_stored(app: &AppContext, folder: &ImportFolder, id: &ImportId) {
    let detected = folder.stored(id).ok().and_then(|stored| stored.detected);
    report_file(app, id, detected.as_deref()).await;
}

/// Logs a removal that failed; the next sweep repeats it.
fn removed(id: &ImportId, removed: io::Result<()>) {
    if let Err(error) = removed {
        tracing::error!(%error, import.id = %id, "files of an import are not removed");
    }
}

/// Records that a run cannot be continued.
async fn fail(
    app: &AppContext,
    id: &ImportId,
    registration: Registration,
    error: &io::Error,
) -> Result<(), CommandError> {
    tracing::error!(%error, import.id = %id, "the options of an import cannot be read");
    let context = commands::Context {
        actor: "patron:imports".to_owned(),
        request: None,
        address: None,
        now: caller::now(),
    };
    let reason = "its options cannot be read after a restart; run it again".to_owned();
    if let Ok(reason) = Text::try_from(reason) {
        let counts = ImportCounts::default();
        let command = ImportCommand::Fail(ImportFailure { reason, counts });
        // Another process may have ended it, which is the same.
        let _ended = app.commands.execute(&context, id.clone(), command).await?;
    }
    drop(registration);
    Ok(())
}
