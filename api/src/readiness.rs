//! Whether this process should get requests, and what is wrong with what it
//! stands on.
//!
//! `unready` takes the process out of a load balancer: an engine is away, Redis
//! holds another log, or views are so old that their answers are misleading.
//! Everything else that somebody should look at is
//! `degraded`, since all processes share the workers and the views: taking every
//! process away would help nobody.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use chrono::Utc;
use domain::Timestamp;
use eventlog::{LogError, Role};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

use crate::state::{AppState, Shared};

/// How long an engine may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer is given to everybody who asks.
const FRESH: Duration = Duration::from_secs(1);

/// From which age of the oldest unfolded event on the views lag: reads do not
/// wait for their own writes any longer.
const LAG: Duration = Duration::from_secs(2);

/// Computes the readiness, once a second at most.
pub(crate) struct Readiness {
    /// From which age of the oldest unfolded event on the process is unready.
    limit: Duration,
    last: Mutex<Option<(Instant, Report)>>,
}

/// How well the process is, and what is not.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(crate) struct Report {
    status: Status,
    /// What is wrong, in words; empty if `ready`.
    #[schema(example = json!([]))]
    reasons: Vec<String>,
    /// One by one.
    checks: Vec<Check>,
}

/// `ready`; `degraded` if somebody should look although requests are served;
/// `unready` if requests should go elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReadinessStatus)]
pub(crate) enum Status {
    Ready,
    Degraded,
    Unready,
}

/// One thing that must be well.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Check {
    /// `redis`, `log`, `mongodb`, `memory`, `views`, `workers` or `lag`.
    #[schema(example = "redis")]
    name: &'static str,
    /// Whether it is.
    ok: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "does not answer")]
    reason: Option<String>,
    /// What the process is if this were all.
    #[serde(skip)]
    status: Status,
}

/// Why something is not well.
struct Fault {
    status: Status,
    reason: String,
}

