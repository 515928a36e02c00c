//! Current settings of the vendor, and its outages.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::settings::VendorSettings;

/// Current settings. They can be replaced while the vendor runs.
pub(crate) struct Controls {
    current: watch::Sender<CurrentSettings>,
}

#[derive(Clone, Copy)]
struct CurrentSettings {
    settings: VendorSettings,
    /// End of a timed outage.
    outage_ends: Option<Instant>,
}

impl Controls {
    pub(crate) fn new(settings: VendorSettings) -> Self {
        Self {
            current: watch::Sender::new(CurrentSettings::from_now(settings)),
        }
    }

    /// Replaces the settings. A timed outage starts now.
    pub(crate) fn replace(&self, settings: VendorSettings) {
        self.current
            .send_replace(CurrentSettings::from_now(settings));
    }

    /// Returns the current settings. `outage_ms` is the rest of a timed outage.
    pub(crate) fn settings(&self) -> VendorSettings {
        let current = *self.current.borrow();
        let left = current
            .outage_ends
            .map_or(Duration::ZERO, |end| end.duration_since(Instant::now()));
        VendorSettings {
            outage_ms: u64::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX),
            ..current.settings
        }
    }

    /// Waits until no outage is in effect.
    pub(crate) async fn wait_until_up(&self) {
        let mut changes = self.current.subscribe();
        loop {
            let current = *changes.borrow_and_update();
            let in_timed_outage = current.outage_ends.is_some_and(|end| Instant::now() < end);
            if !current.settings.outage && !in_timed_outage {
                return;
            }
            let outage_over = async {
                match current.outage_ends {
                    Some(end) if !current.settings.outage => tokio::time::sleep_until(end).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = outage_over => {}
                // Cannot fail: the sender is in `self`.
                _ = changes.changed() => {}
            }
        }
    }
}

impl CurrentSettings {
    fn from_now(settings: VendorSettings) -> Self {
        let duration = Duration::from_millis(settings.outage_ms);
        Self {
            settings,
            outage_ends: (settings.outage_ms > 0)
                .then(|| Instant::now().checked_add(duration))
                .flatten(),
        }
    }
}
