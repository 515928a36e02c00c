//! Reads a request body within its limits.

use std::io::Read;
use std::ops::Deref;

use axum::body::{BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use futures::StreamExt;

use crate::http::limits::Reservation;
use crate::http::problem::{Problem, ProblemKind};

/// Format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    /// One object, or an array of them.
    Json,
    /// One object per line.
    Ndjson,
}

/// Returns the format that the headers declare.
///
/// # Errors
/// 415 for another media type, or a compressed body.
pub(crate) fn format(headers: &HeaderMap) -> Result<BodyFormat, Problem> {
    let expected = "the body must be application/json or application/x-ndjson";
    declared(headers)?.ok_or_else(|| unsupported(expected))
}

/// Requires that the headers declare JSON.
///
/// # Errors
/// 415 for another media type, or a compressed body.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    match declared(headers)? {
        Some(BodyFormat::Json) => Ok(()),
        Some(BodyFormat::Ndjson) | None => Err(unsupported("the body must be application/json")),
    }
}

/// Returns the declared format, `None` for any other media type.
fn declared(headers: &HeaderMap) -> Result<Option<BodyFormat>, Problem> {
    require_uncompressed(headers)?;
    let media_type = media_type(headers);
    if media_type.eq_ignore_ascii_case(b"application/json") {
        Ok(Some(BodyFormat::Json))
    } else if media_type.eq_ignore_ascii_case(b"application/x-ndjson") {
        Ok(Some(BodyFormat::Ndjson))
    } else {
        Ok(None)
    }
}

/// Requires that the headers declare a body without compression.
///
/// # Errors
/// 415 for a compressed body.
pub(crate) fn require_uncompressed(headers: &HeaderMap) -> Result<(), Problem> {
    match codings(headers).next() {
        None => Ok(()),
        Some(_) => Err(unsupported("the body must not be compressed")),
    }
}

/// Returns the codings of the body in the order in which they were applied. There may be
/// several headers, and each may be a list (RFC 9110).
fn codings(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let is_coding =
        |coding: &&[u8]| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity");
    codings.map(<[u8]>::trim_ascii).filter(is_coding)
}

/// Returns the declared media type without its parameters; empty if there is none, or more
/// than one, since another server might read the body by the other.
pub(crate) fn media_type(headers: &HeaderMap) -> &[u8] {
    let mut declared = headers.get_all(header::CONTENT_TYPE).iter();
    let declared = match (declared.next(), declared.next()) {
        (Some(only), None) => Some(only.as_bytes()),
        _ => None,
    };
    let media_type = declared.and_then(|value| value.split(|byte| *byte == b';').next());
    media_type.unwrap_or_default().trim_ascii()
}

/// Returns whether the headers declare a body that is compressed with gzip.
///
/// # Errors
/// 415 for another coding.
pub(crate) fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    let mut codings = codings(headers);
    let is_gzip = |coding: &[u8]| {
        coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip")
    };
    match (codings.next(), codings.next()) {
        (None, _) => Ok(false),
        (Some(coding), None) if is_gzip(coding) => Ok(true),
        _ => Err(unsupported(
            "the body must be compressed once with gzip, or not at all",
        )),
    }
}

/// Complete body, with the memory reserved for it.
#[derive(Debug)]
pub(crate) struct CompleteBody {
    bytes: Bytes,
    _reservation: Reservation,
}

impl Deref for CompleteBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Number of bytes that are decompressed, and for which memory is reserved, at once.
const INFLATED: usize = 64 * 1024;

/// Decompresses a body that is compressed with gzip.
///
/// # Errors
/// 413 for more than `limit` bytes, 400 for a body that is not gzip, 503 if there is no
/// memory for it.
pub(crate) fn inflate(body: CompleteBody, limit: usize) -> Result<CompleteBody, Problem> {
    let CompleteBody {
        bytes,
        _reservation: mut reservation,
    } = body;
    let mut whole = Vec::new();
    let mut decoder = MultiGzDecoder::new(&bytes[..]);
    loop {
        reservation.grow(INFLATED)?;
        let read = decoder
            .by_ref()
            .take(INFLATED as u64)
            .read_to_end(&mut whole);
        let read = read.map_err(|error| malformed(format!("the body is not gzip: {error}")))?;
        if whole.len() > limit {
            return Err(too_large(limit));
        }
        if read == 0 {
            break;
        }
    }
    reservation.complete();
    Ok(CompleteBody {
        bytes: whole.into(),
        _reservation: reservation,
    })
}

