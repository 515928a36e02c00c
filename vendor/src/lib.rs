//! A simulated messaging vendor: it takes messages over HTTP, "sends" each of
//! them once, and reports later, by signed webhooks, whether it was delivered.
//!
//! The walk of a message: `send` parses it, `outcome` decides its fate from
//! the seed, `ledger` remembers it and `journal` puts it on disk before the
//! answer goes out, `receipts` waits until its receipt is due and `callback`
//! posts it until somebody takes it. `settings` and `controls` are the knobs
//! that make it slow, faulty or absent.

mod callback;
mod config;
mod controls;
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
mod stats;
#[cfg(test)]
mod tests;

pub use config::{InvalidSecret, SigningSecret, VendorConfig};
pub use serve::{VendorError, serve};
pub use settings::{BatchSize, InvalidSetting, Rate, Settings, Span};
