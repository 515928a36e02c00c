//! Whether this Redis keeps what it acknowledges.

use std::collections::HashMap;
use std::fmt;

use crate::LogError;
use crate::connection::Connection;
use crate::server::ask_all;

/// What Redis must be set to, so that an acknowledged event survives a crash
/// of the process and of the machine.
const REQUIRED: [(&str, &str); 5] = [
    ("appendonly", "yes"),
    ("appendfsync", "always"),
    ("maxmemory-policy", "noeviction"),
    ("aof-load-truncated", "no"),
    ("no-appendfsync-on-rewrite", "no"),
];

/// A setting of Redis that could lose events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsafeSetting {
    /// Redis's name of it.
    pub name: &'static str,
    /// What it must be.
    pub required: &'static str,
    /// What it is; `None` if Redis would not say.
    pub actual: Option<String>,
}

impl fmt::Display for UnsafeSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, required, .. } = self;
        match &self.actual {
            Some(actual) => write!(f, "{name} is {actual}, must be {required}"),
            None => write!(f, "{name} cannot be read, must be {required}"),
        }
    }
}

/// Everything unsafe about the servers behind a connection.
pub(crate) async fn unsafe_settings(
    connection: &Connection,
) -> Result<Vec<UnsafeSetting>, LogError> {
    let mut found = Vec::new();
    for (name, required) in REQUIRED {
        let mut get = redis::cmd("CONFIG");
        get.arg("GET").arg(name);
        let actuals = match ask_all(connection, &get).await {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| {
                    redis::from_redis_value::<HashMap<String, String>>(answer)
                        .ok()
                        .and_then(|mut values| values.remove(name))
                })
                .collect(),
            // A managed Redis may not let anybody read its settings.
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
