//! HTTP: what clients see of Patron.
//!
//! A file per resource holds its requests, responses, handlers and its own
//! router: `data`, `customers`, `timeline`, `orders`, `segments`,
//! `campaigns`, `jobs`, `ai`, `delivery`, `audit`, `admin`, `health`, `metrics`.
//! `router` puts them together, `observe` stands around every request; `auth` says who asks,
//! `access` what they may do, and `journal` records who was turned away. Every
//! refusal is a `problem`. Nothing here reads the environment or writes a view.

mod access;
mod address;
mod admin;
mod after;
mod ai;
mod audit;
mod auth;
mod body;
mod caller;
mod campaigns;
mod consistency;
mod created;
mod customers;
mod data;
mod deadline;
mod delivery;
mod extract;
mod health;
mod idempotency;
mod jobs;
mod journal;
mod keys;
mod limits;
mod metrics;
mod observe;
mod openapi;
mod orders;
mod own_writes;
mod paging;
mod position;
mod prefer;
mod problem;
mod quarantined;
mod readiness;
mod request_id;
mod router;
mod rules;
mod schema;
mod segments;
mod serve;
mod shed;
mod sse;
mod state;
mod strict;
mod timeline;
mod users;

pub use address::{TrustedProxies, TrustedProxyError};
pub use ai::AssistantConfig;
pub use auth::{
    Admission, AdmissionError, LocalLink, Provider, ProviderError, PublicUrl, PublicUrlError,
    SessionKeyError, SessionKeys, SignIn,
};
pub use campaigns::reconciliation_document;
pub use delivery::{VendorSecretError, VendorSecrets};
pub use limits::Limits;
pub use metrics::prometheus;
pub use openapi::openapi;
pub use problem::ProblemKind;
pub use serve::{ServeError, serve};
pub use state::{Api, ApiConfig};
