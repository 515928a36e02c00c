//! Patron's HTTP API.
//!
//! `http` is the HTTP kit: the layers around every request, problems, limits, bodies, and
//! the parts of the OpenAPI document that all operations share. It knows no resource and
//! no identity. `auth` identifies the actor, `access` checks permissions, and `journal`
//! records refused requests, uses of keys, and abandoned calls for assistance.
//!
//! Each resource has a file or folder with its requests, responses, handlers and
//! router: `data`, `customers`, `timeline`, `orders`, `segments`, `campaigns`,
//! `jobs`, `ai`, `users`, `keys`, `delivery`, `audit`, `admin`, `health`,
//! `metrics`. `routes` merges the routers, and `router` adds access control and the
//! layers. Imports have one direction, which `tests/architecture.rs` checks.
//!
//! This crate does not read the environment and does not write views.

mod access;
mod admin;
mod after;
mod ai;
mod audit;
mod auth;
mod caller;
mod campaigns;
mod consistency;
mod customers;
mod data;
mod delivery;
mod health;
mod http;
mod jobs;
mod journal;
mod keys;
mod metrics;
mod openapi;
mod orders;
mod own_writes;
mod quarantined;
mod readiness;
mod router;
mod routes;
mod rules;
mod segments;
mod serve;
mod state;
mod timeline;
mod users;

pub use self::http::address::{TrustedProxies, TrustedProxyError};
pub use self::http::limits::Limits;
pub use self::http::metrics::prometheus;
pub use self::http::problem::ProblemKind;
pub use ai::assistant::AssistantConfig;
pub use auth::{
    Admission, AdmissionError, LocalLink, Provider, ProviderError, PublicUrl, PublicUrlError,
    SessionKeyError, SessionKeys, SignIn,
};
pub use campaigns::reconciliation_document;
pub use delivery::secrets::{VendorSecretError, VendorSecrets};
pub use openapi::openapi;
pub use serve::{ServeError, serve};
pub use state::{Api, ApiConfig};
