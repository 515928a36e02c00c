//! Resources: a file or folder for each, with its requests, responses, handlers and
//! router.
//!
//! [`shared`] has what several resources need: reads that follow writes, documents in
//! quarantine, and rules in requests and responses.

pub(crate) mod admin;
pub(crate) mod ai;
pub(crate) mod audit;
pub(crate) mod campaigns;
pub(crate) mod consents;
pub(crate) mod customers;
pub(crate) mod data;
pub(crate) mod delivery;
pub(crate) mod health;
pub(crate) mod imports;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod merging;
pub(crate) mod metrics;
pub(crate) mod orders;
pub(crate) mod reports;
pub(crate) mod segment_protocol;
pub(crate) mod segments;
pub(crate) mod shared;
pub(crate) mod suppressions;
pub(crate) mod timeline;
pub(crate) mod users;
