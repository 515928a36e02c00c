//! Memory of answers: what a client reads slowly, or not at all, counts towards a budget.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Body as _;

use crate::http::holding_body::holding;
use crate::http::position;
use crate::identity::Actor;
use crate::state::AppState;

/// Bytes that an answer of unknown length counts: it is made in parts, and only one of them is in
/// memory.
const STREAMED: usize = 1024 * 1024;

/// Middleware inside [`crate::identity::access::guard`], which adds the actor. Counts the memory of
/// an answer until the client has read it, and refuses an answer beyond the budget.
///
/// Event streams have a limit of their own, and the answers to writes are counted before the write
/// is carried out, so that no write is answered with a refusal.
pub(crate) async fn count(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Actor>();
    let caller = caller.map(|actor| actor.name.clone());
    let response = next.run(request).await;
    let Some(caller) = caller.filter(|_| is_counted(&response)) else {
        return response;
    };
    let bytes = response.body().size_hint().exact();
    let bytes = bytes.map_or(STREAMED, |bytes| {
        usize::try_from(bytes).unwrap_or(usize::MAX)
    });
    let mut memory = app.answer_budget.open(&caller);
    if let Err(problem) = memory.grow(bytes) {
        return problem.into_response();
    }
    response.map(|body| holding(body, memory))
}

fn is_counted(response: &Response) -> bool {
    let headers = response.headers();
    let media_type = headers.get(header::CONTENT_TYPE);
    let is_stream = media_type.is_some_and(|media_type| media_type == "text/event-stream");
    !is_stream && !headers.contains_key(position::HEADER)
}
