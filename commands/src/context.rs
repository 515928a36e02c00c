//! On whose behalf a command runs.

use std::net::IpAddr;
use std::sync::Arc;

use domain::{Metadata, Timestamp};

/// Who asks, in which request, and what time it is.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who: `key:bootstrap`.
    pub actor: String,
    /// The request's id, if a request is what brought the command.
    pub request: Option<String>,
    /// The address that the request came from, if a request is what brought
    /// the command.
    pub address: Option<IpAddr>,
    /// The time that is recorded with the events.
    pub now: Timestamp,
}

impl Context {
    /// The metadata of every event that the command makes, as JSON.
    pub(crate) fn metadata(&self) -> Arc<str> {
        let metadata = Metadata {
            at: self.now,
            actor: self.actor.clone(),
            request: self.request.clone(),
            cause: None,
            address: self.address,
        };
        // A struct of texts always has a JSON form.
        serde_json::to_string(&metadata).unwrap_or_default().into()
    }
}
