//! Lease that keeps two processes from loading or removing the demo at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use commands::Commands;
use eventlog::{Leases, LogError};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// Name of the lease.
pub(crate) const LEASE: &str = "demo";

/// Time after which the lease of a dead process expires.
const LEASE_TTL: Duration = Duration::from_secs(15);

const RENEW_INTERVAL: Duration = Duration::from_secs(3);

/// Lease that this process holds and a task renews.
pub(crate) struct HeldLease {
    leases: Leases,
    is_lost: Arc<AtomicBool>,
    renewing: AbortOnDropHandle<()>,
}

impl HeldLease {
    /// Takes the lease; `None` if another process holds it.
    pub(crate) async fn acquire(commands: &Commands) -> Result<Option<Self>, LogError> {
        let holder = Uuid::now_v7().to_string();
        let leases = Leases::new(commands.log().clone(), holder, LEASE_TTL);
        if !leases.hold(LEASE).await? {
            return Ok(None);
        }
        let is_lost = Arc::new(AtomicBool::new(false));
        let renewing = tokio::spawn(renew(leases.clone(), is_lost.clone()));
        Ok(Some(Self {
            leases,
            is_lost,
            renewing: AbortOnDropHandle::new(renewing),
        }))
    }

    /// Returns whether the lease expired and another process took it.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// Gives the lease back.
    pub(crate) async fn release(self) {
        // The renewal must have ended: it would take the released lease again.
        self.renewing.abort();
        let _aborted = self.renewing.await;
        if let Err(error) = self.leases.release(LEASE).await {
            tracing::warn!(%error, "the lease on the demo shop was not released and will expire");
        }
    }
}

/// Renews the lease until another process holds it.
async fn renew(leases: Leases, is_lost: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(RENEW_INTERVAL).await;
        match leases.hold(LEASE).await {
            Ok(true) => {}
            Ok(false) => return is_lost.store(true, Ordering::Release),
            Err(error) => {
                tracing::warn!(%error, "cannot renew the lease on the demo shop, trying again");
            }
        }
    }
}
