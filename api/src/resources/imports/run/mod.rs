//! A run: sends the rows of a file, and records how it ends.
//!
//! # Correctness
//!
//! The journal on disk advances after each batch that the log has acknowledged, and stays
//! until the end of the run is recorded. A batch that was sent and not journaled is sent
//! again; that changes nothing, since every item has an id. A run whose process ends
//! continues when a process has its files again: the log says that the import is
//! `running`, and the stored run says how.
//!
//! The lease `import` lets one import of the deployment run. A process that was silent
//! for longer than the lease may overlap with the next holder for a moment; that too only
//! sends items twice. Such a process may also find that its import was stopped meanwhile:
//! a run ends within seconds once its start is no longer the import's last event.

mod hold;
mod lease;
mod report;
mod runner;
mod task;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use eventlog::Position;
use futures::FutureExt;
use tracing::Instrument;

pub(super) use lease::RunLease;
pub(super) use task::{describe, domain_counts, resource, task};

use self::runner::Runner;
use super::folder::ImportFolder;
use super::registry::Registration;
use super::stored::StoredRun;
use crate::state::AppState;

/// Continues a run in the background, which the event at `start` has started.
pub(super) fn spawn(
    app: &AppState,
    folder: Arc<ImportFolder>,
    registration: Registration,
    run: StoredRun,
    start: Position,
) {
    let span = tracing::info_span!("import", import.id = %registration.id());
    let id = registration.id().clone();
    let runner = Runner::new(app, folder, id, run, start);
    let work = async move {
        // The registry and the log must not keep a run that no longer exists.
        let running = AssertUnwindSafe(runner.run(&registration));
        if running.catch_unwind().await.is_err() {
            runner
                .fail("a defect ended the import; see the log of the server")
                .await;
        }
        drop(registration);
    };
    app.imports.tasks.spawn(work.instrument(span));
}
