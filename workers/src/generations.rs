//! Which generation of each view to keep, as it changes.

use std::collections::HashMap;
use std::time::Duration;

use projections::{Store, VIEWS};
use tokio::sync::watch;

/// How soon a switch is seen.
const INTERVAL: Duration = Duration::from_millis(500);

/// The serving generation of each view.
pub(crate) struct ActiveGenerations(watch::Receiver<HashMap<&'static str, i32>>);

impl ActiveGenerations {
    /// Asks again and again, as long as anybody listens.
    pub(crate) fn follow(store: Store) -> Self {
        let (sender, receiver) = watch::channel(HashMap::new());
        tokio::spawn(async move {
            while !sender.is_closed() {
                refresh(&store, &sender).await;
                tokio::time::sleep(INTERVAL).await;
            }
        });
        Self(receiver)
    }

    /// A receiver of its own for one unit.
    pub(crate) fn subscribe(&self) -> watch::Receiver<HashMap<&'static str, i32>> {
        self.0.clone()
    }
}

async fn refresh(store: &Store, sender: &watch::Sender<HashMap<&'static str, i32>>) {
    let mut active = HashMap::new();
    for view in VIEWS {
        match store.generations().active(view.name()).await {
            Ok(generation) => active.insert(view.name(), generation),
            Err(error) => {
                tracing::warn!(%error, "cannot tell which generations serve");
                return;
            }
        };
    }
    sender.send_if_modified(|known| {
        let changed = *known != active;
        *known = active;
        changed
    });
}