impl Readiness {
    /// With events that may stay unfolded for as long as `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            last: Mutex::default(),
        }
    }

    /// The readiness, at most a second old.
    ///
    /// To be run in a task of its own: a computation that ended with the request
    /// that began it would be begun anew by every request that breaks off.
    pub(crate) async fn report(app: AppState) -> Report {
        // Whoever asks meanwhile waits here for the same answer.
        let mut last = app.readiness.last.lock().await;
        if let Some((at, report)) = &*last
            && at.elapsed() < FRESH
        {
            return report.clone();
        }
        let report = compute(&app).await;
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

impl Report {
    pub(crate) fn status(&self) -> Status {
        self.status
    }

    fn new(checks: Vec<Check>) -> Self {
        let statuses = checks.iter().map(|check| check.status);
        let reasons = checks.iter().filter_map(|check| {
            let reason = check.reason.as_ref()?;
            Some(format!("{}: {reason}", check.name))
        });
        Self {
            status: statuses.max().unwrap_or(Status::Ready),
            reasons: reasons.collect(),
            checks,
        }
    }
}

async fn compute(app: &Shared) -> Report {
    let (redis, log, mongodb, views, workers, lag) = tokio::join!(
        redis(app),
        log(app),
        mongodb(app),
        views(app),
        workers(app),
        lag(app)
    );
    let checks = [
        ("redis", redis),
        ("log", log),
        ("mongodb", mongodb),
        ("memory", memory(app)),
        ("views", views),
        ("workers", workers),
        ("lag", lag),
    ];
    Report::new(checks.map(|(name, verdict)| check(name, verdict)).into())
}

async fn redis(app: &Shared) -> Result<(), Fault> {
    answer(app.commands.log().memory()).await.map(|_| ())
}

/// Checks that Redis holds the log that this process knows.
async fn log(app: &Shared) -> Result<(), Fault> {
    match timeout(PATIENCE, app.commands.log().check()).await {
        Ok(Err(error)) if error.is_other_log() => {
            tracing::error!(%error, "Redis holds another log; nothing is appended");
            let reason = "Redis holds another log, or an older copy: nothing is appended; \
                          restore a newer copy, or see `patron log accept --help`";
            Err(unready(reason))
        }
        Ok(Err(LogError::Unconfirmed(_))) => {
            Err(unready("the log is not confirmed until MongoDB answers"))
        }
        // That Redis does not answer is a check of its own.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    }
}

async fn mongodb(app: &Shared) -> Result<(), Fault> {
    answer(app.store.ping()).await
}

fn memory(app: &Shared) -> Result<(), Fault> {
    match app.shed.is_shedding() {
        true => Err(degraded("Redis is short of memory: new data is refused")),
        false => Ok(()),
    }
}

async fn views(app: &Shared) -> Result<(), Fault> {
    let asked = async { tokio::try_join!(app.store.stopped(), app.store.outdated()) };
    let (stopped, outdated) = answer(asked).await?;
    let withheld = answer(app.store.count_withheld()).await?;
    // Why is in /api/admin/projections: who is not signed in learns only which.
    let names: BTreeSet<_> = stopped.into_iter().map(|(name, _)| name).collect();
    let names: Vec<_> = names.into_iter().collect();
    let mut reasons = Vec::new();
    if !names.is_empty() {
        reasons.push(format!("stand still: {}", names.join(", ")));
    }
    reasons.extend(outdated.into_iter().map(remedy));
    reasons.extend(withheld.iter().map(|(view, count)| {
        format!("{view} has {count} in quarantine: see `patron quarantine list`")
    }));
    match reasons.is_empty() {
        true => Ok(()),
        false => Err(degraded(reasons.join("; "))),
    }
}

fn remedy(outdated: &str) -> String {
    format!("{outdated} is of an older program: run `patron rebuild {outdated}`")
}

async fn workers(app: &Shared) -> Result<(), Fault> {
    let members = answer(app.commands.log().members(Role::Fold)).await?;
    match members.alive.is_empty() {
        true => Err(degraded("no worker is alive: views stand still")),
        false => Ok(()),
    }
}

async fn lag(app: &Shared) -> Result<(), Fault> {
    let unfolded = answer(app.store.unfolded(app.commands.log())).await?;
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
    } else if age > LAG {
        Err(degraded(reason))
    } else {
        Ok(())
    }
}

/// How long ago that was; nothing if it is still to come by this clock.
fn age(since: Timestamp) -> Duration {
    let millis = Timestamp::from(Utc::now()).millis() - since.millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn unready(reason: impl Into<String>) -> Fault {
    Fault {
        status: Status::Unready,
        reason: reason.into(),
    }
}

fn degraded(reason: impl Into<String>) -> Fault {
    Fault {
        status: Status::Degraded,
        reason: reason.into(),
    }
}

fn check(name: &'static str, verdict: Result<(), Fault>) -> Check {
    let (status, reason) = match verdict {
        Ok(()) => (Status::Ready, None),
        Err(Fault { status, reason }) => (status, Some(reason)),
    };
    Check {
        name,
        ok: status == Status::Ready,
        reason,
        status,
    }
}

/// The answer of an engine, or what to say to whoever is not signed in: the
/// engine's own words are for the log.
async fn answer<T, E: std::error::Error>(
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, Fault> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::warn!(%error, "an engine is not well");
            Err(unready("does not answer"))
        }
        Err(_) => {
            let reason = format!("did not answer within {} s", PATIENCE.as_secs());
            Err(unready(reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_decides_and_every_reason_is_given() {
        let report = |verdicts: Vec<Result<(), Fault>>| {
            let checks = verdicts.into_iter().map(|verdict| check("views", verdict));
            let report = Report::new(checks.collect());
            (report.status, report.reasons)
        };
        assert_eq!(report(vec![Ok(()), Ok(())]), (Status::Ready, vec![]));
        let (status, reasons) = report(vec![Ok(()), Err(degraded("one"))]);
        assert_eq!(status, Status::Degraded);
        assert_eq!(reasons, ["views: one"]);
        let (status, reasons) = report(vec![Err(unready("one")), Err(degraded("two"))]);
        assert_eq!(status, Status::Unready);
        assert_eq!(reasons, ["views: one", "views: two"]);
    }

    #[test]
    fn what_is_recorded_by_a_clock_ahead_has_no_age() {
        let in_an_hour = Timestamp::from(Utc::now() + chrono::TimeDelta::hours(1));
        assert_eq!(age(in_an_hour), Duration::ZERO);
    }
}
