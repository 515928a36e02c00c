//! The write side, on real engines.

mod access;
mod addresses;
mod batches;
mod contention;
mod event_store;
mod heads;
mod newer;
mod segments;
mod verify;

use commands::{CommandEffect, Outcome};
use domain::{OrderId, Subject};
use eventlog::{Key, Log};

/// Returns the key of an order in the log.
fn order_key(log: &Log, customer: &str, order: &str) -> Key {
    let order = OrderId::try_from(order).unwrap();
    key(log, &Subject::Order(customer.try_into().unwrap(), order))
}

fn key(log: &Log, subject: &Subject) -> Key {
    log.layout().key(subject.to_string(), subject.route())
}

/// Returns the change that each command of a batch made. Panics if a command was refused.
fn changes<E: std::fmt::Debug>(outcomes: &[Result<Outcome, E>]) -> Vec<CommandEffect> {
    let change = |outcome: &Result<Outcome, E>| outcome.as_ref().unwrap().effect;
    outcomes.iter().map(change).collect()
}
