//! Records by which other processes know where the files of an import are.

use std::time::Duration;

use domain::ImportId;

use crate::state::AppContext;

/// Time after which a process that does not renew its lease counts as dead.
pub(super) const FILE_LEASE: Duration = Duration::from_secs(15);

/// Records that this process has the files of an import. A record that cannot be written
/// is written with the next sweep.
pub(super) async fn report_file(app: &AppContext, id: &ImportId, detected: Option<&str>) {
    let process = app.imports.process();
    if let Err(error) = app
        .store
        .put_import_file(id, process, detected, FILE_LEASE)
        .await
    {
        tracing::warn!(%error, import.id = %id, "an import has no record yet, trying again");
    }
}

/// Records that no process has files of an import.
pub(super) async fn forget_files(app: &AppContext, id: &ImportId) {
    if let Err(error) = app.store.forget_import_files(id).await {
        tracing::warn!(%error, import.id = %id, "an import still shows its files");
    }
}
