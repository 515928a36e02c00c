//! Handler of `GET /api/auth/local`.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use domain::UserRole;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{begin_session, identity_of, not_set_up, redirect, sign_in_failed};
use crate::http::extract::Query;
use crate::http::openapi::{NotAdmitted, NotFound};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::identity::caller::AnonymousCaller;
use crate::identity::oidc::Person;
use crate::identity::state::IdentityState;

/// Path of the link, as refusals record it.
const PATH: &str = "/api/auth/local";

/// Issuer of the local admin's identity.
const ISSUER: &str = "patron:local";

/// The link's token.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LinkParams {
    /// The token that `patron up` printed.
    token: String,
}

/// Signs in a local admin with a one-time link.
///
/// `patron up` prints the link if it listens on the loopback interface only and no
/// provider is configured.
#[utoipa::path(
    get,
    path = "/api/auth/local",
    tag = "Authentication",
    params(LinkParams),
    responses(
        (status = 303, description = "Signed in",
            headers(
                ("Location" = inline(schema::Path), description = "The console, or the API's page"),
                ("Set-Cookie" = String, description = "The session's token"))),
        NotAdmitted, NotFound
    )
)]
pub(super) async fn sign_in_by_link(
    State(identity): State<IdentityState>,
    AnonymousCaller(context): AnonymousCaller,
    method: Method,
    Query(link): Query<LinkParams>,
) -> Result<Response, Problem> {
    let sign_in = identity.credentials.sign_in.as_ref();
    let found = sign_in.and_then(|sign_in| Some((sign_in, sign_in.local.as_ref()?)));
    let (sign_in, local) = found.ok_or_else(|| not_set_up("a link"))?;
    // HEAD does not redeem the link: link previews send it.
    if method == Method::HEAD || !local.redeem(&link.token) {
        return Err(sign_in_failed(
            "the link is not the one that was printed, or was used already",
        ));
    }
    let person = Person {
        subject: "admin".to_owned(),
        email: "admin@localhost".to_owned(),
        name: None,
        hosted_domain: None,
    };
    let user = identity_of(ISSUER, person)?;
    let cookie = begin_session(&identity, sign_in, (context, PATH), user, UserRole::Admin);
    Ok(redirect(identity.home, cookie.await?))
}
