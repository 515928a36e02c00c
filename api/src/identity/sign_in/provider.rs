//! Handlers of `GET /api/auth/google` and `GET /api/auth/google/callback`.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use commands::Context;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::IntoParams;

use super::{begin_session, identity_of, not_admitted, not_set_up, redirect, sign_in_failed};
use crate::http::extract::Query;
use crate::http::openapi::{NotAdmitted, NotFound};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::{AnonymousCaller, now};
use crate::identity::config::SignInConfig;
use crate::identity::cookie;
use crate::identity::oidc::{OidcError, Provider, SignInAttempt, TokenError};
use crate::identity::session::{Purpose, TokenRefusal};
use crate::identity::state::{IdentityContext, IdentityState};

/// Path to which the provider redirects back.
const CALLBACK: &str = "/api/auth/google/callback";

/// Options of a sign-in.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SignInParams {
    /// The page to go to after signing in: a path of this server, or a URL of an allowed
    /// origin; by default `/`, or `/docs/` on a server without the console.
    #[param(
        max_length = 512,
        pattern = r"^(?:/(?:[!-.0-\[\]-~][!-\[\]-~]*)?|https?://[!-\[\]-~]+)$",
        example = "/campaigns"
    )]
    return_to: Option<String>,
}

/// State of a sign-in that is in progress at the provider, kept in a cookie.
#[derive(Serialize, Deserialize)]
struct PendingSignIn {
    #[serde(flatten)]
    attempt: SignInAttempt,
    return_to: String,
}

/// Query parameters of the provider's redirect. Others are ignored.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallbackParams {
    /// The authorization code, which is exchanged for an id token.
    code: Option<String>,
    /// The `state` of the sign-in's start.
    state: Option<String>,
    /// The error if there is no code.
    error: Option<String>,
    /// The provider's issuer.
    iss: Option<String>,
}

/// Begins a sign-in by redirecting to the provider.
#[utoipa::path(
    get,
    path = "/api/auth/google",
    tag = "Authentication",
    params(SignInParams),
    responses(
        (status = 303, description = "Redirect to the provider",
            headers(("Location" = inline(schema::Path), description = "The provider's sign-in page"))),
        NotFound
    )
)]
pub(super) async fn begin_sign_in(
    State(identity): State<IdentityState>,
    Query(params): Query<SignInParams>,
) -> Result<Response, Problem> {
    let (sign_in, provider) = provider(&identity)?;
    let return_to = params.return_to.unwrap_or_else(|| identity.home.to_owned());
    let is_ours = is_local_path(&return_to) || identity.credentials.origins.has_page(&return_to);
    if !is_ours {
        let detail = "return_to: must be a path of this server, or a URL of an allowed origin";
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    let callback = sign_in.public_url.join(CALLBACK);
    let (url, attempt) = provider.begin(&callback).await?;
    let pending = PendingSignIn { attempt, return_to };
    let cookie = sign_in.cookie(Purpose::SignIn, pending, now())?;
    Ok(redirect(url.as_str(), cookie))
}

/// Completes a sign-in. The provider redirects the browser to this path.
#[utoipa::path(
    get,
    path = "/api/auth/google/callback",
    tag = "Authentication",
    params(CallbackParams),
    responses(
        (status = 303, description = "Signed in",
            headers(
                ("Location" = inline(schema::Path), description = "The `return_to` of the sign-in"),
                ("Set-Cookie" = String, description = "The session's token"))),
        NotAdmitted, NotFound
    )
)]
pub(super) async fn complete_sign_in(
    State(identity): State<IdentityState>,
    AnonymousCaller(context): AnonymousCaller,
    Query(callback): Query<CallbackParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (sign_in, provider) = provider(&identity)?;
    let completed = complete(&identity, sign_in, provider, context, callback, &headers).await;
    let mut response = completed.into_response();
    // An attempt is over after its callback, even if the sign-in failed.
    let removal = sign_in.removal_cookie(Purpose::SignIn);
    response.headers_mut().append(header::SET_COOKIE, removal);
    Ok(response)
}

