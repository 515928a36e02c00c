//! Who may call what: the one table, and the guard that holds requests to it.

use std::net::IpAddr;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use commands::Context;
use domain::{Role, Timestamp};

use crate::address::Client;
use crate::auth::{Actor, Credential, Denied, cookie};
use crate::caller::context;
use crate::consistency::Follower;
use crate::observe::UNMATCHED;
use crate::problem::{Problem, ProblemKind};
use crate::state::{AppState, Shared};

/// What a request needs to be let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// No credential. Receipts are let in by their signature, in their handler.
    Nothing,
    /// Any credential.
    Anyone,
    /// A role that may bring data in.
    DataIn,
    /// A role that may read.
    Viewer,
    /// A role that may work on segments and campaigns.
    Marketer,
    /// The role that may do everything.
    Admin,
}

use Needs::{Admin, Anyone, DataIn, Marketer, Nothing, Viewer};

/// Every operation, as the OpenAPI document names it, and what it needs. What
/// is not here cannot be called.
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
    ("GET", "/api/customers", Viewer),
    ("GET", "/api/customers/{id}", Viewer),
    ("GET", "/api/customers/{id}/timeline", Viewer),
    ("GET", "/api/orders", Viewer),
    ("GET", "/api/segments", Viewer),
    ("POST", "/api/segments", Marketer),
    ("POST", "/api/segments/preview", Marketer),
    ("GET", "/api/segments/{id}", Viewer),
    ("PUT", "/api/segments/{id}", Marketer),
    ("DELETE", "/api/segments/{id}", Marketer),
    ("GET", "/api/segments/{id}/customers", Viewer),
    ("GET", "/api/segments/{id}/explain", Viewer),
    ("GET", "/api/campaigns", Viewer),
    ("POST", "/api/campaigns", Marketer),
    ("POST", "/api/campaigns/preview", Marketer),
    ("GET", "/api/campaigns/{id}", Viewer),
    ("GET", "/api/campaigns/{id}/logs", Viewer),
    ("GET", "/api/campaigns/{id}/progress", Viewer),
    ("GET", "/api/campaigns/{id}/reconcile", Viewer),
    (
        "GET",
        "/api/campaigns/{id}/recipients/{customer_id}",
        Viewer,
    ),
    ("POST", "/api/campaigns/{id}/cancel", Marketer),
    ("POST", "/api/campaigns/{id}/launch", Marketer),
    ("POST", "/api/campaigns/{id}/pause", Marketer),
    ("POST", "/api/campaigns/{id}/resume", Marketer),
    ("POST", "/api/campaigns/{id}/retry", Marketer),
    // Each job needs, besides, what the operation needs that started it.
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
    ("GET", "/api/admin/quarantine", Admin),
    ("POST", "/api/admin/quarantine/{position}/retry", Admin),
    ("POST", "/api/admin/quarantine/{position}/skip", Admin),
    ("GET", "/api/admin/workers", Admin),
];

/// Open, and not counted against an address: whether the server is well may be
/// asked as often as anybody likes, and receipts are counted where their
/// signature is bad.
const UNCOUNTED: [&str; 3] = ["/healthz", "/readyz", "/api/delivery/receipt"];

/// Whether requests for it may become too many.
pub(crate) fn is_counted(path: &str) -> bool {
    !["/healthz", "/readyz"].contains(&path)
}

impl Needs {
    /// Of an operation; nothing where there is none. Whoever may get may ask
    /// for the head.
    pub(crate) fn of(method: &str, path: &str) -> Option<Self> {
        let method = if method == "HEAD" { "GET" } else { method };
        let row = TABLE.iter().find(|row| row.0 == method && row.1 == path);
        row.map(|row| row.2)
    }

    /// Whether this role is enough.
    fn permits(self, role: Role) -> bool {
        match self {
            Nothing | Anyone => true,
            DataIn => matches!(role, Role::Ingest | Role::Admin),
            Viewer => role >= Role::Viewer,
            Marketer => role >= Role::Marketer,
            Admin => role == Role::Admin,
        }
    }

    /// What is said to a role that is not enough.
    fn told(self) -> &'static str {
        match self {
            Nothing | Anyone => "any credential does",
            DataIn => "this needs the role ingest or admin",
            Viewer => "this needs the role viewer, marketer or admin",
            Marketer => "this needs the role marketer or admin",
            Admin => "this needs the role admin",
        }
    }
}

/// Lets a request through that has what its operation needs, with its [`Actor`]
/// as an extension. What is not there is told to those alone who show a known
/// credential.
pub(crate) async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map(MatchedPath::as_str);
    let needs = path.and_then(|path| Needs::of(request.method().as_str(), path));
    let open = |path: &str| TABLE.iter().any(|row| row.1 == path && row.2 == Nothing);
    match (needs, path) {
        (Some(Nothing), Some(path)) if !UNCOUNTED.contains(&path) => {
            count(State(app), request, next).await
        }
        (Some(Nothing), _) => next.run(request).await,
        (None, Some(path)) if open(path) => not_taken(path),
        _ => as_somebody(&app, needs, path, request, next).await,
    }
}

