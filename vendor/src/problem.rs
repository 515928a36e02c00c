//! Problem details (RFC 9457), and the parsing of request bodies.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

/// Problem document of a refused request. `slug` is the kind, the end of its `type`.
#[derive(Debug)]
pub(crate) struct VendorProblem {
    status: StatusCode,
    slug: &'static str,
    detail: String,
    errors: Vec<InvalidField>,
    retry_after_s: Option<u64>,
}

/// Error of one field; `pointer` is a JSON pointer.
#[derive(Debug, Serialize)]
pub(crate) struct InvalidField {
    pub(crate) pointer: String,
    pub(crate) detail: String,
}

impl VendorProblem {
    pub(crate) fn new(status: StatusCode, slug: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            slug,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    /// Returns a 422 that names the invalid fields.
    pub(crate) fn fields(errors: Vec<InvalidField>) -> Self {
        Self {
            errors,
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-request",
                "some fields are invalid",
            )
        }
    }

    /// Returns a 503 with `Retry-After`.
    pub(crate) fn unavailable(slug: &'static str, detail: &str, retry_after_s: u64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, slug, detail)
        }
    }
}

/// Parses the body as JSON of `T`.
///
/// # Errors
/// Returns a 415 if the content type is not JSON, a 400 if the body is not JSON, and a 422 if its
/// fields or types are not those of `T`.
pub(crate) fn parse<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, VendorProblem> {
    let declared = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let media_type = declared.and_then(|value| value.split(|byte| *byte == b';').next());
    let is_json = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"application/json");
    if !media_type.is_some_and(is_json) {
        return Err(VendorProblem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body must be application/json",
        ));
    }
    let body = body.map_err(|rejection| {
        VendorProblem::new(rejection.status(), "unreadable-body", rejection.body_text())
    })?;
    let mut json = serde_json::Deserializer::from_slice(&body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        let error = error.into_inner();
        match error.is_data() {
            true => invalid_field(pointer, &error),
            false => malformed(&error),
        }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(parsed)
}

/// Parses a JSON value as `T`.
///
/// # Errors
/// Returns a 422 that names the field if the value does not fit `T`.
pub(crate) fn parse_value<T: DeserializeOwned>(
    value: serde_json::Value,
) -> Result<T, VendorProblem> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| invalid_field(pointer(error.path()), error.inner()))
}

fn malformed(error: &serde_json::Error) -> VendorProblem {
    VendorProblem::new(StatusCode::BAD_REQUEST, "malformed-json", error.to_string())
}

fn invalid_field(pointer: String, error: &serde_json::Error) -> VendorProblem {
    VendorProblem::fields(vec![InvalidField {
        pointer,
        detail: error.to_string(),
    }])
}

fn pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

/// Members of a problem document.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [InvalidField],
}

impl IntoResponse for VendorProblem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: format!("urn:patron:vendor:{}", self.slug),
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let mut response = (self.status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
