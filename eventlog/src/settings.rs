//! What is fixed when the log is created and holds from then on.

use std::collections::HashMap;

use redis::AsyncCommands;

use crate::LogError;
use crate::connection::Connection;
use crate::layout::Layout;

/// The version of the log's format, of what its events hold included.
pub(crate) const FORMAT: &str = "3";

/// The settings of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) epoch: String,
    pub(crate) partitions: u16,
    pub(crate) buckets: u32,
    /// Whether its creation was finished: all counters are there.
    pub(crate) created: bool,
}

/// Reads the settings; `None` if there is no log.
///
/// # Errors
/// [`LogError::Format`] for a log of another format.
pub(crate) async fn read(
    connection: &mut Connection,
    namespace: &str,
) -> Result<Option<Settings>, LogError> {
    let stored: HashMap<String, String> = connection.hgetall(Layout::settings(namespace)).await?;
    if stored.is_empty() {
        return Ok(None);
    }
    // Logs had no version before the second format.
    let format = stored.get("format").map_or("1", String::as_str);
    if format != FORMAT {
        return Err(LogError::Format {
            stored: format.to_owned(),
            supported: FORMAT,
        });
    }
    let settings = || {
        Some(Settings {
            epoch: stored.get("epoch")?.clone(),
            partitions: stored.get("partitions")?.parse().ok()?,
            buckets: stored.get("buckets")?.parse().ok()?,
            created: stored.contains_key("created"),
        })
    };
    let settings = settings().ok_or_else(|| {
        LogError::Options("the settings stored in Redis are not readable".to_owned())
    })?;
    Ok(Some(settings))
}

/// Stores the settings of a log that is about to be created, unless others
/// did; returns what is stored then.
pub(crate) async fn begin(
    connection: &mut Connection,
    namespace: &str,
    settings: &Settings,
) -> Result<Settings, LogError> {
    let key = Layout::settings(namespace);
    let mut pipe = redis::pipe();
    // All of it or nothing, so that what is stored is of one creation.
    pipe.atomic();
    pipe.hset_nx(&key, "format", FORMAT).ignore();
    pipe.hset_nx(&key, "epoch", &settings.epoch).ignore();
    pipe.hset_nx(&key, "partitions", settings.partitions)
        .ignore();
    pipe.hset_nx(&key, "buckets", settings.buckets).ignore();
    pipe.exec_async(connection).await?;
    Ok(read(connection, namespace)
        .await?
        .unwrap_or_else(|| settings.clone()))
}

/// Notes that the creation was finished.
pub(crate) async fn finish(connection: &mut Connection, namespace: &str) -> Result<(), LogError> {
    Ok(connection
        .hset(Layout::settings(namespace), "created", 1)
        .await?)
}

/// The log's epoch; `None` if there is no log.
pub(crate) async fn epoch(
    connection: &mut Connection,
    namespace: &str,
) -> Result<Option<String>, LogError> {
    Ok(connection
        .hget(Layout::settings(namespace), "epoch")
        .await?)
}

/// Gives the log another epoch.
pub(crate) async fn set_epoch(
    connection: &mut Connection,
    namespace: &str,
    epoch: &str,
) -> Result<(), LogError> {
    Ok(connection
        .hset(Layout::settings(namespace), "epoch", epoch)
        .await?)
}

/// Stores `value` under `name` unless something is stored there; returns what
/// is stored then.
pub(crate) async fn fix(
    connection: &Connection,
    namespace: &str,
    name: &str,
    value: &str,
) -> Result<String, LogError> {
    let key = Layout::settings(namespace);
    let mut connection = connection.clone();
    // A Redis without memory left refuses to write, even where nothing changes.
    let stored: Option<String> = connection.hget(&key, name).await?;
    if let Some(stored) = stored {
        return Ok(stored);
    }
    let (_, stored): (bool, String) = redis::pipe()
        .hset_nx(&key, name, value)
        .hget(&key, name)
        .query_async(&mut connection)
        .await?;
    Ok(stored)
}
