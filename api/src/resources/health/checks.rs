//! Checks of the readiness report.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use chrono::Utc;
use domain::Timestamp;
use eventlog::{LogError, Role};
use tokio::task::JoinError;
use tokio::time::{Instant, timeout};

use super::readiness::{ReadinessCheck, ReadinessReport, ReadinessStatus};
use crate::state::{AppContext, AppState};

/// Age of the oldest unfolded event beyond which the process is degraded. Reads wait no
/// longer than this for their own writes.
const DEGRADED_LAG: Duration = Duration::from_secs(2);

/// Time for which a report is cached.
const CACHED_FOR: Duration = Duration::from_secs(1);

/// Maximum time that Redis or MongoDB may take to respond.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Failure of a check.
struct CheckFailure {
    status: ReadinessStatus,
    reason: String,
}

/// Returns the readiness, at most a second old.
pub(super) async fn report(app: AppState) -> ReadinessReport {
    // In a task of its own, a client that disconnects does not cancel the computation,
    // which the next request would have to start again.
    report_of_task(tokio::spawn(cached(app)).await)
}

/// Returns the report of a task. A process whose checks panic is not ready.
fn report_of_task(ended: Result<ReadinessReport, JoinError>) -> ReadinessReport {
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "the readiness check failed");
        ReadinessReport::failed()
    })
}

async fn cached(app: AppState) -> ReadinessReport {
    // The lock is held across the computation: concurrent requests wait here and
    // get the same report.
    let mut last = app.readiness.last.lock().await;
    if let Some((at, report)) = &*last
        && at.elapsed() < CACHED_FOR
    {
        return report.clone();
    }
    let (redis, log, mongodb, views, workers, lag) = tokio::join!(
        redis(&app),
        log(&app),
        mongodb(&app),
        views(&app),
        workers(&app),
        lag(&app)
    );
    let checks = [
        ("redis", redis),
        ("log", log),
        ("mongodb", mongodb),
        ("memory", memory(&app)),
        ("views", views),
        ("workers", workers),
        ("lag", lag),
    ];
    let report = ReadinessReport::new(checks.map(|(name, verdict)| check(name, verdict)).into());
    *last = Some((Instant::now(), report.clone()));
    report
}

async fn redis(app: &AppContext) -> Result<(), CheckFailure> {
    respond(app.commands.log().memory()).await.map(|_| ())
}

