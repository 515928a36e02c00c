//! Memory of answers: what a client reads slowly, or not at all, counts towards a budget.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::http::limits::AnswerMemory;
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
    response.map(|body| {
        Body::new(CountedBody {
            body,
            _memory: memory,
        })
    })
}

fn is_counted(response: &Response) -> bool {
    let headers = response.headers();
    let media_type = headers.get(header::CONTENT_TYPE);
    let is_stream = media_type.is_some_and(|media_type| media_type == "text/event-stream");
    !is_stream && !headers.contains_key(position::HEADER)
}

/// Body that holds memory until it is dropped.
struct CountedBody {
    body: Body,
    _memory: AnswerMemory,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
