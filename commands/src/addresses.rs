//! Commands on addresses, and claims of addresses for messages.

use domain::{
    Address, AddressCommand, AddressError, AddressId, AddressKey, BounceKind, CampaignId, Claim,
    ClaimAddress, ClaimError, CustomerId, MessageId, Receipt, SentTo, Subject,
};

use crate::execute::execute_batch;
use crate::heads::load_all;
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

/// Claim of an address for a campaign's message to a customer.
#[derive(Debug, Clone)]
pub struct AddressClaim {
    /// Address of the customer.
    pub address: AddressId,
    /// Campaign of the message.
    pub campaign: CampaignId,
    /// Customer who is to get the message.
    pub customer: CustomerId,
}

/// A message that came back, by the vendor's receipt.
#[derive(Debug, Clone)]
pub struct ReturnedMessage {
    /// The message.
    pub message: MessageId,
    /// Kind of the bounce; `None` for a complaint.
    pub bounce: Option<BounceKind>,
    /// The receipt.
    pub receipt: Receipt,
}

impl Commands {
    /// Returns the key from which the ids of addresses are derived.
    ///
    /// # Errors
    /// [`CommandError::NoAddressKey`] if this process was started without it.
    pub fn address_key(&self) -> Result<&AddressKey, CommandError> {
        self.address_key.as_ref().ok_or(CommandError::NoAddressKey)
    }

    /// Executes commands on addresses, each independently.
    ///
    /// # Errors
    /// [`CommandError`]; repeating the whole batch is safe.
    pub async fn execute_on_addresses(
        &self,
        context: &Context,
        commands: Vec<(AddressId, AddressCommand)>,
    ) -> Result<Vec<Result<Outcome, AddressError>>, CommandError> {
        execute_batch::<Address>(self, &(), context, subjects(commands)).await
    }

    /// Returns the current state of addresses from their heads, in the order of
    /// `ids`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn addresses(&self, ids: &[AddressId]) -> Result<Vec<Address>, CommandError> {
        let subjects = ids.iter().map(|id| Subject::Address(*id));
        let loaded = load_all::<Address>(&self.log, subjects).await?;
        Ok(loaded.into_iter().map(|one| one.aggregate).collect())
    }

    /// Returns of each claim whether it was made, by this customer and no other.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn holds_claims(&self, claims: Vec<AddressClaim>) -> Result<Vec<bool>, CommandError> {
        let subjects = claims
            .iter()
            .map(|claim| Subject::Claim(claim.address, claim.campaign.clone()));
        let loaded = load_all::<Claim>(&self.log, subjects).await?;
        let holds = claims.iter().zip(loaded);
        let holds = holds.map(|(claim, head)| head.aggregate.winner() == Some(&claim.customer));
        Ok(holds.collect())
    }

    /// Claims addresses, each for one customer per campaign. Of several claims of
    /// one address the first one wins.
    ///
    /// # Errors
    /// [`CommandError`]; repeating the whole batch is safe, and the same customers
    /// win.
    pub async fn claim_addresses(
        &self,
        context: &Context,
        claims: Vec<AddressClaim>,
    ) -> Result<Vec<Result<Outcome, ClaimError>>, CommandError> {
        let commands = claims.into_iter().map(|claim| {
            let subject = Subject::Claim(claim.address, claim.campaign);
            (subject, ClaimAddress(claim.customer))
        });
        execute_batch::<Claim>(self, &(), context, commands.collect()).await
    }
}

impl Commands {
    /// Records messages that came back at the addresses that they were sent to,
    /// which may put these on the suppression list. `soft_bounces` is the number
    /// of soft bounces that suffices. Messages that were never queued are left out.
    ///
    /// Call it for every receipt of the kind, also for one that changes nothing: a
    /// process may have died between the message and its address.
    ///
    /// # Errors
    /// [`CommandError`]; repeating the whole batch is safe.
    pub async fn record_returned(
        &self,
        context: &Context,
        returned: Vec<ReturnedMessage>,
        soft_bounces: u32,
    ) -> Result<(), CommandError> {
        let key = self.address_key()?;
        let ids: Vec<MessageId> = returned.iter().map(|one| one.message.clone()).collect();
        let messages = self.messages(&ids).await?;
        let mut commands = Vec::with_capacity(returned.len());
        for (one, message) in returned.into_iter().zip(messages) {
            let Some(content) = self.queued_content(&one.message).await? else {
                continue;
            };
            let id = key.recipient(content.channel, content.to.as_str());
            let sent = SentTo {
                channel: content.channel,
                to: content.to,
                message: one.message,
            };
            let command = match one.bounce {
                None => AddressCommand::RecordComplaint(sent),
                Some(kind) => AddressCommand::RecordBounce {
                    kind,
                    sent,
                    at: one.receipt.times(message.sent_at()).0,
                    reason: one.receipt.reason,
                    limit: soft_bounces,
                },
            };
            commands.push((id, command));
        }
        // Commands on addresses are never rejected.
        self.execute_on_addresses(context, commands).await.map(drop)
    }
}

fn subjects(commands: Vec<(AddressId, AddressCommand)>) -> Vec<(Subject, AddressCommand)> {
    let commands = commands.into_iter();
    commands
        .map(|(id, command)| (Subject::Address(id), command))
        .collect()
}
