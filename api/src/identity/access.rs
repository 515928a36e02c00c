//! Access control: the table of required roles, and the middleware that enforces it.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use commands::Context;
use domain::Role;
use tokio::time::Instant;

use super::caller::{context, now};
use super::cookie;
use super::credentials::{Actor, AuthenticationError, Credential};
use super::state::{IdentityContext, IdentityState};
use crate::http::address::Client;
use crate::http::limits::Share;
use crate::http::middleware::UNMATCHED;
use crate::http::problem::{Problem, ProblemKind};

/// Time for which an event stream relies on a check of its credential.
const CONFIRMED_FOR: Duration = Duration::from_secs(5);

/// Permission that an operation requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// No credential. The handler of receipts checks their signature.
    Nothing,
    /// Any credential.
    Anyone,
    /// A role that may ingest data.
    DataIn,
    /// A role that may read.
    Viewer,
    /// A role that may ingest data, or change segments and campaigns.
    DataInOrMarketer,
    /// A role that may change segments and campaigns, and import files.
    Marketer,
    /// The role that may call every operation.
    Admin,
}

use Needs::{Admin, Anyone, DataIn, DataInOrMarketer, Marketer, Nothing, Viewer};

/// Required permission of every operation: method, path as in the OpenAPI document,
/// permission. An operation without a row cannot be called.
const TABLE: &[(&str, &str, Needs)] = &[
    ("GET", "/healthz", Nothing),
    ("GET", "/readyz", Nothing),
    ("GET", "/metrics", Viewer),
    ("GET", "/api/auth/google", Nothing),
    ("GET", "/api/auth/google/callback", Nothing),
    ("GET", "/api/auth/local", Nothing),
    ("GET", "/api/auth/me", Anyone),
    ("POST", "/api/auth/logout", Anyone),
    ("POST", "/api/data/customers", DataIn),
    ("POST", "/api/data/orders", DataIn),
    ("POST", "/api/data/events", DataIn),
    ("POST", "/v1/batch", DataIn),
    ("POST", "/v1/identify", DataIn),
    ("POST", "/v1/track", DataIn),
    ("POST", "/v1/{type}", DataIn),
    ("GET", "/api/customers", Viewer),
    ("GET", "/api/customers/{id}", Viewer),
    ("POST", "/api/customers/{id}/merge", DataInOrMarketer),
    ("GET", "/api/customers/{id}/consents", Viewer),
    ("POST", "/api/customers/{id}/consents", Marketer),
    ("GET", "/api/customers/{id}/segments", Viewer),
    ("GET", "/api/customers/{id}/timeline", Viewer),
    ("GET", "/api/orders", Viewer),
    ("GET", "/api/reports/daily", Viewer),
    ("GET", "/api/segments", Viewer),
    ("POST", "/api/segments", Marketer),
    ("POST", "/api/segments/preview", Marketer),
    ("GET", "/api/segments/{id}", Viewer),
    ("PUT", "/api/segments/{id}", Marketer),
    ("DELETE", "/api/segments/{id}", Marketer),
    ("GET", "/api/segments/{id}/customers", Viewer),
    ("GET", "/api/segments/{id}/explain", Viewer),
    ("GET", "/api/segments/{id}/history", Viewer),
    ("GET", "/api/campaigns", Viewer),
    ("POST", "/api/campaigns", Marketer),
    ("POST", "/api/campaigns/preview", Marketer),
    ("GET", "/api/campaigns/{id}", Viewer),
    ("PATCH", "/api/campaigns/{id}", Marketer),
    ("DELETE", "/api/campaigns/{id}", Marketer),
    ("GET", "/api/campaigns/{id}/logs", Viewer),
    ("GET", "/api/campaigns/{id}/progress", Viewer),
    ("GET", "/api/campaigns/{id}/reconcile", Viewer),
    (
        "GET",
        "/api/campaigns/{id}/recipients/{customer_id}",
        Viewer,
    ),
    ("POST", "/api/campaigns/{id}/cancel", Marketer),
    ("POST", "/api/campaigns/{id}/clone", Marketer),
    ("POST", "/api/campaigns/{id}/launch", Marketer),
    ("POST", "/api/campaigns/{id}/pause", Marketer),
    ("POST", "/api/campaigns/{id}/resume", Marketer),
    ("POST", "/api/campaigns/{id}/retry", Marketer),
    ("GET", "/api/suppressions", Viewer),
    ("POST", "/api/suppressions", Marketer),
    ("DELETE", "/api/suppressions/{id}", Marketer),
    ("GET", "/api/imports", Viewer),
    ("POST", "/api/imports", Marketer),
    ("GET", "/api/imports/{id}", Viewer),
    ("DELETE", "/api/imports/{id}", Marketer),
    ("GET", "/api/imports/presets", Viewer),
    ("POST", "/api/imports/{id}/columns", Marketer),
    ("GET", "/api/imports/{id}/events", Viewer),
    ("POST", "/api/imports/{id}/preview", Marketer),
    ("GET", "/api/imports/{id}/refused", Viewer),
    ("POST", "/api/imports/{id}/run", Marketer),
    ("POST", "/api/imports/{id}/stop", Marketer),
    // A job also requires the permission of the operation that started it.
    ("GET", "/api/jobs/{id}", Viewer),
    ("GET", "/api/jobs/{id}/events", Viewer),
    ("POST", "/api/ai/segment-rules", Marketer),
    ("POST", "/api/ai/messages", Marketer),
    ("POST", "/api/ai/campaigns/{id}/summary", Marketer),
    ("POST", "/api/ai/campaigns/{id}/tags", Marketer),
    ("GET", "/api/ai/send-time", Viewer),
    ("GET", "/api/ai/lookalikes", Viewer),
    ("POST", "/api/delivery/receipt", Nothing),
    ("GET", "/api/users", Admin),
    ("GET", "/api/users/{user_id}", Admin),
    ("PUT", "/api/users/{user_id}/role", Admin),
    ("POST", "/api/users/{user_id}/sign-out", Admin),
    ("GET", "/api/keys", Admin),
    ("POST", "/api/keys", Admin),
    ("GET", "/api/keys/{key_id}", Admin),
    ("DELETE", "/api/keys/{key_id}", Admin),
    ("GET", "/api/audit", Admin),
    ("GET", "/api/audit/{position}", Admin),
    ("GET", "/api/admin/log", Admin),
    ("GET", "/api/admin/projections", Admin),
    ("POST", "/api/admin/projections/{name}/rebuild", Admin),
    ("POST", "/api/admin/projections/{name}/rollback", Admin),
    ("GET", "/api/admin/quarantine", Admin),
    ("POST", "/api/admin/quarantine/{position}/retry", Admin),
    ("POST", "/api/admin/quarantine/{position}/skip", Admin),
    ("GET", "/api/admin/settings", Admin),
    ("POST", "/api/admin/verify", Admin),
    ("GET", "/api/admin/workers", Admin),
    ("GET", "/api/admin/demo", Admin),
    ("POST", "/api/admin/demo", Admin),
];

