//! Stage of a campaign, by its head.

use domain::{Campaign, CampaignId, CampaignStatus};

use super::error::WorkError;
use crate::shared::SharedResources;

/// Returns whether the campaign's audience is still being resolved.
pub(super) fn is_resolving(campaign: &Campaign) -> bool {
    use CampaignStatus::{Launching, Paused};
    matches!(campaign.status(), Some(Launching | Paused)) && campaign.size().is_none()
}

/// Returns whether the campaign is being sent.
pub(super) async fn is_sending(
    shared: &SharedResources,
    campaign: &CampaignId,
) -> Result<bool, WorkError> {
    let head = shared.commands.campaign(campaign).await?;
    let status = head.and_then(|campaign| campaign.status());
    Ok(status == Some(CampaignStatus::Sending))
}
