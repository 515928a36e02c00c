//! Configuration of imports over HTTP, and the imports that this process is running.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use commands::Context;
use domain::ImportId;
use projections::ImportProcessName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::folder::ImportFolder;
use crate::http::problem::{Problem, ProblemKind};

/// Maximum number of files that a process receives at the same time.
const MAX_UPLOADS: usize = 8;

/// Maximum number of previews at the same time.
const MAX_PREVIEWS: usize = 2;

/// Configuration of imports over HTTP.
#[derive(Debug, Clone)]
pub struct ImportConfig {
    /// Directory of the files; without one, this process takes no files.
    pub directory: Option<PathBuf>,
    /// Maximum size of a file in bytes.
    pub max_bytes: u64,
    /// Name of this process, as operators know it.
    pub process: String,
}

impl ImportConfig {
    /// Default of `max_bytes`: 1 GiB.
    pub const MAX_BYTES: u64 = 1024 * 1024 * 1024;
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            directory: None,
            max_bytes: Self::MAX_BYTES,
            process: format!("pid/{}", std::process::id()),
        }
    }
}

/// Imports of this process.
pub(crate) struct Imports {
    config: ImportConfig,
    process: ImportProcessName,
    /// Set once no other process uses the folder, and interrupted runs were found.
    folder: OnceLock<Arc<ImportFolder>>,
    uploads: Arc<Semaphore>,
    previews: Arc<Semaphore>,
    running: Mutex<HashMap<ImportId, RunningImport>>,
    /// Held while an upload is recorded: two with one idempotency key must not mix their files.
    pub(crate) recording: tokio::sync::Mutex<()>,
    /// True if an import needs a look before the next sweep is due.
    is_sweep_requested: AtomicBool,
    /// Runs of this process.
    pub(crate) tasks: TaskTracker,
}

/// A run of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningImport {
    /// Canceled to stop the run.
    stop: CancellationToken,
    /// Canceled once the end of the run is recorded.
    ended: CancellationToken,
    /// Context of the request that stopped the run.
    stopped_by: Arc<OnceLock<Context>>,
}

/// Entry of a run in the registry. Dropping it removes the run, even after a panic.
pub(crate) struct Registration {
    imports: Arc<Imports>,
    id: ImportId,
    pub(crate) run: RunningImport,
}

impl Imports {
    pub(crate) fn new(config: ImportConfig) -> Self {
        let process = ImportProcessName {
            id: Uuid::now_v7().to_string(),
            label: config.process.clone(),
        };
        Self {
            config,
            process,
            folder: OnceLock::new(),
            uploads: Arc::new(Semaphore::new(MAX_UPLOADS)),
            previews: Arc::new(Semaphore::new(MAX_PREVIEWS)),
            running: Mutex::default(),
            recording: tokio::sync::Mutex::default(),
            is_sweep_requested: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn config(&self) -> &ImportConfig {
        &self.config
    }

    /// Returns the name of this process.
    pub(crate) fn process(&self) -> &ImportProcessName {
        &self.process
    }

    /// Asks for a sweep within seconds.
    pub(crate) fn request_sweep(&self) {
        self.is_sweep_requested.store(true, Ordering::Relaxed);
    }

    /// Returns true if a sweep was asked for since the last call.
    pub(crate) fn take_sweep_request(&self) -> bool {
        self.is_sweep_requested.swap(false, Ordering::Relaxed)
    }

    /// Begins to use a folder.
    pub(crate) fn set_folder(&self, folder: Arc<ImportFolder>) {
        // Only the one background task calls this, once.
        let _was_set = self.folder.set(folder);
    }

    /// Returns the folder for a new file.
    ///
    /// # Errors
    /// 409 if this process takes no files, 503 if another process uses the folder.
    pub(crate) fn folder(&self) -> Result<Arc<ImportFolder>, Problem> {
        if self.config.directory.is_none() {
            let detail = "this process takes no files, since it has no directory for them; set \
                          PATRON_IMPORT_DIR";
            return Err(Problem::new(ProblemKind::ImportsDisabled, detail));
        }
        self.folder.get().cloned().ok_or_else(|| {
            let detail = "the directory of imports cannot be used yet: this process has just \
                          started, or another process uses the directory";
            Problem::new(ProblemKind::Busy, detail)
        })
    }

    /// Returns an error if the files of this process are not known yet.
    ///
    /// # Errors
    /// 503 if this process takes files, and has just started or waits for its directory.
    pub(crate) fn require_folder_if_any(&self) -> Result<(), Problem> {
        match self.config.directory {
            Some(_) => self.folder().map(drop),
            None => Ok(()),
        }
    }

    /// Returns the folder if the file of this import is in it.
    pub(crate) fn folder_of(&self, id: &ImportId) -> Option<Arc<ImportFolder>> {
        let folder = self.folder.get()?;
        folder.has_file(id).then(|| folder.clone())
    }

    /// Returns the folder if refused rows of this import are in it.
    pub(crate) fn folder_of_refused(&self, id: &ImportId) -> Option<Arc<ImportFolder>> {
        let folder = self.folder.get()?;
        folder.refused(id).exists().then(|| folder.clone())
    }

    /// Takes a place for an upload.
    ///
    /// # Errors
    /// 503 if all are taken.
    pub(crate) fn upload_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        place(&self.uploads, "files are being uploaded")
    }

    /// Takes a place for a preview.
    ///
    /// # Errors
    /// 503 if all are taken.
    pub(crate) fn preview_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        place(&self.previews, "previews are being made")
    }

    /// Registers a run. Returns `None` if the import runs already.
    pub(crate) fn register(self: &Arc<Self>, id: &ImportId) -> Option<Registration> {
        let mut running = self.lock();
        if running.contains_key(id) {
            return None;
        }
        let run = RunningImport::default();
        running.insert(id.clone(), run.clone());
        Some(Registration {
            imports: self.clone(),
            id: id.clone(),
            run,
        })
    }

    /// Returns the run of an import in this process.
    pub(crate) fn running(&self, id: &ImportId) -> Option<RunningImport> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ImportId, RunningImport>> {
        // No operation on the map panics halfway.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningImport {
    /// Asks the run to stop on behalf of this request, and waits until its end is
    /// recorded.
    pub(crate) async fn stop(&self, context: Context) {
        let _first = self.stopped_by.set(context);
        self.stop.cancel();
        self.ended.cancelled().await;
    }

    /// Returns the token that is canceled to stop the run.
    pub(crate) fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Returns the context of the request that stopped the run, if one did.
    pub(crate) fn stopped_by(&self) -> Option<&Context> {
        self.stopped_by.get()
    }
}

impl Registration {
    pub(crate) fn id(&self) -> &ImportId {
        &self.id
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.imports.lock().remove(&self.id);
        self.run.ended.cancel();
    }
}

fn place(places: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, Problem> {
    places.clone().try_acquire_owned().map_err(|_| {
        let detail = format!("too many {what} at the same time; retry later");
        Problem::new(ProblemKind::Busy, detail)
    })
}
