//! State of a connection: whether the next bytes that are sent belong to the response to a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::Response;

use super::holding_body::holding;

/// Exchanges of one connection, of which there is at most one at a time: HTTP/1.1 answers requests
/// in order, and hyper reads no head before the response to the previous request has ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exchanges(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    /// A request was read, and its response has not ended.
    is_open: AtomicBool,
    /// A request was read since everything was last sent.
    has_begun: AtomicBool,
}

impl Exchanges {
    /// Begins an exchange, with a request that was read.
    pub(crate) fn begin(&self) -> Exchange {
        self.0.has_begun.store(true, Ordering::Relaxed);
        self.0.is_open.store(true, Ordering::Relaxed);
        Exchange(self.clone())
    }

    /// Notes that all bytes so far were sent.
    pub(super) fn note_flushed(&self) {
        let is_open = self.0.is_open.load(Ordering::Relaxed);
        self.0.has_begun.store(is_open, Ordering::Relaxed);
    }

    /// Returns whether the next bytes belong to no request.
    pub(super) fn is_idle(&self) -> bool {
        !self.0.has_begun.load(Ordering::Relaxed)
    }
}

/// Exchange that is open until it is dropped.
#[derive(Debug)]
pub(crate) struct Exchange(Exchanges);

impl Exchange {
    /// Keeps the exchange open until the body of the response was taken.
    pub(crate) fn until_end_of(self, response: Response) -> Response {
        response.map(|body| holding(body, self))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.0.is_open.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn an_exchange_lasts_until_its_response_was_sent() {
        let exchanges = Exchanges::default();
        assert!(exchanges.is_idle());
        let exchange = exchanges.begin();
        exchanges.note_flushed();
        assert!(!exchanges.is_idle(), "the response has not ended");
        let response = exchange.until_end_of("text".into_response());
        drop(response);
        assert!(!exchanges.is_idle(), "the response was not sent");
        exchanges.note_flushed();
        assert!(exchanges.is_idle());
    }
}
