//! The demo shop: made customers, orders, activity, segments and finished
//! campaigns, for a deployment that is still empty.
//!
//! Shape: a generator ([`Shop`]) makes everything from a seed and the day of the
//! load; [`DemoLoad`] records it through the ordinary commands, in batches;
//! [`status`] reports whether a deployment can take the demo; [`check_removal`]
//! decides whether a deployment may be removed.
//!
//! Correctness: seed and day are recorded first, so that a load that was
//! interrupted continues with the same data. All ids are fixed, so that what is
//! recorded already stays unchanged. Whether a deployment is empty follows from
//! heads, not from views.
//!
//! Nothing is sent: a message is recorded from being queued to its receipt in
//! one append, and a campaign from its creation to its completion in one append
//! after all its messages. No worker ever finds a queued message or a campaign
//! that is not completed.

mod campaigns;
mod catalog;
mod contents;
mod lease;
mod load;
mod people;
mod random;
mod removal;
mod shop;
mod status;

pub use campaigns::{CAMPAIGNS, PastCampaign, SEGMENTS, ShopSegment};
pub use contents::Contents;
pub use load::{BeginError, DemoLoad, LoadError};
pub use removal::{RemovalHold, RemovalRefusal, check_removal};
pub use shop::{ACTIVITIES, CUSTOMERS, Invalid, ORDERS, SEED, Shop, ShopCustomer};
pub use status::{DemoState, DemoStatus, Progress, status};

/// Actor of the demo's events.
pub const ACTOR: &str = domain::DEMO_ACTOR;
