//! Handler of `GET /api/imports/{id}/events`: server-sent events until the run ends.

use std::convert::Infallible;

use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use domain::{ImportId, ImportStatus};
use futures::Stream;
use projections::imports::Imports;
use tokio::time::Interval;

use super::answer::{ImportResponse, ProgressResponse, WaitResponse};
use super::find::unknown;
use super::read::read_import;
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
use crate::state::AppState;

/// The operation of this stream.
const OPERATION: ApiOperation = ApiOperation("GET", "/api/imports/{id}/events");

/// Schema of an event.
pub(super) type ImportEventSchema = EventSchema<ImportResponse>;

/// Streams the progress of an import.
///
/// An event `progress` is sent after a change, at most once a second, and an event
/// `end` when the run has ended: `finished`, `stopped` or `failed`. The data of each is
/// the import; `progress` leaves out `detected` and `options`. If the server stops first, there is no `end`. The stream also ends without
/// one if the import is deleted, and within seconds after the credential is revoked,
/// expires, or loses its role.
#[utoipa::path(
    get,
    path = "/api/imports/{id}/events",
    tag = "Imports",
    params(
        ("id" = inline(schema::ImportId), Path, description = "The import's id"),
        AfterParam,
        Consistency
    ),
    responses(
        (status = 200, description = "Events until the run ends or the server stops",
            body = ImportEventSchema, content_type = "text/event-stream"),
        NotFound
    )
)]
pub(super) async fn follow_import(
    State(app): State<AppState>,
    Path(id): Path<ImportId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    Extension(actor): Extension<Actor>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    after::wait::<Imports>(&app, consistency.with(params.after())).await?;
    if read_import(&app, &id).await?.is_none() {
        return Err(unknown(&id));
    }
    let place = app.streams.place(&actor.name)?;
    let follower = ImportFollower {
        access: StreamAccess::new(app.identity.clone(), actor, OPERATION, place),
        app,
        id,
        ticks: sse::ticks(),
        sent: None,
    };
    Ok(sse::events(follower, ImportFollower::next))
}

/// Part of an import whose changes are sent to readers of the stream.
type Shown = (ImportStatus, Option<ProgressResponse>, Option<WaitResponse>);

/// Stream of an import, with what was last sent.
struct ImportFollower {
    app: AppState,
    id: ImportId,
    access: StreamAccess,
    ticks: Interval,
    sent: Option<Shown>,
}

impl ImportFollower {
    /// Returns the next event, and the follower for later ones, which is `None` after the
    /// last event. Returns `None` when the server stops, the import is deleted, or the
    /// credential no longer permits the operation.
    async fn next(mut self) -> Option<(Event, Option<Self>)> {
        let closing = self.app.closing.clone();
        loop {
            let import = match closing.run_until_cancelled(self.read()).await? {
                Ok(Some(import)) => import,
                // The access cannot be confirmed at the moment.
                Ok(None) => continue,
                Err(problem) => match problem.kind() {
                    ProblemKind::Unauthenticated
                    | ProblemKind::Forbidden
                    | ProblemKind::NotFound => return None,
                    // The reason was logged where it occurred; the next read may succeed.
                    _ => continue,
                },
            };
            if has_ended(&import) {
                return Some((event("end", &import), None));
            }
            let shown = (import.status, import.progress, import.waiting_for.clone());
            if self.sent.as_ref() != Some(&shown) {
                self.sent = Some(shown);
                let import = import.for_progress();
                return Some((event("progress", &import), Some(self)));
            }
        }
    }

    /// Reads the import at the next tick. Returns `None` if the access cannot be
    /// confirmed at the moment.
    async fn read(&mut self) -> Result<Option<ImportResponse>, Problem> {
        self.ticks.tick().await;
        if !self.access.is_confirmed().await? {
            return Ok(None);
        }
        let import = read_import(&self.app, &self.id).await?;
        let import = import.ok_or_else(|| unknown(&self.id))?;
        let is_permitted = !has_ended(&import) || self.access.check().await?;
        Ok(is_permitted.then_some(import))
    }
}

fn has_ended(import: &ImportResponse) -> bool {
    matches!(
        import.status,
        ImportStatus::Finished | ImportStatus::Stopped | ImportStatus::Failed
    )
}
