//! The customer merge under way: at most one, so that no two merges of customers
//! can make a cycle.
//!
//! A merge concerns two customers, who are usually in different partitions. Each
//! merge is planned here first, then recorded at its customer, then ended here. A
//! process that finds another one's merge carries it out before its own.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::CustomerId;

/// A merge of a customer into another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMerge {
    /// Customer who is merged.
    pub customer: CustomerId,
    /// The other customer.
    pub into: CustomerId,
}

/// Commands on the merge under way.
#[derive(Debug, Clone)]
pub enum MergesCommand {
    /// Plans a merge.
    Plan(PlannedMerge),
    /// Ends a merge, if it is the one under way.
    End(PlannedMerge),
}

/// Event of the merge under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MergesEvent {
    /// A merge is planned.
    #[serde(rename = "merge_planned.1")]
    Planned(PlannedMerge),
    /// The merge was carried out, or turned out to be impossible.
    #[serde(rename = "merge_ended.1")]
    Ended {},
}

/// Reason why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergesError {
    /// Another merge is under way.
    #[error("{} is being merged into {}", .0.customer, .0.into)]
    UnderWay(PlannedMerge),
}

/// The merge under way; empty between merges.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Merges(Option<PlannedMerge>);

impl Merges {
    /// Returns the merge under way.
    pub fn under_way(&self) -> Option<&PlannedMerge> {
        self.0.as_ref()
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// [`MergesError::UnderWay`] if another merge is under way.
    pub fn decide(&self, command: MergesCommand) -> Result<Option<MergesEvent>, MergesError> {
        match (&self.0, command) {
            (None, MergesCommand::Plan(merge)) => Ok(Some(MergesEvent::Planned(merge))),
            (Some(other), MergesCommand::Plan(merge)) if *other != merge => {
                Err(MergesError::UnderWay(other.clone()))
            }
            (Some(current), MergesCommand::End(merge)) if *current == merge => {
                Ok(Some(MergesEvent::Ended {}))
            }
            (_, MergesCommand::Plan(_) | MergesCommand::End(_)) => Ok(None),
        }
    }
}

impl Aggregate for Merges {
    const TYPE: &'static str = "merges";
    type Command = MergesCommand;
    type Event = MergesEvent;
    type Error = MergesError;
    type Services = ();

    async fn handle(
        &mut self,
        command: MergesCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), MergesError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: MergesEvent) {
        self.0 = match event {
            MergesEvent::Planned(merge) => Some(merge),
            MergesEvent::Ended {} => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::*;

    type MergesTest = TestFramework<Merges>;

    fn merge(customer: &str, into: &str) -> PlannedMerge {
        PlannedMerge {
            customer: CustomerId::try_from(customer).unwrap(),
            into: CustomerId::try_from(into).unwrap(),
        }
    }

    #[test]
    fn one_merge_is_under_way_at_a_time() {
        let planned = MergesEvent::Planned(merge("a", "b"));
        MergesTest::with(())
            .given_no_previous_events()
            .when(MergesCommand::Plan(merge("a", "b")))
            .then_expect_events(vec![planned.clone()]);
        MergesTest::with(())
            .given(vec![planned.clone()])
            .when(MergesCommand::Plan(merge("b", "a")))
            .then_expect_error(MergesError::UnderWay(merge("a", "b")));
        MergesTest::with(())
            .given(vec![planned.clone()])
            .when(MergesCommand::Plan(merge("a", "b")))
            .then_expect_events(vec![]);
        MergesTest::with(())
            .given(vec![planned.clone(), MergesEvent::Ended {}])
            .when(MergesCommand::Plan(merge("b", "a")))
            .then_expect_events(vec![MergesEvent::Planned(merge("b", "a"))]);
    }

    #[test]
    fn only_the_merge_under_way_ends() {
        let planned = MergesEvent::Planned(merge("a", "b"));
        MergesTest::with(())
            .given(vec![planned.clone()])
            .when(MergesCommand::End(merge("c", "d")))
            .then_expect_events(vec![]);
        MergesTest::with(())
            .given(vec![planned])
            .when(MergesCommand::End(merge("a", "b")))
            .then_expect_events(vec![MergesEvent::Ended {}]);
    }
}
