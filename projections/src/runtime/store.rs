//! Access to the views' database.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bson::{Binary, RawDocumentBuf};
use chrono_tz::Tz;
use eventlog::{Partition, Position};
use futures::TryStreamExt;
use mongodb::options::{ClientOptions, ReadConcern};
use mongodb::{Client, Collection, Database};

use crate::runtime::folded::Folded;
use crate::runtime::view::AnyView;
use crate::runtime::writes::{is_leaving, write_concern};

/// Connection settings for MongoDB.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Connection string, `mongodb://…`.
    pub uri: String,
    /// Name of the database.
    pub database: String,
}

/// UUIDs of collections by name; `None` where the server reports none.
pub type Collections = HashMap<String, Option<Binary>>;

/// Values of this process by their type.
type Memory = Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>;

/// Handle to the views' database. Clones share one connection pool.
#[derive(Clone)]
pub struct Store {
    database: Database,
    views: &'static [&'static dyn AnyView],
    memory: Arc<Memory>,
    folded: Folded,
    zone: Tz,
}

/// Error of a query.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// MongoDB did not answer.
    #[error("MongoDB: {0}")]
    Mongo(mongodb::error::Error),
    /// The query exceeded its time limit.
    #[error("MongoDB did not finish the query in time: {0}")]
    TooLong(mongodb::error::Error),
    /// MongoDB rejected the query, or its reply cannot be decoded.
    #[error("MongoDB: {0}")]
    Refused(mongodb::error::Error),
    /// Redis did not answer, or the log lacks the events that the query needs.
    #[error(transparent)]
    Log(#[from] eventlog::LogError),
    /// The view is being built for the first time.
    #[error("the view {0} is being built for the first time")]
    NotBuilt(String),
    /// An older program folded the view, so its documents lack what the query
    /// needs.
    #[error("an older version of Patron folded the view {0}: rebuild it with `patron rebuild {0}`")]
    Outdated(String),
    /// The cursor of the page request is invalid.
    #[error(transparent)]
    Page(#[from] crate::runtime::page::PageError),
}

/// MongoDB's error code for a command that exceeded `maxTimeMS`.
const TOO_LONG: i32 = 50;

impl From<mongodb::error::Error> for QueryError {
    fn from(error: mongodb::error::Error) -> Self {
        use mongodb::error::ErrorKind;
        match &*error.kind {
            ErrorKind::Command(command) if command.code == TOO_LONG => Self::TooLong(error),
            ErrorKind::Command(command) if is_leaving(command.code) => Self::Mongo(error),
            ErrorKind::Command(_) | ErrorKind::BsonDeserialization(_) | ErrorKind::Custom(_) => {
                Self::Refused(error)
            }
            _ => Self::Mongo(error),
        }
    }
}

impl Store {
    /// Opens the database with this registry of views. See `Store::open`.
    pub(crate) async fn with_views(
        options: &StoreOptions,
        views: &'static [&'static dyn AnyView],
    ) -> Result<Self, mongodb::error::Error> {
        let mut client = ClientOptions::parse(&options.uri).await?;
        // Clients of the API get a quick "not available" instead of a long
        // wait.
        client.server_selection_timeout = Some(Duration::from_secs(2));
        client.connect_timeout = Some(Duration::from_secs(2));
        client.app_name = Some("patron".to_owned());
        // The guarantees of views depend on these, so the URI must not override
        // them. Only the primary is sure to have the documents that a
        // checkpoint vouches for.
        client.write_concern = Some(write_concern());
        client.read_concern = Some(ReadConcern::local());
        client.selection_criteria = None;
        let database = Client::with_options(client)?.database(&options.database);
        Ok(Self {
            database,
            views,
            memory: Arc::default(),
            folded: Folded::default(),
            zone: Tz::UTC,
        })
    }

    /// Sets the deployment's time zone. The default is UTC.
    #[must_use]
    pub fn in_zone(self, zone: Tz) -> Self {
        Self { zone, ..self }
    }

    /// Returns the deployment's time zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Returns the MongoDB database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Returns this process's knowledge of how far owners have folded.
    pub fn folded(&self) -> &Folded {
        &self.folded
    }

    /// Returns every view of this program.
    pub fn views(&self) -> &'static [&'static dyn AnyView] {
        self.views
    }

    /// Returns the view with this name.
    pub fn view(&self, name: &str) -> Option<&'static dyn AnyView> {
        self.views.iter().copied().find(|view| view.name() == name)
    }

    /// Returns this process's value of a type, which clones of the store share.
    /// Queries keep their caches here, so that the runtime does not depend on
    /// the types of the caches.
    pub(crate) fn memory<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut values = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::<T>::default());
        // The value under a type's id always has that type.
        Arc::clone(value).downcast().unwrap_or_default()
    }

    /// Checks that MongoDB answers.
    ///
    /// # Errors
    /// The driver's error if it does not.
    pub async fn ping(&self) -> Result<(), mongodb::error::Error> {
        let ping = bson::doc! {"ping": 1};
        self.database.run_command(ping).await.map(|_| ())
    }

    /// Returns whether a collection with this name exists, empty or not.
    pub(crate) async fn has_collection(&self, name: &str) -> Result<bool, mongodb::error::Error> {
        let filter = bson::doc! {"name": name};
        let names = self.database.list_collection_names().filter(filter).await?;
        Ok(!names.is_empty())
    }

    /// Returns all collections of the database.
    ///
    /// # Errors
    /// The driver's error if MongoDB does not answer.
    pub async fn collections(&self) -> Result<Collections, mongodb::error::Error> {
        let all = self.database.list_collections().await?;
        let known = all.map_ok(|collection| (collection.name, collection.info.uuid));
        known.try_collect().await
    }

    /// Returns the server's version, such as `6.0.5`.
    ///
    /// # Errors
    /// The driver's error if MongoDB does not answer.
    pub async fn server_version(&self) -> Result<String, mongodb::error::Error> {
        let info = self
            .database
            .run_command(bson::doc! {"buildInfo": 1})
            .await?;
        Ok(info.get_str("version").unwrap_or_default().to_owned())
    }

    /// Returns the collection of a generation's parts.
    pub fn parts_collection(&self, view: &str, generation: i32) -> Collection<RawDocumentBuf> {
        self.parts_beside(&collection_name(view, generation))
    }

    /// Returns the collection of the parts that belong to a collection of
    /// documents.
    pub(crate) fn parts_beside<T: Send + Sync>(&self, documents: &str) -> Collection<T> {
        self.database.collection(&format!("{documents}.parts"))
    }

    /// Returns the collection of a generation's documents.
    pub fn collection(&self, view: &str, generation: i32) -> Collection<RawDocumentBuf> {
        self.database.collection(&collection_name(view, generation))
    }
}

/// Returns the name of a generation's collection, such as `customers_g3`.
pub(crate) fn collection_name(view: &str, generation: i32) -> String {
    format!("{view}_g{generation}")
}

/// Returns a position that is stored as two numbers.
pub(crate) fn stored_position(partition: i32, number: i64) -> Position {
    Position {
        partition: Partition::try_from(partition).unwrap_or_default(),
        number: u64::try_from(number).unwrap_or_default(),
    }
}
