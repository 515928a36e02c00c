//! Reports about this process's periodic tasks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use projections::TaskReport;

use crate::clock::now;

/// Reports about this process's periodic tasks, by name.
#[derive(Default)]
pub(crate) struct TaskReports(Mutex<BTreeMap<&'static str, TaskReport>>);

impl TaskReports {
    /// Adds a task that this process runs from now on.
    pub(crate) fn add(&self, name: &'static str) {
        let report = TaskReport::new(name.to_owned());
        self.with(|reports| reports.insert(name, report));
    }

    /// Records a run of a task, with its error if it failed.
    pub(crate) fn record_run(&self, name: &str, took: Duration, error: Option<String>) {
        self.with(|reports| {
            if let Some(report) = reports.get_mut(name) {
                report.record_run(now(), took, error);
            }
        });
    }

    /// Removes a task that this process no longer runs.
    pub(crate) fn remove(&self, name: &str) {
        self.with(|reports| reports.remove(name));
    }

    /// Returns all reports, by name.
    pub(crate) fn all(&self) -> Vec<TaskReport> {
        self.with(|reports| reports.values().cloned().collect())
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<&'static str, TaskReport>) -> T) -> T {
        // A panic cannot leave the map in a broken state: every change is a single
        // insertion, removal or assignment.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
