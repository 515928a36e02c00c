//! Write side: loads the state that a command is decided on, lets `domain`
//! decide, and appends the events.
//!
//! [`Commands`] has a method per command. All of them end in one function,
//! `execute`, which loads, decides, appends, and retries on conflict, for one
//! item as well as for ten thousand.

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
