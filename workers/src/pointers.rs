//! Which generations of views the owners of partitions are to keep.

use std::sync::Arc;
use std::time::Duration;

use projections::{Collections, Generation, Pointer, Store, Topics, view_named};
use tokio::sync::watch;
use tokio::time::timeout;

/// How soon a change is seen that no notice told of.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long MongoDB may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The generations that are wanted, as they change.
pub(crate) struct Pointers(watch::Receiver<Wanted>);

/// What owners are to keep; `None` while that is not known.
pub(crate) type Wanted = Option<Arc<Kept>>;

/// What owners are to keep.
#[derive(PartialEq)]
pub(crate) struct Kept {
    pub(crate) generations: Vec<Generation>,
    /// The collections that there are.
    pub(crate) collections: Collections,
}

impl Pointers {
    /// Asks again and again, as long as anybody listens.
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

    /// A receiver for one partition.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Wanted> {
        self.0.clone()
    }
}

async fn refresh(store: &Store, sender: &watch::Sender<Wanted>) {
    let found = async {
        let collections = store.collections().await?;
        Ok::<_, mongodb::error::Error>((store.generations().all().await?, collections))
    };
    let (pointers, collections) = match timeout(PATIENCE, found).await {
        Ok(Ok(found)) => found,
        Err(_) => return tracing::warn!("MongoDB does not say which generations serve"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "cannot tell which generations serve");
            return;
        }
    };
    let mut generations: Vec<Generation> = pointers.iter().flat_map(of_view).collect();
    generations.sort_by_key(|generation| (generation.view.name(), generation.number));
    let kept = Kept {
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

/// Those of a view; none if another program knows it.
fn of_view(pointer: &Pointer) -> impl Iterator<Item = Generation> {
    let view = view_named(pointer.view());
    pointer.wanted().filter_map(move |number| {
        Some(Generation {
            view: view?,
            number,
        })
    })
}
