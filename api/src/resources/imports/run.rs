//! A run: sends the rows of a file, and records how it ends.
//!
//! # Correctness
//!
//! The journal on disk advances after each batch that the log has acknowledged. A batch
//! that was sent and not journaled is sent again; that changes nothing, since every item
//! has an id. A run whose process ends continues when a process has its files again: the
//! log says that the import is `running`, and the stored run says how.
//!
//! The lease `import` lets one import of the deployment run. A process that was silent
//! for longer than the lease may overlap with the next holder for a moment; that too only
//! sends items twice.

use std::sync::Arc;
use std::time::Duration;

use commands::Context;
use domain::{ImportCommand, ImportCounts, ImportError, ImportFailure, ImportId, ImportKind, Text};
use eventlog::Leases;
use importer::{FilePosition, ImportEnd, ImportTask, Preset, Progress, Resource};
use projections::{ImportProgress, ImportWait, ImportWaitReason};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::folder::{ImportFolder, StoredRun};
use super::registry::Registration;
use super::sink::LogSink;
use crate::identity::caller;
use crate::state::AppState;

/// Lease of the one import that runs.
pub(super) const LEASE: &str = "import";

/// Time after which the lease of a dead process expires.
const LEASE_TTL: Duration = Duration::from_secs(15);

/// Interval at which the lease is renewed, and at which a run tries to take it.
const RENEW_INTERVAL: Duration = Duration::from_secs(3);

/// Interval between two reports of the progress.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Interval between two attempts to record the end of a run.
const RECORD_INTERVAL: Duration = Duration::from_secs(1);

/// Time limit for the report of the end, which readers need only until the view has it.
const LAST_REPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Number of rows in a batch.
const BATCH: usize = 5_000;

/// Returns the leases of an import.
pub(super) fn leases(app: &AppState, id: &ImportId) -> Leases {
    Leases::new(app.commands.log().clone(), id.to_string(), LEASE_TTL)
}

/// Returns the importer's task for a run.
///
/// # Errors
/// If the stored options are those of another version of the importer.
pub(super) fn task(
    folder: &ImportFolder,
    id: &ImportId,
    run: &StoredRun,
) -> Result<ImportTask, importer::ImportError> {
    let options = serde_json::from_value(run.plan.options.clone());
    let options = options.map_err(|error| importer::ImportError::Options(error.to_string()))?;
    Ok(ImportTask {
        file: folder.file(id),
        resource: resource(run.plan.kind),
        format: run.format,
        options,
        preset: preset(run.plan.preset.as_ref())?,
        destination: id.to_string(),
        batch: BATCH,
        rejects: folder.refused(id),
        journal: folder.journal(id),
        restart: false,
    })
}

/// Returns the preset of a run, if it has one.
fn preset(name: Option<&Text<64>>) -> Result<Option<Preset>, importer::ImportError> {
    let Some(name) = name else {
        return Ok(None);
    };
    let preset = Preset::named(name.as_str()).ok_or_else(|| {
        importer::ImportError::Options(format!("there is no preset {}", name.as_str()))
    })?;
    Ok(Some(preset.clone()))
}

/// Returns the importer's name for a kind of data.
pub(super) fn resource(kind: ImportKind) -> Resource {
    match kind {
        ImportKind::Customers => Resource::Customers,
        ImportKind::Orders => Resource::Orders,
        ImportKind::Events => Resource::Events,
    }
}

/// Starts a run in the background.
pub(super) fn spawn(
    app: &AppState,
    folder: Arc<ImportFolder>,
    registration: Registration,
    id: ImportId,
    run: StoredRun,
) {
    let span = tracing::info_span!("import", import.id = %id);
    let journaled = folder.journaled(&id).map(|journal| ImportProgress {
        done: journal.done.offset,
        counts: domain_counts(journal.counts),
    });
    let runner = Runner {
        app: app.clone(),
        folder,
        id,
        run,
        progress: watch::Sender::new(journaled.unwrap_or_default()),
        waiting: watch::Sender::default(),
    };
    let work = async move {
        runner.run(&registration).await;
        drop(registration);
    };
    app.imports.tasks.spawn(work.instrument(span));
}

/// A run in this process.
struct Runner {
    app: AppState,
    folder: Arc<ImportFolder>,
    id: ImportId,
    run: StoredRun,
    progress: watch::Sender<ImportProgress>,
    waiting: watch::Sender<Option<ImportWait>>,
}

