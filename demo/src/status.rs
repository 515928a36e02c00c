//! State of a deployment with regard to the demo.

use commands::{CommandError, Commands};

use crate::campaigns::{CAMPAIGNS, SEGMENTS};
use crate::contents::Contents;
use crate::lease::LEASE;
use crate::shop::{ACTIVITIES, CUSTOMERS, ORDERS};

/// State of the demo in a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoState {
    /// No load was started.
    Absent,
    /// A process loads the demo.
    Loading,
    /// The load was interrupted. It can be continued.
    Failed,
    /// Everything is loaded.
    Loaded,
}

/// Progress of a load, in recorded aggregates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Number of aggregates that are recorded.
    pub done: u64,
    /// Number of aggregates of the whole demo.
    pub total: u64,
}

/// State of the demo, and what can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoStatus {
    /// State of the demo.
    pub state: DemoState,
    /// True if a load can be started or continued.
    pub can_load: bool,
    /// Reason why no load can be started, or why the last one ended early.
    pub reason: Option<String>,
    /// Progress of a load that is running or was interrupted.
    pub progress: Option<Progress>,
}

/// Returns the state of the demo in a deployment, from the log alone.
///
/// # Errors
/// [`CommandError`] if the log does not answer.
pub async fn status(commands: &Commands) -> Result<DemoStatus, CommandError> {
    let log = commands.log();
    let Some(demo) = commands.demo().await? else {
        let contents = Contents::of(log).await?;
        let reason = (!contents.is_empty()).then(|| format!("the deployment holds {contents}"));
        return Ok(DemoStatus {
            state: DemoState::Absent,
            can_load: reason.is_none(),
            reason,
            progress: None,
        });
    };
    if demo.is_completed() {
        return Ok(DemoStatus {
            state: DemoState::Loaded,
            can_load: false,
            reason: Some("the demo shop is loaded already".to_owned()),
            progress: None,
        });
    }
    let total = (CUSTOMERS + ORDERS + ACTIVITIES + SEGMENTS.len() + CAMPAIGNS.len()) as u64;
    // Others may add customers of their own during a load.
    let done = Contents::of(log).await?.total().min(total);
    let progress = Some(Progress { done, total });
    Ok(match log.is_leased(LEASE).await? {
        true => DemoStatus {
            state: DemoState::Loading,
            can_load: false,
            reason: None,
            progress,
        },
        false => DemoStatus {
            state: DemoState::Failed,
            can_load: true,
            reason: Some("the load was interrupted; start it again to continue".to_owned()),
            progress,
        },
    })
}
