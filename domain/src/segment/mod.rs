//! Segments: rules that were given a name.
//!
//! What needs a segment, such as a scheduled campaign, holds it; while anything
//! does, it cannot be archived.

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

/// What may be asked of a segment. What is already so is no event.
#[derive(Debug, Clone)]
pub enum SegmentCommand {
    /// To be, with this content.
    Create(SegmentContent),
    /// To have this content instead of its own.
    Update(SegmentContent),
    /// To be used no more.
    Archive,
    /// To stay for as long as this needs it.
    Hold(Holder),
    /// This needs it no more.
    Release(Holder),
}

/// Why a command on a segment is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// It was never created.
    #[error("there is no such segment")]
    NotFound,
    /// It was created with other content than it is to be created with now.
    #[error("the segment was created with other content")]
    Conflict,
    /// It is archived, and stays as it is.
    #[error("the segment is archived")]
    Archived,
    /// These need it, at least one.
    #[error("the segment is held by {}", listed(.0))]
    InUse(Vec<Holder>),
    /// Its rules have this many bytes.
    #[error("the rules of a segment have at most {MAX_RULES} bytes as JSON, these have {0}")]
    TooLarge(usize),
}

/// How many holders a refusal names.
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

/// A segment as it stands: nothing until it was created.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Segment(Option<State>);

/// There are few segments, and who launches a campaign needs their rules: the
/// whole content is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    /// A digest of the content it was created with.
    created: u64,
    content: SegmentContent,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    archived: bool,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    held_by: BTreeSet<Holder>,
}

impl State {
    fn live(&self) -> Result<&Self, SegmentError> {
        match self.archived {
            true => Err(SegmentError::Archived),
            false => Ok(self),
        }
    }
}

impl Segment {
    /// What it says now, if it was ever created.
    pub fn content(&self) -> Option<&SegmentContent> {
        self.0.as_ref().map(|state| &state.content)
    }

    /// Whether it is used no more.
    pub fn is_archived(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.archived)
    }

    /// What needs it, in order.
    pub fn held_by(&self) -> impl Iterator<Item = &Holder> {
        self.0.iter().flat_map(|state| &state.held_by)
    }

    /// The event that this command makes, if it makes one.
    ///
    /// # Errors
    /// [`SegmentError`], if a rule is against it.
    pub fn decide(&self, command: SegmentCommand) -> Result<Option<SegmentEvent>, SegmentError> {
        let state = self.0.as_ref().ok_or(SegmentError::NotFound);
        match command {
            SegmentCommand::Create(content) => self.create(content),
            SegmentCommand::Update(content) => {
                let state = state?.live()?;
                content.check()?;
                let changed = state.content != content;
                Ok(changed.then_some(SegmentEvent::Updated(content)))
            }
            SegmentCommand::Archive => archive(state?),
            SegmentCommand::Hold(holder) => {
                let held = state?.live()?.held_by.contains(&holder);
                Ok((!held).then_some(SegmentEvent::Held { holder }))
            }
            SegmentCommand::Release(holder) => {
                let held = state?.held_by.contains(&holder);
                Ok(held.then_some(SegmentEvent::Released { holder }))
            }
        }
    }

    /// Repeated, it is compared with what it was then, whatever became of the
    /// segment since: whoever repeats it has not heard the answer.
    fn create(&self, content: SegmentContent) -> Result<Option<SegmentEvent>, SegmentError> {
        content.check()?;
        match &self.0 {
            None => Ok(Some(SegmentEvent::Created(content))),
            Some(state) if state.created == digest(&content) => Ok(None),
            Some(_) => Err(SegmentError::Conflict),
        }
    }
}

fn archive(state: &State) -> Result<Option<SegmentEvent>, SegmentError> {
    if state.archived {
        Ok(None)
    } else if state.held_by.is_empty() {
        Ok(Some(SegmentEvent::Archived {}))
    } else {
        Err(SegmentError::InUse(state.held_by.iter().cloned().collect()))
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
                *created = Some(State {
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
            // The first event of a segment is its creation.
            (None, _) => {}
        }
    }
}
