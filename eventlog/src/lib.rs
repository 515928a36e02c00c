//! Event log in Redis Streams: all events, and the only source of truth.
//!
//! Shape: P partition streams hold the events. A stream entry is a commit: the events
//! of one batch, with their metadata once. Each stream has a counter (epoch, last
//! number, floor) and the heads of its aggregates (version, last number, folded
//! state), which are hashes in the same slot.
//!
//! Correctness: one Lua script (`append.lua`) checks the epoch, the counter and all
//! expected versions, and then writes stream, heads and counter together. Event
//! numbers have no gaps and are never reused.
//!
//! Throughput: one task per partition (`appender`) writes all waiting commits in one
//! call, so that they share a round trip and an fsync.
//!
//! This crate does not know what an event means: keys, types and metadata are strings,
//! data is JSON.

mod append;
mod appender;
mod commit;
mod connection;
mod counter;
mod durability;
mod entry;
mod error;
mod heads;
mod identity;
mod layout;
mod lease;
mod log;
mod members;
mod memory;
mod notices;
mod open;
mod position;
mod read;
mod removal;
mod server;
mod settings;
mod tails;
mod tokens;

pub use append::{Append, Appended, NewEvent, NewHead};
pub use commit::Commit;
pub use entry::Entry;
pub use error::{LogError, UnsafeSetting};
pub use heads::Head;
pub use identity::{KnownLog, Witness};
pub use layout::{Key, Layout};
pub use lease::Leases;
pub use log::Log;
pub use members::{Members, Membership, Role, assign};
pub use memory::Memory;
pub use notices::{Notice, Notices};
pub use open::LogOptions;
pub use position::{Partition, Position, PositionError, Positions};
pub use read::ScanStep;
pub use tails::Tails;
pub use tokens::{RateTokens, TokenBatch, TokenGrant};
