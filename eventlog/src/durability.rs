//! Check that Redis is configured not to lose acknowledged events.

use std::collections::HashMap;

use crate::connection::Connection;
use crate::server::query_all;
use crate::{LogError, UnsafeSetting};

/// Settings of Redis with which an acknowledged event survives a crash of the process
/// and of the machine.
const REQUIRED: [(&str, &str); 5] = [
    ("appendonly", "yes"),
    ("appendfsync", "always"),
    ("maxmemory-policy", "noeviction"),
    ("aof-load-truncated", "no"),
    ("no-appendfsync-on-rewrite", "no"),
];

/// Returns the unsafe settings of the servers behind a connection.
pub(crate) async fn unsafe_settings(
    connection: &Connection,
) -> Result<Vec<UnsafeSetting>, LogError> {
    let mut found = Vec::new();
    for (name, required) in REQUIRED {
        let mut get = redis::cmd("CONFIG");
        get.arg("GET").arg(name);
        let actuals = match query_all(connection, &get).await {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| {
                    redis::from_redis_value::<HashMap<String, String>>(answer)
                        .ok()
                        .and_then(|mut values| values.remove(name))
                })
                .collect(),
            // A managed Redis may forbid CONFIG. An unknown setting counts as unsafe.
            Err(LogError::Refused(_)) => vec![None],
            Err(other) => return Err(other),
        };
        let bad = actuals
            .into_iter()
            .find(|actual| actual.as_deref() != Some(required));
        if let Some(actual) = bad {
            found.push(UnsafeSetting {
                name,
                required,
                actual,
            });
        }
    }
    Ok(found)
}
