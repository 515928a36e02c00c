//! Body with the results of many items, which is written while it is sent: neither the whole text
//! nor results that were sent are in memory.

use std::convert::Infallible;
use std::iter::{self, Peekable};
use std::vec;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Serialize;

use crate::http::limits::AnswerMemory;

/// Size from which on a chunk is sent, in bytes.
const CHUNK: usize = 64 * 1024;

/// Returns a response with a JSON object: `begin`, which ends with the name of the last member, and
/// the results as its array. The response holds `memory` until it was sent.
pub(crate) fn results_body<T: Serialize + Send + 'static>(
    begin: String,
    results: Vec<T>,
    memory: AnswerMemory,
) -> Response {
    let mut chunks = Chunks {
        begin: Some(begin),
        results: results.into_iter().peekable(),
        _memory: memory,
    };
    let first = chunks.next().unwrap_or_default();
    let body = match chunks.results.peek() {
        None => Body::from(first),
        Some(_) => {
            let all = iter::once(first).chain(chunks);
            Body::from_stream(stream::iter(all.map(Ok::<_, Infallible>)))
        }
    };
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

/// Text of the object, in chunks. A result is dropped once it is written.
struct Chunks<T> {
    /// Text before the array, until it is written.
    begin: Option<String>,
    results: Peekable<vec::IntoIter<T>>,
    _memory: AnswerMemory,
}

impl<T: Serialize> Iterator for Chunks<T> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        match self.begin.take() {
            Some(begin) => {
                text.extend_from_slice(begin.as_bytes());
                text.push(b'[');
                if self.results.peek().is_none() {
                    text.extend_from_slice(b"]}");
                }
            }
            None => {
                self.results.peek()?;
            }
        }
        while text.len() < CHUNK
            && let Some(result) = self.results.next()
        {
            // Cannot fail: a struct of strings and numbers always serializes.
            text.extend(serde_json::to_vec(&result).unwrap_or_default());
            text.extend_from_slice(match self.results.peek() {
                Some(_) => b",",
                None => b"]}",
            });
        }
        Some(text)
    }
}
