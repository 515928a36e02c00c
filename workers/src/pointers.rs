//! Generations of views that the owners of partitions must keep up to date.

use std::sync::Arc;
use std::time::Duration;

use projections::{Collections, Generation, Pointer, QueryError, Store, Topics, view_named};
use tokio::sync::watch;
use tokio::time::timeout;

/// Interval between reads of the pointers, if no notice arrives.
const INTERVAL: Duration = Duration::from_secs(1);

/// Time limit for reading the pointers from MongoDB.
const PATIENCE: Duration = Duration::from_secs(10);

/// Receiver of the wanted generations, for all partitions of this process.
pub(crate) struct Pointers(watch::Receiver<Wanted>);

/// Generations that owners must keep; `None` until they were read once.
pub(crate) type Wanted = Option<Arc<WantedViews>>;

/// Generations that owners must keep up to date.
#[derive(PartialEq)]
pub(crate) struct WantedViews {
    pub(crate) generations: Vec<Generation>,
    /// Collections that exist in the database.
    pub(crate) collections: Collections,
}

impl Pointers {
    /// Starts a task that reads the pointers periodically for as long as a receiver
    /// exists.
    pub(crate) fn follow(store: Store) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let mut watcher = store.folded().watch(Topics::VIEWS);
            while !sender.is_closed() {
                refresh(&store, &sender).await;
                watcher.changed(INTERVAL).await;
            }
        });
        Self(receiver)
    }

    /// Returns a receiver for one partition.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Wanted> {
        self.0.clone()
    }
}

async fn refresh(store: &Store, sender: &watch::Sender<Wanted>) {
    let found = async {
        let collections = store.collections().await?;
        Ok::<_, QueryError>((store.generations().all().await?, collections))
    };
    let (pointers, collections) = match timeout(PATIENCE, found).await {
        Ok(Ok(found)) => found,
        Err(_) => return tracing::warn!("reading the views' generations timed out"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "cannot read the views' generations");
            return;
        }
    };
    let mut generations: Vec<Generation> = pointers.iter().flat_map(of_view).collect();
    generations.sort_by_key(|generation| (generation.view.name(), generation.number));
    let kept = WantedViews {
        generations,
        collections,
    };
    sender.send_if_modified(|known| {
        let changed = known.as_deref() != Some(&kept);
        if changed {
            *known = Some(Arc::new(kept));
        }
        changed
    });
}

/// Returns the wanted generations of a view; none if this program does not know the
/// view, since a newer one created it.
fn of_view(pointer: &Pointer) -> impl Iterator<Item = Generation> {
    let view = view_named(pointer.view());
    pointer.wanted().filter_map(move |number| {
        Some(Generation {
            view: view?,
            number,
        })
    })
}
