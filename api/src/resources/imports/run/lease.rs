//! The lease of the one import that runs.

use std::time::Duration;

use domain::ImportId;
use eventlog::{Leases, LogError};

use crate::state::AppContext;

/// Name of the lease.
const LEASE_NAME: &str = "import";

/// Time after which the lease of a dead process expires.
const LEASE_TTL: Duration = Duration::from_secs(15);

/// The lease, held under the id of an import.
pub(in super::super) struct RunLease(Leases);

impl RunLease {
    pub(in super::super) fn new(app: &AppContext, id: &ImportId) -> Self {
        let log = app.commands.log().clone();
        Self(Leases::new(log, id.to_string(), LEASE_TTL))
    }

    /// Takes or renews the lease. Returns false if another import holds it.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not respond.
    pub(in super::super) async fn hold(&self) -> Result<bool, LogError> {
        self.0.hold(LEASE_NAME).await
    }

    /// Releases the lease. One that cannot be released expires.
    pub(in super::super) async fn release(&self) {
        if let Err(error) = self.0.release(LEASE_NAME).await {
            tracing::warn!(%error, "the lease on imports was not released and will expire");
        }
    }
}
