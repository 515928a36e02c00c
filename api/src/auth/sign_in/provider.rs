//! `GET /api/auth/google`, `GET /api/auth/google/callback`

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use commands::Context;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{HOME, failed, go, identity, let_in, not_admitted, not_set_up, unsigned};
use crate::auth::oidc::{Attempt, OidcError, TokenError};
use crate::auth::session::TokenRefusal;
use crate::auth::{Provider, Purpose, SignIn, cookie};
use crate::caller::Nobody;
use crate::extract::Query;
use crate::openapi::{CallbackProblems, SignInProblems};
use crate::problem::{Problem, ProblemKind};
use crate::state::{AppState, Shared};

/// Where the provider sends people back to.
const CALLBACK: &str = "/api/auth/google/callback";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(begin_sign_in))
        .routes(routes!(complete_sign_in))
}

/// Where to go once signed in.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Begin {
    /// A path of this server's; `/docs/` if it is not said.
    #[param(
        max_length = 512,
        pattern = r"^/(?:[!-.0-\[\]-~][!-\[\]-~]*)?$",
        example = "/docs/"
    )]
    return_to: Option<String>,
}

/// What a browser takes to the provider and brings back, in its cookie.
#[derive(Serialize, Deserialize)]
struct Going {
    #[serde(flatten)]
    attempt: Attempt,
    return_to: String,
}

/// What the provider sends back, beside more that it may say.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Callback {
    /// What becomes an id token.
    code: Option<String>,
    /// As it was when the sign-in began.
    state: Option<String>,
    /// Why there is no code.
    error: Option<String>,
    /// The provider's name.
    iss: Option<String>,
}

/// Begins a sign-in: sends the browser to the provider.
#[utoipa::path(
    get,
    path = "/api/auth/google",
    tag = "sign-in",
    params(Begin),
    responses(
        (status = 303, description = "To the provider",
            headers(("Location" = String, description = "The provider's page"))),
        SignInProblems
    )
)]
async fn begin_sign_in(
    State(app): State<AppState>,
    Query(begin): Query<Begin>,
) -> Result<Response, Problem> {
    let (sign_in, provider) = provider(&app)?;
    let return_to = begin.return_to.unwrap_or_else(|| HOME.to_owned());
    if !is_path_of_ours(&return_to) {
        let detail = "return_to: it has to be a path of this server's";
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    let callback = sign_in.public_url.join(CALLBACK);
    let (url, attempt) = provider.begin(&callback).await?;
    let going = Going { attempt, return_to };
    let keys = &sign_in.session_keys;
    let token = keys.sign(Purpose::SignIn, going, Timestamp::from(chrono::Utc::now()));
    let token = token.map_err(|error| unsigned(&error))?;
    let secure = sign_in.public_url.is_secure();
    Ok(go(
        url.as_str(),
        cookie::set(Purpose::SignIn, token, secure),
    ))
}

/// Ends a sign-in: where the provider sends the browser back to.
#[utoipa::path(
    get,
    path = "/api/auth/google/callback",
    tag = "sign-in",
    params(Callback),
    responses(
        (status = 303, description = "Signed in",
            headers(
                ("Location" = String, description = "Where the sign-in began from"),
                ("Set-Cookie" = String, description = "The session"))),
        CallbackProblems
    )
)]
async fn complete_sign_in(
    State(app): State<AppState>,
    Nobody(context): Nobody,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (sign_in, provider) = provider(&app)?;
    let done = complete(&app, sign_in, provider, context, callback, &headers).await;
    let mut response = done.into_response();
    // Whatever came of it, this attempt is over.
    let gone = cookie::remove(Purpose::SignIn, sign_in.public_url.is_secure());
    response.headers_mut().append(header::SET_COOKIE, gone);
    Ok(response)
}

async fn complete(
    app: &Shared,
    sign_in: &SignIn,
    provider: &Provider,
    context: Context,
    callback: Callback,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let going = brought_back(app, sign_in, &context, &callback, headers)?;
    if callback
        .iss
        .is_some_and(|issuer| !provider.is_named(&issuer))
    {
        return Err(failed("another provider answers"));
    }
    let code = match (callback.code, callback.error) {
        (Some(code), None) => code,
        (_, Some(error)) if error == "access_denied" => {
            return Err(failed("the provider, or you, denied it"));
        }
        _ => return Err(failed("the provider sent no code")),
    };
    let at = sign_in.public_url.join(CALLBACK);
    let person = provider.complete(&at, code, going.attempt).await?;
    let configured = sign_in.admission.role(&person, provider.is_google());
    let identity = identity(provider.issuer(), person)?;
    let set = let_in(app, sign_in, (context, CALLBACK), identity, configured).await?;
    Ok(go(&going.return_to, set))
}

/// What this browser set out with, if it comes back with the same state.
fn brought_back(
    app: &Shared,
    sign_in: &SignIn,
    context: &Context,
    callback: &Callback,
    headers: &HeaderMap,
) -> Result<Going, Problem> {
    let Some(token) = cookie::token(headers, Purpose::SignIn) else {
        return Err(failed("it did not begin in this browser, or took too long"));
    };
    let read = sign_in.session_keys.read(Purpose::SignIn, &token);
    let (going, _): (Going, _) = read.map_err(|refusal| {
        if refusal == TokenRefusal::Tampered {
            app.journal.tampered(
                context,
                "GET",
                CALLBACK,
                "the sign-in's cookie was not made here",
            );
        }
        failed("it did not begin here, or took too long")
    })?;
    let state = callback.state.as_deref().unwrap_or_default();
    match bool::from(going.attempt.state.as_bytes().ct_eq(state.as_bytes())) {
        true => Ok(going),
        false => Err(failed("the provider's answer is to another attempt")),
    }
}

/// Whether it is a path, and nothing that a browser would take for another
/// server's address.
fn is_path_of_ours(place: &str) -> bool {
    let graphic = place
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    place.starts_with('/') && !place.starts_with("//") && place.len() <= 512 && graphic
}

fn provider(app: &Shared) -> Result<(&SignIn, &Provider), Problem> {
    let sign_in = app.credentials.sign_in.as_ref();
    let found = sign_in.and_then(|sign_in| Some((sign_in, sign_in.provider.as_ref()?)));
    found.ok_or_else(|| not_set_up("a provider"))
}

impl From<OidcError> for Problem {
    fn from(error: OidcError) -> Self {
        tracing::warn!(%error, "nobody was signed in");
        match error {
            OidcError::Token(error @ (TokenError::NoEmail | TokenError::UnverifiedEmail)) => {
                not_admitted(&error)
            }
            OidcError::Token(error) => failed(&format!("id token: {error}")),
            OidcError::Refused(_) => failed("the provider does not take the code"),
            OidcError::Away(_) | OidcError::Odd(_) | OidcError::Resting => {
                let detail = "the sign-in provider does not answer as it should; try again";
                Self::new(ProblemKind::Unavailable, detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_sent_to_paths_of_this_server_alone() {
        for good in ["/", "/docs/", "/a?b=c#d", "/a//b"] {
            assert!(is_path_of_ours(good), "{good}");
        }
        let long = format!("/{}", "x".repeat(512));
        for bad in [
            "",
            "docs",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: b",
            "https://evil.example",
            "/ä",
            &long,
        ] {
            assert!(!is_path_of_ours(bad), "{bad}");
        }
    }
}
