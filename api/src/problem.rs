//! Every refusal as RFC 9457 `application/problem+json`.
//!
//! Handlers and extractors answer with a [`Problem`] of one of the
//! [`ProblemKind`]s. What it says is for the client; why it came to that is
//! for the log, and is told where the problem is made. [`crate::observe`] knows
//! the request's id and writes the body.

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

/// Declares the kinds; add to the list below.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $status:ident $slug:literal $title:literal;)*) => {
        /// What can go wrong with a request. The slug of a kind never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemKind {
            $($(#[doc = $doc])* $name,)*
        }

        impl ProblemKind {
            /// All kinds, by status.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The last part of `type`.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The same for every problem of the kind.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The answer's status.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }
        }
    };
}

kinds! {
    /// The body, or a line of it, is not JSON.
    MalformedJson = BAD_REQUEST "malformed-json" "Malformed JSON";
    /// The body is empty, not UTF-8, or ended before its time.
    MalformedBody = BAD_REQUEST "malformed-body" "Malformed body";
    /// A parameter of the path, the query or a header is not acceptable, or one
    /// of the query not known.
    InvalidParameter = BAD_REQUEST "invalid-parameter" "Invalid parameter";
    /// The operation takes no body.
    UnexpectedBody = BAD_REQUEST "unexpected-body" "Unexpected body";
    /// Nobody was signed in: what came back from the provider is not what this
    /// browser set out with, or not to be believed.
    SignInFailed = BAD_REQUEST "sign-in-failed" "Sign-in failed";
    /// The request brings no credential that is known.
    Unauthenticated = UNAUTHORIZED "unauthenticated" "Not authenticated";
    /// The signature is not one that our vendor made of this body, or is old.
    BadSignature = UNAUTHORIZED "bad-signature" "Bad signature";
    /// The credential's role may not do that.
    Forbidden = FORBIDDEN "forbidden" "Not allowed";
    /// A write with a session's cookie comes from another site's page.
    CrossSite = FORBIDDEN "cross-site" "Cross-site request";
    /// Who signed in is nobody whom Patron lets in.
    NotAdmitted = FORBIDDEN "not-admitted" "Not admitted";
    /// There is no such thing.
    NotFound = NOT_FOUND "not-found" "Not found";
    /// A receipt is about a message that there is not.
    UnknownMessage = NOT_FOUND "unknown-message" "Unknown message";
    /// The path exists, but not with this method; `Allow` lists those it has.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method-not-allowed" "Method not allowed";
    /// Something needs what is to be archived.
    InUse = CONFLICT "in-use" "In use";
    /// What is to be changed or used is archived.
    Archived = CONFLICT "archived" "Archived";
    /// From how far a campaign is, what is asked is not possible.
    ImpossibleTransition = CONFLICT "impossible-transition" "Impossible transition";
    /// What is asked for comes with a campaign's launch.
    NotLaunched = CONFLICT "not-launched" "Not launched";
    /// The same `Idempotency-Key` came before, with other content.
    IdempotencyConflict = CONFLICT "idempotency-conflict" "Idempotency key used before";
    /// What is asked for needs events that were trimmed from the log.
    Trimmed = GONE "trimmed" "Trimmed from the log";
    /// The body has more bytes than are taken.
    BodyTooLarge = PAYLOAD_TOO_LARGE "body-too-large" "Body too large";
    /// The body has more items than are taken at once.
    TooManyItems = PAYLOAD_TOO_LARGE "too-many-items" "Too many items";
    /// The body is of another media type than those taken.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "Unsupported media type";
    /// An object has a field that is not known.
    UnknownField = UNPROCESSABLE_ENTITY "unknown-field" "Unknown field";
    /// A field is missing, has another type, or a value out of bounds.
    InvalidField = UNPROCESSABLE_ENTITY "invalid-field" "Invalid field";
    /// Each field is acceptable, but a rule is against the whole.
    Refused = UNPROCESSABLE_ENTITY "refused" "Refused by a rule";
    /// The result of a job has more bytes than can be kept.
    ResultTooLarge = UNPROCESSABLE_ENTITY "result-too-large" "Result too large";
    /// A request in plain words means no rules, as far as can be told.
    NotUnderstood = UNPROCESSABLE_ENTITY "not-understood" "Not understood";
    /// The request's head has more bytes than are taken.
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE "head-too-large" "Head too large";
    /// More requests came in a second than are taken.
    TooManyRequests = TOO_MANY_REQUESTS "too-many-requests" "Too many requests";
    /// The program failed. What happened is in its log, under the request's id.
    Internal = INTERNAL_SERVER_ERROR "internal" "Internal error";
    /// Redis or MongoDB does not answer.
    Unavailable = SERVICE_UNAVAILABLE "unavailable" "Temporarily unavailable";
    /// Redis holds another log than the one that the views were folded from,
    /// or an older copy of it.
    OtherLog = SERVICE_UNAVAILABLE "other-log" "Redis holds another log";
    /// The language model does not answer, and nobody else can.
    ModelUnavailable = SERVICE_UNAVAILABLE "model-unavailable" "Model unavailable";
    /// The log is short of memory: nothing new is taken until there is more.
    OutOfMemory = SERVICE_UNAVAILABLE "out-of-memory" "Out of memory";
    /// Others kept changing the same customer, order or other thing.
    Contended = SERVICE_UNAVAILABLE "contended" "Contended";
    /// Others are at what takes much, and it was not this request's turn.
    Busy = SERVICE_UNAVAILABLE "busy" "Busy";
    /// The process that ran a job ended before the job did.
    Interrupted = SERVICE_UNAVAILABLE "interrupted" "Interrupted";
    /// The view has not reached the positions of `after` in time.
    ViewBehind = SERVICE_UNAVAILABLE "view-behind" "View behind";
    /// The request took longer than a request may.
    Timeout = SERVICE_UNAVAILABLE "timeout" "Timed out";
}