/// Public operations without a rate limit per address in the guard. Health checks
/// are not limited; the handler of receipts counts invalid signatures.
const UNCOUNTED: [&str; 3] = ["/healthz", "/readyz", "/api/delivery/receipt"];

/// Returns true if requests for the path are rate limited.
pub(crate) fn is_counted(path: &str) -> bool {
    !["/healthz", "/readyz"].contains(&path)
}

impl Needs {
    /// Returns the permission that an operation requires, `None` if there is no such
    /// operation. `HEAD` requires the same as `GET`.
    pub(crate) fn of(method: &str, path: &str) -> Option<Self> {
        let method = if method == "HEAD" { "GET" } else { method };
        let row = TABLE.iter().find(|row| row.0 == method && row.1 == path);
        row.map(|row| row.2)
    }

    /// Returns true if the role has the permission.
    fn permits(self, role: Role) -> bool {
        match self {
            Nothing | Anyone => true,
            DataIn => matches!(role, Role::Ingest | Role::Admin),
            DataInOrMarketer => role == Role::Ingest || role >= Role::Marketer,
            Viewer => role >= Role::Viewer,
            Marketer => role >= Role::Marketer,
            Admin => role == Role::Admin,
        }
    }

    /// Describes the required roles, for a refusal.
    fn describe(self) -> &'static str {
        match self {
            Nothing | Anyone => "any credential is enough",
            DataIn => "this needs the role ingest or admin",
            DataInOrMarketer => "this needs the role ingest, marketer or admin",
            Viewer => "this needs the role viewer, marketer or admin",
            Marketer => "this needs the role marketer or admin",
            Admin => "this needs the role admin",
        }
    }
}

/// Operation of the table: method and path as in the OpenAPI document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApiOperation(pub(crate) &'static str, pub(crate) &'static str);

impl ApiOperation {
    /// Returns the permission that the operation requires. An operation without a row
    /// cannot be called; the role `admin` is the safe default.
    fn needs(self) -> Needs {
        Needs::of(self.0, self.1).unwrap_or(Admin)
    }
}

