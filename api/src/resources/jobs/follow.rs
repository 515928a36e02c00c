//! Handler of `GET /api/jobs/{id}/events`: server-sent events until the job ends.

use std::convert::Infallible;

use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use domain::JobId;
use futures::Stream;
use tokio::time::Interval;

use super::answer::{JobResponse, ProgressResponse, find, find_for, operation};
use crate::http::after::Satisfied;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::http::sse::{self, EventSchema, event};
use crate::identity::Actor;
use crate::identity::access::StreamAccess;
use crate::identity::caller::Caller;
use crate::state::AppState;

/// Number of consecutive failed reads of the job after which the stream ends.
const MAX_FAILURES: usize = 10;

/// Schema of an event.
pub(super) type JobEvent = EventSchema<JobResponse>;

/// Streams a job's progress.
///
/// An event `progress` is sent after a change, at most once a second, and an
/// event `end` when the job has ended. The data of each is the job; that of `end`
/// has the result or the problem. If the server stops first, there is no `end`. The
/// stream also ends without one within seconds after the credential is revoked,
/// expires, or loses its role.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/events",
    tag = "Jobs",
    params(
        ("id" = inline(schema::JobId), Path, description = "The job's id"),
        Satisfied
    ),
    responses(
        (status = 200, description = "Events until the job ends or the server stops",
            body = JobEvent, content_type = "text/event-stream"),
        NotFound
    )
)]
pub(super) async fn follow_job(
    State(app): State<AppState>,
    Path(id): Path<JobId>,
    Caller(context): Caller,
    Extension(actor): Extension<Actor>,
    _satisfied: Query<Satisfied>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let job = find_for(&app, &id, &actor, &context, "/api/jobs/{id}/events").await?;
    let place = app.streams.place(&actor.name)?;
    let follower = JobFollower {
        access: StreamAccess::new(app.identity.clone(), actor, operation(job.kind), place),
        app,
        id,
        ticks: sse::ticks(),
        sent: None,
    };
    Ok(sse::events(follower, JobFollower::next))
}

/// Stream of a job's progress, with the progress that was last sent.
struct JobFollower {
    app: AppState,
    id: JobId,
    access: StreamAccess,
    ticks: Interval,
    sent: Option<ProgressResponse>,
}

impl JobFollower {
    /// Returns the next event, and the follower for later ones, which is `None`
    /// after the last event. Returns `None` when the server stops, the record
    /// was deleted or cannot be read, or the credential no longer permits it.
    async fn next(mut self) -> Option<(Event, Option<Self>)> {
        let closing = self.app.closing.clone();
        let mut failures = 0;
        loop {
            let job = match closing.run_until_cancelled(self.read()).await? {
                Ok(Some(job)) => job,
                // An outage of Redis leaves the access open. It does not end the stream,
                // which sends nothing until it is over.
                Ok(None) => continue,
                Err(problem) => match problem.kind() {
                    ProblemKind::NotFound
                    | ProblemKind::Unauthenticated
                    | ProblemKind::Forbidden
                    | ProblemKind::Internal => return None,
                    // The reason was logged where it occurred; the next read may succeed.
                    _ => {
                        failures += 1;
                        if failures >= MAX_FAILURES {
                            return None;
                        }
                        continue;
                    }
                },
            };
            if job.has_ended() {
                return Some((event("end", &job), None));
            }
            if self.sent != Some(job.progress) {
                self.sent = Some(job.progress);
                return Some((event("progress", &job), Some(self)));
            }
        }
    }
    /// Reads the job at the next tick. Returns `None` if the access cannot be confirmed
    /// at the moment.
    async fn read(&mut self) -> Result<Option<JobResponse>, Problem> {
        self.ticks.tick().await;
        if !self.access.is_confirmed().await? {
            return Ok(None);
        }
        let job = find(&self.app, &self.id).await?;
        let job = JobResponse::new(job)?;
        let is_permitted = !job.has_ended() || self.access.check().await?;
        Ok(is_permitted.then_some(job))
    }
}
