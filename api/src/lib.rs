//! Patron's HTTP API.
//!
//! Each resource has a file or folder with its requests, responses, handlers and
//! router: `data`, `customers`, `timeline`, `orders`, `segments`, `campaigns`,
//! `jobs`, `ai`, `users`, `keys`, `delivery`, `audit`, `admin`, `health`,
//! `metrics`. `router` merges the routers. `middleware` has the layers around every
//! request, `auth` identifies the actor, `access` checks permissions, and
//! `journal` records refused requests. Every error response is a `problem`. This
//! crate does not read the environment and does not write views.

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
mod middleware;
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
