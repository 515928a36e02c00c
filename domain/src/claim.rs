//! Claims: the one customer who gets a campaign's message at an address.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::CustomerId;

/// Command to claim an address for a campaign's message to this customer.
#[derive(Debug, Clone)]
pub struct ClaimAddress(pub CustomerId);

/// Event of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimEvent {
    /// The customer gets the campaign's message at the address.
    #[serde(rename = "address_claimed.1")]
    Claimed {
        /// Customer who gets it.
        customer: CustomerId,
    },
}

/// Reason why a claim is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Another customer has the same address and was first.
    #[error("customer {0} gets the campaign's message at this address")]
    Taken(CustomerId),
}

/// Claim aggregate: the customer who was first. A repeated claim of the same
/// customer makes no event, so a worker that died after a claim goes on with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Claim(Option<CustomerId>);

impl Claim {
    /// Returns the customer who was first.
    pub fn winner(&self) -> Option<&CustomerId> {
        self.0.as_ref()
    }

    /// Returns the event of a claim, if it makes one.
    ///
    /// # Errors
    /// [`ClaimError`] if another customer was first.
    pub fn decide(&self, claim: ClaimAddress) -> Result<Option<ClaimEvent>, ClaimError> {
        let ClaimAddress(customer) = claim;
        match &self.0 {
            None => Ok(Some(ClaimEvent::Claimed { customer })),
            Some(winner) if *winner == customer => Ok(None),
            Some(winner) => Err(ClaimError::Taken(winner.clone())),
        }
    }
}

impl Aggregate for Claim {
    const TYPE: &'static str = "claim";
    type Command = ClaimAddress;
    type Event = ClaimEvent;
    type Error = ClaimError;
    type Services = ();

    async fn handle(
        &mut self,
        claim: ClaimAddress,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ClaimError> {
        if let Some(event) = self.decide(claim)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ClaimEvent) {
        let ClaimEvent::Claimed { customer } = event;
        self.0 = Some(customer);
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::*;

    fn claim(customer: &str) -> ClaimAddress {
        ClaimAddress(customer.try_into().unwrap())
    }

    fn claimed(customer: &str) -> ClaimEvent {
        let customer = customer.try_into().unwrap();
        ClaimEvent::Claimed { customer }
    }

    #[test]
    fn the_first_customer_wins_and_may_ask_again() {
        let with = || TestFramework::<Claim>::with(());
        with()
            .given_no_previous_events()
            .when(claim("c-1"))
            .then_expect_events(vec![claimed("c-1")]);
        with()
            .given(vec![claimed("c-1")])
            .when(claim("c-1"))
            .then_expect_events(vec![]);
        with()
            .given(vec![claimed("c-1")])
            .when(claim("c-2"))
            .then_expect_error(ClaimError::Taken("c-1".try_into().unwrap()));
    }
}
