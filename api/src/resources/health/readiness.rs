//! Readiness of this process and its dependencies.
//!
//! `unready` takes the process out of a load balancer: Redis or MongoDB does not
//! respond, Redis holds another log, or views are so old that reads are
//! misleading. Every other fault is `degraded`. All processes share the workers
//! and the views, so such a fault would take every process out of the balancer.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;

/// Readiness of this process, computed at most once a second.
pub(crate) struct CachedReadiness {
    /// Age of the oldest unfolded event beyond which the process is unready.
    pub(super) limit: Duration,
    pub(super) last: Mutex<Option<(Instant, ReadinessReport)>>,
}

/// Readiness of the process.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(crate) struct ReadinessReport {
    pub(super) status: ReadinessStatus,
    /// Reasons of all failed checks; empty if `ready`.
    #[schema(example = json!([]))]
    pub(super) reasons: Vec<String>,
    /// Result of each check.
    checks: Vec<ReadinessCheck>,
}

/// Overall status: `ready`, `degraded` if an operator should act although requests
/// are served, or `unready` if requests should go to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ReadinessStatus {
    Ready,
    Degraded,
    Unready,
}

/// Result of one check.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Check)]
pub(super) struct ReadinessCheck {
    /// Name: `redis`, `log`, `mongodb`, `memory`, `views`, `workers` or `lag`.
    #[schema(example = "redis")]
    pub(super) name: &'static str,
    /// True if the check passed.
    pub(super) ok: bool,
    /// Reason of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "does not respond")]
    pub(super) reason: Option<String>,
    /// Status of the process if no other check fails.
    #[serde(skip)]
    pub(super) status: ReadinessStatus,
}

impl CachedReadiness {
    /// Creates a check that fails if an event stays unfolded for longer than `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            last: Mutex::default(),
        }
    }
}

impl ReadinessReport {
    pub(super) fn new(checks: Vec<ReadinessCheck>) -> Self {
        let statuses = checks.iter().map(|check| check.status);
        let reasons = checks.iter().filter_map(|check| {
            let reason = check.reason.as_ref()?;
            Some(format!("{}: {reason}", check.name))
        });
        Self {
            status: statuses.max().unwrap_or(ReadinessStatus::Ready),
            reasons: reasons.collect(),
            checks,
        }
    }

    /// Returns the report of a computation that failed.
    pub(super) fn failed() -> Self {
        Self {
            status: ReadinessStatus::Unready,
            reasons: vec!["the readiness could not be computed".to_owned()],
            checks: Vec::new(),
        }
    }
}
