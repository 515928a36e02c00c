//! Notices of folded events, published by the owners of partitions.
//!
//! Notices use Redis publish/subscribe: they are not stored, and a subscriber that is
//! not connected misses them. They only wake waiters early; every waiter also polls.

use futures::StreamExt;
use redis::aio::PubSub;

use crate::{Log, LogError, Position};

/// Notice that a partition was folded further, or that something else changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Last event that a partition's owner has folded; `None` for other changes.
    pub position: Option<Position>,
    /// Bit set of topics, as the publisher defines them.
    pub topics: u32,
}

/// Subscription to notices, on a connection of its own.
pub struct Notices(PubSub);

impl Log {
    /// Publishes a notice to all subscribers.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn publish(&self, notice: Notice) -> Result<(), LogError> {
        let place = notice
            .position
            .map(|at| format!(" {} {}", at.partition, at.number));
        let _: i64 = redis::cmd("PUBLISH")
            .arg(self.layout().folded())
            .arg(format!("{}{}", notice.topics, place.unwrap_or_default()))
            .query_async(&mut self.connection())
            .await?;
        Ok(())
    }

    /// Subscribes to notices on a connection of its own.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn notices(&self) -> Result<Notices, LogError> {
        let mut connection = self.server().pubsub().await?;
        connection.subscribe(self.layout().folded()).await?;
        Ok(Notices(connection))
    }
}

impl Notices {
    /// Returns the next notice; `None` once the connection is lost.
    pub async fn next(&mut self) -> Option<Notice> {
        let mut messages = self.0.on_message();
        loop {
            let message = messages.next().await?;
            // Skip notices that this version cannot parse; a newer program may send
            // them during an upgrade.
            if let Some(notice) = message.get_payload().ok().and_then(parse) {
                return Some(notice);
            }
        }
    }
}

fn parse(text: String) -> Option<Notice> {
    let mut parts = text.split(' ');
    let topics = parts.next()?.parse().ok()?;
    let position = match parts.next() {
        None => None,
        Some(partition) => Some(Position {
            partition: partition.parse().ok()?,
            number: parts.next()?.parse().ok()?,
        }),
    };
    Some(Notice { position, topics })
}
