//! Handlers of `GET /api/campaigns` and `GET /api/campaigns/{id}`.

use axum::Json;
use axum::extract::State;
use domain::CampaignId;
use projections::campaign_stats::CampaignStats;
use projections::campaigns::{CampaignDocument, Campaigns};

use super::answer::CampaignResponse;
use super::find::missing;
use crate::http::after::AfterParam;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Listed, PageParams};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::{Consistency, Freshness};
use crate::resources::shared::quarantined;
use crate::state::{AppContext, AppState};

/// Lists campaigns with their statistics, newest first.
#[utoipa::path(
    get,
    path = "/api/campaigns",
    tag = "Campaigns",
    params(PageParams, Consistency),
    responses(
        (status = 200, description = "A page of campaigns", body = Listed<CampaignResponse>)
    )
)]
pub(super) async fn list_campaigns(
    State(app): State<AppState>,
    Query(params): Query<PageParams>,
    consistency: Consistency,
) -> Result<Json<Listed<CampaignResponse>>, Problem> {
    wait(&app, consistency.with(params.after())).await?;
    let page = params.page();
    let found = app.store.campaigns(&page).await?;
    let ids: Vec<&CampaignId> = found.items.iter().map(|c| &c.campaign_id).collect();
    let (mut figures, incomplete, mut waiting) = tokio::try_join!(
        app.store.campaign_stats(&ids),
        app.store.incomplete_campaigns(&ids),
        app.store.waiting(&ids),
    )?;
    let respond = |document: CampaignDocument| {
        let figures = figures.remove(&document.campaign_id).unwrap_or_default();
        let incomplete = incomplete.contains(&document.campaign_id);
        let waiting = waiting.remove(&document.campaign_id);
        CampaignResponse::new(document, figures, incomplete, waiting)
    };
    let mut campaigns = Listed::from_page(found, respond);
    quarantined::mark(&app, &mut campaigns.items).await?;
    Ok(Json(campaigns))
}

/// Returns a campaign with its statistics.
#[utoipa::path(
    get,
    path = "/api/campaigns/{id}",
    tag = "Campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        AfterParam,
        Consistency
    ),
    responses(
        (status = 200, description = "The campaign", body = CampaignResponse),
        NotFound
    )
)]
pub(super) async fn get_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<CampaignResponse>, Problem> {
    wait(&app, consistency.with(params.after())).await?;
    let found = app.store.campaign(&id).await?;
    let Some(document) = found else {
        return Err(missing(&app, &id).await);
    };
    let ids = [&id];
    let (mut figures, incomplete, mut waiting) = tokio::try_join!(
        app.store.campaign_stats(&ids),
        app.store.incomplete_campaigns(&ids),
        app.store.waiting(&ids),
    )?;
    let figures = figures.remove(&id).unwrap_or_default();
    let incomplete = incomplete.contains(&id);
    let waiting = waiting.remove(&id);
    let mut campaign = CampaignResponse::new(document, figures, incomplete, waiting);
    quarantined::mark(&app, [&mut campaign]).await?;
    Ok(Json(campaign))
}

/// Waits until both views of a campaign are fresh enough.
async fn wait(app: &AppContext, freshness: Freshness<'_>) -> Result<(), Problem> {
    tokio::try_join!(
        after::wait::<Campaigns>(app, freshness),
        after::wait::<CampaignStats>(app, freshness),
    )?;
    Ok(())
}
