//! The current settings, and whether the vendor is down at the moment.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::settings::Settings;

/// The settings in force; changed while the vendor runs.
pub(crate) struct Controls {
    current: watch::Sender<Current>,
}

#[derive(Clone, Copy)]
struct Current {
    settings: Settings,
    /// Until when a timed outage lasts.
    outage_ends: Option<Instant>,
}

impl Controls {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            current: watch::Sender::new(Current::from_now(settings)),
        }
    }

    /// Puts other settings in force; a timed outage starts now.
    pub(crate) fn replace(&self, settings: Settings) {
        self.current.send_replace(Current::from_now(settings));
    }

    /// The settings in force, with what is left of a timed outage.
    pub(crate) fn settings(&self) -> Settings {
        let current = *self.current.borrow();
        let left = current
            .outage_ends
            .map_or(Duration::ZERO, |end| end.duration_since(Instant::now()));
        Settings {
            outage_ms: u64::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX),
            ..current.settings
        }
    }

    /// Returns as soon as the vendor is not down; at once if it is not.
    pub(crate) async fn until_up(&self) {
        let mut changes = self.current.subscribe();
        loop {
            let current = *changes.borrow_and_update();
            if !current.is_down() {
                return;
            }
            let over = async {
                match current.outage_ends {
                    Some(end) if !current.settings.outage => tokio::time::sleep_until(end).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                // Cannot fail: the sender is in `self`.
                _ = changes.changed() => {}
            }
        }
    }
}

impl Current {
    fn from_now(settings: Settings) -> Self {
        let lasting = Duration::from_millis(settings.outage_ms);
        Self {
            settings,
            outage_ends: (settings.outage_ms > 0)
                .then(|| Instant::now().checked_add(lasting))
                .flatten(),
        }
    }

    fn is_down(&self) -> bool {
        self.settings.outage || self.outage_ends.is_some_and(|end| Instant::now() < end)
    }
}
