//! Patron's HTTP API.
//!
//! The folders in the order of their imports:
//!
//! - `http`, the HTTP kit: the layers around every request, problems, limits, bodies, and
//!   the parts of the OpenAPI document that all operations share. It knows no resource
//!   and no identity.
//! - `identity`: authentication, sign-in and sessions, the permissions of each role, and
//!   the journal of refusals and uses of keys.
//! - `resources`: a file or folder for each resource, with its requests, responses,
//!   handlers and router, and `shared` for what several resources need.
//!
//! `state` holds what all handlers share. `routes` merges the routers, `openapi` builds
//! the document, `router` adds access control and the layers, and `serve` accepts
//! connections. `tests/architecture.rs` checks the direction of all imports.
//!
//! This crate does not read the environment and does not write views.

mod http;
mod identity;
mod openapi;
mod resources;
mod router;
mod routes;
mod serve;
mod state;

pub use self::http::address::{TrustedProxies, TrustedProxyError};
pub use self::http::limits::Limits;
pub use self::http::metrics::prometheus;
pub use self::http::problem::ProblemKind;
pub use identity::{
    Admission, AdmissionError, AllowedOriginError, AllowedOrigins, LocalLink, Provider,
    ProviderError, PublicUrl, PublicUrlError, SessionKeyError, SessionKeys, SignInConfig,
};
pub use openapi::openapi;
pub use resources::admin::setting::{Setting, SettingSource};
pub use resources::admin::verification::{
    VerifiedHeads, VerifiedView, verify_one_view, verify_partitions,
};
pub use resources::ai::assistant::AssistantConfig;
pub use resources::campaigns::reconciliation_document;
pub use resources::delivery::secrets::{VendorSecretError, VendorSecrets};
pub use resources::imports::registry::ImportConfig;
pub use serve::{ServeError, serve};
pub use state::{Api, ApiConfig};
