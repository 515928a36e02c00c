//! Simulated messaging vendor: accepts messages over HTTP, pretends to send each of them once, and
//! reports its delivery or failure later by a signed webhook.
//!
//! The path of a message: `send` parses it, `outcome` decides its outcome from the seed, `ledger`
//! records it, and `journal` writes it to disk before the response is sent. `receipts` waits until
//! its receipt is due, and `callback` posts the receipt until it is acknowledged. `settings` and
//! `controls` make the vendor slow, faulty or unavailable.

mod callback;
mod config;
mod controls;
mod due_receipt;
mod error;
mod inspect;
mod journal;
mod ledger;
mod message;
mod outcome;
mod problem;
mod receipts;
mod send;
mod serve;
mod settings;
mod state;
mod stats;
#[cfg(test)]
mod tests;

pub use config::{InvalidSecret, SigningSecret, VendorConfig};
pub use error::VendorError;
pub use serve::serve;
pub use settings::{BatchSize, InvalidSetting, MillisRange, Probability, VendorSettings};