async fn as_somebody(
    app: &Shared,
    needs: Option<Needs>,
    path: Option<&str>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let found = app.credentials.actor(&app.commands, headers, now()).await;
    let actor = match found {
        Ok(actor) => actor,
        Err(denied) => return turn_away(app, denied, path, &request),
    };
    if let Err(problem) = app.rates.of_credential(&actor.name) {
        return problem.into_response();
    }
    if let Err(problem) = app.credentials.check_site(&actor, &request) {
        return problem.into_response();
    }
    let context = context(request.extensions(), Some(&actor));
    match (needs, path) {
        (None, Some(path)) => return not_taken(path),
        (Some(needs), Some(path)) if !needs.permits(actor.role) => {
            let method = request.method();
            return forbid(app, needs, &actor, &context, method, path).into_response();
        }
        _ => {}
    }
    if let Credential::Key {
        id,
        records_use: true,
    } = &actor.credential
    {
        app.journal.used(context, id.clone());
    }
    request.extensions_mut().insert(actor.clone());
    let follower = Follower::of(&actor);
    if let Some(follower) = &follower {
        request.extensions_mut().insert(follower.clone());
    }
    let mut response = next.run(request).await;
    if let Some(follower) = follower {
        follower.complete(app, &mut response);
    }
    renew(app, &actor, &mut response);
    response
}

/// The answer to who shows nothing that is known.
fn turn_away(app: &Shared, denied: Denied, path: Option<&str>, request: &Request) -> Response {
    if !matches!(denied, Denied::Away(_))
        && let Err(problem) = app.rates.of_address(address(request))
    {
        return problem.into_response();
    }
    if let Denied::Tampered(detail) = &denied {
        let context = context(request.extensions(), None);
        let method = request.method().as_str();
        let path = path.unwrap_or(UNMATCHED);
        app.journal.tampered(&context, method, path, detail);
    }
    // What nobody could look up may be good.
    let by_key = request.headers().contains_key(header::AUTHORIZATION);
    let worthless = !by_key && !matches!(denied, Denied::Away(_));
    let mut response = Problem::from(denied).into_response();
    if worthless && let Some(gone) = app.credentials.forgotten(request.headers()) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    response
}

/// The answer to a role that is not enough.
fn forbid(
    app: &Shared,
    needs: Needs,
    actor: &Actor,
    context: &Context,
    method: &Method,
    path: &str,
) -> Problem {
    let (role, told) = (actor.role.as_str(), needs.told());
    let detail = format!("{told}, and the credential has {role}");
    app.journal
        .forbidden(context, method.as_str(), path, &detail);
    Problem::new(ProblemKind::Forbidden, detail)
}

/// Checks that a request for the outcome of another operation, at `path`, may
/// call that operation too.
///
/// # Errors
/// 403, which is recorded, if its role is not enough.
pub(crate) fn check_also(
    app: &Shared,
    actor: &Actor,
    context: &Context,
    path: &str,
    (method, operation): (&str, &str),
) -> Result<(), Problem> {
    // What is not in the table cannot be called by anybody.
    let needs = Needs::of(method, operation).unwrap_or(Admin);
    match needs.permits(actor.role) {
        true => Ok(()),
        false => Err(forbid(app, needs, actor, context, &Method::GET, path)),
    }
}

/// Checks again whether the credential in a request's headers permits an
/// operation. For responses that outlast the check at their start.
pub(crate) async fn still_permits(
    app: &Shared,
    headers: &HeaderMap,
    (method, operation): (&str, &str),
) -> bool {
    let needs = Needs::of(method, operation).unwrap_or(Admin);
    let found = app.credentials.actor(&app.commands, headers, now()).await;
    found.is_ok_and(|actor| needs.permits(actor.role))
}

/// A session goes on for as long as it is used, but for its own end.
fn renew(app: &Shared, actor: &Actor, response: &mut Response) {
    if cookie::is_set(response.headers()) {
        return;
    }
    if let Some(cookie) = app.credentials.renewed(actor, now()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The answer to a method that the path does not take, with those it does.
fn not_taken(path: &str) -> Response {
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

/// The answer of what is beside the table: the document and its page.
pub(crate) async fn method_not_allowed() -> Problem {
    wrong_method()
}

fn wrong_method() -> Problem {
    let detail = "this path does not take the request's method; see the header Allow";
    Problem::new(ProblemKind::MethodNotAllowed, detail)
}

/// Counts what anybody may read beside the table.
pub(crate) async fn count(State(app): State<AppState>, request: Request, next: Next) -> Response {
    match app.rates.of_address(address(&request)) {
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

fn now() -> Timestamp {
    Timestamp::from(Utc::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_document_is_in_the_table_and_no_other() {
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
    fn a_role_may_what_the_role_below_may_but_bring_data_in() {
        let all = [Role::Ingest, Role::Viewer, Role::Marketer, Role::Admin];
        let may = |needs: Needs| all.map(|role| needs.permits(role));
        assert_eq!(may(Anyone), [true; 4]);
        assert_eq!(may(DataIn), [true, false, false, true]);
        assert_eq!(may(Viewer), [false, true, true, true]);
        assert_eq!(may(Marketer), [false, false, true, true]);
        assert_eq!(may(Admin), [false, false, false, true]);
    }

    #[test]
    fn who_may_get_may_ask_for_the_head() {
        assert_eq!(Needs::of("HEAD", "/api/orders"), Some(Viewer));
        assert_eq!(Needs::of("HEAD", "/api/data/orders"), None);
        assert_eq!(Needs::of("PATCH", "/api/orders"), None);
    }
}
