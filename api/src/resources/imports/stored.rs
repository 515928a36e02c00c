//! Records that are stored beside an uploaded file: one about the file, one about its run.

use commands::Context;
use domain::{ImportPlan, ImportedFile, Timestamp};
use serde::{Deserialize, Serialize};

/// Metadata of an uploaded file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredImport {
    pub(crate) file: ImportedFile,
    /// Layout that was detected, as JSON.
    pub(crate) detected: Option<String>,
}

/// A run: what a process needs to continue it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredRun {
    pub(crate) plan: ImportPlan,
    /// Format of the file.
    pub(crate) format: importer::FileFormat,
    /// Actor on whose behalf the rows are recorded.
    actor: String,
    request: Option<String>,
    address: Option<std::net::IpAddr>,
}

impl StoredRun {
    /// Creates the run that the request with this context starts.
    pub(crate) fn new(plan: ImportPlan, format: importer::FileFormat, context: &Context) -> Self {
        Self {
            plan,
            format,
            actor: context.actor.clone(),
            request: context.request.clone(),
            address: context.address,
        }
    }

    /// Returns the context of commands that are executed at this time.
    pub(crate) fn context(&self, now: Timestamp) -> Context {
        Context {
            actor: self.actor.clone(),
            request: self.request.clone(),
            address: self.address,
            now,
        }
    }
}
