//! Background task: takes over the files of an earlier process, keeps their records, and
//! removes what is no longer needed.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use commands::CommandError;
use domain::{ImportCommand, ImportCounts, ImportFailure, ImportId, ImportStatus, Text};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::folder::ImportFolder;
use super::registry::Registration;
use super::run;
use crate::identity::caller;
use crate::state::{AppContext, AppState};

/// Time after which a process that does not renew its lease counts as dead.
const LEASE: Duration = Duration::from_secs(15);

/// Interval at which the lease is renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(5);

/// Number of renewals between two sweeps.
const RENEWALS_PER_SWEEP: u32 = 12;

/// Interval between two attempts at what cannot be done yet.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Time that refused rows are kept after the end of a run.
const KEEP_REFUSED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Age at which files without an import in the log are removed. A younger one may be
/// recorded at the moment.
const ORPHANED_AFTER: Duration = Duration::from_secs(600);

/// Keeps the files of this process. Ends only if this process takes no files.
pub(crate) async fn keep(app: AppState) {
    let Some(directory) = app.imports.config().directory.clone() else {
        return;
    };
    let folder = Arc::new(open(&app, &directory).await);
    take_over(&app, &folder).await;
    app.imports.set_folder(folder.clone());
    let mut ticks = interval(RENEW_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in (0..RENEWALS_PER_SWEEP).cycle() {
        ticks.tick().await;
        let process = app.imports.process();
        if let Err(error) = app.store.renew_import_files(process, LEASE).await {
            tracing::warn!(%error, "the lease on the files of imports is not renewed, trying again");
        }
        if tick == RENEWALS_PER_SWEEP - 1 {
            sweep(&app, &folder).await;
        }
    }
}

/// Records that this process has the files of an import. A record that cannot be written
/// is written with the next sweep.
pub(super) async fn report_file(app: &AppContext, id: &ImportId, detected: Option<&str>) {
    let process = app.imports.process();
    if let Err(error) = app
        .store
        .put_import_file(id, process, detected, LEASE)
        .await
    {
        tracing::warn!(%error, import.id = %id, "an import has no record yet, trying again");
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

/// Takes over the files of an earlier process, and continues the runs that it had.
async fn take_over(app: &AppState, folder: &Arc<ImportFolder>) {
    let imports = folder.imports().unwrap_or_else(|error| {
        tracing::error!(%error, "PATRON_IMPORT_DIR cannot be read");
        Vec::new()
    });
    for id in imports {
        loop {
            match take_over_one(app, folder, &id).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(%error, import.id = %id, "an import is not taken over yet");
                }
            }
            sleep(RETRY_INTERVAL).await;
        }
    }
}

async fn take_over_one(
    app: &AppState,
    folder: &Arc<ImportFolder>,
    id: &ImportId,
) -> Result<(), CommandError> {
    let is_running = clean(app, folder, id, Duration::ZERO).await? == Some(ImportStatus::Running);
    if is_running && let Some(registration) = app.imports.register(id) {
        match folder.run(id) {
            Ok(run) => run::spawn(app, folder.clone(), registration, id.clone(), run),
            Err(error) => fail(app, id, registration, &error).await?,
        }
    }
    Ok(())
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

/// Removes what is no longer needed, and writes missing records.
async fn sweep(app: &AppContext, folder: &ImportFolder) {
    let imports = match folder.imports() {
        Ok(imports) => imports,
        Err(error) => return tracing::error!(%error, "PATRON_IMPORT_DIR cannot be read"),
    };
    for id in imports {
        if let Err(error) = clean(app, folder, &id, ORPHANED_AFTER).await {
            tracing::warn!(%error, import.id = %id, "an import is not looked at, trying again");
        }
    }
}

/// Removes the files of an import that are no longer needed, and records the others.
/// Returns the status of the import.
async fn clean(
    app: &AppContext,
    folder: &ImportFolder,
    id: &ImportId,
    orphaned_after: Duration,
) -> Result<Option<ImportStatus>, CommandError> {
    let import = app.commands.import(id).await?;
    let is_recorded = import.is_some();
    let status = import.and_then(|import| import.status());
    let removed = match status {
        Some(ImportStatus::Finished) if folder.has_file(id) => folder.remove_file(id),
        Some(_) if folder.are_refused_older_than(id, KEEP_REFUSED) => {
            forget_refused(app, folder, id, status).await
        }
        Some(_) => Ok(()),
        None if is_recorded || folder.is_older_than(id, orphaned_after) => {
            // A record that stays is harmless: nothing refers to it.
            let _deleted = app.store.delete_import_file(id).await;
            folder.remove(id)
        }
        None => Ok(()),
    };
    if let Err(error) = removed {
        tracing::error!(%error, import.id = %id, "files of an import are not removed");
    }
    if status.is_some() {
        let detected = folder.stored(id).ok().and_then(|stored| stored.detected);
        report_file(app, id, detected.as_deref()).await;
    }
    Ok(status)
}

/// Removes refused rows that were kept for long enough. Those of an import that may
/// still run stay: the importer's journal refers to them.
async fn forget_refused(
    app: &AppContext,
    folder: &ImportFolder,
    id: &ImportId,
    status: Option<ImportStatus>,
) -> io::Result<()> {
    if status != Some(ImportStatus::Finished) {
        return Ok(());
    }
    folder.remove(id)?;
    if let Err(error) = app.store.forget_refused_rows(id).await {
        tracing::warn!(%error, import.id = %id, "an import still shows refused rows");
    }
    Ok(())
}
