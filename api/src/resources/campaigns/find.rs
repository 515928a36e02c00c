//! Lookups of campaigns, and the problems of campaigns that an operation cannot use.

use std::time::Duration;

use commands::CampaignRefusal;
use domain::CampaignStatus::{Draft, Missed, Scheduled};
use domain::{Campaign, CampaignError, CampaignId, Launch};
use projections::campaigns::Campaigns;
use projections::recipients::require_launchable;

use crate::http::problem::{Problem, ProblemKind};
use crate::resources::shared::quarantined;
use crate::state::AppContext;

/// Maximum time that an operation waits for the views that it reads.
pub(super) const MAX_VIEW_WAIT: Duration = Duration::from_secs(5);

/// Returns the problem of a campaign that was never created, or is not in the
/// view yet.
pub(super) fn unknown(id: &CampaignId) -> Problem {
    let detail = format!("there is no campaign {id}");
    Problem::new(ProblemKind::NotFound, detail)
}

/// Returns the problem of a campaign that the view does not have, which may be in
/// quarantine.
pub(crate) async fn missing(app: &AppContext, id: &CampaignId) -> Problem {
    quarantined::missing::<Campaigns>(app, id.as_str(), unknown(id)).await
}

/// Returns the problem of an operation that needs a launched campaign.
pub(crate) fn not_launched(id: &CampaignId) -> Problem {
    let detail = format!("{id} has not been launched yet");
    Problem::new(ProblemKind::NotLaunched, detail)
}

/// Returns the problem of a campaign command that was refused.
pub(super) fn refused(id: &CampaignId, refusal: &CampaignRefusal) -> Problem {
    let kind = match refusal {
        CampaignRefusal::Campaign(CampaignError::NotFound) => return unknown(id),
        CampaignRefusal::Campaign(CampaignError::Conflict) => {
            let detail = "this key was used before for a campaign with different content";
            return Problem::new(ProblemKind::IdempotencyConflict, detail);
        }
        CampaignRefusal::Campaign(CampaignError::Impossible { .. } | CampaignError::Passed) => {
            ProblemKind::ImpossibleTransition
        }
        CampaignRefusal::Campaign(CampaignError::Changed) => ProblemKind::DraftChanged,
        CampaignRefusal::Segment(_) => ProblemKind::Archived,
        CampaignRefusal::Past => {
            let kind = ProblemKind::InvalidField;
            return Problem::field(kind, "/scheduled_at", refusal.to_string());
        }
        CampaignRefusal::Text(_) | CampaignRefusal::Id(_) => {
            tracing::error!(error = %refusal, "a command on a campaign failed");
            return Problem::internal();
        }
    };
    Problem::new(kind, refusal.to_string())
}

/// Returns a campaign from its head: its current state, even if the views lag.
///
/// # Errors
/// 404 if the campaign was never created, or was deleted.
pub(super) async fn head(app: &AppContext, id: &CampaignId) -> Result<Campaign, Problem> {
    let found = app.commands.campaign(id).await?;
    let found = found.filter(|campaign| campaign.status().is_some());
    found.ok_or_else(|| unknown(id))
}

/// Checks that a launch of the campaign can resolve its audience.
///
/// A campaign whose status does not permit a launch passes, since the command
/// rejects it or recognizes a repeated request.
///
/// # Errors
/// 410 if events that the launch would need were trimmed from the log.
pub(super) async fn check_launchable(app: &AppContext, id: &CampaignId) -> Result<(), Problem> {
    let checked = require_launchable(&app.store, app.commands.log()).await;
    let Err(error) = checked else {
        return Ok(());
    };
    let campaign = app.commands.campaign(id).await?.unwrap_or_default();
    match campaign.status() {
        None | Some(Draft | Scheduled | Missed) => Err(error.into()),
        Some(_) => Ok(()),
    }
}

/// Returns the state that the launch of a campaign fixed.
///
/// # Errors
/// 409 if the campaign has not been launched.
pub(super) async fn launch_of(app: &AppContext, id: &CampaignId) -> Result<Launch, Problem> {
    let launch = app.commands.campaign_launch(id).await?;
    launch.ok_or_else(|| not_launched(id))
}
