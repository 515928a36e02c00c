//! What is appended, and the one script that does it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use redis::{RedisError, Script};

use crate::connection::Connection;
use crate::{Key, Layout, LogError, Partition, Position};

/// Events to append to one aggregate.
#[derive(Debug, Clone)]
pub struct Append {
    /// The aggregate.
    pub key: Key,
    /// The version it must have now; 0 for one that must not exist.
    pub expected: u64,
    /// Which version of the fold made `state`.
    pub fold: u32,
    /// The aggregate's state after these events.
    pub state: String,
    /// At least one.
    pub events: Vec<NewEvent>,
}

/// An event that is not in the log yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Type and schema version.
    pub tag: &'static str,
    /// Content.
    pub data: String,
    /// Who, when, why; often the same for a whole batch.
    pub meta: Arc<str>,
}

/// What became of one [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log; its last event stands here.
    At(Position),
    /// Nothing was written: the aggregate has this version.
    Conflict {
        /// The version found.
        found: u64,
    },
}

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("append.lua")));

impl Append {
    /// About how many bytes this adds to a script call.
    pub(crate) fn weight(&self) -> usize {
        let events: usize = self
            .events
            .iter()
            .map(|e| e.tag.len() + e.data.len() + e.meta.len() + 24)
            .sum();
        self.key.text.len() + self.state.len() + 64 + events
    }
}

/// Runs the script over items of one partition.
pub(crate) async fn append(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    items: &[Append],
) -> Result<Vec<Appended>, LogError> {
    let mut invocation = SCRIPT.prepare_invoke();
    invocation.key(layout.stream(partition));
    let mut buckets: HashMap<String, usize> = HashMap::new();
    for item in items {
        let next = buckets.len() + 2;
        let name = layout.bucket_of(&item.key);
        let index = *buckets.entry(name).or_insert_with_key(|name| {
            invocation.key(name.as_str());
            next
        });
        invocation
            .arg(index)
            .arg(&*item.key.text)
            .arg(item.expected)
            .arg(format!("{} {}", item.fold, item.state))
            .arg(item.events.len());
        for event in &item.events {
            invocation.arg(event.tag).arg(&event.data).arg(&*event.meta);
        }
    }
    let results: Vec<i64> = invocation
        .invoke_async(connection)
        .await
        .map_err(|error| damage(partition, &error).unwrap_or_else(|| error.into()))?;
    Ok(results
        .into_iter()
        .map(|result| match u64::try_from(result) {
            Ok(number) => Appended::At(Position { partition, number }),
            Err(_) => Appended::Conflict {
                found: result.unsigned_abs() - 1,
            },
        })
        .collect())
}

/// The damage to the log that an error of the script tells of, if it does.
fn damage(partition: Partition, error: &RedisError) -> Option<LogError> {
    let (number, what) = if error.code() == Some("DAMAGED") {
        error.detail()?.split_once(' ')?
    } else if error
        .to_string()
        .contains("equal or smaller than the target stream")
    {
        // Redis would not take the number after the count of entries.
        ("0", "it holds fewer entries than were appended")
    } else {
        return None;
    };
    Some(LogError::Damaged {
        at: Position {
            partition,
            number: number.parse().ok()?,
        },
        what: what.to_owned(),
    })
}
