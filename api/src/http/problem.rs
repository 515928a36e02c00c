//! Error responses as RFC 9457 `application/problem+json`.
//!
//! Handlers and extractors return a [`Problem`] of one of the [`ProblemKind`]s. Its
//! detail is written for the client. The internal cause goes to the server's log, where
//! the problem is created. [`crate::http::middleware`] adds the request's id and
//! serializes the body.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use commands::CommandError;
use eventlog::LogError;
use projections::{ProjectError, QueryError, ReconcileError, WaitError};
use serde::Serialize;
use utoipa::ToSchema;

/// Declares the kinds. Add new ones to the list below.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $status:ident $slug:literal $title:literal;)*) => {
        /// Kind of a problem. The slug of a kind never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemKind {
            $($(#[doc = $doc])* $name,)*
        }

        impl ProblemKind {
            /// All kinds, ordered by status.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the last part of `type`.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// Returns the title, which is the same for every problem of the kind.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Returns the HTTP status of the response.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }
        }
    };
}

kinds! {
    /// The body, or a line of it, is not JSON.
    MalformedJson = BAD_REQUEST "malformed-json" "Malformed JSON";
    /// The body is empty, not UTF-8, or incomplete.
    MalformedBody = BAD_REQUEST "malformed-body" "Malformed body";
    /// A parameter of the path, the query or a header is invalid, or a query
    /// parameter is unknown.
    InvalidParameter = BAD_REQUEST "invalid-parameter" "Invalid parameter";
    /// The head of the request is not HTTP/1.1.
    MalformedRequest = BAD_REQUEST "malformed-request" "Malformed request";
    /// The operation accepts no body.
    UnexpectedBody = BAD_REQUEST "unexpected-body" "Unexpected body";
    /// The sign-in failed: the provider's response does not match the attempt
    /// that this browser began, or its token is invalid.
    SignInFailed = BAD_REQUEST "sign-in-failed" "Sign-in failed";
    /// The request has no valid credential.
    Unauthenticated = UNAUTHORIZED "unauthenticated" "Not authenticated";
    /// The signature does not match the body and the vendor's secrets, or is too old.
    BadSignature = UNAUTHORIZED "bad-signature" "Invalid signature";
    /// The credential's role does not permit the operation.
    Forbidden = FORBIDDEN "forbidden" "Permission denied";
    /// A write with a session cookie was caused by a page of another origin.
    CrossSite = FORBIDDEN "cross-site" "Cross-site request";
    /// The person signed in at the provider, but has no access to Patron.
    NotAdmitted = FORBIDDEN "not-admitted" "Sign-in not permitted";
    /// The resource does not exist.
    NotFound = NOT_FOUND "not-found" "Not found";
    /// A receipt names a message that does not exist or was not sent.
    UnknownMessage = NOT_FOUND "unknown-message" "Unknown message";
    /// The path does not support the method. `Allow` lists the methods it supports.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method-not-allowed" "Method not allowed";
    /// The resource to archive is in use.
    InUse = CONFLICT "in-use" "Resource in use";
    /// The resource to change or use is archived.
    Archived = CONFLICT "archived" "Resource archived";
    /// The customer was merged into another one.
    Merged = CONFLICT "merged" "Customer merged";
    /// The current status of the campaign or import does not permit the transition.
    ImpossibleTransition = CONFLICT "impossible-transition" "Invalid status transition";
    /// The draft was changed while it was launched.
    DraftChanged = CONFLICT "draft-changed" "Draft changed";
    /// The operation needs a launched campaign.
    NotLaunched = CONFLICT "not-launched" "Campaign not launched";
    /// The view has no previous generation to serve again.
    NoPreviousGeneration = CONFLICT "no-previous-generation" "No previous generation";
    /// Another process is rebuilding the view or rolling it back.
    Rebuilding = CONFLICT "rebuilding" "Rebuild in progress";
    /// The same `Idempotency-Key` was used with different content.
    IdempotencyConflict = CONFLICT "idempotency-conflict" "Idempotency key reused";
    /// The deployment already has data, or the demo shop.
    NotEmpty = CONFLICT "not-empty" "Deployment not empty";
    /// Another import runs.
    ImportRunning = CONFLICT "import-running" "Import running";
    /// Another process has the file of the import.
    OtherProcess = CONFLICT "other-process" "File of another process";
    /// The process takes no files, since it has no directory for them.
    ImportsDisabled = CONFLICT "imports-disabled" "Imports disabled";
    /// The operation needs events that were trimmed from the log.
    Trimmed = GONE "trimmed" "Events trimmed from the log";
    /// The body exceeds the size limit.
    BodyTooLarge = PAYLOAD_TOO_LARGE "body-too-large" "Body too large";
    /// The body has more items than one request may carry.
    TooManyItems = PAYLOAD_TOO_LARGE "too-many-items" "Too many items";
    /// The operation does not accept the body's media type or encoding.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "Unsupported media type";
    /// An object has an unknown field.
    UnknownField = UNPROCESSABLE_ENTITY "unknown-field" "Unknown field";
    /// A field is missing, has the wrong type, or has a value out of bounds.
    InvalidField = UNPROCESSABLE_ENTITY "invalid-field" "Invalid field";
    /// Each field is valid, but the item as a whole breaks a rule.
    Refused = UNPROCESSABLE_ENTITY "refused" "Rejected by a rule";
    /// The result of a job is too large to store.
    ResultTooLarge = UNPROCESSABLE_ENTITY "result-too-large" "Result too large";
    /// A request in plain words could not be translated into rules.
    NotUnderstood = UNPROCESSABLE_ENTITY "not-understood" "Not understood";
    /// The request line and headers exceed the size limit.
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE "head-too-large" "Request head too large";
    /// The credential or the address exceeded its rate limit.
    TooManyRequests = TOO_MANY_REQUESTS "too-many-requests" "Too many requests";
    /// The server failed. Its log has the cause under the request's id.
    Internal = INTERNAL_SERVER_ERROR "internal" "Internal error";
    /// Redis or MongoDB does not respond.
    Unavailable = SERVICE_UNAVAILABLE "unavailable" "Temporarily unavailable";
    /// Redis holds a different log than the one that the views were folded from,
    /// or an older copy of it.
    OtherLog = SERVICE_UNAVAILABLE "other-log" "Redis holds another log";
    /// The language model does not respond, and the built-in engine has no answer.
    ModelUnavailable = SERVICE_UNAVAILABLE "model-unavailable" "Language model unavailable";
    /// Redis is short of memory. New data is refused until memory is available.
    OutOfMemory = SERVICE_UNAVAILABLE "out-of-memory" "Out of memory";
    /// Concurrent requests kept changing the same aggregate.
    Contended = SERVICE_UNAVAILABLE "contended" "Too much contention";
    /// Too many requests run at the same time, or no memory is left for bodies.
    Busy = SERVICE_UNAVAILABLE "busy" "Server busy";
    /// The process that ran a job stopped before the job completed, or is stopping.
    Interrupted = SERVICE_UNAVAILABLE "interrupted" "Job interrupted";
    /// The view did not reach the positions of `after` in time.
    ViewBehind = SERVICE_UNAVAILABLE "view-behind" "View behind";
    /// The request exceeded its time limit.
    Timeout = SERVICE_UNAVAILABLE "timeout" "Request timed out";
    /// The disk for the files of imports is full.
    DiskFull = INSUFFICIENT_STORAGE "disk-full" "Disk full";
}

