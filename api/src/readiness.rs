//! Readiness of this process and its dependencies.
//!
//! `unready` takes the process out of a load balancer: Redis or MongoDB does not
//! respond, Redis holds another log, or views are so old that reads are
//! misleading. Every other fault is `degraded`. All processes share the workers
//! and the views, so such a fault would take every process out of the balancer.

pub(crate) mod checks;

use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;

/// Readiness of this process, computed at most once a second.
pub(crate) struct Readiness {
    /// Age of the oldest unfolded event beyond which the process is unready.
    limit: Duration,
    last: Mutex<Option<(Instant, Report)>>,
}

/// Readiness of the process.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(crate) struct Report {
    status: Status,
    /// Reasons of all failed checks; empty if `ready`.
    #[schema(example = json!([]))]
    reasons: Vec<String>,
    /// Result of each check.
    checks: Vec<Check>,
}

/// Overall status: `ready`, `degraded` if an operator should act although requests
/// are served, or `unready` if requests should go to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReadinessStatus)]
pub(crate) enum Status {
    Ready,
    Degraded,
    Unready,
}

/// Result of one check.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Check {
    /// Name: `redis`, `log`, `mongodb`, `memory`, `views`, `workers` or `lag`.
    #[schema(example = "redis")]
    name: &'static str,
    /// True if the check passed.
    ok: bool,
    /// Reason of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "does not respond")]
    reason: Option<String>,
    /// Status of the process if no other check fails.
    #[serde(skip)]
    status: Status,
}

/// Failure of a check.
struct CheckFailure {
    status: Status,
    reason: String,
}

impl Readiness {
    /// Creates a check that fails if an event stays unfolded for longer than `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            last: Mutex::default(),
        }
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
