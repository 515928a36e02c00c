//! Generations of views: the one that serves, the previous one, and the one
//! that is being built.
//!
//! **Protocol.** A rebuild begins a generation (`building`), folds it, and
//! offers it to the owners of partitions (`joining`). Once all partitions vouch
//! for it, one guarded update makes it `active`. Each step is guarded by the
//! pointer's current state, so that of two concurrent rebuilds only the later
//! one switches.

use std::collections::BTreeMap;

use bson::doc;
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use crate::runtime::checkpoint::Checkpoints;
use crate::runtime::store::{Store, collection_name};
use crate::runtime::view::AnyView;
use crate::runtime::writes::{NAMESPACE_EXISTS, failed_only_with};

/// Drops the collections of generations that are no longer needed, such as the
/// ones that an interrupted rebuild left.
///
/// # Errors
/// If MongoDB does not answer.
pub async fn sweep(store: &Store) -> Result<(), Error> {
    store.generations().sweep().await
}

/// A generation of a view.
#[derive(Clone, Copy)]
pub struct Generation {
    /// View of the generation.
    pub view: &'static dyn AnyView,
    /// Number of the generation.
    pub number: i32,
}

impl Generation {
    /// Returns the name of the generation's collection.
    pub(crate) fn collection(self) -> String {
        collection_name(self.view.name(), self.number)
    }

    /// Returns the generation that has this collection; `None` if this program
    /// does not know the view.
    pub(crate) fn of_collection(store: &Store, name: &str) -> Option<Self> {
        let (view, number) = name.rsplit_once("_g")?;
        Some(Self {
            view: store.view(view)?,
            number: number.parse().ok()?,
        })
    }
}

/// Collections beside those of generations.
const OTHER_COLLECTIONS: [&str; 12] = [
    "audience_history",
    "audiences",
    "checkpoints",
    "generations",
    "jobs",
    "log",
    "partitions",
    "quarantine",
    "quarantine_decisions",
    "reactors",
    "waiting",
    "workers",
];

impl Store {
    /// Returns the names of the database's collections that are not Patron's, sorted.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn foreign_collections(&self) -> Result<Vec<String>, mongodb::error::Error> {
        let mut names = self.database().list_collection_names().await?;
        names.retain(|name| {
            let generation = name.strip_suffix(".parts").unwrap_or(name);
            !OTHER_COLLECTIONS.contains(&name.as_str())
                && Generation::of_collection(self, generation).is_none()
        });
        names.sort_unstable();
        Ok(names)
    }
}

impl PartialEq for Generation {
    fn eq(&self, other: &Self) -> bool {
        self.view.name() == other.view.name() && self.number == other.number
    }
}

/// Pointers of one view, as stored in the collection `generations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    #[serde(rename = "_id")]
    view: String,
    /// Serving generation; 0 while the first generation of a view that came
    /// with a newer program is being built.
    pub active: i32,
    /// Previous generation, kept for one rollback.
    pub previous: Option<i32>,
    /// Generation that a rebuild is folding.
    pub building: Option<i32>,
    /// Generation that serves once all partitions vouch for it.
    #[serde(default)]
    pub joining: Option<i32>,
    /// Highest number ever assigned.
    pub highest: i32,
    /// Fold version that made each generation, by its number.
    #[serde(default)]
    folds: BTreeMap<String, i32>,
}

impl Pointer {
    /// Returns the view's name.
    pub fn view(&self) -> &str {
        &self.view
    }

    /// Returns the generations that the owners of partitions should fold.
    pub fn wanted(&self) -> impl Iterator<Item = i32> {
        let active = (self.active != UNBUILT).then_some(self.active);
        active.into_iter().chain(self.joining)
    }

    /// Returns the version of the fold that made the serving generation.
    pub fn fold(&self) -> i32 {
        self.fold_of(self.active)
    }

    /// Returns whether an older version of the view's fold made the serving
    /// generation.
    pub fn is_outdated(&self, view: &dyn AnyView) -> bool {
        self.fold() < view.fold_version()
    }

    fn fold_of(&self, generation: i32) -> i32 {
        let known = self.folds.get(&generation.to_string());
        known.copied().unwrap_or(UNVERSIONED)
    }
}

/// Value of [`Pointer::active`] while no generation serves.
pub(crate) const UNBUILT: i32 = 0;

/// Fold version of generations without a recorded one.
const UNVERSIONED: i32 = 1;

/// Access to the pointers of all views.
#[derive(Clone)]
pub struct Generations {
    store: Store,
    collection: Collection<Pointer>,
}

impl Generations {
    pub(crate) fn new(store: Store) -> Self {
        let collection = store.database().collection("generations");
        Self { store, collection }
    }

