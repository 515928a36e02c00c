//! The workers that launch, send and end campaigns.
//!
//! `schedule` launches what is due, and `holds` releases segments that nothing
//! needs. `resolve` determines the audience of a
//! launch and queues a message for each customer, or records why a customer
//! gets none, which `case` decides. `delivery` sends the messages of the
//! partitions that this process owns: a `lane` sends one campaign's to the vendor
//! in batches, as far as `rate`, `breaker` and `backoff` allow and `clearance` permits; `unserved`
//! sizes the batches, `results` reads the answers, `outcome` turns them into
//! commands, and `recorder` appends these. `settle` completes campaigns that are
//! done and suppresses the remaining messages of cancelled ones. `trimmed`
//! reports campaigns that need events which the log no longer has; `memory` holds
//! queueing and sending while Redis is short of memory. Each of them
//! can be interrupted anywhere and started again: nothing is done twice.

mod backoff;
mod breaker;
mod case;
mod clearance;
mod config;
mod delivery;
mod holds;
mod lane;
mod memory;
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
use futures::future::join4;
use projections::{ProjectError, QueryError, WaitError};
use tokio_util::sync::CancellationToken;

pub use config::{Delivery, VendorAt, VendorUrlError};
pub(crate) use delivery::Sending;
pub(crate) use metrics::describe;
pub(crate) use outlet::Outlet;

use crate::shared::Shared;

/// Launches, resolves and ends campaigns until told to stop.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    join4(
        resolve::run(shared, stop),
        schedule::run(shared, stop),
        settle::run(shared, stop),
        holds::run(shared, stop),
    )
    .await;
}

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
    /// The audience of a launch cannot be read.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The campaign's template cannot be rendered.
    #[error("the template: {0}")]
    Template(#[from] ReproduceError),
    /// The log has no content of a message that its head says is queued.
    #[error("the log has no content of {0}")]
    NoContent(MessageId),
    /// An engine does not answer.
    #[error("no answer within {} s", .0.as_secs())]
    Late(std::time::Duration),
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

/// The context of a worker's commands, which trace back to `request` if known.
fn context(actor: &str, request: Option<String>) -> Context {
    Context {
        actor: actor.to_owned(),
        request,
        address: None,
        now: now(),
    }
}

/// The request that led to the campaign's last event of this type, such as
/// `campaign_launched`. Also `None` if the campaign's events were trimmed, since
/// the work does not depend on it.
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
