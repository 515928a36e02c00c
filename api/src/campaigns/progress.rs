//! Handler of `GET /api/campaigns/{id}/progress`: server-sent events until the
//! campaign ends.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use domain::{CampaignId, CampaignStatus};
use futures::Stream;
use projections::QueryError;
use projections::campaign_stats::CampaignStats;
use projections::campaigns::Campaigns;
use serde::Serialize;
use tokio::time::Interval;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::answer::Statistics;
use super::find::missing;
use crate::after;
use crate::consistency::Consistency;
use crate::http::after::AfterParam;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::http::sse::{self, event, event_schema};
use crate::state::{AppContext, AppState};

/// A campaign's progress: the data of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Progress {
    /// The campaign.
    #[schema(value_type = schema::CampaignId)]
    campaign_id: CampaignId,
    /// The campaign's status.
    #[schema(value_type = schema::CampaignStatus)]
    status: CampaignStatus,
    /// Counts of the campaign's messages.
    statistics: Statistics,
}

/// Schema of an event.
pub(super) struct ProgressEvent;

impl PartialSchema for ProgressEvent {
    fn schema() -> RefOr<Schema> {
        event_schema(&Progress::name())
    }
}

impl ToSchema for ProgressEvent {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Progress::name().into(), Progress::schema()));
        Progress::schemas(schemas);
    }
}

/// Streams a campaign's progress.
///
/// An event `progress` is sent after a change, at most once a second, and an
/// event `end` when the campaign has ended. The data of each is the progress.
#[utoipa::path(
    get,
    path = "/api/campaigns/{id}/progress",
    tag = "Campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        AfterParam,
        Consistency
    ),
    responses(
        (status = 200, description = "Events until the campaign or the server ends",
            body = ProgressEvent, content_type = "text/event-stream"),
        NotFound
    )
)]
pub(super) async fn follow_progress(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let freshness = consistency.with(params.after());
    tokio::try_join!(
        after::wait::<Campaigns>(&app, freshness),
        after::wait::<CampaignStats>(&app, freshness),
    )?;
    if read_progress(&app, &id).await?.is_none() {
        return Err(missing(&app, &id).await);
    }
    let follower = CampaignFollower {
        app,
        id,
        ticks: sse::ticks(),
        sent: None,
    };
    Ok(sse::events(follower, CampaignFollower::next))
}

/// Stream of a campaign's progress, with the progress that was last sent.
struct CampaignFollower {
    app: AppState,
    id: CampaignId,
    ticks: Interval,
    sent: Option<Progress>,
}

impl CampaignFollower {
    /// Returns the next event, and the follower for later ones, which is `None`
    /// after the last event. Returns `None` when the server stops.
    async fn next(mut self) -> Option<(Event, Option<Self>)> {
        let closing = self.app.closing.clone();
        loop {
            let reading = async {
                self.ticks.tick().await;
                read_progress(&self.app, &self.id).await
            };
            let progress = match closing.run_until_cancelled(reading).await? {
                Ok(Some(progress)) => progress,
                // A view that was rebuilt may lack the campaign for a moment.
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, "a campaign's progress cannot be read");
                    continue;
                }
            };
            if progress.has_ended() {
                return Some((event("end", &progress), None));
            }
            if self.sent.as_ref() != Some(&progress) {
                let event = event("progress", &progress);
                self.sent = Some(progress);
                return Some((event, Some(self)));
            }
        }
    }
}

impl Progress {
    fn has_ended(&self) -> bool {
        use CampaignStatus::{Cancelled, Completed};
        matches!(self.status, Cancelled | Completed)
    }
}

/// Reads a campaign's progress. The status is read before the counts: when the
/// status says that the campaign has ended, the counts are final.
async fn read_progress(app: &AppContext, id: &CampaignId) -> Result<Option<Progress>, QueryError> {
    let Some(campaign) = app.store.campaign(id).await? else {
        return Ok(None);
    };
    let ids = [id];
    let (mut figures, incomplete) = tokio::try_join!(
        app.store.campaign_stats(&ids),
        app.store.incomplete_campaigns(&ids),
    )?;
    let figures = figures.remove(id).unwrap_or_default();
    Ok(Some(Progress {
        campaign_id: campaign.campaign_id,
        status: campaign.status,
        statistics: Statistics::new(figures, incomplete.contains(id)),
    }))
}
