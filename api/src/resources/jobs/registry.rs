//! Jobs that this process runs, and the requests that share them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::JobId;
use eventlog::Positions;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Jobs of this process.
pub(crate) struct Jobs {
    /// Time after which a read becomes a job.
    pub(super) after: Duration,
    registry: Mutex<Registry>,
    pub(super) supervisors: TaskTracker,
}

#[derive(Default)]
pub(super) struct Registry {
    /// The newest job of each identity that requests can share.
    shared: HashMap<JobIdentity, RunningJob>,
    /// Jobs with a running supervisor, including those that are no longer shared.
    pub(super) supervised: HashSet<JobId>,
}

/// Kind and subject of a request. Equal requests have equal identities.
pub(super) type JobIdentity = (&'static str, String);

/// Job that is running, or is about to be recorded.
#[derive(Clone)]
pub(super) struct RunningJob {
    pub(super) id: JobId,
    /// Ends of the log before the read began. The read includes everything up to
    /// these positions.
    pub(super) includes: Positions,
    /// Becomes `true` once the job is recorded; closed without that if recording
    /// failed.
    pub(super) recorded: watch::Receiver<bool>,
}

impl Jobs {
    /// Creates the registry. Reads become jobs after this time.
    pub(crate) fn new(after: Duration) -> Self {
        Self {
            after,
            registry: Mutex::default(),
            supervisors: TaskTracker::new(),
        }
    }

    /// Waits until the ends of all jobs are recorded. Call this after the
    /// server has begun to stop.
    pub(crate) async fn stopped(&self) {
        self.supervisors.close();
        self.supervisors.wait().await;
    }

    /// Returns whether this process runs the job.
    pub(super) fn is_supervised(&self, id: &JobId) -> bool {
        self.registry().supervised.contains(id)
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        // No code panics while it holds the lock, so a poisoned registry is
        // consistent.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the job that answers an equal request with these positions.
    pub(super) fn shared(&self, identity: &JobIdentity, after: &Positions) -> Option<RunningJob> {
        let registry = self.registry();
        let same = registry.shared.get(identity);
        same.filter(|job| job.includes.cover(after)).cloned()
    }
}

impl Registry {
    /// Adds a job, unless an equal job already includes the positions that the
    /// request needs; that job is returned. A new job replaces an older one as
    /// the job to share.
    pub(super) fn add(
        &mut self,
        identity: JobIdentity,
        job: RunningJob,
        after: &Positions,
    ) -> Option<RunningJob> {
        let id = job.id.clone();
        match self.shared.entry(identity) {
            Entry::Occupied(same) if same.get().includes.cover(after) => {
                return Some(same.get().clone());
            }
            Entry::Occupied(mut older) => drop(older.insert(job)),
            Entry::Vacant(vacant) => drop(vacant.insert(job)),
        }
        self.supervised.insert(id);
        None
    }

    /// Stops sharing the job with further requests. A newer job stays shared.
    pub(super) fn stop_sharing(&mut self, identity: &JobIdentity, id: &JobId) {
        if self.shared.get(identity).is_some_and(|job| job.id == *id) {
            self.shared.remove(identity);
        }
    }
}

#[cfg(test)]
mod tests {
    use projections::JobKind;

    use super::*;

    fn positions(text: &str) -> Positions {
        text.parse().unwrap()
    }

    fn job(id: u128, includes: &str) -> RunningJob {
        RunningJob {
            id: JobId::from(id),
            includes: positions(includes),
            recorded: watch::channel(true).1,
        }
    }

    fn identity() -> JobIdentity {
        (JobKind::Reconciliation.name(), "cmp_1".to_owned())
    }

    #[test]
    fn a_request_shares_a_job_only_if_the_read_includes_its_positions() {
        let jobs = Jobs::new(Duration::ZERO);
        let (older, newer) = (job(1, "0:5"), job(2, "0:5,1:3"));
        let shared = |after: &str| {
            jobs.shared(&identity(), &positions(after))
                .map(|job| job.id)
        };
        let shared_for_any = || {
            jobs.shared(&identity(), &Positions::default())
                .map(|job| job.id)
        };
        let add = |job: &RunningJob, after: &str| {
            let added = jobs
                .registry()
                .add(identity(), job.clone(), &positions(after));
            added.map(|job| job.id)
        };
        assert_eq!(add(&older, "0:4"), None);
        assert_eq!(shared("0:5"), Some(older.id.clone()));
        assert_eq!(shared("1:3"), None);
        assert_eq!(add(&newer, "0:5"), Some(older.id.clone()), "the older");
        assert!(!jobs.is_supervised(&newer.id));
        assert_eq!(add(&newer, "1:3"), None);
        assert_eq!(shared_for_any(), Some(newer.id.clone()), "the newest");
        assert!(jobs.is_supervised(&older.id) && jobs.is_supervised(&newer.id));
        jobs.registry().stop_sharing(&identity(), &older.id);
        assert_eq!(shared("1:3"), Some(newer.id.clone()), "the newer stays");
        jobs.registry().stop_sharing(&identity(), &newer.id);
        assert_eq!(shared_for_any(), None);
        assert!(jobs.is_supervised(&newer.id), "until its end is recorded");
    }
}
