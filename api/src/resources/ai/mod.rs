//! Assistance in plain words: rules, messages, summaries, tags, send times, and
//! lookalikes.
//!
//! A language model answers if one is configured ([`assistant`]); otherwise
//! Patron's built-in engine does. Either answer is validated, and [`call`]
//! records it. Each operation has its own file; [`facts`] summarizes the data of
//! the store.

pub(crate) mod assistant;
mod body;
mod call;
mod caller;
mod facts;
mod lookalikes;
mod messages;
mod segment_rules;
mod send_time;
mod summary;
mod tags;

use domain::rules::Rules;
use domain::{CampaignId, SegmentId};
use projections::campaign_stats::CampaignStats;
use projections::campaigns::{CampaignDocument, Campaigns};
use projections::segments::Segments;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::Problem;
use crate::resources::campaigns;
use crate::resources::segments;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Freshness;
use crate::state::{AppContext, AppState};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(segment_rules::find_rules))
        .routes(routes!(messages::write_messages))
        .routes(routes!(summary::summarize_campaign))
        .routes(routes!(tags::tag_campaign))
        .routes(routes!(send_time::get_send_time))
        .routes(routes!(lookalikes::list_lookalikes))
}

/// Returns the rules of a segment, archived or not.
///
/// # Errors
/// 404 if the view does not have the segment.
async fn rules_of(
    app: &AppContext,
    id: &SegmentId,
    freshness: Freshness<'_>,
) -> Result<Rules, Problem> {
    after::wait::<Segments>(app, freshness).await?;
    match app.store.segment(id).await? {
        Some(segment) => Ok(segment.rules),
        None => Err(segments::missing(app, id).await),
    }
}

/// Returns a campaign, once both of its views are fresh enough.
///
/// # Errors
/// 404 if the view does not have the campaign.
async fn campaign(
    app: &AppContext,
    id: &CampaignId,
    freshness: Freshness<'_>,
) -> Result<CampaignDocument, Problem> {
    tokio::try_join!(
        after::wait::<Campaigns>(app, freshness),
        after::wait::<CampaignStats>(app, freshness),
    )?;
    match app.store.campaign(id).await? {
        Some(campaign) => Ok(campaign),
        None => Err(campaigns::missing(app, id).await),
    }
}
