//! Handler of `GET /api/campaigns/{id}/progress`: server-sent events until the
//! campaign ends.

use std::convert::Infallible;

use axum::Extension;
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
use utoipa::ToSchema;

use super::answer::Statistics;
use super::find::{head, missing};
use crate::http::after::AfterParam;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::http::sse::{self, EventSchema, event};
use crate::identity::Actor;
use crate::identity::access::{ApiOperation, StreamAccess};
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::state::{AppContext, AppState};

/// The operation of this stream.
const OPERATION: ApiOperation = ApiOperation("GET", "/api/campaigns/{id}/progress");

/// A campaign's progress: the data of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Progress)]
pub(super) struct CampaignProgress {
    /// The campaign.
    #[schema(value_type = schema::CampaignId)]
    campaign_id: CampaignId,
    /// The campaign's status.
    #[schema(value_type = schema::CampaignStatus)]
    status: CampaignStatus,
    /// Counts of the campaign's messages.
    statistics: Statistics,
}

impl CampaignProgress {
    fn has_ended(&self) -> bool {
        matches!(
            self.status,
            CampaignStatus::Cancelled | CampaignStatus::Completed
        )
    }
}

/// Schema of an event.
pub(super) type ProgressEvent = EventSchema<CampaignProgress>;

/// Streams a campaign's progress.
///
/// An event `progress` is sent after a change, at most once a second, and an
/// event `end` when the campaign has ended. The data of each is the progress. If the
/// server stops first, there is no `end`. The stream also ends without one within
/// seconds after the credential is revoked, expires, or loses its role.
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
    Extension(actor): Extension<Actor>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let freshness = consistency.with(params.after());
    tokio::try_join!(
        after::wait::<Campaigns>(&app, freshness),
        after::wait::<CampaignStats>(&app, freshness),
    )?;
    if read_progress(&app, &id).await?.is_none() {
        return Err(missing(&app, &id).await);
    }
    let place = app.streams.place(&actor.name)?;
    let follower = CampaignFollower {
        access: StreamAccess::new(app.identity.clone(), actor, OPERATION, place),
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
    access: StreamAccess,
    ticks: Interval,
    sent: Option<CampaignProgress>,
}

impl CampaignFollower {
    /// Returns the next event, and the follower for later ones, which is `None`
    /// after the last event. Returns `None` when the server stops, or the credential no
    /// longer permits the operation.
    async fn next(mut self) -> Option<(Event, Option<Self>)> {
        let closing = self.app.closing.clone();
        loop {
            let progress = match closing.run_until_cancelled(self.read()).await? {
                Ok(Some(progress)) => progress,
                // A view that was rebuilt may lack the campaign for a moment, and an outage
                // of Redis leaves the access open.
                Ok(None) => continue,
                Err(problem) => match problem.kind() {
                    // A draft that was deleted has no more progress.
                    ProblemKind::Unauthenticated
                    | ProblemKind::Forbidden
                    | ProblemKind::NotFound => return None,
                    // The reason was logged where it occurred; the next read may succeed.
                    _ => continue,
                },
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

    /// Reads the progress at the next tick. Returns `None` if there is none, or the
    /// access cannot be confirmed at the moment.
    async fn read(&mut self) -> Result<Option<CampaignProgress>, Problem> {
        self.ticks.tick().await;
        if !self.access.is_confirmed().await? {
            return Ok(None);
        }
        let progress = read_progress(&self.app, &self.id).await?;
        if progress.is_none() {
            head(&self.app, &self.id).await?;
        }
        let has_ended = progress.as_ref().is_some_and(CampaignProgress::has_ended);
        let is_permitted = !has_ended || self.access.check().await?;
        Ok(progress.filter(|_| is_permitted))
    }
}

/// Reads a campaign's progress. The status is read before the counts: when the
/// status says that the campaign has ended, the counts are final.
async fn read_progress(
    app: &AppContext,
    id: &CampaignId,
) -> Result<Option<CampaignProgress>, QueryError> {
    let Some(campaign) = app.store.campaign(id).await? else {
        return Ok(None);
    };
    let ids = [id];
    let (mut figures, incomplete) = tokio::try_join!(
        app.store.campaign_stats(&ids),
        app.store.incomplete_campaigns(&ids),
    )?;
    let figures = figures.remove(id).unwrap_or_default();
    Ok(Some(CampaignProgress {
        campaign_id: campaign.campaign_id,
        status: campaign.status,
        statistics: Statistics::new(figures, incomplete.contains(id)),
    }))
}
