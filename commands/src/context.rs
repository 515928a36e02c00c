//! Context of a command: actor, request, and time.

use std::net::IpAddr;
use std::sync::Arc;

use domain::{Metadata, Timestamp};

/// Actor, request, and time of a command. They become the metadata of its
/// events.
#[derive(Debug, Clone)]
pub struct Context {
    /// Actor on whose behalf the command runs, such as `key:bootstrap`.
    pub actor: String,
    /// Id of the request, if a request caused the command.
    pub request: Option<String>,
    /// Client address of the request, if a request caused the command.
    pub address: Option<IpAddr>,
    /// Time that is recorded with the events.
    pub now: Timestamp,
}

impl Context {
    /// Returns the metadata of every event of the command, as JSON.
    pub(crate) fn metadata(&self) -> Arc<str> {
        let metadata = Metadata {
            at: self.now,
            actor: self.actor.clone(),
            request: self.request.clone(),
            cause: None,
            address: self.address,
        };
        // Serializing a struct of strings to JSON cannot fail.
        serde_json::to_string(&metadata).unwrap_or_default().into()
    }
}