async fn complete(
    identity: &IdentityContext,
    sign_in: &SignInConfig,
    provider: &Provider,
    context: Context,
    callback: CallbackParams,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let pending = pending_sign_in(identity, sign_in, &context, &callback, headers)?;
    if callback
        .iss
        .is_some_and(|issuer| !provider.is_named(&issuer))
    {
        return Err(sign_in_failed("the response is from another provider"));
    }
    let code = match (callback.code, callback.error) {
        (Some(code), None) => code,
        (_, Some(error)) if error == "access_denied" => {
            return Err(sign_in_failed("access was denied at the provider"));
        }
        _ => return Err(sign_in_failed("the provider sent no code")),
    };
    let callback_url = sign_in.public_url.join(CALLBACK);
    let person = provider
        .complete(&callback_url, code, pending.attempt)
        .await?;
    let configured = sign_in.admission.role(&person, provider.is_google());
    let user = identity_of(provider.issuer(), person)?;
    let cookie = begin_session(identity, sign_in, (context, CALLBACK), user, configured);
    Ok(redirect(&pending.return_to, cookie.await?))
}

/// Returns the sign-in that this browser began, if the callback has its `state`.
/// The check binds the provider's answer to the browser. Without it, a link could
/// sign a victim in to the attacker's account.
fn pending_sign_in(
    identity: &IdentityContext,
    sign_in: &SignInConfig,
    context: &Context,
    callback: &CallbackParams,
    headers: &HeaderMap,
) -> Result<PendingSignIn, Problem> {
    let Some(token) = cookie::token(headers, Purpose::SignIn) else {
        return Err(sign_in_failed(
            "the sign-in did not begin in this browser, or took too long",
        ));
    };
    let read = sign_in.session_keys.read(Purpose::SignIn, &token);
    let (pending, _): (PendingSignIn, _) = read.map_err(|refusal| {
        if refusal == TokenRefusal::Tampered {
            identity.journal.tampered(
                context,
                "GET",
                CALLBACK,
                "the sign-in's cookie was not issued by this server",
            );
        }
        sign_in_failed("the sign-in did not begin at this server, or took too long")
    })?;
    let state = callback.state.as_deref().unwrap_or_default();
    match bool::from(pending.attempt.state.as_bytes().ct_eq(state.as_bytes())) {
        true => Ok(pending),
        false => Err(sign_in_failed(
            "the provider's answer belongs to another sign-in",
        )),
    }
}

/// Returns whether a location is a path that no browser interprets as the address of
/// another server. Without this check and that of the allowed origins, the API would be
/// an open redirect.
fn is_local_path(location: &str) -> bool {
    let is_graphic = location
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    location.starts_with('/') && !location.starts_with("//") && location.len() <= 512 && is_graphic
}

fn provider(identity: &IdentityContext) -> Result<(&SignInConfig, &Provider), Problem> {
    let sign_in = identity.credentials.sign_in.as_ref();
    let found = sign_in.and_then(|sign_in| Some((sign_in, sign_in.provider.as_ref()?)));
    found.ok_or_else(|| not_set_up("a provider"))
}

impl From<OidcError> for Problem {
    fn from(error: OidcError) -> Self {
        tracing::warn!(%error, "a sign-in failed");
        match error {
            OidcError::Token(error @ (TokenError::NoEmail | TokenError::UnverifiedEmail)) => {
                not_admitted(&error)
            }
            OidcError::Token(error) => sign_in_failed(&error.to_string()),
            OidcError::Refused(_) => sign_in_failed("the provider rejected the code"),
            OidcError::Unreachable(_) | OidcError::Invalid(_) | OidcError::BackingOff => {
                let detail = "the sign-in provider is not available; try again";
                Self::new(ProblemKind::Unavailable, detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_paths_of_this_server_only() {
        for good in ["/", "/docs/", "/a?b=c#d", "/a//b"] {
            assert!(is_local_path(good), "{good}");
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
            assert!(!is_local_path(bad), "{bad}");
        }
    }
}
