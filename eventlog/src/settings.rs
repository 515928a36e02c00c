//! Settings that are fixed when the log is created.

use std::collections::HashMap;

use redis::AsyncCommands;

use crate::LogError;
use crate::connection::Connection;
use crate::layout::Layout;

/// Version of the log's format, including the schema of its events.
pub(crate) const FORMAT: &str = "3";

/// Settings of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) epoch: String,
    pub(crate) partitions: u16,
    pub(crate) buckets: u32,
    /// True once the creation is finished, which means that all counters exist.
    pub(crate) created: bool,
}

/// Reads the settings; `None` if there is no log.
///
/// # Errors
/// [`LogError::Format`] for a log of another format.
pub(crate) async fn read(
    connection: &mut Connection,
    namespace: &str,
) -> Result<Option<LogSettings>, LogError> {
    let stored: HashMap<String, String> = connection.hgetall(Layout::settings(namespace)).await?;
    if stored.is_empty() {
        return Ok(None);
    }
    // Logs of the first format have no version.
    let format = stored.get("format").map_or("1", String::as_str);
    if format != FORMAT {
        return Err(LogError::Format {
            stored: format.to_owned(),
            supported: FORMAT,
        });
    }
    let settings = || {
        Some(LogSettings {
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

/// Stores the settings of a log that is about to be created, unless settings are
/// stored. Returns the stored settings.
pub(crate) async fn begin(
    connection: &mut Connection,
    namespace: &str,
    settings: &LogSettings,
) -> Result<LogSettings, LogError> {
    let key = Layout::settings(namespace);
    let mut pipe = redis::pipe();
    // A transaction: if two processes create the log at once, all stored settings are
    // those of one of them.
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

/// Records that the creation was finished.
pub(crate) async fn finish(connection: &mut Connection, namespace: &str) -> Result<(), LogError> {
    Ok(connection
        .hset(Layout::settings(namespace), "created", 1)
        .await?)
}

/// Reads the log epoch; `None` if there is no log.
pub(crate) async fn epoch(
    connection: &mut Connection,
    namespace: &str,
) -> Result<Option<String>, LogError> {
    Ok(connection
        .hget(Layout::settings(namespace), "epoch")
        .await?)
}

/// Replaces the log epoch.
pub(crate) async fn set_epoch(
    connection: &mut Connection,
    namespace: &str,
    epoch: &str,
) -> Result<(), LogError> {
    Ok(connection
        .hset(Layout::settings(namespace), "epoch", epoch)
        .await?)
}

/// Stores `value` under `name` unless a value is stored there. Returns the stored value.
pub(crate) async fn set_once(
    connection: &Connection,
    namespace: &str,
    name: &str,
    value: &str,
) -> Result<String, LogError> {
    let key = Layout::settings(namespace);
    let mut connection = connection.clone();
    // Read first: a full Redis rejects HSETNX even if it would change nothing, and a
    // process must be able to start on a full Redis.
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

/// Returns the stored value of a setting.
///
/// # Errors
/// [`LogError::Pinned`] if another value was given.
pub(crate) fn check_pinned(
    name: &str,
    given: Option<&str>,
    stored: String,
) -> Result<String, LogError> {
    match given {
        Some(given) if given != stored => Err(LogError::Pinned {
            name: name.to_owned(),
            stored,
            given: given.to_owned(),
        }),
        _ => Ok(stored),
    }
}
