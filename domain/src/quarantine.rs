//! Quarantine aggregate: the operators' decisions about an event that views
//! cannot fold.

use std::collections::BTreeSet;
use std::fmt;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::{IdError, Text, ViewName};

/// Position of an event in the log: `3:17` is number 17 of partition 3.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogPosition {
    partition: u16,
    number: u64,
    text: Box<str>,
}

impl LogPosition {
    /// Returns the position of event `number` of `partition`.
    pub fn new(partition: u16, number: u64) -> Self {
        Self {
            partition,
            number,
            text: format!("{partition}:{number}").into_boxed_str(),
        }
    }

    /// Parses the form that [`Self::as_str`] returns. Each position has exactly
    /// one form.
    pub fn parse(text: &str) -> Option<Self> {
        let (partition, number) = text.split_once(':')?;
        let position = Self::new(partition.parse().ok()?, number.parse().ok()?);
        (&*position.text == text).then_some(position)
    }

    /// Returns the partition.
    pub fn partition(&self) -> u16 {
        self.partition
    }

    /// Returns the number within the partition.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the text form: `3:17`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Commands on an event that views cannot fold.
#[derive(Debug, Clone)]
pub enum QuarantineCommand {
    /// Makes the views try the event again.
    Retry(QuarantineDecision),
    /// Makes the views skip the event permanently.
    Skip(QuarantineDecision),
}

/// Event about an event that views cannot fold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuarantineEvent {
    /// The views are to try the event again.
    #[serde(rename = "event_retried.1")]
    Retried(QuarantineDecision),
    /// The views skip the event permanently.
    #[serde(rename = "event_skipped.1")]
    Skipped(QuarantineDecision),
}

/// Decision of an operator, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineDecision {
    /// Views that the decision applies to.
    pub views: Vec<ViewName>,
    /// Reason, in the operator's words.
    pub reason: Text<512>,
}

impl QuarantineDecision {
    /// Returns a decision for the views of these names.
    ///
    /// # Errors
    /// [`IdError`] if one of the names is not a valid view name.
    pub fn new(views: &[&str], reason: Text<512>) -> Result<Self, IdError> {
        let views = views.iter().map(|view| ViewName::try_from(*view));
        let views = views.collect::<Result<_, _>>()?;
        Ok(Self { views, reason })
    }
}

impl QuarantineEvent {
    /// Returns the decision.
    pub fn decision(&self) -> &QuarantineDecision {
        match self {
            Self::Retried(decision) | Self::Skipped(decision) => decision,
        }
    }

    /// Returns whether the decision applies to this view.
    pub fn concerns(&self, view: &str) -> bool {
        let views = &self.decision().views;
        views.iter().any(|concerned| concerned.as_str() == view)
    }
}

/// Quarantine aggregate of one event: the decisions about it so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quarantine {
    /// Views that skip the event.
    skipped: BTreeSet<ViewName>,
    retries: u64,
}

impl Quarantine {
    /// Returns whether any view skips the event. If so, the event's aggregate
    /// skips it too, when its head is folded again.
    pub fn is_skipped(&self) -> bool {
        !self.skipped.is_empty()
    }
}

/// Error type without values: no decision is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineError {}

impl Aggregate for Quarantine {
    const TYPE: &'static str = "quarantine";
    type Command = QuarantineCommand;
    type Event = QuarantineEvent;
    type Error = QuarantineError;
    type Services = ();

    async fn handle(
        &mut self,
        command: QuarantineCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), QuarantineError> {
        let event = match command {
            QuarantineCommand::Retry(decision) => QuarantineEvent::Retried(decision),
            // Skipping is recorded even if the event was skipped before, so
            // that leftover quarantine notes are removed too.
            QuarantineCommand::Skip(decision) => QuarantineEvent::Skipped(decision),
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: QuarantineEvent) {
        match event {
            QuarantineEvent::Retried(_) => self.retries += 1,
            QuarantineEvent::Skipped(decision) => self.skipped.extend(decision.views),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LoggedEvent;

    fn decision() -> QuarantineDecision {
        QuarantineDecision {
            views: vec!["customers".try_into().unwrap()],
            reason: "broken".to_owned().try_into().unwrap(),
        }
    }

    #[test]
    fn a_position_has_exactly_one_form() {
        let position = LogPosition::parse("3:17").unwrap();
        assert_eq!((position.partition(), position.number()), (3, 17));
        assert_eq!(position, LogPosition::new(3, 17));
        for text in [
            "", "3", "3:", ":17", "03:17", "3:017", "3:-1", "3:17:1", "70000:1",
        ] {
            assert_eq!(LogPosition::parse(text), None, "{text}");
        }
    }

    #[test]
    fn events_survive_the_log() {
        for event in [
            QuarantineEvent::Retried(decision()),
            QuarantineEvent::Skipped(decision()),
        ] {
            let read = QuarantineEvent::decode(event.tag(), event.data().get()).unwrap();
            assert_eq!(read, event);
            assert!(event.concerns("customers") && !event.concerns("orders"));
        }
        assert!(QuarantineEvent::decode("event_forgotten.1", "{}").is_err());
    }

    #[test]
    fn a_retry_does_not_skip_the_event() {
        let mut quarantine = Quarantine::default();
        quarantine.apply(QuarantineEvent::Retried(decision()));
        assert!(!quarantine.is_skipped());
        quarantine.apply(QuarantineEvent::Skipped(decision()));
        assert!(quarantine.is_skipped());
    }
}