impl ProblemKind {
    /// Prefix of `type`, before the slug.
    pub const TYPE_PREFIX: &str = "urn:patron:problem:";

    /// Returns the kind for a response that has only an error status.
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            status if status.is_client_error() => Self::InvalidParameter,
            _ => Self::Internal,
        }
    }

    /// Returns the number of seconds after which to retry, for temporary problems.
    fn retry_after(self) -> Option<u16> {
        match self {
            Self::ViewBehind | Self::TooManyRequests | Self::Contended => Some(1),
            Self::Unavailable | Self::Busy | Self::Interrupted | Self::Timeout => Some(2),
            Self::OutOfMemory | Self::OtherLog | Self::ModelUnavailable => Some(10),
            _ => None,
        }
    }
}

/// Maximum number of faults of one item that a problem lists.
pub(crate) const MAX_ERRORS: usize = 20;

/// Maximum length in bytes of the pointer to a fault. The client determines the names of
/// fields, which would otherwise make an answer several times as large as its request.
const MAX_POINTER: usize = 200;

/// Maximum length in bytes of the explanation of a fault, which may quote what the client sent.
const MAX_REASON: usize = 600;

/// An error response before it is serialized.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
}

/// A fault in one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// JSON pointer to the field, from the root of the item.
    #[schema(example = "/items/2/quantity")]
    pub(crate) pointer: String,
    /// Explanation of the fault.
    #[schema(example = "missing field `quantity`")]
    pub(crate) detail: String,
}

