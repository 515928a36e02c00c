//! The database, and how everybody gets at it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bson::{Binary, DateTime, Document, RawDocumentBuf, doc};
use chrono_tz::Tz;
use futures::TryStreamExt;
use mongodb::options::{ClientOptions, ReadConcern};
use mongodb::{Client, Collection, Database};
use serde::de::DeserializeOwned;

use crate::customers::Counting;
use crate::folded::Folded;
use crate::generation::{Generations, UNBUILT};
use crate::writes::{is_leaving, write_concern};
use crate::{Page, PageRequest};

/// How to reach MongoDB.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `mongodb://…`
    pub uri: String,
    /// The database.
    pub database: String,
}

/// Collections by name, with their UUIDs where the server tells them.
pub type Collections = HashMap<String, Option<Binary>>;

/// The views' database. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    database: Database,
    counting: Arc<Counting>,
    folded: Folded,
    zone: Tz,
}

/// Why a question to a view has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// MongoDB does not answer.
    #[error("MongoDB: {0}")]
    Mongo(mongodb::error::Error),
    /// MongoDB gave up looking.
    #[error("MongoDB has not found the answer in time: {0}")]
    TooLong(mongodb::error::Error),
    /// MongoDB took offence at the question, or its answer is not what it
    /// should be.
    #[error("MongoDB: {0}")]
    Refused(mongodb::error::Error),
    /// The log does not answer, or does not have what was asked for.
    #[error(transparent)]
    Log(#[from] eventlog::LogError),
    /// The view is being built for the first time.
    #[error("the view {0} is being built for the first time")]
    NotBuilt(String),
    /// The page asked for makes no sense.
    #[error(transparent)]
    Page(#[from] crate::PageError),
}

/// What MongoDB says of a question that took longer than it may.
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
    /// Connects lazily: the first use finds out whether MongoDB is there. Everything
    /// is read from the primary and written to a majority, whatever the URI says.
    ///
    /// # Errors
    /// For a URI that does not parse.
    pub async fn open(options: &StoreOptions) -> Result<Self, mongodb::error::Error> {
        let mut client = ClientOptions::parse(&options.uri).await?;
        // A reader would rather hear "not available" than wait.
        client.server_selection_timeout = Some(Duration::from_secs(2));
        client.connect_timeout = Some(Duration::from_secs(2));
        client.app_name = Some("patron".to_owned());
        // What a view promises rests on these; the URI does not get to choose. Only
        // the primary is sure to have what a checkpoint that was read says it has.
        client.write_concern = Some(write_concern());
        client.read_concern = Some(ReadConcern::local());
        client.selection_criteria = None;
        let database = Client::with_options(client)?.database(&options.database);
        Ok(Self {
            database,
            counting: Arc::default(),
            folded: Folded::default(),
            zone: Tz::UTC,
        })
    }

    /// The same for a deployment with this time zone. Without it, days are
    /// those of UTC.
    #[must_use]
    pub fn in_zone(self, zone: Tz) -> Self {
        Self { zone, ..self }
    }

    /// The deployment's time zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The database itself.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// How far owners have folded, as far as this process knows.
    pub fn folded(&self) -> &Folded {
        &self.folded
    }

    pub(crate) fn counting(&self) -> &Counting {
        &self.counting
    }

    /// Which generation of each view serves.
    pub fn generations(&self) -> Generations {
        Generations::new(self.clone())
    }

    /// Whether MongoDB answers.
    ///
    /// # Errors
    /// What the driver says if it does not.
    pub async fn ping(&self) -> Result<(), mongodb::error::Error> {
        let ping = bson::doc! {"ping": 1};
        self.database.run_command(ping).await.map(|_| ())
    }

    /// The documents of the generation that serves.
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

    /// What a view has, the newest first, as `created_at` tells; `place` is
    /// when a document was created and its id.
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

    /// Whether there is a collection of this name, empty or not.
    pub(crate) async fn has_collection(&self, name: &str) -> Result<bool, mongodb::error::Error> {
        let filter = bson::doc! {"name": name};
        let names = self.database.list_collection_names().filter(filter).await?;
        Ok(!names.is_empty())
    }

    /// All collections that there are.
    ///
    /// # Errors
    /// What the driver says if MongoDB does not answer.
    pub async fn collections(&self) -> Result<Collections, mongodb::error::Error> {
        let all = self.database.list_collections().await?;
        let known = all.map_ok(|collection| (collection.name, collection.info.uuid));
        known.try_collect().await
    }

    /// The server's version, as `6.0.5`.
    ///
    /// # Errors
    /// What the driver says if MongoDB does not answer.
    pub async fn server_version(&self) -> Result<String, mongodb::error::Error> {
        let info = self
            .database
            .run_command(bson::doc! {"buildInfo": 1})
            .await?;
        Ok(info.get_str("version").unwrap_or_default().to_owned())
    }

    /// The parts beside a generation's documents.
    pub fn parts_collection(&self, view: &str, generation: i32) -> Collection<RawDocumentBuf> {
        self.parts_beside(&collection_name(view, generation))
    }

    /// The parts beside the documents in a collection.
    pub(crate) fn parts_beside<T: Send + Sync>(&self, documents: &str) -> Collection<T> {
        self.database.collection(&format!("{documents}.parts"))
    }

    /// A generation's documents.
    pub fn collection(&self, view: &str, generation: i32) -> Collection<RawDocumentBuf> {
        self.database.collection(&collection_name(view, generation))
    }
}

/// `customers_g3`
pub(crate) fn collection_name(view: &str, generation: i32) -> String {
    format!("{view}_g{generation}")
}
