//! Claims of addresses: one customer per address gets a campaign's message.

use commands::{AddressClaim, Context};
use domain::{AddressId, ClaimError, MessageCommand, MessageContent, MessageId, Suppression};
use projections::recipients::Recipient;

use super::case::RecipientCase;
use super::error::WorkError;
use crate::shared::SharedResources;

/// Returns the id of the address that a message to each recipient would go to; `None`
/// for a recipient without an address.
pub(super) fn addresses(
    shared: &SharedResources,
    recipients: &[Recipient],
) -> Result<Vec<Option<AddressId>>, WorkError> {
    let key = shared.commands.address_key()?;
    let address = |recipient: &Recipient| {
        let (email, phone) = (&recipient.document.email, &recipient.document.phone);
        let (channel, to) = MessageContent::address(email.as_deref(), phone.as_deref())?;
        Some(key.recipient(channel, to.as_str()))
    };
    Ok(recipients.iter().map(address).collect())
}

/// Notes who holds the claim of their address, among those who get no message as things
/// are now. A worker died between the claim and the message.
pub(super) async fn recall(
    shared: &SharedResources,
    cases: &mut [(MessageId, RecipientCase)],
    addresses: &[Option<AddressId>],
    most: Option<u32>,
) -> Result<(), WorkError> {
    let cases = cases.iter_mut().zip(addresses);
    let hindered = cases.filter(|((_, case), _)| case.obstacle(most).is_some());
    let hindered = hindered.filter_map(|((id, case), address)| Some((&*id, case, (*address)?)));
    let mut hindered: Vec<_> = hindered.collect();
    let claims = hindered.iter().map(|(id, _, address)| AddressClaim {
        address: *address,
        campaign: id.campaign.clone(),
        customer: id.customer.clone(),
    });
    let held = shared.commands.holds_claims(claims.collect()).await?;
    for ((_, case, _), is_claimed) in hindered.iter_mut().zip(held) {
        case.is_claimed = is_claimed;
    }
    Ok(())
}

/// Claims the addresses of the messages that are to be queued, and suppresses those
/// whose address another customer has claimed. `addresses` are those of the messages.
///
/// A claim precedes its message. A worker that dies in between leaves a claim, which the
/// same customer gets again when the batch is repeated ([`recall`]).
pub(super) async fn claim(
    shared: &SharedResources,
    context: &Context,
    decided: &mut [(MessageId, MessageCommand)],
    addresses: &[Option<AddressId>],
) -> Result<(), WorkError> {
    let messages = decided.iter_mut().zip(addresses);
    let mut queueing: Vec<(&MessageId, AddressId, &mut MessageCommand)> = messages
        .filter(|((_, command), _)| matches!(command, MessageCommand::Queue(_)))
        .filter_map(|((id, command), address)| Some((&*id, (*address)?, command)))
        .collect();
    let claims = queueing.iter().map(|(id, address, _)| AddressClaim {
        address: *address,
        campaign: id.campaign.clone(),
        customer: id.customer.clone(),
    });
    let claimed = shared.commands.claim_addresses(context, claims.collect());
    for ((_, _, command), claim) in queueing.iter_mut().zip(claimed.await?) {
        if let Err(ClaimError::Taken(customer_id)) = claim {
            let duplicate = Suppression::DuplicateAddress { customer_id };
            **command = MessageCommand::Suppress(duplicate);
        }
    }
    Ok(())
}
