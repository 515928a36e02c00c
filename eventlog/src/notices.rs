//! Notices of what was folded, from owners to everybody who waits for it.
//!
//! They are Redis publications: not kept, and lost by whoever is not connected.
//! Those who wait look for themselves now and then.

use futures::StreamExt;
use redis::aio::PubSub;

use crate::{Log, LogError, Position};

/// News for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// The last event that a partition's owner has folded; `None` if the news is
    /// of something else.
    pub position: Option<Position>,
    /// What it is about, as the publisher numbers it.
    pub topics: u32,
}

/// A connection that hears notices.
pub struct Notices(PubSub);

impl Log {
    /// Tells everybody who listens.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
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

    /// Listens on a connection of its own.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn notices(&self) -> Result<Notices, LogError> {
        let mut connection = self.server().pubsub().await?;
        connection.subscribe(self.layout().folded()).await?;
        Ok(Notices(connection))
    }
}

impl Notices {
    /// The next notice; `None` once the connection is lost.
    pub async fn next(&mut self) -> Option<Notice> {
        let mut messages = self.0.on_message();
        loop {
            let message = messages.next().await?;
            // What another version publishes is not for this one.
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