/// Problem details document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:patron:problem:unknown-field",
    "title": "Unknown field",
    "status": 422,
    "detail": "/colour: unknown field `colour`, expected one of `order_id`, `amount`",
    "instance": "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11",
    "errors": [{
        "pointer": "/colour",
        "detail": "unknown field `colour`, expected one of `order_id`, `amount`"
    }]
}))]
pub(crate) struct ProblemBody {
    /// Stable URI of the kind of problem.
    r#type: String,
    /// Short summary, the same for every problem of the kind.
    title: &'static str,
    /// HTTP status. For an item in a batch, the status that it would have got on its own.
    status: u16,
    /// Explanation of this occurrence.
    detail: Cow<'static, str>,
    /// Id of the request, as in `X-Request-Id`. Absent from the problem of an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Faults in single fields, if there are any: all faults of the item, up to 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl Problem {
    pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

    pub(crate) fn new(kind: ProblemKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// Creates a problem about one field. The field's error has `reason` as its detail.
    pub(crate) fn field(kind: ProblemKind, pointer: impl Into<String>, reason: String) -> Self {
        let error = FieldError {
            pointer: pointer.into(),
            detail: reason,
        };
        Self::fields(kind, vec![error])
    }

    /// Creates a problem about one or more fields. Lists the first [`MAX_ERRORS`], and
    /// shortens long pointers and explanations.
    pub(crate) fn fields(kind: ProblemKind, mut errors: Vec<FieldError>) -> Self {
        errors.truncate(MAX_ERRORS);
        for error in &mut errors {
            error.pointer = shortened_pointer(std::mem::take(&mut error.pointer));
            shorten(&mut error.detail, MAX_REASON);
        }
        let describe = |FieldError { pointer, detail }: &FieldError| match pointer.as_str() {
            "" => detail.clone(),
            pointer => format!("{pointer}: {detail}"),
        };
        let details: Vec<String> = errors.iter().map(describe).collect();
        Self {
            errors,
            ..Self::new(kind, details.join("; "))
        }
    }

    /// Prefixes the detail with the line of the body that holds the item.
    pub(crate) fn on_line(self, line: usize) -> Self {
        Self {
            detail: format!("line {line}: {}", self.detail).into(),
            ..self
        }
    }

    pub(crate) fn internal() -> Self {
        let detail = "the server failed; it is safe to retry the request";
        Self::new(ProblemKind::Internal, detail)
    }

    pub(crate) fn unavailable() -> Self {
        let detail = "Redis or MongoDB does not respond; the request may or may not have been \
                      carried out; it is safe to retry";
        Self::new(ProblemKind::Unavailable, detail)
    }

    pub(crate) fn out_of_memory() -> Self {
        let detail = "the log has no memory left for new data; retry later";
        Self::new(ProblemKind::OutOfMemory, detail)
    }

    /// Creates a problem for an error response that has no JSON body.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let kind = ProblemKind::of_status(status);
        Self::new(kind, kind.title())
    }

    /// Adds the errors of `other`, a check of the same item, to this problem.
    pub(crate) fn and(self, other: Result<(), Self>) -> Self {
        match other {
            Ok(()) => self,
            Err(other) => {
                let errors = self.errors.into_iter().chain(other.errors);
                Self::fields(self.kind, errors.collect())
            }
        }
    }

    pub(crate) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Returns the number of bytes in memory, about as many as in the document.
    pub(crate) fn bytes(&self) -> usize {
        let of_error =
            |error: &FieldError| size_of::<FieldError>() + error.pointer.len() + error.detail.len();
        let errors = self.errors.iter().map(of_error).sum::<usize>();
        size_of::<Self>() + self.detail.len() + errors
    }

