//! Answers to requests whose head cannot be read.
//!
//! hyper answers them itself, with a status and nothing else, and has no hook to change that. This
//! stream is between hyper and the socket. Bytes that hyper writes while no request is open are
//! such an answer, and are replaced.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::http::{StatusCode, header};
use axum::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::exchange::Exchanges;
use super::limits;
use super::problem::{Problem, ProblemKind};

/// Maximum time for which the rest of an unreadable request is read. A client that is still sending
/// when the connection closes may never read the answer.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Maximum number of bytes of an unreadable request that are read.
const DRAIN_BYTES: usize = 4 * 1024 * 1024;

/// Future of an answer as it is sent.
type Answer = Pin<Box<dyn Future<Output = Bytes> + Send>>;

/// Stream of a connection, with answers to unreadable heads.
pub(crate) struct UnreadableHeads<S> {
    stream: S,
    exchanges: Exchanges,
    answer: Box<dyn Fn(Problem) -> Answer + Send>,
    state: State,
}

enum State {
    /// Bytes that hyper writes are sent.
    Passing,
    /// Bytes that hyper writes are dropped, and our own response is built.
    Answering(Answer),
    /// Our own response is sent.
    Sending(Bytes),
    /// The answer was sent; what the client sends is dropped.
    Draining { left: usize, until: Pin<Box<Sleep>> },
}

impl<S: AsyncRead + AsyncWrite + Unpin> UnreadableHeads<S> {
    /// Wraps a stream. `answer` returns the response to a problem.
    pub(crate) fn new<F>(
        stream: S,
        exchanges: Exchanges,
        answer: impl Fn(Problem) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        Self {
            stream,
            exchanges,
            answer: Box::new(move |problem| {
                let answer = answer(problem);
                Box::pin(async move { serialize(answer.await).await })
            }),
            state: State::Passing,
        }
    }

    /// Returns true if hyper's bytes are dropped, since they are no response to a request.
    fn intercepts(&mut self, first: &[u8]) -> bool {
        if matches!(self.state, State::Passing) {
            if !self.exchanges.is_idle() {
                return false;
            }
            self.state = State::Answering((self.answer)(problem_of(first)));
        }
        true
    }

    /// Sends the answer, if there is one.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.state {
                State::Passing | State::Draining { .. } => return Poll::Ready(Ok(())),
                State::Answering(answer) => {
                    self.state = State::Sending(ready!(answer.as_mut().poll(context)));
                }
                State::Sending(bytes) if bytes.is_empty() => {
                    self.state = State::Draining {
                        left: DRAIN_BYTES,
                        until: Box::pin(sleep(DRAIN_TIME)),
                    };
                }
                State::Sending(bytes) => {
                    let stream = Pin::new(&mut self.stream);
                    let sent = ready!(stream.poll_write(context, bytes))?;
                    if sent == 0 {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                    *bytes = bytes.slice(sent..);
                }
            }
        }
    }

    /// Reads what the client still sends, within limits.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Draining { left, until } = &mut self.state else {
            return Poll::Ready(());
        };
        let mut scratch = [0; 8 * 1024];
        while *left > 0 && until.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            let stream = Pin::new(&mut self.stream);
            match ready!(stream.poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    *left = left.saturating_sub(buffer.filled().len());
                }
                // The client has sent everything, or is gone.
                _ => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }
}

/// Returns the problem for the beginning of hyper's own answer.
fn problem_of(answer: &[u8]) -> Problem {
    let status = answer
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    let status = status.and_then(|status| StatusCode::from_bytes(status).ok());
    match status {
        Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG) => {
            let (headers, bytes) = (limits::MAX_HEADERS, limits::MAX_HEAD);
            let detail = format!("a request head has at most {headers} headers and {bytes} bytes");
            Problem::new(ProblemKind::HeadTooLarge, detail)
        }
        _ => {
            let detail = "the request line or a header is not valid HTTP/1.1";
            Problem::new(ProblemKind::MalformedRequest, detail)
        }
    }
}

/// Returns a response as it is sent, the last one of its connection.
async fn serialize(response: Response) -> Bytes {
    let (parts, body) = response.into_parts();
    // Cannot fail: the body is a problem document in memory.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        if name != header::CONTENT_LENGTH {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
    }
    let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    let length = body.len();
    let rest = format!("connection: close\r\ncontent-length: {length}\r\ndate: {date}\r\n\r\n");
    bytes.extend_from_slice(rest.as_bytes());
    bytes.extend_from_slice(&body);
    bytes.into()
}

impl<S: AsyncRead + Unpin> AsyncRead for UnreadableHeads<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UnreadableHeads<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.intercepts(bytes) {
            true => Poll::Ready(Ok(bytes.len())),
            false => Pin::new(&mut self.stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        match self.intercepts(first.map_or(&[], |slice| &**slice)) {
            true => Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum())),
            false => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(context))?;
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.exchanges.note_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(context))?;
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        ready!(self.poll_drain(context));
        Poll::Ready(Ok(()))
    }
}
