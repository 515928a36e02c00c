//! The workers of campaigns: who is meant, what is sent, when, and when it is
//! over.
//!
//! `schedule` launches what is due. `resolve` finds out whom a launch means and
//! queues a message for each, or the reason why a customer gets none, which
//! `case` decides. `delivery` looks after the campaigns of a shard;
//! a `lane` hands one campaign's messages to the vendor in batches, within what
//! `rate`, `breaker` and `backoff` let through and `clearance` permits;
//! `results` reads the answers, and `recorder` writes down what came of them.
//! `settle` completes what is done, and suppresses what a cancelled campaign has
//! left. `trimmed` reports campaigns that need events which the log no longer
//! has. Each may be broken off anywhere and begun again: what was
//! done is not done twice.

mod backoff;
mod breaker;
mod case;
mod clearance;
mod config;
mod delivery;
mod lane;
mod metrics;
mod outcome;
mod outlet;
mod pace;
mod rate;
mod recorder;
mod resolve;
mod results;
mod schedule;
mod settle;
mod trimmed;
mod unserved;
mod vendor;

use chrono::Utc;
use commands::{CommandError, Context};
use domain::{CampaignId, MessageId, Metadata, ReproduceError, Subject, Timestamp};
use eventlog::{Log, LogError};
use projections::{ProjectError, QueryError, WaitError};

pub use config::{Delivery, VendorAt, VendorUrlError};
pub(crate) use delivery::{SHARDS, run as deliver};
pub(crate) use metrics::describe;
pub(crate) use outlet::Outlet;
pub(crate) use resolve::run as resolve;
pub(crate) use schedule::run as schedule;
pub(crate) use settle::run as settle;

/// Why a campaign was not worked on; it is tried again.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A command got no answer.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A view does not answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A view is not as far as it must be.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// Whom a launch means cannot be read.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The campaign's template cannot be rendered.
    #[error("the template: {0}")]
    Template(#[from] ReproduceError),
    /// The log has no content of a message that its head says is queued.
    #[error("the log has no content of {0}")]
    NoContent(MessageId),
    /// A task panicked.
    #[error("a task panicked: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl WorkError {
    /// Whether events that the work needs were trimmed from the log.
    fn is_trimmed(&self) -> bool {
        let error = match self {
            Self::Log(error)
            | Self::Command(CommandError::Log(error))
            | Self::Query(QueryError::Log(error))
            | Self::Project(ProjectError::Log(error)) => error,
            _ => return false,
        };
        matches!(error, LogError::Trimmed { .. })
    }
}

fn now() -> Timestamp {
    Timestamp::from(Utc::now())
}

/// What a worker does, it does now, because of this request if one is known.
fn context(actor: &str, request: Option<String>) -> Context {
    Context {
        actor: actor.to_owned(),
        request,
        address: None,
        now: now(),
    }
}

/// The request that brought the campaign's last event of this type, such as
/// `campaign_launched`. Not known, too, where a campaign's events were trimmed:
/// its work does not depend on it.
async fn request_of(
    log: &Log,
    campaign: &CampaignId,
    event: &str,
) -> Result<Option<String>, LogError> {
    let subject = Subject::Campaign(campaign.clone());
    let key = log.layout().key(subject.to_string(), subject.route());
    let history = match log.history(&key).await {
        Err(LogError::Trimmed { .. }) => return Ok(None),
        history => history?,
    };
    let is_of = |tag: &str| tag.split('.').next() == Some(event);
    let brought = history.iter().rev().find(|entry| is_of(&entry.tag));
    let metadata = brought.and_then(|entry| serde_json::from_str::<Metadata>(&entry.meta).ok());
    Ok(metadata.and_then(|metadata| metadata.request))
}