/// Reads the complete body, with its memory accounted to `reservation`.
///
/// # Errors
/// 413 for a body of more than `limit` bytes, 400 for an incomplete one, 503 if there
/// is no memory for it.
pub(crate) async fn read(
    request: Request,
    mut reservation: Reservation,
    limit: usize,
) -> Result<CompleteBody, Problem> {
    let bytes = collect(request, &mut reservation, limit).await?;
    reservation.complete();
    Ok(CompleteBody {
        bytes,
        _reservation: reservation,
    })
}

async fn collect(
    request: Request,
    reservation: &mut Reservation,
    limit: usize,
) -> Result<Bytes, Problem> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    let declared: usize = declared.unwrap_or_default();
    if declared > limit && request.headers().contains_key(header::EXPECT) {
        // The client waits for `100 Continue` and has not sent the body.
        return Err(too_large(limit));
    }
    let mut chunks = request.into_body().into_data_stream();
    let first = next(&mut chunks).await?.unwrap_or_default();
    reservation.grow(first.len())?;
    let Some(second) = next(&mut chunks).await? else {
        // Common case: a body of one chunk is not copied.
        return check(first, limit);
    };
    reservation.grow(second.len())?;
    let capacity = reservation.initial_capacity(declared.min(limit));
    let mut whole = Vec::with_capacity(capacity.max(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(chunk) = next(&mut chunks).await? {
        if whole.len() + chunk.len() > limit {
            drop(whole);
            discard(chunks).await;
            return Err(too_large(limit));
        }
        reservation.grow(chunk.len())?;
        make_space(&mut whole, chunk.len(), limit);
        whole.extend_from_slice(&chunk);
    }
    check(whole.into(), limit)
}

/// Reads a body of at most `most` bytes. Returns `None` as soon as it is longer, and
/// if it is incomplete.
pub(crate) async fn read_short(chunks: &mut BodyDataStream, most: usize) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(chunk) = next(chunks).await.ok()? {
        if whole.len() + chunk.len() > most {
            return None;
        }
        whole.extend_from_slice(&chunk);
    }
    Some(whole)
}

/// Doubles the capacity if it is too small, up to the limit of a body.
fn make_space(whole: &mut Vec<u8>, bytes: usize, limit: usize) {
    let needed = whole.len() + bytes;
    if needed > whole.capacity() {
        let capacity = (2 * whole.capacity()).min(limit).max(needed);
        whole.reserve_exact(capacity - whole.len());
    }
}

/// Returns the body as text.
///
/// # Errors
/// 400 for a body that is empty or not UTF-8.
pub(crate) fn text(body: &[u8]) -> Result<&str, Problem> {
    if body.trim_ascii().is_empty() {
        return Err(malformed("the body is empty".to_owned()));
    }
    std::str::from_utf8(body).map_err(|error| malformed(format!("the body is not UTF-8: {error}")))
}

fn check(body: Bytes, limit: usize) -> Result<Bytes, Problem> {
    if body.len() > limit {
        return Err(too_large(limit));
    }
    Ok(body)
}

async fn next(chunks: &mut BodyDataStream) -> Result<Option<Bytes>, Problem> {
    let broken = |_| malformed("the body is incomplete".to_owned());
    chunks.next().await.transpose().map_err(broken)
}

/// Maximum number of bytes that are drained from a rejected body.
const DISCARDED: usize = 64 * 1024 * 1024;

/// Drains the body. A client that is still sending when the connection closes may
/// never read the response.
pub(crate) async fn discard(mut chunks: BodyDataStream) {
    let mut left = DISCARDED;
    while let Some(Ok(chunk)) = chunks.next().await {
        let Some(less) = left.checked_sub(chunk.len()) else {
            return;
        };
        left = less;
    }
}

fn malformed(detail: String) -> Problem {
    Problem::new(ProblemKind::MalformedBody, detail)
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("a body has at most {limit} bytes");
    Problem::new(ProblemKind::BodyTooLarge, detail)
}

