//! State of authentication and access control.

use std::ops::Deref;
use std::sync::Arc;

use axum::http::HeaderMap;
use commands::Commands;
use domain::Role;

use super::caller::now;
use super::credentials::{Actor, AuthenticationError, Credential, Credentials};
use super::journal::Journal;
use crate::http::limits::Rates;

/// State of authentication and access control, shared by all requests.
pub(crate) struct IdentityContext {
    pub(super) commands: Commands,
    pub(super) credentials: Credentials,
    pub(crate) rates: Rates,
    pub(crate) journal: Journal,
    /// Path to which a sign-in leads by default.
    pub(super) home: &'static str,
}

/// Handle to an [`IdentityContext`]. Clones share it.
#[derive(Clone)]
pub(crate) struct IdentityState(Arc<IdentityContext>);

impl IdentityContext {
    /// Authenticates a request by its headers.
    pub(super) async fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<Actor, AuthenticationError> {
        let credentials = &self.credentials;
        credentials
            .authenticate(&self.commands, headers, now())
            .await
    }

    /// Returns the role that a credential has now.
    pub(super) async fn current_role(
        &self,
        credential: &Credential,
    ) -> Result<Role, AuthenticationError> {
        credential.role(&self.commands, now()).await
    }
}

impl IdentityState {
    pub(crate) fn new(
        commands: Commands,
        credentials: Credentials,
        rates: Rates,
        journal: Journal,
        home: &'static str,
    ) -> Self {
        Self(Arc::new(IdentityContext {
            commands,
            credentials,
            rates,
            journal,
            home,
        }))
    }
}

impl Deref for IdentityState {
    type Target = IdentityContext;

    fn deref(&self) -> &IdentityContext {
        &self.0
    }
}
