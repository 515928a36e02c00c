//! Receipt that waits to be posted.

use tokio::sync::oneshot;

use crate::message::Number;

/// Receipt to post, `after_ms` milliseconds after it is scheduled.
pub(crate) struct DueReceipt {
    pub(crate) number: Number,
    pub(crate) after_ms: u64,
    /// True if the post is the second one of a duplicated receipt.
    pub(crate) is_duplicate: bool,
    /// Dropped after the first attempt, which wakes the waiting response.
    posted: Option<oneshot::Sender<()>>,
}

impl DueReceipt {
    pub(crate) fn first(number: Number, after_ms: u64) -> Self {
        Self {
            number,
            after_ms,
            is_duplicate: false,
            posted: None,
        }
    }

    pub(crate) fn duplicate(number: Number, after_ms: u64) -> Self {
        Self {
            is_duplicate: true,
            ..Self::first(number, after_ms)
        }
    }

    /// Returns a receiver that ends after the first attempt to post the receipt, acknowledged or
    /// not.
    pub(crate) fn notify_when_posted(&mut self) -> oneshot::Receiver<()> {
        let (posted, when_posted) = oneshot::channel();
        self.posted = Some(posted);
        when_posted
    }

    /// Records an attempt, which wakes the response that waits for it.
    pub(crate) fn mark_attempted(&mut self) {
        self.posted = None;
    }
}
