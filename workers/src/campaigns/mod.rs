//! Tasks that launch, send and end campaigns.
//!
//! - Launch: `schedule` launches campaigns that are due. `holds` releases segments
//!   that no campaign needs anymore.
//! - Audience: `resolve` determines the audience of a launch and queues a message for
//!   each recipient, or records why a customer gets none; `case` decides which.
//! - Delivery: `delivery` sends the messages of the partitions that this process owns.
//!   A `lane` sends one campaign's messages to the vendor in batches, within the
//!   limits of `rate`, `breaker` and `backoff`, and only with a `clearance` for each
//!   message. `unserved` sizes the batches, `results` parses the answers, `outcome`
//!   turns them into commands, and `recorder` appends these.
//! - End: `settle` completes campaigns whose messages have all ended, and suppresses
//!   the remaining messages of cancelled ones.
//! - Waiting: `trimmed` reports campaigns that need trimmed events; `memory` pauses
//!   queueing and sending while Redis is short of memory.
//!
//! Every task can be interrupted at any point and restarted, in this or another
//! process. Events are appended at most once, since each command checks the
//! aggregate's head; the vendor deduplicates messages by id.

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

use crate::shared::SharedResources;

/// Launches, resolves and ends campaigns until `stop` is cancelled.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    join4(
        resolve::run(shared, stop),
        schedule::run(shared, stop),
        settle::run(shared, stop),
        holds::run(shared, stop),
    )
    .await;
}

/// Reason why work on a campaign failed. The work is retried.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    /// Redis could not be reached, or the log cannot serve the request.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A command failed without an outcome.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A view could not be queried.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A view has not caught up with the required positions.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The audience of a launch cannot be read.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The campaign's template cannot be rendered.
    #[error("the template cannot be rendered: {0}")]
    Template(#[from] ReproduceError),
    /// The log has no content for a message whose head says that it is queued.
    #[error("the log has no content for message {0}")]
    NoContent(MessageId),
    /// Redis or MongoDB did not answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Late(std::time::Duration),
    /// A task panicked.
    #[error("a task panicked: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl WorkError {
    /// Returns whether events that the work needs were trimmed from the log.
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

/// Returns the context of a worker's commands; they trace back to `request` if known.
fn context(actor: &str, request: Option<String>) -> Context {
    Context {
        actor: actor.to_owned(),
        request,
        address: None,
        now: now(),
    }
}

/// Returns the request that led to the campaign's last event of this type, such as
/// `campaign_launched`. Also `None` if the campaign's events were trimmed, since
/// the request serves only for tracing.
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
