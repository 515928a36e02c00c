//! `GET /api/auth/local`

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use domain::UserRole;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{HOME, failed, go, identity, let_in, not_set_up};
use crate::auth::oidc::Person;
use crate::caller::Nobody;
use crate::extract::Query;
use crate::openapi::LinkProblems;
use crate::problem::Problem;
use crate::state::AppState;

/// Where the link leads.
const PATH: &str = "/api/auth/local";

/// Who says who a local admin is.
const ISSUER: &str = "patron:local";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sign_in_by_link))
}

/// The link's token.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Link {
    /// As `patron up` printed it.
    token: String,
}

/// Signs a local admin in, once.
///
/// There is such a link only where `patron up` listens on its own machine and
/// no provider is set up; it prints it.
#[utoipa::path(
    get,
    path = "/api/auth/local",
    tag = "sign-in",
    params(Link),
    responses(
        (status = 303, description = "Signed in",
            headers(
                ("Location" = String, description = "The API's page"),
                ("Set-Cookie" = String, description = "The session"))),
        LinkProblems
    )
)]
async fn sign_in_by_link(
    State(app): State<AppState>,
    Nobody(context): Nobody,
    method: Method,
    Query(link): Query<Link>,
) -> Result<Response, Problem> {
    let sign_in = app.credentials.sign_in.as_ref();
    let found = sign_in.and_then(|sign_in| Some((sign_in, sign_in.local.as_ref()?)));
    let (sign_in, local) = found.ok_or_else(|| not_set_up("a link"))?;
    // What only asks for the head, such as a preview, does not use it up.
    if method == Method::HEAD || !local.take(&link.token) {
        return Err(failed(
            "the link is not the one that was printed, or was used",
        ));
    }
    let person = Person {
        subject: "admin".to_owned(),
        email: "admin@localhost".to_owned(),
        name: None,
        hosted_domain: None,
    };
    let identity = identity(ISSUER, person)?;
    let set = let_in(&app, sign_in, (context, PATH), identity, UserRole::Admin).await?;
    Ok(go(HOME, set))
}
