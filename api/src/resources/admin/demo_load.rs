//! Loads of the demo shop that this process runs.

use std::sync::{Arc, Mutex, PoisonError};

use demo::{DemoLoad, LoadError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Loads of this process: at most one at a time, since each holds the deployment's
/// lease.
#[derive(Default)]
pub(crate) struct DemoLoads {
    tasks: TaskTracker,
    /// Reason why the last load of this process ended early.
    failure: Arc<Mutex<Option<String>>>,
}

impl DemoLoads {
    /// Runs a load in the background until it ends or `closing` is canceled.
    pub(super) fn start(&self, load: DemoLoad, closing: CancellationToken) {
        let failure = self.failure.clone();
        set(&failure, None);
        self.tasks.spawn(async move {
            match load.run_until(closing.cancelled_owned(), |_| {}).await {
                Ok(true) => tracing::info!("loaded the demo shop"),
                Ok(false) => tracing::info!("shutdown: the load of the demo shop was interrupted"),
                Err(error) => {
                    tracing::error!(%error, "the load of the demo shop ended early");
                    set(&failure, Some(describe(&error)));
                }
            }
        });
    }

    /// Returns the reason why the last load of this process ended early.
    pub(super) fn failure(&self) -> Option<String> {
        let failure = self.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the load of this process has ended. Call this after the server has
    /// begun to stop.
    pub(crate) async fn stopped(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn set(failure: &Mutex<Option<String>>, reason: Option<String>) {
    // The lock guards one value, which no panic can leave incomplete.
    *failure.lock().unwrap_or_else(PoisonError::into_inner) = reason;
}

/// Describes a failure to an administrator.
fn describe(error: &LoadError) -> String {
    format!("the load ended early: {error}; start it again to continue")
}
