//! Identity: who sent a request, and what it may do.
//!
//! [`access`] has the table of required roles and the middleware that enforces it. It
//! authenticates each request by its [`credentials`]: an API key (`key`) or a session
//! cookie (`session`, `cookie`). Both refer to an aggregate whose head decides, so that a
//! revocation or a sign-out takes effect in every process at once. [`caller`] passes the
//! actor to handlers, and [`journal`] records refusals and uses of keys.
//!
//! [`sign_in`] has the routes that begin and end a session, `oidc` the client of the
//! identity provider, `admission` the users whom the configuration admits, and `local`
//! the one-time link for a machine without a provider. `origins` are the origins of
//! frontends that may use the API, which `cross_site` lets write.
//!
//! The folder knows no resource: a file in this folder imports only this folder and `http`.
//! `tests/architecture.rs` checks this.

pub(crate) mod access;
mod admission;
pub(crate) mod caller;
mod config;
mod cookie;
pub(crate) mod credentials;
mod cross_site;
pub(crate) mod journal;
mod key;
mod local;
mod oidc;
mod origins;
mod public_url;
mod session;
pub(crate) mod sign_in;
mod state;

pub use self::admission::{Admission, AdmissionError};
pub use self::config::SignInConfig;
pub(crate) use self::credentials::Actor;
pub use self::local::LocalLink;
pub use self::oidc::{Provider, ProviderError};
pub use self::origins::{AllowedOriginError, AllowedOrigins};
pub use self::public_url::{PublicUrl, PublicUrlError};
pub use self::session::{SessionKeyError, SessionKeys};
pub(crate) use self::state::IdentityState;
