//! Tests of the HTTP API: one file per resource or contract.

mod addresses;
mod admin;
mod after;
mod ai;
mod answers;
mod audiences;
mod audit;
mod auth;
mod bad_bodies;
mod bad_items;
mod bad_rules;
mod campaigns;
mod clients;
mod consents;
mod console;
mod cors;
mod customers;
mod data;
mod events;
mod heads;
mod health;
mod imports;
mod jobs;
mod keys;
mod limits;
mod lists;
mod merging;
mod mirrors;
mod newer;
mod openapi;
mod orders;
mod own_writes;
mod quarantine;
mod receipt_forms;
mod receipts;
mod refusals;
mod reports;
mod request_ids;
mod roles;
mod schemathesis;
mod segment_protocol;
mod segment_sdk;
mod segments;
mod settings;
mod shop_ids;
mod shutdown;
mod sign_in;
mod slow_receipts;
mod streams;
mod strict;
mod suppressions;
mod timeline;
mod users;
mod verification;

use serde_json::{Value, json};

/// Returns the body of an order over `cents` US cents.
fn order(customer: &str, id: &str, cents: i64) -> Value {
    json!({
        "order_id": id,
        "customer_id": customer,
        "amount": cents,
        "currency": "USD",
        "placed_at": "2026-03-01T12:00:00.000Z",
    })
}

/// Returns `item` with `fields` added or overwritten.
pub(crate) fn with(mut item: Value, fields: Value) -> Value {
    let item_fields = item.as_object_mut().unwrap();
    item_fields.extend(fields.as_object().unwrap().clone());
    item
}
