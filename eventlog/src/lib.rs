//! The log: all events, in Redis Streams, and the only source of truth.
//!
//! P partition streams hold the events; beside each stand the heads of its
//! aggregates (version, last number, folded state) in bucketed hashes. One Lua
//! script appends to both, checked and gapless; one task per partition commits
//! whatever waits in groups. What an event means is none of this crate's
//! business: keys, types, data and metadata are texts here.

mod append;
mod appender;
mod connection;
mod durability;
mod entry;
mod error;
mod heads;
mod layout;
mod lease;
mod log;
mod position;
mod read;
mod recent;
mod server;
mod settings;
mod tails;

pub use append::{Append, Appended, NewEvent};
pub use durability::UnsafeSetting;
pub use entry::Entry;
pub use error::LogError;
pub use heads::Head;
pub use layout::{Key, Layout};
pub use lease::Leases;
pub use log::{Log, LogOptions};
pub use position::{Partition, Position, PositionError, Positions};
pub use recent::Recent;
pub use server::Memory;
pub use tails::Tails;