fn unsupported(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::UnsupportedMediaType, detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;
    use futures::executor::block_on;

    use super::*;
    use crate::http::limits::BodyBudget;

    fn of(content_type: &'static str) -> Result<BodyFormat, ProblemKind> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_static(content_type);
        headers.insert(header::CONTENT_TYPE, value);
        format(&headers).map_err(|problem| problem.kind())
    }

    #[test]
    fn the_media_type_determines_the_format() {
        assert_eq!(of("application/json"), Ok(BodyFormat::Json));
        assert_eq!(of("Application/JSON; charset=utf-8"), Ok(BodyFormat::Json));
        assert_eq!(of("application/x-ndjson"), Ok(BodyFormat::Ndjson));
        for other in ["", "text/csv", "application/jsonx", "application/xml"] {
            assert_eq!(of(other), Err(ProblemKind::UnsupportedMediaType), "{other}");
        }
        assert!(format(&HeaderMap::new()).is_err());
        assert!(require_json(&HeaderMap::new()).is_err());
    }

    #[test]
    fn all_codings_of_a_body_count() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_static(value);
                headers.append(header::CONTENT_ENCODING, value);
            }
            headers
        };
        let of = |values: &[&'static str]| {
            let headers = headers(values);
            let is_plain = require_uncompressed(&headers).is_ok();
            (is_plain, is_gzip(&headers).ok())
        };
        for plain in [&[][..], &["identity"], &["Identity, ", "identity"]] {
            assert_eq!(of(plain), (true, Some(false)), "{plain:?}");
        }
        for once in [&["gzip"][..], &["X-Gzip"], &["identity", "gzip"]] {
            assert_eq!(of(once), (false, Some(true)), "{once:?}");
        }
        for other in [
            &["gzip, gzip"][..],
            &["gzip", "gzip"],
            &["br"],
            &["gzip,br"],
        ] {
            assert_eq!(of(other), (false, None), "{other:?}");
        }
    }

    #[test]
    fn a_body_is_read_up_to_its_limit() {
        let chunked = |budget, count| {
            let chunks = futures::stream::iter((0..count).map(|_| Ok::<_, String>("12345")));
            let request = Request::new(Body::from_stream(chunks));
            let read = block_on(read(request, BodyBudget::new(budget).reserve(), 15));
            let read = read.map_err(|problem| problem.kind());
            read.map(|payload| String::from_utf8(payload.to_vec()).unwrap())
        };
        for count in 0..=3 {
            assert_eq!(chunked(15, count), Ok("12345".repeat(count)));
        }
        for count in 4..=9 {
            assert_eq!(chunked(15, count), Err(ProblemKind::BodyTooLarge));
        }
        assert_eq!(chunked(14, 3), Err(ProblemKind::Busy));
    }

    #[test]
    fn a_compressed_body_is_limited_by_its_content() {
        let gzip = |text: &[u8]| {
            let mut encoder = flate2::read::GzEncoder::new(text, flate2::Compression::fast());
            let mut compressed = Vec::new();
            encoder.read_to_end(&mut compressed).unwrap();
            compressed
        };
        let inflate = |bytes: Vec<u8>, budget| {
            let body = CompleteBody {
                bytes: bytes.into(),
                _reservation: BodyBudget::new(budget).reserve(),
            };
            let inflated = inflate(body, 200_000).map_err(|problem| problem.kind());
            inflated.map(|body| body.to_vec())
        };
        let text = b"abc".repeat(60_000);
        assert_eq!(inflate(gzip(&text), 1 << 20), Ok(text.clone()));
        let zeros = gzip(&vec![0; 10_000_000]);
        assert!(zeros.len() < 100_000, "a bomb");
        let bomb = inflate(zeros, 1 << 20);
        assert_eq!(bomb, Err(ProblemKind::BodyTooLarge));
        assert_eq!(inflate(gzip(&text), 100_000), Err(ProblemKind::Busy));
        let cut = gzip(&text)[..20].to_vec();
        assert_eq!(inflate(cut, 1 << 20), Err(ProblemKind::MalformedBody));
        let plain = b"{}".to_vec();
        assert_eq!(inflate(plain, 1 << 20), Err(ProblemKind::MalformedBody));
    }

    #[test]
    fn an_empty_or_non_utf8_body_is_rejected() {
        for empty in ["", " \r\n"] {
            assert!(text(empty.as_bytes()).is_err());
        }
        assert!(text(b"{\"a\": \"\xff\"}").is_err());
    }
}
