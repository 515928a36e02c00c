//! View aggregate: the operators' requests for a view.
//!
//! A rebuild changes no facts, but the audit trail must show who requested it
//! and when, so the request is an event like any other.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

/// Requests of operators for a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewCommand {
    /// Rebuilds the view from the log.
    RequestRebuild,
    /// Serves the previous generation again.
    RequestRollback,
}

/// Event of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ViewEvent {
    /// An operator requested a rebuild.
    #[serde(rename = "rebuild_requested.1")]
    RebuildRequested {},
    /// An operator requested a rollback.
    #[serde(rename = "rollback_requested.1")]
    RollbackRequested {},
}

/// View aggregate: the number of requests so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ViewRequests {
    rebuilds: u64,
    #[serde(default)]
    rollbacks: u64,
}

impl ViewRequests {
    /// Returns the number of rebuild requests so far.
    pub fn rebuilds(&self) -> u64 {
        self.rebuilds
    }
}

/// Error type without values: no request is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {}

impl Aggregate for ViewRequests {
    const TYPE: &'static str = "view";
    type Command = ViewCommand;
    type Event = ViewEvent;
    type Error = ViewError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ViewCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ViewError> {
        let event = match command {
            ViewCommand::RequestRebuild => ViewEvent::RebuildRequested {},
            ViewCommand::RequestRollback => ViewEvent::RollbackRequested {},
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: ViewEvent) {
        match event {
            ViewEvent::RebuildRequested {} => self.rebuilds += 1,
            ViewEvent::RollbackRequested {} => self.rollbacks += 1,
        }
    }
}