/// Access of an event stream, which outlives the check at the start of its request.
pub(crate) struct StreamAccess {
    identity: IdentityState,
    credential: Credential,
    operation: ApiOperation,
    /// Place among the event streams.
    _place: Share,
    /// Time of the last check, if it confirmed the access.
    confirmed_at: Option<Instant>,
}

impl StreamAccess {
    /// Creates the access of a stream that shows the result of an operation to an actor. It keeps
    /// the stream's place.
    pub(crate) fn new(
        identity: IdentityState,
        actor: Actor,
        operation: ApiOperation,
        place: Share,
    ) -> Self {
        Self {
            identity,
            credential: actor.credential,
            operation,
            _place: place,
            confirmed_at: None,
        }
    }

    /// Returns true if the credential permits the operation, as of [`CONFIRMED_FOR`] ago
    /// or later. The stream calls this before each event except the last.
    ///
    /// # Errors
    /// Like [`check`](Self::check).
    pub(crate) async fn is_confirmed(&mut self) -> Result<bool, Problem> {
        match self.confirmed_at {
            Some(at) if at.elapsed() < CONFIRMED_FOR => Ok(true),
            _ => self.check().await,
        }
    }

    /// Checks whether the credential permits the operation now. Returns false if Redis
    /// does not respond; the stream must then send nothing, and try again. The stream
    /// calls this before its last event.
    ///
    /// # Errors
    /// 401 if the credential is no longer valid, 403 if its role no longer permits the
    /// operation.
    pub(crate) async fn check(&mut self) -> Result<bool, Problem> {
        self.confirmed_at = None;
        let needs = self.operation.needs();
        let problem = match self.identity.current_role(&self.credential).await {
            Ok(role) if needs.permits(role) => {
                self.confirmed_at = Some(Instant::now());
                return Ok(true);
            }
            Ok(_) => Problem::new(ProblemKind::Forbidden, needs.describe()),
            Err(error) => Problem::from(error),
        };
        match problem.kind() {
            ProblemKind::Unavailable => Ok(false),
            _ => Err(problem),
        }
    }
}

/// Middleware that authenticates and authorizes requests. Adds the [`Actor`] as an
/// extension. Only a client with a valid credential learns that a path does not exist, or
/// that a protected path does not support a method.
pub(crate) async fn guard(
    State(identity): State<IdentityState>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map(MatchedPath::as_str);
    let needs = path.and_then(|path| Needs::of(request.method().as_str(), path));
    let is_public = |path: &str| TABLE.iter().any(|row| row.1 == path && row.2 == Nothing);
    match (needs, path) {
        (Some(Nothing), Some(path)) if !UNCOUNTED.contains(&path) => {
            count(State(identity), request, next).await
        }
        (Some(Nothing), _) => next.run(request).await,
        (None, Some(path)) if is_public(path) => unsupported_method(path),
        _ => authenticate(&identity, needs, path, request, next).await,
    }
}

