//! Segments: named rules.
//!
//! A user of a segment, such as a scheduled campaign, holds it. A segment with
//! holds cannot be archived.

mod content;
mod event;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use content::{MAX_RULES, SegmentContent};
pub use event::SegmentEvent;

use crate::Holder;
use crate::digest::digest;

/// Commands on a segment. A command whose effect is already in place makes no
/// event.
#[derive(Debug, Clone)]
pub enum SegmentCommand {
    /// Creates the segment.
    Create(SegmentContent),
    /// Replaces the content.
    Update(SegmentContent),
    /// Archives the segment.
    Archive,
    /// Adds a hold, which prevents archiving.
    Hold(Holder),
    /// Releases a hold.
    Release(Holder),
}

/// Reason why a command on a segment is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// The segment was never created.
    #[error("there is no such segment")]
    NotFound,
    /// The segment exists, created with different content.
    #[error("the segment was created with other content")]
    Conflict,
    /// The segment is archived and can no longer be changed.
    #[error("the segment is archived")]
    Archived,
    /// Holders that still need the segment; never empty.
    #[error("the segment is held by {}", listed(.0))]
    InUse(Vec<Holder>),
    /// The rules have this many bytes.
    #[error("the rules of a segment have at most {MAX_RULES} bytes as JSON, these have {0}")]
    TooLarge(usize),
}

/// Maximum number of holders that an error message names.
const MAX_LISTED: usize = 10;

fn listed(holders: &[Holder]) -> String {
    let named = holders.iter().take(MAX_LISTED);
    let texts: Vec<&str> = named.map(Holder::as_str).collect();
    let listed = texts.join(", ");
    match holders.len() - texts.len() {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// Segment aggregate; empty until the segment is created.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Segment(Option<SegmentState>);

/// State of a created segment. It holds the complete content: segments are few,
/// and launching a campaign needs their rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SegmentState {
    /// Digest of the content that the segment was created with.
    created: u64,
    content: SegmentContent,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    archived: bool,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    held_by: BTreeSet<Holder>,
}

impl SegmentState {
    fn require_active(&self) -> Result<&Self, SegmentError> {
        match self.archived {
            true => Err(SegmentError::Archived),
            false => Ok(self),
        }
    }
}

impl Segment {
    /// Returns the current content; `None` if the segment does not exist.
    pub fn content(&self) -> Option<&SegmentContent> {
        self.0.as_ref().map(|state| &state.content)
    }

    /// Returns whether the segment is archived.
    pub fn is_archived(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.archived)
    }

    /// Returns the holders, in ascending order.
    pub fn held_by(&self) -> impl Iterator<Item = &Holder> {
        self.0.iter().flat_map(|state| &state.held_by)
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// [`SegmentError`] if a rule rejects the command.
    pub fn decide(&self, command: SegmentCommand) -> Result<Option<SegmentEvent>, SegmentError> {
        let state = self.0.as_ref().ok_or(SegmentError::NotFound);
        match command {
            SegmentCommand::Create(content) => self.create(content),
            SegmentCommand::Update(content) => {
                let state = state?.require_active()?;
                content.check()?;
                let changed = state.content != content;
                Ok(changed.then_some(SegmentEvent::Updated(content)))
            }
            SegmentCommand::Archive => {
                let state = state?;
                if state.archived {
                    Ok(None)
                } else if state.held_by.is_empty() {
                    Ok(Some(SegmentEvent::Archived {}))
                } else {
                    Err(SegmentError::InUse(state.held_by.iter().cloned().collect()))
                }
            }
            SegmentCommand::Hold(holder) => {
                let held = state?.require_active()?.held_by.contains(&holder);
                Ok((!held).then_some(SegmentEvent::Held { holder }))
            }
            SegmentCommand::Release(holder) => {
                let held = state?.held_by.contains(&holder);
                Ok(held.then_some(SegmentEvent::Released { holder }))
            }
        }
    }

    /// Returns the event of a creation. A repeated creation is compared with
    /// the original content, regardless of the segment's current state, since
    /// its sender may have missed the first response.
    fn create(&self, content: SegmentContent) -> Result<Option<SegmentEvent>, SegmentError> {
        content.check()?;
        match &self.0 {
            None => Ok(Some(SegmentEvent::Created(content))),
            Some(state) if state.created == digest(&content) => Ok(None),
            Some(_) => Err(SegmentError::Conflict),
        }
    }
}

impl Aggregate for Segment {
    const TYPE: &'static str = "segment";
    type Command = SegmentCommand;
    type Event = SegmentEvent;
    type Error = SegmentError;
    type Services = ();

    async fn handle(
        &mut self,
        command: SegmentCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), SegmentError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: SegmentEvent) {
        match (&mut self.0, event) {
            (created, SegmentEvent::Created(content)) => {
                *created = Some(SegmentState {
                    created: digest(&content),
                    content,
                    archived: false,
                    held_by: BTreeSet::new(),
                });
            }
            (Some(state), SegmentEvent::Updated(content)) => state.content = content,
            (Some(state), SegmentEvent::Archived {}) => state.archived = true,
            (Some(state), SegmentEvent::Held { holder }) => {
                state.held_by.insert(holder);
            }
            (Some(state), SegmentEvent::Released { holder }) => {
                state.held_by.remove(&holder);
            }
            // The first event of a segment is its creation, so this cannot
            // happen.
            (None, _) => {}
        }
    }
}