    /// Returns the problem document. An item of a batch has no `instance`.
    pub(crate) fn into_body(self, instance: Option<&str>) -> ProblemBody {
        ProblemBody {
            r#type: format!("{}{}", ProblemKind::TYPE_PREFIX, self.kind.slug()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: self.detail,
            instance: instance.map(str::to_owned),
            errors: self.errors,
        }
    }

    /// Writes the document into a response and keeps the response's headers.
    pub(crate) fn write(self, response: &mut Response, instance: &str) {
        // Cannot fail: a struct of strings and numbers always serializes.
        let body = serde_json::to_vec(&self.into_body(Some(instance))).unwrap_or_default();
        *response.body_mut() = Body::from(body);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        let media_type = HeaderValue::from_static(Self::MEDIA_TYPE);
        headers.insert(header::CONTENT_TYPE, media_type);
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.kind.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == ProblemKind::Unauthenticated {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Log(error) => error.into(),
            CommandError::Contended(_) => {
                tracing::warn!(%error, "command not carried out because of contention");
                let detail = "too many concurrent requests change the same aggregate; the change \
                              was not made, but other items of the batch may have been recorded; \
                              it is safe to retry";
                Self::new(ProblemKind::Contended, detail)
            }
            CommandError::Unreadable { .. }
            | CommandError::Refused { .. }
            | CommandError::NoAddressKey
            | CommandError::Rendering(_) => failed(&error),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unavailable(_)
            | LogError::Closed
            | LogError::Aborted
            | LogError::Unconfirmed(_) => unavailable(&error),
            _ if error.is_other_log() => {
                tracing::error!(%error, "Redis holds another log; nothing was appended");
                let detail = "Redis lost the log or holds an older copy of it; nothing is \
                              recorded until an operator restores or accepts the log";
                Self::new(ProblemKind::OtherLog, detail)
            }
            LogError::Full => Self::out_of_memory(),
            LogError::Trimmed { .. } => Self::new(ProblemKind::Trimmed, error.to_string()),
            _ => failed(&error),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Mongo(error) => unavailable(&error),
            QueryError::TooLong(error) => {
                tracing::warn!(%error, "MongoDB query timed out");
                let detail = "the query did not complete in time; narrow it";
                Self::new(ProblemKind::Timeout, detail)
            }
            QueryError::Refused(error) => failed(&error),
            QueryError::NotBuilt(_) | QueryError::Outdated(_) => {
                Self::new(ProblemKind::ViewBehind, error.to_string())
            }
            QueryError::Log(error) => error.into(),
            QueryError::Page(error) => {
                Self::new(ProblemKind::InvalidParameter, format!("cursor: {error}"))
            }
        }
    }
}

impl From<ProjectError> for Problem {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Log(error) => error.into(),
            ProjectError::Mongo(error) => unavailable(&error),
            ProjectError::Behind { .. } => Self::new(ProblemKind::ViewBehind, error.to_string()),
            _ => failed(&error),
        }
    }
}

impl From<ReconcileError> for Problem {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Log(error) => error.into(),
            ReconcileError::Query(error) => error.into(),
        }
    }
}

impl From<WaitError> for Problem {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Mongo(error) => unavailable(&error),
            WaitError::Behind { .. } => Self::new(ProblemKind::ViewBehind, error.to_string()),
        }
    }
}

/// Returns a pointer of at most 200 bytes; the middle of a longer one is replaced by an ellipsis.
pub(crate) fn shortened_pointer(mut pointer: String) -> String {
    shorten(&mut pointer, MAX_POINTER);
    pointer
}

/// Replaces the middle of a text by an ellipsis if it is longer than `max` bytes. The end of
/// an explanation says what was expected.
fn shorten(text: &mut String, max: usize) {
    if text.len() <= max {
        return;
    }
    let begin = domain::beginning(text, max / 4);
    let from = (text.len() - max * 3 / 4..text.len()).find(|at| text.is_char_boundary(*at));
    let end = &text[from.unwrap_or(text.len())..];
    *text = format!("{begin}\u{2026}{end}");
}

fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(%error, "Redis or MongoDB does not respond");
    Problem::unavailable()
}

fn failed(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "request failed");
    Problem::internal()
}