/// End of a run in this process.
enum RunEnd {
    Complete(ImportCounts),
    Stopped,
    Failed(String),
    /// The server is stopping, or another process took the lease. The import is still
    /// `running`.
    Interrupted,
}

impl Progress for Runner {
    fn advanced(&self, done: FilePosition, counts: &importer::ImportCounts) {
        self.progress.send_replace(ImportProgress {
            done: done.offset,
            counts: domain_counts(*counts),
        });
    }
}

fn domain_counts(counts: importer::ImportCounts) -> ImportCounts {
    ImportCounts {
        rows: counts.rows,
        read: counts.read,
        created: counts.created,
        updated: counts.updated,
        unchanged: counts.unchanged,
        stale: counts.stale,
        refused: counts.refused,
        repeated: counts.repeated,
        skipped: counts.skipped,
        ambiguous_times: counts.notes.ambiguous_times,
    }
}

impl Runner {
    /// Runs the import to its end, or until the server stops.
    async fn run(&self, registration: &Registration) {
        let stop = registration.run.stop_token();
        let reporting = AbortOnDropHandle::new(tokio::spawn(
            report_changes(
                self.app.clone(),
                self.id.clone(),
                self.progress.subscribe(),
                self.waiting.subscribe(),
            )
            .in_current_span(),
        ));
        let leases = leases(&self.app, &self.id);
        let end = match self.folder.sent(&self.id) {
            // An earlier process ended before it recorded the end.
            Some(counts) => RunEnd::Complete(counts),
            None => loop {
                match self.run_with_lease(&leases, stop).await {
                    RunEnd::Interrupted if !self.app.closing.is_cancelled() => {}
                    end => break end,
                }
            },
        };
        drop(reporting);
        let counts = self.progress.borrow().counts;
        let own = || self.run.context(caller::now());
        match end {
            RunEnd::Complete(counts) => {
                // Without them, a run whose end is not recorded would start over.
                if let Err(error) = self.folder.set_sent(&self.id, &counts) {
                    tracing::warn!(%error, "the counts of an import are not kept");
                }
                self.progress
                    .send_modify(|progress| progress.counts = counts);
                self.record_end(&own(), ImportCommand::Finish(counts)).await;
            }
            RunEnd::Stopped => {
                let stopped_by = registration.run.stopped_by().cloned();
                let context = stopped_by.unwrap_or_else(own);
                self.record_end(&context, ImportCommand::Stop(counts)).await;
            }
            RunEnd::Failed(reason) => {
                tracing::error!(reason, "an import failed");
                let reason = failure_reason(&reason);
                let failure = ImportFailure { reason, counts };
                self.record_end(&own(), ImportCommand::Fail(failure)).await;
            }
            RunEnd::Interrupted => {
                tracing::info!("shutdown: the import continues after the next start");
            }
        }
        if let Err(error) = leases.release(LEASE).await {
            tracing::warn!(%error, "the lease on imports was not released and will expire");
        }
    }

    /// Waits for the lease, and runs the import while it is held.
    async fn run_with_lease(&self, leases: &Leases, stop: &CancellationToken) -> RunEnd {
        let ended = tokio::select! {
            biased;
            () = self.app.closing.cancelled() => return RunEnd::Interrupted,
            () = stop.cancelled() => return RunEnd::Stopped,
            () = self.acquire(leases) => self.transfer(leases, stop).await,
        };
        match ended {
            Ok(end) => end,
            Err(error) => RunEnd::Failed(describe(&error)),
        }
    }

    async fn acquire(&self, leases: &Leases) {
        loop {
            let (reason, detail) = match leases.hold(LEASE).await {
                Ok(true) => break,
                Ok(false) => (
                    ImportWaitReason::OtherImport,
                    "another import runs; this one continues after it".to_owned(),
                ),
                Err(error) => (ImportWaitReason::Unavailable, error.to_string()),
            };
            self.waiting.send_if_modified(|waiting| {
                let is_new = waiting.as_ref().is_none_or(|now| now.reason != reason);
                if is_new {
                    let since = caller::now();
                    *waiting = Some(ImportWait {
                        reason,
                        since,
                        detail,
                    });
                }
                is_new
            });
            sleep(RENEW_INTERVAL).await;
        }
        self.waiting
            .send_if_modified(|waiting| waiting.take().is_some());
    }

