//! Write side: loads the state that a command is decided on, lets `domain`
//! decide, and appends the events.
//!
//! [`Commands::execute`] executes a command on the aggregate with the given id.
//! Batches and commands that concern several aggregates have methods of their
//! own. All of them call one executor (`execute`), which runs each partition
//! (`run`): it loads, decides, appends, and retries on conflict, for one item as
//! well as for ten thousand.

mod activities;
mod addresses;
mod api_keys;
mod campaigns;
mod commands;
mod context;
mod customers;
mod demo;
mod error;
mod execute;
mod heads;
mod holds;
mod idempotency;
mod imports;
mod merges;
mod messages;
mod orders;
mod records;
mod renderers;
mod run;
mod segments;
mod store;
mod texts;
mod turns;
mod users;
mod verify;

pub use activities::ActivityRecord;
pub use addresses::{AddressClaim, ReturnedMessage};
pub use api_keys::{ApiKeyResult, new_secret};
pub use campaigns::{CampaignRefusal, CampaignResult, CloneOutcome, LaunchOutcome};
pub use commands::Commands;
pub use context::Context;
pub use customers::CustomerRecord;
pub use demo::{DemoResult, FinishedCampaign};
pub use error::CommandError;
pub use heads::{AggregateId, HeadAggregate};
pub use idempotency::{IdempotencyKey, IdempotencyKeyError, IdempotencyScope, new_id};
pub use imports::{ImportResult, start_import};
pub use merges::{LaterData, Merge, MergeRefusal, MovedOrders};
pub use messages::MessageHeads;
pub use orders::OrderRecord;
pub use run::{CommandEffect, Outcome};
pub use segments::SegmentResult;
pub use store::{LogContext, LogStore, StoreError};
pub use users::{UserResult, user_id};
pub use verify::{Difference, HeadsReport, verify_heads};
