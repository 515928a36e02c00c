//! Demo aggregate: the load of the demo shop into a deployment.
//!
//! The demo's customers, orders and campaigns are aggregates like any other.
//! This one records that they are made, and what an interrupted load needs to
//! continue with the same data.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::{Text, Timestamp};

/// Actor of all events of the demo. Their times are made: those of a finished campaign are
/// days in the past when they are recorded.
pub const DEMO_ACTOR: &str = "demo";

/// Commands on the demo. A command whose effect is already in place makes no
/// event.
#[derive(Debug, Clone)]
pub enum DemoCommand {
    /// Starts the load.
    Start(DemoPlan),
    /// Fixes the positions on which the demo's campaigns select their
    /// recipients.
    FixPositions(Text<65536>),
    /// Records that everything is loaded.
    Complete,
}

/// Parameters that determine all data of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoPlan {
    /// Seed of the generator.
    pub seed: u64,
    /// Start of the day of the load. All data of the demo is from before it.
    pub until: Timestamp,
}

/// Event of the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DemoEvent {
    /// The load was started.
    #[serde(rename = "demo_load_started.1")]
    Started(DemoPlan),
    /// All customers, orders and activities are recorded up to these positions.
    #[serde(rename = "demo_positions_fixed.1")]
    PositionsFixed {
        /// Log positions, as `0:12,1:7`.
        positions: Text<65536>,
    },
    /// Everything is loaded.
    #[serde(rename = "demo_load_completed.1")]
    Completed {},
}

/// Reason why a command on the demo is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DemoError {
    /// The load was never started.
    #[error("the load of the demo shop was not started")]
    NotStarted,
}

/// Demo aggregate; empty until the load is started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Demo(Option<DemoState>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DemoState {
    plan: DemoPlan,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    positions: Option<Text<65536>>,
    completed: bool,
}

impl Demo {
    /// Returns the parameters of the load; `None` if it was never started.
    pub fn plan(&self) -> Option<DemoPlan> {
        self.0.as_ref().map(|state| state.plan)
    }

    /// Returns the positions on which the campaigns select their recipients,
    /// once they are fixed.
    pub fn positions(&self) -> Option<&Text<65536>> {
        self.0.as_ref()?.positions.as_ref()
    }

    /// Returns whether everything is loaded.
    pub fn is_completed(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.completed)
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// [`DemoError::NotStarted`] for any other command before the start.
    pub fn decide(&self, command: DemoCommand) -> Result<Option<DemoEvent>, DemoError> {
        let Some(state) = &self.0 else {
            return match command {
                DemoCommand::Start(plan) => Ok(Some(DemoEvent::Started(plan))),
                _ => Err(DemoError::NotStarted),
            };
        };
        Ok(match command {
            DemoCommand::FixPositions(positions) if state.positions.is_none() => {
                Some(DemoEvent::PositionsFixed { positions })
            }
            DemoCommand::Complete if !state.completed => Some(DemoEvent::Completed {}),
            _ => None,
        })
    }
}

impl Aggregate for Demo {
    const TYPE: &'static str = "demo";
    type Command = DemoCommand;
    type Event = DemoEvent;
    type Error = DemoError;
    type Services = ();

    async fn handle(
        &mut self,
        command: DemoCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), DemoError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: DemoEvent) {
        match (&mut self.0, event) {
            (demo, DemoEvent::Started(plan)) => {
                *demo = Some(DemoState {
                    plan,
                    positions: None,
                    completed: false,
                });
            }
            (Some(state), DemoEvent::PositionsFixed { positions }) => {
                state.positions = Some(positions);
            }
            (Some(state), DemoEvent::Completed {}) => state.completed = true,
            // The first event is the start, so this cannot happen.
            (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::*;

    type DemoTest = TestFramework<Demo>;

    fn plan(seed: u64) -> DemoPlan {
        DemoPlan {
            seed,
            until: Timestamp::try_from("2026-11-23T00:00:00Z").unwrap(),
        }
    }

    fn positions(text: &str) -> Text<65536> {
        Text::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn the_first_start_determines_the_data() {
        DemoTest::with(())
            .given_no_previous_events()
            .when(DemoCommand::Start(plan(1)))
            .then_expect_events(vec![DemoEvent::Started(plan(1))]);
        DemoTest::with(())
            .given(vec![DemoEvent::Started(plan(1))])
            .when(DemoCommand::Start(plan(2)))
            .then_expect_events(vec![]);
    }

    #[test]
    fn positions_are_fixed_once() {
        let fixed = DemoEvent::PositionsFixed {
            positions: positions("0:12"),
        };
        DemoTest::with(())
            .given(vec![DemoEvent::Started(plan(1))])
            .when(DemoCommand::FixPositions(positions("0:12")))
            .then_expect_events(vec![fixed.clone()]);
        DemoTest::with(())
            .given(vec![DemoEvent::Started(plan(1)), fixed])
            .when(DemoCommand::FixPositions(positions("0:99")))
            .then_expect_events(vec![]);
    }

    #[test]
    fn a_load_is_completed_once_and_only_after_its_start() {
        DemoTest::with(())
            .given_no_previous_events()
            .when(DemoCommand::Complete)
            .then_expect_error(DemoError::NotStarted);
        DemoTest::with(())
            .given(vec![DemoEvent::Started(plan(1))])
            .when(DemoCommand::Complete)
            .then_expect_events(vec![DemoEvent::Completed {}]);
        DemoTest::with(())
            .given(vec![DemoEvent::Started(plan(1)), DemoEvent::Completed {}])
            .when(DemoCommand::Complete)
            .then_expect_events(vec![]);
    }
}