impl ProblemKind {
    /// What `type` begins with, before the slug.
    pub const TYPE_PREFIX: &str = "urn:patron:problem:";

    /// For an answer that has a status of error and nothing else to say.
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            status if status.is_client_error() => Self::InvalidParameter,
            _ => Self::Internal,
        }
    }

    /// After how many seconds the same request may succeed.
    fn retry_after(self) -> Option<u16> {
        match self {
            Self::ViewBehind | Self::TooManyRequests | Self::Contended => Some(1),
            Self::Unavailable | Self::Busy | Self::Interrupted | Self::Timeout => Some(2),
            Self::OutOfMemory | Self::OtherLog | Self::ModelUnavailable => Some(10),
            _ => None,
        }
    }
}

/// The most faults of one item that a problem lists.
pub(crate) const MAX_ERRORS: usize = 20;

/// A refusal on its way to the client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// A JSON pointer to the field, from the item's top.
    #[schema(example = "/items/2/quantity")]
    pub(crate) pointer: String,
    /// What is wrong with it.
    #[schema(example = "missing field `quantity`")]
    pub(crate) detail: String,
}

/// The members of a problem document.
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
    /// A stable URI that names the kind of problem.
    r#type: String,
    /// The same for every problem of the kind.
    title: &'static str,
    /// The HTTP status; of an item in a batch, the one it alone would have got.
    status: u16,
    /// What is wrong this time.
    detail: Cow<'static, str>,
    /// The request's id, as in `X-Request-Id`. Not within an item's problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Which fields are wrong, where fields are: all of the item's, up to 20.
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

    /// About one field; `reason` alone goes beside the pointer.
    pub(crate) fn field(kind: ProblemKind, pointer: impl Into<String>, reason: String) -> Self {
        let error = FieldError {
            pointer: pointer.into(),
            detail: reason,
        };
        Self::fields(kind, vec![error])
    }

    /// About several fields, at least one; [`MAX_ERRORS`] of them are told.
    pub(crate) fn fields(kind: ProblemKind, mut errors: Vec<FieldError>) -> Self {
        errors.truncate(MAX_ERRORS);
        let line = |FieldError { pointer, detail }: &FieldError| match pointer.as_str() {
            "" => detail.clone(),
            pointer => format!("{pointer}: {detail}"),
        };
        let lines: Vec<String> = errors.iter().map(line).collect();
        Self {
            errors,
            ..Self::new(kind, lines.join("; "))
        }
    }

    /// Of an item that stands on this line of the body.
    pub(crate) fn on_line(self, line: usize) -> Self {
        Self {
            detail: format!("line {line}: {}", self.detail).into(),
            ..self
        }
    }

    pub(crate) fn internal() -> Self {
        let detail = "the server failed; sending the request again is safe";
        Self::new(ProblemKind::Internal, detail)
    }

    pub(crate) fn unavailable() -> Self {
        let detail = "an engine behind the server does not answer; sending the request again is \
                      safe, whether it was carried out or not";
        Self::new(ProblemKind::Unavailable, detail)
    }

    pub(crate) fn out_of_memory() -> Self {
        let detail = "the log has no memory left for new data; send the request again later";
        Self::new(ProblemKind::OutOfMemory, detail)
    }

    /// For an answer without a body worth reading.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let kind = ProblemKind::of_status(status);
        Self::new(kind, kind.title())
    }

    /// This and what else is wrong with the same item.
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

    pub(crate) fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The document's members; without `instance` for an item of a batch.
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

    /// Writes the document into an answer, whose headers stay.
    pub(crate) fn write(self, response: &mut Response, instance: &str) {
        // A struct of texts and numbers always has a JSON form.
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
                tracing::warn!(%error, "a command was not carried out");
                let detail = "too many concurrent requests change the same thing; this one was not \
                              carried out, items of its batch on other things may have been; \
                              sending it again is safe";
                Self::new(ProblemKind::Contended, detail)
            }
            CommandError::Unreadable { .. } | CommandError::Rendering(_) => failed(&error),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unavailable(_)
            | LogError::Closed
            | LogError::Aborted
            | LogError::Unconfirmed(_) => away(&error),
            _ if error.is_other_log() => other_log(&error),
            LogError::Full => Self::out_of_memory(),
            LogError::Trimmed { .. } => Self::new(ProblemKind::Trimmed, error.to_string()),
            _ => failed(&error),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Mongo(error) => away(&error),
            QueryError::TooLong(error) => {
                tracing::warn!(%error, "a question took too long");
                let detail = "the answer was not found in time; ask for less";
                Self::new(ProblemKind::Timeout, detail)
            }
            QueryError::Refused(error) => failed(&error),
            QueryError::NotBuilt(_) => Self::new(ProblemKind::ViewBehind, error.to_string()),
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
            ProjectError::Mongo(error) => away(&error),
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
            WaitError::Mongo(error) => away(&error),
            WaitError::Behind { .. } => Self::new(ProblemKind::ViewBehind, error.to_string()),
        }
    }
}

fn other_log(error: &LogError) -> Problem {
    tracing::error!(%error, "Redis holds another log; nothing was appended");
    let detail = "Redis lost the log or holds an older copy of it; nothing was recorded, and \
                  nothing will be until an operator restores or accepts it";
    Problem::new(ProblemKind::OtherLog, detail)
}

fn away(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(%error, "an engine does not answer");
    Problem::unavailable()
}

fn failed(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a request failed");
    Problem::internal()
}
