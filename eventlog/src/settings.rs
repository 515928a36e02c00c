//! What is fixed at the first start and holds for all later ones.

use redis::AsyncCommands;

use crate::LogError;
use crate::connection::Connection;
use crate::layout::Layout;

/// Stores `value` under `name` unless something is stored there; returns what
/// is stored now.
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