    /// Returns a view's pointers; `None` before the workers' first start.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn find(&self, view: &str) -> Result<Option<Pointer>, mongodb::error::Error> {
        self.collection.find_one(doc! {"_id": view}).await
    }

    /// Returns the serving generation; 1 before the workers' first start, and
    /// [`UNBUILT`] if the view is new to the deployment and is not built yet.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn active(&self, view: &str) -> Result<i32, mongodb::error::Error> {
        Ok(self.current(view).await?.0)
    }

    /// Returns the serving generation, as [`Self::active`] does, and the pointers
    /// that name it. Both are of one read: two reads could fall before and after
    /// a switch.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub(crate) async fn current(
        &self,
        view: &str,
    ) -> Result<(i32, Option<Pointer>), mongodb::error::Error> {
        if let Some(pointer) = self.find(view).await? {
            return Ok((pointer.active, Some(pointer)));
        }
        if !self.store.has_folded().await? {
            return Ok((1, None));
        }
        // The first workers may have started between the two reads. They create
        // every pointer before they fold. Without one now, only workers of an
        // older program have been started.
        let pointer = self.find(view).await?;
        let active = pointer.as_ref().map_or(UNBUILT, |pointer| pointer.active);
        Ok((active, pointer))
    }

    /// Returns the pointers of all views that have some.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn all(&self) -> Result<Vec<Pointer>, mongodb::error::Error> {
        self.collection.find(doc! {}).await?.try_collect().await
    }

    /// Creates the first generation of every view that has none, with its
    /// indexes. The first generation of a view that came with a newer program
    /// serves only once it is folded. A collection that was dropped is not
    /// created again: the view must be rebuilt.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn prepare(&self) -> Result<(), mongodb::error::Error> {
        self.store.prepare_quarantine().await?;
        let known = self.all().await?;
        // Until an event is folded, this may be a first start that was
        // interrupted.
        let is_first = known.is_empty() || !self.store.has_folded().await?;
        for view in self.store.views().iter().copied() {
            if known.iter().all(|pointer| pointer.view != view.name()) {
                // The collection before the pointer, so that a pointer without a
                // collection means that the collection was dropped.
                self.create_collection(view, 1).await?;
                let building = (!is_first).then_some(1);
                let first = doc! {"$setOnInsert": {
                    "active": if is_first { 1 } else { UNBUILT },
                    "previous": null, "building": building, "joining": building, "highest": 1,
                    "folds": {"1": view.fold_version()},
                }};
                self.collection
                    .update_one(doc! {"_id": view.name()}, first)
                    .upsert(true)
                    .await?;
            }
            // Repeated at every start, since a process may have died before
            // these steps.
            let active = self.active(view.name()).await?.max(1);
            let collection = collection_name(view.name(), active);
            if self.store.has_collection(&collection).await? {
                // Generations of an older program lack the parts collection.
                self.create_parts(view, active).await?;
                self.create_indexes(view, active).await?;
            }
        }
        Ok(())
    }

    async fn create_collection(
        &self,
        view: &dyn AnyView,
        generation: i32,
    ) -> Result<(), mongodb::error::Error> {
        self.create_parts(view, generation).await?;
        self.create(&collection_name(view.name(), generation)).await
    }

    async fn create_parts(
        &self,
        view: &dyn AnyView,
        generation: i32,
    ) -> Result<(), mongodb::error::Error> {
        if !view.has_parts() {
            return Ok(());
        }
        let parts = self.store.parts_collection(view.name(), generation);
        self.create(parts.name()).await
    }

    async fn create(&self, collection: &str) -> Result<(), mongodb::error::Error> {
        match self.store.database().create_collection(collection).await {
            Err(error) if failed_only_with(&error, NAMESPACE_EXISTS) => Ok(()),
            other => other,
        }
    }

    pub(crate) async fn create_indexes(
        &self,
        view: &dyn AnyView,
        generation: i32,
    ) -> Result<(), mongodb::error::Error> {
        let indexes = view.indexes();
        if !indexes.is_empty() {
            let collection = self.store.collection(view.name(), generation);
            collection.create_indexes(indexes).await?;
        }
        Ok(())
    }

    /// Begins a new generation, empty and without indexes. An unfinished one is
    /// dropped.
    pub(crate) async fn begin(
        &self,
        view: &'static dyn AnyView,
    ) -> Result<i32, mongodb::error::Error> {
        let name = view.name();
        let abandoned = self.find(name).await?.and_then(|p| p.building);
        let fold = doc! {"k": {"$toString": "$highest"}, "v": view.fold_version()};
        // Two stages, since the second one reads the number that the first one
        // sets.
        let next = vec![
            doc! {"$set": {"highest": {"$add": ["$highest", 1]}}},
            doc! {"$set": {
                "building": "$highest",
                "joining": null,
                "folds": {"$mergeObjects": ["$folds", {"$arrayToObject": [[fold]]}]},
            }},
        ];
        let pointer = self
            .collection
            .find_one_and_update(doc! {"_id": name}, next)
            .return_document(ReturnDocument::After)
            .await?;
        let generation = pointer
            .and_then(|pointer| pointer.building)
            .ok_or_else(|| Error::custom(format!("{name} has no pointer in `generations`")))?;
        // Not earlier: as long as the pointer names the abandoned generation,
        // another process can switch to it.
        if let Some(abandoned) = abandoned {
            self.drop(name, abandoned).await?;
        }
        self.drop(name, generation).await?;
        self.create_collection(view, generation).await?;
        Ok(generation)
    }

    /// Offers a generation to the owners of partitions, which then fold it and
    /// vouch for it. Returns false if it is neither being built nor the
    /// previous one.
    pub(crate) async fn offer(
        &self,
        view: &'static str,
        generation: i32,
    ) -> Result<bool, mongodb::error::Error> {
        let filter = doc! {
            "_id": view,
            "$or": [{"building": generation}, {"previous": generation}],
        };
        let update = doc! {"$set": {"joining": generation}};
        let updated = self.collection.update_one(filter, update).await?;
        Ok(updated.matched_count == 1)
    }

    /// Withdraws an offer.
    pub(crate) async fn withdraw(
        &self,
        view: &'static str,
        generation: i32,
    ) -> Result<(), mongodb::error::Error> {
        let filter = doc! {"_id": view, "joining": generation};
        let update = doc! {"$set": {"joining": null}};
        self.collection.update_one(filter, update).await.map(|_| ())
    }

    /// Switches to a generation, the one being built or the previous one. The
    /// generation that served is kept as the previous one, and the one before
    /// that is dropped. Returns false if the generation is no longer offered,
    /// for example because another rebuild has begun.
    pub(crate) async fn switch(
        &self,
        view: &'static str,
        generation: i32,
    ) -> Result<bool, mongodb::error::Error> {
        let Some(before) = self.find(view).await? else {
            return Ok(false);
        };
        if !self.move_pointer(&before, generation).await? {
            return Ok(false);
        }
        let unused = [before.previous, before.building];
        for old in unused
            .into_iter()
            .flatten()
            .filter(|old| *old != generation)
        {
            self.drop(view, old).await?;
        }
        Ok(true)
    }

    async fn move_pointer(
        &self,
        before: &Pointer,
        active: i32,
    ) -> Result<bool, mongodb::error::Error> {
        // Guarded by all pointers that the decision depends on: a concurrent
        // switch or rebuild changes one of them, and then nothing matches.
        let active_before = before.active;
        let previous = (active_before != UNBUILT).then_some(active_before);
        let filter = doc! {
            "_id": &before.view,
            "active": active_before,
            "joining": active,
            "$or": [{"building": active}, {"previous": active}],
        };
        let update = doc! {"$set": {
            "active": active, "previous": previous, "building": null, "joining": null,
            "folds": {
                active.to_string(): before.fold_of(active),
                active_before.to_string(): before.fold_of(active_before),
            },
        }};
        let updated = self.collection.update_one(filter, update).await?;
        Ok(updated.matched_count == 1)
    }

    /// Drops the collections of generations that no pointer names.
    async fn sweep(&self) -> Result<(), mongodb::error::Error> {
        // Listed before the pointers are read, so that a generation that begins
        // meanwhile is not in the list.
        let names = self.store.database().list_collection_names().await?;
        for pointer in self.all().await? {
            let Some(view) = self.store.view(&pointer.view) else {
                continue;
            };
            let generations = [Some(pointer.active), pointer.previous, pointer.building];
            let prefix = format!("{}_g", view.name());
            let known = names.iter().filter_map(|name| name.strip_prefix(&prefix));
            let number = |name: &str| name.strip_suffix(".parts").unwrap_or(name).parse().ok();
            for number in known.filter_map(number) {
                if number <= pointer.highest && !generations.contains(&Some(number)) {
                    tracing::info!(
                        view = view.name(),
                        generation = number,
                        "dropped an unused generation"
                    );
                    self.drop(view.name(), number).await?;
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn drop(
        &self,
        view: &'static str,
        generation: i32,
    ) -> Result<(), mongodb::error::Error> {
        self.store.collection(view, generation).drop().await?;
        self.store.parts_collection(view, generation).drop().await?;
        self.store.drop_withheld(view, generation).await?;
        Checkpoints::of(&self.store, view, generation).drop().await
    }
}
