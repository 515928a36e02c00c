//! Conditions under which a run may send rows: it has the lease, and its start is the import's
//! last event.

use std::time::Duration;

use commands::CommandError;
use domain::{ImportId, ImportStatus};
use eventlog::Position;
use projections::ImportWaitReason;
use tokio::time::sleep;

use super::lease::RunLease;
use crate::state::AppState;

/// Interval at which the lease is renewed, and at which a run tries to take it.
pub(super) const RENEW_INTERVAL: Duration = Duration::from_secs(3);

/// The lease of a run, and the start that it belongs to.
pub(super) struct RunHold {
    app: AppState,
    id: ImportId,
    start: Position,
    lease: RunLease,
}

/// Result of an attempt to take the lease.
pub(super) enum Acquired {
    Held,
    /// The end of the run is recorded.
    Over,
    /// The check failed and may succeed later: the reason, and its description.
    NotYet(ImportWaitReason, String),
}

impl RunHold {
    pub(super) fn new(app: &AppState, id: &ImportId, start: Position) -> Self {
        Self {
            app: app.clone(),
            id: id.clone(),
            start,
            lease: RunLease::new(app, id),
        }
    }

    /// Takes the lease, unless the end of the run is recorded.
    pub(super) async fn acquire(&self) -> Acquired {
        let unavailable = |error: String| Acquired::NotYet(ImportWaitReason::Unavailable, error);
        match self.is_over().await {
            Ok(true) => return Acquired::Over,
            Ok(false) => {}
            Err(error) => return unavailable(error.to_string()),
        }
        match self.lease.hold().await {
            Ok(true) => Acquired::Held,
            Ok(false) => {
                let detail = "another import runs; this one continues after it";
                Acquired::NotYet(ImportWaitReason::OtherImport, detail.to_owned())
            }
            Err(error) => unavailable(error.to_string()),
        }
    }

    /// Renews the lease, until another import holds it or the end of the run is recorded.
    pub(super) async fn until_lost(&self) {
        loop {
            sleep(RENEW_INTERVAL).await;
            match self.is_over().await {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => tracing::warn!(%error, "cannot read the status of an import"),
            }
            match self.lease.hold().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot renew the lease on imports, trying again");
                }
            }
        }
    }

    pub(super) async fn release(&self) {
        self.lease.release().await;
    }

    /// Returns true if the import no longer runs, or runs since a later start.
    async fn is_over(&self) -> Result<bool, CommandError> {
        let current = self.app.commands.import(&self.id).await?;
        Ok(current.is_none_or(|(import, last)| {
            import.status() != Some(ImportStatus::Running) || last != self.start
        }))
    }
}
