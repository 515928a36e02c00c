//! View aggregate: the operators' requests for a view.
//!
//! A rebuild changes no facts, but the audit trail must show who requested it
//! and when, so the request is an event like any other.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::{
    DecodeError, LoggedEvent, NoContent, from_json, tag_name, tag_version, to_json,
};

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
    /// `rebuild_requested.1`: an operator requested a rebuild.
    RebuildRequested {},
    /// `rollback_requested.1`: an operator requested a rollback.
    RollbackRequested {},
}

const REBUILD_REQUESTED: &str = "rebuild_requested.1";
const ROLLBACK_REQUESTED: &str = "rollback_requested.1";

impl LoggedEvent for ViewEvent {
    const TAGS: &'static [&'static str] = &[REBUILD_REQUESTED, ROLLBACK_REQUESTED];

    fn tag(&self) -> &'static str {
        match self {
            Self::RebuildRequested {} => REBUILD_REQUESTED,
            Self::RollbackRequested {} => ROLLBACK_REQUESTED,
        }
    }

    fn data(&self) -> Box<RawValue> {
        to_json(&NoContent {})
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            REBUILD_REQUESTED => {
                from_json::<NoContent>(tag, data).map(|NoContent {}| Self::RebuildRequested {})
            }
            ROLLBACK_REQUESTED => {
                from_json::<NoContent>(tag, data).map(|NoContent {}| Self::RollbackRequested {})
            }
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for ViewEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}

/// View aggregate: the number of requests so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct View {
    rebuilds: u64,
    #[serde(default)]
    rollbacks: u64,
}

impl View {
    /// Returns the number of rebuild requests so far.
    pub fn rebuilds(&self) -> u64 {
        self.rebuilds
    }
}

/// Error type without values: no request is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {}

impl Aggregate for View {
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
