//! Releases segments that are held by campaigns which do not need them.
//!
//! A campaign that is created with a schedule holds its segment first. If its
//! creation is cut short, or its end before the release, the hold is left behind.

use std::time::{Duration, Instant};

use super::{WorkError, context};
use crate::unit::Shared;

/// On whose behalf.
const ACTOR: &str = "worker:schedule";

/// How often held segments are looked for.
const LOOK: Duration = Duration::from_secs(15);

/// Looks for holds that are left behind, now and then.
#[derive(Default)]
pub(super) struct IdleHolds {
    looked_at: Option<Instant>,
}

impl IdleHolds {
    /// Releases those that there are, unless it has looked a moment ago.
    pub(super) async fn release(&mut self, shared: &Shared) -> Result<(), WorkError> {
        if self.looked_at.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(());
        }
        for segment in shared.store.held_segments().await? {
            let context = context(ACTOR, None);
            let released = shared.commands.release_idle_holds(&context, &segment);
            // Others go on.
            if let Err(error) = released.await {
                tracing::warn!(%segment, %error, "its holds cannot be checked, trying again");
            }
        }
        self.looked_at = Some(Instant::now());
        Ok(())
    }
}
