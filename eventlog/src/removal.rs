//! Removal of a whole log.

use std::collections::BTreeMap;

use redis::Value;

use crate::connection::Connection;
use crate::server::query_all;
use crate::{Key, Log, LogError};

/// Number of keys that one command removes.
const BATCH: usize = 500;

impl Log {
    /// Removes every key of the namespace. The log, its heads and its settings are
    /// gone afterwards, and processes that had it open append nothing any more.
    ///
    /// The head of `last` is removed after all other keys of partitions, and the
    /// settings after that. A removal that was interrupted can therefore be recognized
    /// by that head, and repeated.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer; repeating is safe.
    pub async fn remove(&self, last: &Key) -> Result<(), LogError> {
        let connection = self.connection();
        let last = self.layout().bucket_of(last);
        let shared = format!("{{{}}}", self.0.namespace);
        // Twice: until the counters are gone, a process may append and make a key that was not
        // listed.
        for _ in 0..2 {
            let found = keys(&connection, &self.0.namespace).await?.into_iter();
            let others = found.filter(|key| *key != last && !key.starts_with(&shared));
            unlink(&connection, others.collect()).await?;
        }
        let mut end = keys(&connection, &self.0.namespace).await?;
        // `false` sorts first: the head, then the keys that all partitions share.
        end.sort_by_key(|key| key.starts_with(&shared));
        for key in end {
            unlink(&connection, vec![key]).await?;
        }
        Ok(())
    }
}

/// Returns all keys of a namespace.
async fn keys(connection: &Connection, namespace: &str) -> Result<Vec<String>, LogError> {
    // `KEYS` blocks Redis while it runs, but unlike `SCAN` it is one command for every
    // node of a cluster. Namespaces contain no characters that are special in a pattern.
    let mut keys = redis::cmd("KEYS");
    keys.arg(format!("{{{namespace}[:}}]*"));
    let mut found = Vec::new();
    for reply in query_all(connection, &keys).await? {
        let some: Vec<String> = match reply {
            Value::Nil => Vec::new(),
            reply => redis::from_redis_value(reply).map_err(redis::RedisError::from)?,
        };
        found.extend(some);
    }
    Ok(found)
}

/// Removes keys. The keys of one command share their hash tag, so that they are in one
/// slot of a cluster.
async fn unlink(connection: &Connection, keys: Vec<String>) -> Result<(), LogError> {
    let mut by_tag: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in keys {
        let tag = key.split('}').next().unwrap_or_default().to_owned();
        by_tag.entry(tag).or_default().push(key);
    }
    for keys in by_tag.into_values() {
        for some in keys.chunks(BATCH) {
            let _removed: u64 = redis::cmd("UNLINK")
                .arg(some)
                .query_async(&mut connection.clone())
                .await?;
        }
    }
    Ok(())
}
