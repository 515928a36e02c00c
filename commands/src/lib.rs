//! The write side: loads what a command is decided on, asks `domain` to
//! decide, appends the events.
//!
//! [`Commands`] has a method per command. All of them end in one function,
//! `execute`, that owns load → handle → commit → retry on conflict, for one
//! item and for ten thousand.

mod activities;
mod api_keys;
mod campaigns;
mod commands;
mod context;
mod customers;
mod error;
mod execute;
mod holds;
mod idempotency;
mod kept;
mod messages;
mod orders;
mod quarantine;
mod records;
mod segments;
mod store;
mod texts;
mod turns;
mod users;
mod verify;
mod views;

pub use activities::ActivityItem;
pub use api_keys::{ApiKeyResult, new_secret};
pub use campaigns::{CampaignRefusal, CampaignResult};
pub use commands::Commands;
pub use context::Context;
pub use customers::CustomerItem;
pub use error::CommandError;
pub use execute::{Change, Outcome};
pub use idempotency::{IdempotencyKey, IdempotencyKeyError, new_id};
pub use kept::Kept;
pub use messages::MessageAndCustomer;
pub use orders::OrderItem;
pub use segments::SegmentResult;
pub use store::{LogContext, LogStore, StoreError};
pub use users::{UserResult, user_id};
pub use verify::{Difference, HeadsReport, verify_heads};
