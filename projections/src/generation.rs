//! Which generation of a view serves, and which came before.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoints;
use crate::store::{Store, collection_name};
use crate::view::{AnyView, VIEWS, view_named};
use crate::writes::{NAMESPACE_EXISTS, failed_only_with};

/// Drops the collections of generations that are not needed any more, such as those
/// left behind by a rebuild that was interrupted.
///
/// # Errors
/// If MongoDB does not answer.
pub async fn sweep(store: &Store) -> Result<(), Error> {
    store.generations().sweep().await
}

/// The pointers of one view, as they stand in the collection `generations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    #[serde(rename = "_id")]
    view: String,
    /// The generation that serves; 0 while the first one of a view that came
    /// with a newer program is built.
    pub active: i32,
    /// The one before it, kept for one step back.
    pub previous: Option<i32>,
    /// The one being folded.
    pub building: Option<i32>,
    /// The one that is to serve once all partitions vouch for it.
    #[serde(default)]
    pub joining: Option<i32>,
    /// The highest number ever given.
    pub highest: i32,
    /// Which version of the view's fold made each generation.
    #[serde(default)]
    folds: BTreeMap<String, i32>,
}

impl Pointer {
    /// The view's name.
    pub fn view(&self) -> &str {
        &self.view
    }

    /// The generations that the owners of partitions are to keep.
    pub fn wanted(&self) -> impl Iterator<Item = i32> {
        let active = (self.active != UNBUILT).then_some(self.active);
        active.into_iter().chain(self.joining)
    }

    /// The version of the fold that made the generation that serves.
    pub fn fold(&self) -> i32 {
        self.fold_of(self.active)
    }

    /// Whether the generation that serves is not what the view's fold would
    /// make of the same events.
    pub fn is_outdated(&self, view: &dyn AnyView) -> bool {
        self.fold() < view.fold_version()
    }

    fn fold_of(&self, generation: i32) -> i32 {
        let known = self.folds.get(&generation.to_string());
        known.copied().unwrap_or(UNVERSIONED)
    }

    fn folds_of(&self, generations: [i32; 2]) -> Document {
        let entry = |generation: i32| {
            let fold = Bson::from(self.fold_of(generation));
            (generation.to_string(), fold)
        };
        generations.into_iter().map(entry).collect()
    }
}

/// The number of no generation: none serves yet.
pub(crate) const UNBUILT: i32 = 0;

/// The fold of generations that were made before it was kept.
const UNVERSIONED: i32 = 1;

/// The pointers of all views.
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

    /// The pointers of a view; `None` before the workers' first start.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn find(&self, view: &str) -> Result<Option<Pointer>, mongodb::error::Error> {
        self.collection.find_one(doc! {"_id": view}).await
    }

    /// The generation that serves; 1 before the workers' first start.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn active(&self, view: &str) -> Result<i32, mongodb::error::Error> {
        Ok(self.find(view).await?.map_or(1, |pointer| pointer.active))
    }

    /// The pointers of all views that have one.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn all(&self) -> Result<Vec<Pointer>, mongodb::error::Error> {
        self.collection.find(doc! {}).await?.try_collect().await
    }

    /// Makes sure that every view has a first generation with its indexes. The
    /// first generation of a view that came with a newer program serves only
    /// when it is folded. A collection that was there and is gone does not come
    /// back: the view must be rebuilt.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn prepare(&self) -> Result<(), mongodb::error::Error> {
        self.store.prepare_quarantine().await?;
        let known = self.all().await?;
        // Until something is folded, a start that was cut short is repeated.
        let is_first = known.is_empty() || !self.store.has_folded().await?;
        for view in VIEWS {
            if known.iter().all(|pointer| pointer.view != view.name()) {
                self.create_first(view, is_first).await?;
            }
            // Again at every start: a process may have died in between.
            let active = self.active(view.name()).await?.max(1);
            let collection = collection_name(view.name(), active);
            if self.store.has_collection(&collection).await? {
                // Generations of an older program have no parts.
                self.create_parts(view, active).await?;
                self.create_indexes(view, active).await?;
            }
        }
        Ok(())
    }

    /// The collection comes first: where there is a pointer, it was there.
    async fn create_first(
        &self,
        view: &dyn AnyView,
        serves: bool,
    ) -> Result<(), mongodb::error::Error> {
        self.create_collection(view, 1).await?;
        let building = (!serves).then_some(1);
        let first = doc! {"$setOnInsert": {
            "active": if serves { 1 } else { UNBUILT },
            "previous": null, "building": building, "joining": building, "highest": 1,
            "folds": {"1": view.fold_version()},
        }};
        self.collection
            .update_one(doc! {"_id": view.name()}, first)
            .upsert(true)
            .await
            .map(|_| ())
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

    /// Starts a new generation, empty and without indexes; one that was begun
    /// before and not finished is dropped.
    pub(crate) async fn begin(
        &self,
        view: &'static dyn AnyView,
    ) -> Result<i32, mongodb::error::Error> {
        let name = view.name();
        let abandoned = self.find(name).await?.and_then(|p| p.building);
        let fold = doc! {"k": {"$toString": "$highest"}, "v": view.fold_version()};
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
        // Only now: until the pointer has forgotten it, it can be made to serve.
        if let Some(abandoned) = abandoned {
            self.drop(name, abandoned).await?;
        }
        self.drop(name, generation).await?;
        self.create_collection(view, generation).await?;
        Ok(generation)
    }

    /// Asks the owners of partitions to vouch for a generation, the one being
    /// built or the one before. Returns whether it is still either.
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

    /// Takes an offer back.
    pub(crate) async fn withdraw(
        &self,
        view: &'static str,
        generation: i32,
    ) -> Result<(), mongodb::error::Error> {
        let filter = doc! {"_id": view, "joining": generation};
        let update = doc! {"$set": {"joining": null}};
        self.collection.update_one(filter, update).await.map(|_| ())
    }

    /// Lets a generation serve, the one being built or the one before. What
    /// served until now is kept, what came before that is dropped. Returns
    /// whether it was still the one to switch to: another rebuild may have
    /// begun since.
    pub(crate) async fn switch(
        &self,
        view: &'static str,
        generation: i32,
    ) -> Result<bool, mongodb::error::Error> {
        let Some(before) = self.find(view).await? else {
            return Ok(false);
        };
        if !self.point(&before, generation).await? {
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

    async fn point(&self, before: &Pointer, active: i32) -> Result<bool, mongodb::error::Error> {
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
            "folds": before.folds_of([active, active_before]),
        }};
        let updated = self.collection.update_one(filter, update).await?;
        Ok(updated.matched_count == 1)
    }

    /// Drops the collections of generations that no pointer names.
    async fn sweep(&self) -> Result<(), mongodb::error::Error> {
        // First: generations that are begun meanwhile are not among them.
        let names = self.store.database().list_collection_names().await?;
        for pointer in self.all().await? {
            let Some(view) = view_named(&pointer.view) else {
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
                        "left over: dropped"
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
