//! The HTTP kit: the layers around every request, problems, limits, bodies, and the
//! parts of the OpenAPI document that all operations share.
//!
//! The kit knows no resource and no identity: a file in this folder imports no other folder
//! of the crate. `tests/architecture.rs` checks this.

pub(crate) mod address;
pub(crate) mod after;
pub(crate) mod body;
pub(crate) mod cors;
pub(crate) mod deadline;
pub(crate) mod exchange;
pub(crate) mod extract;
pub(crate) mod holding_body;
pub(crate) mod idempotency;
pub(crate) mod limits;
pub(crate) mod metrics;
pub(crate) mod middleware;
pub(crate) mod openapi;
pub(crate) mod paging;
pub(crate) mod payload;
pub(crate) mod position;
pub(crate) mod prefer;
pub(crate) mod problem;
pub(crate) mod request_id;
pub(crate) mod schema;
pub(crate) mod shed;
pub(crate) mod sse;
pub(crate) mod strict;
pub(crate) mod unreadable_heads;