/// Checks that Redis holds the log that this process uses.
async fn log(app: &AppContext) -> Result<(), CheckFailure> {
    match timeout(QUERY_TIMEOUT, app.commands.log().check()).await {
        Ok(Err(error)) if error.is_other_log() => {
            tracing::error!(%error, "Redis holds another log; nothing is appended");
            let reason = "Redis holds another log, or an older copy: nothing is appended; \
                          restore a newer copy, or see `patron log accept --help`";
            Err(unready(reason))
        }
        Ok(Err(LogError::Unconfirmed(_))) => {
            Err(unready("the log is not confirmed until MongoDB answers"))
        }
        // The check `redis` reports a Redis that does not respond.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    }
}

async fn mongodb(app: &AppContext) -> Result<(), CheckFailure> {
    respond(app.store.ping()).await
}

fn memory(app: &AppContext) -> Result<(), CheckFailure> {
    match app.shed.is_shedding() {
        true => Err(degraded("Redis is short of memory: new data is refused")),
        false => Ok(()),
    }
}

async fn views(app: &AppContext) -> Result<(), CheckFailure> {
    let store = &app.store;
    let queries = async { tokio::try_join!(store.stopped(), store.unbuilt(), store.outdated()) };
    let (stopped, unbuilt, outdated) = respond(queries).await?;
    let withheld = respond(app.store.count_withheld()).await?;
    // `/readyz` is public: it names the views only. The reasons are in
    // `/api/admin/projections`.
    let names: BTreeSet<_> = stopped.into_iter().map(|(name, _)| name).collect();
    let names: Vec<_> = names.into_iter().collect();
    let mut reasons = Vec::new();
    if !names.is_empty() {
        reasons.push(format!("stalled: {}", names.join(", ")));
    }
    if !unbuilt.is_empty() {
        let names = unbuilt.join(", ");
        reasons.push(format!("being built for the first time: {names}"));
    }
    reasons.extend(
        outdated.into_iter().map(|view| {
            format!("{view} was folded by an older program: run `patron rebuild {view}`")
        }),
    );
    reasons.extend(withheld.iter().map(|(view, count)| {
        format!("{view} has {count} in quarantine: see `patron quarantine list`")
    }));
    match reasons.is_empty() {
        true => Ok(()),
        false => Err(degraded(reasons.join("; "))),
    }
}

async fn workers(app: &AppContext) -> Result<(), CheckFailure> {
    let members = respond(app.commands.log().members(Role::Fold)).await?;
    match members.alive.is_empty() {
        true => Err(degraded("no worker is alive: views are stalled")),
        false => Ok(()),
    }
}

async fn lag(app: &AppContext) -> Result<(), CheckFailure> {
    let unfolded = respond(app.store.unfolded(app.commands.log())).await?;
    let Some(unfolded) = unfolded else {
        return Ok(());
    };
    let age = age(unfolded.since);
    let reason = format!(
        "an event recorded {} s ago is not folded yet: {}",
        age.as_secs(),
        unfolded.views.join(", ")
    );
    if age > app.readiness.limit {
        Err(unready(reason))
    } else if age > DEGRADED_LAG {
        Err(degraded(reason))
    } else {
        Ok(())
    }
}

/// Returns the time since `since`; zero if that is in the future by this clock.
fn age(since: Timestamp) -> Duration {
    let millis = Timestamp::from(Utc::now()).millis() - since.millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn unready(reason: impl Into<String>) -> CheckFailure {
    CheckFailure {
        status: ReadinessStatus::Unready,
        reason: reason.into(),
    }
}

fn degraded(reason: impl Into<String>) -> CheckFailure {
    CheckFailure {
        status: ReadinessStatus::Degraded,
        reason: reason.into(),
    }
}

fn check(name: &'static str, verdict: Result<(), CheckFailure>) -> ReadinessCheck {
    let (status, reason) = match verdict {
        Ok(()) => (ReadinessStatus::Ready, None),
        Err(CheckFailure { status, reason }) => (status, Some(reason)),
    };
    ReadinessCheck {
        name,
        ok: status == ReadinessStatus::Ready,
        reason,
        status,
    }
}

/// Awaits a query of Redis or MongoDB for at most [`QUERY_TIMEOUT`]. The error goes to the
/// log only, since `/readyz` is public.
async fn respond<T, E: std::error::Error>(
    query: impl Future<Output = Result<T, E>>,
) -> Result<T, CheckFailure> {
    match timeout(QUERY_TIMEOUT, query).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => {
            tracing::warn!(%error, "readiness check failed");
            Err(unready("does not respond"))
        }
        Err(_) => {
            let reason = format!("did not respond within {} s", QUERY_TIMEOUT.as_secs());
            Err(unready(reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_determines_the_status_and_all_reasons_are_listed() {
        let report = |verdicts: Vec<Result<(), CheckFailure>>| {
            let checks = verdicts.into_iter().map(|verdict| check("views", verdict));
            let report = ReadinessReport::new(checks.collect());
            (report.status, report.reasons)
        };
        assert_eq!(
            report(vec![Ok(()), Ok(())]),
            (ReadinessStatus::Ready, vec![])
        );
        let (status, reasons) = report(vec![Ok(()), Err(degraded("one"))]);
        assert_eq!(status, ReadinessStatus::Degraded);
        assert_eq!(reasons, ["views: one"]);
        let (status, reasons) = report(vec![Err(unready("one")), Err(degraded("two"))]);
        assert_eq!(status, ReadinessStatus::Unready);
        assert_eq!(reasons, ["views: one", "views: two"]);
    }

    #[tokio::test]
    async fn a_process_whose_checks_panic_is_unready() {
        let panicked = tokio::spawn(async { panic!("a check failed") }).await;
        let report = report_of_task(panicked);
        assert_eq!(report.status, ReadinessStatus::Unready);
        assert_eq!(report.reasons, ["the readiness could not be computed"]);
    }

    #[test]
    fn an_event_from_a_clock_ahead_has_age_zero() {
        let in_an_hour = Timestamp::from(Utc::now() + chrono::TimeDelta::hours(1));
        assert_eq!(age(in_an_hour), Duration::ZERO);
    }
}