    async fn transfer(
        &self,
        leases: &Leases,
        stop: &CancellationToken,
    ) -> Result<RunEnd, importer::ImportError> {
        let task = task(&self.folder, &self.id, &self.run)?;
        // Reads the whole file for its identity.
        let prepared = tokio::task::spawn_blocking(move || task.prepare()).await;
        let import = match prepared {
            Ok(import) => import?,
            Err(error) => {
                return Ok(RunEnd::Failed(format!(
                    "reading the file panicked: {error}"
                )));
            }
        };
        let journal = import.journal();
        self.advanced(journal.done, &journal.counts);
        tracing::info!(start = ?import.start(), "an import runs");
        let sink = LogSink {
            app: &self.app,
            run: &self.run,
            waiting: &self.waiting,
        };
        let interrupted = async {
            tokio::select! {
                () = self.app.closing.cancelled() => {}
                () = stop.cancelled() => {}
                () = until_lost(leases) => {}
            }
        };
        match import.run(&sink, self, interrupted).await {
            Ok(ImportEnd::Complete { counts, .. }) => Ok(RunEnd::Complete(domain_counts(counts))),
            Ok(ImportEnd::Stopped(_)) if self.app.closing.is_cancelled() => Ok(RunEnd::Interrupted),
            Ok(ImportEnd::Stopped(_)) if stop.is_cancelled() => Ok(RunEnd::Stopped),
            Ok(ImportEnd::Stopped(_)) => Ok(RunEnd::Interrupted),
            Err((_, error)) => Err(error),
        }
    }

    /// Records the end of the run. Repeats it until the log answers, or the server stops:
    /// the import then ends after the next start.
    async fn record_end(&self, context: &Context, command: ImportCommand) {
        let is_finished = matches!(command, ImportCommand::Finish(_));
        let recording = async {
            loop {
                let context = Context {
                    now: caller::now(),
                    ..context.clone()
                };
                let commands = &self.app.commands;
                match commands
                    .execute(&context, self.id.clone(), command.clone())
                    .await
                {
                    Ok(recorded) => break recorded,
                    Err(error) => tracing::warn!(%error, "the end of an import is not recorded"),
                }
                sleep(RECORD_INTERVAL).await;
            }
        };
        let recorded = match self.app.closing.run_until_cancelled(recording).await {
            Some(recorded) => recorded,
            None => return,
        };
        match recorded {
            Ok(_) => tracing::info!(finished = is_finished, "the run of an import has ended"),
            Err(ImportError::NotFound | ImportError::Impossible(_) | ImportError::Conflict) => {
                tracing::warn!("the import was ended by another process");
                return;
            }
        }
        let progress = *self.progress.borrow();
        let report = self.app.store.report_import(&self.id, progress, None);
        match timeout(LAST_REPORT_TIMEOUT, report).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the end of an import is not reported"),
            Err(_) => tracing::warn!("the end of an import is not reported in time"),
        }
        if is_finished && let Err(error) = self.folder.remove_file(&self.id) {
            tracing::error!(%error, "the file of a finished import is not removed");
        }
    }
}

/// Reports changes of the progress, at most once a second, until it is dropped.
async fn report_changes(
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

/// Renews the lease, until another import holds it.
async fn until_lost(leases: &Leases) {
    loop {
        sleep(RENEW_INTERVAL).await;
        match leases.hold(LEASE).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "cannot renew the lease on imports, trying again"),
        }
    }
}

/// Describes an error to a person who does not know the server's paths.
pub(super) fn describe(error: &importer::ImportError) -> String {
    match error {
        importer::ImportError::Layout { reason, .. } => format!("{reason:#}"),
        importer::ImportError::File { action, error, .. } => {
            format!("cannot {action} a file of the import: {error}")
        }
        _ => error.to_string(),
    }
}

/// Shortens a reason to what an event may have.
fn failure_reason(reason: &str) -> Text<1024> {
    let text: String = reason.chars().filter(|c| !c.is_control()).collect();
    Text::try_from(domain::beginning(&text, 1024).to_owned()).unwrap_or_else(|_| {
        // Only an empty text is not valid now.
        Text::try_from("the import failed".to_owned()).unwrap_or_else(|_| unreachable!())
    })
}
