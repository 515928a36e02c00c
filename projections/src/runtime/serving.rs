//! Queries on the serving generation of a view.

use bson::{DateTime, Document, doc};
use futures::TryStreamExt;
use mongodb::Collection;
use serde::de::DeserializeOwned;

use crate::runtime::generation::{Generations, UNBUILT};
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};

impl Store {
    /// Returns access to the pointers of all views.
    pub fn generations(&self) -> Generations {
        Generations::new(self.clone())
    }

    /// Returns the collection of the serving generation.
    pub(crate) async fn serving<T: Send + Sync>(
        &self,
        view: &str,
    ) -> Result<Collection<T>, QueryError> {
        let generation = self.generations().active(view).await?;
        if generation == UNBUILT {
            return Err(QueryError::NotBuilt(view.to_owned()));
        }
        Ok(self.collection(view, generation).clone_with_type())
    }

    /// Returns a page of a view's documents, newest first by `created_at`.
    /// `place` returns a document's creation time and id.
    pub(crate) async fn newest<T: DeserializeOwned + Send + Sync>(
        &self,
        view: &str,
        mut filter: Document,
        page: &PageRequest,
        place: impl Fn(&T) -> (DateTime, String),
    ) -> Result<Page<T>, QueryError> {
        if let Some((millis, id)) = page.after::<(i64, String)>()? {
            let at = DateTime::from_millis(millis);
            let earlier = vec![
                doc! {"created_at": {"$lt": at}},
                doc! {"created_at": at, "_id": {"$lt": id}},
            ];
            filter.insert("$or", earlier);
        }
        let documents = self.serving::<T>(view).await?;
        let found = documents
            .find(filter)
            .sort(doc! {"created_at": -1, "_id": -1})
            .limit(page.fetch())
            .await?;
        Ok(page.cut(found.try_collect().await?, |document| {
            let (at, id) = place(document);
            (at.timestamp_millis(), id)
        }))
    }
}