async fn authenticate(
    identity: &IdentityContext,
    needs: Option<Needs>,
    path: Option<&str>,
    mut request: Request,
    next: Next,
) -> Response {
    let actor = match identity.authenticate(request.headers()).await {
        Ok(actor) => actor,
        Err(error) => return reject(identity, error, path, &request),
    };
    if let Err(problem) = identity.rates.check_credential(&actor.name) {
        return problem.into_response();
    }
    if let Err(problem) = identity.credentials.check_site(&actor, &request) {
        return problem.into_response();
    }
    let context = context(request.extensions(), Some(&actor));
    match (needs, path) {
        (None, Some(path)) => return unsupported_method(path),
        (Some(needs), Some(path)) if !needs.permits(actor.role) => {
            let method = request.method();
            return forbid(identity, needs, &actor, &context, method, path).into_response();
        }
        _ => {}
    }
    if let Credential::Key {
        id,
        records_use: true,
        ..
    } = &actor.credential
    {
        identity.journal.used(context, id.clone());
    }
    request.extensions_mut().insert(actor.scope.clone());
    request.extensions_mut().insert(actor.clone());
    let mut response = next.run(request).await;
    // A session in use is renewed, up to its maximum lifetime, unless the handler has
    // set or removed its cookie.
    if !cookie::is_set(response.headers())
        && let Some(cookie) = identity.credentials.renewed_cookie(&actor, now())
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Returns the response to a request without a valid credential.
fn reject(
    identity: &IdentityContext,
    error: AuthenticationError,
    path: Option<&str>,
    request: &Request,
) -> Response {
    // A credential that could not be looked up may be valid, so it does not count
    // as a failed attempt.
    let is_unavailable = matches!(error, AuthenticationError::Unavailable(_));
    if !is_unavailable && let Err(problem) = identity.rates.check_address(address(request)) {
        return problem.into_response();
    }
    if let AuthenticationError::Tampered(detail) = &error {
        let context = context(request.extensions(), None);
        let method = request.method().as_str();
        let path = path.unwrap_or(UNMATCHED);
        identity.journal.tampered(&context, method, path, detail);
    }
    // A cookie is removed only if it is known to be invalid.
    let by_key = request.headers().contains_key(header::AUTHORIZATION);
    let is_cookie_invalid = !by_key && !is_unavailable;
    let mut response = Problem::from(error).into_response();
    if is_cookie_invalid
        && let Some(removed) = identity.credentials.removed_cookie(request.headers())
    {
        response.headers_mut().append(header::SET_COOKIE, removed);
    }
    response
}

/// Records and returns the refusal of a role without permission.
fn forbid(
    identity: &IdentityContext,
    needs: Needs,
    actor: &Actor,
    context: &Context,
    method: &Method,
    path: &str,
) -> Problem {
    let (role, required) = (actor.role.as_str(), needs.describe());
    let detail = format!("{required}, and the credential has the role {role}");
    let journal = &identity.journal;
    journal.forbidden(context, method.as_str(), path, &detail);
    Problem::new(ProblemKind::Forbidden, detail)
}

/// Checks that the caller may also call another operation, whose result it requests
/// at `path`.
///
/// # Errors
/// 403 if the role does not permit it. The refusal is recorded.
pub(crate) fn check_also(
    identity: &IdentityContext,
    actor: &Actor,
    context: &Context,
    path: &str,
    operation: ApiOperation,
) -> Result<(), Problem> {
    let needs = operation.needs();
    match needs.permits(actor.role) {
        true => Ok(()),
        false => Err(forbid(identity, needs, actor, context, &Method::GET, path)),
    }
}

/// Returns the response to an unsupported method, with the supported ones in `Allow`.
fn unsupported_method(path: &str) -> Response {
    let methods = TABLE.iter().filter(|row| row.1 == path).map(|row| row.0);
    let with_head = methods.flat_map(|method| match method {
        "GET" => vec!["GET", "HEAD"],
        method => vec![method],
    });
    let allow = with_head.collect::<Vec<_>>().join(",");
    let mut response = wrong_method().into_response();
    if let Ok(allow) = HeaderValue::try_from(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Rejects unsupported methods of routes without a row in the table: the OpenAPI document
/// and its page.
pub(crate) async fn method_not_allowed() -> Problem {
    wrong_method()
}

fn wrong_method() -> Problem {
    let detail = "the path does not support this method; see the header `Allow`";
    Problem::new(ProblemKind::MethodNotAllowed, detail)
}

/// Middleware that applies the rate limit per address to public routes.
pub(crate) async fn count(
    State(identity): State<IdentityState>,
    request: Request,
    next: Next,
) -> Response {
    match identity.rates.check_address(address(&request)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn address(request: &Request) -> Option<IpAddr> {
    request
        .extensions()
        .get::<Client>()
        .and_then(|client| client.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_exactly_the_operations_of_the_document() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        let mut operations: Vec<_> = operations.collect();
        let mut rows: Vec<_> = TABLE.iter().map(|(m, p, _)| format!("{m} {p}")).collect();
        operations.sort();
        rows.sort();
        assert_eq!(rows, operations);
    }

    #[test]
    fn a_role_includes_the_lower_roles_except_ingest() {
        let all = [Role::Ingest, Role::Viewer, Role::Marketer, Role::Admin];
        let may = |needs: Needs| all.map(|role| needs.permits(role));
        assert_eq!(may(Anyone), [true; 4]);
        assert_eq!(may(DataIn), [true, false, false, true]);
        assert_eq!(may(Viewer), [false, true, true, true]);
        assert_eq!(may(Marketer), [false, false, true, true]);
        assert_eq!(may(Admin), [false, false, false, true]);
    }

    #[test]
    fn head_requires_the_same_as_get() {
        assert_eq!(Needs::of("HEAD", "/api/orders"), Some(Viewer));
        assert_eq!(Needs::of("HEAD", "/api/data/orders"), None);
        assert_eq!(Needs::of("PATCH", "/api/orders"), None);
    }
}
