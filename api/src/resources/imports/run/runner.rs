//! The runner: takes the lease, sends the rows, and records the end.

use std::sync::Arc;
use std::time::Duration;

use commands::Context;
use domain::{ImportCommand, ImportCounts, ImportError, ImportFailure, ImportId};
use eventlog::Position;
use importer::{FilePosition, ImportEnd, ImportStart, Progress};
use projections::{ImportProgress, ImportWait};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::hold::{Acquired, RENEW_INTERVAL, RunHold};
use super::report::{report_changes, report_last};
use super::task::{describe, domain_counts, failure_reason, task};
use crate::identity::caller;
use crate::resources::imports::folder::ImportFolder;
use crate::resources::imports::records::forget_files;
use crate::resources::imports::registry::Registration;
use crate::resources::imports::sink::LogSink;
use crate::resources::imports::stored::StoredRun;
use crate::state::AppState;

/// Interval between two attempts to record the end of a run.
const RECORD_INTERVAL: Duration = Duration::from_secs(1);

/// A run in this process.
pub(super) struct Runner {
    app: AppState,
    folder: Arc<ImportFolder>,
    id: ImportId,
    run: StoredRun,
    /// Position of the event that started the run.
    start: Position,
    progress: watch::Sender<ImportProgress>,
    waiting: watch::Sender<Option<ImportWait>>,
}

/// End of a run in this process.
enum RunEnd {
    Complete(ImportCounts),
    Stopped,
    Failed(String),
    /// The server is stopping, or another import took the lease. The import is still
    /// `running`.
    Interrupted,
    /// The end of the run was recorded elsewhere.
    Superseded,
}

impl Progress for Runner {
    fn advanced(&self, done: FilePosition, counts: &importer::ImportCounts) {
        self.progress.send_replace(ImportProgress {
            done: done.offset,
            counts: domain_counts(*counts),
        });
    }
}

impl Runner {
    pub(super) fn new(
        app: &AppState,
        folder: Arc<ImportFolder>,
        id: ImportId,
        run: StoredRun,
        start: Position,
    ) -> Self {
        let journaled = folder.journaled(&id).map(|journal| ImportProgress {
            done: journal.done.offset,
            counts: domain_counts(journal.counts),
        });
        Self {
            app: app.clone(),
            folder,
            id,
            run,
            start,
            progress: watch::Sender::new(journaled.unwrap_or_default()),
            waiting: watch::Sender::default(),
        }
    }

    /// Runs the import to its end, or until the server stops.
    pub(super) async fn run(&self, registration: &Registration) {
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
        let hold = RunHold::new(&self.app, &self.id, self.start);
        let end = loop {
            match self.run_with_lease(&hold, stop).await {
                RunEnd::Interrupted if !self.app.closing.is_cancelled() => {}
                end => break end,
            }
        };
        drop(reporting);
        let counts = self.progress.borrow().counts;
        match end {
            RunEnd::Complete(counts) => {
                self.progress
                    .send_modify(|progress| progress.counts = counts);
                let finish = ImportCommand::Finish(counts);
                self.record_end(&self.context(), finish).await;
            }
            RunEnd::Stopped => {
                let stopped_by = registration.run.stopped_by().cloned();
                let context = stopped_by.unwrap_or_else(|| self.context());
                self.record_end(&context, ImportCommand::Stop(counts)).await;
            }
            RunEnd::Failed(reason) => self.fail(&reason).await,
            RunEnd::Interrupted => {
                tracing::info!("shutdown: the import continues after the next start");
            }
            RunEnd::Superseded => tracing::warn!("the import was ended by another process"),
        }
        hold.release().await;
    }

    /// Records that the run cannot continue.
    pub(super) async fn fail(&self, reason: &str) {
        tracing::error!(reason, "an import failed");
        let reason = failure_reason(reason);
        let counts = self.progress.borrow().counts;
        let failure = ImportFailure { reason, counts };
        self.record_end(&self.context(), ImportCommand::Fail(failure))
            .await;
    }

    fn context(&self) -> Context {
        self.run.context(caller::now())
    }

    /// Waits for the lease, and runs the import while it is held.
    async fn run_with_lease(&self, hold: &RunHold, stop: &CancellationToken) -> RunEnd {
        let ended = tokio::select! {
            biased;
            () = self.app.closing.cancelled() => return RunEnd::Interrupted,
            () = stop.cancelled() => return RunEnd::Stopped,
            is_held = self.acquire(hold) => match is_held {
                true => self.transfer(hold, stop).await,
                false => return RunEnd::Superseded,
            },
        };
        match ended {
            Ok(end) => end,
            Err(error) => RunEnd::Failed(describe(&error)),
        }
    }

    /// Waits for the lease. Returns false if the end of the run is recorded.
    async fn acquire(&self, hold: &RunHold) -> bool {
        loop {
            let (reason, detail) = match hold.acquire().await {
                Acquired::Held => break,
                Acquired::Over => return false,
                Acquired::NotYet(reason, detail) => (reason, detail),
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
        true
    }

    async fn transfer(
        &self,
        hold: &RunHold,
        stop: &CancellationToken,
    ) -> Result<RunEnd, importer::ImportError> {
        let task = task(&self.folder, &self.id, &self.run)?;
        // Reads the whole file for its identity.
        let prepared = tokio::task::spawn_blocking(move || task.prepare()).await;
        let import = match prepared {
            Ok(import) => import?.keep_journal(),
            Err(error) => {
                return Ok(RunEnd::Failed(format!(
                    "reading the file panicked: {error}"
                )));
            }
        };
        let journal = import.journal();
        self.advanced(journal.done, &journal.counts);
        log_start(import.start());
        let sink = LogSink {
            app: &self.app,
            run: &self.run,
            waiting: &self.waiting,
        };
        let interrupted = async {
            tokio::select! {
                () = self.app.closing.cancelled() => {}
                () = stop.cancelled() => {}
                () = hold.until_lost() => {}
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
        // Before the end: whoever reads of the end reads its counts too.
        let progress = *self.progress.borrow();
        report_last(&self.app, &self.id, progress).await;
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
        if !is_finished {
            return;
        }
        if let Err(error) = self.folder.remove_file(&self.id) {
            tracing::error!(%error, "the file of a finished import is not removed");
        } else if !self.folder.exists(&self.id) {
            forget_files(&self.app, &self.id).await;
        }
    }
}

/// Logs where a run begins.
fn log_start(start: &ImportStart) {
    match start {
        ImportStart::New => tracing::info!("an import runs from the beginning of its file"),
        ImportStart::Continued(done) => tracing::info!(
            line = done.line,
            offset = done.offset,
            "an import continues in its file"
        ),
        ImportStart::StartedOver(reason) => {
            tracing::info!(reason, "an import cannot continue and starts over");
        }
    }
}
